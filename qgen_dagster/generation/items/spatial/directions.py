"""Follow a route in words and say where it ends, seen from its start.

Radicals: the number of legs, whether turns are named by compass points or relative to the walker (left, right, around),
the first heading, and whether the question looks from the start or back from the end.
- easy: three or four legs, compass points;
- medium: four or five legs, left and right turns, starting north or south;
- hard: six or seven legs, left, right and about turns, not starting north, and the view from the end back.
Relative turns ask for a mental rotation whenever the walker does not face up the page.

The options are built from three features: east or west, north or south, and which distances. Every feature is evenly
split over the options, so they do not give the key away. The solver walks the printed route again.
"""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, success

COMPASS = ("north", "east", "south", "west")
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))
WALKERS = (
    ("Amara", "she"), ("Mateo", "he"), ("Yuki", "she"), ("Omar", "he"), ("Ingrid", "she"), ("Tane", "he"),
    ("Leila", "she"), ("Kofi", "he"), ("Priya", "she"), ("Jakub", "he"), ("Noor", "she"), ("Diego", "he"),
    ("Mei", "she"), ("Samir", "he"), ("Zola", "she"), ("Erik", "he"), ("Ana", "she"), ("Minh", "he"),
)  # fmt: skip
STARTS = (
    "the library", "the fountain", "the bus stop", "the museum", "the bakery", "the park gate", "the school",
    "the clock tower", "the market", "the railway station", "the bridge", "the post office",
)  # fmt: skip
TURNS = {1: "turns right", -1: "turns left", 2: "turns around"}


class Leg(NamedTuple):
    """`turn` is None where the leg is named by its compass point."""

    turn: int | None
    heading: int
    blocks: int


