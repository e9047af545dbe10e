"""Which database to work on, and opening it: the embedded server, or the one that QGEN_DATABASE_URL names.

Not here: starting and stopping the embedded server itself (`bank/embedded.py`), migrations (`bank/schema.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qgen_dagster.bank import schema
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import POOL_SIZE, Bank
from qgen_dagster.config.settings import Settings

BANK_DATABASE = "qgen"
DAGSTER_DATABASE = "qgen_dagster"


@contextmanager
def open_bank(settings: Settings, *, migrate: bool = False, connections: int = POOL_SIZE) -> Iterator[Bank]:
    """The bank, ready to use; the embedded server is started where no URL is set, and let go of at the end.

    With `migrate`, a missing database is made and an older schema is brought up; otherwise an unfit schema raises
    DatabaseError. An embedded bank belongs to nobody else, so it is always migrated.
    """
    with database_url(settings) as url:
        if migrate and settings.database_url:
            schema.create_database(url)
        bank = Bank(url, connections=connections)
        try:
            if migrate or settings.database_url is None:
                migrate_if_needed(bank)
            else:
                schema.require_current(bank)
            yield bank
        finally:
            bank.close()


@contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The bank's URL; of the embedded server as long as the block lasts."""
    if settings.database_url:
        yield settings.database_url
        return
    with EmbeddedServer.ensure(settings.home) as server:
        server.create_database(BANK_DATABASE)
        yield server.url(BANK_DATABASE)


@contextmanager
def dagster_database_url(settings: Settings) -> Iterator[str]:
    """Dagster's own database, as a psycopg2 URL: dagster-postgres 0.29 brings that driver."""
    if settings.dagster_database_url:
        yield settings.dagster_database_url
    elif settings.database_url:
        yield schema.sibling_url(settings.database_url, DAGSTER_DATABASE)
    else:
        with EmbeddedServer.ensure(settings.home) as server:
            server.create_database(DAGSTER_DATABASE)
            yield server.url(DAGSTER_DATABASE, driver="psycopg2")


def migrate_if_needed(bank: Bank) -> tuple[str | None, str | None]:
    """Brings the schema up where it is behind (Alembic is imported only then); returns the version before and after."""
    before = schema.current_version(bank)
    if before == schema.SCHEMA_VERSION:
        return before, before
    return schema.upgrade(bank)
