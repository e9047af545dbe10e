"""Providers side by side, prompt versions side by side, and whether two versions differ by more than chance."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from markupsafe import Markup
from pydantic import Field

from qgen_dagster.api.bodies import FilterText
from qgen_dagster.api.dashboard.charts import interval_bar
from qgen_dagster.api.dashboard.forms import checked, given_in
from qgen_dagster.api.dashboard.pages import Section, render, shared
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.runs import ClosedQuery, bank_of, now
from qgen_dagster.services import dashboard_reads, run_statistics
from qgen_dagster.tracking.stats_schemas import IntervalRead

router = APIRouter()
SECTION = Section("Compare", "/compare", router)
PERIODS = tuple((str(days), f"{days} days") for days in (7, 30, 90, 365))


class CompareQuery(ClosedQuery):
    """What is compared: the last `days` days, and two prompt versions, the one before and the one after."""

    days: Literal["7", "30", "90", "365"] = "90"
    before: FilterText | None = None
    after: FilterText | None = None
    environment: FilterText | None = Field(None)


@router.get("/compare")
async def compare(request: Request, session: Visit) -> Response:
    """Providers and prompt versions of a period; two versions in detail."""
    query = checked(CompareQuery, given_in(request))
    bank, at = bank_of(request), now()
    period = run_statistics.make_period(at, days=int(query.days), environment=query.environment)
    found = await shared(
        request,
        ("compare", period, query.before, query.after),
        lambda: dashboard_reads.comparison(bank, period, query.before, query.after, at),
    )
    return await run_in_threadpool(
        lambda: render(
            request,
            session,
            "compare.html",
            query=query,
            periods=PERIODS,
            providers=found.providers,
            versions=found.versions,
            names=[version.prompt_version for version in found.versions],
            before=found.chosen[0],
            after=found.chosen[1],
            detail=found.detail,
            bar=bar,
        )
    )


def bar(value: float | None, interval: IntervalRead | None) -> Markup:
    """A rate with its interval, or nothing."""
    if value is None or interval is None:
        return Markup()
    return interval_bar(interval.low, value, interval.high)
