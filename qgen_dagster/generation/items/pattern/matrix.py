"""A 3×3 matrix of figures with the last cell missing, by the rules of Carpenter, Just and Shell (1990).

Radicals: the number of rules that work at the same time and their kind, from constant in a row and progression over
addition and distribution of three values to distribution of two (dots that survive when exactly one cell has them).
- easy: two rules, one of them constant in a row or a progression;
- medium: two rules that must be found across rows: distribution of three, addition, union of dots;
- hard: three rules, among them an arithmetic rule or a logical one on the dots.
Carpenter et al. found that errors grow with the number of rules and in this order of kinds.

Rivals: for each attribute, every rule of `_matrix_rules.py` read along rows and along columns. A draft is dropped when
two rules justify different values. The solver reads the text form of the cells and runs this search; it never sees the
rules that were used. Options follow a balanced design, so that every value of every attribute is equally frequent.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._cells import (
    FILLS,
    NUMBERS,
    PLACES,
    SHAPES,
    SIZES,
    Cell,
    grid_figure,
    option_figure,
    read_cell,
)
from qgen_dagster.generation.items.pattern._matrix_rules import justified
from qgen_dagster.generation.items.pattern._options import balanced, listing, success

Grid = list[list[Any]]
VALUES: Mapping[str, Sequence[Any]] = {"shape": SHAPES, "fill": FILLS, "size": SIZES, "count": (1, 2, 3, 4, 5, 6)}
NOUNS = {"shape": "shape", "fill": "filling", "size": "size", "count": "number", "dots": "set of dots"}


class Layer(NamedTuple):
    """One attribute under one rule: its nine values, plausible wrong values, and the reason in words."""

    attribute: str
    rule: str
    grid: Grid
    wrong: list[Any]
    reason: str
    weight: float

    @property
    def key(self) -> Any:
        return self.grid[2][2]


def _constant_row(attribute: str, rng: random.Random) -> Layer:
    values = rng.sample(list(VALUES[attribute]), 3)
    grid = [[value] * 3 for value in values]
    return Layer(
        attribute,
        "constant_row",
        grid,
        [values[1], values[0]],
        f"The {NOUNS[attribute]} is the same along each row, so the third row needs {_value(attribute, values[2])}.",
        0.1,
    )


def _progression(attribute: str, rng: random.Random) -> Layer:
    values = list(VALUES[attribute])
    if rng.random() < 0.5:
        values.reverse()
    step = 1 if len(values) == 3 else rng.choice([1, 1, 2])
    starts = [rng.randint(0, len(values) - 2 * step - 1) for _ in range(3)]
    grid = [values[start : start + 2 * step + 1 : step] for start in starts]
    last = grid[2]
    beyond = values[starts[2] + 3 * step : starts[2] + 3 * step + 1] or [last[0]]
    wrong = [last[1], *beyond]
    rng.shuffle(wrong)
    return Layer(
        attribute,
        "progression",
        grid,
        wrong,
        f"The {NOUNS[attribute]} goes up or down by the same step along each row, "
        f"so {_value(attribute, last[1])} {'are' if attribute == 'count' and last[1] > 1 else 'is'} followed by "
        f"{_value(attribute, last[2])}.",
        0.25,
    )


def _three_values(attribute: str, rng: random.Random) -> Layer:
    values = rng.sample(list(VALUES[attribute]), 3)
    turn = rng.choice([1, 2])
    order = rng.sample([0, 1, 2], 3)
    grid = [[values[(c + turn * r) % 3] for c in range(3)] for r in order]
    a, b, key = grid[2]
    if attribute == "count":
        each = f"cells with {listing([NUMBERS[value] for value in grid[0]])} figures"
    else:
        each = listing([_value(attribute, value) for value in grid[0]])
    return Layer(
        attribute,
        "three_values",
        grid,
        [b, a],
        f"Each row has {each}, each once, so the third row still lacks {_value(attribute, key)}.",
        0.5,
    )


def _sum(attribute: str, rng: random.Random) -> Layer:
    pairs = [(a, b) for a in range(1, 6) for b in range(1, 6) if a + b <= 6]
    rows = [(a, b, a + b) for a, b in rng.sample(pairs, 3)]
    a, b, key = rows[2]
    wrong = _either_side(key, [key - 1, max(a, b), abs(a - b)], [v for v in (key + 1, key + 2) if v <= 6], rng)
    return Layer(
        attribute,
        "sum",
        [list(row) for row in rows],
        wrong,
        f"The number in the third cell is the sum of the first two, so {a} + {b} = {key}.",
        0.6,
    )


def _difference(attribute: str, rng: random.Random) -> Layer:
    pairs = [(a, b) for a in range(2, 7) for b in range(1, a)]
    rows = [(a, b, a - b) for a, b in rng.sample(pairs, 3)]
    a, b, key = rows[2]
    wrong = _either_side(key, [key - 1, b], [v for v in (key + 1, a, b, key + 2) if v <= 6], rng)
    return Layer(
        attribute,
        "difference",
        [list(row) for row in rows],
        wrong,
        f"The number in the third cell is the first minus the second, so {a} − {b} = {key}.",
        0.7,
    )


_LOGIC: Mapping[str, tuple[Callable[[frozenset[int], frozenset[int]], frozenset[int]], str]] = {
    "union": (frozenset.union, "in the first or the second cell, or in both"),
    "intersection": (frozenset.intersection, "in both the first and the second cell"),
    "exactly_one": (frozenset.symmetric_difference, "in exactly one of the first two cells"),
}


def _dot_logic(rule: str, rng: random.Random) -> Layer:
    combine, words = _LOGIC[rule]
    grid: Grid = []
    for _ in range(3):
        both, first, second = _three_parts(rng)
        a, b = both | first, both | second
        grid.append([a, b, combine(a, b)])
    a, b, key = grid[2]
    others = [other(a, b) for name, (other, _) in _LOGIC.items() if name != rule] + [a - b, b - a, a, b]
    extra = frozenset({rng.choice([place for place in range(8) if place not in key])})
    fewer = [o for o in others if len(o) < len(key)] + [key - {min(key)}]
    more = [o for o in others if len(o) > len(key)] + [key | extra]
    wrong = _either_side(key, fewer, more, rng)
    return Layer(
        "dots",
        rule,
        grid,
        wrong,
        f"A place has a dot in the third cell when it has one {words}, which gives {_value('dots', key)}.",
        {"union": 0.6, "intersection": 0.8, "exactly_one": 0.9}[rule],
    )


def _three_parts(rng: random.Random) -> tuple[frozenset[int], frozenset[int], frozenset[int]]:
    """Disjoint sets of places: in both cells, in the first only, in the second only; none of them empty."""
    places = rng.sample(range(8), rng.randint(3, 5))
    cuts = sorted(rng.sample(range(1, len(places)), 2))
    return frozenset(places[: cuts[0]]), frozenset(places[cuts[0] : cuts[1]]), frozenset(places[cuts[1] :])


def _either_side(key: Any, fewer: list[Any], more: list[Any], rng: random.Random) -> list[Any]:
    """Two wrong values, so drawn that the key is as often the smallest as the largest of the three."""
    fewer, more = ([v for v in dict.fromkeys(side) if v and v != key] for side in (fewer, more))
    fewer, more = [v for v in fewer if not more or v not in more], more
    below = rng.randint(0, 2)
    wrong = fewer[:below] + more[: 2 - below]
    if len(wrong) < 2 or wrong[0] == wrong[1]:
        raise Unsuitable("too few wrong values")
    if rng.random() < 0.5:
        wrong.reverse()
    return wrong


def _layers(level: ItemLevel, rng: random.Random) -> list[Layer]:
    # Numbers and fillings come more often, since they leave more room for distinct items than sizes and shapes.
    scale = rng.choice(["size", *["count"] * 4])
    looks = ["shape", "fill", scale]
    rng.shuffle(looks)
    if level == "easy":
        looks = [scale, rng.choice(["shape", "fill", "fill", "fill"])]
        rng.shuffle(looks)
        plain = rng.choice([_constant_row, _progression]) if looks[0] == scale else _constant_row
        strong = rng.choice([_three_values, _progression]) if looks[1] == scale else _three_values
        return [plain(looks[0], rng), strong(looks[1], rng)]
    if level == "medium":
        other = rng.choice([_three_values, _sum, _dot_logic])
    else:
        other = rng.choice([_sum, _difference, _dot_logic, _dot_logic])
    if other is _dot_logic:
        rule = "union" if level == "medium" else rng.choice(["intersection", "exactly_one", "exactly_one"])
        layers = [_dot_logic(rule, rng)]
    elif other is _three_values:
        looks.remove(scale)
        layers = [_three_values(scale, rng)]
    else:
        looks = [look for look in looks if look not in ("size", "count")]
        layers = [other("count", rng)]
    return layers + [_three_values(look, rng) for look in looks[: 1 if level == "medium" else 2]]


class Matrix(ItemModel):
    name = "matrix"
    version = 2
    family = "pattern"
    sub_type = "matrix"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        layers = _layers(level, rng)
        for layer in layers:
            if justified(layer.grid) != {layer.key}:
                raise Unsuitable("another rule leads to another value")
        if any(_tied(one.grid, other.grid) for one, other in itertools.combinations(layers, 2)):
            raise Unsuitable("two features change together: one rule to find, not two")
        rest = {"shape": rng.choice(SHAPES), "fill": rng.choice(FILLS)}
        cells = [
            [_cell(rest, [(layer.attribute, layer.grid[r][c]) for layer in layers]) for c in range(3)] for r in range(3)
        ]
        choices = _choices(layers, rest, cells, level, rng)
        text = "\n".join(f"Row {r + 1}: {' | '.join(c.text() for c in row)}" for r, row in enumerate(cells))
        text = text.removesuffix(cells[2][2].text()) + "?"
        rows: list[list[Cell | None]] = [list(row) for row in cells]
        rows[2][2] = None
        reasons = " ".join(layer.reason for layer in layers)
        return Draft(
            stem="Which figure belongs in the place of the question mark?",
            stimulus=Stimulus(text=text, figure=grid_figure("Matrix of figures, the last one missing", text, rows)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=f"Look along the rows, one feature at a time. {reasons} Together: {choices[0].text}.",
            structure=_structure(layers),
            expected_success=success(level, _load(layers, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        cells = [
            [None if part.strip() == "?" else read_cell(part) for part in line.split(": ", 1)[1].split(" | ")]
            for line in text.splitlines()
        ]
        allowed = {}
        for attribute in ("shape", "fill", "size", "count", "dots"):
            allowed[attribute] = justified([[cell and cell[attribute] for cell in row] for row in cells])
        answers = []
        for i, option in enumerate(shown.options):
            read = read_cell(option.text)
            if all(read[attribute] in values for attribute, values in allowed.items()):
                answers.append(i)
        return answers


def _tied(one: Grid, other: Grid) -> bool:
    """Whether each value of one attribute always goes with the same value of the other."""
    pairs = {(a, b) for row in zip(one, other, strict=True) for a, b in zip(*row, strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def _choices(
    layers: list[Layer], rest: dict[str, Any], cells: list[list[Cell]], level: ItemLevel, rng: random.Random
) -> list[Choice]:
    count = 4 if level == "easy" else 6
    sizes = [2] * len(layers)
    if count == 6:
        sizes[rng.randrange(len(layers))] = 3
    neighbours = {cells[2][1]: "left", cells[1][2]: "above"}
    choices = []
    for row in balanced(sizes, count, rng):
        values = [layer.key if v == 0 else layer.wrong[v - 1] for v, layer in zip(row, layers, strict=True)]
        cell = _cell(rest, [(layer.attribute, value) for layer, value in zip(layers, values, strict=True)])
        missed = [layer for v, layer in zip(row, layers, strict=True) if v]
        choices.append(_choice(cell, missed, neighbours.get(cell)))
    return choices


def _choice(cell: Cell, missed: list[Layer], repeats: str | None) -> Choice:
    figure = option_figure(cell)
    if not missed:
        return Choice(cell.text(), figure)
    if repeats:
        where = "to the left of" if repeats == "left" else "above"
        return Choice(cell.text(), figure, "neighbour_repeated", f"This repeats the figure {where} the question mark.")
    names = [f"the {NOUNS[layer.attribute]}" for layer in missed]
    mistake = "_and_".join(sorted(layer.attribute for layer in missed))
    reasons = " ".join(layer.reason for layer in missed)
    note = f"Here {listing(names)} {'is' if len(names) == 1 else 'are'} wrong. {reasons}"
    return Choice(cell.text(), figure, f"wrong_{mistake}", note)


def _cell(rest: dict[str, Any], values: list[tuple[str, Any]]) -> Cell:
    merged = {**rest, **dict(values)}
    dots = merged.get("dots")
    return Cell(
        merged["shape"],
        merged["fill"],
        merged.get("size"),
        merged.get("count"),
        None if dots is None else tuple(sorted(dots)),
    )


def _value(attribute: str, value: Any) -> str:
    if attribute == "count":
        return f"{NUMBERS[value]} figure{'s' if value > 1 else ''}"
    if attribute == "dots":
        return f"dots at the {listing([PLACES[i] for i in sorted(value)])}"
    if attribute == "shape":
        return f"a {value}"
    return f"{'an' if value == 'empty' else 'a'} {value} figure"


def _load(layers: list[Layer], level: ItemLevel) -> float:
    total = sum(layer.weight for layer in layers)
    low, high = {"easy": (0.3, 0.9), "medium": (0.9, 1.2), "hard": (1.5, 2.0)}[level]
    return (total - low) / (high - low)


def _structure(layers: list[Layer]) -> dict[str, Any]:
    """The governed attributes with their nine values; shapes are renamed in order of appearance."""
    found: dict[str, Any] = {}
    for layer in sorted(layers, key=lambda layer: layer.attribute):
        values = [v for row in layer.grid for v in row]
        if layer.attribute == "shape":
            order = list(dict.fromkeys(values))
            values = [order.index(v) for v in values]
        found[layer.attribute] = [sorted(v) if isinstance(v, frozenset) else v for v in values]
    return found


MODEL = Matrix()
