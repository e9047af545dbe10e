"""Reading drills from replies: what can be used, and one sentence for each that cannot."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qgen_dagster.config.drills import packaged_curriculum
from qgen_dagster.core.drills import COMPARES_PLAYS, Position, Slot
from qgen_dagster.drills.design import design_drill, possible_methodologies
from qgen_dagster.drills.library import load_catalogue
from qgen_dagster.drills.replies import Wanted, read_drills
from qgen_dagster.generation.provider import ProviderError

CURRICULUM = packaged_curriculum()


def _fit(methodology: str, count: int) -> list[Position]:
    found = (p for p in load_catalogue() if methodology in possible_methodologies(p, CURRICULUM, 1))
    return [next(found) for _ in range(count)]


POSITIONS = _fit("compare_candidates", 2)


def wanted(*methodologies: str) -> Wanted:
    slots = [
        Slot(i, 0, p.id, p.phase, CURRICULUM.methodologies[m].tier, m)
        for i, (p, m) in enumerate(zip(POSITIONS, methodologies or ("compare_candidates",) * 2, strict=False))
    ]
    return Wanted(slots, {p.id: p for p in POSITIONS}, CURRICULUM, seed=1)


def written(place: int = 0, methodology: str = "compare_candidates", **changes: Any) -> dict[str, Any]:
    drill = design_drill(POSITIONS[place], methodology, CURRICULUM, 1)
    assert drill is not None
    return {**drill.model_dump(mode="json", exclude={"tier", "format", "asks"}), **changes}


def problems(*drills: Any) -> list[str]:
    return read_drills(json.dumps({"drills": drills}), wanted())[1]


def test_good_drills_fill_their_slots_whatever_their_order() -> None:
    made, found = read_drills(json.dumps({"drills": [written(1), written(0)]}), wanted())
    assert found == []
    assert [(slot.index, drill.position_id) for slot, drill in made] == [(i, p.id) for i, p in enumerate(POSITIONS)]


def test_fences_prose_and_bare_lists_are_read_too() -> None:
    text = f"Here they are:\n```json\n{json.dumps([written(0)])}\n```\nAnd one more: {json.dumps(written(1))}"
    made, _ = read_drills(text, wanted())
    assert len(made) == 2


def test_a_reply_that_breaks_off_keeps_what_is_whole() -> None:
    text = json.dumps({"drills": [written(0), written(1)]})[:-200]
    made, found = read_drills(text, wanted())
    assert [slot.index for slot, _ in made] == [0]
    assert "breaks off" in found[-1]


def test_the_order_of_options_is_drawn_anew_and_always_the_same() -> None:
    turned = written(0)
    turned["options"] = turned["options"][::-1]
    first, second = (read_drills(json.dumps([one]), wanted())[0][0][1] for one in (written(0), turned))
    assert first.options == second.options
    assert first.asks in COMPARES_PLAYS


def test_a_play_is_kept_in_the_usual_notation() -> None:
    drill = written(0)
    loose = drill["best_play"].replace("*", "").replace(" ", ", ")
    [(_, made)], found = read_drills(json.dumps([{**drill, "best_play": loose}]), wanted())
    assert (made.best_play, found) == (drill["best_play"], [])


def changed_option(name: str, value: Any) -> dict[str, Any]:
    drill = written(0)
    return {**drill, "options": [{**drill["options"][0], name: value}, *drill["options"][1:]]}


@pytest.mark.parametrize(
    ("drill", "said"),
    [
        (written(0, position_id="4HPwATDgc/ABMA:99"), "not one of those asked for"),
        (written(0, methodology="find_the_play"), "is compare_candidates, not"),
        (written(0, best_play="24/1"), "not a legal play"),
        (written(0, best_play="nonsense"), "is not a play"),
        (written(0, options="none"), "no list of objects"),
        (written(0, options=[]), "options"),
        (written(0, hints="think"), "the hints are no list"),
        (written(0, principles=["luck"]), "unknown principle luck"),
        (written(0, scenario=""), "the scenario is empty"),
        (written(0, explanation=None), "the explanation is nothing instead of text"),
        (written(0, explanation="Option B is best."), "options have no fixed place"),
        (changed_option("play", None), "nothing instead of text"),
        (changed_option("correct", "yes"), "does not say whether it is right"),
    ],
)
def test_what_cannot_be_used_is_said(drill: dict[str, Any], said: str) -> None:
    [found] = problems(drill)
    assert found.startswith("Drill 1: ")
    assert said in found


def test_no_right_option_two_right_options_and_a_wrong_one_are_refused() -> None:
    drill = written(0)
    none = [{**option, "correct": False} for option in drill["options"]]
    every = [{**option, "correct": True} for option in drill["options"]]
    other = [{**option, "correct": not option["correct"]} for option in drill["options"][:2]]
    assert "0 options are marked right" in problems({**drill, "options": none})[0]
    assert "exactly one must be" in problems({**drill, "options": every})[0]
    assert problems({**drill, "options": other})


def test_a_taught_play_that_the_engine_does_not_bear_out_is_refused() -> None:
    drill = written(0)
    wrong = next(option["play"] for option in drill["options"] if not option["correct"])
    turned = [{**option, "correct": option["play"] == wrong} for option in drill["options"]]
    [found] = problems({**drill, "best_play": wrong, "options": turned})
    assert "gives away" in found


def test_a_second_drill_about_a_position_is_turned_away() -> None:
    again = written(0, question="Which play is the best one here?")
    made, found = read_drills(json.dumps([written(0), again]), wanted())
    assert len(made) == 1
    assert "already" in found[0]


@pytest.mark.parametrize("text", ["", "I'm sorry, I can't help with that.", "{}", "no JSON at all", '{"drills": []}'])
def test_a_reply_without_drills_is_an_error(text: str) -> None:
    with pytest.raises(ProviderError):
        read_drills(text, wanted())
