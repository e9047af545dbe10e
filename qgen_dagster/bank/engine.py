"""Connecting to the bank.

Here: `Bank` (a pooled engine with plain transactions), and the translation of driver errors into `DatabaseError`. Not
here: which server to use (`services/database.py`), queries (one module per aggregate), migrations (`schema.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from qgen_dagster.core.errors import ConfigurationError, DatabaseError, QgenError

Transaction = Connection
CONNECT_TIMEOUT_SECONDS = 10
POOL_SIZE = 5
DRIVER = "postgresql+psycopg"


class Bank:
    """A PostgreSQL database that holds a bank. Every access is one transaction: `with bank.begin() as tx`."""

    def __init__(self, url: str, *, connections: int = POOL_SIZE) -> None:
        """Prepares a pool; connects on first use. Raises ConfigurationError for a URL that is not PostgreSQL's.

        `connections` are kept open; a few more are made and closed when all of them are in use.
        """
        self.url = application_url(url)
        self._engine = create_engine(
            self.url,
            pool_size=connections,
            pool_pre_ping=True,
            connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "qgen"},
        )

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """One transaction: committed at the end of the block, rolled back on any exception.

        Raises DatabaseError for whatever the server or the driver refuses.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise as_database_error(error, self.shown_url) from error

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """One connection outside any transaction: for session-level advisory locks, and for reads of one statement."""
        try:
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                yield connection
        except SQLAlchemyError as error:
            raise as_database_error(error, self.shown_url) from error

    @property
    def shown_url(self) -> str:
        """The URL without its password."""
        return make_url(self.url).render_as_string(hide_password=True)

    def ping(self) -> str:
        """The server's version, such as `18.4`. Raises DatabaseError when it cannot be reached."""
        with self.begin() as tx:
            return str(tx.execute(text("SHOW server_version")).scalar_one())

    def close(self) -> None:
        """Closes the pool."""
        self._engine.dispose()


def application_url(url: str) -> str:
    """The URL with the driver that qgen uses (psycopg 3), whatever driver or legacy scheme it came with.

    Raises ConfigurationError when it is not a PostgreSQL URL.
    """
    hint = "It looks like postgresql://user:password@host:5432/qgen."
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:  # the port is converted as it stands
        raise ConfigurationError("the database URL cannot be read", hint=hint) from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationError(f"the database must be PostgreSQL, not {parsed.get_backend_name()}", hint=hint)
    return parsed.set(drivername=DRIVER).render_as_string(hide_password=False)


def as_database_error(error: SQLAlchemyError, shown_url: str) -> QgenError:
    """What an operator should read when the server or driver refuses."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    reason = str(cause).strip().splitlines()[0] if str(cause).strip() else type(cause).__name__
    code = getattr(cause, "sqlstate", None) or ""
    if code == "25006":
        return DatabaseError(f"the database is read-only: {shown_url}", hint="Point QGEN_DATABASE_URL at the primary.")
    if code == "42501":
        return DatabaseError(f"the database user lacks a permission: {reason}", hint="Grant it, then try again.")
    if code == "3D000":
        return DatabaseError(f"there is no such database: {shown_url}", hint="Make it with: qgen db upgrade")
    if code in ("42P01", "42703"):
        return DatabaseError(f"the database schema does not fit: {reason}", hint="Run: qgen db upgrade")
    if code.startswith("53"):
        return DatabaseError(
            f"the database server is out of resources: {reason}",
            hint="Free disk space, memory or connections; nothing committed was lost. Then run: qgen resume",
        )
    if isinstance(error, OperationalError):
        return DatabaseError(
            f"the database cannot be reached or broke off: {reason} ({shown_url})",
            hint="Check that the server runs and that QGEN_DATABASE_URL is right: qgen doctor",
        )
    return DatabaseError(f"the database refused: {reason}")
