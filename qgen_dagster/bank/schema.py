"""The schema's version: creating the database, migrating it up and down, and refusing what does not fit.

Here: everything around Alembic (imported only where it runs: it costs half a second). Not here: the tables
(`tables.py`, `operations_tables.py`) and the migrations (`migrations/` at the top).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from qgen_dagster.bank.engine import Bank, application_url, as_database_error
from qgen_dagster.bank.tables import SCHEMA_VERSION as SCHEMA_VERSION
from qgen_dagster.core.errors import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config


MIN_SERVER_VERSION = 140000
MIN_PGVECTOR = (0, 7)
MIGRATION_LOCK = 7_061_913_001  # any fixed number: two processes that migrate at once take turns


def all_tables() -> MetaData:
    """The metadata with the tables of every module; only migrations need all of them."""
    import qgen_dagster.bank.operations_tables
    import qgen_dagster.bank.tables  # noqa: F401 - each adds its tables
    from qgen_dagster.bank.columns import metadata

    return metadata


def migrations_folder() -> Path:
    """Where the migrations lie: beside the package in a checkout, inside it in a wheel."""
    package = Path(__file__).resolve().parents[1]
    bundled = package / "_deploy" / "migrations"
    return bundled if bundled.is_dir() else package.parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for this bank, handed an open connection to work on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def current_version(bank: Bank) -> str | None:
    """The migration that the database stands at; None for a database without our tables."""
    with bank.begin() as tx:
        return _version(tx)


def require_current(bank: Bank) -> None:
    """Raises DatabaseError unless the database stands at exactly this program's version."""
    version = current_version(bank)
    if version == SCHEMA_VERSION:
        return
    if version is None:
        raise DatabaseError("the database has no qgen tables yet", hint="Run: qgen db upgrade")
    if version > SCHEMA_VERSION:
        raise DatabaseError(_newer(version), hint="Install the newer qgen, or restore a backup from before it.")
    raise DatabaseError(
        f"the database is at migration {version}, this qgen needs {SCHEMA_VERSION}", hint="Run: qgen db upgrade"
    )


def upgrade(bank: Bank, revision: str = "head") -> tuple[str | None, str | None]:
    """Migrates up; returns the version before and after. Safe for several processes at once.

    Raises DatabaseError when the server is too old, lacks pgvector, is read-only, or is newer than this program.
    """
    from alembic import command

    with bank.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        before = _version(tx)
        if before is not None and before > SCHEMA_VERSION:
            raise DatabaseError(_newer(before), hint="Install the newer qgen, or restore a backup from before it.")
        if before != SCHEMA_VERSION or revision != "head":
            check_server(tx)
            command.upgrade(alembic_config(tx), revision)
        return before, _version(tx)


def downgrade(bank: Bank, revision: str) -> tuple[str | None, str | None]:
    """Migrates down to `revision` (`base` removes all tables and their data); returns before and after."""
    from alembic import command

    with bank.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        before = _version(tx)
        command.downgrade(alembic_config(tx), revision)
        return before, _version(tx)


def create_database(url: str) -> bool:
    """Makes the database that `url` names, if the server lacks it; returns whether it was made.

    Raises DatabaseError when the server cannot be reached or the user may not create databases.
    """
    target = make_url(application_url(url))
    maintenance = create_engine(target.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with maintenance.connect() as connection:
            found = connection.execute(
                text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": target.database}
            ).scalar()
            if found:
                return False
            quoted = connection.dialect.identifier_preparer.quote(target.database or "")
            connection.execute(text(f"CREATE DATABASE {quoted}"))
            return True
    except SQLAlchemyError as error:
        if getattr(getattr(error, "orig", None), "sqlstate", "") in ("42P04", "23505"):
            return False  # another process made it in the meantime
        raise as_database_error(error, target.render_as_string(hide_password=True)) from error
    finally:
        maintenance.dispose()


def copy_database(url: str, template: str, name: str) -> None:
    """Makes the database `name` as a copy of `template`, which nobody may be connected to, on the server of `url`."""
    engine = create_engine(application_url(url), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            quote = connection.dialect.identifier_preparer.quote
            connection.execute(text(f"CREATE DATABASE {quote(name)} TEMPLATE {quote(template)}"))
    except SQLAlchemyError as error:
        raise as_database_error(error, make_url(url).render_as_string(hide_password=True)) from error
    finally:
        engine.dispose()


def sibling_url(url: str, database: str) -> str:
    """The URL of another database on the same server, for psycopg2 (which Dagster's storage uses)."""
    return (
        make_url(application_url(url))
        .set(drivername="postgresql+psycopg2", database=database)
        .render_as_string(hide_password=False)
    )


def _version(tx: Connection) -> str | None:
    if tx.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return None
    version = tx.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if version is None else str(version)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _newer(version: str) -> str:
    return f"the database is at migration {version}, newer than this qgen ({SCHEMA_VERSION})"


def check_server(tx: Connection) -> None:
    """Raises DatabaseError when the server is too old, or pgvector is missing or too old."""
    version = int(tx.execute(text("SHOW server_version_num")).scalar_one())
    if version < MIN_SERVER_VERSION:
        raise DatabaseError(f"PostgreSQL {version // 10000} is too old", hint="qgen needs PostgreSQL 14 or newer.")
    vector = tx.execute(text("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")).scalar()
    if vector is not None and _numbers(vector) < MIN_PGVECTOR:
        raise DatabaseError(f"pgvector {vector} is too old", hint="qgen needs pgvector 0.7 or newer (half vectors).")
    if vector is None:
        raise DatabaseError(
            "the PostgreSQL server has no pgvector extension",
            hint="Install pgvector on the server (for example the package postgresql-18-pgvector), then try again.",
        )
