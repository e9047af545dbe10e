"""Drill series, their batches and their drills, as rows.

A drill has its place in its series (`index`), which is unique: writing it again replaces it. Progress is counted from
rows, never kept as a number. Not here: the library's positions (`positions.py`), making drills (`services/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Text, bindparam, case, cast, func, select, update
from sqlalchemy.dialects.postgresql import insert

from qgen_dagster.bank.batches import UNFINISHED
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import drill_batches, drill_series, drills
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.drills import Drill, DrillVerdict, Phase, SeriesStatus, SeriesVerdict, Slot, Tier


@dataclass(frozen=True, slots=True)
class NewSeries:
    """A planned series. The JSON columns hold what their names say, as JSON values."""

    id: UUID
    title: str
    target_drill_count: int
    planned_drill_count: int
    phases: Sequence[str]
    seed: int
    batch_size: int
    curriculum: Mapping[str, Any]
    positions: Mapping[str, Sequence[str]]
    position_cost: Mapping[str, Any]
    plan_warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class StoredSeries:
    """A series as its row tells, with what its batches and drills count up to. `run_id` is the latest run on it."""

    id: UUID
    run_id: UUID | None
    title: str
    status: SeriesStatus
    verification: SeriesVerdict
    target_drill_count: int
    planned_drill_count: int
    phases: tuple[Phase, ...]
    seed: int
    batch_size: int
    curriculum: Mapping[str, Any]
    positions: Mapping[str, Sequence[str]]
    position_cost: Mapping[str, Any]
    plan_warnings: tuple[str, ...]
    warning: str | None
    checked_with: str | None
    created_at: datetime
    completed_at: datetime | None
    drills: int
    batches: int
    batches_completed: int
    batches_failed: int

    @property
    def missing(self) -> int:
        """Planned drills that are not there."""
        return self.planned_drill_count - self.drills

    @property
    def ended(self) -> bool:
        return self.status in (SeriesStatus.COMPLETED, SeriesStatus.FAILED)


@dataclass(frozen=True, slots=True)
class StoredDrillBatch:
    """A batch as its row tells."""

    id: UUID
    series_id: UUID
    index: int
    size: int
    slots: tuple[Slot, ...]
    status: BatchStatus
    attempt: int
    calls: int
    delivered: int
    invalid: int
    error_category: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class DrillBatchResult:
    """How a batch ended; `delivered` counts all of its drills that are there, also those of earlier attempts."""

    status: BatchStatus
    calls: int
    delivered: int
    invalid: int
    error_category: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class NewDrill:
    """A drill for its place, with whoever made it."""

    index: int
    drill: Drill
    provider: str
    model: str | None
    prompt_version: str | None


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What the check of a drill found."""

    verdict: DrillVerdict
    equity_loss: float | None
    problems: tuple[str, ...]
    checked_with: str | None


@dataclass(frozen=True, slots=True)
class StoredDrill:
    """A drill as its row tells. `check` is None before the first verification."""

    id: UUID
    index: int
    batch_index: int
    drill: Drill
    provider: str
    model: str | None
    prompt_version: str | None
    check: CheckRow | None


def create_series(tx: Transaction, series: NewSeries, batches: Sequence[Sequence[Slot]]) -> bool:
    """Writes a planned series with its batches; False when its id is there already (then nothing is changed)."""
    values = {**asdict(series), "phases": list(series.phases), "plan_warnings": list(series.plan_warnings)}
    values["warning"] = "; ".join(series.plan_warnings) or None
    statement = insert(drill_series).values(**values).on_conflict_do_nothing(index_elements=["id"])
    if tx.execute(statement.returning(drill_series.c.id)).scalar() is None:
        return False
    rows = [
        {"series_id": series.id, "index": index, "size": len(slots), "slots": [asdict(slot) for slot in slots]}
        for index, slots in enumerate(batches)
    ]
    if rows:
        tx.execute(insert(drill_batches), rows)
    return True


def get_series(tx: Transaction, series_id: UUID) -> StoredSeries | None:
    """The series, or None."""
    row = tx.execute(_series_query().where(drill_series.c.id == series_id)).first()
    return _series(row) if row else None


def list_series(
    tx: Transaction, *, statuses: Sequence[SeriesStatus] = (), limit: int = 20, offset: int = 0
) -> list[StoredSeries]:
    """Series, newest first."""
    query = _series_query().order_by(drill_series.c.created_at.desc(), drill_series.c.id)
    if statuses:
        query = query.where(drill_series.c.status.in_([status.value for status in statuses]))
    return [_series(row) for row in tx.execute(query.limit(limit).offset(offset))]


