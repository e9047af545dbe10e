"""From sums to statistics: what a period's runs did, two prompt versions side by side, a series over time; pure.

Not here: the sums (`bank/run_days.py`), intervals and trends as such (`statistics.py`), reading anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal

from qgen_dagster.bank.run_days import Period, Tally
from qgen_dagster.bank.run_queries import DurationCounts, RecentRun
from qgen_dagster.core.error_categories import ErrorCategory, Severity, severity_of
from qgen_dagster.core.run import RunStatus
from qgen_dagster.core.taxonomy import KEY_SEPARATOR
from qgen_dagster.tracking import stats_schemas as shown
from qgen_dagster.tracking.statistics import (
    Difference,
    Interval,
    Mean,
    Proportion,
    design_effect,
    difference_of_means,
    difference_of_proportions,
    trend,
    weighted_mean,
)

Sums = Mapping[tuple[Any, ...], Tally]  # by (dimension, name, …)
BATCH = 50  # the specification asks for the duration of a batch of 50

TREND_RULE = (
    "Per metric, a weighted least-squares line through its daily values (weight: what the value is a rate of). "
    "'not enough data' below 5 days with values; 'stable' when the slope is not different from 0 at 95 % or the fitted "
    "change over the period is below smallest_change; otherwise 'improving' or 'declining', by what is better."
)
COMPARISON_RULE = (
    "Differences are the second version minus the first. Rates: Newcombe's 95 % interval from two Wilson intervals, "
    "widened by the design effect of the runs (questions of one run are not independent); means: Welch's 95 % interval "
    "over runs. More than chance means that the interval leaves out 0; null, that there is not enough to tell."
)


def rate(part: float, whole: float) -> float | None:
    """part / whole, or None where there is nothing to divide by."""
    return part / whole if whole > 0 else None


@dataclass(frozen=True, slots=True)
class TrendMetric:
    """A metric whose trend is told: its value and weight for a day, what is better, and what change is worth naming."""

    name: str
    value: Callable[[Tally], float | None]
    weight: Callable[[Tally], float]
    better: Literal["higher", "lower"]
    smallest: float
    relative: bool = False  # `smallest` is a share of the period's own value


TREND_METRICS = (
    TrendMetric("approval_rate", lambda t: rate(t.approved, t.evaluated), lambda t: t.evaluated, "higher", 0.02),
    TrendMetric("overall_success_rate", lambda t: rate(t.inserted, t.requested), lambda t: t.requested, "higher", 0.02),
    TrendMetric(
        "avg_arbiter_score", lambda t: rate(t.score_sum, t.score_weight), lambda t: t.score_weight, "higher", 0.01
    ),
    TrendMetric("duplicate_rate", lambda t: rate(t.duplicates, t.approved), lambda t: t.approved, "lower", 0.02),
    TrendMetric(
        "cost_usd_per_inserted",
        lambda t: rate(float(t.cost_usd), t.priced_inserted) if t.cost_usd is not None else None,
        lambda t: t.priced_inserted,
        "lower",
        0.1,
        relative=True,
    ),
    TrendMetric(
        "api_calls_per_inserted",
        lambda t: rate(t.api_calls, t.inserted),
        lambda t: t.inserted,
        "lower",
        0.1,
        relative=True,
    ),
    TrendMetric(
        "duration_seconds", lambda t: rate(t.seconds, t.timed_runs), lambda t: t.timed_runs, "lower", 0.1, relative=True
    ),
)


@dataclass(frozen=True, slots=True)
class Month:
    """What the dashboard shows of a period: how many runs, their totals, where metrics go, and every day."""

    runs: int
    totals: shown.Totals
    trends: list[shown.TrendRead]
    days: list[shown.TimePoint]


def stats(
    period: Period,
    daily: Sums,
    parts: Sums,
    durations: DurationCounts,
    recent: Sequence[RecentRun],
    *,
    threshold: float,
    streak: int,
) -> shown.QuestionGenerationRunStats:
    """The whole report of a period. `daily` holds the dimension run by (…, status, day), `parts` the other dimensions.

    `recent` are the newest ended runs with a success rate, newest first.
    """
    by_status = _folded((status, tally) for (_, status, _day), tally in daily.items())
    ended = _total(tally for status, tally in by_status.items() if status != RunStatus.RUNNING)
    strata = [(name, tally) for (dimension, name), tally in parts.items() if dimension == "stratum"]
    return shown.QuestionGenerationRunStats(
        period=period_read(period),
        runs=shown.RunCounts(
            total=sum(t.runs for t in by_status.values()),
            **{status.value: by_status.get(status.value, Tally()).runs for status in RunStatus},
        ),
        totals=_totals(ended),
        rates=_rates(ended),
        scores=shown.Scores(
            average=_mean_of(ended).value if _mean_of(ended) else None,  # type: ignore[union-attr]
            interval=_interval(_mean_of(ended)),
            lowest=ended.lowest_score,
            highest=ended.highest_score,
        ),
        duration_seconds=shown.Durations(
            runs=durations.runs,
            average=durations.average,
            p50=durations.p50,
            p90=durations.p90,
            p95=durations.p95,
            p99=durations.p99,
        ),
        efficiency=_efficiency(ended),
        providers=_providers({name: t for (dimension, name), t in parts.items() if dimension == "provider"}),
        types=_parts((name.partition(KEY_SEPARATOR)[0], tally) for name, tally in strata),
        difficulties=_parts((name.partition(KEY_SEPARATOR)[2], tally) for name, tally in strata),
        errors=_errors({name: t for (dimension, name), t in parts.items() if dimension == "error"}),
        trends=trends(daily),
        trend_rule=TREND_RULE,
        low_success_streak=low_success(recent, threshold, streak),
    )


def trends(daily: Sums) -> list[shown.TrendRead]:
    """Where each metric is going."""
    days = _folded((day, tally) for (_, status, day), tally in daily.items() if status != RunStatus.RUNNING)
    whole = _total(days.values())
    return [_trend(metric, days, whole) for metric in TREND_METRICS]


def compare(period: Period, sums: Sums, versions: Sequence[str]) -> shown.QuestionGenerationRunComparison:
    """Two prompt versions side by side, and what tells them apart. `sums` by (run, status, prompt version)."""
    tallies = _folded((version, tally) for (_, status, version), tally in sums.items() if status != RunStatus.RUNNING)
    first, second = (tallies.get(version, Tally()) for version in versions)
    differences = [
        _difference("approval_rate", difference_of_proportions(_approval(first), _approval(second)), versions),
        _difference("overall_success_rate", difference_of_proportions(_success(first), _success(second)), versions),
        _difference("avg_arbiter_score", difference_of_means(_mean_of(first), _mean_of(second)), versions),
    ]
    return shown.QuestionGenerationRunComparison(
        period=period_read(period),
        versions=[_version(version, tallies.get(version, Tally())) for version in versions],
        differences=differences,
        rule=COMPARISON_RULE,
    )


def month(daily: Sums, starts: Sequence[datetime]) -> Month:
    """A period in sum and by day. `daily` holds the dimension run by (…, status, day), `starts` the days' midnights."""
    ended = ended_by(daily)
    return Month(
        runs=sum(tally.runs for tally in daily.values()),
        totals=_totals(_total(ended.values())),
        trends=trends(daily),
        days=[time_point(start, ended.get(start.date(), Tally())) for start in starts],
    )


