"""Verdicts of solvers and judges: read where they are complete and certain, refused otherwise, never made up."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.replies.verdicts import parse_assessment, parse_comparison, parse_solution

TAXONOMY = Settings(home=Path()).taxonomy
ORDER = (2, 0, 3, 1)
SOLUTION: dict[str, Any] = {"reasoning": "1 + 1", "answer": "B", "also_defensible": [], "confidence": 0.9}
ASSESSMENT: dict[str, Any] = {
    **{name: {"reason": f"{name} is fine", "score": 0.8} for name in ("clarity", "validity", "formatting")},
    "creativity": {"reason": "old", "score": 0},
    "leakage": {"reason": "none", "score": 1},
    "difficulty": {"reason": "two steps", "level": "medium"},
    "feedback": "Shorten the stem.",
}


def solution(**changed: Any) -> str:
    return json.dumps({**SOLUTION, **changed})


def assessment(**changed: Any) -> str:
    return json.dumps({**ASSESSMENT, **changed})


def refusal(read: Callable[[], object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read()
    assert caught.value.category is ErrorCategory.PARSE_ERROR
    return caught.value


# Solutions


@pytest.mark.parametrize("answer", ["B", "b", " B ", "B)", "(B)", "B.", "Option B", "Answer: B", "B) twelve", "[B]"])
def test_a_letter_is_mapped_back_through_the_order_in_which_options_were_printed(answer: str) -> None:
    assert parse_solution(solution(answer=answer), ORDER).answer == ORDER[1]


@pytest.mark.parametrize("answer", ["NONE", "none", "None.", "none of the options"])
def test_none_means_that_no_option_is_right(answer: str) -> None:
    assert parse_solution(solution(answer=answer), ORDER).answer is None


def test_other_defensible_options_are_mapped_too_and_the_answer_itself_is_not_among_them() -> None:
    found = parse_solution(solution(also_defensible=["D", "A", "B", "", "D", "NONE"]), ORDER)
    assert found.also_defensible == (1, 2)
    assert (found.confidence, found.reasoning) == (0.9, "1 + 1")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"answer": "E"}, "none of the 4 options"),
        ({"answer": "bread"}, "no letter of an option"),
        ({"answer": "A or B"}, "no letter of an option"),
        ({"answer": "A, B"}, "no letter of an option"),
        ({"answer": 2}, "no letter of an option"),
        ({"answer": None}, "no letter of an option"),
        ({"answer": ""}, "no letter of an option"),
        ({"also_defensible": "A"}, "no list"),
        ({"also_defensible": None}, "no list"),
        ({"also_defensible": ["Z"]}, "no letter of an option"),
        ({"confidence": None}, "the confidence is no number"),
        ({"confidence": float("nan")}, "the confidence is no number"),
        ({"confidence": "high"}, "the confidence is no number"),
        ({"confidence": True}, "the confidence is no number"),
        ({"confidence": 85}, "the confidence is 85 instead of 0 to 1"),
        ({"confidence": -0.1}, "instead of 0 to 1"),
        ({"confidence": 1e999}, "instead of 0 to 1"),
    ],
)
def test_a_solution_that_is_not_certain_is_refused(changed: dict[str, Any], said: str) -> None:
    error = refusal(lambda: parse_solution(solution(**changed), ORDER))
    assert error.fault is Fault.MALFORMED
    assert said in error.message


@pytest.mark.parametrize(
    "text",
    [
        f"Let me think {{slowly}}.\n```json\n{solution()}\n```",
        f"{solution()}\n{solution()}",
        json.dumps([SOLUTION]),
        solution(confidence="0.9"),
        solution()[:-1] + ",}",
    ],
    ids=range(5),
)
def test_a_solution_is_found_in_any_wrapping(text: str) -> None:
    assert parse_solution(text, ORDER).answer == 0


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", Fault.EMPTY),
        ("B", Fault.MALFORMED),
        (solution()[:-20], Fault.TRUNCATED),
        (f"{solution()} No: {solution(answer='C')}", Fault.MALFORMED),
        (solution()[:-1] + ', "answer": "C"}', Fault.MALFORMED),
        ("I'm sorry, I can't help with that.", Fault.REFUSED),
        ("{}", Fault.MALFORMED),
    ],
    ids=range(7),
)
def test_a_reply_without_one_solution_is_an_error(text: str, fault: Fault) -> None:
    assert refusal(lambda: parse_solution(text, ORDER)).fault is fault


# Assessments


def test_an_assessment_has_all_scores_reasons_and_a_level_of_the_taxonomy() -> None:
    found = parse_assessment(assessment(), TAXONOMY)
    assert found.scores == {"clarity": 0.8, "validity": 0.8, "formatting": 0.8, "creativity": 0.0}
    assert found.reasons["creativity"] == "old"
    assert (found.leakage, found.leakage_reason) == (1.0, "none")
    assert (found.difficulty, found.difficulty_reason) == ("medium", "two steps")
    assert found.feedback == "Shorten the stem."


def test_the_criteria_are_those_of_the_rubric() -> None:
    from qgen_dagster.judging.rubric import WEIGHTS

    assert set(parse_assessment(assessment(), TAXONOMY).scores) == set(WEIGHTS)


@pytest.mark.parametrize("name", ["clarity", "validity", "formatting", "creativity", "leakage", "difficulty"])
def test_an_assessment_that_lacks_a_criterion_is_refused(name: str) -> None:
    lacking = {key: value for key, value in ASSESSMENT.items() if key != name}
    refusal(lambda: parse_assessment(json.dumps(lacking), TAXONOMY))
    refusal(lambda: parse_assessment(assessment(**{name: 0.8}), TAXONOMY))
    refusal(lambda: parse_assessment(assessment(**{name: {"reason": "?"}}), TAXONOMY))


@pytest.mark.parametrize("score", [None, float("nan"), float("inf"), -0.01, 1.01, 8, "good", True, [0.5], {"v": 1}])
def test_a_score_that_is_no_number_from_0_to_1_is_refused(score: object) -> None:
    refusal(lambda: parse_assessment(assessment(validity={"reason": "", "score": score}), TAXONOMY))


def test_a_score_as_text_is_a_number_all_the_same() -> None:
    found = parse_assessment(assessment(validity={"reason": "", "score": " 0.75 "}), TAXONOMY)
    assert found.scores["validity"] == 0.75


@pytest.mark.parametrize(("level", "key"), [("hard", "hard"), (" Hard ", "hard"), ("EASY", "easy")])
def test_a_level_is_found_however_it_is_written(level: str, key: str) -> None:
    assert parse_assessment(assessment(difficulty={"level": level, "reason": ""}), TAXONOMY).difficulty == key


@pytest.mark.parametrize("level", ["extreme", "easy to medium", "", None, 2])
def test_a_level_that_the_taxonomy_does_not_have_is_refused(level: object) -> None:
    refusal(lambda: parse_assessment(assessment(difficulty={"level": level, "reason": ""}), TAXONOMY))


def test_words_of_judges_are_cut_and_cleaned_and_may_be_missing() -> None:
    found = parse_assessment(
        assessment(feedback="x" * 5_000, clarity={"score": 1}, validity={"score": 1, "reason": "a\x1b[1mb\x00"}),
        TAXONOMY,
    )
    assert len(found.feedback) == 2_000
    assert found.reasons["clarity"] == ""
    assert found.reasons["validity"] == "a[1mb"


# Comparisons


@pytest.mark.parametrize(("same", "meant"), [(True, True), (False, False), ("true", True), ("False", False)])
def test_a_comparison_says_yes_or_no(same: object, meant: bool) -> None:
    found = parse_comparison(json.dumps({"reason": "other numbers", "same": same}))
    assert (found.same, found.reason) == (meant, "other numbers")


@pytest.mark.parametrize("same", [None, "maybe", 0.5, [], {}, 2])
def test_a_comparison_that_says_neither_is_refused(same: object) -> None:
    refusal(lambda: parse_comparison(json.dumps({"reason": "?", "same": same})))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
texts = st.text(max_size=200) | st.dictionaries(
    st.sampled_from([*SOLUTION, *ASSESSMENT, "same"]), json_values | st.sampled_from(["A", "hard"]), max_size=8
).map(json.dumps)


@given(texts)
def test_no_text_whatsoever_crashes_a_reader(text: str) -> None:
    readers: list[Callable[[], object]] = [
        lambda: parse_solution(text, ORDER),
        lambda: parse_assessment(text, TAXONOMY),
        lambda: parse_comparison(text),
    ]
    for read in readers:
        with suppress(ProviderError):
            read()
