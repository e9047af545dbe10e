"""Batch jobs as an operator reads them. Not here: their life (`jobs.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, String, cast, or_, select

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import llm_jobs
from qgen_dagster.core.job_state import OPEN, JobState

MIN_PREFIX = 4


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job. `done` counts the calls that the provider has made, `replies` and `errors` what they brought."""

    id: UUID
    run_id: UUID
    provider: str
    model: str
    purpose: str
    state: JobState
    job_id: str | None
    label: str
    total: int
    done: int
    replies: int
    errors: int
    worst_usd: Decimal | None
    message: str | None
    created_at: datetime
    polled_at: datetime | None
    ended_at: datetime | None


def list_jobs(
    tx: Transaction, *, run_id: UUID | None = None, open_only: bool = False, limit: int = 20
) -> list[ListedJob]:
    """The newest first."""
    conditions: list[ColumnElement[bool]] = []
    if run_id is not None:
        conditions.append(llm_jobs.c.run_id == run_id)
    if open_only:
        conditions.append(llm_jobs.c.state.in_([state.value for state in OPEN]))
    query = select(*_COLUMNS).where(*conditions)
    return [
        _listed(row) for row in tx.execute(query.order_by(llm_jobs.c.created_at.desc(), llm_jobs.c.id).limit(limit))
    ]


def find_jobs(tx: Transaction, name: str, limit: int = 2) -> list[ListedJob]:
    """The jobs whose id begins with `name`, or to which the provider gave that very name."""
    named = or_(cast(llm_jobs.c.id, String).startswith(name.lower(), autoescape=True), llm_jobs.c.job_id == name)
    return [_listed(row) for row in tx.execute(select(*_COLUMNS).where(named).limit(limit))]


_COLUMNS = [llm_jobs.c[name] for name in ListedJob.__dataclass_fields__]


def _listed(row: Row[tuple[object, ...]]) -> ListedJob:
    return ListedJob(**{**row._mapping, "state": JobState(row._mapping["state"])})