def providers(parts: Sums) -> list[shown.ProviderStats]:
    """Each provider, best approval rate first. `parts` holds the dimension provider."""
    return _providers({name: tally for (_, name), tally in parts.items()})


def versions(sums: Sums) -> list[shown.VersionStats]:
    """Each prompt version, the one that was used last first. `sums` by (run, status, prompt version, day)."""
    ended = [(name, day, t) for (_, status, name, day), t in sums.items() if status != RunStatus.RUNNING and name]
    last = {name: day for name, day, _ in sorted(ended, key=lambda item: item[1])}
    tallies = _folded((name, tally) for name, _, tally in ended)
    newest_first = sorted(sorted(tallies, reverse=True), key=lambda name: last[name], reverse=True)
    return [_version(name, tallies[name]) for name in newest_first]


def low_success(recent: Sequence[RecentRun], threshold: float, wanted: int) -> shown.Streak:
    """How many of the newest runs in a row lie below the threshold."""
    below = []
    for run in recent:
        if run.overall_success_rate >= threshold:
            break
        below.append(run.id)
    return shown.Streak(
        threshold=threshold, runs_wanted=wanted, length=len(below), alert=len(below) >= wanted, run_ids=below
    )


def time_point(start: datetime, ended: Tally) -> shown.TimePoint:
    """One bucket of a series."""
    return shown.TimePoint(
        start=start,
        runs=ended.runs,
        failed_runs=ended.failed_runs,
        questions_requested=ended.requested,
        questions_inserted=ended.inserted,
        approval_rate=rate(ended.approved, ended.evaluated),
        overall_success_rate=rate(ended.inserted, ended.requested),
        duplicate_rate=rate(ended.duplicates, ended.approved),
        average_score=rate(ended.score_sum, ended.score_weight),
        average_duration_seconds=rate(ended.seconds, ended.timed_runs),
        total_api_calls=ended.api_calls,
        cost_usd=_dollars(ended.cost_usd),
    )


