"""Figures of the judges' audit, from scripted judgements of the labelled set."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qgen_dagster.core.funnel import Reason
from qgen_dagster.judging.audit import (
    Answered,
    Gate,
    Judged,
    Mean,
    Scored,
    Share,
    Version,
    arbiter_figures,
    gate_of,
    outcome_of,
    panel_figures,
    rule_figures,
    solver_figures,
)
from qgen_dagster.judging.labelled_set import Fault, Labelled, load_labelled, spread
from qgen_dagster.judging.rubric import Scores
from qgen_dagster.judging.solving import Answer, KeyFinding, Solution
from qgen_dagster.judging.verdict import Assessment, Verdict

ITEMS = load_labelled()
GOOD = [item for item in ITEMS if item.fault is None]
SURE = [item for item in ITEMS if item.right is not None]


def of(fault: Fault) -> list[Labelled]:
    return [item for item in ITEMS if item.fault is fault]


def verdict(
    reason: Reason | None = None, finding: KeyFinding | None = KeyFinding.PROVED, move_to: str | None = None
) -> Verdict:
    solution = Solution(solver="s", justified=(), finding=finding) if finding else None
    return Verdict(
        scores=Scores(), score=None, leakage=1.0, flaws=(), solution=solution, reason=reason, move_to=move_to
    )


def judge(item: Labelled) -> Verdict:
    """A panel that never errs."""
    match item.fault:
        case None:
            return verdict()
        case Fault.WRONG_KEY:
            return verdict(Reason.WRONG_KEY, KeyFinding.WRONG)
        case Fault.TWO_KEYS | Fault.AMBIGUOUS:
            return verdict(Reason.AMBIGUOUS, KeyFinding.AMBIGUOUS)
        case Fault.LEAK:
            return verdict(Reason.LEAKED)
        case Fault.WRONG_DIFFICULTY:
            return verdict(move_to=item.level)
        case Fault.FORMATTING:
            return verdict(Reason.FLAWED, None)


def answers(choose: Callable[[Labelled, int, tuple[int, ...]], int | None], turns: int = 3) -> list[Answered]:
    """What a solver answers in three orders of each item."""
    seen = []
    for item in ITEMS:
        places = tuple(range(len(item.question.options)))
        for turn in range(turns):
            order = places[turn:] + places[:turn]
            said = Answer(solver="p/m", option=choose(item, turn, order))
            seen.append(Answered(item, "m", order, turn, False, said))
    return seen


def says(score: float, *, leakage: float = 1.0, level: str = "easy") -> Assessment:
    scores = Scores(clarity=score, validity=score, formatting=score, creativity=score)
    return Assessment(arbiter="p/m", scores=scores, reasons={}, leakage=leakage, difficulty=level)


def test_the_gate_is_told_by_how_far_a_question_came() -> None:
    assert gate_of(verdict(Reason.FLAWED, None)) is Gate.RULES
    assert gate_of(verdict(Reason.LEAKED, None)) is Gate.RULES
    assert gate_of(verdict(Reason.WRONG_KEY, KeyFinding.WRONG)) is Gate.SOLVERS
    assert gate_of(verdict(Reason.LOW_SCORE)) is Gate.ARBITER
    assert gate_of(verdict(move_to="hard")) is Gate.ARBITER
    assert gate_of(verdict()) is None
    assert outcome_of(verdict(move_to="hard")) == "moved"


def test_a_panel_that_never_errs_has_full_marks() -> None:
    figures = panel_figures(Judged(item, judge(item)) for item in ITEMS)
    assert figures.recall == figures.precision == Share(48, 48)
    assert figures.false_rejections == figures.moved == Share(0, 48)
    for fault in figures.faults:
        assert fault.caught == fault.named == Share(8, 8)
        assert sum(fault.gates.values()) == 8
        assert fault.precision.share == 1.0
    assert figures.undecided == 0


def test_good_questions_that_are_lost_cost_precision_and_are_named() -> None:
    lost = {GOOD[0].id: verdict(Reason.WRONG_KEY, KeyFinding.WRONG), GOOD[1].id: verdict(move_to="hard")}
    figures = panel_figures(Judged(item, lost.get(item.id) or judge(item)) for item in ITEMS)
    assert figures.false_rejections == Share(1, 48)
    assert figures.false_reasons == {"wrong_key": 1}
    assert figures.false_ids == (GOOD[0].id,)
    assert figures.moved == Share(1, 48)
    assert figures.precision == Share(48, 50)
    by_label = {fault.label: fault for fault in figures.faults}
    assert by_label["wrong_key"].precision == Share(8, 9)
    assert by_label["wrong_difficulty"].precision == Share(8, 9)
    assert by_label["leak"].precision == Share(16, 16)  # formatting calls for the same reason


def test_a_fault_that_is_stopped_for_another_reason_is_caught_but_not_named() -> None:
    wrong = [Judged(item, verdict(Reason.AMBIGUOUS, KeyFinding.AMBIGUOUS)) for item in of(Fault.WRONG_KEY)]
    figures = {fault.label: fault for fault in panel_figures(wrong).faults}
    assert figures["wrong_key"].caught == Share(8, 8)
    assert figures["wrong_key"].named == Share(0, 8)
    assert figures["ambiguous"].precision == Share(0, 8)


def test_an_item_without_a_verdict_is_neither_caught_nor_let_through() -> None:
    figures = panel_figures([Judged(GOOD[0], None), Judged(of(Fault.LEAK)[0], None)])
    assert figures.undecided == 2
    assert figures.recall.share is figures.precision.share is figures.false_rejections.share is None


def test_the_rules_alone_are_counted_by_label() -> None:
    figures = {f.label: f for f in rule_figures(ITEMS)}
    assert figures["good"].caught == Share(0, 48)
    assert figures["leak"].caught == Share(4, 8)
    assert figures["leak"].rules == {"grammar_cue": 1, "key_in_stem": 3}
    assert figures["formatting"].caught == Share(4, 8)
    assert figures["formatting"].noticed == 1


def test_a_solver_that_is_always_right_has_no_bias() -> None:
    figures = solver_figures("m", answers(lambda item, turn, order: item.right))
    assert figures.right == Share(3 * len(SURE), 3 * len(SURE))
    assert figures.position_bias == 0.0
    assert all(chosen == right for chosen, right in figures.letters.values())
    assert figures.changed_by_order == Share(0, 2 * len(SURE))
    assert figures.doubts == Share(48, 48)  # it finds none right where two are
    assert figures.false_doubts == Share(0, 3 * len(GOOD))


def test_a_solver_that_always_says_a_is_caught_by_the_letters_and_by_the_orders() -> None:
    figures = solver_figures("m", answers(lambda item, turn, order: order[0]))
    right_at_a = sum(item.right == turn for item in SURE for turn in range(3))
    asked = 3 * len(SURE)
    assert figures.right == Share(right_at_a, asked)
    assert figures.letters["A"] == (asked, right_at_a)
    assert figures.position_bias == pytest.approx(1 - right_at_a / asked)
    assert figures.changed_by_order.share == 1.0


def test_what_changes_by_chance_is_kept_apart_from_what_changes_with_the_order() -> None:
    seen = answers(lambda item, turn, order: item.right)
    for place, item in enumerate(SURE[:10]):
        order = tuple(range(len(item.question.options)))
        assert item.right is not None
        slip = (item.right + 1) % len(order) if place < 3 else item.right
        seen.append(Answered(item, "m", order, 0, True, Answer(solver="p/m", option=slip)))
    figures = solver_figures("m", seen)
    assert figures.changed_by_chance == Share(3, 10)
    assert figures.changed_by_order.hits == 0
    assert figures.right.hits == figures.right.of  # the repetition does not count twice


def test_a_reply_that_cannot_be_read_is_counted_and_nothing_else() -> None:
    seen = [Answered(GOOD[0], "m", (0, 1, 2, 3), 0, False, None)]
    figures = solver_figures("m", seen)
    assert figures.unreadable == Share(1, 1)
    assert figures.right.share is figures.position_bias is figures.changed_by_order.share is None


def test_answers_of_other_models_do_not_count() -> None:
    assert solver_figures("other", answers(lambda item, turn, order: item.right)).right == Share(0, 0)


def test_an_arbiter_that_tells_good_from_faulty_is_measured_at_every_threshold() -> None:
    seen = []
    for item in ITEMS:
        score = 0.85 if item.fault is None else 0.65
        leakage = 0.05 if item.fault is Fault.LEAK else 1.0
        seen.append(Scored(item, "m", Version.PLAIN, says(score, leakage=leakage, level=item.level)))
    figures = arbiter_figures("m", seen, min_score=0.7)
    assert figures.scores["good"] == Mean(pytest.approx(0.85), 48)
    assert figures.scores["wrong_key"] == Mean(pytest.approx(0.65), 8)
    assert figures.separation == 1.0
    assert figures.thresholds[0.6] == (Share(48, 48), Share(0, 32))
    assert figures.thresholds[0.7] == (Share(48, 48), Share(32, 32))
    assert figures.thresholds[0.9] == (Share(0, 48), Share(32, 32))
    assert (figures.leaks, figures.false_leaks) == (Share(8, 8), Share(0, 48))
    assert (figures.levels, figures.wrong_levels) == (Share(48, 48), Share(8, 8))
    assert figures.length_bias == Mean(None, 0)
    assert figures.changed_by_order.share is None


def test_an_arbiter_that_likes_length_is_found_out() -> None:
    seen = []
    for item in ITEMS:
        seen.append(Scored(item, "m", Version.PLAIN, says(0.65)))
        seen.append(Scored(item, "m", Version.AGAIN, says(0.65)))
        seen.append(Scored(item, "m", Version.REORDERED, says(0.60 if item.fault else 0.70)))
        if item.longer:
            seen.append(Scored(item, "m", Version.LONGER, says(0.75)))
    figures = arbiter_figures("m", seen, min_score=0.7)
    longer = sum(item.longer is not None for item in ITEMS)
    assert figures.length_bias == Mean(pytest.approx(0.10), longer)
    assert figures.changed_by_length == Share(longer, longer)
    assert figures.order_shift == Mean(pytest.approx(0.05), 96)
    assert figures.changed_by_order == Share(48, 96)
    assert figures.chance_shift == Mean(0.0, 96)
    assert figures.changed_by_chance == Share(0, 96)


def test_a_version_without_a_plain_score_beside_it_says_nothing() -> None:
    item = spread(ITEMS, 1)[0]
    figures = arbiter_figures("m", [Scored(item, "m", Version.AGAIN, says(0.8))], min_score=0.7)
    assert figures.chance_shift == Mean(None, 0)
    assert figures.scores["good"] == Mean(None, 0)


def test_a_minimum_score_of_its_own_is_among_the_thresholds() -> None:
    assert 0.75 in arbiter_figures("m", [], min_score=0.75).thresholds
