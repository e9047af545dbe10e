"""The first two assets: how well the bank is stocked, and what is to be made."""

import dagster as dg

from qgen_dagster.defs.assets.stage import GROUP, at_work
from qgen_dagster.defs.metadata import inventory_metadata, plan_metadata
from qgen_dagster.defs.resources import RunResource
from qgen_dagster.services import inventory


@dg.asset(group_name=GROUP, kinds={"postgres"})
def inventory_snapshot(run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Active questions of every stratum, with target, deficit and stock level; kept, so that stock can be plotted."""
    with at_work(run) as session:
        analysis = inventory.take_snapshot(session.work.bank, run.settings, session.work.options)
    return dg.MaterializeResult(metadata=inventory_metadata(analysis))


@dg.asset(group_name=GROUP, deps=[inventory_snapshot], kinds={"python"})
def generation_plan(context: dg.AssetExecutionContext, run: RunResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """How many questions each stratum gets in this run, by the three-phase allocation."""
    with at_work(run) as session:
        plan = inventory.plan_run(session.work)
        if plan.total_questions == 0:
            analysis = inventory.analyze(session.work.bank, run.settings, session.work.options)
            context.log.info(inventory.early_exit_diagnostics(analysis))
    return dg.MaterializeResult(metadata=plan_metadata(plan))
