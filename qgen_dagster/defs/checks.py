"""Asset checks that hold nothing up: what an operator should be warned of.

They look at the present run; started by themselves, at the latest run. They are one step at the end, since each step
costs a run about 10 ms, and look up once which materialisations they are about: Dagster would do so for each check and
ask for the data versions of all partitions too, 20 ms a time. Not here: the one that blocks (`assets/bank.py`), the
rules of the stages.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluation,
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.storage.tags import PARTITION_NAME_TAG

from qgen_dagster.core.funnel import Funnel, Loss, ratio
from qgen_dagster.core.inventory import StockLevel, StratumInventory
from qgen_dagster.defs.assets.bank import deduplicated_questions, generation_runs, question_bank
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.resources import RunResource
from qgen_dagster.services import inventory, quality

MIN_GENERATED = 0.5  # below half of what was asked for, the provider is in trouble
MAX_ROWS = 100
MAX_DUPLICATES = 0.25  # above a quarter, the stratum is filling up
SPECS = (
    dg.AssetCheckSpec(
        "generation_yield", asset=generated_batches, description="At least half of what was asked for was generated."
    ),
    dg.AssetCheckSpec(
        "duplicate_rate",
        asset=deduplicated_questions,
        description="At most a quarter of the approved candidates are duplicates.",
    ),
    dg.AssetCheckSpec("coverage", asset=question_bank, description="No stratum is at the level warning or critical."),
    dg.AssetCheckSpec(
        "funnel_identity",
        asset=generation_runs,
        description="requested = inserted + every named loss + pending",
    ),
)


@dg.multi_asset_check(name="run_checks", specs=SPECS, can_subset=True)
def run_checks(context: dg.AssetCheckExecutionContext, run: RunResource) -> Iterator[AssetCheckEvaluation]:
    """The checks that hold nothing up, as many of them as were asked for."""
    facts = _Facts(run)
    keys = context.selected_asset_check_keys
    targets = _targets(context, {key.asset_key for key in keys})
    for key in keys:
        result = _CHECKS[key.name](facts)
        yield AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
            blocking=False,
            target_materialization_data=targets.get(key.asset_key),
        )


def _targets(
    context: dg.AssetCheckExecutionContext, assets: Collection[dg.AssetKey]
) -> dict[dg.AssetKey, AssetCheckEvaluationTargetMaterializationData]:
    """What each asset's check is about: its latest materialisation, in a run over one partition that partition's."""
    instance, partition = context.instance, context.run.tags.get(PARTITION_NAME_TAG)
    if partition is None:
        found = [record.asset_entry.last_materialization_record for record in instance.get_asset_records(list(assets))]
    else:
        wanted = [dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[partition]) for asset in assets]
        found = [record for one in wanted for record in instance.fetch_materializations(one, limit=1).records]
    return {
        record.asset_key: AssetCheckEvaluationTargetMaterializationData(
            run_id=record.run_id, storage_id=record.storage_id, timestamp=record.timestamp
        )
        for record in found
        if record is not None and record.asset_key is not None
    }


@dataclass(frozen=True)
class _Facts:
    """What the checks look at, read once."""

    run: RunResource

    @cached_property
    def funnel(self) -> Funnel:
        return quality.latest_funnel(self.run.session)


def _generation_yield(facts: _Facts) -> dg.AssetCheckResult:
    """Warns when a provider delivers little. What is under way, say in a batch job, has not failed."""
    funnel = facts.funnel
    delivered = ratio(funnel.generated, funnel.generated + funnel.losses.get(Loss.NOT_GENERATED, 0))
    return dg.AssetCheckResult(
        passed=delivered is None or delivered >= MIN_GENERATED,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"requested": funnel.requested, "generated": funnel.generated},
    )


def _duplicate_rate(facts: _Facts) -> dg.AssetCheckResult:
    """Warns when strata saturate."""
    funnel = facts.funnel
    share = ratio(funnel.duplicates, funnel.generated)
    return dg.AssetCheckResult(
        passed=share is None or share <= MAX_DUPLICATES,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"duplicates": funnel.duplicates, "generated": funnel.generated},
    )


def _coverage(facts: _Facts) -> dg.AssetCheckResult:
    """Warns of strata with little stock; an error when one is critical. It holds nothing up either way."""
    work = facts.run.session.work
    analysis = inventory.analyze(work.bank, work.settings, work.options)
    short = [s for s in analysis.strata if s.level in (StockLevel.WARNING, StockLevel.CRITICAL)]
    critical = len(analysis.critical_strata)
    return dg.AssetCheckResult(
        passed=not short,
        severity=dg.AssetCheckSeverity.ERROR if critical else dg.AssetCheckSeverity.WARN,
        metadata={
            "short_strata": len(short),
            "critical_strata": critical,
            "which": ", ".join(s.stratum.key for s in short) or "none",
            "levels": _levels_table(short),
        },
    )


def _levels_table(short: Sequence[StratumInventory]) -> dg.MetadataValue:
    """Each stratum with little stock, at most a hundred: level, questions and what is missing."""
    rows = [f"| {s.stratum.key} | {s.level.value} | {s.current_count:,} | {s.deficit:,} |" for s in short[:MAX_ROWS]]
    head = "| stratum | level | active | missing |\n|---|---|---:|---:|\n"
    return dg.MetadataValue.md(head + "\n".join(rows) if rows else "none")


def _funnel_identity(facts: _Facts) -> dg.AssetCheckResult:
    """Fails when a question went missing without a name: a bug, never a matter of quality."""
    funnel = facts.funnel
    return dg.AssetCheckResult(
        passed=funnel.balance == 0,
        metadata={
            "requested": funnel.requested,
            "inserted": funnel.inserted,
            "lost": funnel.lost,
            "pending": funnel.pending,
            "unaccounted": funnel.balance,
        },
    )


_CHECKS: Mapping[str, Callable[[_Facts], dg.AssetCheckResult]] = {
    "generation_yield": _generation_yield,
    "duplicate_rate": _duplicate_rate,
    "coverage": _coverage,
    "funnel_identity": _funnel_identity,
}

ALL_CHECKS = (run_checks,)
