"""What the dashboard reads beyond the API: the page that one begins with, and what is under way.

Reads of a million runs come from the sums of days; nothing here scans. Not here: pages (`api/dashboard/`), SQL
(`bank/listings.py`, `bank/run_days.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from qgen_dagster.bank import listings
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.listings import BatchProgress
from qgen_dagster.bank.run_days import Period
from qgen_dagster.bank.run_queries import RunFilter
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.run import RunKind, RunStatus
from qgen_dagster.services import admin_reads, drill_pages, run_reports, run_statistics
from qgen_dagster.services.admin_reads import Found
from qgen_dagster.services.drill_pages import SeriesUnderWay
from qgen_dagster.tracking.admin_schemas import InventoryRead
from qgen_dagster.tracking.stats_schemas import ProviderStats, QuestionGenerationRunComparison, VersionStats
from qgen_dagster.tracking.summary import Month

LAST_RUNS = 8
LAST_ALERTS = 5
RUNS_UNDER_WAY = 10
BATCHES_UNDER_WAY = 30
UNRESOLVED = ("acknowledged", "open")


@dataclass(frozen=True)
class RunUnderWay:
    """A run that is running, and how far its batches are."""

    row: Mapping[str, Any]
    progress: BatchProgress


@dataclass(frozen=True)
class UnderWay:
    """What is being done now: runs, newest first, their batches whose call is on its way, drill series."""

    runs: Sequence[RunUnderWay]
    batches: Sequence[Mapping[str, Any]]
    series: Sequence[SeriesUnderWay]


@dataclass(frozen=True)
class Overview:
    """The first page: stock, the last 30 days in sum and by day, the last runs, unresolved alerts."""

    stock: InventoryRead
    month: Month
    last_runs: Sequence[Mapping[str, Any]]
    alerts: Found
    under_way: UnderWay


def overview(bank: Bank, settings: Settings, now: datetime) -> Overview:
    """Everything that the first page shows."""
    return Overview(
        stock=admin_reads.stock(bank, settings, None),
        month=run_statistics.month(bank, now),
        last_runs=run_reports.find_runs(bank, RunFilter(), limit=LAST_RUNS).runs,
        alerts=admin_reads.find_alerts(bank, {}, UNRESOLVED, limit=LAST_ALERTS, offset=0),
        under_way=under_way(bank),
    )


@dataclass(frozen=True)
class Comparison:
    """Providers and prompt versions of a period; `chosen` are the two that `detail` compares, if there are two."""

    providers: Sequence[ProviderStats]
    versions: Sequence[VersionStats]
    chosen: tuple[str | None, str | None]
    detail: QuestionGenerationRunComparison | None


def comparison(bank: Bank, period: Period, before: str | None, after: str | None, now: datetime) -> Comparison:
    """Everything side by side. Without a choice the two versions that were used last are compared in detail."""
    versions = run_statistics.prompt_versions(bank, period, now)
    if before is None and after is None and len(versions) > 1:
        before, after = versions[1].prompt_version, versions[0].prompt_version
    detail = None
    if before and after and before != after:
        detail = run_statistics.compare_versions(bank, period, (before, after), now)
    return Comparison(run_statistics.providers(bank, period, now), versions, (before, after), detail)


def under_way(bank: Bank) -> UnderWay:
    """What is being done now."""
    wanted = RunFilter(statuses=(RunStatus.RUNNING.value,))
    found = run_reports.find_runs(bank, wanted, limit=RUNS_UNDER_WAY).runs
    rows = [row for row in found if row["kind"] != RunKind.DRILLS.value]
    ids: list[UUID] = [row["id"] for row in rows]
    with bank.begin() as tx:
        progress = listings.batch_progress(tx, ids)
        batches = listings.generating_batches(tx, ids, BATCHES_UNDER_WAY)
    runs = [RunUnderWay(row, progress.get(row["id"], BatchProgress())) for row in rows]
    return UnderWay(runs, batches, drill_pages.under_way(bank))


def nearest_questions(bank: Bank, ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """The questions with these ids, without their content."""
    with bank.begin() as tx:
        return {row["id"]: row for row in listings.questions_by_id(tx, ids)}
