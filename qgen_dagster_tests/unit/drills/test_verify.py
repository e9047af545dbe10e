"""Verification: what holds, what does not, what nobody can say, and a verdict that is never green too early."""

from __future__ import annotations

from typing import Any

import pytest

from qgen_dagster.core.drills import (
    AnswerFormat,
    Asks,
    Drill,
    DrillOption,
    DrillVerdict,
    Evaluation,
    SeriesVerdict,
    Tier,
)
from qgen_dagster.drills.library import load_catalogue
from qgen_dagster.drills.verify import SeriesCheck, verify_drill, verify_series

POSITION = next(position for position in load_catalogue() if position.id == "4HPwATDgc/ABMA:31")
EVALUATION = POSITION.evaluation
BEST, SECOND, *_ = (candidate.play for candidate in EVALUATION.candidates)
LAST = EVALUATION.candidates[-1].play
UNLISTED = "8/7 8/5"  # legal, and so weak that the engine did not look deeper


def option(text: str, correct: bool = False, **more: Any) -> DrillOption:
    return DrillOption(text=text, correct=correct, feedback="Because.", **({"play": text} | more))


def drill(
    *options: DrillOption, asks: Asks = Asks.BEST_PLAY, best_play: str = BEST, subject: str | None = None
) -> Drill:
    return Drill(
        position_id=POSITION.id,
        tier=Tier.APPLICATION,
        methodology="compare_candidates",
        format=AnswerFormat.MULTIPLE_CHOICE,
        asks=asks,
        scenario="The start.",
        question="Which?",
        options=options,
        best_play=best_play,
        subject=subject,
        explanation="It makes a point.",
        hints=("Look.",),
        principles=("point_making",),
    )


def number(low: float, high: float, correct: bool = False) -> DrillOption:
    return DrillOption(text=f"{low} to {high}", correct=correct, feedback="So.", low=low, high=high)


def with_second_at(loss: float) -> Evaluation:
    """The evaluation with the second candidate that much behind the best."""
    first, second, *rest = EVALUATION.candidates
    changed = second.model_copy(update={"equity": first.equity - loss})
    return EVALUATION.model_copy(update={"candidates": (first, changed, *rest)})


def test_the_best_play_is_verified_without_loss() -> None:
    check = verify_drill(drill(option(BEST, True), option(SECOND)), EVALUATION)
    assert (check.verdict, check.equity_loss, check.problems) == (DrillVerdict.VERIFIED, 0, ())
    assert check.checked_with == "gnubg 1.07.001, 2-ply"


def test_a_play_is_known_however_it_is_written() -> None:
    check = verify_drill(drill(option("6/5 8/5", True), option(SECOND), best_play="6/5, 8/5"), EVALUATION)
    assert check.verdict is DrillVerdict.VERIFIED


@pytest.mark.parametrize(("loss", "verdict"), [(0.019, DrillVerdict.VERIFIED), (0.03, DrillVerdict.FAILED)])
def test_the_answer_may_lose_as_much_as_the_tolerance(loss: float, verdict: DrillVerdict) -> None:
    check = verify_drill(drill(option(SECOND, True), option(LAST), best_play=SECOND), with_second_at(loss))
    assert check.verdict is verdict
    assert check.equity_loss == pytest.approx(loss, abs=1e-4)


def test_a_wrong_option_that_is_as_good_fails_the_drill() -> None:
    check = verify_drill(drill(option(BEST, True), option(SECOND)), with_second_at(0.01))
    assert check.verdict is DrillVerdict.FAILED
    assert "is as good" in check.problems[0]


def test_the_blunder_must_be_clearly_the_worst() -> None:
    asks = Asks.WORST_PLAY
    good = verify_drill(drill(option(BEST), option(SECOND), option(LAST, True), asks=asks), EVALUATION)
    assert good.verdict is DrillVerdict.VERIFIED
    bad = verify_drill(drill(option(BEST), option(SECOND, True), option(LAST), asks=asks), EVALUATION)
    assert bad.verdict is DrillVerdict.FAILED