class Directions(ItemModel):
    name = "directions"
    version = 2
    family = "spatial"
    sub_type = "directions"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        route = _route(level, rng)
        (walker, pronoun), start = rng.choice(WALKERS), rng.choice(STARTS)
        back = level == "hard"
        x, y = _end(route)
        if x == 0 or y == 0 or abs(x) == abs(y):
            raise Unsuitable("the end is not off to both sides by two different distances")
        choices = _choices(-x if back else x, -y if back else y, route, back, level, rng)
        return Draft(
            stem=_stem(route, walker, pronoun, start, back),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=_explanation(route, start, back, choices[0].text),
            structure=_structure(route, back),
            expected_success=success(level, _load(route, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        place = _walk(shown.stem)
        if "Seen from there" in shown.stem:
            place = -place
        return [i for i, option in enumerate(shown.options) if _read_place(option.text) == place]


def _route(level: ItemLevel, rng: random.Random) -> list[Leg]:
    count = rng.choice({"easy": [3, 4], "medium": [4, 5], "hard": [6, 7]}[level])
    heading = rng.choice({"easy": [0, 1, 2, 3], "medium": [0, 2], "hard": [1, 2, 3]}[level])
    turns = [rng.choice([-1, 1]) for _ in range(count - 1)]
    if level != "easy" and len(set(turns)) == 1:
        raise Unsuitable("all turns are alike")
    if level == "hard":
        turns[rng.randrange(1, len(turns))] = 2
    route = [Leg(None, heading, rng.randint(1, 9))]
    for turn in turns:
        heading = (heading + turn) % 4
        # Nobody goes back exactly the way just come.
        lengths = [n for n in range(1, 10) if turn != 2 or n != route[-1].blocks]
        route.append(Leg(None if level == "easy" else turn, heading, rng.choice(lengths)))
    return route


def _end(route: list[Leg]) -> tuple[int, int]:
    return _total(route, 0), _total(route, 1)


def _total(route: list[Leg], axis: int) -> int:
    return sum(STEPS[leg.heading][axis] * leg.blocks for leg in route)


def _stem(route: list[Leg], walker: str, pronoun: str, start: str, back: bool) -> str:
    first, *rest = route
    text = f"{walker} leaves {start} and walks {_blocks(first.blocks)} {COMPASS[first.heading]}"
    if rest[0].turn is None:
        text += "".join(f", then {_blocks(leg.blocks)} {COMPASS[leg.heading]}" for leg in rest) + "."
    else:
        moves = [f"{TURNS[leg.turn or 0]} and walks {_blocks(leg.blocks)}" for leg in rest]
        text += ". " + " ".join(
            f"{opening} {pronoun} {move}." for opening, move in zip(_openings(), moves, strict=False)
        )
    if back:
        return f"{text} Seen from there, where is {start}?"
    return f"{text} Where is {walker} now, seen from {start}?"


def _openings() -> list[str]:
    return ["There", "Then", "Next", "Then", "After that", "Finally"]


def _blocks(count: int) -> str:
    return f"{count} block{'s' if count > 1 else ''}"


def _place(x: int, y: int) -> str:
    return f"{_blocks(abs(y))} {'north' if y > 0 else 'south'} and {_blocks(abs(x))} {'east' if x > 0 else 'west'}"


def _choices(x: int, y: int, route: list[Leg], back: bool, level: ItemLevel, rng: random.Random) -> list[Choice]:
    changed = _other_distances(x, y, route, rng)
    choices = []
    for flip_x, flip_y, change in balanced([2, 2, 2], 4 if level == "easy" else 6, rng):
        ex, ey = changed if change else (x, y)
        place = _place(-ex if flip_x else ex, -ey if flip_y else ey)
        if flip_x or flip_y or change:
            mistake, note = _mistake(bool(flip_x), bool(flip_y), bool(change), back)
            choices.append(Choice(place, mistake=mistake, note=note))
        else:
            choices.append(Choice(place))
    return choices


def _other_distances(x: int, y: int, route: list[Leg], rng: random.Random) -> tuple[int, int]:
    """What a walker might find who exchanges the two lines or loses a leg; on the same sides as the true place."""
    right, up = (1 if x > 0 else -1), (1 if y > 0 else -1)
    found = [(abs(y) * right, abs(x) * up)]
    for leg in route:
        dx, dy = (part * leg.blocks for part in STEPS[leg.heading])
        found += [(x + dx, y + dy), (x - dx, y - dy)]
    good = [(a, b) for a, b in found if a * x > 0 and b * y > 0 and abs(a) != abs(b)]
    return rng.choice(good)


def _mistake(flip_x: bool, flip_y: bool, change: bool, back: bool) -> tuple[str, str]:
    counts = " The blocks along the two lines are not added up correctly either." if change else ""
    if flip_x and flip_y:
        seen = "the start from the end" if back else "the end from the start"
        return "view_reversed", f"This is the opposite view: the question asks for {seen}.{counts}"
    if flip_x:
        return (
            "east_west_exchanged",
            f"East and west are exchanged, as when one goes the wrong way along that line.{counts}",
        )
    if flip_y:
        return (
            "north_south_exchanged",
            f"North and south are exchanged, as when one goes the wrong way along that line.{counts}",
        )
    return (
        "blocks_miscounted",
        "The directions are right, but the blocks along the two lines are not added up correctly.",
    )


def _explanation(route: list[Leg], start: str, back: bool, key: str) -> str:
    legs = ", ".join(f"{leg.blocks} {COMPASS[leg.heading]}" for leg in route)
    text = (
        f"Write each leg with its compass direction: {legs}. North counts plus and south minus: {_sum(route, 1)}. "
        f"East counts plus and west minus: {_sum(route, 0)}. So the walk ends {_place(*_end(route))} of {start}."
    )
    return f"{text} Looking back from there, every direction is reversed: {start} is {key}." if back else text


def _sum(route: list[Leg], axis: int) -> str:
    parts = [STEPS[leg.heading][axis] * leg.blocks for leg in route if STEPS[leg.heading][axis]]
    text = " ".join(f"{'+' if part > 0 else '−'} {abs(part)}" for part in parts)
    first = text.removeprefix("+ ") if parts[0] > 0 else text.replace("− ", "−", 1)
    return first if len(parts) == 1 else f"{first} = {str(sum(parts)).replace('-', '−')}"


def _load(route: list[Leg], level: ItemLevel) -> float:
    legs = len(route) - {"easy": 3, "medium": 4, "hard": 6}[level]
    return 0.2 + 0.4 * legs + (0.3 if route[0].heading in (2, 3) else 0.0)


def _structure(route: list[Leg], back: bool) -> dict[str, object]:
    legs = [[leg.turn or COMPASS[leg.heading], leg.blocks] for leg in route]
    return {"legs": legs, "back": back}


# --- the solver: reads the words alone ---

_LEG = re.compile(r"(?:turns (left|right|around) and )?(?:walks |then )(\d+) blocks?(?: (north|east|south|west))?")
_PLACE = re.compile(r"(\d+) blocks? (north|south) and (\d+) blocks? (east|west)")
_POINTS = {"north": 1j, "east": 1 + 0j, "south": -1j, "west": -1 + 0j}
_TURNED = {"left": 1j, "right": -1j, "around": -1 + 0j}


def _walk(stem: str) -> complex:
    position, facing = 0j, 0j
    for turn, blocks, point in _LEG.findall(stem):
        facing = _POINTS[point] if point else facing * _TURNED[turn]
        position += facing * int(blocks)
    return position


def _read_place(text: str) -> complex | None:
    match = _PLACE.fullmatch(text)
    if not match:
        return None
    up, vertical, across, horizontal = match.groups()
    return int(up) * _POINTS[vertical] + int(across) * _POINTS[horizontal]


MODEL = Directions()
