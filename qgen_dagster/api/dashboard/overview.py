"""The first page: stock, trends, the last runs, alerts, and what is under way, which keeps itself up to date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from markupsafe import Markup

from qgen_dagster.api.dashboard.charts import Series, bar_chart, line_chart
from qgen_dagster.api.dashboard.pages import Section, render, shared
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.dashboard.wording import money, number, score, share
from qgen_dagster.api.runs import bank_of, now
from qgen_dagster.services import dashboard_reads
from qgen_dagster.tracking.admin_schemas import InventoryRead, StratumStock
from qgen_dagster.tracking.stats_schemas import TimePoint, TrendRead
from qgen_dagster.tracking.summary import TREND_RULE

router = APIRouter()
SECTION = Section("Overview", "/", router)
SHOWN_TRENDS = {
    "avg_arbiter_score": "Arbiter score",
    "approval_rate": "Approval rate",
    "overall_success_rate": "Success rate",
    "cost_usd_per_inserted": "Cost per question",
}


@dataclass(frozen=True)
class Plot:
    """A picture, the names of its lines with their class, and its numbers by day."""

    title: str
    picture: Markup
    legend: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[str]]]
    columns: Sequence[str]


@dataclass(frozen=True)
class Heatmap:
    """The stock as a table: difficulties across; each type with its strata, None where there is no such stratum."""

    difficulties: Sequence[str]
    rows: Sequence[tuple[str, Sequence[StratumStock | None]]]


@router.get("/")
async def overview(request: Request, session: Visit) -> Response:
    """What an operator wants to know in the morning."""
    at = now()
    bank, settings = bank_of(request), request.app.state.settings
    found = await shared(request, "overview", lambda: dashboard_reads.overview(bank, settings, at))
    return await run_in_threadpool(
        lambda: render(
            request,
            session,
            "overview.html",
            at=at,
            found=found,
            heatmap=heatmap(found.stock),
            plots=plots(found.month.days),
            trends=_trends(found.month.trends),
            trend_rule=TREND_RULE,
            under_way=found.under_way,
        )
    )


@router.get("/live")
def live(request: Request, session: Visit) -> Response:
    """The part of the first page that is asked for again and again."""
    return render(request, session, "_live.html", at=now(), under_way=dashboard_reads.under_way(bank_of(request)))


def heatmap(stock: InventoryRead) -> Heatmap:
    """The strata by type and difficulty, in the taxonomy's order."""
    types = list(dict.fromkeys(s.question_type for s in stock.strata))
    difficulties = list(dict.fromkeys(s.difficulty for s in stock.strata))
    cells = {(s.question_type, s.difficulty): s for s in stock.strata}
    return Heatmap(difficulties, [(t, [cells.get((t, d)) for d in difficulties]) for t in types])


def plots(days: Sequence[TimePoint]) -> list[Plot]:
    """The last 30 days as pictures."""
    starts = [point.start for point in days]
    scores = [point.average_score for point in days]
    approval = [point.approval_rate for point in days]
    success = [point.overall_success_rate for point in days]
    costs = [point.cost_usd for point in days]
    names = [f"{start:%Y-%m-%d}" for start in starts]
    return [
        Plot(
            "Arbiter score",
            line_chart("Arbiter score by day", starts, [Series("score", "a", scores)], unit=lambda v: number(v, 2)),
            [],
            [(name, [score(v)]) for name, v in zip(names, scores, strict=True) if v is not None],
            ["score"],
        ),
        Plot(
            "Approval and success",
            line_chart(
                "Approval rate and success rate by day",
                starts,
                [Series("approved", "a", approval), Series("inserted", "b", success)],
                unit=lambda v: f"{v * 100:.0f} %",
            ),
            [("approved of judged", "a"), ("inserted of requested", "b")],
            [
                (name, [share(a), share(b)])
                for name, a, b in zip(names, approval, success, strict=True)
                if a is not None or b is not None
            ],
            ["approved", "inserted"],
        ),
        Plot(
            "Cost",
            bar_chart("Cost in US dollars by day", starts, costs, unit=lambda v: f"${v:,.2f}"),
            [],
            [(name, [money(v)]) for name, v in zip(names, costs, strict=True) if v is not None],
            ["cost"],
        ),
    ]


def _trends(found: Sequence[TrendRead]) -> list[tuple[str, TrendRead, str]]:
    return [(SHOWN_TRENDS[t.metric], t, _change(t)) for t in found if t.metric in SHOWN_TRENDS]


def _change(trend: TrendRead) -> str:
    if trend.change is None:
        return ""
    if trend.metric.startswith("cost"):
        return f"{'+' if trend.change >= 0 else '−'}{money(abs(trend.change))}"
    if trend.metric == "avg_arbiter_score":
        return f"{trend.change:+.2f}".replace("-", "−")
    return f"{trend.change * 100:+.1f} points".replace("-", "−")
