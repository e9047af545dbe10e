"""From findings to a verdict, and what salvage may try. Salvage never approves; leaked items are never revived."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.funnel import Reason
from qgen_dagster.core.question import Option, Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.items.contract import build_question
from qgen_dagster.generation.items.registry import item_models
from qgen_dagster.judging.rubric import WEIGHTS, Scores
from qgen_dagster.judging.salvage import Salvage, choose_salvage, repaired
from qgen_dagster.judging.solving import KeyFinding, NoSolver, solve_procedural
from qgen_dagster.judging.verdict import decide, judge_procedural

TAXONOMY = load_settings({}).taxonomy
score = st.none() | st.floats(0, 1)


def sound(seed: str = "s") -> Question:
    model = item_models("math")[0]
    return build_question(model, "easy", seed, Stratum("math", "easy"))


def with_key(question: Question, answer: int) -> Question:
    options = tuple(Option(text=o.text, figure=o.figure) for o in question.options)
    return question.model_copy(update={"answer": answer, "options": options})


def test_the_weights_of_the_rubric_are_those_of_the_blueprint() -> None:
    assert dict(WEIGHTS) == {"clarity": 0.30, "validity": 0.40, "formatting": 0.20, "creativity": 0.10}


@given(score, score, score, score)
def test_the_overall_score_lies_between_the_measured_ones(
    a: float | None, b: float | None, c: float | None, d: float | None
) -> None:
    overall = Scores(clarity=a, validity=b, formatting=c, creativity=d).overall()
    measured = [x for x in (a, b, c, d) if x is not None]
    if overall is None:
        assert not measured
    else:
        assert min(measured) - 1e-9 <= overall <= max(measured) + 1e-9


def test_a_sound_item_is_approved_and_its_creativity_is_not_invented() -> None:
    verdict = judge_procedural(sound(), TAXONOMY, min_score=0.7)
    assert verdict.reason is None
    assert verdict.scores.creativity is None
    assert verdict.solution.finding is KeyFinding.PROVED


def test_a_wrong_key_is_found() -> None:
    question = sound()
    verdict = judge_procedural(with_key(question, (question.answer + 1) % 4), TAXONOMY, min_score=0.7)
    assert verdict.reason is Reason.WRONG_KEY
    assert verdict.solution.agreed == question.answer


def test_an_item_that_its_solver_cannot_read_proves_nothing() -> None:
    garbled = sound().model_copy(update={"stem": "What?"})
    assert solve_procedural(garbled).finding is not KeyFinding.PROVED


def test_an_item_of_an_unknown_model_has_no_solver() -> None:
    with pytest.raises(NoSolver):
        solve_procedural(sound().model_copy(update={"item_model": "of_the_future"}))


@given(st.booleans(), st.floats(0, 1), st.sampled_from(KeyFinding), score, st.floats(0, 1))
def test_nothing_is_approved_without_a_proved_key_a_score_and_a_closed_leak(
    fatal: bool, leak: float, finding: KeyFinding, value: float | None, minimum: float
) -> None:
    reason = decide(fatal_flaw=fatal, leakage_score=leak, finding=finding, score=value, min_score=minimum)
    if reason is None:
        assert not fatal
        assert leak > 0.1
        assert finding is KeyFinding.PROVED
        assert value is not None
        assert value >= minimum


def test_a_difficulty_that_fits_the_neighbour_is_moved_there() -> None:
    verdict = judge_procedural(sound().model_copy(update={"expected_success": 0.5}), TAXONOMY, min_score=0.7)
    assert verdict.reason is None
    assert verdict.move_to == "medium"


def test_a_difficulty_that_fits_nowhere_is_off_band() -> None:
    verdict = judge_procedural(sound().model_copy(update={"expected_success": 0.99}), TAXONOMY, min_score=0.7)
    assert verdict.reason is Reason.OFF_BAND


@pytest.mark.parametrize("reason", list(Reason))
def test_leaked_items_are_never_revived_and_nothing_is_salvaged_twice(reason: Reason) -> None:
    verdict = judge_procedural(sound(), TAXONOMY, min_score=0.7).model_copy(update={"reason": reason})
    assert choose_salvage(sound(), verdict, already_salvaged=True) is None
    if reason is Reason.LEAKED:
        assert choose_salvage(sound(), verdict, already_salvaged=False) is None


def test_a_key_is_repaired_only_where_the_explanation_argues_for_it() -> None:
    question = sound()
    wrong = with_key(question, (question.answer + 1) % 4)
    verdict = judge_procedural(wrong, TAXONOMY, min_score=0.7)
    assert choose_salvage(wrong, verdict, already_salvaged=False) is Salvage.ANSWER_REPAIR
    repaired_question = repaired(wrong, verdict)
    assert repaired_question is not None
    assert repaired_question.answer == question.answer
    silent = wrong.model_copy(update={"explanation": "It follows from the rules of arithmetic."})
    assert repaired(silent, verdict) is None
    assert choose_salvage(silent, verdict, already_salvaged=False) is Salvage.REGENERATION
