"""Drills for prompts that ask for them: from the bundled catalogue, in the form of the output contract.

Here: reading which positions are asked for, writing a drill about each, what can be wrong with one. Not here: faults of
whole replies (`damage.py`).
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import Any

from qgen_dagster.config.drills import packaged_curriculum
from qgen_dagster.core.drills import Drill, Position
from qgen_dagster.drills.board import split_row_id
from qgen_dagster.drills.design import design_drill
from qgen_dagster.drills.library import load_catalogue
from qgen_dagster.drills.notation import format_play
from qgen_dagster.drills.plays import legal_plays

from .faults import Fault

_BLOCK = re.compile(r"<drill>\s*\n(.*?)\n\s*</drill>", re.DOTALL)
_METHODOLOGY = re.compile(r"^Methodology: (\S+)$", re.MULTILINE)
_POSITION = re.compile(r"^Position (\S+) \(", re.MULTILINE)
_CONTRACT = ("position_id", "methodology", "scenario", "question", "best_play", "subject", "explanation")
ELSEWHERE = "4HPwATDgc/ABMA:99"  # a position id that no library has


def drills_asked(text: str) -> list[tuple[str, str]]:
    """Position and methodology of each drill that a prompt asks for."""
    found = []
    for block in _BLOCK.findall(text):
        position, methodology = _POSITION.search(block), _METHODOLOGY.search(block)
        if position and methodology:
            found.append((position[1], methodology[1]))
    return found


def write_drills(asked: list[tuple[str, str]], fault: Fault | None, rng: random.Random) -> dict[str, Any]:
    """A drill for each, one of them spoilt as the fault says."""
    drills = [drill for one in asked if (drill := _write(*one)) is not None]
    if fault and drills:
        _spoil(fault.kind, drills, rng)
    return {"drills": drills}


def _write(position_id: str, methodology: str) -> dict[str, Any] | None:
    drill = _designed(position_id, methodology)
    if drill is None:
        return None
    written = drill.model_dump(mode="json")
    options = [{**option, "feedback": f"{option['feedback']} Look again."} for option in written["options"]]
    rest = {name: written[name] for name in ("hints", "principles")}
    return {**{name: written[name] for name in _CONTRACT}, "options": options, **rest}


def _spoil(kind: str, drills: list[dict[str, Any]], rng: random.Random) -> None:
    drill = rng.choice(drills)
    if kind == "too_few":
        del drills[len(drills) // 2 :]
    elif kind == "too_many":
        drills.append({**drills[0], "position_id": ELSEWHERE})
    elif kind == "duplicates":
        drills.append(dict(drills[0]))
    elif kind == "no_key":
        drill["options"] = [{**option, "correct": False} for option in drill["options"]]
    elif kind == "wrong_key":
        wrong = next(option for option in drill["options"] if not option["correct"])
        drill["options"] = [{**option, "correct": option is wrong} for option in drill["options"]]
    elif kind == "unknown_position":
        drill["position_id"] = ELSEWHERE
    elif kind == "illegal_move":
        drill["best_play"] = "24/1"
    elif kind == "wrong_dice":
        drill["best_play"] = _with_other_dice(drill["position_id"])


def _with_other_dice(position_id: str) -> str:
    """A play of another roll, legal there, that the position's own roll cannot make."""
    board, dice = split_row_id(position_id)
    own = {play.ends for play in legal_plays(board, dice)}
    for other in ((6, 6), (6, 5), (5, 4), (4, 3), (2, 1), (1, 1)):
        for play in legal_plays(board, other):
            if play.ends not in own:
                return format_play(play)
    return "24/1"


@cache
def _designed(position_id: str, methodology: str) -> Drill | None:
    position = _catalogue().get(position_id)
    return design_drill(position, methodology, packaged_curriculum(), "a model") if position else None


@cache
def _catalogue() -> dict[str, Position]:
    return {position.id: position for position in load_catalogue()}
