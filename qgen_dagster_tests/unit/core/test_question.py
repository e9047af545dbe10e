"""Fingerprints and the checks that every question must pass."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qgen_dagster.core.question import (
    Option,
    Question,
    Stimulus,
    as_shown,
    content_hash,
    normalise_text,
    structure_hash,
    validate_question,
)


def make(**changes: Any) -> Question:
    fields: dict[str, Any] = {
        "question_type": "math",
        "difficulty": "easy",
        "sub_type": "word_problem",
        "stem": "What is 3 + 4?",
        "options": tuple(Option(text=t) for t in ("7", "8", "6", "12")),
        "answer": 0,
        "explanation": "3 and 4 make 7.",
    }
    return Question.model_validate(fields | changes)


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_options_does_not_make_another_question(rng: random.Random) -> None:
    options = list(make().options)
    rng.shuffle(options)
    answer = next(i for i, option in enumerate(options) if option.text == "7")
    assert content_hash(make(options=tuple(options), answer=answer)) == content_hash(make())


@pytest.mark.parametrize("stem", ["WHAT IS 3 + 4?", "  What   is\n3 + 4? ", "What is 3\u00a0+ 4?"])
def test_case_and_spacing_do_not_make_another_question(stem: str) -> None:
    assert content_hash(make(stem=stem)) == content_hash(make())


@pytest.mark.parametrize(
    "changes",
    [
        {"stem": "What is 3 + 5?"},
        {"stem": "What is 3 - 4?"},
        {"options": tuple(Option(text=t) for t in ("7", "8", "6", "13"))},
        {"stimulus": Stimulus(text="Three apples and four pears.")},
    ],
)
def test_other_numbers_options_or_stimulus_make_another_question(changes: dict[str, Any]) -> None:
    assert content_hash(make(**changes)) != content_hash(make())


def test_two_figure_items_with_the_same_words_are_different_questions() -> None:
    one, two = (Stimulus(text="A figure.", figure=f"<svg>{n}</svg>") for n in (1, 2))
    assert content_hash(make(stimulus=one)) != content_hash(make(stimulus=two))


def test_the_structure_counts_with_its_item_model() -> None:
    one = make(item_model="a", structure={"x": 1, "y": 2})
    assert structure_hash(one) == structure_hash(make(item_model="a", structure={"y": 2, "x": 1}, stem="Other words"))
    assert structure_hash(one) != structure_hash(make(item_model="b", structure={"x": 1, "y": 2}))
    assert structure_hash(make()) is None


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise_text(normalise_text(text)) == normalise_text(text)


def test_a_blind_solver_sees_neither_key_nor_notes() -> None:
    options = (*make().options[:3], Option(text="12", mistake="multiplied", note="3 × 4 was taken."))
    shown = as_shown(make(options=options)).model_dump_json()
    assert "mistake" not in shown.replace('"mistake":null', "")
    assert "3 × 4 was taken" not in shown
    assert "answer" not in shown


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"answer": 5}, "outside"),
        ({"options": tuple(Option(text=t) for t in ("7", "8", " 7 ", "12"))}, "read the same"),
        ({"options": (Option(text="7", mistake="none"), *make().options[1:])}, "tagged"),
    ],
)
def test_faults_that_types_cannot_see_are_named(changes: dict[str, Any], problem: str) -> None:
    assert problem in " ".join(validate_question(make(**changes)))


@pytest.mark.parametrize(
    "changes",
    [
        {"stem": "  "},
        {"options": make().options[:3]},
        {"options": make().options * 2},
        {"answer": -1},
        {"colour": "red"},
        {"question_type": "Math!"},
        {"stimulus": {"text": "x", "figure": "<script>"}},
        {"expected_success": 1.5},
    ],
)
def test_what_is_no_question_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        make(**changes)
