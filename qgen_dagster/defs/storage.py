"""Dagster's own storage in PostgreSQL, over a small pool of connections kept open.

Here: the storage class that `dagster.yaml` names, its pool, and the safe first creation of Dagster's tables. Not here:
the question bank (`bank/`), which lives in another database, and the rest of the Dagster instance (`instance.py`).

`dagster-postgres` opens a new connection for every query. A run of five assets over 18 strata that does nothing makes
about 500 queries, so most of its 2.4 to 3.8 seconds goes into connecting. With one pool per process it needs a single
connection and a quarter of the time.

This module is the one exception to "only `bank/` imports sqlalchemy": the pool is an argument of the engine that
Dagster's storages use, so it cannot be reached any other way.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar, cast

import sqlalchemy as db
from dagster import Field, IntSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.config import pg_config
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import pg_url_from_config, retry_pg_connection_fn, set_pg_statement_timeout

DEFAULT_POOL_SIZE = 5
DEFAULT_MAX_OVERFLOW = 20
RECYCLE_SECONDS = 1800
"""Long-lived idle connections are what firewalls and managed servers cut off; half an hour is below all of them."""

StorageError = db.exc.SQLAlchemyError
"""What the database's refusals are instances of, for those who may not import sqlalchemy."""

_FIRST_CREATION_LOCK = 0x7167656E_64677374  # "qgen" "dgst": any fixed number no one else uses
_TABLES = ("runs", "event_logs", "jobs")  # the table by which each of the three storages knows that it exists

_engines: dict[tuple[object, ...], db.Engine] = {}
_engines_lock = threading.Lock()


def pooled_engine(
    url: str,
    *,
    pool_size: int = DEFAULT_POOL_SIZE,
    max_overflow: int = DEFAULT_MAX_OVERFLOW,
    recycle: int = RECYCLE_SECONDS,
    statement_timeout_ms: int | None = None,
) -> db.Engine:
    """The engine that everyone in this process shares who asks with the same arguments.

    Shared per process, not per Dagster instance, because a code server builds a new instance for every tick: a pool of
    its own for each would pile up connections until the server refuses.
    """
    key = (url, pool_size, max_overflow, recycle, statement_timeout_ms)
    with _engines_lock:
        if key not in _engines:
            _engines[key] = _new_engine(url, pool_size, max_overflow, recycle, statement_timeout_ms)
        return _engines[key]


def _new_engine(
    url: str, pool_size: int, max_overflow: int, recycle: int, statement_timeout_ms: int | None
) -> db.Engine:
    engine = db.create_engine(
        url,
        isolation_level="AUTOCOMMIT",  # as Dagster's own engines: one statement, one transaction
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_recycle=recycle,
        pool_pre_ping=True,  # the embedded server may be stopped and started under a running daemon
    )
    if statement_timeout_ms is not None:
        millis = statement_timeout_ms
        db.event.listen(engine, "connect", lambda conn, _: set_pg_statement_timeout(conn, millis))
    return engine


def close_pools() -> None:
    """Close the idle connections of this process. A pool that is used again opens new ones."""
    with _engines_lock:
        for engine in _engines.values():
            engine.dispose()


def _forget_parents_connections() -> None:
    # A forked child must neither use nor close the sockets it inherited: both ends of the parent's conversation
    # would get mixed up. It starts with an empty pool. The lock may have been held by a thread that is not here.
    global _engines_lock
    _engines_lock = threading.Lock()
    for engine in _engines.values():
        engine.dispose(close=False)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_parents_connections)


def create_tables_once(url: str, engine: db.Engine | None = None) -> bool:
    """Create Dagster's tables unless they exist; of many processes that ask at once, one does it and the rest wait.

    Returns:
        Whether this call created them.

    Raises:
        DagsterPostgresException: the database cannot be reached.
    """
    engine = engine or pooled_engine(url)
    if _tables_exist(engine):
        return False
    # The lock belongs to a connection; when its process is killed, PostgreSQL releases it.
    with retry_pg_connection_fn(engine.connect) as conn:
        conn.execute(db.text("SELECT pg_advisory_lock(:key)"), {"key": _FIRST_CREATION_LOCK})
        try:
            if _tables_exist(engine):
                return False
            DagsterPostgresStorage(url, should_autocreate_tables=True)
            return True
        finally:
            conn.execute(db.text("SELECT pg_advisory_unlock(:key)"), {"key": _FIRST_CREATION_LOCK})


def _tables_exist(engine: db.Engine) -> bool:
    wanted = " AND ".join(f"to_regclass('{table}') IS NOT NULL" for table in _TABLES)
    with retry_pg_connection_fn(engine.connect) as conn:
        return bool(conn.execute(db.text(f"SELECT {wanted}")).scalar())


class _Pooled:
    """What the three storages have in common: they use the pool, in the webserver one with a statement timeout."""

    _engine: db.Engine
    postgres_url: str

    def use_pool(self, engine: db.Engine) -> Self:
        self._engine = engine
        return self

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        self._engine = pooled_engine(
            self.postgres_url,
            max_overflow=max_overflow,
            recycle=pool_recycle,
            statement_timeout_ms=statement_timeout,
        )


class PooledRunStorage(_Pooled, PostgresRunStorage):
    """Runs, backfills, heartbeats and cursors."""


class PooledEventLogStorage(_Pooled, PostgresEventLogStorage):
    """Events, assets, checks and dynamic partitions.

    Watching a run polls through the same pool; nothing here holds a connection open to LISTEN.
    """


class PooledScheduleStorage(_Pooled, PostgresScheduleStorage):
    """Schedules, sensors and their ticks."""


_S = TypeVar("_S", bound=_Pooled)


class PooledPostgresStorage(DagsterPostgresStorage):
    """What `storage: {custom: …}` in `dagster.yaml` names: Dagster's three PostgreSQL storages over one pool.

    Takes what `storage: {postgres: …}` takes, and `pool_size` and `max_overflow`. The URL must name the driver
    (`postgresql+psycopg2://…`); a unix socket is given as `postgresql+psycopg2://user@/database?host=/directory`.
    """

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        pool_size: int = DEFAULT_POOL_SIZE,
        max_overflow: int = DEFAULT_MAX_OVERFLOW,
    ) -> None:
        engine = pooled_engine(postgres_url, pool_size=pool_size, max_overflow=max_overflow)
        if should_autocreate_tables:
            create_tables_once(postgres_url, engine)
        super().__init__(postgres_url, should_autocreate_tables=False, inst_data=inst_data)
        self._run_storage = _on_pool(PooledRunStorage, postgres_url, engine)
        self._event_log_storage = _on_pool(PooledEventLogStorage, postgres_url, engine)
        self._schedule_storage = _on_pool(PooledScheduleStorage, postgres_url, engine)

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        fields = cast("dict[str, Any]", pg_config())
        return {
            **{key: field for key, field in fields.items() if key != "auth_provider"},
            "pool_size": Field(IntSource, is_required=False, default_value=DEFAULT_POOL_SIZE),
            "max_overflow": Field(IntSource, is_required=False, default_value=DEFAULT_MAX_OVERFLOW),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> PooledPostgresStorage:
        return cls(
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            inst_data=inst_data,
            pool_size=config_value["pool_size"],
            max_overflow=config_value["max_overflow"],
        )


def _on_pool(make: Callable[..., _S], url: str, engine: db.Engine) -> _S:
    return make(url, should_autocreate_tables=False).use_pool(engine)
