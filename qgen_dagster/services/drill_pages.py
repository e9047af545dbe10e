"""Drill series as pages show them: plan and quotas, batches, what the verification found, drills with their answers.

Not here: what the admin API reads (`drill_reads.py`), pages (`api/dashboard/`), documents (`drill_artifact.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank.drills import StoredDrillBatch, StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.drills import Phase, SeriesStatus, Tier
from qgen_dagster.drills.library import PromptCost
from qgen_dagster.services import drill_artifact
from qgen_dagster.services.drill_artifact import Artifact
from qgen_dagster.services.drill_reads import progress_of
from qgen_dagster.services.plan_drills import cost_of, curriculum_of
from qgen_dagster.services.verify_drills import Verification, last_verification

SERIES_UNDER_WAY = 10


@dataclass(frozen=True)
class SeriesUnderWay:
    """A series, how far it is (`Generated 15/25 drills (batch 3/5)`), and its batches whose call is on its way."""

    series: StoredSeries
    progress: str
    batches: Sequence[StoredDrillBatch]


@dataclass(frozen=True)
class Quota:
    """How many drills of a name were planned and are there; `most` is what the curriculum allows, if it says so."""

    name: str
    planned: int
    made: int
    most: int | None = None


@dataclass(frozen=True)
class SeriesPage:
    """Everything about a series. The quotas stand under what they are of: phases, tiers, methodologies."""

    under_way: SeriesUnderWay
    artifact: Artifact
    batches: Sequence[StoredDrillBatch]
    quotas: Mapping[str, Sequence[Quota]]
    cost: PromptCost
    verification: Verification

    @property
    def series(self) -> StoredSeries:
        return self.under_way.series


def under_way(bank: Bank) -> list[SeriesUnderWay]:
    """The series that are being made now, newest first."""
    with bank.begin() as tx:
        found = rows.list_series(tx, statuses=(SeriesStatus.GENERATING,), limit=SERIES_UNDER_WAY)
        return [_under_way(series, rows.list_batches(tx, series.id)) for series in found]


def read_progress(bank: Bank, series_id: UUID) -> SeriesUnderWay | None:
    """How far a series is, or None when there is none."""
    with bank.begin() as tx:
        series = rows.get_series(tx, series_id)
        return _under_way(series, rows.list_batches(tx, series_id)) if series else None


def read_page(bank: Bank, series_id: UUID) -> SeriesPage | None:
    """Everything about a series, or None when there is none."""
    with bank.begin() as tx:
        series = rows.get_series(tx, series_id)
        batches = rows.list_batches(tx, series_id)
    if series is None:
        return None
    artifact = drill_artifact.rebuild(bank, series_id)
    return SeriesPage(
        under_way=_under_way(series, batches),
        artifact=artifact,
        batches=batches,
        quotas=_quotas(artifact, batches),
        cost=cost_of(series),
        verification=last_verification(bank, series_id),
    )


def _under_way(series: StoredSeries, batches: Sequence[StoredDrillBatch]) -> SeriesUnderWay:
    asked = [batch for batch in batches if batch.status is BatchStatus.GENERATING]
    return SeriesUnderWay(series, progress_of(series), asked)


def _quotas(artifact: Artifact, batches: Sequence[StoredDrillBatch]) -> dict[str, list[Quota]]:
    """What was planned of each phase, tier and methodology, beside what there is."""
    slots = [slot for batch in batches for slot in batch.slots]
    made = drill_artifact.make_up(artifact)
    curriculum, planned = curriculum_of(artifact.series), artifact.series.planned_drill_count
    methods = _counted((slot.methodology for slot in slots), curriculum.methodologies)
    tiers, phases = _counted((slot.tier for slot in slots), Tier), _counted((slot.phase for slot in slots), Phase)
    most_of_a_tier, most_of_a_method = curriculum.most_of_a_tier(planned), curriculum.most_of_a_methodology(planned)
    return {
        "phases": [Quota(name, count, made["phases"].get(name, 0)) for name, count in phases],
        "tiers": [Quota(name, count, made["tiers"].get(name, 0), most_of_a_tier) for name, count in tiers],
        "methodologies": [
            Quota(name, count, made["methodologies"].get(name, 0), most_of_a_method) for name, count in methods
        ],
    }


def _counted(names: Iterable[str], order: Iterable[str]) -> list[tuple[str, int]]:
    """Names with how often they come, in this order; those that do not come are left out."""
    counts = Counter(str(name) for name in names)
    return [(str(name), counts[str(name)]) for name in order if counts[str(name)]]