def period_read(period: Period) -> shown.PeriodRead:
    """The period as it is told."""
    one = period.prompt_versions[0] if len(period.prompt_versions) == 1 else None
    return shown.PeriodRead(since=period.since, until=period.until, environment=period.environment, prompt_version=one)


def ended_by(sums: Sums) -> dict[Any, Tally]:
    """The ended runs of (run, status, key) by key."""
    return _folded((key, tally) for (_, status, key), tally in sums.items() if status != RunStatus.RUNNING)


def _folded(pairs: Iterable[tuple[Any, Tally]]) -> dict[Any, Tally]:
    found: dict[Any, Tally] = {}
    for key, tally in pairs:
        found[key] = found[key] + tally if key in found else tally
    return found


def _total(tallies: Iterable[Tally]) -> Tally:
    return sum(tallies, Tally())


def _totals(t: Tally) -> shown.Totals:
    return shown.Totals(
        questions_requested=t.requested,
        questions_generated=t.generated,
        generation_failures=t.generation_failures,
        questions_evaluated=t.evaluated,
        questions_approved=t.approved,
        questions_rejected=t.rejected,
        duplicates_found=t.duplicates,
        exact_duplicates=t.exact_duplicates,
        semantic_duplicates=t.semantic_duplicates,
        questions_inserted=t.inserted,
        insertion_failures=t.insertion_failures,
        total_errors=t.errors,
        total_api_calls=t.api_calls,
        unpriced_calls=t.unpriced_calls,
        input_tokens=t.input_tokens,
        output_tokens=t.output_tokens,
        cost_usd=_dollars(t.cost_usd),
    )


def _rates(t: Tally) -> shown.Rates:
    return shown.Rates(
        generation_success_rate=rate(t.generated, t.generated + t.generation_failures),
        approval_rate=rate(t.approved, t.evaluated),
        approval_interval=_interval(_approval(t)),
        duplicate_rate=rate(t.duplicates, t.approved),
        overall_success_rate=rate(t.inserted, t.requested),
        overall_success_interval=_interval(_success(t)),
    )


def _efficiency(t: Tally) -> shown.Efficiency:
    return shown.Efficiency(
        api_calls_per_inserted=rate(t.api_calls, t.inserted),
        cost_usd_per_inserted=_cost_each(t),
        seconds_per_inserted=rate(t.seconds, t.timed_inserted),
        seconds_per_50_requested=rate(t.seconds * BATCH, t.timed_requested),
        inserted_per_hour=rate(t.timed_inserted * 3600, t.seconds),
    )


def _providers(tallies: Mapping[str, Tally]) -> list[shown.ProviderStats]:
    found = [_provider(name, tally) for name, tally in tallies.items()]
    return sorted(found, key=lambda p: (p.approval_rate is None, -(p.approval_rate or 0), p.provider))


def _provider(name: str, t: Tally) -> shown.ProviderStats:
    return shown.ProviderStats(
        provider=name,
        runs=t.runs,
        generated=t.generated,
        evaluated=t.evaluated,
        approved=t.approved,
        inserted=t.inserted,
        approval_rate=rate(t.approved, t.evaluated),
        approval_interval=_interval(_approval(t)),
        average_score=rate(t.score_sum, t.score_weight),
        api_calls=t.api_calls,
        failures=t.errors,
        failure_rate=rate(t.errors, t.api_calls),
        input_tokens=t.input_tokens,
        output_tokens=t.output_tokens,
        cost_usd=_dollars(t.cost_usd),
        unpriced_calls=t.unpriced_calls,
        cost_usd_per_inserted=_cost_each(t),
        api_calls_per_inserted=rate(t.api_calls, t.inserted),
    )


