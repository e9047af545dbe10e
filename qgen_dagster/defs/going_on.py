"""Another Dagster run for a run of ours that ended in good order with work left, say for batch jobs to end.

Dagster has nothing to resume there, since every step succeeded; so the same job is run again under the tag
`qgen/goes_on_with`, and its stages find what is left. Not here: resuming what failed (`launch.py`), which Dagster runs
belong to one of ours (`attempts.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from qgen_dagster.defs.assets.bank import deduplicated_questions, judged_questions, question_bank
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.attempts import GOES_ON_TAG, qgen_run_id
from qgen_dagster.defs.jobs import auto_balance, generate_stratum
from qgen_dagster.defs.resources import PARENT_RUN_TAG, PLAN_TAG, ROUND_TAG, STRATUM_TAG

_KEPT_TAGS = (
    *(ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG, PARTITION_NAME_TAG),
    *(PARENT_RUN_TAG, PLAN_TAG, ROUND_TAG, STRATUM_TAG),
)
_OF_A_STRATUM = {asset.key for asset in (generated_batches, judged_questions, deduplicated_questions, question_bank)}


@dataclass(frozen=True)
class GoingOn:
    """What the next attempt is made of. `assets` None: all of the job's."""

    job_name: str
    run_config: Mapping[str, Any]
    tags: Mapping[str, str]
    assets: tuple[dg.AssetKey, ...] | None = None


def going_on(instance: dg.DagsterInstance, attempt: dg.DagsterRun) -> GoingOn:
    """The next attempt after one that ended in good order.

    One that was started by choosing assets goes on with those, as a run of `generate_stratum`: Dagster's own job for
    chosen assets has no name that a sensor could use.
    """
    tags = {name: attempt.tags[name] for name in _KEPT_TAGS if name in attempt.tags}
    tags[GOES_ON_TAG] = qgen_run_id(instance, attempt)
    if attempt.job_name in (auto_balance.name, generate_stratum.name) and attempt.asset_selection is None:
        return GoingOn(attempt.job_name, attempt.run_config, tags)
    chosen = _OF_A_STRATUM & (attempt.asset_selection or _OF_A_STRATUM)
    return GoingOn(generate_stratum.name, attempt.run_config, tags, tuple(sorted(chosen)))
