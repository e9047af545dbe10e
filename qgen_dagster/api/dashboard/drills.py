"""Drill series: their list, what is under way, and a series with its plan, its checks and its drills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup

from qgen_dagster.api.dashboard.forms import checked, given_in
from qgen_dagster.api.dashboard.pages import Section, pager, render
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.drills import SeriesQuery
from qgen_dagster.api.problems import Problem
from qgen_dagster.api.runs import bank_of, check_page, now
from qgen_dagster.bank.drills import StoredDrill
from qgen_dagster.core.drills import Candidate, DrillOption, Evaluation, Position, SeriesStatus
from qgen_dagster.core.question import LABELS
from qgen_dagster.services import drill_artifact, drill_pages, drill_reads
from qgen_dagster.services.drill_artifact import Artifact
from qgen_dagster.services.figure_html import figure_html

router = APIRouter()
SECTION = Section("Drills", "/drills", router)
PAGE_SIZE = 25
SHORT = 28  # options up to this many characters stand side by side


@dataclass(frozen=True)
class Play:
    """A play that the engine looked at, what it gives away, and the letters of the options that stand for it."""

    candidate: Candidate
    loss: float
    letters: Sequence[str]
    is_taught: bool


@dataclass(frozen=True)
class Shown:
    """A drill as its page shows it: the board drawn and in words, options by letter, the letter of the right one."""

    stored: StoredDrill
    title: str
    position: Position
    board: Markup
    words: str
    options: Sequence[tuple[str, DrillOption]]
    layout: str
    right: str
    plays: Sequence[Play]


@router.get("/drills")
def list_series(request: Request, session: Visit) -> Response:
    """Series, newest first, and what is being made now."""
    bank, given = bank_of(request), given_in(request, lists=frozenset({"status"}))
    query = checked(SeriesQuery, {**given, "page_size": PAGE_SIZE})
    offset = check_page(query.page, PAGE_SIZE)
    found = drill_reads.find_series(bank, sorted(set(query.status)), limit=PAGE_SIZE, offset=offset)
    return render(
        request,
        session,
        "drills.html",
        at=now(),
        under_way=drill_pages.under_way(bank),
        series=found.rows,
        pager=pager(request, query.page, PAGE_SIZE, found.total, is_exact=found.is_exact),
        given=given,
        filtered=bool(given.keys() - {"page"}),
        statuses=list(SeriesStatus),
    )


@router.get("/drills/live")
def live(request: Request, session: Visit) -> Response:
    """The part of the list that is asked for again and again."""
    return render(request, session, "_drills_live.html", at=now(), under_way=drill_pages.under_way(bank_of(request)))


@router.get("/drills/{series_id}")
def show_series(request: Request, session: Visit, series_id: UUID) -> Response:
    """Everything about a series."""
    found = drill_pages.read_page(bank_of(request), series_id)
    if found is None:
        raise Problem(404, "There is no such drill series.")
    return render(
        request,
        session,
        "drill_series.html",
        at=now(),
        page=found,
        going=found.under_way,
        missing=[index + 1 for index in drill_artifact.missing_indices(found.artifact)],
        drills=[shown(found.artifact, stored) for stored in found.artifact.drills],
    )


@router.get("/drills/{series_id}/live")
def live_series(request: Request, session: Visit, series_id: UUID) -> Response:
    """How far a series is, asked for again and again; the whole page is loaded anew once work on it has ended."""
    found = drill_pages.read_progress(bank_of(request), series_id)
    if found is None:
        raise Problem(404, "There is no such drill series.")
    is_over = found.series.status is not SeriesStatus.GENERATING
    headers = {"HX-Refresh": "true"} if is_over else {}
    return render(request, session, "_drill_series_live.html", headers=headers, at=now(), going=found)


def shown(artifact: Artifact, stored: StoredDrill) -> Shown:
    """A drill with its board and what the engine thinks of the plays."""
    drill, position = stored.drill, artifact.positions[stored.drill.position_id]
    options = list(zip(LABELS, drill.options, strict=False))
    return Shown(
        stored=stored,
        title=drill_artifact.title_of(drill),
        position=position,
        board=Markup(figure_html(drill_artifact.picture(artifact, stored))),  # noqa: S704 - drawn by us, words escaped
        words=drill_artifact.words_for(artifact, stored),
        options=options,
        layout="short" if max(len(option.text) for option in drill.options) <= SHORT else "long",
        right=" ".join(letter for letter, option in options if option.correct),
        plays=_plays(position.evaluation, options, drill.best_play),
    )


def _plays(evaluation: Evaluation, options: Sequence[tuple[str, DrillOption]], taught: str) -> list[Play]:
    """The engine's plays, best first. A play is always written in one way, so texts can be compared."""
    return [
        Play(
            candidate,
            evaluation.loss(candidate),
            [letter for letter, option in options if option.play == candidate.play],
            candidate.play == taught,
        )
        for candidate in evaluation.candidates
    ]
