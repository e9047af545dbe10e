"""What the runs of a period add up to: per day, prompt version, provider, stratum and error category.

Here: `Tally` (the sums), `prepare`, and `tallies`, which reads finished days from `run_days` and the rest from the runs
themselves. A past day is summed up once, when it is first asked for; the trigger `qgen_forget_run_day` removes it when
one of its runs changes. Not here: the SQL of the sums (`run_day_sql.py`), what they mean (`tracking/`), single runs
(`run_queries.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from operator import add, attrgetter
from typing import Any

from sqlalchemy import TextClause, insert, text

from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.operations_tables import RUN_DAY_COUNTS, RUN_DAY_SUMS, run_days
from qgen_dagster.bank.run_day_sql import DIMENSIONS, MEASURES, Dimension, Group, aggregates, summing

MARKER = "day"  # the dimension whose one row says that a day has been summed up, even when it had no runs
SUM_KEYS = ("day", "dimension", "name", "environment", "prompt_version")
_SUMMING_LOCK = 7_061_913_002  # one process sums up at a time
_CHANGING_LOCK = 7_061_914  # with a day: held, shared, by whoever changes a run of that day (the trigger)
_DAYS_AT_ONCE = 100


@dataclass(slots=True)  # not frozen: hundreds are made for an answer, and freezing makes that four times as slow
class Tally:
    """Sums over runs. In `run` they are over whole runs, elsewhere over a provider's, stratum's or error's part.

    A `2` in a name is a square, summed over the runs. The last five are None where no run measured
    them. The fields are those of MEASURES, in its order.
    """

    runs: int = 0
    failed_runs: int = 0
    requested: int = 0
    generated: int = 0
    generation_failures: int = 0
    evaluated: int = 0
    approved: int = 0
    rejected: int = 0
    duplicates: int = 0
    exact_duplicates: int = 0
    semantic_duplicates: int = 0
    inserted: int = 0
    insertion_failures: int = 0
    errors: int = 0
    api_calls: int = 0
    unpriced_calls: int = 0  # of the calls, those whose cost is not known
    priced_inserted: int = 0  # inserted by runs whose cost is known
    timed_runs: int = 0
    timed_requested: int = 0
    timed_inserted: int = 0
    seconds: float = 0.0
    seconds2: float = 0.0
    score_weight: float = 0.0  # judged questions of runs with a score
    score_sum: float = 0.0
    score_weight2: float = 0.0
    score_sum2: float = 0.0  # sum of weight² × score
    score_square2: float = 0.0  # sum of weight² × score²
    approved2: float = 0.0
    approved_evaluated: float = 0.0
    evaluated2: float = 0.0
    inserted2: float = 0.0
    inserted_requested: float = 0.0
    requested2: float = 0.0
    input_tokens: int | None = None
    output_tokens: int | None = None
    lowest_score: float | None = None
    highest_score: float | None = None
    cost_usd: Decimal | None = None

    def __add__(self, other: Tally) -> Tally:
        a, b = _VALUES(self), _VALUES(other)
        summed = map(add, a[:_NUMBERS], b[:_NUMBERS])
        rest = (_joined(name, x, y) for name, x, y in zip(_REST, a[_NUMBERS:], b[_NUMBERS:], strict=True))
        return Tally(*summed, *rest)


_VALUES = attrgetter(*MEASURES)
_NUMBERS = len((*RUN_DAY_COUNTS, *RUN_DAY_SUMS))  # these come first; the rest may be None
_REST = MEASURES[_NUMBERS:]


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` (included) to `until` (left out), both with a zone; of one environment or some prompt versions."""

    since: datetime
    until: datetime
    environment: str | None = None
    prompt_versions: tuple[str, ...] = ()

    def whole_days(self, today: date) -> list[date]:
        """The past days (UTC) that lie in it from midnight to midnight."""
        day, end = self.day_range()
        return [day + timedelta(days=n) for n in range((min(end, today) - day).days)]

    def day_range(self) -> tuple[date, date]:
        """The first day (UTC) that lies in it as a whole, and the first after it that does not any more."""
        first = self.since.astimezone(UTC)
        day = first.date() if first.time() == time() else first.date() + timedelta(days=1)
        return day, self.until.astimezone(UTC).date()


