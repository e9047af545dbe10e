"""Who is working on what: PostgreSQL advisory locks, which vanish with the process that holds them.

Here: the lock that says "this run is alive" and one lock per stratum that keeps two runs from filling the same one.
They are session locks on a connection of their own, so they need a direct connection or session pooling (not
PgBouncer's transaction pooling). Not here: what to do about a dead run (`services/recovery.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import Connection, text

from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.core.taxonomy import Stratum

_HELD = text(
    "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND classid = :high AND objid = :low"
)
_TRY_ALL = text("SELECT key, pg_try_advisory_lock(key) AS claimed FROM unnest(CAST(:keys AS bigint[])) AS key")


class Claims:
    """Locks held by one live connection. Obtained from `hold_claims`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._strata: set[Stratum] = set()

    def claim_run(self, run_id: UUID) -> bool:
        """Marks the run as alive in this process; False when another process has it."""
        return self._try(_run_key(run_id))

    def claim_strata(self, strata: Iterable[Stratum]) -> tuple[Stratum, ...]:
        """Claims each stratum; returns those that another run holds (then the others stay claimed)."""
        keys = {_stratum_key(s): s for s in strata if s not in self._strata}
        if not keys:
            return ()
        tried = self._connection.execute(_TRY_ALL, {"keys": list(keys)})
        claimed = {keys[row.key]: row.claimed for row in tried}
        self._strata |= {stratum for stratum, got in claimed.items() if got}
        return tuple(stratum for stratum, got in claimed.items() if not got)

    def claim_series(self, series_id: UUID) -> bool:
        """Claims a drill series; False when another process is at work on it."""
        return self._try(_key(f"series:{series_id}"))

    def claim_audit(self) -> bool:
        """Claims the auditing of the bank; False when another process is at it."""
        return self._try(_key("audit"))

    def still_held(self, run_id: UUID) -> bool:
        """Whether the server still knows our claim: False after a restart or a broken connection."""
        return is_run_alive(self._connection, run_id)

    def _try(self, key: int) -> bool:
        return bool(self._connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar_one())


@contextmanager
def hold_claims(bank: Bank) -> Iterator[Claims]:
    """A place to hold locks; all are given back at the end of the block, or when the process dies."""
    with bank.session() as connection:
        try:
            yield Claims(connection)
        finally:
            if not connection.closed and not connection.invalidated:
                # The connection goes back to the pool and would keep its locks.
                connection.execute(text("SELECT pg_advisory_unlock_all()"))


def is_run_alive(tx: Transaction, run_id: UUID) -> bool:
    """Whether some process holds the run's lock right now."""
    key = _run_key(run_id) & 0xFFFF_FFFF_FFFF_FFFF
    return tx.execute(_HELD, {"high": key >> 32, "low": key & 0xFFFF_FFFF}).scalar() is not None


@contextmanager
def try_delivery_lock(connection: Connection, run_id: UUID) -> Iterator[bool]:
    """Whether nobody else sends reports of the run; nobody else can until the end of the block, or of the process."""
    key = {"key": _key(f"report:{run_id}")}
    got = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar_one())
    try:
        yield got
    finally:
        if got and not connection.closed and not connection.invalidated:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def lock_type_for_dedup(tx: Transaction, question_type: str) -> None:
    """Waits for, then holds until the end of the transaction, the right to compare questions of one type."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(f"dedup:{question_type}")})


def lock_stratum_stock(tx: Transaction, stratum: Stratum) -> None:
    """Waits for, then holds until the end of the transaction, the right to take questions out of a stratum."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(f"stock:{stratum.key}")})


def lock_alerts(tx: Transaction) -> None:
    """Waits for, then holds until the end of the transaction, the right to decide what is told."""
    tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key("alerts")})


def _run_key(run_id: UUID) -> int:
    return _key(f"run:{run_id}")


def _stratum_key(stratum: Stratum) -> int:
    return _key(f"stratum:{stratum.key}")


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"qgen:{name}".encode(), digest_size=8).digest(), "big", signed=True)
