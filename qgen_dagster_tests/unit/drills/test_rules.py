"""The rules of form: what is refused, whoever made it."""

from __future__ import annotations

from typing import Any

import pytest

from qgen_dagster.config.drills import packaged_curriculum
from qgen_dagster.core.drills import (
    AnswerFormat,
    Asks,
    Drill,
    DrillOption,
    Phase,
    Slot,
    Tier,
    check_drill_count,
    parse_phases,
)
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.rules import drill_problems, series_problems

CURRICULUM = packaged_curriculum()
OPENING = "4HPwATDgc/ABMA:31"


def option(text: str, correct: bool = False, **more: Any) -> DrillOption:
    return DrillOption(text=text, correct=correct, feedback="Because.", **({"play": text} | more))


OPTIONS = (option("8/5 6/5", True), option("24/20"), option("13/9"))


def drill(**changes: Any) -> Drill:
    content: dict[str, Any] = {
        "position_id": OPENING,
        "tier": Tier.APPLICATION,
        "methodology": "compare_candidates",
        "format": AnswerFormat.MULTIPLE_CHOICE,
        "asks": Asks.BEST_PLAY,
        "scenario": "The start.",
        "question": "Which?",
        "options": OPTIONS,
        "best_play": "8/5 6/5",
        "explanation": "It makes a point.",
        "hints": ("Look.",),
        "principles": ("point_making",),
    }
    return Drill(**(content | changes))


def problems(made: Drill, slot: Slot | None = None) -> list[str]:
    return drill_problems(made, CURRICULUM, known_ids={OPENING}, slot=slot)


def test_a_good_drill_has_no_problem() -> None:
    assert problems(drill()) == []
    assert problems(drill(options=(option("6/5 8/5", True), option("24/21/20")))) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"options": (option("24/20"), option("13/9"))}, "0 options are marked right"),
        ({"options": (option("8/5 6/5", True), option("24/20", True))}, "2 options are marked right"),
        ({"options": (*OPTIONS, option("24/20"))}, "read the same"),
        ({"options": (*OPTIONS, option("24/23/20"))}, "are the same play"),
        ({"options": (*OPTIONS, option("24/18"))}, "not a legal play of 3-1"),
        ({"options": (*OPTIONS, option("13/7*"))}, "not a legal play"),
        ({"options": (*OPTIONS, option("double"))}, "is not a play"),
        ({"options": (*OPTIONS, option("Run", play=None))}, "names no play"),
        ({"best_play": "13/8 6/5"}, "best play:"),
        ({"best_play": "24/20"}, "the best play is said to be 24/20"),
        ({"subject": "13/2"}, "subject:"),
        ({"position_id": "sHPgASjgc/ABMA:22"}, "unknown position"),
        ({"position_id": "//////////////:22"}, "at most 15 chequers"),
        ({"methodology": "sing"}, "unknown methodology"),
        ({"tier": Tier.TRANSFER}, "tier APPLICATION, not TRANSFER"),
        ({"format": AnswerFormat.POSITION_EVAL}, "format MULTIPLE_CHOICE"),
        ({"asks": Asks.WORST_PLAY}, "asks BEST_PLAY"),
        ({"principles": ("luck",)}, "unknown principle luck"),
    ],
)
def test_what_breaks_a_rule_is_named(changes: dict[str, Any], said: str) -> None:
    found = problems(drill(**changes))
    assert any(said in problem for problem in found), found


def shots(*numbers: tuple[float | None, float | None], **changes: Any) -> Drill:
    options = tuple(
        DrillOption(text=f"option {place}", correct=place == 0, feedback="So.", low=low, high=high)
        for place, (low, high) in enumerate(numbers)
    )
    numbers_drill = {
        "methodology": "count_the_shots",
        "tier": Tier.RECOGNITION,
        "format": AnswerFormat.POSITION_EVAL,
        "asks": Asks.SHOTS,
        "subject": "13/9",
        "options": options,
    }
    return drill(**(numbers_drill | changes))


def test_ranges_may_touch_and_must_not_overlap() -> None:
    assert problems(shots((0, 2), (2, 5), (5, 9))) == []
    assert problems(shots((3, 3), (4, 4))) == []
    assert any("claim the same numbers" in p for p in problems(shots((0, 3), (2, 5))))
    assert any("claim the same numbers" in p for p in problems(shots((3, 3), (3, 3))))
    assert any("wrong way round" in p for p in problems(shots((3, 1), (5, 6))))
    assert any("claims no number" in p for p in problems(shots((3, 3), (None, None))))


def test_a_question_about_a_play_names_it() -> None:
    assert any("needs a subject" in p for p in problems(shots((3, 3), (4, 4), subject=None)))


def test_a_drill_keeps_to_its_slot() -> None:
    slot = Slot(0, 0, "sHPgASjgc/ABMA:22", Phase.OPENING, Tier.APPLICATION, "find_the_play")
    found = problems(drill(), slot)
    assert any("planned was sHPgASjgc/ABMA:22" in problem for problem in found)
    assert any("planned was find_the_play" in problem for problem in found)


def test_a_series_needs_variety_and_uses_a_position_once() -> None:
    found = series_problems([drill()] * 10, CURRICULUM)
    assert "10 drills share the position 4HPwATDgc/ABMA:31" in found
    assert "1 methodologies, at least 4 are asked for" in found
    assert "10 of 10 drills are compare_candidates, at most 3 may be" in found
    assert "10 of 10 drills are APPLICATION, at most 4 may be" in found
    assert series_problems([], CURRICULUM) == []


@pytest.mark.parametrize("count", [-1, 0, 4, 51])
def test_counts_outside_five_to_fifty_are_refused(count: int) -> None:
    with pytest.raises(ConfigurationError, match="5 to 50"):
        check_drill_count(count)


def test_phases_are_read_in_the_order_of_a_game() -> None:
    assert check_drill_count(50) == 50
    assert parse_phases(["bearoff", " EARLY", "early"]) == (Phase.EARLY, Phase.BEAROFF)
    with pytest.raises(ConfigurationError, match="unknown phase 'ENDGAME'"):
        parse_phases(["endgame"])
    with pytest.raises(ConfigurationError, match="no phase"):
        parse_phases([])
