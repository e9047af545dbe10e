"""The jobs that an operator starts.

Not here: when they start by themselves (`schedules.py`, `sensors.py`).
"""

import dagster as dg
from pydantic import Field

from qgen_dagster.defs.assets import ALL_ASSETS
from qgen_dagster.defs.assets.audit import bank_audit
from qgen_dagster.defs.assets.bank import deduplicated_questions, judged_questions, question_bank
from qgen_dagster.defs.assets.drills import DRILL_ASSETS
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.assets.planning import generation_plan, inventory_snapshot
from qgen_dagster.defs.hosting import run_settings
from qgen_dagster.defs.resources import WHOLE_CHAIN

auto_balance = dg.define_asset_job(
    WHOLE_CHAIN,
    selection=dg.AssetSelection.assets(*ALL_ASSETS),
    description="The whole chain in one run: one process, shared limits. Leave *Partition* empty in the launchpad and "
    "confirm: it then runs over all strata. Also started by the nightly schedule and by `qgen auto-balance`.",
)

generate_stratum = dg.define_asset_job(
    "generate_stratum",
    selection=dg.AssetSelection.assets(generated_batches, judged_questions, deduplicated_questions, question_bank),
    description="One stratum from generation to the bank: fills its deficit, or makes `count` questions.",
)

plan_fan_out = dg.define_asset_job(
    "plan_fan_out",
    selection=dg.AssetSelection.assets(inventory_snapshot, generation_plan),
    description="Plans, then has the sensor `fan_out` start one run per planned stratum: for more than one machine.",
)

build_drill_series = dg.define_asset_job(
    "build_drill_series",
    selection=dg.AssetSelection.assets(*DRILL_ASSETS),
    description="A drill series from its plan to checked answers. Leave *Partition* empty for a new series; with one, "
    "only what is missing is made.",
)

audit_bank = dg.define_asset_job(
    "audit_bank",
    selection=dg.AssetSelection.assets(bank_audit),
    description="Proves the keys of the questions that were longest unchecked once more, within a budget. Also started "
    "by the weekly schedule and by `qgen audit bank`.",
)


class Purge(dg.Config):
    """What is old."""

    older_than_days: int | None = Field(default=None, ge=1, description="Empty: QGEN_RETENTION_DAYS, which is 90.")
    dry_run: bool = Field(default=False, description="Only count what would go.")


@dg.op(description="Deletes history that is older than so many days; sums and all that belongs to questions stay.")
def delete_old_history(context: dg.OpExecutionContext, config: Purge) -> None:
    """The bank's history, then Dagster's own; stopped or killed in between, the next run goes on."""
    from qgen_dagster.defs import history
    from qgen_dagster.services import retention
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.work import now

    settings = run_settings()
    before = retention.cutoff(now(), config.older_than_days or settings.retention_days)
    with open_bank(settings) as bank:
        if config.dry_run:
            gone = {**retention.count_old(bank, before), **history.count_old(context.instance, before)}
        else:
            gone = {**retention.prune(bank, before), **history.prune(context.instance, before)}
    what = "would go" if config.dry_run else "deleted"
    context.log.info(f"older than {before:%Y-%m-%d}: {', '.join(f'{n:,} {kind}' for kind, n in gone.items())} {what}")
    context.add_output_metadata({"older_than": str(before.date()), **gone})


@dg.job(description="Deletes old history: runs, calls, rejected candidates, log lines, ticks. Statistics stay.")
def purge_history() -> None:
    """Also started by the schedule `retention`; `qgen runs prune` does the same."""
    delete_old_history()


ALL_JOBS = (auto_balance, generate_stratum, plan_fan_out, build_drill_series, audit_bank, purge_history)
