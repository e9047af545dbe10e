"""Item-writing rules and the leakage check."""

from __future__ import annotations

from typing import Any

import pytest

from qgen_dagster.core.question import Option, Question, Stimulus
from qgen_dagster.judging.rules import find_flaws, leakage


def make(stem: str = "Which animal barks?", *texts: str, answer: int = 0, **more: Any) -> Question:
    options = texts or ("dog", "cat", "cow", "owl")
    return Question(
        question_type="verbal",
        difficulty="easy",
        sub_type="category",
        stem=stem,
        options=tuple(Option(text=t) for t in options),
        answer=answer,
        explanation="A dog is the animal that barks.",
        **more,
    )


def rules_of(question: Question) -> set[str]:
    return {flaw.rule for flaw in find_flaws(question)}


def test_a_plain_question_breaks_no_rule() -> None:
    assert find_flaws(make()) == []


@pytest.mark.parametrize(
    ("question", "rule"),
    [
        (make("Which?", "dog", "cat", "cow", "All of the above"), "all_or_none_of_the_above"),
        (make("Which?", "dog", "cat", "cow", "None of these options"), "all_or_none_of_the_above"),
        (make("It is an", "owl", "dog", "cat", "cow"), "grammar_cue"),
        (make("Which?", "dog", "dog ", "cow", "owl"), "malformed"),
    ],
)
def test_fatal_flaws_are_found(question: Question, rule: str) -> None:
    flaws = find_flaws(question)
    assert [flaw.rule for flaw in flaws] == [rule]
    assert flaws[0].fatal


def test_a_key_that_is_far_longer_than_the_rest_is_a_flaw() -> None:
    long = "the one that is explained at great length and with every detail"
    assert "longest_option" in rules_of(make("Which?", long, "a short one here", "another short one", "a third one"))


def test_absolute_words_in_distractors_only_are_a_flaw() -> None:
    assert "absolute_terms" in rules_of(make("Which?", "It may rain", "It always rains", "It never rains", "It rained"))
    assert "absolute_terms" not in rules_of(
        make("Which?", "It never rains", "It always rains", "It pours", "It rained")
    )


def test_none_of_them_is_an_answer_like_any_other_in_a_puzzle_about_persons() -> None:
    assert rules_of(make("Who lies?", "None of them", "Only Ana", "Only Bo", "Both of them")) == set()


def test_a_key_that_stands_in_the_stem_leaks() -> None:
    assert leakage(make("Which animal barks like a spaniel?", "spaniel", "kitten", "heifer", "barn owl")) == 0.0


def test_nothing_leaks_when_all_options_stand_in_the_stem() -> None:
    stem = "Anna, Boris, Clara and David stand in a row. Who is first?"
    assert leakage(make(stem, "Anna", "Boris", "Clara", "David")) == 1.0


@pytest.mark.parametrize("texts", [("A", "B", "C", "D"), ("1250", "1300", "1200", "1100")])
def test_letters_and_bare_numbers_do_not_leak(texts: tuple[str, ...]) -> None:
    assert leakage(make("A shop has 1250 things. Which letter? A", *texts)) == 1.0


def test_a_part_of_a_word_is_not_the_word() -> None:
    assert leakage(make("Which is a category?", "rate", "horse", "cattle", "donkey")) == 1.0


def test_a_memory_stimulus_may_hold_the_key() -> None:
    stimulus = Stimulus(text="spaniel, lamp, river", seconds_shown=10)
    assert leakage(make("Which word was shown?", "spaniel", "candle", "forest", "pencil", stimulus=stimulus)) == 1.0