@pytest.mark.parametrize(
    ("asks", "subject", "right", "wrong"),
    [
        (Asks.RACE, None, (0, 0), (12, 12)),
        (Asks.SHOTS, "13/9", (6, 6), (11, 11)),
        (Asks.WIN_CHANCE, BEST, (50, 60), (60, 70)),
        (Asks.ERROR_SIZE, SECOND, (0.2, 6), (0, 0.2)),
    ],
)
def test_numbers_are_measured(
    asks: Asks, subject: str | None, right: tuple[float, float], wrong: tuple[float, float]
) -> None:
    good = drill(number(*right, correct=True), number(*wrong), asks=asks, subject=subject)
    assert verify_drill(good, EVALUATION).verdict is DrillVerdict.VERIFIED
    bad = drill(number(*right), number(*wrong, correct=True), asks=asks, subject=subject)
    check = verify_drill(bad, EVALUATION)
    assert check.verdict is DrillVerdict.FAILED
    assert any("measured was" in problem for problem in check.problems)
    assert any("would be right too" in problem for problem in check.problems)


def test_an_illegal_play_fails() -> None:
    check = verify_drill(drill(option("24/18", True), option(SECOND), best_play="24/18"), EVALUATION)
    assert check.verdict is DrillVerdict.FAILED
    assert "legal" in check.problems[0]


def test_two_right_options_fail() -> None:
    assert verify_drill(drill(option(BEST, True), option(SECOND, True)), EVALUATION).verdict is DrillVerdict.FAILED


def test_without_an_evaluation_nobody_can_say() -> None:
    for evaluation in (None, EVALUATION.model_copy(update={"candidates": ()})):
        check = verify_drill(drill(option(BEST, True), option(SECOND)), evaluation)
        assert (check.verdict, check.equity_loss) == (DrillVerdict.UNVERIFIABLE, None)


def test_a_play_that_was_not_evaluated_is_as_bad_as_the_worst_that_was() -> None:
    check = verify_drill(drill(option(UNLISTED, True), option(SECOND), best_play=UNLISTED), EVALUATION)
    assert check.verdict is DrillVerdict.FAILED
    wrong = verify_drill(drill(option(BEST, True), option(UNLISTED)), EVALUATION)
    assert wrong.verdict is DrillVerdict.VERIFIED


def test_a_play_that_was_not_evaluated_may_be_beyond_judgement() -> None:
    few = EVALUATION.model_copy(update={"candidates": EVALUATION.candidates[:1]})
    for made in (
        drill(option(SECOND, True), option(LAST), best_play=SECOND),
        drill(option(BEST, True), option(SECOND)),
        drill(number(0, 1, True), number(1, 2), asks=Asks.ERROR_SIZE, subject=SECOND),
    ):
        assert verify_drill(made, few).verdict is DrillVerdict.UNVERIFIABLE


GOOD = drill(option(BEST, True), option(SECOND))
BAD = drill(option(SECOND, True), option(BEST), best_play=SECOND)
ELSEWHERE = GOOD.model_copy(update={"position_id": "sHPgASjgc/ABMA:22"})


def series(*drills: Drill, expected: int | None = None) -> SeriesCheck:
    evaluations = {POSITION.id: EVALUATION}
    return verify_series(dict(enumerate(drills)), evaluations, expected=expected or len(drills))


def test_a_series_is_verified_when_all_of_it_holds() -> None:
    check = series(GOOD, GOOD)
    assert check.verdict is SeriesVerdict.VERIFIED
    assert check.review == ()


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (series(GOOD, BAD), "drill 2: failed"),
        (series(GOOD, ELSEWHERE), "drill 2: unverifiable"),
        (series(GOOD, expected=5), "4 of 5 drills are missing"),
    ],
    ids=["one failed", "one unchecked", "some missing"],
)
def test_anything_less_needs_review_and_is_listed(check: SeriesCheck, said: str) -> None:
    assert check.verdict is SeriesVerdict.NEEDS_REVIEW
    assert any(said in line for line in check.review)


def test_a_series_that_nobody_could_check_is_unverified() -> None:
    assert series(ELSEWHERE, ELSEWHERE).verdict is SeriesVerdict.UNVERIFIED
    assert series(expected=5).verdict is SeriesVerdict.UNVERIFIED
