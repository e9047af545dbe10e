"""What starts because something happened: closing dead runs, new strata, further rounds, fanning out, late reports.

A sensor that only tidies up is on from the start, and so is one that goes on with what an operator has begun, within
its budget; one that can spend money on its own is not. Not here: alerts (`alert_sensors.py`).
"""

from uuid import UUID

import dagster as dg

from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.defs.attempts import (
    CLI,
    LAUNCHED_BY_TAG,
    ask_again_for_retries,
    close_dead_run,
    close_orphans,
    latest_attempt,
    qgen_run_id,
)
from qgen_dagster.defs.going_on import going_on
from qgen_dagster.defs.jobs import auto_balance, generate_stratum, plan_fan_out
from qgen_dagster.defs.partitions import register_series
from qgen_dagster.defs.ranges import register_strata
from qgen_dagster.defs.resources import PARENT_RUN_TAG, PLAN_TAG, ROUND_TAG, STRATUM_TAG
from qgen_dagster.defs.schedules import balance_request


@dg.sensor(
    name="dead_runs",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes runs whose process is gone: as killed in the bank, as failed in Dagster (which then retries "
    "them from where they stopped).",
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Asks the bank which running runs nobody holds, and Dagster which processes of this machine are gone."""
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.recovery import close_dead_runs
    from qgen_dagster.services.work import now

    with open_bank(load_settings()) as bank:
        dead = close_dead_runs(bank)
    closed: list[object] = list(dead)
    for run_id in dead:
        try:
            attempt = latest_attempt(context.instance, str(run_id))
            close_dead_run(context.instance, attempt.run_id, reason="the process of this run is gone", retry=True)
        except ConfigurationError as error:  # Dagster noticed by itself, and its retry is on the way
            context.log.info(f"run {run_id}: {error.message}")
    closed += close_orphans(context.instance, retry=True)  # those that died before or after they had a running row
    for asked in ask_again_for_retries(context.instance, now()):
        context.log.info(f"run {asked}: its retry had not come and was asked for again")
    return dg.SkipReason(f"closed {len(closed)} dead runs" if closed else "no dead runs")


@dg.sensor(
    name="new_strata",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes every stratum of the taxonomy a partition, so that it can be chosen before the first run.",
)
def new_strata(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Registers what the taxonomy has and Dagster has not; one query when nothing is new."""
    new = register_strata(context.instance, [stratum.key for stratum in load_settings().taxonomy.strata])
    return dg.SkipReason(f"registered {', '.join(new)}" if new else "no new strata")


@dg.sensor(
    name="new_drill_series",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes every planned drill series a partition, so that it can be chosen and backfilled.",
)
def new_drill_series(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Registers series that were planned outside Dagster; one query when nothing is new."""
    from qgen_dagster.bank.drills import series_ids
    from qgen_dagster.services.database import open_bank

    with open_bank(load_settings()) as bank, bank.begin() as tx:
        planned = [str(series_id) for series_id in series_ids(tx)]
    new = register_series(context.instance, planned)
    return dg.SkipReason(f"registered {len(new)} series" if new else "no new series")


@dg.run_status_sensor(
    name="fill_rounds",
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[auto_balance],
    request_job=auto_balance,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Goes on with a filling run: another round while there is deficit, progress and budget.",
)
def fill_rounds(context: dg.RunStatusSensorContext) -> dg.RunRequest | dg.SkipReason:
    """Starts the next round of a run that fills, by the same rule as the command line's own loop."""
    from qgen_dagster.services.balance import following_round
    from qgen_dagster.services.database import open_bank

    run = context.dagster_run
    if run.tags.get(LAUNCHED_BY_TAG) == CLI:
        return dg.SkipReason("the command line runs its rounds itself")
    run_id = UUID(qgen_run_id(context.instance, run))
    settings = load_settings()
    with open_bank(settings) as bank:
        following = following_round(bank, settings, run_id)
    if isinstance(following, str):
        return dg.SkipReason(following)
    return balance_request(
        context.instance,
        run_key=f"{following.parent_run_id}:{following.number}",
        tags={PARENT_RUN_TAG: str(following.parent_run_id), ROUND_TAG: str(following.number)},
        **following.options.model_dump(mode="json", exclude_defaults=True),
    )


@dg.run_status_sensor(
    name="fan_out",
    run_status=dg.DagsterRunStatus.SUCCESS,
    monitored_jobs=[plan_fan_out],
    request_job=generate_stratum,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.STOPPED,
    description="One run per stratum of a plan made by `plan_fan_out`: for more than one machine.",
)
def fan_out(context: dg.RunStatusSensorContext) -> dg.SensorResult:
    """Requests each stratum once, however often it is asked."""
    from qgen_dagster.bank.inventory import load_plan
    from qgen_dagster.services.database import open_bank

    plan_run_id = qgen_run_id(context.instance, context.dagster_run)
    settings = load_settings()
    with open_bank(settings) as bank, bank.begin() as tx:
        plan = load_plan(tx, UUID(plan_run_id))
    planned = set(plan.strata) if plan else set()
    strata = [stratum for stratum in settings.taxonomy.strata if stratum in planned]
    register_strata(context.instance, [stratum.key for stratum in strata])
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=f"{plan_run_id}:{stratum.key}",
                partition_key=stratum.key,
                run_config=context.dagster_run.run_config,
                tags={PLAN_TAG: plan_run_id, STRATUM_TAG: stratum.key},
            )
            for stratum in strata
        ]
    )


