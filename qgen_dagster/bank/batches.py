"""Batches of a run: asked for, finished, failed.

Not here: running them (`generation/engine.py`), their candidates (`candidates.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from uuid import UUID

from sqlalchemy import Row, bindparam, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import question_batches
from qgen_dagster.core.batch import BatchSpec, BatchStatus
from qgen_dagster.core.taxonomy import Stratum

PORTION = 500  # rows that are read or written at once
UNFINISHED = (BatchStatus.PENDING.value, BatchStatus.GENERATING.value)


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """A batch as its row tells."""

    id: UUID
    run_id: UUID
    stratum: Stratum
    index: int
    size: int
    seed: str
    status: BatchStatus
    calls: int
    delivered: int
    saturated: bool


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How a batch ended. `error_category` and `error` are those of the last call that failed, if any."""

    status: BatchStatus
    calls: int
    delivered: int
    invalid: int = 0
    saturated: bool = False
    provider: str | None = None
    error_category: str | None = None
    error: str | None = None


def create_batches(tx: Transaction, run_id: UUID, specs: Iterable[tuple[BatchSpec, str]]) -> None:
    """Writes the batches with their seeds; those that the run already has stay as they are."""
    rows = (
        {
            "run_id": run_id,
            "question_type": spec.stratum.question_type,
            "difficulty": spec.stratum.difficulty,
            "index": spec.index,
            "size": spec.size,
            "seed": seed,
        }
        for spec, seed in specs
    )
    while portion := list(islice(rows, PORTION)):
        tx.execute(insert(question_batches).on_conflict_do_nothing(), portion)


def list_batches(
    tx: Transaction, run_id: UUID, strata: Sequence[Stratum] | None = None, *, unfinished_only: bool = False
) -> list[StoredBatch]:
    """The run's batches in order of stratum and index."""
    query = select(question_batches).where(question_batches.c.run_id == run_id)
    if unfinished_only:
        query = query.where(question_batches.c.status.in_(UNFINISHED))
    rows = tx.execute(
        query.order_by(question_batches.c.question_type, question_batches.c.difficulty, question_batches.c.index),
        execution_options={"yield_per": PORTION},
    )
    batches = [_stored(row) for row in rows]
    return batches if strata is None else [b for b in batches if b.stratum in set(strata)]


def has_batches(tx: Transaction, run_id: UUID) -> bool:
    """Whether the run has any."""
    return tx.execute(select(exists().where(question_batches.c.run_id == run_id))).scalar_one()


def start_batch(tx: Transaction, batch_id: UUID) -> None:
    """Says that the batch's first call is under way."""
    tx.execute(_START, {"batch_id": batch_id})


def finish_batch(tx: Transaction, batch_id: UUID, result: BatchResult) -> bool:
    """Records how the batch ended; False when it had ended before (then nothing is changed)."""
    changed = tx.execute(
        _FINISH,
        {
            "batch_id": batch_id,
            "status": result.status.value,
            "calls": result.calls,
            "delivered": result.delivered,
            "invalid": result.invalid,
            "saturated": result.saturated,
            "provider": result.provider,
            "error_category": result.error_category,
            "error": result.error,
        },
    )
    return changed.rowcount == 1


# Made once: a statement that is put together anew for each batch leaves garbage that is only collected much later.
_START = (
    update(question_batches)
    .where(question_batches.c.id == bindparam("batch_id"), question_batches.c.status == BatchStatus.PENDING.value)
    .values(status=BatchStatus.GENERATING.value)
)
_FINISH = (
    update(question_batches)
    .where(question_batches.c.id == bindparam("batch_id"), question_batches.c.status.in_(UNFINISHED))
    .values(completed_at=func.now())
)


def _stored(row: Row[tuple[object, ...]]) -> StoredBatch:
    m = row._mapping
    return StoredBatch(
        id=m["id"],
        run_id=m["run_id"],
        stratum=Stratum(m["question_type"], m["difficulty"]),
        index=m["index"],
        size=m["size"],
        seed=m["seed"],
        status=BatchStatus(m["status"]),
        calls=m["calls"],
        delivered=m["delivered"],
        saturated=m["saturated"],
    )
