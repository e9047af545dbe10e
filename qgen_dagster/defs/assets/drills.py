"""The drill line as assets, in order: position_library → drill_plan → drill_batches[series] → drill_series[series].

A series that is materialised again asks only for the drills that are missing. Not here: the question line.
"""

import dagster as dg

from qgen_dagster.core.drills import SeriesVerdict
from qgen_dagster.defs.assets.stage import BACKFILL, at_work
from qgen_dagster.defs.drill_metadata import batches_metadata, library_metadata, plan_metadata, series_metadata
from qgen_dagster.defs.drill_resources import SeriesResource
from qgen_dagster.defs.partitions import series_partitions
from qgen_dagster.services import build_drills as building
from qgen_dagster.services import drill_artifact, plan_drills
from qgen_dagster.services.verify_drills import Verification, verify_with_catalogue

GROUP = "drills"
CHECKS = [
    dg.AssetCheckSpec(
        "drill_quotas",
        asset="drill_series",
        description="Tiers and methodologies keep to their shares, and no position is used twice.",
    ),
    dg.AssetCheckSpec(
        "drill_verification",
        asset="drill_series",
        description="Every planned drill is there, was checked, and its answer holds.",
    ),
]


@dg.asset(group_name=GROUP, kinds={"postgres"})
def position_library(series: SeriesResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The positions that drills are made of: the bundled catalogue, and what was mined."""
    bank = series.session.bank
    new = plan_drills.fill_library(bank)
    return dg.MaterializeResult(metadata=library_metadata(bank, new))


@dg.asset(group_name=GROUP, deps=[position_library], kinds={"python"})
def drill_plan(series: SeriesResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Which position, tier and methodology each drill of the series gets, decided before anything is made."""
    run = series.session
    stored = plan_drills.plan_drills(run.bank, run.settings, series.planned, run.series_id)
    return dg.MaterializeResult(metadata=plan_metadata(run.bank, stored))


@dg.asset(
    group_name=GROUP,
    deps=[drill_plan],
    partitions_def=series_partitions,
    backfill_policy=BACKFILL,
    kinds={"python"},
)
def drill_batches(series: SeriesResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The series' drills in batches of five; batches that failed before are asked again for what is missing."""
    with at_work(series) as run:
        building.build_drills(run)
    return dg.MaterializeResult(metadata=batches_metadata(run.bank, run.series))


@dg.asset(
    group_name=GROUP,
    deps=[drill_batches],
    partitions_def=series_partitions,
    backfill_policy=BACKFILL,
    kinds={"postgres"},
    check_specs=CHECKS,
)
def drill_series(series: SeriesResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The whole series, rebuilt from its drills, with every answer checked."""
    with at_work(series) as run:
        run.begin()
        found = verify_with_catalogue(run.bank, run.series_id)
        run.close()
    artifact = drill_artifact.rebuild(run.bank, run.series_id)
    return dg.MaterializeResult(metadata=series_metadata(artifact, found), check_results=_checks(found))


def _checks(found: Verification) -> list[dg.AssetCheckResult]:
    problems = "; ".join(found.quota_problems)
    return [
        dg.AssetCheckResult(
            check_name="drill_quotas", passed=not found.quota_problems, metadata={"problems": problems or "none"}
        ),
        dg.AssetCheckResult(
            check_name="drill_verification",
            passed=found.verdict is SeriesVerdict.VERIFIED,
            metadata={
                "verdict": found.verdict.value,
                "verified": found.verified,
                "planned": found.expected,
                "review": "; ".join(found.review) or "nothing",
            },
        ),
    ]


DRILL_ASSETS = (position_library, drill_plan, drill_batches, drill_series)
