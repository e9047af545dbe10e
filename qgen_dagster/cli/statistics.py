"""Statistics over runs as tables and sentences.

Not here: the numbers (`tracking/summary.py`), the commands (`commands/run_statistics.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from qgen_dagster.cli.output import Output, cost_text, counted, heading, make_table, money, pairs, short, span, styled

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from qgen_dagster.tracking.stats_schemas import (
        IntervalRead,
        PartStats,
        PeriodRead,
        QuestionGenerationRunComparison,
        QuestionGenerationRunStats,
        QuestionGenerationRunTimeseries,
        Streak,
        TrendRead,
    )

_DIRECTIONS = {"improving": "green", "declining": "bold red", "stable": "cyan", "not enough data": "dim"}
_NAMES = {
    "approval_rate": "approval",
    "overall_success_rate": "overall success",
    "avg_arbiter_score": "arbiter score",
    "duplicate_rate": "duplicates",
    "cost_usd_per_inserted": "cost per inserted",
    "api_calls_per_inserted": "calls per inserted",
    "duration_seconds": "duration of a run",
}
_SHARES = ("approval_rate", "overall_success_rate", "duplicate_rate")


def show_stats(output: Output, found: QuestionGenerationRunStats) -> None:
    """The overview."""
    t, r = found.totals, found.rates
    output.show(heading(f"Runs, {period_text(found.period)}"), _runs(found))
    steps = [
        ("requested", f"{t.questions_requested:,}"),
        ("generated", f"{t.questions_generated:,}"),
        ("approved", _of(t.questions_approved, _rate(r.approval_rate, r.approval_interval), "judged")),
        ("duplicates", _of(t.duplicates_found, share(r.duplicate_rate), "approved")),
        (
            "inserted",
            _of(t.questions_inserted, _rate(r.overall_success_rate, r.overall_success_interval), "requested"),
        ),
        ("arbiter score", _score(found)),
        ("calls", f"{t.total_api_calls:,}, {t.total_errors:,} failed"),
        ("cost", cost_text(t.cost_usd, t.unpriced_calls)),
    ]
    output.show(heading("Questions"), pairs(steps), gap=True)
    _show_providers(output, found)
    for title, parts in (("Types", found.types), ("Difficulties", found.difficulties)):
        if parts:
            output.show(heading(title), _parts(output, parts), gap=True)
    output.show(heading("Trends"), _trends(output, found.trends), gap=True)


def show_trend(output: Output, series: QuestionGenerationRunTimeseries, found: QuestionGenerationRunStats) -> None:
    """Where the metrics go, and the buckets that have runs."""
    output.show(heading(f"Trends, {period_text(series.period)}"), _trends(output, found.trends))
    points = [p for p in series.points if p.runs]
    if not points:
        output.note("No runs have ended in this period.")
        return
    form = "%Y-%m-%d" if series.bucket == "day" else "%Y-%m-%d %H:00"
    rows = [
        [
            f"{p.start:{form}}",
            f"{p.runs:,}",
            f"{p.questions_inserted:,}",
            number(p.average_score),
            share(p.approval_rate),
            share(p.overall_success_rate),
            span(p.average_duration_seconds),
            money(p.cost_usd),
        ]
        for p in points
    ]
    headers = [f"{series.bucket} (UTC)", "runs", "inserted", "score", "approved", "success", "took", "cost"]
    output.show(make_table(headers, rows, width=output.console.width, right=headers[1:]), gap=True)


def show_comparison(output: Output, found: QuestionGenerationRunComparison) -> None:
    """Two versions side by side, then what tells them apart."""
    output.show(heading(f"Prompt versions, {period_text(found.period)}"))
    lines = [
        ("runs", [f"{v.runs:,}" for v in found.versions]),
        ("judged", [f"{v.questions_evaluated:,}" for v in found.versions]),
        ("approved", [_rate(v.approval_rate, v.approval_interval) for v in found.versions]),
        ("overall success", [_rate(v.overall_success_rate, v.overall_success_interval) for v in found.versions]),
        ("arbiter score", [_number(v.average_score, v.score_interval) for v in found.versions]),
        ("calls per inserted", [number(v.api_calls_per_inserted) for v in found.versions]),
        ("cost per inserted", [money(v.cost_usd_per_inserted) for v in found.versions]),
    ]
    headers = ["", *(v.prompt_version for v in found.versions)]
    output.show(make_table(headers, [[name, *cells] for name, cells in lines], width=output.console.width))
    differences = [
        (
            _NAMES[d.metric],
            "not enough data"
            if d.difference is None or d.more_than_chance is None
            else f"{_signed(d.metric, d.difference)}, "
            + (f"more than chance: {d.better} is better" if d.more_than_chance else "no more than chance"),
        )
        for d in found.differences
    ]
    output.show(heading("Difference"), pairs(differences), gap=True)


def show_failures(output: Output, found: QuestionGenerationRunStats) -> None:
    """Errors by category, and the streak."""
    output.show(heading(f"Runs, {period_text(found.period)}"), _runs(found))
    if found.errors:
        headers = ["category", "severity", "failed calls", "in runs", "of these failed"]
        rows = [[e.category, e.severity, f"{e.errors:,}", f"{e.runs:,}", f"{e.failed_runs:,}"] for e in found.errors]
        table = make_table(headers, rows, width=output.console.width, right=headers[2:], flexible="category")
        output.show(heading("Errors"), table, gap=True)
    else:
        output.show("No call failed.", gap=True)
    output.show(heading("Newest runs in a row"), _streak(found.low_success_streak), gap=True)


def show_cost(output: Output, found: QuestionGenerationRunStats) -> None:
    """Money, calls and tokens."""
    t, e = found.totals, found.efficiency
    tokens = None if t.input_tokens is None else f"{t.input_tokens:,} in, {t.output_tokens or 0:,} out"
    facts: list[tuple[str, object]] = [
        ("cost", cost_text(t.cost_usd, t.unpriced_calls)),
        ("inserted", f"{t.questions_inserted:,}"),
        ("cost per inserted", money(e.cost_usd_per_inserted)),
        ("calls", f"{t.total_api_calls:,}"),
        ("calls per inserted", number(e.api_calls_per_inserted)),
        ("tokens", tokens),
    ]
    output.show(heading(f"Cost, {period_text(found.period)}"), pairs(facts))
    _show_providers(output, found)


def show_capacity(output: Output, found: QuestionGenerationRunStats) -> None:
    """Durations and throughput."""
    d, e = found.duration_seconds, found.efficiency
    facts: list[tuple[str, object]] = [
        ("runs", f"{d.runs:,}"),
        ("a run takes", span(d.average)),
        ("half are done in", span(d.p50)),
        ("95 % are done in", span(d.p95)),
        ("99 % are done in", span(d.p99)),
        ("50 questions take", span(e.seconds_per_50_requested)),
        ("an inserted one", span(e.seconds_per_inserted)),
        ("inserted per hour", f"{e.inserted_per_hour:,.0f}" if e.inserted_per_hour is not None else "–"),
    ]
    output.show(heading(f"Capacity, {period_text(found.period)}"), pairs(facts))


def period_text(period: PeriodRead) -> str:
    """The period's first and last day."""
    last = max(period.since, period.until - timedelta(microseconds=1))
    only = f", {period.environment}" if period.environment else ""
    return f"{period.since:%Y-%m-%d} to {last:%Y-%m-%d} (UTC){only}"


