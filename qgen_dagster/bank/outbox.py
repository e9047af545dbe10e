"""Reports about runs that another installation is to be told, kept until it has them.

A report is written in the transaction that changes the run's row, so neither exists without the other. Not here: what
a report says (`services/run_reporter.py`), sending it (`services/report_delivery.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, cast, exists, func, select, update
from sqlalchemy.dialects.postgresql import UUID as SQL_UUID
from sqlalchemy.dialects.postgresql import distinct_on, insert

from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.locks import try_delivery_lock
from qgen_dagster.bank.operations_tables import report_outbox
from qgen_dagster.core.run import RunStatus

_RUNNING = RunStatus.RUNNING.value
_c = report_outbox.c
_WAITS = _c.delivered_at.is_(None) & _c.refused_at.is_(None)


@dataclass(frozen=True, slots=True)
class Kept:
    """A report that is not delivered. One with `refused_at` cannot be read there, and is not sent again by itself."""

    id: UUID
    run_id: UUID
    payload: Mapping[str, Any]
    created_at: datetime
    attempts: int
    next_attempt_at: datetime
    refused_at: datetime | None
    error: str | None


def put(tx: Transaction, run_id: UUID, payload: Mapping[str, Any], at: datetime, *, refused: str | None = None) -> None:
    """Keeps a report. A sign of life replaces the one before it, as long as nobody has begun to send that.

    `refused`: why it cannot be sent at all. Whatever the database has against it, the rest of the transaction stands.
    """
    with tx.begin_nested():
        if payload.get("status") == _RUNNING and refused is None:
            older = _WAITS & (_c.run_id == run_id) & (_c.attempts == 0)
            same = older & (_c.payload["status"].astext == _RUNNING)
            if tx.execute(update(report_outbox).where(same).values(payload=payload)).rowcount:
                return
        values = {"run_id": run_id, "payload": payload, "created_at": at, "next_attempt_at": at}
        ending = {"refused_at": at, "error": refused} if refused is not None else {}
        tx.execute(insert(report_outbox).values(**values, **ending))


def is_told(tx: Transaction, run_id: UUID) -> bool:
    """Whether the run was ever to be told: then its end is, too."""
    return bool(tx.execute(select(exists().where(_c.run_id == run_id))).scalar())


def due_runs(tx: Transaction, at: datetime, *, anyway: bool = False) -> list[UUID]:
    """Runs whose next report may be sent, the longest due first. `anyway`: whatever pause was set after a failure.

    A later round comes after its first one is known there, which it names as its parent.
    """
    first = _heads().subquery()
    query = select(first.c.run_id).where(~_waits_for_parent(first.c.payload))
    if not anyway:
        query = query.where(first.c.next_attempt_at <= at)
    return list(tx.execute(query.order_by(first.c.next_attempt_at, first.c.number)).scalars())


def start_attempt(tx: Transaction, run_id: UUID, at: datetime, *, anyway: bool = False) -> Kept | None:
    """The run's oldest waiting report, with the attempt that begins now counted; None where none may be sent."""
    query = select(report_outbox).where(_WAITS, _c.run_id == run_id).order_by(_c.number).limit(1)
    row = tx.execute(query.with_for_update()).first()
    if row is None or (row.next_attempt_at > at and not anyway):
        return None
    tx.execute(update(report_outbox).where(_c.id == row.id).values(attempts=_c.attempts + 1))
    kept = _kept(row)
    return Kept(**{**{n: getattr(kept, n) for n in Kept.__dataclass_fields__}, "attempts": kept.attempts + 1})


def delivered(tx: Transaction, id_: UUID, at: datetime) -> None:
    """The other side has it."""
    tx.execute(update(report_outbox).where(_c.id == id_).values(delivered_at=at, error=None))


def failed(tx: Transaction, id_: UUID, error: str, again_at: datetime) -> None:
    """It did not arrive, or nobody knows; it is sent again from then on."""
    tx.execute(update(report_outbox).where(_c.id == id_, _WAITS).values(error=error, next_attempt_at=again_at))


def refused(tx: Transaction, id_: UUID, error: str, at: datetime) -> None:
    """The other side cannot read it, so sending it again would be of no use; it stays, with the reason."""
    tx.execute(update(report_outbox).where(_c.id == id_, _WAITS).values(error=error, refused_at=at))


def take_back_refusals(tx: Transaction, at: datetime) -> int:
    """Has refused reports sent again; returns how many."""
    query = update(report_outbox).where(_c.refused_at.is_not(None), _c.delivered_at.is_(None))
    return tx.execute(query.values(refused_at=None, next_attempt_at=at)).rowcount


def list_kept(tx: Transaction, limit: int) -> list[Kept]:
    """Reports that are not delivered, oldest first."""
    query = select(report_outbox).where(_c.delivered_at.is_(None)).order_by(_c.number).limit(limit)
    return [_kept(row) for row in tx.execute(query)]


def count_kept(tx: Transaction) -> tuple[int, int]:
    """How many reports wait to be sent, and how many were refused."""
    query = select(func.count().filter(_WAITS), func.count().filter(_c.refused_at.is_not(None)))
    waiting, refusals = tx.execute(query.where(_c.delivered_at.is_(None))).one()
    return waiting, refusals


@contextmanager
def delivering(bank: Bank, run_id: UUID) -> Iterator[bool]:
    """Whether this process alone sends the run's reports, as long as the block lasts: so that they keep their order."""
    with bank.session() as connection, try_delivery_lock(connection, run_id) as got:
        yield got


def _heads() -> Select[Any]:
    """Each run's oldest waiting report."""
    return select(report_outbox).where(_WAITS).ext(distinct_on(_c.run_id)).order_by(_c.run_id, _c.number)


def _waits_for_parent(payload: ColumnElement[Any]) -> ColumnElement[bool]:
    other = report_outbox.alias()
    of_parent = other.c.run_id == cast(payload["parent_run_id"].astext, SQL_UUID(as_uuid=True))
    waits = exists().where(of_parent, other.c.delivered_at.is_(None), other.c.refused_at.is_(None))
    known = exists().where(of_parent, other.c.delivered_at.is_not(None))
    return and_(waits, ~known)


def _kept(row: Any) -> Kept:
    return Kept(**{name: getattr(row, name) for name in Kept.__dataclass_fields__})
