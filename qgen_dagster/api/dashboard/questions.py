"""The question browser: search, a question with its whole history, and taking one out of the stock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from qgen_dagster.api.dashboard.forms import WriteForm, checked, given_in
from qgen_dagster.api.dashboard.pages import Section, pager, render
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.problems import Problem
from qgen_dagster.api.runs import bank_of, check_page
from qgen_dagster.api.stock import QuestionQuery
from qgen_dagster.bank.listings import QuestionFilter
from qgen_dagster.core.question import LABELS, Question
from qgen_dagster.services import admin_reads, dashboard_reads
from qgen_dagster.services.item_html import solved_html
from qgen_dagster.tracking.admin_schemas import Deactivation

router = APIRouter()
SECTION = Section("Questions", "/questions", router)
PAGE_SIZE = 25


@dataclass(frozen=True)
class SolverAnswer:
    """What a solver answered: the letter of an option, or None where it found none right."""

    solver: str
    letter: str | None
    is_key: bool
    also: Sequence[str]
    confidence: float | None
    reasoning: str


@dataclass(frozen=True)
class Judgement:
    """What rules, solvers and arbiters said of a candidate, as far as it is on record."""

    scores: Sequence[tuple[str, float | None]]
    leakage: float | None
    flaws: Sequence[str]
    finding: str | None
    solver: str | None
    answers: Sequence[SolverAnswer]
    assessments: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Life:
    """A candidate of the question's history. `nearest` is the question that it was compared with, if it is there."""

    row: Mapping[str, Any]
    judgement: Judgement | None
    check: Mapping[str, Any] | None
    nearest: Mapping[str, Any] | None


@router.get("/questions")
def list_questions(request: Request, session: Visit) -> Response:
    """Questions, newest first, searched and filtered."""
    given = given_in(request)
    query = checked(QuestionQuery, {**given, "page_size": PAGE_SIZE})
    named = ("question_type", "difficulty", "sub_type", "source", "provider", "prompt_version", "run_id", "search")
    wanted = QuestionFilter(is_active=query.active, **{name: getattr(query, name) for name in named})
    offset = check_page(query.page, PAGE_SIZE)
    found = admin_reads.find_questions(bank_of(request), wanted, limit=PAGE_SIZE, offset=offset)
    taxonomy = request.app.state.settings.taxonomy
    return render(
        request,
        session,
        "questions.html",
        questions=found.rows,
        pager=pager(request, query.page, PAGE_SIZE, found.total, is_exact=found.is_exact),
        given=given,
        types=[t.key for t in taxonomy.types],
        difficulties=[d.key for d in taxonomy.difficulties],
    )


@router.get("/questions/{question_id}")
def show_question(request: Request, session: Visit, question_id: UUID) -> Response:
    """A question as a reviewer sees it, and everything that is known of how it came to be."""
    row = _question(request, question_id)
    question = Question.model_validate(row["content"])
    checks = [candidate["duplicate_check"] for candidate in row["history"] if candidate["duplicate_check"]]
    ids = [UUID(check["nearest_id"]) for check in checks if check.get("nearest_id")]
    nearest = dashboard_reads.nearest_questions(bank_of(request), ids)
    return render(
        request,
        session,
        "question.html",
        row=row,
        question=question,
        item=Markup(solved_html(question, _facts(question))),  # noqa: S704 - the renderer escapes
        history=[_life(candidate, question, nearest) for candidate in row["history"]],
        calls=row["calls"],
    )


@router.post("/questions/{question_id}/deactivate")
def deactivate(request: Request, question_id: UUID, form: WriteForm) -> Response:
    """Takes a question out of the stock, saying why and who; then shows it again."""
    told = checked(Deactivation, form)
    if admin_reads.deactivate_question(bank_of(request), question_id, told) is None:
        raise Problem(404, "There is no such question.")
    return RedirectResponse(f"/questions/{question_id}", 303)


def _question(request: Request, question_id: UUID) -> Mapping[str, Any]:
    row = admin_reads.read_question(bank_of(request), question_id)
    if row is None:
        raise Problem(404, "There is no such question.")
    return row


def _facts(question: Question) -> dict[str, object]:
    expected = question.expected_success
    return {
        "sub-type": question.sub_type.replace("_", " "),
        "item model": f"{question.item_model} v{question.item_version}" if question.item_model else None,
        "seed": question.seed,
        "expected": f"{expected:.0%} answer correctly (by design, not calibrated)" if expected is not None else None,
    }


def _life(candidate: Mapping[str, Any], question: Question, nearest: Mapping[UUID, Mapping[str, Any]]) -> Life:
    check = candidate["duplicate_check"]
    found = nearest.get(UUID(check["nearest_id"])) if check and check.get("nearest_id") else None
    judged = candidate["judgement"]
    # An ancestor's options may have stood in another order: only the candidate itself has this key.
    key = question.answer if candidate["state"] == "inserted" else None
    return Life(candidate, _judgement(judged, key) if judged else None, check, found)


def _judgement(told: Mapping[str, Any], key: int | None) -> Judgement:
    solution = told.get("solution") or {}
    return Judgement(
        scores=list((told.get("scores") or {}).items()),
        leakage=told.get("leakage"),
        flaws=told.get("flaws") or [],
        finding=solution.get("finding"),
        solver=solution.get("solver"),
        answers=[_answer(answer, key) for answer in solution.get("answers") or []],
        assessments=told.get("assessments") or [],
    )


def _answer(told: Mapping[str, Any], key: int | None) -> SolverAnswer:
    option = told.get("option")
    return SolverAnswer(
        solver=told.get("solver", ""),
        letter=None if option is None else LABELS[option],
        is_key=option is not None and option == key,
        also=[LABELS[i] for i in told.get("also_defensible") or []],
        confidence=told.get("confidence"),
        reasoning=told.get("reasoning") or "",
    )
