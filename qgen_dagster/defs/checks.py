"""Asset checks: what must hold before data goes on, and what an operator should be warned of.

They look at the present run; started by themselves, at the latest run. The blocking one stands where bad data would go
on; the others are one step at the end, since each step costs a run about 50 ms. Not here: the rules of the stages.
"""

from collections.abc import Callable, Iterator, Mapping

import dagster as dg

from qgen_dagster.core.funnel import Loss, ratio
from qgen_dagster.core.inventory import StockLevel
from qgen_dagster.defs.assets.bank import deduplicated_questions, generation_runs, judged_questions, question_bank
from qgen_dagster.defs.assets.generation import generated_batches
from qgen_dagster.defs.resources import RunResource
from qgen_dagster.services import inventory, quality

MIN_GENERATED = 0.5  # below half of what was asked for, the provider is in trouble
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


@dg.asset_check(
    asset=judged_questions, blocking=True, description="Every approved candidate's key is proved by a blind solver."
)
def keys_are_proved(run: RunResource) -> dg.AssetCheckResult:
    """Stops the run before deduplication when a candidate was approved without a proved key."""
    found = quality.unproved_keys(run.session)
    return dg.AssetCheckResult(
        passed=found.unproved == 0, metadata={"checked": found.checked, "unproved": found.unproved}
    )


@dg.multi_asset_check(name="run_checks", specs=SPECS, can_subset=True)
def run_checks(context: dg.AssetCheckExecutionContext, run: RunResource) -> Iterator[dg.AssetCheckResult]:
    """The checks that hold nothing up, as many of them as were asked for."""
    for key in context.selected_asset_check_keys:
        result = _CHECKS[key.name](run)
        yield result._replace(check_name=key.name, asset_key=key.asset_key)


def _generation_yield(run: RunResource) -> dg.AssetCheckResult:
    """Warns when a provider delivers little."""
    funnel = quality.latest_funnel(run.session)
    delivered = ratio(funnel.generated, funnel.requested - funnel.losses.get(Loss.SATURATED, 0))
    return dg.AssetCheckResult(
        passed=delivered is None or delivered >= MIN_GENERATED,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"requested": funnel.requested, "generated": funnel.generated},
    )


def _duplicate_rate(run: RunResource) -> dg.AssetCheckResult:
    """Warns when strata saturate."""
    funnel = quality.latest_funnel(run.session)
    share = ratio(funnel.duplicates, funnel.generated)
    return dg.AssetCheckResult(
        passed=share is None or share <= MAX_DUPLICATES,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"duplicates": funnel.duplicates, "generated": funnel.generated},
    )


def _coverage(run: RunResource) -> dg.AssetCheckResult:
    """Warns of strata with little stock."""
    analysis = inventory.analyze(run.session.work.bank, run.settings, run.session.work.options)
    short = [s.stratum.key for s in analysis.strata if s.level in (StockLevel.WARNING, StockLevel.CRITICAL)]
    return dg.AssetCheckResult(
        passed=not short,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"short_strata": len(short), "which": ", ".join(short) or "none"},
    )


def _funnel_identity(run: RunResource) -> dg.AssetCheckResult:
    """Fails when a question went missing without a name: a bug, never a matter of quality."""
    funnel = quality.latest_funnel(run.session)
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


_CHECKS: Mapping[str, Callable[[RunResource], dg.AssetCheckResult]] = {
    "generation_yield": _generation_yield,
    "duplicate_rate": _duplicate_rate,
    "coverage": _coverage,
    "funnel_identity": _funnel_identity,
}

ALL_CHECKS = (keys_are_proved, run_checks)
