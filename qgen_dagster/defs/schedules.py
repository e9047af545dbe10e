"""What starts by the clock. Stopped until an operator starts it: it spends money, or deletes.

Not here: the jobs (`jobs.py`).
"""

import os

import dagster as dg

from qgen_dagster.config.clock import parse_schedule_times
from qgen_dagster.config.settings import load_settings
from qgen_dagster.defs.audit_resources import audit_config
from qgen_dagster.defs.jobs import audit_bank, auto_balance, purge_history
from qgen_dagster.defs.ranges import range_tags, register_strata, strata_range
from qgen_dagster.defs.resources import run_config
from qgen_dagster.services.bank_audit import make_audit_options

TIMES = parse_schedule_times(os.environ)


@dg.schedule(
    name="nightly_auto_balance",
    job=auto_balance,
    cron_schedule=TIMES.nightly,
    execution_timezone=TIMES.timezone,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every night: fills what is missing, in rounds until nothing is. Skips while a run is under way.",
)
def nightly_auto_balance(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One run over all strata, unless one is under way."""
    from qgen_dagster.bank.jobs import LONGEST_JOB
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.job_watch import waiting_runs
    from qgen_dagster.services.work import now

    running = context.instance.get_runs(dg.RunsFilter(job_name=auto_balance.name, statuses=list(IN_PROGRESS)), limit=1)
    if running:
        return dg.SkipReason(f"run {running[0].run_id} is still under way")
    with open_bank(load_settings()) as bank:
        # An older job is over; if nobody has come for it, the night need not wait either.
        waiting = waiting_runs(bank, since=now() - LONGEST_JOB)
    if waiting:  # the stock does not show yet what they have ordered
        return dg.SkipReason(f"run {waiting[0]} waits for batch jobs")
    return balance_request(context.instance, fill=True, triggered_by="scheduler")


@dg.schedule(
    name="retention",
    job=purge_history,
    cron_schedule=TIMES.retention,
    execution_timezone=TIMES.timezone,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="On Sundays: deletes history older than QGEN_RETENTION_DAYS (90). Questions and statistics stay.",
)
def retention(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One purge, unless one is under way."""
    under_way = dg.RunsFilter(job_name=purge_history.name, statuses=list(IN_PROGRESS))
    if context.instance.get_runs(under_way, limit=1):
        return dg.SkipReason("the last one is still under way")
    return dg.RunRequest()


def balance_request(
    instance: dg.DagsterInstance, *, run_key: str | None = None, tags: dict[str, str] | None = None, **options: object
) -> dg.RunRequest:
    """A run of `auto_balance` over all strata of the taxonomy, which are registered first."""
    keys = [stratum.key for stratum in load_settings().taxonomy.strata]
    register_strata(instance, keys)
    return dg.RunRequest(
        run_key=run_key,
        job_name=auto_balance.name,
        run_config=run_config(**options),
        tags={**range_tags(*strata_range(instance, keys)), **(tags or {})},
    )


IN_PROGRESS = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


@dg.schedule(
    name="weekly_audit",
    job=audit_bank,
    cron_schedule=TIMES.audit,
    execution_timezone=TIMES.timezone,
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Every week: proves the keys that were longest unchecked once more. Skips while an audit is under way.",
)
def weekly_audit(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
    """One audit with the options that ship, unless one is under way."""
    running = context.instance.get_runs(dg.RunsFilter(job_name=audit_bank.name, statuses=list(IN_PROGRESS)), limit=1)
    if running:
        return dg.SkipReason(f"audit {running[0].run_id} is still under way")
    return dg.RunRequest(run_config=audit_config(make_audit_options(triggered_by="scheduler")))


ALL_SCHEDULES = (nightly_auto_balance, weekly_audit, retention)
