"""Whether the bank can be used, and the numbers that a monitor watches.

Not here: the doctor's checks of an installation (`doctor.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from qgen_dagster.bank import listings, run_days, run_queries, schema
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.run_days import Tally
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.run import RunStatus
from qgen_dagster.services import inventory
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_statistics import DEFAULT_STREAK, DEFAULT_THRESHOLD, MAX_STREAK, make_period
from qgen_dagster.tracking.summary import low_success


@dataclass(frozen=True)
class Gauges:
    """Stock by stratum key, runs of the last 30 days by status, unresolved alerts by severity."""

    active: Mapping[str, int]
    missing: Mapping[str, int]
    runs: Mapping[str, int]
    inserted: int
    cost_usd: float
    streak: int
    alerts: Mapping[str, int]


def check(bank: Bank) -> None:
    """Raises DatabaseError unless the bank answers and has this program's schema."""
    schema.require_current(bank)


def gauges(bank: Bank, settings: Settings, now: datetime) -> Gauges:
    """The numbers as they are now."""
    stock = inventory.analyze(bank, settings, RunOptions())
    month = make_period(now)
    ready = run_days.prepare(bank, month, today=now.astimezone(UTC).date())
    with bank.begin() as tx:
        sums = run_days.tallies(tx, month, ready, ["run"])
        recent = run_queries.recent_success(tx, None, MAX_STREAK)
        alerts = listings.open_alert_counts(tx)
    by_status = {status.value: sums.get(("run", status.value), Tally()) for status in RunStatus}
    return Gauges(
        active={s.stratum.key: s.current_count for s in stock.strata},
        missing={s.stratum.key: s.deficit for s in stock.strata},
        runs={status: tally.runs for status, tally in by_status.items()},
        inserted=sum(t.inserted for t in by_status.values()),
        cost_usd=float(sum(t.cost_usd for t in by_status.values() if t.cost_usd is not None)),
        streak=low_success(recent, DEFAULT_THRESHOLD, DEFAULT_STREAK).length,
        alerts=alerts,
    )
