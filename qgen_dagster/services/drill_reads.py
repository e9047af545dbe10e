"""Drill series as the admin API reads them.

Not here: the SQL (`bank/drills.py`), the document that is exported (`drill_artifact.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank.drills import StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.drills import SeriesStatus
from qgen_dagster.services import drill_artifact
from qgen_dagster.services.admin_reads import Found
from qgen_dagster.services.run_reports import COUNTED
from qgen_dagster.services.verify_drills import last_verification
from qgen_dagster.tracking.drill_schemas import DrillBatchRead, DrillSeriesRead, DrillSeriesSummary


def find_series(bank: Bank, statuses: Sequence[SeriesStatus], *, limit: int, offset: int) -> Found:
    """A page of series, newest first."""
    with bank.begin() as tx:
        found = rows.list_series(tx, statuses=statuses, limit=limit, offset=offset)
        total = rows.count_series(tx, statuses=statuses, most=COUNTED + 1)
    return Found([_values(series) for series in found], min(total, COUNTED), total <= COUNTED)


def read_series(bank: Bank, series_id: UUID) -> DrillSeriesRead | None:
    """A series with its batches, or None."""
    with bank.begin() as tx:
        series = rows.get_series(tx, series_id)
        batches = rows.list_batches(tx, series_id) if series else []
    if series is None:
        return None
    return DrillSeriesRead(
        **_values(series),
        progress=progress_of(series),
        batch_list=[
            DrillBatchRead(**{name: getattr(batch, name) for name in DrillBatchRead.model_fields}) for batch in batches
        ],
        review=list(last_verification(bank, series_id).review) if series.ended else [],
    )


def read_drills(bank: Bank, series_id: UUID) -> list[dict[str, Any]] | None:
    """All drills of a series with their boards; None when there is no such series."""
    with bank.begin() as tx:
        if rows.get_series(tx, series_id) is None:
            return None
    artifact = drill_artifact.rebuild(bank, series_id)
    found = []
    for stored in artifact.drills:
        document = drill_artifact.drill_document(artifact, stored)
        document["position"]["board_svg"] = drill_artifact.picture(artifact, stored)
        found.append(document)
    return found


def progress_of(series: StoredSeries) -> str:
    """How far a series is: `Generated 15/25 drills (batch 3/5)`."""
    over = series.batches_completed + series.batches_failed
    return f"Generated {series.drills}/{series.planned_drill_count} drills (batch {over}/{series.batches})"


def _values(series: StoredSeries) -> dict[str, Any]:
    return {name: getattr(series, name) for name in DrillSeriesSummary.model_fields}
