"""The assets from candidates to the bank, and the run's own record."""

import dagster as dg

from qgen_dagster.core.errors import QgenError
from qgen_dagster.core.funnel import Funnel
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.assets.stage import BACKFILL, GROUP, run_stage, stage_result
from qgen_dagster.defs.metadata import run_metadata
from qgen_dagster.defs.partitions import strata_partitions
from qgen_dagster.defs.resources import WHOLE_CHAIN, RunResource
from qgen_dagster.services import quality, stage_report
from qgen_dagster.services.alert_desk import alert_after_run
from qgen_dagster.services.deduplicate import deduplicate
from qgen_dagster.services.insert import insert
from qgen_dagster.services.judge import judge

# Part of its asset and not a step of its own: it must stand between judging and deduplication, and a step costs 50 ms.
KEYS_ARE_PROVED = dg.AssetCheckSpec(
    "keys_are_proved",
    asset="judged_questions",
    blocking=True,
    description="Every approved candidate's key is proved by a blind solver; if not, the run stops here.",
)


@dg.asset(
    group_name=GROUP,
    deps=[generated_batches],
    partitions_def=strata_partitions,
    backfill_policy=BACKFILL,
    kinds={"python"},
    check_specs=[KEYS_ARE_PROVED],
)
def judged_questions(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Candidates scored by the rubric and solved blind; what can be saved is salvaged and judged again."""
    strata, run_ids = run_stage(context, run, judge)
    judged = stage_result(
        context, run, run_ids, strata, lambda _, funnel: stage_report.judging_numbers(funnel), "approved"
    )
    found = quality.unproved_keys(run.session)
    proved = dg.AssetCheckResult(
        passed=found.unproved == 0, metadata={"checked": found.checked, "unproved": found.unproved}
    )
    return judged._replace(check_results=[proved])


@dg.asset(
    group_name=GROUP,
    deps=[judged_questions],
    partitions_def=strata_partitions,
    backfill_policy=BACKFILL,
    kinds={"python", "postgres"},
)
def deduplicated_questions(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Approved candidates that neither the bank nor the run has yet: compared exactly, by structure and by meaning."""
    strata, run_ids = run_stage(context, run, deduplicate)
    return stage_result(
        context, run, run_ids, strata, lambda _, funnel: stage_report.deduplication_numbers(funnel), "unique"
    )


@dg.asset(
    group_name=GROUP,
    deps=[deduplicated_questions],
    partitions_def=strata_partitions,
    backfill_policy=BACKFILL,
    kinds={"postgres"},
)
def question_bank(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The bank: unique candidates inserted, at most as many as were planned."""
    strata, run_ids = run_stage(context, run, insert)
    active = stage_report.active_counts(run.session.work.bank)

    def numbers_of(stratum: Stratum, funnel: Funnel) -> stage_report.Numbers:
        return stage_report.bank_numbers(funnel, active.get(stratum, 0))

    return stage_result(context, run, run_ids, strata, numbers_of, "inserted")


@dg.asset(group_name=GROUP, deps=[question_bank], kinds={"postgres"})
def generation_runs(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The record of this run, or of the latest: where every requested question went, how long it took, what it cost.

    Then, at the end of a whole run, alerts about the stock that it leaves.
    """
    run.session.close()
    if context.run.job_name == WHOLE_CHAIN and not run.session.work.options.skip_inventory_alerts:
        _alert(context, run)
    record = quality.latest_record(run.session)
    return dg.MaterializeResult(
        metadata=run_metadata(record, run.session.work.settings.dashboard_url) if record else {}
    )


def _alert(context: dg.AssetExecutionContext, run: RunResource) -> None:
    work = run.session.work
    try:
        context.log.info(alert_after_run(work.bank, work.settings, work.options, work.clock))
    except QgenError as error:  # the questions are in the bank: an alert that fails must not fail their run
        context.log.error(f"no alert could be raised: {error}")
