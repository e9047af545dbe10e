"""Five or six cells; all but one follow a rule. Which one does not?

Radicals: how much must be related to see the rule.
- easy: one feature is the same in all but one cell (filling or shape), or there are as many dots as figures;
- medium: dots and figures differ by a constant, or add up to a constant;
- hard: the difference of dots and figures depends on the filling (two fillings, each with a difference of its own).

Rivals: each of shape, filling, number of figures, number of dots, their difference and their sum, whether each number
is even, whether there is one figure only or no dot at all, taken over all cells or separately per filling, per shape or
per even and odd number of figures; and whether there is a dot at a given place. Where a group has one exception and
everything else agrees, that exception is justified; a draft is dropped when any other cell is. A feature that is no
part of the rule has no value that occurs once only.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._cells import FILLS, PLACES, SHAPES, Cell, option_figure, read_cell
from qgen_dagster.generation.items.pattern._options import first_good, success


class FigureOddOneOut(ItemModel):
    name = "figure_odd_one_out"
    version = 2
    family = "pattern"
    sub_type = "odd_one_out"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        cells, rule, broken, load = first_good(lambda: _task(level, rng))
        key = cells[0]
        distractors = tuple(
            Choice(
                cell.text(), option_figure(cell), "follows_the_rule", f"This follows the rule: {_reading(cell, rule)}."
            )
            for cell in cells[1:]
        )
        return Draft(
            stem="All of these cells but one follow the same rule. Which one does not?",
            key=Choice(key.text(), option_figure(key)),
            distractors=distractors,
            explanation=f"The rule: {rule}. The odd one out is “{key.text()}”: {broken}.",
            structure=_structure(cells),
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        cells = []
        for option in shown.options:
            read = read_cell(option.text)
            places = read["dots"] if isinstance(read["dots"], frozenset) else frozenset()
            cells.append({**read, "dots": len(places), "places": places})
        return sorted(_isolated(cells))


def _task(level: ItemLevel, rng: random.Random) -> Made:
    """Cells of which only the first can be called the odd one out."""
    made = _MAKERS[level](rng)
    if _isolated([_measures(cell) for cell in made[0]]) != {0}:
        raise Unsuitable("another cell could be called the odd one out")
    cells = _strewn(made[0], rng)
    if len(set(cells)) < len(cells):
        raise Unsuitable("cells alike")
    return cells, *made[1:]


# All ways to place so many dots, as bits.
_WAYS = [[bits for bits in range(256) if bits.bit_count() == dots] for dots in range(9)]


def _strewn(cells: list[Cell], rng: random.Random) -> list[Cell]:
    """The cells with their dots at places that set none of them apart but the first."""
    ways = [_WAYS[len(cell.dots or ())] for cell in cells]
    for _ in range(150):
        drawn = [rng.choice(choices) for choices in ways]
        if not (_in_one(drawn) & ~drawn[0] | _in_one([~bits & 255 for bits in drawn]) & drawn[0]):
            dots = [tuple(i for i in range(8) if bits >> i & 1) for bits in drawn]
            return [cell._replace(dots=places) for cell, places in zip(cells, dots, strict=True)]
    raise Unsuitable("some place has a dot in one cell only, or lacks one in one cell only")


def _in_one(drawn: list[int]) -> int:
    """The bits that are set exactly once."""
    once = more = 0
    for bits in drawn:
        more |= once & bits
        once |= bits
    return once & ~more


Made = tuple[list[Cell], str, str, float]


def _same_feature(rng: random.Random) -> Made:
    """One filling (or shape) for all but one."""
    if rng.random() < 0.4:
        return _related(rng, "difference", 0, 5)
    count = 5
    feature = rng.choice(["fill", "shape"])
    pool: Sequence[Any] = FILLS if feature == "fill" else SHAPES
    common, odd = rng.sample(list(pool), 2)
    values = [odd] + [common] * (count - 1)
    others = _evenly(list(SHAPES if feature == "fill" else FILLS), count, 2, rng)
    numbers, dots = _evenly(list(range(1, 7)), count, 2, rng), _evenly(list(range(1, 6)), count, 2, rng)
    cells = []
    for value, other, number, dot in zip(values, others, numbers, dots, strict=True):
        shape, fill = (other, value) if feature == "fill" else (value, other)
        cells.append(_cell(shape, fill, number, dot, rng))
    noun = "figures are" if feature == "fill" else "figures are all"
    word = common if feature == "fill" else _plural(common)
    return cells, f"the {noun} {word}", f"its figures are {odd if feature == 'fill' else _plural(odd)}", 0.2


def _related(rng: random.Random, kind: str, constant: int, count: int) -> Made:
    pairs = [(n, d) for n in range(1, 7) for d in range(9) if (d - n if kind == "difference" else d + n) == constant]
    wrong = [
        (n, d) for n in range(1, 7) for d in range(9) if abs((d - n if kind == "difference" else d + n) - constant) == 1
    ]
    if len(pairs) < 4:
        raise Unsuitable("too few pairs")
    chosen = [rng.choice(wrong), *(rng.choice(pairs) for _ in range(count - 1))]
    shapes, fills = _evenly(list(SHAPES), count, 2, rng), _evenly(list(FILLS), count, 2, rng)
    cells = [_cell(s, f, n, d, rng) for s, f, (n, d) in zip(shapes, fills, chosen, strict=True)]
    n, d = chosen[0]
    if kind == "sum":
        rule = f"figures and dots add up to {constant}"
        broken = f"{n} + {d} = {n + d}"
    else:
        rule = _difference_rule(constant)
        broken = f"it has {_things(n, 'figure')} and {_things(d, 'dot')}"
    return cells, rule, broken, 0.6 if kind == "sum" else 0.3 + 0.15 * abs(constant)


def _medium(rng: random.Random) -> Made:
    kind = rng.choice(["difference", "sum"])
    constant = rng.choice([-2, -1, 1, 2, 3]) if kind == "difference" else rng.randint(5, 9)
    return _related(rng, kind, constant, 6)


def _conditional(rng: random.Random) -> Made:
    fills = rng.sample(list(FILLS), 2)
    first, second = rng.choice([(a, b) for a in range(-2, 3) for b in range(-2, 3) if a != b])
    groups = [fills[0]] * 3 + [fills[1]] * 3
    shapes = _evenly(list(SHAPES), 6, 2, rng)
    cells = []
    for i, (fill, shape) in enumerate(zip(groups, shapes, strict=True)):
        # The odd one has the filling of its own group but the difference of the other.
        difference = second if i == 0 or fill == fills[1] else first
        number = rng.choice([n for n in range(1, 7) if 0 <= n + difference <= 8])
        cells.append(_cell(shape, fill, number, number + difference, rng))
    rules = [f"{fill}, {_difference_rule(by)}" for fill, by in zip(fills, (first, second), strict=True)]
    rule = f"where the figures are {rules[0]}; where they are {rules[1]}"
    odd = cells[0]
    broken = f"it has {_things(odd.number or 1, f'{odd.fill} figure')} and {_things(len(odd.dots or ()), 'dot')}"
    return cells, rule, broken, 0.4 + 0.1 * (abs(first) + abs(second))


_MAKERS: Mapping[ItemLevel, Callable[[random.Random], Made]] = {
    "easy": _same_feature,
    "medium": _medium,
    "hard": _conditional,
}


def _cell(shape: str, fill: Any, number: int, dots: int, rng: random.Random) -> Cell:
    return Cell(shape, fill, None, number, tuple(sorted(rng.sample(range(8), dots))))


def _evenly(pool: list[Any], count: int, kinds: int, rng: random.Random) -> list[Any]:
    """`count` values of `kinds` kinds, each at least twice."""
    chosen = rng.sample(pool, kinds)
    values = [chosen[i % kinds] for i in range(count)]
    rng.shuffle(values)
    return values


def _difference_rule(constant: int) -> str:
    if constant == 0:
        return "there are as many dots as figures"
    many = {1: "one", 2: "two", 3: "three"}[abs(constant)]
    plural = "s" if abs(constant) > 1 else ""
    if constant > 0:
        return f"there {'are' if plural else 'is'} {many} more dot{plural} than there are figures"
    return f"there {'are' if plural else 'is'} {many} dot{plural} fewer than there are figures"


def _things(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def _plural(shape: str) -> str:
    return f"{shape}es" if shape.endswith("s") else f"{shape}s"


def _reading(cell: Cell, rule: str) -> str:
    if "dots" not in rule and "dot " not in rule:
        return rule
    return f"{_things(cell.number or 0, 'figure')} ({cell.fill}) and {_things(len(cell.dots or ()), 'dot')}"


def _structure(cells: list[Cell]) -> dict[str, Any]:
    """The measures of all cells, without order; shapes are renamed by how often they occur, dots only counted."""
    names = {shape: i for i, (shape, _) in enumerate(Counter(c.shape for c in cells).most_common())}
    return {"cells": sorted([names[c.shape], c.fill, c.number, len(c.dots or ())] for c in cells)}


def _measures(cell: Cell) -> dict[str, Any]:
    return {"shape": cell.shape, "fill": cell.fill, "count": cell.number, "dots": len(cell.dots or ())}


# --- the rival search ---

_TARGETS: tuple[Callable[[Mapping[str, Any]], Any], ...] = (
    lambda c: c["shape"],
    lambda c: c["fill"],
    lambda c: c["count"],
    lambda c: c["dots"],
    lambda c: c["count"] == 1,
    lambda c: c["dots"] == 0,
    lambda c: c["dots"] - c["count"],
    lambda c: c["dots"] + c["count"],
    lambda c: c["count"] % 2,
    lambda c: c["dots"] % 2,
    lambda c: (c["dots"] + c["count"]) % 2,
    lambda c: c["dots"] > c["count"],
    lambda c: c["dots"] >= c["count"],
)
_GROUPS: tuple[Callable[[Mapping[str, Any]], Any], ...] = (
    lambda _: 0,
    lambda c: c["fill"],
    lambda c: c["shape"],
    lambda c: c["count"] % 2,
)


def _isolated(cells: Sequence[Mapping[str, Any]]) -> set[int]:
    """The cells that are the only exception to some rule of the space."""
    found = set(_lonely([cell["places"] for cell in cells if "places" in cell]))
    values = [[target(cell) for cell in cells] for target in _TARGETS]
    for group in _GROUPS:
        members: dict[Any, list[int]] = {}
        for i, cell in enumerate(cells):
            members.setdefault(group(cell), []).append(i)
        if min(map(len, members.values())) < 2:
            continue
        for measured in values:
            odd = [i for indices in members.values() for i in _exceptions(indices, measured)]
            if len(odd) == 1:
                found.add(odd[0])
    return found


def _lonely(dots: Sequence[Collection[str]]) -> Iterator[int]:
    """The cells that alone have a dot at some place, or alone lack one."""
    for place in PLACES:
        with_dot = [i for i, taken in enumerate(dots) if place in taken]
        if len(with_dot) == 1:
            yield with_dot[0]
        elif len(with_dot) == len(dots) - 1:
            yield next(i for i in range(len(dots)) if i not in with_dot)


def _exceptions(indices: list[int], values: list[Any]) -> list[int]:
    """The cell of a group that differs from a value that all others share; all cells when no value is that common."""
    first = values[indices[0]]
    differing = [i for i in indices if values[i] != first]
    if not differing:
        return []
    if len(indices) > 2 and len(differing) == 1:
        return differing
    second = values[differing[0]]
    if len(differing) == len(indices) - 1 > 1 and all(values[i] == second for i in differing):
        return [indices[0]]
    return indices


MODEL = FigureOddOneOut()
