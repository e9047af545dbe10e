"""The sensors that raise alerts: stock, runs, and Dagster runs that failed.

They are on from the start: they spend nothing, and without a channel they only keep the record. A tick that cannot do
its work says so and leaves it to the next one; none fails because a channel or the database does. Not here: what is
told (`services/alerts.py`, `services/alert_runs.py`).
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from uuid import UUID

import dagster as dg

from qgen_dagster.config.settings import Settings, load_settings
from qgen_dagster.core.errors import QgenError
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.defs.attempts import qgen_run_id

MAX_SECONDS_UNCHANGED = 3600.0  # a stock that does not change is still looked at this often


@dg.sensor(
    name="inventory_alerts",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of strata that run low, get worse or recover, and delivers messages that are due.",
)
def inventory_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Counts the stock; decides only when a level has changed, something waits to be told, or an hour has passed.

    The cursor has the levels of the last check, its time, and whether anything waits.
    """
    return _quietly(context, lambda settings: _check_stock(context, settings))


@dg.sensor(
    name="run_alerts",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of failed and stuck runs, refused keys, empty accounts, falling quality, cost and silence. "
    "Closes runs that hang.",
)
def run_alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """One look at the record of runs; one query for each rule. The cursor has what it last told of."""
    from qgen_dagster.services.alert_delivery import deliver_due, summary
    from qgen_dagster.services.alert_runs import check_runs
    from qgen_dagster.services.alerts import make_alerting
    from qgen_dagster.services.database import open_bank

    def look(settings: Settings) -> str:
        with open_bank(settings) as bank:
            alerting = make_alerting(bank, settings)
            report = check_runs(alerting)
            done = deliver_due(alerting)
        if report.message_id is not None:
            context.update_cursor(str(report.message_id))
        return ": ".join(part for part in (report.title or "nothing to tell", summary(done)) if part)

    return _quietly(context, look)


@dg.run_failure_sensor(
    name="failed_run_alerts",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tells of runs that Dagster saw fail, also of those that never came to be recorded.",
)
def failed_run_alerts(context: dg.RunFailureSensorContext) -> dg.SkipReason:
    """One failed run at a time; the same alert as the one that its record raises."""
    from qgen_dagster.services.alert_delivery import deliver_due, summary
    from qgen_dagster.services.alert_runs import tell_failure
    from qgen_dagster.services.alerts import make_alerting
    from qgen_dagster.services.database import open_bank

    run = context.dagster_run

    def tell(settings: Settings) -> str:
        reason = f"{run.job_name}: {(context.failure_event.message or 'it failed').splitlines()[0]}"
        with open_bank(settings) as bank:
            alerting = make_alerting(bank, settings)
            report = tell_failure(alerting, UUID(qgen_run_id(context.instance, run)), reason)
            done = deliver_due(alerting)
        return ": ".join(part for part in (report.title or "nothing to tell", summary(done)) if part)

    return _quietly(context, tell)


def _check_stock(context: dg.SensorEvaluationContext, settings: Settings) -> str:
    from qgen_dagster.services import inventory
    from qgen_dagster.services.alert_delivery import deliver_due, summary
    from qgen_dagster.services.alert_desk import check_stock
    from qgen_dagster.services.alerts import make_alerting
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.options import RunOptions
    from qgen_dagster.services.work import now

    with open_bank(settings) as bank:
        alerting = make_alerting(bank, settings)
        analysis = inventory.analyze(bank, settings, RunOptions())
        levels, at = _digest(analysis, alerting.environ.get("QGEN_ALERT_URLS", "")), now().timestamp()
        last = _read_cursor(context.cursor)
        age = at - last.at
        said = "nothing has changed"
        if last.levels != levels or last.waits or not 0 <= age < MAX_SECONDS_UNCHANGED:
            report = check_stock(alerting, settings, analysis, _outlook(context.instance))
            context.update_cursor(json.dumps(asdict(_Cursor(levels, at, report.waits))))
            said = report.title or f"nothing to tell, {len(report.suppressed)} held back or told already"
        done = deliver_due(alerting)
    return ": ".join(part for part in (said, summary(done)) if part)


def _quietly(
    context: dg.SensorEvaluationContext | dg.RunFailureSensorContext, look: Callable[[Settings], str]
) -> dg.SkipReason:
    """What came of a look; an expected failure is said and left to the next tick, since nothing was decided."""
    try:
        return dg.SkipReason(look(load_settings()))
    except QgenError as error:
        context.log.error(f"alerts: {error}")
        return dg.SkipReason(f"not now: {error.message}")


def _digest(analysis: InventoryAnalysis, channels: str) -> str:
    """Changes with the level of any stratum, and with the channels."""
    import hashlib

    levels = ",".join(f"{s.stratum.key}={s.level.value}" for s in analysis.strata)
    return hashlib.blake2b(f"{levels} {channels}".encode(), digest_size=16).hexdigest()


@dataclass(frozen=True)
class _Cursor:
    """The levels of the last check as a digest, its time, and whether something waits to be told."""

    levels: str = ""
    at: float = 0.0
    waits: bool = False


def _read_cursor(cursor: str | None) -> _Cursor:
    try:
        return _Cursor(**json.loads(cursor or "{}"))
    except (ValueError, TypeError):  # of another version
        return _Cursor()


def _outlook(instance: dg.DagsterInstance) -> str:
    """What happens by itself: whether the nightly schedule is on."""
    from dagster._core.scheduler.instigation import InstigatorStatus  # there is no public name for it

    from qgen_dagster.defs.schedules import nightly_auto_balance

    states = [s for s in instance.all_instigator_state() if s.instigator_name == nightly_auto_balance.name]
    if any(state.status is InstigatorStatus.RUNNING for state in states):
        when = f"{nightly_auto_balance.cron_schedule}, {nightly_auto_balance.execution_timezone}"
        return f"The schedule {nightly_auto_balance.name} fills what is missing ({when})."
    return f"Nothing: the schedule {nightly_auto_balance.name} is off (Dagster: Automation)."


ALERT_SENSORS = (inventory_alerts, run_alerts, failed_run_alerts)
