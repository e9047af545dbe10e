"""Reports about runs that arrive from elsewhere, and reading runs back.

Here: the rule by which a report changes what is known of a run, so that reports may be repeated, arrive twice at once
or out of order. Not here: checking a report's shape (`tracking/run_schemas.py`), the pipeline's own record of its run
(`services/runs.py`), sending reports.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID, uuid4

from pydantic import ValidationError

from qgen_dagster.bank import run_queries as rows
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.run_queries import RunFilter, SortKey
from qgen_dagster.core.errors import QgenError
from qgen_dagster.core.run import RunStatus
from qgen_dagster.tracking.run_schemas import (
    BREAKDOWNS,
    SCALARS,
    QuestionGenerationRunCreate,
    Reported,
    StageLosses,
    stage_losses,
)

COUNTED = 10_000  # a page's total stops counting here, and pages end here
COUNTED_AHEAD = 1_000  # a list of runs counts in steps of so many, one step past the page


class ReportRefused(QgenError):
    """The report cannot be taken: it names a parent that is not known, or does not fit what is known of the run."""


class ReportConflict(QgenError):
    """The report contradicts what is known of the run under its id."""


class Step(StrEnum):
    """What a report does to what is known of its run."""

    UPDATE = "update"
    KEEP = "keep"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class FoundRuns:
    """A page of runs, as rows without breakdowns; where `total` is not exact, counting stopped there."""

    runs: list[dict[str, Any]]
    total: int
    is_exact: bool


@dataclass(frozen=True)
class FullRun:
    """A run's whole row, where its questions were lost, and the later rounds of its fill."""

    row: dict[str, Any]
    losses: StageLosses
    later_rounds: list[UUID]


def report(bank: Bank, told: QuestionGenerationRunCreate) -> Reported:
    """Records a report: a new run, or the next state of a known one.

    A run goes from running to ended and never back; between two reports of the same kind the one that was made later
    (heartbeat_at, else completed_at, else started_at) counts. An older or equal report changes nothing. Fields that a
    report leaves out stay as they were. A run of this very installation records itself, and no report changes it.
    Raises ReportConflict when an ended run is told otherwise at the same moment, or has another start; ReportRefused
    when the parent is unknown or the whole would not be sound.
    """
    try:
        with bank.begin() as tx:
            return _record(tx, told)
    except QgenError as error:
        if error.__cause__ is not None and rows.is_refusal(error.__cause__):  # type: ignore[arg-type]
            known = "parent_run_id names no run that is known"
            raise ReportRefused(known if told.parent_run_id else error.message) from error
        raise


