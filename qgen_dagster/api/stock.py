"""Routes of inventory, questions and batches under `/v1/admin`.

Not here: runs (`runs.py`), alerts (`alerts.py`), what is read (`services/admin_reads.py`).
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field

from qgen_dagster.api.bodies import FilterText, When, answer, body_of, takes
from qgen_dagster.api.problems import Problem, responses
from qgen_dagster.api.runs import COMMON, MAX_PAGE_SIZE, ClosedQuery, bank_of, check_page, now
from qgen_dagster.api.security import Reader, Writer
from qgen_dagster.bank.listings import QuestionFilter
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.services import admin_reads
from qgen_dagster.services.options import MAX_TARGET
from qgen_dagster.services.run_reports import COUNTED
from qgen_dagster.services.run_statistics import make_period
from qgen_dagster.tracking.admin_schemas import (
    BatchPage,
    BatchRead,
    Deactivated,
    Deactivation,
    InventoryRead,
    QuestionPage,
    QuestionRead,
    QuestionSummary,
    SnapshotList,
)

router = APIRouter(prefix="/v1/admin")


class PageQuery(ClosedQuery):
    """Which page."""

    page: int = Field(1, ge=1, le=COUNTED)
    page_size: int = Field(20, ge=1, le=MAX_PAGE_SIZE)


class InventoryQuery(ClosedQuery):
    """Parameters of the stock."""

    target_per_stratum: int | None = Field(None, ge=1, le=MAX_TARGET, description="Default: 50.")


class HistoryQuery(ClosedQuery):
    """Parameters of the stock over time."""

    since: When | None = Field(None, description="Default: 30 days before `until`.")
    until: When | None = Field(None, description="Default: the end of today (UTC).")


class QuestionQuery(PageQuery):
    """Parameters of the list of questions."""

    question_type: FilterText | None = None
    difficulty: FilterText | None = None
    sub_type: FilterText | None = None
    active: bool | None = Field(None, description="Only active, or only inactive ones. Default: both.")
    source: FilterText | None = Field(None, description="`generated` or `imported`.")
    provider: FilterText | None = None
    prompt_version: FilterText | None = None
    run_id: UUID | None = None
    search: FilterText | None = Field(None, description="Part of the stem, case ignored.")


class BatchQuery(PageQuery):
    """Parameters of the list of batches."""

    status: list[BatchStatus] = Field(default=[], max_length=10, description="May be repeated.")
    run_id: UUID | None = None
    question_type: FilterText | None = None
    difficulty: FilterText | None = None


@router.get("/inventory", response_model=InventoryRead, responses=responses(*COMMON), tags=["Stock"])
def read_inventory(request: Request, query: Annotated[InventoryQuery, Query()], _who: Reader) -> Response:
    """How well each stratum is stocked: active questions, deficit against the target, level."""
    settings = request.app.state.settings
    return answer(admin_reads.stock(bank_of(request), settings, query.target_per_stratum))


@router.get("/inventory/history", response_model=SnapshotList, responses=responses(*COMMON), tags=["Stock"])
def read_inventory_history(request: Request, query: Annotated[HistoryQuery, Query()], _who: Reader) -> Response:
    """Stock over time: the snapshots that runs took, newest first, at most 1,000."""
    period = make_period(now(), query.since, query.until)
    return answer(admin_reads.stock_history(bank_of(request), period.since, period.until))


@router.get("/questions", response_model=QuestionPage, responses=responses(404, *COMMON), tags=["Questions"])
def list_questions(request: Request, query: Annotated[QuestionQuery, Query()], _who: Reader) -> Response:
    """List questions, newest first, without their content."""
    wanted = QuestionFilter(
        question_type=query.question_type,
        difficulty=query.difficulty,
        sub_type=query.sub_type,
        is_active=query.active,
        source=query.source,
        provider=query.provider,
        prompt_version=query.prompt_version,
        run_id=query.run_id,
        search=query.search,
    )
    offset = check_page(query.page, query.page_size)
    found = admin_reads.find_questions(bank_of(request), wanted, limit=query.page_size, offset=offset)
    return page_answer("questions", found, query)


@router.get(
    "/questions/{question_id}", response_model=QuestionRead, responses=responses(404, *COMMON), tags=["Questions"]
)
def read_question(request: Request, question_id: UUID, _who: Reader) -> Response:
    """A question with its content, its key, and its history: who made it, judge, solvers, nearest neighbour, calls."""
    row = admin_reads.read_question(bank_of(request), question_id)
    if row is None:
        raise Problem(404, "There is no such question.")
    wanted = (*QuestionSummary.model_fields, "content", "history", "calls")
    return answer({name: row[name] for name in wanted})


@router.post(
    "/questions/{question_id}/deactivate",
    response_model=Deactivated,
    openapi_extra=takes(Deactivation),
    responses=responses(400, 404, 413, 415, *COMMON),
    tags=["Questions"],
)
def deactivate_question(
    request: Request,
    question_id: UUID,
    _who: Writer,
    told: Annotated[Deactivation, Depends(body_of(Deactivation))],
) -> Response:
    """Take a question out of the inventory, saying why and who. It stays in the bank, so it is not made again.

    A question that is inactive already stays as it is, with its first reason.
    """
    done = admin_reads.deactivate_question(bank_of(request), question_id, told)
    if done is None:
        raise Problem(404, "There is no such question.")
    changed, row = done
    return answer({"changed": changed, "question": {name: row[name] for name in QuestionSummary.model_fields}})


@router.get("/batches", response_model=BatchPage, responses=responses(404, *COMMON), tags=["Batches"])
def list_batches(request: Request, query: Annotated[BatchQuery, Query()], _who: Reader) -> Response:
    """List batches, newest first; `?status=pending&status=generating` are those under way."""
    equal = {name: getattr(query, name) for name in ("run_id", "question_type", "difficulty")}
    offset = check_page(query.page, query.page_size)
    statuses = sorted({status.value for status in query.status})
    found = admin_reads.find_batches(bank_of(request), equal, statuses, limit=query.page_size, offset=offset)
    return page_answer("batches", found, query)


@router.get("/batches/{batch_id}", response_model=BatchRead, responses=responses(404, *COMMON), tags=["Batches"])
def read_batch(request: Request, batch_id: UUID, _who: Reader) -> Response:
    """One batch."""
    row = admin_reads.read_batch(bank_of(request), batch_id)
    if row is None:
        raise Problem(404, "There is no such batch.")
    return answer({name: row[name] for name in BatchRead.model_fields})


def page_answer(name: str, found: admin_reads.Found, query: PageQuery) -> Response:
    """A page under its name, with where it stands. Raises Problem beyond the last page."""
    pages = max(1, -(-found.total // query.page_size))
    if query.page > pages:
        raise Problem(404, f"There are {pages:,} pages.")
    about: dict[str, Any] = {
        "page": query.page,
        "page_size": query.page_size,
        "pages": pages,
        "total": found.total,
        "total_is_exact": found.is_exact,
    }
    return answer({name: found.rows, **about})