def count_series(tx: Transaction, *, statuses: Sequence[SeriesStatus] = (), most: int) -> int:
    """How many series there are, counting no further than `most`."""
    query = select(drill_series.c.id).limit(most)
    if statuses:
        query = query.where(drill_series.c.status.in_([status.value for status in statuses]))
    return tx.execute(select(func.count()).select_from(query.subquery())).scalar_one()


def find_series_ids(tx: Transaction, prefix: str) -> list[UUID]:
    """The ids that begin with `prefix`, at most a handful: for commands that take a shortened id."""
    text_id = cast(drill_series.c.id, Text)
    query = select(drill_series.c.id).where(text_id.startswith(prefix, autoescape=True)).limit(5)
    return list(tx.execute(query).scalars())


def series_ids(tx: Transaction) -> list[UUID]:
    """All series, oldest first."""
    return list(tx.execute(select(drill_series.c.id).order_by(drill_series.c.created_at, drill_series.c.id)).scalars())


def start_series(tx: Transaction, series_id: UUID, run_id: UUID) -> None:
    """Says that the run is at work on the series."""
    tx.execute(
        update(drill_series)
        .where(drill_series.c.id == series_id)
        .values(run_id=run_id, status=SeriesStatus.GENERATING.value, completed_at=None)
    )


def pause_series(tx: Transaction, series_id: UUID) -> None:
    """Says that nobody is at work on the series, which is not over."""
    still = (drill_series.c.id == series_id) & (drill_series.c.status == SeriesStatus.GENERATING.value)
    tx.execute(update(drill_series).where(still).values(status=SeriesStatus.PENDING.value))


def pause_series_of(tx: Transaction, run_id: UUID) -> None:
    """The same for the series that a run was at work on whose process is gone."""
    still = (drill_series.c.run_id == run_id) & (drill_series.c.status == SeriesStatus.GENERATING.value)
    tx.execute(update(drill_series).where(still).values(status=SeriesStatus.PENDING.value))


def end_series(tx: Transaction, series_id: UUID, status: SeriesStatus, warning: str | None) -> None:
    """Says how work on the series ended."""
    tx.execute(
        update(drill_series)
        .where(drill_series.c.id == series_id)
        .values(status=status.value, warning=warning, completed_at=func.now())
    )


def put_position_cost(tx: Transaction, series_id: UUID, cost: Mapping[str, Any]) -> None:
    """Writes what the series' positions cost, as it is known now."""
    tx.execute(update(drill_series).where(drill_series.c.id == series_id).values(position_cost=dict(cost)))


def ask_again(tx: Transaction, series_id: UUID) -> int:
    """Opens the ended batches that lack drills for another attempt; returns how many there are."""
    b = drill_batches.c
    missing = update(drill_batches).where(b.series_id == series_id, b.delivered < b.size, b.status.not_in(UNFINISHED))
    opened = {"status": BatchStatus.PENDING.value, "attempt": b.attempt + 1, "completed_at": None}
    return tx.execute(missing.values(**opened, error=None, error_category=None)).rowcount


def list_batches(tx: Transaction, series_id: UUID) -> list[StoredDrillBatch]:
    """The series' batches in order."""
    query = select(drill_batches).where(drill_batches.c.series_id == series_id).order_by(drill_batches.c.index)
    return [_batch(row) for row in tx.execute(query)]


def start_batch(tx: Transaction, batch_id: UUID) -> None:
    """Says that the batch's first call is under way."""
    b = drill_batches.c
    tx.execute(
        update(drill_batches)
        .where(b.id == batch_id, b.status == BatchStatus.PENDING.value)
        .values(status=BatchStatus.GENERATING.value)
    )


def finish_batch(tx: Transaction, batch_id: UUID, result: DrillBatchResult) -> bool:
    """Records how the batch ended, adding up its calls; False when it had ended before (then nothing is changed)."""
    b = drill_batches.c
    changed = tx.execute(
        update(drill_batches)
        .where(b.id == batch_id, b.status.in_(UNFINISHED))
        .values(
            status=result.status.value,
            calls=b.calls + result.calls,
            delivered=result.delivered,
            invalid=b.invalid + result.invalid,
            error_category=result.error_category,
            error=result.error,
            completed_at=func.now(),
        )
    )
    return changed.rowcount == 1


