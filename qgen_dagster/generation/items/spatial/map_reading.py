"""A map with lettered places: standing at one and facing another, where is a third?

Radicals: how far the imagined heading is turned from the top of the map, whether the places lie exactly in line, and
whether a further turn is to be imagined.
- easy: facing north, east, south or west; places exactly in line;
- medium: facing any of eight directions; places exactly in line;
- hard: facing any direction but north, then a turn to the side or around; what lies straight or directly on a side is
  exactly in line, what lies between (ahead to the right and so on) only roughly half-way.
Taking a perspective is harder the further it is turned from one's own view of the map (Kozhevnikov and Hegarty 2001).

The sides offered are balanced between left and right and between ahead and behind. The solver works out the angle from
the printed columns and rows.
"""

from __future__ import annotations

import cmath
import math
import random
import re

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import success

SIZE = 11
UNIT = 20.0
LETTERS = "PQRSTU"  # none of those that name options
Place = tuple[int, int]
# Column and row steps, clockwise from north (up).
STEPS = ((0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1))
# The same eight directions as the walker sees them.
SIDES = (
    "straight ahead",
    "ahead to the right",
    "directly to the right",
    "behind to the right",
    "straight behind",
    "behind to the left",
    "directly to the left",
    "ahead to the left",
)
HEADINGS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")
TURNS = {2: "turn a quarter turn to the right", 6: "turn a quarter turn to the left", 4: "turn around"}


