"""Statistics over many runs, as the admin API and the command line tell them.

Every rate is volume-weighted (sums over sums, so a run of 500 questions counts for ten of 50) and null where nothing
was measured. Not here: how they are computed (`summary.py`, `statistics.py`), single runs (`run_schemas.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel

from qgen_dagster.tracking.statistics import Direction


class PeriodRead(BaseModel):
    """What was looked at: runs that started from `since` (included) to `until` (left out)."""

    since: datetime
    until: datetime
    environment: str | None
    prompt_version: str | None


class IntervalRead(BaseModel):
    """A 95 % confidence interval."""

    low: float
    high: float


class RunCounts(BaseModel):
    """Runs by how they ended."""

    total: int
    running: int
    success: int
    partial_failure: int
    failed: int
    killed: int


class Totals(BaseModel):
    """Sums over the runs that have ended. Tokens and cost are null where no run measured them.

    The cost leaves out `unpriced_calls`, whose cost is not known.
    """

    questions_requested: int
    questions_generated: int
    generation_failures: int
    questions_evaluated: int
    questions_approved: int
    questions_rejected: int
    duplicates_found: int
    exact_duplicates: int
    semantic_duplicates: int
    questions_inserted: int
    insertion_failures: int
    total_errors: int
    total_api_calls: int
    unpriced_calls: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None


class Rates(BaseModel):
    """Shares, 0–1: generated of generated + failed, approved of judged, duplicates of approved, inserted of asked."""

    generation_success_rate: float | None
    approval_rate: float | None
    approval_interval: IntervalRead | None
    duplicate_rate: float | None
    overall_success_rate: float | None
    overall_success_interval: IntervalRead | None


class Scores(BaseModel):
    """The arbiter's scores, the average weighted by judged questions."""

    average: float | None
    interval: IntervalRead | None
    lowest: float | None
    highest: float | None


class Durations(BaseModel):
    """Seconds that ended runs took: exact percentiles over the runs that are kept."""

    runs: int
    average: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


class Efficiency(BaseModel):
    """What one inserted question takes, and how fast they come. Cost counts runs whose cost is known."""

    api_calls_per_inserted: float | None
    cost_usd_per_inserted: float | None
    seconds_per_inserted: float | None
    seconds_per_50_requested: float | None
    inserted_per_hour: float | None


class ProviderStats(BaseModel):
    """One provider, over what it generated. Best approval rate first; providers without one last."""

    provider: str
    runs: int
    generated: int
    evaluated: int
    approved: int
    inserted: int
    approval_rate: float | None
    approval_interval: IntervalRead | None
    average_score: float | None
    api_calls: int
    failures: int
    failure_rate: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    unpriced_calls: int
    cost_usd_per_inserted: float | None
    api_calls_per_inserted: float | None


class PartStats(BaseModel):
    """One question type or difficulty.

    Runs that say nothing of their strata count in `generated` only; the rest is null where none does.
    """

    name: str
    requested: int | None
    generated: int
    rejected: int | None
    duplicates: int | None
    inserted: int | None
    overall_success_rate: float | None


class ErrorStats(BaseModel):
    """One error category: failed calls, runs that had any, and those of them that ended failed or killed."""

    category: str
    severity: str
    errors: int
    runs: int
    failed_runs: int


class TrendRead(BaseModel):
    """Where a metric is going, from its daily values. `change` is over the whole period, in the metric's unit."""

    metric: str
    direction: Direction
    change: float | None
    days: int
    better: Literal["higher", "lower"]
    smallest_change: float


class Streak(BaseModel):
    """The newest ended runs whose overall success rate is below `threshold`, without a better one between them.

    `alert` is true when there are at least `runs_wanted` of them.
    """

    threshold: float
    runs_wanted: int
    length: int
    alert: bool
    run_ids: list[UUID]


class QuestionGenerationRunStats(BaseModel):
    """What the runs of a period did."""

    period: PeriodRead
    runs: RunCounts
    totals: Totals
    rates: Rates
    scores: Scores
    duration_seconds: Durations
    efficiency: Efficiency
    providers: list[ProviderStats]
    types: list[PartStats]
    difficulties: list[PartStats]
    errors: list[ErrorStats]
    trends: list[TrendRead]
    trend_rule: str
    low_success_streak: Streak


class VersionStats(BaseModel):
    """One prompt version."""

    prompt_version: str
    runs: int
    questions_requested: int
    questions_evaluated: int
    questions_approved: int
    questions_inserted: int
    approval_rate: float | None
    approval_interval: IntervalRead | None
    overall_success_rate: float | None
    overall_success_interval: IntervalRead | None
    average_score: float | None
    score_interval: IntervalRead | None
    cost_usd_per_inserted: float | None
    api_calls_per_inserted: float | None


class DifferenceRead(BaseModel):
    """Second version minus first. `more_than_chance` is null where there is not enough to tell."""

    metric: str
    difference: float | None
    interval: IntervalRead | None
    more_than_chance: bool | None
    better: str | None


class QuestionGenerationRunComparison(BaseModel):
    """Two prompt versions side by side."""

    period: PeriodRead
    versions: list[VersionStats]
    differences: list[DifferenceRead]
    rule: str


class TimePoint(BaseModel):
    """A day or hour (UTC), by the runs that started in it."""

    start: datetime
    runs: int
    failed_runs: int
    questions_requested: int
    questions_inserted: int
    approval_rate: float | None
    overall_success_rate: float | None
    duplicate_rate: float | None
    average_score: float | None
    average_duration_seconds: float | None
    total_api_calls: int
    cost_usd: float | None


class QuestionGenerationRunTimeseries(BaseModel):
    """The period cut into buckets, oldest first, none left out."""

    period: PeriodRead
    bucket: Literal["day", "hour"]
    points: list[TimePoint]
