"""Runs as the admin API asks for them: filtered and sorted pages, reports that arrive, durations, the newest.

Not here: the pipeline's own writing of its run (`runs.py`), sums over runs (`run_days.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    bindparam,
    cast,
    exists,
    func,
    null,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert
from sqlalchemy.exc import DataError, IntegrityError

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import pruned_run_durations
from qgen_dagster.bank.run_days import Period
from qgen_dagster.bank.tables import RUN_COLUMNS, runs
from qgen_dagster.core.run import RunKind, RunStatus

SortKey = Literal["started_at", "duration", "success_rate", "cost"]
_SORTED = {
    "started_at": runs.c.started_at,
    "duration": runs.c.duration_seconds,
    "success_rate": runs.c.overall_success_rate,
    "cost": runs.c.cost_usd,
}
_HEAVY = ("provider_metrics", "type_metrics", "difficulty_metrics", "error_summary", "funnel", "options")
_LONG = ("host", "pid", "error", "reported")
SUMMARY = tuple(c for c in RUN_COLUMNS if c.name not in (*_HEAVY, *_LONG))


_LATER = runs.alias("later")
_RUN_AND_ROUNDS = select(
    *RUN_COLUMNS,
    select(func.array_agg(aggregate_order_by(_LATER.c.id, _LATER.c.started_at, _LATER.c.id)))
    .where(_LATER.c.parent_run_id == runs.c.id)
    .scalar_subquery()
    .label("later_rounds"),
).where(runs.c.id == bindparam("run_id"))


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs; None leaves a condition out. `since` is included, `until` is not; rates are 0–1, ends included."""

    statuses: tuple[str, ...] = ()
    environment: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    min_success_rate: float | None = None
    max_success_rate: float | None = None
    provider: str | None = None
    question_type: str | None = None
    prompt_version: str | None = None
    triggered_by: str | None = None


@dataclass(frozen=True, slots=True)
class DurationCounts:
    """Seconds that ended runs took; None where none was timed."""

    runs: int
    average: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class RecentRun:
    """An ended run with a success rate."""

    id: UUID
    started_at: datetime
    overall_success_rate: float


def page_of_runs(
    tx: Transaction, wanted: RunFilter, sort: SortKey, *, descending: bool, limit: int, offset: int
) -> list[dict[str, Any]]:
    """A page of runs without their breakdowns; ties by id, runs without the sorted value last."""
    found = tx.execute(page_query(wanted, sort, descending=descending, limit=limit, offset=offset)).all()
    if sort != "started_at" and (lacking := limit - len(found)):
        before = 0 if found else offset - tx.execute(_valued_query(wanted, sort, offset)).scalar_one()
        rest = page_query(wanted, sort, descending=descending, limit=lacking, offset=before, valued=False)
        found = [*found, *tx.execute(rest)]
    return [dict(row._mapping) for row in found]


@lru_cache(maxsize=256)  # making a query takes longer than running it
def page_query(
    wanted: RunFilter, sort: SortKey, *, descending: bool, limit: int, offset: int, valued: bool = True
) -> Select[Any]:
    """A page of the runs that have the sorted value, or of those that lack it: its ids by an index, then their rows.

    They are two queries because one index serves either direction with nulls last only so. Every run has a start.
    """
    column, conditions = _SORTED[sort], _conditions(wanted)
    if sort != "started_at":
        conditions.append(column.is_not(None) if valued else column.is_(None))
    ordered = (column, runs.c.id) if valued else (runs.c.id,)
    base = select(runs.c.id, column.label("value")).where(*conditions)
    chosen = base.order_by(*_directed(descending, *ordered)).limit(limit).offset(offset).subquery()
    return (
        select(*SUMMARY)
        .join(chosen, chosen.c.id == runs.c.id)
        .order_by(*_directed(descending, chosen.c.value, chosen.c.id))
    )


@lru_cache(maxsize=256)
def _valued_query(wanted: RunFilter, sort: SortKey, most: int) -> Select[int]:
    """How many runs have the sorted value, counting no further than `most`."""
    column = _SORTED[sort]
    found = select(column).where(*_conditions(wanted), column.is_not(None)).limit(most)
    return select(func.count()).select_from(found.subquery())


def _directed(descending: bool, *columns: Any) -> tuple[ColumnElement[Any], ...]:
    return tuple(column.desc() if descending else column.asc() for column in columns)


def count_runs(tx: Transaction, wanted: RunFilter, most: int) -> int:
    """How many runs match, counting no further than `most`."""
    return tx.execute(count_query(wanted, most)).scalar_one()


@lru_cache(maxsize=256)
def count_query(wanted: RunFilter, most: int) -> Select[int]:
    """The query of `count_runs`."""
    found = select(runs.c.started_at).where(*_conditions(wanted)).limit(most)
    if wanted == RunFilter() or wanted.provider is not None or wanted.question_type is not None:
        found = found.order_by(runs.c.started_at.desc())  # the plan of the list; any other would read the whole table
    return select(func.count()).select_from(found.subquery())


def add_reported(tx: Transaction, values: Mapping[str, Any]) -> bool:
    """Writes a reported run; False when its id is there already (then nothing is changed)."""
    statement = insert(runs).on_conflict_do_nothing(index_elements=["id"]).returning(runs.c.id)
    given = {name: value for name, value in values.items() if value is not None}
    return tx.execute(statement, {**given, "reported": True}).scalar() is not None


