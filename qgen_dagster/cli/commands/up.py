"""`qgen up`: database, Dagster's web page and daemon, dashboard and admin API with one command.

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
DEFAULT_API_PORT = 3001
EXAMPLES = """
Examples:
  qgen up
  qgen up --port 4000 --api-port 4001
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
def up(
    port: Annotated[int, typer.Option(metavar="PORT", min=1, max=65_535, help="Of the web page.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Who may reach it; 0.0.0.0 is everybody.")] = HOST,
    api_port: Annotated[
        int, typer.Option(metavar="PORT", min=1, max=65_535, help="Of the dashboard and the admin API.")
    ] = DEFAULT_API_PORT,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show where an error came from.")] = False,
) -> None:
    """Start the database, Dagster's web page and daemon, the dashboard and the admin API; Ctrl-C stops all of them.

    The web page has no password of its own: leave --host as it is unless a proxy with a login stands before it.
    Dashboard and admin API ask for a key of QGEN_SERVICE_KEYS; without any they listen on this machine only, and ask
    for none.
    """
    from qgen_dagster.cli.commands.env import dagster_environment
    from qgen_dagster.cli.processes import Child, supervise
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.defs.instance import deploy_file

    settings = load_settings()
    check_port(host, port)
    api_host = host if settings.service_keys else HOST
    if api_port == port:
        raise ConfigurationError("--api-port: the web page has this port")
    check_port(api_host, api_port, "qgen up", "--api-port")
    logs = settings.home / "logs"
    with dagster_environment(settings) as variables:
        workspace = str(deploy_file("workspace.yaml"))
        page, api = address_of(host, port), address_of(api_host, api_port)
        # Each leads to the other; an address that was set is the one under which others reach it.
        links = {"QGEN_DAGSTER_URL": settings.dagster_url or page, "QGEN_DASHBOARD_URL": settings.dashboard_url or api}
        environ = {**os.environ, **variables, **links}
        children = [
            Child("webserver", _webserver(host, port, workspace), logs / "webserver.log"),
            Child("daemon", _daemon(workspace), logs / "daemon.log"),
            Child("api", _api(api_host, api_port, insecure=not settings.service_keys), logs / "api.log"),
        ]
        needed = "" if settings.service_keys else ", without keys"
        say(f"Database   {_where(settings.home, settings.database_url)}")
        say(f"Logs       {logs}")
        say("Starting Dagster …")
        died = supervise(
            children,
            environ,
            ready=lambda: _answers(f"{page}/server_info") and _answers(f"{api}/readyz"),
            on_ready=lambda: say(
                f"Dashboard  {api}{needed}\nWeb page   {page}\nDaemon     running\nAdmin API  {api}/docs\n"
                "Ctrl-C stops it all."
            ),
            on_stop=lambda: say("\nStopping …"),
        )
    if died is not None:
        raise QgenError(
            f"the {died.child.name} ended by itself with code {died.code}; all is stopped. Its last words:\n"
            + "\n".join(f"  {line}" for line in died.last_lines),
            hint=f"The whole log: {died.child.log}",
        )
    say("Stopped.")


def address_of(host: str, port: int) -> str:
    """The URL under which this machine reaches what listens on `host`."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = HOST
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_port(host: str, port: int, command: str = "qgen up", flag: str = "--port") -> None:
    """Raises ConfigurationError when the port cannot be listened on."""
    if not host.strip():
        raise ConfigurationError("--host: names no address", hint=f"Leave --host away to listen on {HOST} only.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except PermissionError:
            raise ConfigurationError(
                f"port {port} may not be used by this account", hint=f"Take one above 1023: {command} {flag} 3000"
            ) from None
        except socket.gaierror as error:
            raise ConfigurationError(f"--host: {host!r} is not an address of this machine") from error
        except OSError as error:
            if error.errno != 98 and "in use" not in str(error):
                raise ConfigurationError(f"cannot listen on {host}:{port}: {error.strerror}") from error
            other = port + 1 if port < 65_535 else port - 1
            raise ConfigurationError(
                f"port {port} is in use", hint=f"Is {command} running already? Otherwise: {command} {flag} {other}"
            ) from None


def say(text: str) -> None:
    """A line on standard output, at once."""
    print(text, flush=True)


def _webserver(host: str, port: int, workspace: str) -> list[str]:
    return [sys.executable, "-m", "dagster_webserver", "-h", host, "-p", str(port), "-w", workspace]


def _daemon(workspace: str) -> list[str]:
    return [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace]


def _api(host: str, port: int, *, insecure: bool) -> list[str]:
    start = "from qgen_dagster.cli.main import main; main()"
    more = ["--insecure-local"] if insecure else []
    return [sys.executable, "-c", start, "serve", "--host", host, "--port", str(port), *more]


def _answers(address: str) -> bool:
    from urllib.request import ProxyHandler, build_opener

    try:
        # No proxy, whatever the environment says: it is our own address.
        with build_opener(ProxyHandler({})).open(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _where(home: Path, url: str | None) -> str:
    from qgen_dagster.cli.errors import mask

    return mask(url) if url else f"embedded, in {home}"
