"""Batch jobs at providers: written down before they are handed in, and until their results are in the journal.

An open job's worst case counts as spent, so that no budget is promised twice. Not here: handing in and collecting
(`services/batch_jobs.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import llm_jobs
from qgen_dagster.core.job_state import OPEN, OVER, JobState

# An older job has ended, whether anybody has collected it or not: what it cost was spent on another day.
LONGEST_JOB = timedelta(days=1)
_OPEN = [state.value for state in OPEN]


@dataclass(frozen=True, slots=True)
class JobCall:
    """One call of a job. `digest` names it in the journal; `keep_partial` takes a truncated reply for a reply."""

    digest: str
    batch_id: UUID | None = None
    candidate_id: UUID | None = None
    prompt_version: str | None = None
    keep_partial: bool = False


@dataclass(frozen=True, slots=True)
class StoredJob:
    """A job as its row tells. `calls` goes by the id of each request within the job; `worst_usd` None: no price."""

    id: UUID
    run_id: UUID
    provider: str
    model: str
    purpose: str
    label: str
    calls: Mapping[str, JobCall]
    created_at: datetime
    worst_usd: Decimal | None = None
    worst_tokens: int = 0
    job_id: str | None = None
    state: JobState = JobState.PREPARED
    done: int = 0


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended: how many of its calls brought a reply and an error; `message` says why it is not whole."""

    state: JobState
    replies: int = 0
    errors: int = 0
    message: str | None = None


def prepare_job(tx: Transaction, job: StoredJob) -> None:
    """Writes a job down that is about to be handed in."""
    values = {name: getattr(job, name) for name in _COLUMNS}
    calls = {name: {k: _plain(v) for k, v in asdict(call).items()} for name, call in job.calls.items()}
    tx.execute(insert(llm_jobs).values(**values, state=job.state.value, calls=calls, total=len(calls)))


def record_arrival(tx: Transaction, id_: UUID, job_id: str, at: datetime) -> None:
    """The provider has the job, under its own id."""
    _update_open(tx, id_, job_id=job_id, state=JobState.RUNNING.value, submitted_at=at)


def record_progress(tx: Transaction, id_: UUID, done: int, at: datetime) -> None:
    """How many of the job's calls the provider has made."""
    _update_open(tx, id_, done=done, polled_at=at)


def finish_job(tx: Transaction, id_: UUID, end: JobEnd, at: datetime) -> bool:
    """Records how the job ended; False when it had ended before (then nothing is changed)."""
    return _update_open(
        tx,
        id_,
        state=end.state.value,
        replies=end.replies,
        errors=end.errors,
        message=end.message,
        ended_at=at,
    )


def open_jobs(tx: Transaction, run_id: UUID) -> list[StoredJob]:
    """The run's jobs that are not over, oldest first."""
    query = select(llm_jobs).where(llm_jobs.c.run_id == run_id, llm_jobs.c.state.in_(_OPEN))
    return [_stored(row) for row in tx.execute(query.order_by(llm_jobs.c.created_at, llm_jobs.c.label))]


def tried_digests(tx: Transaction, run_id: UUID) -> set[str]:
    """The calls of the run's jobs that are over, whether they brought a reply or not."""
    over = [state.value for state in OVER]
    rows = tx.execute(select(llm_jobs.c.calls).where(llm_jobs.c.run_id == run_id, llm_jobs.c.state.in_(over)))
    return {call["digest"] for row in rows for call in row.calls.values()}


def count_open(tx: Transaction, run_id: UUID) -> int:
    """How many of the run's jobs are not over."""
    query = select(func.count()).where(llm_jobs.c.run_id == run_id, llm_jobs.c.state.in_(_OPEN))
    return tx.execute(query).scalar_one()


def waiting_runs(tx: Transaction, *, since: datetime | None = None) -> list[UUID]:
    """The runs that have jobs which are not over (and were written down since then), the longest waiting first."""
    query = select(llm_jobs.c.run_id).where(llm_jobs.c.state.in_(_OPEN))
    if since is not None:
        query = query.where(llm_jobs.c.created_at >= since)
    return list(tx.execute(query.group_by(llm_jobs.c.run_id).order_by(func.min(llm_jobs.c.created_at))).scalars())


def reserved(tx: Transaction, *, run_id: UUID | None = None, since: datetime | None = None) -> tuple[Decimal, int]:
    """USD and tokens that open jobs may cost at most: a run's, or those written down since a time."""
    query = select(
        func.coalesce(func.sum(llm_jobs.c.worst_usd), 0), func.coalesce(func.sum(llm_jobs.c.worst_tokens), 0)
    ).where(llm_jobs.c.state.in_(_OPEN))
    if run_id is not None:
        query = query.where(llm_jobs.c.run_id == run_id)
    if since is not None:
        query = query.where(llm_jobs.c.created_at >= since)
    usd, tokens = tx.execute(query).one()
    return Decimal(usd), int(tokens)


def _update_open(tx: Transaction, id_: UUID, **values: object) -> bool:
    query = update(llm_jobs).where(llm_jobs.c.id == id_, llm_jobs.c.state.in_(_OPEN))
    return tx.execute(query.values(**values)).rowcount == 1


_COLUMNS: Sequence[str] = (
    *("id", "run_id", "provider", "model", "purpose", "label", "created_at", "worst_usd", "worst_tokens", "job_id"),
    "done",
)


def _stored(row: Row[tuple[object, ...]]) -> StoredJob:
    m = row._mapping
    calls = {name: _call(call) for name, call in m["calls"].items()}
    return StoredJob(**{name: m[name] for name in _COLUMNS}, state=JobState(m["state"]), calls=calls)


def _call(data: Mapping[str, object]) -> JobCall:
    ids = {name: UUID(str(data[name])) if data[name] else None for name in ("batch_id", "candidate_id")}
    return JobCall(**{**data, **ids})  # type: ignore[arg-type]


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID) else value
