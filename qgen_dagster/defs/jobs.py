"""The jobs that an operator starts.

Not here: when they start by themselves (`schedules.py`, `sensors.py`).
"""

from __future__ import annotations

import dagster as dg

from qgen_dagster.defs.assets import ALL_ASSETS
from qgen_dagster.defs.assets.audit import bank_audit
from qgen_dagster.defs.assets.bank import deduplicated_questions, judged_questions, question_bank
from qgen_dagster.defs.assets.drills import DRILL_ASSETS
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.assets.planning import generation_plan, inventory_snapshot
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

ALL_JOBS = (auto_balance, generate_stratum, plan_fan_out, build_drill_series, audit_bank)
