"""`qgen db`: migrate, look at and stop the database.

Not here: migrations (`bank/schema.py`), the embedded server (`bank/embedded.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.confirm import confirm
from qgen_dagster.cli.flags import CommonFlags, with_flags
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings

EXAMPLES = """
Examples:
  qgen db status
  psql "$(qgen db url --plain)"
  qgen db downgrade base --yes      remove all tables and all data
"""

app = make_app(help="Migrate, look at and stop the database.", epilog=EXAMPLES)


@app.command(cls=Command)
@with_flags
def upgrade(common: CommonFlags) -> None:
    """Make both databases if they are missing, and bring the bank's tables up to this version."""
    from qgen_dagster.bank import schema
    from qgen_dagster.bank.engine import Bank
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import dagster_database_url, database_url, migrate_if_needed

    settings = load_settings()
    with database_url(settings) as url, dagster_database_url(settings) as dagster_url:
        made = schema.create_database(url)
        schema.create_database(dagster_url)  # its tables are made by the first run
        bank = Bank(url)
        try:
            before, after = migrate_if_needed(bank)
            shown = bank.shown_url
        finally:
            bank.close()
    output = Output(as_json=common.json)
    output.json({"created": made, "before": before, "after": after})
    output.show(
        f"Up to date at migration {after}: {shown}"
        if before == after
        else f"Migrated from {before or 'an empty database'} to {after}: {shown}"
    )


@app.command(cls=Command)
@with_flags
def downgrade(
    common: CommonFlags,
    revision: Annotated[str, typer.Argument(help="A migration, such as 0001; base removes everything.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Take the tables back to an earlier migration. Data that only later ones have is LOST."""
    from qgen_dagster.bank import schema
    from qgen_dagster.bank.engine import Bank
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import database_url

    settings = load_settings()
    _check_revision(revision)
    with database_url(settings) as url:
        bank = Bank(url)
        try:
            confirm(f"Downgrade {bank.shown_url} to {revision}, and lose what only later migrations have?", yes)
            before, after = schema.downgrade(bank, revision)
        finally:
            bank.close()
    output = Output(as_json=common.json)
    output.json({"before": before, "after": after})
    output.show(f"Migrated from {before or 'an empty database'} down to {after or 'an empty database'}.")


@app.command(cls=Command)
@with_flags
def status(common: CommonFlags) -> None:
    """Show which database is used and how it is. Starts nothing, changes nothing."""
    from qgen_dagster.cli.output import Output, pairs
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    facts = _embedded(settings) if _is_embedded(settings) else _external(settings)
    output = Output(as_json=common.json)
    output.json({name.replace(" ", "_"): value for name, value in facts.items()})
    output.show(pairs(list(facts.items()), indent=0))


@app.command(cls=Command)
def url(
    dagster: Annotated[bool, typer.Option("--dagster", help="Of Dagster's own database instead.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="Without the driver, as psql and pg_dump want it.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", hidden=True)] = False,
) -> None:
    """Print the database's URL, WITH its password: made for scripts, not for screenshots.

    The embedded server stops when nobody uses it; to keep it running, use `qgen env` first.
    """
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import dagster_database_url, database_url

    settings = load_settings()
    with dagster_database_url(settings) if dagster else database_url(settings) as found:
        scheme, separator, rest = found.partition("://")
        print(f"{scheme.partition('+')[0]}{separator}{rest}" if plain else found)


@app.command(cls=Command)
@with_flags
def stop(common: CommonFlags) -> None:
    """Stop the embedded server, whoever uses it. Nothing that was committed is lost."""
    from qgen_dagster.bank.embedded import EmbeddedServer
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    if not _is_embedded(settings):
        raise ConfigurationError(
            "QGEN_DATABASE_URL names a server that qgen did not start and does not stop",
            hint="To stop the embedded server: env -u QGEN_DATABASE_URL qgen db stop",
        )
    stopped = EmbeddedServer.stop(settings.home)
    output = Output(as_json=common.json)
    output.json({"stopped": stopped})
    output.show("Stopped." if stopped else "It was not running.")


def _is_embedded(settings: Settings) -> bool:
    """Whether we use the embedded server: nothing else is set, or `qgen env` has set just that."""
    if settings.database_url is None:
        return True
    from urllib.parse import unquote

    from qgen_dagster.bank.embedded import EmbeddedServer

    directory = EmbeddedServer.status(settings.home).socket_directory
    return directory is not None and unquote(settings.database_url).endswith(f"?host={directory}")


def _external(settings: Settings) -> dict[str, Any]:
    from qgen_dagster.bank import schema
    from qgen_dagster.bank.engine import Bank

    bank = Bank(settings.database_url or "")
    try:
        return {
            "server": "external",
            "url": bank.shown_url,
            "version": f"PostgreSQL {bank.ping()}",
            "migration": schema.current_version(bank) or "none: qgen db upgrade",
            "needed": schema.SCHEMA_VERSION,
        }
    finally:
        bank.close()


def _embedded(settings: Settings) -> dict[str, Any]:
    from qgen_dagster.bank.embedded import EmbeddedServer

    found = EmbeddedServer.status(settings.home)
    return {
        "server": "embedded",
        "state": f"{found.state}, asked to stay" if found.kept and found.state == "running" else found.state,
        "version": f"PostgreSQL {found.version}" if found.version else None,
        "pid": found.pid,
        "data": str(found.data_directory),
        "size": f"{found.size_bytes / 1_000_000:,.0f} MB" if found.size_bytes is not None else None,
        "socket": str(found.socket_directory) if found.socket_directory else None,
        "log": str(found.log) if found.log else None,
    }


def _check_revision(revision: str) -> None:
    from qgen_dagster.bank.schema import SCHEMA_VERSION

    known = ["base", *(f"{number:04d}" for number in range(1, int(SCHEMA_VERSION) + 1))]
    if revision not in known:
        raise ConfigurationError(f"no such migration: {revision!r}", hint=f"Known: {', '.join(known)}.")