@dg.sensor(
    name="llm_jobs",
    jobs=[auto_balance, generate_stratum],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Goes on with runs in batch mode when their providers' batch jobs have ended.",
)
def llm_jobs(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """Asks providers about the jobs of runs that ended waiting; asks nobody when no run waits."""
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.job_watch import runs_to_go_on_with, waiting_runs

    settings = load_settings()
    with open_bank(settings) as bank:
        attempts = {run_id: _left_to_sensor(context.instance, run_id) for run_id in waiting_runs(bank)}
        ours = {run_id: attempt for run_id, attempt in attempts.items() if attempt is not None}
        if not ours:
            return dg.SkipReason(f"{len(attempts)} runs wait, left to their operators" if attempts else "no run waits")
        ready = runs_to_go_on_with(bank, settings.provider_environment, list(ours), tell=context.log.info)
    following = {f"{run_id}:{label}": going_on(context.instance, ours[run_id]) for run_id, label in ready.items()}
    if not following:
        return dg.SkipReason(f"{len(ours)} runs wait for batch jobs")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=key,
                job_name=next_.job_name,
                run_config=next_.run_config,
                tags=next_.tags,
                asset_selection=next_.assets,
            )
            for key, next_ in following.items()
        ]
    )


@dg.sensor(
    name="late_reports",
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends reports about runs that could not be delivered when they were made (QGEN_REPORT_URL).",
)
def late_reports(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Sends what is due; asks nobody when nothing is, or when nobody is to be told."""
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.report_delivery import deliver_due

    settings = load_settings()
    if settings.reporting is None:
        return dg.SkipReason("nobody is told of runs: QGEN_REPORT_URL")
    with open_bank(settings) as bank:
        done = deliver_due(bank, settings.reporting)
    if done.error is not None:
        context.log.warning(f"a report was not taken: {done.error}")
    counts = f"{done.delivered} reports delivered, {done.refused} refused, {done.waiting} wait"
    return dg.SkipReason(counts if done.delivered or done.refused or done.waiting else "nothing to report")


def _left_to_sensor(instance: dg.DagsterInstance, run_id: UUID) -> dg.DagsterRun | None:
    """The run's latest attempt if it ended in good order. What failed or was stopped is its operator's to resume."""
    try:
        attempt = latest_attempt(instance, str(run_id))
    except ConfigurationError:
        return None
    return attempt if attempt.is_success and attempt.tags.get(LAUNCHED_BY_TAG) != CLI else None


ALL_SENSORS = (dead_runs, new_strata, new_drill_series, fill_rounds, fan_out, llm_jobs, late_reports)
