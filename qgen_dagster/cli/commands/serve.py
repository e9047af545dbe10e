"""`qgen serve`: the dashboard and the admin API on an address.

Not here: the API (`api/`), starting it together with Dagster (`up.py`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from qgen_dagster.cli.app import Command, make_app

HOST = "127.0.0.1"
DEFAULT_PORT = 3001
EXAMPLES = """
Examples:
  QGEN_SERVICE_KEYS=me:write:$KEY qgen serve --host 0.0.0.0
  qgen serve --insecure-local            no keys, this machine only

A key: python -c 'import secrets; print(secrets.token_urlsafe(32))'
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
def serve(
    port: Annotated[int, typer.Option(metavar="PORT", min=1, max=65_535, help="Where to listen.")] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Who may reach it; 0.0.0.0 is everybody.")] = HOST,
    insecure_local: Annotated[
        bool, typer.Option("--insecure-local", help="Ask for no key; loopback addresses only.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show logs, and where an error came from.")] = False,
) -> None:
    """Serve the dashboard (/) and the admin API (described at /docs) until Ctrl-C.

    Whoever asks needs a key of QGEN_SERVICE_KEYS: in the header X-Service-Key, or, for the dashboard, to log in with.
    """
    from qgen_dagster.api.app import THREADS
    from qgen_dagster.api.server import keys_for
    from qgen_dagster.api.server import serve as listen
    from qgen_dagster.cli.commands.up import address_of, check_port, say
    from qgen_dagster.cli.logs import configure
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    configure(settings.log_format, verbose=verbose)
    keys = keys_for(settings, host, insecure_local=insecure_local)
    check_port(host, port, "qgen serve")
    with open_bank(settings, connections=THREADS) as bank:
        page = address_of(host, port)
        listen(
            bank,
            settings,
            keys,
            host,
            port,
            lambda: say(f"Dashboard  {page}\nAdmin API  {page}/docs\nCtrl-C stops it."),
        )
    say("Stopped.")