def share(value: float | None) -> str:
    """A rate as a percentage; a dash where nothing was measured."""
    return "–" if value is None else f"{value:.1%}"


def number(value: float | None) -> str:
    """A plain number to two places; a dash where nothing was measured."""
    return "–" if value is None else f"{value:,.2f}"


def _runs(found: QuestionGenerationRunStats) -> str:
    r = found.runs
    named = (("success", r.success), ("partial failure", r.partial_failure), ("failed", r.failed))
    told = [f"{n:,} {name}" for name, n in (*named, ("killed", r.killed), ("running", r.running)) if n]
    return f"  {counted(r.total, 'run')}" + (f": {', '.join(told)}" if told else "")


def _show_providers(output: Output, found: QuestionGenerationRunStats) -> None:
    if not found.providers:
        return
    headers = ["provider", "made", "approved", "inserted", "calls", "failed", "cost", "each"]
    rows = [
        [
            p.provider,
            f"{p.generated:,}",
            share(p.approval_rate),
            f"{p.inserted:,}",
            f"{p.api_calls:,}",
            share(p.failure_rate),
            money(p.cost_usd),
            money(p.cost_usd_per_inserted),
        ]
        for p in found.providers
    ]
    table = make_table(headers, rows, width=output.console.width, right=headers[1:], flexible="provider")
    output.show(heading("Providers"), table, gap=True)


def _parts(output: Output, parts: list[PartStats]) -> Table:
    headers = ["name", "requested", "generated", "rejected", "duplicates", "inserted", "success"]
    rows = [
        [
            p.name,
            *(_count(n) for n in (p.requested, p.generated, p.rejected, p.duplicates, p.inserted)),
            share(p.overall_success_rate),
        ]
        for p in parts
    ]
    return make_table(headers, rows, width=output.console.width, right=headers[1:], flexible="name")


def _trends(output: Output, trends: list[TrendRead]) -> Table:
    rows: list[list[str | Text]] = [
        [
            _NAMES[t.metric],
            styled(t.direction, _DIRECTIONS[t.direction]),
            _signed(t.metric, t.change) if t.change is not None else "–",
            f"{t.days:,}",
        ]
        for t in trends
    ]
    return make_table(["metric", "trend", "change", "days"], rows, width=output.console.width, right=["change", "days"])


def _streak(streak: Streak) -> str:
    if not streak.length:
        return f"  none below {streak.threshold:.0%} success"
    first = ", ".join(short(run) for run in streak.run_ids[:3])
    more = f" and {streak.length - 3} more" if streak.length > 3 else ""
    verdict = f"alert: {streak.runs_wanted} or more" if streak.alert else f"an alert is {streak.runs_wanted}"
    return f"  {counted(streak.length, 'run')} below {streak.threshold:.0%} success ({verdict})\n  {first}{more}"


def _count(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _of(count: int, shares: str, whole: str) -> str:
    return f"{count:,}" if shares == "–" else f"{count:,}  {shares} of {whole}"


def _rate(value: float | None, interval: IntervalRead | None) -> str:
    if value is None or interval is None:
        return "–"
    return f"{value:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def _number(value: float | None, interval: IntervalRead | None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" ({interval.low:.3f} to {interval.high:.3f})" if interval else "")


def _score(found: QuestionGenerationRunStats) -> str:
    s = found.scores
    if s.average is None:
        return "–"
    extremes = f", from {s.lowest:.2f} to {s.highest:.2f}" if s.lowest is not None and s.highest is not None else ""
    return f"{s.average:.2f}{extremes}"


def _signed(metric: str, change: float) -> str:
    if metric in _SHARES:
        return f"{change * 100:+.1f} points"
    if metric == "duration_seconds":
        return f"{change:+,.1f} s"
    if metric == "cost_usd_per_inserted":
        return f"{'+' if change >= 0 else '−'}{money(abs(change))}"
    return f"{change:+.3f}"
