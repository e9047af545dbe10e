"""Routes of `/v1/admin/generation-runs`.

Not here: how reports change a run (`services/run_reports.py`), statistics (`services/run_statistics.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from qgen_dagster.api.bodies import FilterText, When, answer, body_of, takes
from qgen_dagster.api.problems import Problem, responses
from qgen_dagster.api.security import Reader, Writer
from qgen_dagster.api.sharing import Sharing
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.run_days import Period
from qgen_dagster.bank.run_queries import RunFilter, SortKey
from qgen_dagster.config.reporting import PATH
from qgen_dagster.core.run import RunStatus
from qgen_dagster.services import run_reports, run_statistics
from qgen_dagster.tracking.run_schemas import (
    QuestionGenerationRunCreate,
    QuestionGenerationRunRead,
    Rate,
    Reported,
    RunPage,
)
from qgen_dagster.tracking.stats_schemas import (
    QuestionGenerationRunComparison,
    QuestionGenerationRunStats,
    QuestionGenerationRunTimeseries,
)

MAX_PAGE_SIZE = 200
COMMON = (401, 403, 422, 429, 503)
router = APIRouter(prefix=PATH, tags=["Runs"])


class ClosedQuery(BaseModel):
    """Parameters of a query; an unknown one is refused, since a misspelt filter would show too much."""

    model_config = ConfigDict(extra="forbid")


class PeriodQuery(ClosedQuery):
    """Which runs a statistic is about."""

    since: When | None = Field(None, description="Runs that started at or after this time. Default: 30 days (UTC).")
    until: When | None = Field(None, description="Runs that started before this time. Default: the end of today (UTC).")
    environment: FilterText | None = None

    def period(self, *versions: str) -> Period:
        """The period that is meant."""
        return run_statistics.make_period(
            now(), self.since, self.until, environment=self.environment, prompt_versions=versions
        )


class StatsQuery(PeriodQuery):
    """Parameters of the statistics."""

    prompt_version: FilterText | None = None
    success_threshold: Rate = Field(
        run_statistics.DEFAULT_THRESHOLD, description="A run below this overall success rate counts for the streak."
    )
    consecutive: int = Field(
        run_statistics.DEFAULT_STREAK,
        ge=1,
        le=run_statistics.MAX_STREAK,
        description="So many such runs in a row raise `low_success_streak.alert`.",
    )


class TimeseriesQuery(PeriodQuery):
    """Parameters of the time series."""

    prompt_version: FilterText | None = None
    bucket: Literal["day", "hour"] = Field("day", description="Hours for at most 31 days, days for at most 3,660.")


class CompareQuery(ClosedQuery):
    """Parameters of the comparison."""

    prompt_version: list[FilterText] = Field(
        min_length=2,
        max_length=2,
        description="Twice: the version before, and the version after.",
        examples=[["2.0", "2.1"]],
    )
    since: When | None = Field(None, description="Default: from the first run on.")
    until: When | None = None
    environment: FilterText | None = None


class ListQuery(ClosedQuery):
    """Parameters of the list."""

    status: list[RunStatus] = Field(default=[], max_length=10, description="May be repeated.")
    environment: FilterText | None = None
    since: When | None = Field(None, description="Runs that started at or after this time.")
    until: When | None = Field(None, description="Runs that started before this time.")
    min_success_rate: Rate | None = Field(None, description="Of `overall_success_rate`, 0–1, included.")
    max_success_rate: Rate | None = None
    provider: FilterText | None = Field(None, description="Runs in which this provider was called.")
    question_type: FilterText | None = Field(None, description="Runs that generated questions of this type.")
    prompt_version: FilterText | None = None
    triggered_by: FilterText | None = None
    sort: SortKey = Field("started_at", description="Runs without the value come last; ties are settled by id.")
    order: Literal["desc", "asc"] = "desc"
    page: int = Field(1, ge=1, le=run_reports.COUNTED)
    page_size: int = Field(20, ge=1, le=MAX_PAGE_SIZE)

    def filter(self) -> RunFilter:
        """The conditions. Raises Problem for a range that is upside down."""
        check_ranges(self.since, self.until)
        low, high = self.min_success_rate, self.max_success_rate
        if low is not None and high is not None and low > high:
            raise Problem(422, "min_success_rate must not be above max_success_rate.")
        return RunFilter(
            statuses=tuple(sorted({status.value for status in self.status})),
            **{
                name: getattr(self, name)
                for name in (
                    *("environment", "since", "until", "min_success_rate", "max_success_rate"),
                    *("provider", "question_type", "prompt_version", "triggered_by"),
                )
            },
        )


@router.post(
    "",
    status_code=201,
    response_model=Reported,
    openapi_extra=takes(QuestionGenerationRunCreate),
    responses={
        200: {"model": Reported, "description": "Known already: updated, or unchanged."},
        **responses(400, 409, 413, 415, *COMMON),
    },
)
def report_run(
    request: Request,
    _who: Writer,  # before the body: who may not write learns nothing about it
    told: Annotated[QuestionGenerationRunCreate, Depends(body_of(QuestionGenerationRunCreate))],
) -> Response:
    """Report a run: that it is running, or how it ended.

    Without an `id` a new run is made each time. With one, the first report makes the run (201) and later ones update it
    (200): from running to ended, never back; of two reports of the same kind the later one counts (`heartbeat_at`, else
    `completed_at`). So a report may be sent again, twice at once, or late. 409: an ended run is told otherwise.
    """
    done = run_reports.report(bank_of(request), told)
    created = done.outcome == "created"
    return answer(done, 201 if created else 200, {"Location": f"{PATH}/{done.id}"} if created else None)


@router.get("", response_model=RunPage, responses=responses(404, *COMMON))
def list_runs(request: Request, query: Annotated[ListQuery, Query()], _who: Reader) -> Response:
    """List runs: filtered, sorted, a page at a time, without their breakdowns.

    Pages reach the first 10,000 runs that match; for older ones use `until`. Counting them takes longer than finding
    them: `total` goes on to the next thousand past the page, and `total_is_exact` says whether that is all. A page
    beyond the last is a 404.
    """
    wanted = query.filter()
    offset = check_page(query.page, query.page_size)
    found = run_reports.find_runs(
        bank_of(request), wanted, query.sort, descending=query.order == "desc", limit=query.page_size, offset=offset
    )
    pages = max(1, -(-found.total // query.page_size))
    if query.page > pages:
        raise Problem(404, f"There are {pages:,} pages.")
    return answer(
        {
            "runs": [_row(row) for row in found.runs],
            "page": query.page,
            "page_size": query.page_size,
            "pages": pages,
            "total": found.total,
            "total_is_exact": found.is_exact,
        }
    )


@router.get("/stats", response_model=QuestionGenerationRunStats, responses=responses(*COMMON))
async def run_stats(request: Request, query: Annotated[StatsQuery, Query()], _who: Reader) -> Response:
    """What the runs of a period did: totals, volume-weighted rates, durations, costs, providers, types, errors, trends.

    Runs count by the time they started. Rates are sums over sums, null where nothing was measured. The period is the
    last 30 days (UTC, today included) where none is given; whole days are the fastest.
    """
    bank, period, at = bank_of(request), query.period(*filter(None, [query.prompt_version])), now()
    threshold, streak = query.success_threshold, query.consecutive
    return await _shared(
        request,
        ("stats", period, threshold, streak),
        lambda: run_statistics.run_stats(bank, period, at, threshold=threshold, streak=streak),
    )


@router.get("/compare", response_model=QuestionGenerationRunComparison, responses=responses(*COMMON))
async def compare_versions(request: Request, query: Annotated[CompareQuery, Query()], _who: Reader) -> Response:
    """Compare two prompt versions: `?prompt_version=2.0&prompt_version=2.1`.

    Side by side, with 95 % intervals, and for each difference whether it is more than chance.
    """
    bank, at = bank_of(request), now()
    versions, environment = tuple(query.prompt_version), query.environment

    def compute() -> QuestionGenerationRunComparison:
        period = run_statistics.whole_history(bank, at, query.since, query.until, environment)
        return run_statistics.compare_versions(bank, period, versions, at)

    return await _shared(request, ("compare", versions, query.since, query.until, environment), compute)


@router.get("/timeseries", response_model=QuestionGenerationRunTimeseries, responses=responses(*COMMON))
async def timeseries(request: Request, query: Annotated[TimeseriesQuery, Query()], _who: Reader) -> Response:
    """The period cut into days or hours (UTC), for plots; buckets without runs have null rates."""
    bank, period, at = bank_of(request), query.period(*filter(None, [query.prompt_version])), now()
    return await _shared(
        request,
        ("timeseries", period, query.bucket),
        lambda: run_statistics.timeseries(bank, period, query.bucket, at),
    )


@router.get("/{run_id}", response_model=QuestionGenerationRunRead, responses=responses(404, *COMMON))
def read_run(request: Request, run_id: UUID, _who: Reader) -> Response:
    """Everything about a run, with its breakdowns and what each stage lost (together: requested − inserted)."""
    found = run_reports.read_run(bank_of(request), run_id)
    if found is None:
        raise Problem(404, "There is no such run.")
    return answer({**_row(found.row), "losses": found.losses, "later_rounds": found.later_rounds})


async def _shared(request: Request, key: Hashable, compute: Callable[[], BaseModel]) -> Response:
    sharing: Sharing = request.app.state.sharing
    content = await sharing.get(key, lambda: compute().model_dump_json().encode())
    return Response(content, media_type="application/json")


def bank_of(request: Request) -> Bank:
    """The bank of the app."""
    bank: Bank = request.app.state.bank
    return bank


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def check_page(page: int, size: int) -> int:
    """The offset of a page. Raises Problem beyond what pages reach."""
    if (page - 1) * size >= run_reports.COUNTED:
        raise Problem(404, f"Pages reach the first {run_reports.COUNTED:,} entries; narrow the filter.")
    return (page - 1) * size


def check_ranges(since: datetime | None, until: datetime | None) -> None:
    """Raises Problem for a period that ends before it begins."""
    if since is not None and until is not None and since > until:
        raise Problem(422, "since must not be after until.")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    for ours in ("options", "reported"):
        row.pop(ours, None)
    if row["cost_usd"] is not None:
        row["cost_usd"] = float(row["cost_usd"])
    return row
