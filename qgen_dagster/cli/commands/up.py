"""`qgen up`: database, Dagster's web page and daemon with one command.

Not here: watching and stopping the processes (`cli/processes.py`), the variables they get (`env.py`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.core.errors import ConfigurationError, QgenError

HOST = "127.0.0.1"
DEFAULT_PORT = 3000
EXAMPLES = """
Examples:
  qgen up
  qgen up --port 3001
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
def up(
    port: Annotated[int, typer.Option(metavar="PORT", min=1, max=65_535, help="Of the web page.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Who may reach it; 0.0.0.0 is everybody.")] = HOST,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show where an error came from.")] = False,
) -> None:
    """Start the database, Dagster's web page and its daemon; Ctrl-C stops all of them.

    The web page has no password of its own: leave --host as it is unless a proxy with a login stands before it.
    """
    from qgen_dagster.cli.commands.env import dagster_environment
    from qgen_dagster.cli.processes import Child, supervise
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.defs.instance import deploy_file

    settings = load_settings()
    check_port(host, port)
    logs = settings.home / "logs"
    with dagster_environment(settings) as variables:
        workspace = str(deploy_file("workspace.yaml"))
        environ = {**os.environ, **variables}
        children = [
            Child("webserver", _webserver(host, port, workspace), logs / "webserver.log"),
            Child("daemon", _daemon(workspace), logs / "daemon.log"),
        ]
        page = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound
        say(f"Database   {_where(settings.home, settings.database_url)}")
        say(f"Logs       {logs}")
        say("Starting Dagster …")
        died = supervise(
            children,
            environ,
            ready=lambda: _answers(page),
            on_ready=lambda: say(f"Web page   {page}\nDaemon     running\nCtrl-C stops it all."),
            on_stop=lambda: say("\nStopping …"),
        )
    if died is not None:
        raise QgenError(
            f"the {died.child.name} ended by itself with code {died.code}; all is stopped. Its last words:\n"
            + "\n".join(f"  {line}" for line in died.last_lines),
            hint=f"The whole log: {died.child.log}",
        )
    say("Stopped.")


def check_port(host: str, port: int) -> None:
    """Raises ConfigurationError when the port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:
            raise ConfigurationError(
                f"port {port} may not be used by this account", hint="Take one above 1023: qgen up --port 3000"
            ) from None
        except socket.gaierror as error:
            raise ConfigurationError(f"--host: {host!r} is not an address of this machine") from error
        except OSError as error:
            if error.errno != 98 and "in use" not in str(error):
                raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
            other = port + 1 if port < 65_535 else port - 1
            raise ConfigurationError(
                f"port {port} is in use", hint=f"Is qgen up running already? Otherwise: qgen up --port {other}"
            ) from None


def say(text: str) -> None:
    """A line on standard output, at once."""
    print(text, flush=True)


def _webserver(host: str, port: int, workspace: str) -> list[str]:
    return [sys.executable, "-m", "dagster_webserver", "-h", host, "-p", str(port), "-w", workspace]


def _daemon(workspace: str) -> list[str]:
    return [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace]


def _answers(page: str) -> bool:
    from urllib.request import ProxyHandler, build_opener

    try:
        # No proxy, whatever the environment says: it is our own address.
        with build_opener(ProxyHandler({})).open(f"{page}/server_info", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _where(home: Path, url: str | None) -> str:
    from qgen_dagster.cli.errors import mask

    return mask(url) if url else f"embedded, in {home}"
