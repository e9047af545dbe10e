"""`qgen env`: the variables that Dagster's own commands need.

Not here: starting them all with one command (`up.py`).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, with_flags

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings

EXAMPLES = """
Examples:
  eval "$(qgen env)"
  dagster-webserver -w workspace.yaml
  dagster-daemon run -w workspace.yaml
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def env(common: CommonFlags) -> None:
    """Print `export` lines for DAGSTER_HOME and the databases, to start Dagster by hand.

    The embedded database is started, brought up to date, and keeps running until `qgen db stop`. The lines hold the
    database's password where it has one.
    """
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    with dagster_environment(settings, keep=True) as variables:
        output = Output(as_json=common.json)
        output.json(variables)
        if not common.json:
            for name, value in variables.items():
                print(f"export {name}={shlex.quote(value)}")
    if not settings.database_url:
        print("The embedded database keeps running. To stop it: qgen db stop", file=sys.stderr)


@contextmanager
def dagster_environment(settings: Settings, *, keep: bool = False) -> Iterator[dict[str, str]]:
    """Both databases ready, and the variables that tell Dagster's processes about them, while the block lasts.

    With `keep`, an embedded server stays when the block is over.
    """
    from qgen_dagster.bank.embedded import EmbeddedServer
    from qgen_dagster.defs.instance import prepare_dagster_home
    from qgen_dagster.services.database import dagster_database_url, database_url, open_bank

    home = prepare_dagster_home(settings.home)
    with open_bank(settings), database_url(settings) as url, dagster_database_url(settings) as dagster_url:
        if keep and not settings.database_url:
            with EmbeddedServer.ensure(settings.home) as server:
                server.keep()
        yield {
            "QGEN_HOME": str(settings.home),
            "QGEN_DATABASE_URL": url,
            "QGEN_DAGSTER_DATABASE_URL": dagster_url,
            "DAGSTER_HOME": str(home),
        }
