"""A square sheet is folded, punched and unfolded: where are the holes?

Radicals: the number of folds, whether they run through the middle, and the number of holes.
- easy: one fold, two or three holes;
- medium: two folds, one to three holes;
- hard: two folds, not both through the middle, with four holes, or three folds with one or two.
The number of folds is the classic source of difficulty in paper folding tests (Ekstrom et al. 1976 has the known form).

The options cross the fold lines of the task and other possible fold lines with the punched holes as shown and with one
of them a cell off. So every option could come from some folded sheet, and its symmetry does not point at the key. The
solver stacks layers of paper cell by cell; the generator reflects the holes fold by fold.
"""

from __future__ import annotations

import random
import re
from functools import cache
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, success
from qgen_dagster.generation.items.spatial._grids import DOT, GAP, Place, Rows, read_rows, sheet_figure, written

SIZE = 6
UNIT = 15.0
EDGES = ("left", "right", "top", "bottom")
NUMBERS = {1: "one", 2: "two", 3: "three"}


class Box(NamedTuple):
    """The part of the sheet that the folded paper covers: rows and columns, the upper ends not included."""

    top: int
    bottom: int
    left: int
    right: int


SHEET = Box(0, SIZE, 0, SIZE)


class Fold(NamedTuple):
    """The edge that is folded over (`left`, …), the number of rows or columns that move, the paper before and after."""

    edge: str
    width: int
    before: Box
    after: Box

    @property
    def across(self) -> bool:
        return self.edge in ("left", "right")

    @property
    def line(self) -> int:
        return {
            "left": self.after.left,
            "right": self.after.right,
            "top": self.after.top,
            "bottom": self.after.bottom,
        }[self.edge]

    def words(self) -> str:
        unit = "column" if self.across else "row"
        many = f"{unit}s" if self.width > 1 else unit
        other = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[self.edge]
        return f"the {self.edge} {NUMBERS[self.width]} {many} of the paper are folded over to the {other}".replace(
            f"one {unit} of the paper are", f"{unit} of the paper is"
        )


def _fold(paper: Box, edge: str, width: int) -> Fold:
    after = {
        "left": paper._replace(left=paper.left + width),
        "right": paper._replace(right=paper.right - width),
        "top": paper._replace(top=paper.top + width),
        "bottom": paper._replace(bottom=paper.bottom - width),
    }[edge]
    return Fold(edge, width, paper, after)


def _reflected(fold: Fold, place: Place) -> Place:
    r, c = place
    return (r, 2 * fold.line - 1 - c) if fold.across else (2 * fold.line - 1 - r, c)