def prepare(bank: Bank, period: Period, *, today: date) -> set[date]:
    """The past days of the period that are summed up; those that were not yet, are now.

    A day whose runs change at this moment is missing, and is read from the runs.
    """
    with bank.begin() as tx:
        first = first_day(tx)
        wanted = [day for day in period.whole_days(today) if first is not None and day >= first]
        ready = _summed_up(tx, wanted)
    if len(ready) < len(wanted):
        sum_up(bank, wanted)
        with bank.begin() as tx:
            ready = _summed_up(tx, wanted)
    return ready


def tallies(
    tx: Transaction, period: Period, ready: set[date], dimensions: Sequence[Dimension], by: Sequence[Group] = ()
) -> dict[tuple[Any, ...], Tally]:
    """Sums by (dimension, name, *by). Runs count by the day (UTC) that they started on.

    `ready` comes from `prepare`; other days are read from the runs. Only the dimension `run` counts runs that are still
    running, under the name `running`.
    """
    found = dict(_stored(tx, period, dimensions, by, ready)) if ready else {}
    for since, until in _gaps(period, ready):
        for key, tally in _live(tx, period, since, until, dimensions, by):
            found[key] = found[key] + tally if key in found else tally
    for key, tally in _pruned(tx, period, dimensions, by, ready):
        found[key] = found[key] + tally if key in found else tally
    return found


def hourly(tx: Transaction, period: Period) -> dict[tuple[Any, ...], Tally]:
    """Sums of the dimension run by (run, status, hour); hours are not kept, so the runs themselves are read."""
    return dict(_live(tx, period, period.since, period.until, ("run",), ("hour",)))


def sum_up(bank: Bank, days: Sequence[date]) -> int:
    """Sums up those of the days (ascending) that are not yet; returns how many were.

    Days whose runs change at this moment are left for the next time.
    """
    if not days:
        return 0
    with bank.begin() as tx:
        ready = _summed_up(tx, days)
    missing = [day for day in days if day not in ready]
    return sum(_sum_up(bank, missing[n : n + _DAYS_AT_ONCE]) for n in range(0, len(missing), _DAYS_AT_ONCE))


def first_day(tx: Transaction) -> date | None:
    """The day (UTC) of the oldest run or sum; None when there is neither."""
    return tx.execute(
        text(
            "SELECT least((SELECT (min(started_at) AT TIME ZONE 'UTC')::date FROM question_generation_runs),"
            " (SELECT min(day) FROM run_days), (SELECT min(day) FROM pruned_run_days))"
        )
    ).scalar()


def _sum_up(bank: Bank, days: Sequence[date]) -> int:
    with bank.begin() as tx:
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _SUMMING_LOCK})
        ready = _summed_up(tx, days)
        # Never waits for whoever changes a run, so that neither can wait for the other.
        quiet = text(
            "SELECT day FROM unnest(CAST(:days AS date[])) AS day"
            " WHERE pg_try_advisory_xact_lock(:key, day - DATE '2000-01-01')"
        )
        wanted = [day for day in days if day not in ready]
        free = sorted(tx.execute(quiet, {"days": wanted, "key": _CHANGING_LOCK}).scalars())
        if free:
            _write_sums(tx, free)
    return len(free)


def _write_sums(tx: Transaction, days: Sequence[date]) -> None:
    keys = ", ".join(SUM_KEYS)
    columns = ", ".join((*SUM_KEYS, *MEASURES))
    of_these = " AND (started_at AT TIME ZONE 'UTC')::date = ANY(:days)"
    kept = summing(DIMENSIONS, ("day", "environment", "prompt_version"), of_these)
    pruned = f"SELECT {columns} FROM pruned_run_days WHERE day = ANY(:days)"  # noqa: S608
    # One statement, so that a run which is being pruned counts on one side and not on both or neither.
    both = f"SELECT {columns} FROM ({kept}) AS kept UNION ALL {pruned}"  # noqa: S608
    summed = f"SELECT {keys}, {aggregates()} FROM ({both}) AS parts GROUP BY {keys}"  # noqa: S608
    period = {"since": _midnight(days[0]), "until": _midnight(days[-1] + timedelta(days=1)), "days": list(days)}
    tx.execute(text(f"INSERT INTO run_days ({columns}) SELECT {columns} FROM ({summed}) AS summed"), period)  # noqa: S608
    marker = insert(run_days).values(
        [{"day": day, "dimension": MARKER, "name": "", "environment": "", "prompt_version": ""} for day in days]
    )
    tx.execute(marker)