def find_runs(
    bank: Bank, wanted: RunFilter, sort: SortKey = "started_at", *, descending: bool = True, limit: int, offset: int = 0
) -> FoundRuns:
    """A page of runs and how many there are; a first page counts to 1,000, a later one further."""
    most = min(COUNTED, -(-(offset + limit + 1) // COUNTED_AHEAD) * COUNTED_AHEAD)
    with bank.session() as tx:
        found = rows.page_of_runs(tx, wanted, sort, descending=descending, limit=limit, offset=offset)
        total = offset + len(found)
        if len(found) == limit or not found:
            total = rows.count_runs(tx, wanted, most + 1)
    return FoundRuns(found, min(total, most), total <= most)


def read_run(bank: Bank, run_id: UUID) -> FullRun | None:
    """Everything about a run, or None when there is none."""
    with bank.session() as tx:
        found = rows.run_and_later_rounds(tx, run_id)
    if found is None:
        return None
    row, later = found
    losses = stage_losses(
        row["questions_requested"],
        row["questions_generated"],
        row["questions_approved"],
        row["duplicates_found"],
        row["questions_inserted"],
    )
    return FullRun(row, losses, later)


def _record(tx: Transaction, told: QuestionGenerationRunCreate) -> Reported:
    given = _columns(told)
    run_id = told.id or uuid4()
    if rows.add_reported(tx, {**given, **_computed(given), "id": run_id}):
        return _reported(run_id, told.status, "created")
    known = rows.lock_run(tx, run_id)
    if known is None:  # deleted in the meantime; the retry will make it
        raise ReportConflict(f"run {run_id} was removed while this report arrived", hint="Send it again.")
    if not known["reported"]:  # a run of this installation, whose row nobody else may change
        return _reported(run_id, RunStatus(known["status"]), "unchanged")
    step = next_step(known, given, same=_says_the_same(known, told))
    if step is Step.CONFLICT:
        raise ReportConflict(
            f"run {run_id} started at {known['started_at'].isoformat()} and is {known['status']}; "
            "this report says something else",
            hint="A report of an ended run replaces another only with a later heartbeat_at or completed_at.",
        )
    if step is Step.KEEP:
        return _reported(run_id, RunStatus(known["status"]), "unchanged")
    whole = _merged(known, told)
    changes = _columns(whole)
    rows.change_reported(tx, run_id, {**changes, **_computed(changes)})
    return _reported(run_id, whole.status, "updated")


def next_step(known: Mapping[str, Any], told: Mapping[str, Any], *, same: bool) -> Step:
    """What a report does to a run that is known already; pure. Both by column; `same`: it says what is known."""
    if told["started_at"] != known["started_at"]:
        return Step.CONFLICT
    was_running, is_running = (r["status"] == RunStatus.RUNNING.value for r in (known, told))
    if was_running != is_running:
        return Step.UPDATE if was_running else Step.KEEP
    if same:
        return Step.KEEP
    before, now = _moment(known), _moment(told)
    if now > before or (is_running and now == before):
        return Step.UPDATE
    return Step.KEEP if now < before else Step.CONFLICT


def _moment(run: Mapping[str, Any]) -> datetime:
    moments: list[datetime | None] = [run.get(n) for n in ("heartbeat_at", "completed_at")]
    return max((m for m in moments if m is not None), default=run["started_at"])


def _says_the_same(known: Mapping[str, Any], told: QuestionGenerationRunCreate) -> bool:
    """Whether every field that was given is known so already, in whatever words."""
    try:
        before = _columns(QuestionGenerationRunCreate.model_validate(_known_fields(known)))
    except ValidationError:
        return False  # written by hand; no report can say that
    now = _columns(told)
    return all(_equal(before[name], now[name]) for name in told.model_fields_set - {"id"})


def _equal(known: Any, told: Any) -> bool:
    if isinstance(told, float) and known is not None:
        return abs(float(known) - told) < 1e-6  # money is kept to six places
    return bool(known == told)


def _known_fields(known: Mapping[str, Any]) -> dict[str, Any]:
    return {name: known[name] for name in (*SCALARS, *BREAKDOWNS) if known[name] is not None}


def _merged(known: Mapping[str, Any], told: QuestionGenerationRunCreate) -> QuestionGenerationRunCreate:
    before = _known_fields(known)
    now = told.model_dump(include=told.model_fields_set, mode="python")
    if "questions_inserted" in now or "questions_requested" in now:
        before.pop("overall_success_rate", None)  # computed anew where it is not told
    try:
        return QuestionGenerationRunCreate.model_validate({**before, **now})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ReportRefused(f"with what is known of the run, {first['msg'].removeprefix('Value error, ')}") from error


def _columns(told: QuestionGenerationRunCreate) -> dict[str, Any]:
    values = told.model_dump(exclude={"id"})
    values["status"] = told.status.value
    for name in BREAKDOWNS:
        if isinstance(values[name], dict):
            values[name] = _plain(values[name])
    return values


def _plain(document: dict[Any, Any]) -> dict[str, Any]:
    """A breakdown as JSON: names for enumerations, and nothing that was not measured left out."""
    return {str(getattr(k, "value", k)): _plain(v) if isinstance(v, dict) else v for k, v in document.items()}


def _computed(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if values["duration_seconds"] is None and values["completed_at"] is not None:
        found["duration_seconds"] = (values["completed_at"] - values["started_at"]).total_seconds()
    ended = values["status"] != RunStatus.RUNNING.value
    if values["overall_success_rate"] is None and ended and values["questions_requested"]:
        found["overall_success_rate"] = values["questions_inserted"] / values["questions_requested"]
    return found


def _reported(run_id: UUID, status: RunStatus, outcome: Literal["created", "updated", "unchanged"]) -> Reported:
    return Reported(id=run_id, status=status, outcome=outcome)
