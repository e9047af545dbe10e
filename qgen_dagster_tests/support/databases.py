"""Databases of single tests: copied from a template, dropped at the end. Not here: the server (conftest)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
from psycopg import sql

from qgen_dagster.bank import schema
from qgen_dagster.bank.embedded import EmbeddedServer

# Nothing of a test outlives the machine's power; a session writes gigabytes of WAL, of which it needs nothing twice.
_HURRIED = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "128MB"}


def hurry(server: EmbeddedServer) -> None:
    """Lets the server skip what only a power cut could miss, and keep little of its log."""
    with _administrator(server) as connection:
        for name, value in _HURRIED.items():
            connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def copy_of(template: str, server: EmbeddedServer, name: str | None = None) -> Iterator[str]:
    """A copy of the database `template`, by name; dropped at the end, so that a session's disk does not fill."""
    name = name or f"test_{uuid4().hex[:12]}"
    schema.copy_database(server.url("postgres"), template, name)
    yield name
    drop(name, server)


def drop(name: str, server: EmbeddedServer) -> None:
    """Drops a database, whoever is still connected to it."""
    with _administrator(server) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _administrator(server: EmbeddedServer) -> psycopg.Connection:
    return psycopg.connect(server.url("postgres", driver=None), autocommit=True)
