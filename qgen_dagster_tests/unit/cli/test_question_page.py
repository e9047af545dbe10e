"""The page of one question: its key stands out, nothing runs in it, and nothing comes from outside."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from qgen_dagster.bank.questions import StoredQuestion
from qgen_dagster.cli.question_page import page
from qgen_dagster.core.question import Option, Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.items.contract import build_question
from qgen_dagster.generation.items.registry import item_model


def made(name: str, level: str) -> Question:
    model = item_model(name)
    assert model is not None
    return build_question(model, "easy", "page", Stratum(model.family, level))


def stored(question: Question, *, active: bool = True) -> StoredQuestion:
    return StoredQuestion(
        id=UUID(int=7),
        question=question,
        is_active=active,
        source="procedural",
        provider="procedural",
        model=None,
        prompt_version=None,
        arbiter_score=0.93,
        candidate_id=None,
        run_id=None,
        created_at=datetime(2025, 1, 1, tzinfo=UTC),
        deactivated_at=None,
        deactivated_by=None,
        deactivated_reason=None,
    )


def test_the_key_alone_stands_out_among_the_options() -> None:
    question = made("cube_net", "easy")
    rows = re.findall(r"<li( class=\"right\")?><span class=\"letter\">(\w)</span>", page(stored(question)))
    assert [letter for mark, letter in rows if mark] == [question.label]
    assert len(rows) == len(question.options)


def test_figure_explanation_mistakes_and_origin_are_there() -> None:
    question = made("cube_net", "easy")
    text = page(stored(question, active=False))
    assert question.stimulus is not None
    assert question.stimulus.figure is not None
    assert question.stimulus.figure in text
    assert "inactive" in text
    assert f"cube_net v{question.item_version}, seed page" in text
    assert "0.93" in text
    assert all(option.note in text for option in question.options if option.mistake)


def test_no_script_runs_and_nothing_is_asked_from_outside() -> None:
    text = page(stored(made("rotation", "easy")))
    assert "<script" not in text
    assert "default-src 'none'" in text
    assert "script-src" not in text
    assert not re.search(r"@import|url\(|<link|<img|<iframe|\bsrc=", text)


def test_what_looks_like_html_is_shown_as_text_and_options_without_notes_are_no_clutter() -> None:
    evil = "<b>bold</b>"
    options = tuple(Option(text=f"{evil} {i}") for i in range(4))
    question = made("rotation", "easy").model_copy(update={"stem": evil, "explanation": evil, "options": options})
    text = page(stored(question.model_copy(update={"answer": 0})))
    assert evil not in text
    assert "untagged" not in text
