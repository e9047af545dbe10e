"""A cube with six symbols rolls over a table: which symbol is on a given side in the end?

Radicals: the number of rolls and the side asked.
- medium: four or five rolls, the top, the front or the right is asked;
- hard: six or seven rolls, any side is asked.
At least half of the rolls move the symbol that comes to the side asked.
There is no easy level: with few rolls there would be too few different items. Difficulty of cube items grows with the
number of turns to be imagined (as the mental rotation of solids in Shepard and Metzler 1971 grows with the angle).

All six symbols are options, so that the options tell nothing. The generator passes the symbols on from side to side;
the solver turns position vectors.
"""

from __future__ import annotations

import itertools
import math
import random
import re
from collections.abc import Sequence
from typing import ClassVar

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._cells import outline
from qgen_dagster.generation.items.pattern._options import success

# No diamond: slanted it looks like a square.
SYMBOLS = ("circle", "triangle", "square", "star", "cross", "heart")
SIDES = ("top", "front", "right", "bottom", "back", "left")
OPPOSITE = {"top": "bottom", "bottom": "top", "front": "back", "back": "front", "left": "right", "right": "left"}
# Which side each side comes from when the cube rolls one square.
ROLLS = {
    "to the right": {"right": "top", "bottom": "right", "left": "bottom", "top": "left"},
    "to the left": {"left": "top", "bottom": "left", "right": "bottom", "top": "right"},
    "towards you": {"front": "top", "bottom": "front", "back": "bottom", "top": "back"},
    "away from you": {"back": "top", "bottom": "back", "front": "bottom", "top": "front"},
}
BACK_AGAIN = {"to the right": "to the left", "to the left": "to the right"}
BACK_AGAIN |= {"towards you": "away from you", "away from you": "towards you"}
Cube = dict[str, str]
_TURN = [math.tau * i / 28 for i in range(28)]
_HEART = [
    (1.05 * math.sin(t) ** 3, (5 * math.cos(2 * t) + 2 * math.cos(3 * t) + math.cos(4 * t) - 13 * math.cos(t)) / 15)
    for t in _TURN
]


