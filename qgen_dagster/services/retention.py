"""Retention: history older than a number of days goes, in steps that may be stopped and started again.

Not here: what goes and what stays (`bank/retention.py`), Dagster's own tables (`defs/history.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta

from qgen_dagster.bank import retention as rows
from qgen_dagster.bank import run_days
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.errors import ConfigurationError

RUNS_AT_ONCE = 100
ROWS_AT_ONCE = 5_000


def cutoff(now: datetime, days: int) -> datetime:
    """What is older than this goes: midnight (UTC) so many days ago, since sums are kept by the day.

    Raises ConfigurationError for less than one day.
    """
    if days < 1:
        raise ConfigurationError(f"{days} days: at least one day is kept")
    try:
        day = now.astimezone(UTC).date() - timedelta(days=days)
    except OverflowError as error:
        raise ConfigurationError(f"{days:,} days are longer than there are dates") from error
    return datetime.combine(day, time(), tzinfo=UTC)


def count_old(bank: Bank, before: datetime) -> dict[str, int]:
    """How much of each kind would go."""
    with bank.begin() as tx:
        return rows.count_old(tx, before)


def prune(
    bank: Bank,
    before: datetime,
    *,
    tell: Callable[[Mapping[str, int]], None] = lambda gone: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Deletes what is older, step by step, each a transaction of its own; returns how much of each kind went.

    `tell` is called after each step with what has gone so far. What was stopped goes on when it is called again.
    """
    gone: Counter[str] = Counter(dict.fromkeys(rows.KINDS, 0))
    _sum_up(bank, before)
    while not should_stop():
        with bank.begin() as tx:
            step = rows.delete_runs(tx, before, RUNS_AT_ONCE)
        if not step["runs"]:
            break
        gone.update(step)
        tell(gone)
    for kind in rows.OTHERS:
        while not should_stop():
            with bank.begin() as tx:
                deleted = rows.delete_others(tx, kind, before, ROWS_AT_ONCE)
            if not deleted:
                break
            gone[kind] += deleted
            tell(gone)
    return dict(gone)


def _sum_up(bank: Bank, before: datetime) -> None:
    """Sums up the days that runs are about to leave, so that statistics go on reading them from one place."""
    with bank.begin() as tx:
        first = run_days.first_day(tx)
    if first is not None:
        last = before.date()
        run_days.sum_up(bank, [first + timedelta(days=n) for n in range((last - first).days)])
