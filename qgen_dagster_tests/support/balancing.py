"""The real code location on a real instance and a real bank, in this process.

Not here: processes of their own (`processes.py`), the chain without Dagster (`chain.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.definitions import defs
from qgen_dagster.defs.launch import run_job
from qgen_dagster.defs.ranges import register_strata, strata_range
from qgen_dagster.defs.resources import run_config
from qgen_dagster.defs.watch import LaunchResult


@dataclass(frozen=True)
class Balancing:
    """What a test starts and looks at."""

    instance: dg.DagsterInstance
    bank: Bank
    settings: Settings

    @property
    def keys(self) -> list[str]:
        return [stratum.key for stratum in self.settings.taxonomy.strata]

    def auto_balance(self, **options: Any) -> LaunchResult:
        """The whole chain over all strata, as the schedule would request it."""
        register_strata(self.instance, self.keys)
        ends = strata_range(self.instance, self.keys)
        return run_job("auto_balance", instance=self.instance, partition_range=ends, run_config=run_config(**options))

    def generate_stratum(self, key: str, tags: Mapping[str, str] | None = None, **options: Any) -> LaunchResult:
        """One partition through the chain."""
        register_strata(self.instance, self.keys)
        return run_job(
            "generate_stratum", instance=self.instance, partition_key=key, tags=tags, run_config=run_config(**options)
        )

    def materialise(self, *assets: str, key: str | None = None, **options: Any) -> dg.ExecuteInProcessResult:
        """Single assets, as with "Materialize selected" in the UI."""
        register_strata(self.instance, self.keys)
        return defs.resolve_job_def("__ASSET_JOB").execute_in_process(
            instance=self.instance,
            asset_selection=[dg.AssetKey(asset) for asset in assets],
            partition_key=key,
            run_config=run_config(**options),
            raise_on_error=False,
        )

    def metadata(self, run_id: str, asset: str) -> dict[str | None, dict[str, Any]]:
        """The metadata of each partition of the asset that the run materialised."""
        records = (entry.dagster_event for entry in self.instance.all_logs(run_id))
        events = [e for e in records if e and e.is_step_materialization and e.asset_key == dg.AssetKey(asset)]
        found = [event.step_materialization_data.materialization for event in events]
        return {one.partition: {label: value.value for label, value in one.metadata.items()} for one in found}

    def checks(self, run_id: str) -> dict[str, bool]:
        """The asset checks that the run made, and whether they passed."""
        return {name: made.passed for name, made in self.evaluations(run_id).items()}

    def evaluations(self, run_id: str) -> dict[str, dg.AssetCheckEvaluation]:
        """The asset checks that the run made."""
        events = (entry.dagster_event for entry in self.instance.all_logs(run_id))
        made = [e.asset_check_evaluation_data for e in events if e and e.event_type_value == "ASSET_CHECK_EVALUATION"]
        return {one.check_name: one for one in made}

    def check(self, asset: str, name: str) -> dg.AssetCheckEvaluation:
        """A check started by itself, as with "Execute" in the UI."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        everything = defs.resolve_job_def("__ASSET_JOB")
        job = everything.get_subset(asset_selection=set(), asset_check_selection={key})
        [result] = job.execute_in_process(instance=self.instance).get_asset_check_evaluations()
        return result

    def active(self) -> dict[str, int]:
        """Active questions of each stratum that has any."""
        from qgen_dagster.services.stage_report import active_counts

        return {stratum.key: count for stratum, count in active_counts(self.bank).items() if count}

    def only(self, keys: Sequence[str]) -> dict[str, int]:
        """Active questions of some strata."""
        return {key: self.active().get(key, 0) for key in keys}