class CubeRoll(ItemModel):
    name = "cube_roll"
    version = 2
    family = "spatial"
    sub_type = "cube_rotation"
    levels: ClassVar[tuple[ItemLevel, ...]] = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        rolls = _path(rng.choice([4, 5] if level == "medium" else [6, 7]), rng)
        asked = rng.choice(["top", "front", "right"] if level == "medium" else list(SIDES))
        cube = dict(zip(SIDES, rng.sample(SYMBOLS, 6), strict=True))
        states = [cube]
        for roll in rolls:
            states.append(_rolled(states[-1], roll))
        key = states[-1][asked]
        trail = [next(side for side in SIDES if state[side] == key) for state in states]
        if 2 * sum(a != b for a, b in itertools.pairwise(trail)) < len(rolls):
            raise Unsuitable("most of the rolls do not move the symbol asked")
        text = "Sides of the cube at the start: " + ", ".join(f"{side}: {cube[side]}" for side in SIDES) + "."
        return Draft(
            stem=(
                f"The cube rolls over its edges, one step at a time: {_spoken(rolls)}. "
                f"Which symbol is then {_where(asked)}?"
            ),
            stimulus=Stimulus(text=text, figure=_figure(cube, text)),
            key=Choice(key),
            distractors=tuple(_distractor(symbol, asked, rolls, states) for symbol in SYMBOLS if symbol != key),
            explanation=_explanation(rolls, asked, states),
            structure={"rolls": rolls, "asked": asked},
            expected_success=success(level, _load(level, rolls, asked)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        vectors = {"right": (1, 0, 0), "left": (-1, 0, 0), "back": (0, 1, 0), "front": (0, -1, 0)}
        vectors |= {"top": (0, 0, 1), "bottom": (0, 0, -1)}
        where = {symbol: vectors[side] for side, symbol in re.findall(r"(\w+): (\w+)(?=[,.])", text)}
        path, question = shown.stem.split(": ", 1)[1].split(". Which")
        for step in re.findall(r"to the right|to the left|towards you|away from you", path):
            for symbol, (x, y, z) in where.items():
                where[symbol] = {
                    "to the right": (z, y, -x),
                    "to the left": (-z, y, x),
                    "away from you": (x, z, -y),
                    "towards you": (x, -z, y),
                }[step]
        asked = vectors[re.findall(r"top|front|right|bottom|back|left", question)[0]]
        return [i for i, option in enumerate(shown.options) if where[option.text] == asked]


def _path(count: int, rng: random.Random) -> list[str]:
    """Rolls that never undo the one before, and never the same three times in a row."""
    rolls = [rng.choice(list(ROLLS))]
    while len(rolls) < count:
        rolls.append(
            rng.choice([roll for roll in ROLLS if roll != BACK_AGAIN[rolls[-1]] and rolls[-2:] != [roll, roll]])
        )
    return rolls


def _rolled(cube: Cube, roll: str) -> Cube:
    return {side: cube[ROLLS[roll].get(side, side)] for side in SIDES}


def _spoken(rolls: Sequence[str]) -> str:
    return ", then ".join(rolls)


def _where(side: str) -> str:
    return {
        "top": "on top",
        "bottom": "at the bottom",
        "front": "at the front",
        "back": "at the back",
        "left": "on the left",
        "right": "on the right",
    }[side]


def _distractor(symbol: str, asked: str, rolls: list[str], states: list[Cube]) -> Choice:
    end = states[-1]
    side = next(s for s in SIDES if end[s] == symbol)
    if states[-2][asked] == symbol:
        mistake, note = "last_roll_left_out", "This symbol was there before the last roll."
    elif _after(states[0], rolls[1:])[asked] == symbol:
        mistake, note = "first_roll_left_out", "This leaves out the first roll."
    elif side == OPPOSITE[asked]:
        mistake, note = "opposite_side", f"This symbol ends up on the opposite side, {_where(side)}."
    elif states[0][asked] == symbol:
        mistake, note = "not_rolled", "This symbol was there at the start."
    else:
        mistake, note = "roll_misjudged", f"This symbol ends up {_where(side)}."
    return Choice(symbol, mistake=mistake, note=note)


def _after(cube: Cube, rolls: list[str]) -> Cube:
    for roll in rolls:
        cube = _rolled(cube, roll)
    return cube


def _explanation(rolls: list[str], asked: str, states: list[Cube]) -> str:
    trail = [
        f"{roll} (top {state['top']}, front {state['front']}, right {state['right']})"
        for roll, state in zip(rolls, states[1:], strict=True)
    ]
    key = states[-1][asked]
    shown = "" if asked in ("top", "front", "right") else f" The {key} lies opposite the {states[-1][OPPOSITE[asked]]}."
    return f"Follow the sides roll by roll: {'; '.join(trail)}.{shown} So the {key} is {_where(asked)}."


def _figure(cube: Cube, text: str) -> str:
    """The cube seen from the front, above and the right, and the three hidden sides below it."""
    side, depth = 70.0, 36.0
    x, y = 24.0, 10.0 + depth
    parts = [
        svg.rect(x, y, side, side),
        svg.polygon([(x, y), (x + depth, y - depth), (x + side + depth, y - depth), (x + side, y)]),
        svg.polygon(
            [(x + side, y), (x + side + depth, y - depth), (x + side + depth, y + side - depth), (x + side, y + side)]
        ),
        _symbol(cube["front"], (x + side / 2, y + side / 2), 17),
        _slanted(cube["top"], (1, 0, -depth / side, depth / side, x + side / 2 + depth / 2, y - depth / 2)),
        _slanted(cube["right"], (depth / side, -depth / side, 0, 1, x + side + depth / 2, y + side / 2 - depth / 2)),
    ]
    for i, name in enumerate(("bottom", "back", "left")):
        left = 10 + i * 48
        parts += [svg.rect(left, y + side + 14, 36, 36, stroke_dasharray="4 3")]
        parts += [_symbol(cube[name], (left + 18, y + side + 32), 10)]
        parts += [svg.label((left + 18, y + side + 61), name, 12)]
    return svg.figure(152, y + side + 72, "Cube with six symbols", text, parts)


def _symbol(symbol: str, centre: svg.Point, radius: float) -> str:
    if symbol == "heart":
        return svg.polygon([(centre[0] + radius * x, centre[1] + radius * y) for x, y in _HEART])
    return outline(symbol, "empty", centre, radius)


def _slanted(symbol: str, matrix: Sequence[float]) -> str:
    numbers = " ".join(f"{n:.3f}".rstrip("0").rstrip(".") for n in matrix)
    return svg.group([_symbol(symbol, (0, 0), 17)], transform=f"matrix({numbers})")


def _load(level: ItemLevel, rolls: list[str], asked: str) -> float:
    base = 4 if level == "medium" else 6
    changes = sum(a != b for a, b in itertools.pairwise(rolls))
    hidden = 0.2 if asked in ("bottom", "back", "left") else 0.0
    return 0.1 + 0.25 * (len(rolls) - base) + 0.08 * changes + hidden


MODEL = CubeRoll()
