"""The list of runs, and a run: where its questions went, and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from qgen_dagster.api.dashboard.forms import checked, given_in
from qgen_dagster.api.dashboard.pages import Section, pager, render
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.problems import Problem
from qgen_dagster.api.runs import ListQuery, bank_of, check_page
from qgen_dagster.core.funnel import DUPLICATE_LOSSES, Loss
from qgen_dagster.core.run import RunStatus
from qgen_dagster.services import admin_reads, run_reports

router = APIRouter()
SECTION = Section("Runs", "/runs", router)
PAGE_SIZE = 25
BATCHES_SHOWN = 100
SORTS = {"started_at": "start", "duration": "duration", "success_rate": "success", "cost": "cost"}
LOST_AT: Mapping[str, Sequence[Loss]] = {
    "generated": (Loss.NOT_GENERATED, Loss.SATURATED),
    "approved": (Loss.FLAWED, Loss.LOW_SCORE, Loss.LEAKED, Loss.WRONG_KEY, Loss.AMBIGUOUS, Loss.OFF_BAND),
    "unique": DUPLICATE_LOSSES,
    "inserted": (Loss.SURPLUS, Loss.INSERTION_FAILED),
}


@dataclass(frozen=True)
class Step:
    """A step of the funnel: how many reached it, how many were lost before it, and why, as far as that is known."""

    name: str
    count: int
    share: float
    lost: int
    reasons: Sequence[tuple[Loss, int]]


@router.get("/runs")
def list_runs(request: Request, session: Visit) -> Response:
    """Runs, filtered and sorted, a page at a time."""
    given = given_in(request, lists=frozenset({"status"}))
    query = checked(ListQuery, {**_with_moments(given), "page_size": PAGE_SIZE})
    wanted = query.filter()
    offset = check_page(query.page, PAGE_SIZE)
    found = run_reports.find_runs(
        bank_of(request), wanted, query.sort, descending=query.order == "desc", limit=PAGE_SIZE, offset=offset
    )
    return render(
        request,
        session,
        "runs.html",
        runs=found.runs,
        pager=pager(request, query.page, PAGE_SIZE, found.total, is_exact=found.is_exact),
        given=given,
        filtered=bool(given.keys() - {"page", "sort", "order"}),
        statuses=list(RunStatus),
        sorts=SORTS,
        types=[t.key for t in request.app.state.settings.taxonomy.types],
    )


@router.get("/runs/{run_id}")
def show_run(request: Request, session: Visit, run_id: UUID) -> Response:
    """Everything about a run."""
    bank = bank_of(request)
    found = run_reports.read_run(bank, run_id)
    if found is None:
        raise Problem(404, "There is no such run.")
    batches = admin_reads.find_batches(bank, {"run_id": run_id}, [], limit=BATCHES_SHOWN, offset=0)
    funnel = found.row["funnel"] or {}
    return render(
        request,
        session,
        "run.html",
        run=found.row,
        losses=found.losses,
        later_rounds=found.later_rounds,
        steps=steps(found.row),
        total=funnel.get("total", {}),
        strata=_in_order(funnel.get("strata", {}), request.app.state.settings.taxonomy.strata),
        batches=batches,
    )


def steps(row: Mapping[str, Any]) -> list[Step]:
    """The funnel of a run, from what was asked for to what is in the bank, by the numbers of its row."""
    losses = ((row["funnel"] or {}).get("total") or {}).get("losses") or {}
    approved = row["questions_approved"]
    counts = {
        "requested": row["questions_requested"],
        "generated": row["questions_generated"],
        "approved": approved,
        "unique": approved - row["duplicates_found"],
        "inserted": row["questions_inserted"],
    }
    made, before = [], counts["requested"]
    for name, count in counts.items():
        reasons = [(loss, losses[loss.value]) for loss in LOST_AT.get(name, ()) if losses.get(loss.value)]
        made.append(Step(name, count, count / max(1, counts["requested"]), before - count, reasons))
        before = count
    return made


def _with_moments(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields with days as moments: from the first's begin to the last's end, UTC."""
    values = dict(given)
    for name, more in (("since", 0), ("until", 1)):
        if name in values and len(values[name]) == len("2026-03-01"):
            try:
                day = date.fromisoformat(values[name]) + timedelta(days=more)
            except (ValueError, OverflowError):
                raise Problem(422, f"{name}: this is not a day.") from None
            values[name] = datetime(day.year, day.month, day.day, tzinfo=UTC).isoformat()
    return values


def _in_order(strata: Mapping[str, Any], known: Sequence[Any]) -> list[tuple[str, Mapping[str, Any]]]:
    order = {stratum.key: place for place, stratum in enumerate(known)}
    return sorted(strata.items(), key=lambda item: (order.get(item[0], len(order)), item[0]))