def _summed_up(tx: Transaction, days: Sequence[date]) -> set[date]:
    if not days:
        return set()
    query = text("SELECT day FROM run_days WHERE dimension = :marker AND day BETWEEN :first AND :last")
    found = tx.execute(query, {"marker": MARKER, "first": days[0], "last": days[-1]}).scalars()
    return set(found) & set(days)


def _stored(
    tx: Transaction, period: Period, dimensions: Sequence[Dimension], by: Sequence[Group], days: set[date]
) -> Iterator[tuple[tuple[Any, ...], Tally]]:
    where, values = _filters(period)
    known = {"dimensions": list(dimensions), "first": min(days), "last": max(days), "days": sorted(days)}
    return _keyed(tx.execute(_stored_query(tuple(by), where), {**known, **values}), 2 + len(by))


def _pruned(
    tx: Transaction, period: Period, dimensions: Sequence[Dimension], by: Sequence[Group], ready: set[date]
) -> Iterator[tuple[tuple[Any, ...], Tally]]:
    """Sums over deleted runs, of whole days that are not ready; which hour they started at is not known any more."""
    first, end = period.day_range()
    where, values = _filters(period)
    keys = ", ".join(("dimension", "name", *by))
    query = text(
        f"SELECT {keys}, {aggregates()} FROM pruned_run_days "  # noqa: S608
        f"WHERE dimension = ANY(:dimensions) AND day >= :first AND day < :end AND NOT day = ANY(:ready){where} "
        f"GROUP BY {keys}"
    )
    known = {"dimensions": list(dimensions), "first": first, "end": end, "ready": sorted(ready)}
    return _keyed(tx.execute(query, {**known, **values}), 2 + len(by))


@cache  # parsing these long texts anew takes a tenth of an answer's time
def _stored_query(by: tuple[Group, ...], where: str) -> TextClause:
    keys = ", ".join(("dimension", "name", *by))
    return text(
        f"SELECT {keys}, {aggregates()} FROM run_days "  # noqa: S608
        f"WHERE dimension = ANY(:dimensions) AND day BETWEEN :first AND :last AND day = ANY(:days){where} "
        f"GROUP BY {keys}"
    )


def _live(
    tx: Transaction,
    period: Period,
    since: datetime,
    until: datetime,
    dimensions: Sequence[Dimension],
    by: Sequence[Group],
) -> Iterator[tuple[tuple[Any, ...], Tally]]:
    where, values = _filters(period)
    rows = tx.execute(_live_query(tuple(dimensions), tuple(by), where), {"since": since, "until": until, **values})
    return _keyed(rows, 2 + len(by))


@cache
def _live_query(dimensions: tuple[Dimension, ...], by: tuple[Group, ...], where: str) -> TextClause:
    return text(summing(dimensions, by, where))


def _filters(period: Period) -> tuple[str, dict[str, Any]]:
    where = ""
    values: dict[str, Any] = {}
    if period.environment is not None:
        where, values["environment"] = " AND environment = :environment", period.environment
    if period.prompt_versions:
        where += " AND prompt_version = ANY(:prompt_versions)"
        values["prompt_versions"] = list(period.prompt_versions)
    return where, values


def _keyed(rows: Any, keys: int) -> Iterator[tuple[tuple[Any, ...], Tally]]:
    for row in rows:
        yield tuple(row[:keys]), Tally(*row[keys:])


def _gaps(period: Period, ready: set[date]) -> Iterator[tuple[datetime, datetime]]:
    """The parts of the period that no ready day covers, as few as possible."""
    at = period.since
    for day in sorted(ready):
        if _midnight(day) > at:
            yield at, _midnight(day)
        at = _midnight(day + timedelta(days=1))
    if at < period.until:
        yield at, period.until


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _joined(name: str, a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    if name == "lowest_score":
        return min(a, b)
    return max(a, b) if name == "highest_score" else a + b
