"""Questions about many runs, answered: statistics of a period, two prompt versions compared, a series over time.

Not here: what the numbers mean (`tracking/`), SQL (`bank/run_days.py`, `bank/run_queries.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from qgen_dagster.bank import run_days, run_queries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.run_days import Period, Tally
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.tracking import summary
from qgen_dagster.tracking.run_schemas import EARLIEST, LATEST
from qgen_dagster.tracking.stats_schemas import (
    ProviderStats,
    QuestionGenerationRunComparison,
    QuestionGenerationRunStats,
    QuestionGenerationRunTimeseries,
    VersionStats,
)

DEFAULT_DAYS = 30
DEFAULT_THRESHOLD = 0.5
DEFAULT_STREAK = 3
MAX_STREAK = 100
MAX_DAYS = 3_660
MAX_HOURS = 31 * 24
Bucket = Literal["day", "hour"]


class PeriodRefused(ConfigurationError):
    """A period that ends before it begins or has too many buckets."""


def make_period(
    now: datetime,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    days: int = DEFAULT_DAYS,
    environment: str | None = None,
    prompt_versions: Sequence[str] = (),
) -> Period:
    """The period that is meant: without `until` to the end of today, without `since` the `days` days before it (UTC).

    Raises PeriodRefused.
    """
    if since is not None and until is not None and since > until:
        raise PeriodRefused(f"since ({since.isoformat()}) must not be after until ({until.isoformat()})")
    end = _within(until) if until else _midnight(now) + timedelta(days=1)
    begin = min(_within(since), end) if since else max(EARLIEST, end - timedelta(days=days))
    return Period(begin, end, environment, tuple(prompt_versions))


def _within(moment: datetime) -> datetime:
    """The moment, moved to where runs can be."""
    return min(max(moment, EARLIEST), LATEST)


def whole_history(
    bank: Bank, now: datetime, since: datetime | None, until: datetime | None, environment: str | None = None
) -> Period:
    """As `make_period`, but without `since` from the first run on."""
    if since is None:
        with bank.begin() as tx:
            first = run_days.first_day(tx)
        since = min(datetime.combine(first or now.date(), time(), tzinfo=UTC), until or now)
    return make_period(now, since, until, environment=environment)


def run_stats(
    bank: Bank,
    period: Period,
    now: datetime,
    *,
    threshold: float = DEFAULT_THRESHOLD,
    streak: int = DEFAULT_STREAK,
) -> QuestionGenerationRunStats:
    """Everything about a period's runs. `threshold` and `streak`: how many runs in a row below which success rate."""
    ready = run_days.prepare(bank, period, today=_today(now))
    with bank.begin() as tx:
        daily = run_days.tallies(tx, period, ready, ["run"], ["day"])
        parts = run_days.tallies(tx, period, ready, ["provider", "stratum", "error"])
        durations = run_queries.durations(tx, period)
        recent = run_queries.recent_success(tx, period.environment, MAX_STREAK)
    return summary.stats(period, daily, parts, durations, recent, threshold=threshold, streak=streak)


def compare_versions(
    bank: Bank, period: Period, versions: Sequence[str], now: datetime
) -> QuestionGenerationRunComparison:
    """Two prompt versions side by side. Raises ConfigurationError unless they are two different ones."""
    if len(versions) != 2 or versions[0] == versions[1]:
        raise PeriodRefused("two different prompt versions are needed to compare")
    chosen = Period(period.since, period.until, period.environment, tuple(versions))
    ready = run_days.prepare(bank, chosen, today=_today(now))
    with bank.begin() as tx:
        sums = run_days.tallies(tx, chosen, ready, ["run"], ["prompt_version"])
    return summary.compare(chosen, sums, versions)


def month(bank: Bank, now: datetime) -> summary.Month:
    """The last 30 days in sum and by day, from their sums alone."""
    period = make_period(now)
    ready = run_days.prepare(bank, period, today=_today(now))
    with bank.begin() as tx:
        daily = run_days.tallies(tx, period, ready, ["run"], ["day"])
    days = (period.until - period.since).days
    return summary.month(daily, [period.since + timedelta(days=n) for n in range(days)])


def providers(bank: Bank, period: Period, now: datetime) -> list[ProviderStats]:
    """The providers of a period, best approval rate first."""
    ready = run_days.prepare(bank, period, today=_today(now))
    with bank.begin() as tx:
        return summary.providers(run_days.tallies(tx, period, ready, ["provider"]))


def prompt_versions(bank: Bank, period: Period, now: datetime) -> list[VersionStats]:
    """The prompt versions of a period, each with its numbers, the one that was used last first."""
    ready = run_days.prepare(bank, period, today=_today(now))
    with bank.begin() as tx:
        sums = run_days.tallies(tx, period, ready, ["run"], ["prompt_version", "day"])
    return summary.versions(sums)


def timeseries(bank: Bank, period: Period, bucket: Bucket, now: datetime) -> QuestionGenerationRunTimeseries:
    """The period cut into days or hours (UTC). Raises PeriodRefused above 3,660 days or 31 days of hours."""
    step = timedelta(days=1) if bucket == "day" else timedelta(hours=1)
    most = MAX_DAYS if bucket == "day" else MAX_HOURS
    first = _bucket_of(period.since, bucket)
    count = -((first - period.until) // step)
    if count > most:
        raise PeriodRefused(f"{count:,} {bucket}s are too many, at most {most:,}", hint="Ask for a shorter period.")
    if bucket == "day":
        ready = run_days.prepare(bank, period, today=_today(now))
        with bank.begin() as tx:
            sums = run_days.tallies(tx, period, ready, ["run"], ["day"])
        ended = {datetime.combine(day, time(), tzinfo=UTC): t for day, t in summary.ended_by(sums).items()}
    else:
        with bank.begin() as tx:
            sums = run_days.hourly(tx, period)
        ended = {hour.astimezone(UTC): t for hour, t in summary.ended_by(sums).items()}
    starts = [first + n * step for n in range(count)]
    return QuestionGenerationRunTimeseries(
        period=summary.period_read(period),
        bucket=bucket,
        points=[summary.time_point(start, ended.get(start, Tally())) for start in starts],
    )


def _bucket_of(moment: datetime, bucket: Bucket) -> datetime:
    moment = moment.astimezone(UTC)
    if bucket == "day":
        return _midnight(moment)
    return moment.replace(minute=0, second=0, microsecond=0)


def _today(now: datetime) -> date:
    return now.astimezone(UTC).date()


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), tzinfo=UTC)
