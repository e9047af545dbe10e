"""The built-in designer: every drill keeps the rules, holds against its evaluation, and reads well."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

from qgen_dagster.config.drills import packaged_curriculum
from qgen_dagster.core.drills import AnswerFormat, Asks, Drill, DrillVerdict, Phase, Position, Tier
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.design import DESIGNERS, design_drill, possible_methodologies
from qgen_dagster.drills.library import load_catalogue
from qgen_dagster.drills.rules import drill_problems
from qgen_dagster.drills.verify import verify_drill

CURRICULUM = packaged_curriculum()
LIBRARY = load_catalogue()
BY_ID = {position.id: position for position in LIBRARY}


def made(positions: tuple[Position, ...] = LIBRARY, seed: int = 1) -> list[Drill]:
    found = [design_drill(position, name, CURRICULUM, seed) for position in positions for name in DESIGNERS]
    return [drill for drill in found if drill is not None]


DRILLS = made()


def of(methodology: str) -> list[Drill]:
    return [drill for drill in DRILLS if drill.methodology == methodology]


def test_every_methodology_of_the_curriculum_has_a_designer() -> None:
    assert set(DESIGNERS) == set(CURRICULUM.methodologies)
    assert {each.tier for each in CURRICULUM.methodologies.values()} == set(Tier)
    assert {each.format for each in CURRICULUM.methodologies.values()} == set(AnswerFormat)
    assert {each.asks for each in CURRICULUM.methodologies.values()} == set(Asks)


def test_every_drill_keeps_the_rules() -> None:
    problems = {(d.position_id, d.methodology): drill_problems(d, CURRICULUM, known_ids=BY_ID) for d in DRILLS}
    assert {key: found for key, found in problems.items() if found} == {}


def test_every_drill_holds_against_its_evaluation() -> None:
    for drill in DRILLS:
        check = verify_drill(drill, BY_ID[drill.position_id].evaluation)
        assert check.verdict is DrillVerdict.VERIFIED, (drill.position_id, drill.methodology, check)
        assert check.equity_loss == 0


def test_every_methodology_is_possible_often_enough_to_fill_its_quota() -> None:
    counted = Counter(drill.methodology for drill in DRILLS)
    assert set(counted) == set(DESIGNERS)
    assert min(counted.values()) >= 50


def test_most_positions_lend_themselves_to_several_methodologies() -> None:
    counts = [len(possible_methodologies(position, CURRICULUM, 1)) for position in LIBRARY]
    assert sum(count >= 4 for count in counts) > 0.75 * len(counts)
    assert min(counts) >= 1


def test_the_same_seed_makes_the_same_drill_and_another_one_varies_it() -> None:
    some = LIBRARY[100:140]
    assert made(some, 7) == made(some, 7)
    assert made(some, 7) != made(some, 8)


def test_wrong_plays_are_clearly_worse_than_the_right_one() -> None:
    for drill in DRILLS:
        if drill.asks is Asks.BEST_PLAY:
            evaluation = BY_ID[drill.position_id].evaluation
            losses = {candidate.play: evaluation.loss(candidate) for candidate in evaluation.candidates}
            assert all(losses[o.play or ""] >= 0.04 - 1e-9 for o in drill.options if not o.correct)


def test_right_answers_are_spread_over_the_places() -> None:
    places = Counter(
        next(place for place, option in enumerate(drill.options) if option.correct)
        for drill in of("compare_candidates")
        if len(drill.options) == 4
    )
    assert min(places[place] for place in range(4)) > 0.15 * sum(places.values())


def test_a_drill_that_asks_for_the_race_does_not_tell_it() -> None:
    for drill in of("read_the_race"):
        position = BY_ID[drill.position_id]
        told = f"{drill.scenario} {drill.question} {' '.join(drill.hints)}"
        assert f"{position.pips_on_roll} to" not in told
        assert "in the race" not in told


def test_shots_name_the_rolls_that_hit() -> None:
    for drill in of("count_the_shots"):
        answer = drill.answer
        assert answer is not None
        assert answer.feedback.startswith("Right: ")
        assert drill.subject == drill.best_play


def test_estimates_of_the_winning_chances_lie_far_apart() -> None:
    for drill in of("judge_the_position"):
        lows = sorted(option.low or 0.0 for option in drill.options)
        assert all(second - first >= 15 for first, second in pairwise(lows))


def test_plans_exclude_each_other() -> None:
    for drill in of("name_the_plan"):
        assert len({option.text for option in drill.options}) == len(drill.options)
        assert drill.scenario
        assert not any(option.play == option.text for option in drill.options)


def test_texts_are_whole_sentences_without_leftovers() -> None:
    for drill in DRILLS:
        for text in (drill.scenario, drill.question, drill.explanation, *drill.hints):
            assert text[0].isupper() or text[0].isdigit() or text.startswith("bar/"), text
            assert text[-1] in ".?)", text
            assert "  " not in text, text
            assert "None" not in text, text
            assert " ." not in text, text
        for option in drill.options:
            assert option.feedback.endswith("."), option.feedback
            assert ".." not in option.feedback


def test_one_is_never_many() -> None:
    noun = "(chequer|point|pip|blot|roll)"
    wrong = re.compile(rf"\bone {noun}s\b|(?<![\d-])1 {noun}s\b|\b(two|three|four|\d\d) {noun}\b(?!-)")
    for drill in DRILLS:
        for text in (drill.explanation, drill.scenario, *(f"{o.text}. {o.feedback}" for o in drill.options)):
            found = wrong.search(text)
            assert found is None, (found, text)


def test_principles_are_those_of_the_phase() -> None:
    for drill in DRILLS:
        phase = BY_ID[drill.position_id].phase
        assert set(drill.principles) <= set(CURRICULUM.taught_in(phase))


def test_the_classic_three_one_is_explained_as_a_player_would() -> None:
    drill = design_drill(BY_ID["4HPwATDgc/ABMA:31"], "compare_candidates", CURRICULUM, 1)
    assert drill is not None
    assert drill.answer is not None
    assert drill.answer.text == "8/5 6/5"
    assert "makes your 5-point" in drill.answer.feedback
    assert "point_making" in drill.principles
    assert drill.scenario == "The starting position, and your first roll is 3-1. The race is level at 167 pips."


def test_a_position_without_a_choice_makes_no_drill() -> None:
    position = LIBRARY[30]
    forced = position.model_copy(
        update={"evaluation": position.evaluation.model_copy(update={"candidates": position.evaluation.candidates[:1]})}
    )
    assert possible_methodologies(forced, CURRICULUM, 1) == ()


def test_an_unknown_methodology_is_refused() -> None:
    own = CURRICULUM.model_copy(
        update={"methodologies": {**CURRICULUM.methodologies, "sing": CURRICULUM.methodologies["find_the_play"]}}
    )
    with pytest.raises(ConfigurationError, match="sing"):
        design_drill(LIBRARY[0], "sing", own, 1)


def test_openings_teach_openings() -> None:
    opening = [drill for drill in DRILLS if BY_ID[drill.position_id].phase is Phase.OPENING]
    assert len(opening) > 100
    assert all(drill.scenario.startswith("The starting position") for drill in opening)