def _parts(strata: Iterable[tuple[str, Tally]]) -> list[shown.PartStats]:
    tallies = _folded(pair for pair in strata if pair[0])
    return [_part(name, tally) for name, tally in sorted(tallies.items())]


def _part(name: str, t: Tally) -> shown.PartStats:
    measured = t.requested > 0 or t.inserted > 0
    return shown.PartStats(
        name=name,
        requested=t.requested if measured else None,
        generated=t.generated,
        rejected=t.rejected if measured else None,
        duplicates=t.duplicates if measured else None,
        inserted=t.inserted if measured else None,
        overall_success_rate=rate(t.inserted, t.requested),
    )


def _errors(tallies: Mapping[str, Tally]) -> list[shown.ErrorStats]:
    found = [
        shown.ErrorStats(
            category=name, severity=_severity(name), errors=t.errors, runs=t.runs, failed_runs=t.failed_runs
        )
        for name, t in tallies.items()
        if t.errors
    ]
    return sorted(found, key=lambda e: (-e.errors, e.category))


def _severity(category: str) -> str:
    known = category in ErrorCategory.__members__.values()
    return (severity_of(ErrorCategory(category)) if known else Severity.MEDIUM).value


def _trend(metric: TrendMetric, days: Mapping[date, Tally], whole: Tally) -> shown.TrendRead:
    smallest = metric.smallest * (metric.value(whole) or 0.0) if metric.relative else metric.smallest
    values = [(day.toordinal(), metric.value(tally), metric.weight(tally)) for day, tally in sorted(days.items())]
    points = [(float(x), y, float(w)) for x, y, w in values if y is not None]
    found = trend(points, higher_is_better=metric.better == "higher", smallest=smallest)
    return shown.TrendRead(
        metric=metric.name,
        direction=found.direction,
        change=found.change,
        days=found.points,
        better=metric.better,
        smallest_change=smallest,
    )


def _version(version: str, t: Tally) -> shown.VersionStats:
    mean = _mean_of(t)
    return shown.VersionStats(
        prompt_version=version,
        runs=t.runs,
        questions_requested=t.requested,
        questions_evaluated=t.evaluated,
        questions_approved=t.approved,
        questions_inserted=t.inserted,
        approval_rate=rate(t.approved, t.evaluated),
        approval_interval=_interval(_approval(t)),
        overall_success_rate=rate(t.inserted, t.requested),
        overall_success_interval=_interval(_success(t)),
        average_score=mean.value if mean else None,
        score_interval=_interval(mean),
        cost_usd_per_inserted=_cost_each(t),
        api_calls_per_inserted=rate(t.api_calls, t.inserted),
    )


def _difference(metric: str, found: Difference, versions: Sequence[str]) -> shown.DifferenceRead:
    better = None
    if found.more_than_chance and found.value is not None:
        better = versions[1] if found.value > 0 else versions[0]
    return shown.DifferenceRead(
        metric=metric,
        difference=found.value,
        interval=_interval_read(found.interval),
        more_than_chance=found.more_than_chance,
        better=better,
    )


def _approval(t: Tally) -> Proportion:
    effect = design_effect(t.approved, t.evaluated, t.approved2, t.approved_evaluated, t.evaluated2, t.runs)
    return Proportion(t.approved, t.evaluated, effect)


def _success(t: Tally) -> Proportion:
    effect = design_effect(t.inserted, t.requested, t.inserted2, t.inserted_requested, t.requested2, t.runs)
    return Proportion(t.inserted, t.requested, effect)


def _mean_of(t: Tally) -> Mean | None:
    return weighted_mean(t.score_weight, t.score_sum, t.score_weight2, t.score_sum2, t.score_square2, t.runs)


def _interval(of: Proportion | Mean | None) -> shown.IntervalRead | None:
    return _interval_read(of.interval) if of is not None else None


def _interval_read(interval: Interval | None) -> shown.IntervalRead | None:
    return shown.IntervalRead(low=interval.low, high=interval.high) if interval else None


def _cost_each(t: Tally) -> float | None:
    return rate(float(t.cost_usd), t.priced_inserted) if t.cost_usd is not None else None


def _dollars(cost: Decimal | None) -> float | None:
    return float(cost) if cost is not None else None
