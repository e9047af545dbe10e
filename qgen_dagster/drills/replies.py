"""Drills from a reply, and one sentence for each that cannot be used.

Here: reading what a language model or the built-in designer wrote, under all rules of `rules.py` and against the
evaluation that the position carries. Not here: finding JSON (`generation/replies/`), what was asked (`asking.py`).

What the plan decides (position, methodology, tier, format) is never taken from the reply. Options get an order of their
own: models favour places for the right one; numbers are shown from low to high.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import (
    COMPARES_PLAYS,
    NEEDS_SUBJECT,
    Asks,
    Drill,
    DrillOption,
    DrillVerdict,
    Position,
    Slot,
)
from qgen_dagster.drills.board import BadPosition, split_row_id
from qgen_dagster.drills.notation import format_play, parse_play
from qgen_dagster.drills.rules import drill_problems
from qgen_dagster.drills.verify import verify_drill
from qgen_dagster.generation.replies.find_json import CONTRADICTION, Found, check_size, find_json, nothing_usable
from qgen_dagster.generation.replies.questions import SPEAKS_OF_PLACES
from qgen_dagster.generation.replies.texts import Unusable, clean, optional, shown

MAX_LINE = 2_000
MAX_NAME = 60


@dataclass(frozen=True)
class Wanted:
    """What a reply is read for: the slots that are open, and the positions of the whole batch by their ids."""

    slots: Sequence[Slot]
    positions: Mapping[str, Position]
    curriculum: Curriculum
    seed: int


def read_drills(text: str, wanted: Wanted) -> tuple[list[tuple[Slot, Drill]], list[str]]:
    """The usable drills of a reply with the slots that they fill, and what is wrong with the others.

    Raises ProviderError (parse_error) when the reply as a whole cannot be used.
    """
    check_size(text)
    found = find_json(text)
    items = _items(found)
    if not items:
        raise nothing_usable("drill", text, found)
    open_slots = {slot.position_id: slot for slot in wanted.slots}
    drills: dict[int, tuple[Slot, Drill]] = {}
    problems = []
    for number, item in enumerate(items, start=1):
        try:
            slot, drill = _drill(item, open_slots, wanted)
        except Unusable as error:
            problems.append(f"Drill {number}: {error}.")
            continue
        if slot.index in drills:
            problems.append(f"Drill {number}: there is a drill about {slot.position_id} already.")
        drills.setdefault(slot.index, (slot, drill))
    if found.broken and len(drills) < len(wanted.slots):
        problems.append(
            f"The reply breaks off or is damaged: {len(items)} of {len(wanted.slots)} drills were complete."
        )
    return [drills[index] for index in sorted(drills)], problems


def _items(found: Found) -> list[Any]:
    """The drills in the values of a reply, each once: in the contract's object, as a list, or on their own."""
    items: list[Any] = []
    for value in found.values:
        listed = value.get("drills", [value]) if isinstance(value, dict) else value
        items += [item for item in listed if _looks_like_drill(item)] if isinstance(listed, list) else []
    return [item for place, item in enumerate(items) if item not in items[:place]]


def _looks_like_drill(item: Any) -> bool:
    return isinstance(item, dict) and "position_id" in item and "options" in item


