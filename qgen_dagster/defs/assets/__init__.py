"""The question line as assets, in order: inventory_snapshot → generation_plan → generated_batches[stratum] →
judged_questions[stratum] → deduplicated_questions[stratum] → question_bank[stratum] → generation_runs.

Not here: checks (`defs/checks.py`), the drill line.
"""

from qgen_dagster.defs.assets.bank import deduplicated_questions, generation_runs, judged_questions, question_bank
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.assets.planning import generation_plan, inventory_snapshot

ALL_ASSETS = (
    inventory_snapshot,
    generation_plan,
    generated_batches,
    judged_questions,
    deduplicated_questions,
    question_bank,
    generation_runs,
)

__all__ = ["ALL_ASSETS"]