def put_drills(tx: Transaction, series_id: UUID, batch_id: UUID, found: Sequence[NewDrill]) -> None:
    """Writes drills to their places; one that is there already is replaced."""
    if not found:
        return
    rows = [
        {
            "series_id": series_id,
            "batch_id": batch_id,
            "index": new.index,
            "position_id": new.drill.position_id,
            "content": new.drill.model_dump(mode="json"),
            "provider": new.provider,
            "model": new.model,
            "prompt_version": new.prompt_version,
        }
        for new in found
    ]
    statement = insert(drills)
    replaced = {name: statement.excluded[name] for name in rows[0] if name not in ("series_id", "index")}
    unchecked = {"verification": None, "equity_loss": None}
    tx.execute(statement.on_conflict_do_update(index_elements=["series_id", "index"], set_=replaced | unchecked), rows)


def list_drills(tx: Transaction, series_id: UUID) -> list[StoredDrill]:
    """The series' drills in order."""
    query = (
        select(drills, drill_batches.c.index.label("batch_index"))
        .join(drill_batches, drill_batches.c.id == drills.c.batch_id)
        .where(drills.c.series_id == series_id)
        .order_by(drills.c.index)
    )
    return [_drill(row) for row in tx.execute(query)]


def count_drills(tx: Transaction, series_id: UUID) -> int:
    """How many drills the series has."""
    return tx.execute(select(func.count()).where(drills.c.series_id == series_id)).scalar_one()


def store_checks(
    tx: Transaction, series_id: UUID, checks: Mapping[int, CheckRow], verdict: SeriesVerdict, checked_with: str | None
) -> None:
    """Writes the checks of drills, by their index, and the verdict on the series."""
    if checks:
        tx.execute(_STORE_CHECK, [_check_values(series_id, index, check) for index, check in checks.items()])
    tx.execute(
        update(drill_series)
        .where(drill_series.c.id == series_id)
        .values(verification=verdict.value, checked_with=checked_with)
    )


_STORE_CHECK = (
    update(drills)
    .where(drills.c.series_id == bindparam("of_series"), drills.c.index == bindparam("at_index"))
    .values(verification=bindparam("found"), equity_loss=bindparam("loss"))
)


def _check_values(series_id: UUID, index: int, check: CheckRow) -> dict[str, Any]:
    found = {"verdict": check.verdict.value, "problems": list(check.problems), "checked_with": check.checked_with}
    return {"of_series": series_id, "at_index": index, "found": found, "loss": check.equity_loss}


def _series_query() -> Any:
    b = drill_batches.c
    own = b.series_id == drill_series.c.id

    def count_of(status: BatchStatus) -> Any:
        return func.coalesce(func.sum(case((b.status == status.value, 1), else_=0)), 0)

    def counted(value: Any, name: str) -> Any:
        return select(value).where(own).scalar_subquery().label(name)

    made = select(func.count()).select_from(drills).where(drills.c.series_id == drill_series.c.id)
    return select(
        drill_series,
        made.scalar_subquery().label("drills"),
        counted(func.count(b.id), "batches"),
        counted(count_of(BatchStatus.COMPLETED), "batches_completed"),
        counted(count_of(BatchStatus.FAILED), "batches_failed"),
    )


def _series(row: Row[Any]) -> StoredSeries:
    m = dict(row._mapping)
    return StoredSeries(
        **{
            **m,
            "status": SeriesStatus(m["status"]),
            "verification": SeriesVerdict(m["verification"]),
            "phases": tuple(Phase(phase) for phase in m["phases"]),
            "plan_warnings": tuple(m["plan_warnings"]),
        }
    )


def _batch(row: Row[Any]) -> StoredDrillBatch:
    m = row._mapping
    known = {name: m[name] for name in StoredDrillBatch.__dataclass_fields__}
    return StoredDrillBatch(
        **{**known, "slots": tuple(_slot(slot) for slot in m["slots"]), "status": BatchStatus(m["status"])}
    )


def _slot(stored: Mapping[str, Any]) -> Slot:
    return Slot(**{**stored, "phase": Phase(stored["phase"]), "tier": Tier(stored["tier"])})


def _drill(row: Row[Any]) -> StoredDrill:
    m = row._mapping
    found = m["verification"]
    check = None
    if found is not None:
        check = CheckRow(
            DrillVerdict(found["verdict"]), m["equity_loss"], tuple(found["problems"]), found["checked_with"]
        )
    return StoredDrill(
        id=m["id"],
        index=m["index"],
        batch_index=m["batch_index"],
        drill=Drill.model_validate(m["content"]),
        provider=m["provider"],
        model=m["model"],
        prompt_version=m["prompt_version"],
        check=check,
    )
