"""The asset that makes candidates."""

import dagster as dg

from qgen_dagster.defs.assets.planning import generation_plan
from qgen_dagster.defs.assets.stage import BACKFILL, GROUP, at_work, partition_strata, stage_result
from qgen_dagster.defs.partitions import strata_partitions
from qgen_dagster.defs.resources import RunResource
from qgen_dagster.services import inventory, stage_report
from qgen_dagster.services.generate import generate


@dg.asset(
    group_name=GROUP,
    deps=[generation_plan],
    partitions_def=strata_partitions,
    backfill_policy=BACKFILL,
    kinds={"python"},
)
def generated_batches(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Candidates in batches of five. Without a plan of its own the run fills its strata's present deficit."""
    strata = partition_strata(context, run)
    with at_work(run) as session:
        plan = inventory.plan_run(session.work, strata, plan_run_id=run.plan_run_id)
        generate(session, plan)
    return stage_result(
        context, run, [session.run_id], strata, lambda _, funnel: stage_report.generation_numbers(funnel), "generated"
    )