class MapReading(ItemModel):
    name = "map_reading"
    version = 2
    family = "spatial"
    sub_type = "map_reading"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        heading = rng.choice({"easy": [0, 2, 4, 6], "medium": list(range(8)), "hard": list(range(1, 8))}[level])
        turn = rng.choice(list(TURNS)) if level == "hard" else 0
        offered = _offered(level, rng)
        side = rng.choice(offered)
        # A place that is almost, but not exactly, to one side could be said to lie ahead or behind as well.
        rough = level == "hard" and side % 2 == 1
        places = _places(heading, (heading + turn + side) % 8, rough, rng)
        a, b, c = names = rng.sample(LETTERS, 3)
        layout = dict(zip(names, places[:3], strict=True))
        others = [letter for letter in LETTERS if letter not in names]
        layout.update(zip(others, places[3:], strict=True))
        text = "\n".join(f"{n}: column {layout[n][0] + 1}, row {layout[n][1] + 1}" for n in sorted(layout))
        text = f"Map with north at the top; columns count from the west, rows from the north.\n{text}"
        turning = f"You {TURNS[turn]}. " if turn else ""
        return Draft(
            stem=f"You stand at {a} and face {b}. {turning}Where is {c}{' now' if turn else ''}?",
            stimulus=Stimulus(text=text, figure=_figure(layout, text)),
            key=Choice(SIDES[side]),
            distractors=tuple(_distractor(other, side, heading, turn, c) for other in offered if other != side),
            explanation=_explanation(layout, names, heading, turn, side),
            structure=_structure(layout, names, turn),
            expected_success=success(level, _load(level, heading, side)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        spots = {n: complex(int(x), -int(y)) for n, x, y in re.findall(r"([P-U]): column (\d+), row (\d+)", text)}
        here, faced, sought = (spots[n] for n in re.findall(r"\b([P-U])\b", shown.stem))
        facing = faced - here
        if "to the right." in shown.stem:
            facing *= -1j
        elif "to the left." in shown.stem:
            facing *= 1j
        elif "turn around" in shown.stem:
            facing = -facing
        angle = -math.degrees(cmath.phase((sought - here) / facing))
        words = {0: "straight ahead", 2: "directly to the right", 4: "straight behind", 6: "directly to the left"}
        words |= {1: "ahead to the right", 3: "behind to the right", 5: "behind to the left", 7: "ahead to the left"}
        eighth = round(angle / 45)
        if abs(angle - 45 * eighth) > (15 if eighth % 2 else 0.01):
            return []
        return [i for i, option in enumerate(shown.options) if option.text == words[eighth % 8]]


def _offered(level: ItemLevel, rng: random.Random) -> list[int]:
    if level == "easy":
        return rng.choice([[0, 2, 4, 6], [1, 3, 5, 7]])
    return [1, 3, 5, 7, *rng.choice([(0, 4), (2, 6)])]


def _places(heading: int, bearing: int, rough: bool, rng: random.Random) -> list[Place]:
    """Where one stands, what one faces, what is sought, and three more places."""
    for _ in range(40):
        here = (rng.randrange(SIZE), rng.randrange(SIZE))
        faced = _along(here, heading, rng.randint(2, 7), 1 if rough else 0, rng)
        sought = _along(here, bearing, rng.randint(2, 7), 1 if rough else 0, rng)
        chosen = [here, faced, sought]
        if all(_inside(p) for p in chosen) and _apart(chosen):
            break
    else:
        raise Unsuitable("the places do not fit on the map")
    for _ in range(30):
        extra = (rng.randrange(SIZE), rng.randrange(SIZE))
        if _apart([*chosen, extra]):
            chosen.append(extra)
        if len(chosen) == 6:
            return chosen
    raise Unsuitable("no room for more places")


def _along(start: Place, direction: int, distance: int, slack: int, rng: random.Random) -> Place:
    """A place in a direction; with slack, up to a cell beside the line but within 12 degrees of it."""
    dx, dy = (part * distance for part in STEPS[direction])
    if slack and distance >= 5 - (direction % 2):
        side_x, side_y = (
            STEPS[(direction + rng.choice([2, 6])) % 8] if direction % 2 == 0 else rng.choice([(1, 0), (0, 1)])
        )
        dx, dy = dx + side_x, dy + side_y
    return start[0] + dx, start[1] + dy


def _inside(place: Place) -> bool:
    return 0 <= place[0] < SIZE and 0 <= place[1] < SIZE


def _apart(places: list[Place]) -> bool:
    last = places[-1]
    pairs = (
        [(last, p) for p in places[:-1]]
        if len(places) > 3
        else [(p, q) for i, p in enumerate(places) for q in places[:i]]
    )
    return all(max(abs(p[0] - q[0]), abs(p[1] - q[1])) >= 2 for p, q in pairs)


def _distractor(other: int, side: int, heading: int, turn: int, sought: str) -> Choice:
    if (other - side) % 8 == 4:
        mistake, note = "view_reversed", "This is the opposite side, as if one faced the other way."
    elif other == (-side) % 8:
        mistake, note = "left_right_exchanged", "Left and right are exchanged."
    elif turn and other == (side + turn) % 8:
        mistake, note = "turn_forgotten", "This leaves out the turn at the end."
    elif other == (side + heading + turn) % 8:
        mistake, note = "map_view_kept", "This is the side as the map shows it, with the top of the map ahead."
    elif other == (4 - side) % 8:
        mistake, note = "ahead_behind_exchanged", "Ahead and behind are exchanged."
    else:
        mistake, note = (
            "angle_misjudged",
            f"With the map turned so that you look up the page, {sought} does not lie on this side.",
        )
    return Choice(SIDES[other], mistake=mistake, note=note)


def _explanation(layout: dict[str, Place], names: list[str], heading: int, turn: int, side: int) -> str:
    a, b, c = names
    faced = (heading + turn) % 8
    turning = f" After the turn you face {HEADINGS[faced]}." if turn else ""
    ahead = HEADINGS[heading]
    return (
        f"From {a}, {b} lies {_roughly(layout[a], layout[b])}{ahead}, so you face {ahead}.{turning} "
        f"{c} lies {_roughly(layout[a], layout[c])}{HEADINGS[(faced + side) % 8]} of {a}. "
        f"With {HEADINGS[faced]} ahead, that is {SIDES[side]}."
    )


def _roughly(start: Place, end: Place) -> str:
    across, down = abs(end[0] - start[0]), abs(end[1] - start[1])
    return "" if across == 0 or down == 0 or across == down else "roughly "


def _structure(layout: dict[str, Place], names: list[str], turn: int) -> dict[str, object]:
    """The faced and the sought place as seen from where one stands; letters and other places do not matter."""
    here, faced, sought = (layout[n] for n in names)
    return {
        "faced": [faced[0] - here[0], faced[1] - here[1]],
        "sought": [sought[0] - here[0], sought[1] - here[1]],
        "turn": turn,
    }


def _figure(layout: dict[str, Place], text: str) -> str:
    side = SIZE * UNIT
    lines = [f"M{svg.num(i * UNIT)} 0V{svg.num(side)}M0 {svg.num(i * UNIT)}H{svg.num(side)}" for i in range(1, SIZE)]
    parts = [svg.element("path", d="".join(lines), stroke_width=1, stroke_opacity=0.2), svg.rect(0, 0, side, side)]
    for name in sorted(layout):
        x, y = ((v + 0.5) * UNIT for v in layout[name])
        column, row = layout[name]
        beside = (x + (9 if column < SIZE - 1 else -9), y + (-7 if row else 10))
        parts += [svg.dot((x, y), 3.5), svg.label(beside, name, 14)]
    compass = [
        svg.line((side + 20, 44), (side + 20, 22)),
        svg.arrow_head((side + 20, 18), 0, 10),
        svg.label((side + 20, 56), "N", 14),
    ]
    return svg.figure(side + 40, side + 8, "Map", text, [svg.moved([*parts, *compass], 4, 4)])


def _load(level: ItemLevel, heading: int, side: int) -> float:
    away = min(heading, 8 - heading) / 4
    return 0.1 + 0.5 * away + (0.2 if side in (3, 5) else 0.0) + (0.1 if level == "hard" else 0.0)


MODEL = MapReading()