def _drill(item: Mapping[str, Any], slots: Mapping[str, Slot], wanted: Wanted) -> tuple[Slot, Drill]:
    if CONTRADICTION in item:
        raise Unusable(f"it names {shown(item[CONTRADICTION])} twice with different values")
    position_id = clean(item.get("position_id"), "the position id", MAX_NAME)
    slot = slots.get(position_id)
    if slot is None:
        where = "filled already" if position_id in wanted.positions else "not one of those asked for"
        raise Unusable(f"the position {shown(position_id)} is {where}")
    methodology = clean(item.get("methodology"), "the methodology", MAX_NAME)
    if methodology != slot.methodology:
        raise Unusable(f"the methodology of {position_id} is {slot.methodology}, not {shown(methodology)}")
    settings = wanted.curriculum.methodologies[slot.methodology]
    try:
        drill = Drill(
            position_id=position_id,
            tier=settings.tier,
            methodology=slot.methodology,
            format=settings.format,
            asks=settings.asks,
            scenario=clean(item.get("scenario"), "the scenario", MAX_LINE),
            question=clean(item.get("question"), "the question", MAX_LINE),
            options=_options(item, position_id, settings.asks),
            best_play=_play(item.get("best_play"), position_id, "the best play"),
            subject=_subject(item, position_id, settings.asks),
            explanation=clean(item.get("explanation"), "the explanation", MAX_LINE),
            hints=_lines(item.get("hints"), "the hints"),
            principles=_lines(item.get("principles"), "the principles"),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise Unusable(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    _check(drill, slot, wanted)
    return slot, _in_new_order(drill, wanted.seed)


def _check(drill: Drill, slot: Slot, wanted: Wanted) -> None:
    """Raises Unusable for a drill that breaks a rule or whose answer does not hold by the position's evaluation."""
    broken = drill_problems(drill, wanted.curriculum, known_ids=wanted.positions, slot=slot)
    if broken:
        raise Unusable(f"{drill.position_id}: {broken[0]}")
    said = " ".join([drill.explanation, *drill.hints, *(option.feedback for option in drill.options)])
    place = SPEAKS_OF_PLACES.search(said)
    if place:
        raise Unusable(f"{drill.position_id}: it speaks of {shown(place.group())}, though options have no fixed place")
    check = verify_drill(drill, wanted.positions[drill.position_id].evaluation)
    if check.verdict is DrillVerdict.FAILED:
        raise Unusable(f"{drill.position_id}: {check.problems[0]}")


def _options(item: Mapping[str, Any], position_id: str, asks: Asks) -> tuple[DrillOption, ...]:
    given = item.get("options")
    if not isinstance(given, list) or not all(isinstance(option, dict) for option in given):
        raise Unusable("its options are no list of objects")
    return tuple(_option(option, position_id, asks) for option in given)


def _option(option: Mapping[str, Any], position_id: str, asks: Asks) -> DrillOption:
    text = clean(option.get("text"), "an option", MAX_LINE)
    if not isinstance(option.get("correct"), bool):
        raise Unusable(f"the option {shown(text)} does not say whether it is right")
    plays = asks in COMPARES_PLAYS
    return DrillOption(
        text=text,
        correct=option["correct"],
        feedback=clean(option.get("feedback"), "the feedback", MAX_LINE),
        play=_play(option.get("play"), position_id, f"the option {shown(text)}") if plays else None,
        low=None if plays else _number(option.get("low"), text),
        high=None if plays else _number(option.get("high"), text),
    )


def _number(value: Any, text: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(f"the option {shown(text)} claims no number")
    return float(value)


def _play(value: Any, position_id: str, what: str) -> str:
    """The play in the usual notation, whatever way it was written."""
    board, dice = split_row_id(position_id)
    try:
        return format_play(parse_play(clean(value, what, MAX_NAME), board, dice))
    except BadPosition as error:
        raise Unusable(f"{position_id}: {what}: {error.message}") from error


def _subject(item: Mapping[str, Any], position_id: str, asks: Asks) -> str | None:
    written = optional(item.get("subject"), "the subject", MAX_NAME)
    if written is None or asks not in (*NEEDS_SUBJECT, Asks.WIN_CHANCE):
        return None
    return _play(written, position_id, "the subject")


def _lines(value: Any, what: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Unusable(f"{what} are no list")
    return tuple(dict.fromkeys(clean(line, what, MAX_LINE) for line in value))


def _in_new_order(drill: Drill, seed: int) -> Drill:
    """The drill with its options in an order that depends on the seed and on what they say alone."""
    if drill.asks in COMPARES_PLAYS:
        options = sorted(drill.options, key=lambda option: option.text)
        random.Random(f"{seed}/options/{drill.position_id}").shuffle(options)
    else:
        options = sorted(drill.options, key=lambda option: (option.low or 0.0, option.text))
    return drill.model_copy(update={"options": tuple(options)})