class PaperFolding(ItemModel):
    name = "paper_folding"
    version = 2
    family = "spatial"
    sub_type = "paper_folding"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plans, holes, misplaced = _task(level, rng)
        folds = plans[0]
        choices = _choices(plans, holes, misplaced, rng)
        steps = [f"Step {i + 1}: {fold.words()}." for i, fold in enumerate(folds)]
        punched = "; ".join(f"row {r + 1}, column {c + 1}" for r, c in holes)
        many = "A hole is" if len(holes) == 1 else "Holes are"
        text = "\n".join(
            [f"A sheet of {SIZE} rows and {SIZE} columns.", *steps, f"{many} punched at {punched} of the sheet's grid."]
        )
        return Draft(
            stem="A square sheet is folded and punched as shown, then opened again. Where are the holes?",
            stimulus=Stimulus(text=text, figure=_figure(folds, holes, text)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=_explanation(folds, holes, choices[0].text),
            structure={"folds": [[f.edge, f.width] for f in folds], "holes": [list(hole) for hole in holes]},
            expected_success=success(level, _load(level, folds, holes)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        wanted = _unfolded(shown.stimulus.text if shown.stimulus else "")
        answers = []
        for i, option in enumerate(shown.options):
            rows = read_rows(option.text)
            if {(r, c) for r, row in enumerate(rows) for c, letter in enumerate(row) if letter == DOT} == wanted:
                answers.append(i)
        return answers


Plan = tuple[Fold, ...]


@cache
def _plans(count: int) -> tuple[Plan, ...]:
    """Every way to fold the sheet `count` times, not always in the same direction."""
    plans: list[Plan] = [()]
    for _ in range(count):
        plans = [(*plan, fold) for plan in plans for fold in _folds(plan[-1].after if plan else SHEET)]
    return tuple(plan for plan in plans if count == 1 or len({fold.across for fold in plan}) == 2)


@cache
def _uneven(count: int) -> tuple[Plan, ...]:
    """Those without the plans whose folds all run through the middle, which open to a plain symmetric pattern."""
    return tuple(plan for plan in _plans(count) if any(_off_middle(fold) for fold in plan))


def _off_middle(fold: Fold) -> bool:
    box = fold.before
    return 2 * fold.width != (box.right - box.left if fold.across else box.bottom - box.top)


def _folds(paper: Box) -> list[Fold]:
    found = []
    for edge in EDGES:
        length = paper.right - paper.left if edge in ("left", "right") else paper.bottom - paper.top
        found += [_fold(paper, edge, width) for width in (1, 2, 3) if 2 * width <= length]
    return found


def _task(level: ItemLevel, rng: random.Random) -> tuple[list[Plan], list[Place], list[Place]]:
    """Ways to fold the sheet, the true one first, the holes, and the holes with one of them a cell off.

    All ways open to different holes. The true one is drawn from among them, and which holes are the true ones is drawn
    too, so that nothing sets the key apart.
    """
    count, number = {
        "easy": (1, rng.choice([2, 3])),
        "medium": (2, rng.choice([1, 2, 3, 3])),
        "hard": rng.choice([(2, 4), (3, 1), (3, 2), (3, 2)]),
    }[level]
    wanted = 2 if level == "easy" else 3
    # Enough holes must go through several layers, or the folds would hardly matter.
    least = {1: 1.5, 2: 2.5, 3: 3.5}[count] * number
    plans = _uneven(count) if (count, number) == (2, 4) else _plans(count)
    cells = _cells(rng.choice(plans)[-1].after)
    if len(cells) < number + 1:
        raise Unsuitable("too little paper for the holes")
    holes = sorted(rng.sample(cells, number))
    pair = [holes, _misplaced(cells, holes, rng)]
    rng.shuffle(pair)
    found: list[Plan] = []
    seen: set[frozenset[Place]] = set()
    for plan in rng.sample(plans, min(len(plans), 60)):
        if not all(_inside(plan[-1].after, place) for punched in pair for place in punched):
            continue
        results = {_opened(plan, punched) for punched in pair}
        if len(results) < 2 or results & seen or min(map(len, results)) < least:
            continue
        seen |= results
        found.append(plan)
        if len(found) == wanted:
            rng.shuffle(found)
            return found, pair[0], pair[1]
    raise Unsuitable("too few ways to fold the sheet")


def _cells(box: Box) -> list[Place]:
    return [(r, c) for r in range(box.top, box.bottom) for c in range(box.left, box.right)]


def _inside(box: Box, place: Place) -> bool:
    return box.top <= place[0] < box.bottom and box.left <= place[1] < box.right


def _misplaced(cells: list[Place], holes: list[Place], rng: random.Random) -> list[Place]:
    """The holes with one of them moved to a neighbouring cell of the folded paper."""
    moves = [
        (hole, (hole[0] + dr, hole[1] + dc))
        for hole in holes
        for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))
        if (hole[0] + dr, hole[1] + dc) in cells and (hole[0] + dr, hole[1] + dc) not in holes
    ]
    if not moves:
        raise Unsuitable("no hole can move")
    old, new = rng.choice(moves)
    return [new if hole == old else hole for hole in holes]


def _opened(folds: Plan, holes: list[Place]) -> frozenset[Place]:
    places = set(holes)
    for fold in reversed(folds):
        opened = [_reflected(fold, place) for place in places]
        places.update(place for place in opened if _inside(fold.before, place))
    return frozenset(places)


def _choices(plans: list[Plan], holes: list[Place], misplaced: list[Place], rng: random.Random) -> list[Choice]:
    choices = []
    for way, off in balanced([len(plans), 2], 2 * len(plans), rng):
        plan = plans[way]
        rows = _rows(_opened(plan, misplaced if off else holes))
        mistake = note = ""
        if way and [fold.across for fold in plan] == [fold.across for fold in plans[0]]:
            mistake, note = (
                "wrong_fold_line",
                "The holes are mirrored in a line that is not one of the fold lines shown.",
            )
        elif way:
            mistake, note = "wrong_fold_direction", _direction_note(plans[0])
        if off:
            mistake, note = mistake or "hole_misplaced", f"{note} One of the punched holes is a cell off.".strip()
        choices.append(Choice(written(rows), sheet_figure(rows, "Option", UNIT), mistake or None, note))
    return choices


def _direction_note(folds: Plan) -> str:
    if len(folds) > 1:
        return "A flap that should open sideways is opened up or down here, or the other way round."
    if folds[0].across:
        return "The flap opens sideways, but here the holes are mirrored up and down."
    return "The flap opens up or down, but here the holes are mirrored sideways."


def _rows(places: frozenset[Place]) -> Rows:
    return tuple("".join(DOT if (r, c) in places else GAP for c in range(SIZE)) for r in range(SIZE))


def _explanation(folds: Plan, holes: list[Place], key: str) -> str:
    trail = []
    for i, fold in enumerate(reversed(folds)):
        number = len(_opened(folds[len(folds) - 1 - i :], holes))
        trail.append(f"opening the {fold.edge} flap mirrors the holes in its fold line, which gives {number} holes")
    opening = "Open the folds in reverse order" if len(folds) > 1 else "Open the fold"
    return f"{opening}: {'; '.join(trail)}. Row by row the sheet reads “{key}” (o = hole)."


def _figure(folds: Plan, holes: list[Place], text: str) -> str:
    side = SIZE * UNIT
    panels = [*folds, None]
    parts = []
    for i, fold in enumerate(panels):
        paper = fold.before if fold else folds[-1].after
        drawn = [svg.rect(0, 0, side, side, stroke_width=1, stroke_opacity=0.5, stroke_dasharray="2 3"), _paper(paper)]
        if fold:
            drawn += _flap(fold)
        else:
            drawn += [svg.circle(((c + 0.5) * UNIT, (r + 0.5) * UNIT), UNIT * 0.26) for r, c in holes]
        parts.append(svg.moved(drawn, 4 + i * (side + 26), 4))
    return svg.figure(len(panels) * (side + 26) - 18, side + 8, "Folding steps and punched holes", text, parts)


def _paper(box: Box) -> str:
    x, y = box.left * UNIT, box.top * UNIT
    width, height = (box.right - box.left) * UNIT, (box.bottom - box.top) * UNIT
    lines = [f"M{svg.num(c * UNIT)} {svg.num(y)}V{svg.num(y + height)}" for c in range(box.left + 1, box.right)]
    lines += [f"M{svg.num(x)} {svg.num(r * UNIT)}H{svg.num(x + width)}" for r in range(box.top + 1, box.bottom)]
    grid = svg.element("path", d="".join(lines), stroke_width=1, stroke_opacity=0.3) if lines else ""
    return grid + svg.rect(x, y, width, height)


def _flap(fold: Fold) -> list[str]:
    """The fold line and an arrow from the flap to where it goes."""
    box, at = fold.before, fold.line * UNIT
    reach = max(fold.width / 2, 0.9) * UNIT
    if fold.across:
        middle = (box.top + box.bottom) / 2 * UNIT
        line = svg.line((at, box.top * UNIT), (at, box.bottom * UNIT), stroke_dasharray="5 3")
        step = reach * (1 if fold.edge == "left" else -1)
        start, end, way = (at - step, middle), (at + step, middle), 90 if step > 0 else 270
    else:
        middle = (box.left + box.right) / 2 * UNIT
        line = svg.line((box.left * UNIT, at), (box.right * UNIT, at), stroke_dasharray="5 3")
        step = reach * (1 if fold.edge == "top" else -1)
        start, end, way = (middle, at - step), (middle, at + step), 180 if step > 0 else 0
    return [line, svg.line(start, end), svg.arrow_head(end, way, 9)]


def _load(level: ItemLevel, folds: Plan, holes: list[Place]) -> float:
    off_middle = sum(_off_middle(fold) for fold in folds)
    base = {"easy": 1, "medium": 2, "hard": 2}[level]
    return 0.1 + 0.3 * (len(folds) - base) + 0.15 * len(holes) + 0.15 * off_middle


# --- the solver: layers of paper over each cell of the table ---

_STEP = re.compile(
    r"the (left|right|top|bottom) (?:(one|two|three) )?(?:columns?|rows?) of the paper (?:are|is) folded"
)
_HOLE = re.compile(r"row (\d), column (\d)")


def _unfolded(text: str) -> set[Place]:
    layers: dict[Place, list[Place]] = {(r, c): [(r, c)] for r in range(SIZE) for c in range(SIZE)}
    for edge, count in _STEP.findall(text):
        width = {"": 1, "one": 1, "two": 2, "three": 3}[count]
        axis, low = (1 if edge in ("left", "right") else 0), edge in ("left", "top")
        present = sorted({place[axis] for place in layers})
        moving = present[:width] if low else present[-width:]
        hinge = present[width] if low else present[-width - 1]
        for place in sorted(layers):
            if place[axis] in moving:
                distance = abs(place[axis] - (moving[-1] if low else moving[0]))
                goal = hinge + distance if low else hinge - distance
                target = (place[0], goal) if axis == 1 else (goal, place[1])
                layers.setdefault(target, []).extend(layers.pop(place))
    holes = [(int(r) - 1, int(c) - 1) for r, c in _HOLE.findall(text)]
    return {cell for hole in holes for cell in layers.get(hole, [])}


MODEL = PaperFolding()