def lock_run(tx: Transaction, run_id: UUID) -> dict[str, Any] | None:
    """All columns of a run, which nobody else can change until the end of the transaction."""
    row = tx.execute(select(*RUN_COLUMNS).where(runs.c.id == run_id).with_for_update()).first()
    return dict(row._mapping) if row else None


def change_reported(tx: Transaction, run_id: UUID, values: Mapping[str, Any]) -> None:
    """Writes the given columns of a run."""
    tx.execute(
        update(runs).where(runs.c.id == run_id).values({k: null() if v is None else v for k, v in values.items()})
    )


def run_and_later_rounds(tx: Transaction, run_id: UUID) -> tuple[dict[str, Any], list[UUID]] | None:
    """All columns of a run, and the ids of the later rounds of its fill, oldest first; None when there is no run."""
    row = tx.execute(_RUN_AND_ROUNDS, {"run_id": run_id}).first()
    if row is None:
        return None
    found = dict(row._mapping)
    return found, found.pop("later_rounds") or []


def durations(tx: Transaction, period: Period) -> DurationCounts:
    """Exact percentiles of the durations of the period's ended runs; served by an index alone where none is deleted."""
    pruned = _pruned_durations(period)
    if not tx.execute(select(exists(pruned))).scalar():
        row = tx.execute(durations_query(period)).one()
    else:
        kept = select(runs.c.duration_seconds).where(*_ended_in(period))
        every = union_all(kept, pruned).subquery()
        row = tx.execute(_percentiles(every.c.duration_seconds)).one()
    points = row[2] or [None] * 4
    return DurationCounts(row[0], row[1], *points)


def durations_query(period: Period) -> Select[Any]:
    """The query of `durations` where no run is deleted."""
    return _percentiles(runs.c.duration_seconds).where(*_ended_in(period))


def _percentiles(seconds: ColumnElement[Any]) -> Select[Any]:
    shares = text("ARRAY[0.5, 0.9, 0.95, 0.99]")
    return select(func.count(seconds), func.avg(seconds), func.percentile_cont(shares).within_group(seconds))


def _pruned_durations(period: Period) -> Select[Any]:
    """How long the deleted runs took, of whole days."""
    c = pruned_run_durations.c
    first, end = period.day_range()
    conditions = [c.day >= first, c.day < end]
    if period.environment is not None:
        conditions.append(c.environment == period.environment)
    if period.prompt_versions:
        conditions.append(c.prompt_version.in_(period.prompt_versions))
    return select(func.unnest(c.seconds).label("duration_seconds")).where(*conditions)


def _ended_in(period: Period) -> list[ColumnElement[bool]]:
    c = runs.c
    conditions = [c.started_at >= period.since, c.started_at < period.until, c.status != RunStatus.RUNNING.value]
    conditions.append(c.kind == RunKind.QUESTIONS.value)
    if period.environment is not None:
        conditions.append(c.environment == period.environment)
    if period.prompt_versions:
        conditions.append(c.prompt_version.in_(period.prompt_versions))
    return conditions


def recent_success(tx: Transaction, environment: str | None, limit: int) -> list[RecentRun]:
    """The newest ended runs that have a success rate, newest first."""
    query = (
        select(runs.c.id, runs.c.started_at, runs.c.overall_success_rate)
        .where(runs.c.status != RunStatus.RUNNING.value, runs.c.overall_success_rate.is_not(None))
        .order_by(runs.c.started_at.desc(), runs.c.id)
        .limit(limit)
    )
    if environment is not None:
        query = query.where(runs.c.environment == environment)
    return [RecentRun(*row) for row in tx.execute(query)]


def explain(tx: Transaction, query: Select[Any]) -> str:
    """The plan that the server makes for a query, for benchmarks."""
    compiled = query.compile(tx, compile_kwargs={"literal_binds": True})
    return "\n".join(tx.exec_driver_sql(f"EXPLAIN {compiled}").scalars())


def is_refusal(error: Exception) -> bool:
    """Whether the database refused the data of a report (a check, a range, an unknown parent), rather than failed."""
    return isinstance(error, IntegrityError | DataError)


def _conditions(wanted: RunFilter) -> list[ColumnElement[bool]]:
    c = runs.c
    found: list[ColumnElement[bool]] = []
    if wanted.statuses:
        found.append(c.status.in_(wanted.statuses))
    if wanted.since is not None:
        found.append(c.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(c.started_at < wanted.until)
    if wanted.min_success_rate is not None:
        found.append(c.overall_success_rate >= wanted.min_success_rate)
    if wanted.max_success_rate is not None:
        found.append(c.overall_success_rate <= wanted.max_success_rate)
    if wanted.provider is not None:
        found.append(_names(c.provider_names, wanted.provider))
    if wanted.question_type is not None:
        found.append(_names(c.type_names, wanted.question_type))
    pairs: Sequence[tuple[Any, str | None]] = (
        (c.environment, wanted.environment),
        (c.prompt_version, wanted.prompt_version),
        (c.triggered_by, wanted.triggered_by),
    )
    found += [column == value for column, value in pairs if value is not None]
    return found


def _names(names: Any, name: str) -> ColumnElement[bool]:
    return names.op("?")(cast(name, Text))  # type: ignore[no-any-return]
