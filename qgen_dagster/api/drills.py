"""Routes of drill series under `/v1/admin`: reads only; series are made by the command line and by Dagster.

Not here: what is read (`services/drill_reads.py`).
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field

from qgen_dagster.api.bodies import answer
from qgen_dagster.api.problems import Problem, responses
from qgen_dagster.api.runs import COMMON, bank_of, check_page
from qgen_dagster.api.security import Reader
from qgen_dagster.api.stock import PageQuery, page_answer
from qgen_dagster.core.drills import SeriesStatus
from qgen_dagster.services import drill_reads
from qgen_dagster.tracking.drill_schemas import DrillList, DrillSeriesPage, DrillSeriesRead

router = APIRouter(prefix="/v1/admin/drill-series", tags=["Drills"])


class SeriesQuery(PageQuery):
    """Parameters of the list of series."""

    status: list[SeriesStatus] = Field(default=[], max_length=10, description="May be repeated.")


@router.get("", response_model=DrillSeriesPage, responses=responses(404, *COMMON))
def list_series(request: Request, query: Annotated[SeriesQuery, Query()], _who: Reader) -> Response:
    """List drill series, newest first, without their drills."""
    offset = check_page(query.page, query.page_size)
    statuses = sorted(set(query.status))
    found = drill_reads.find_series(bank_of(request), statuses, limit=query.page_size, offset=offset)
    return page_answer("series", found, query)


@router.get("/{series_id}", response_model=DrillSeriesRead, responses=responses(404, *COMMON))
def read_series(request: Request, series_id: UUID, _who: Reader) -> Response:
    """A drill series with its batches, its progress, and what has to be looked at."""
    series = drill_reads.read_series(bank_of(request), series_id)
    if series is None:
        raise Problem(404, "There is no such drill series.")
    return answer(series)


@router.get("/{series_id}/drills", response_model=DrillList, responses=responses(404, *COMMON))
def read_drills(request: Request, series_id: UUID, _who: Reader) -> Response:
    """The drills of a series in order, each with its position, its board as SVG, its answer and its check."""
    drills = drill_reads.read_drills(bank_of(request), series_id)
    if drills is None:
        raise Problem(404, "There is no such drill series.")
    return answer({"series": series_id, "drills": drills})
