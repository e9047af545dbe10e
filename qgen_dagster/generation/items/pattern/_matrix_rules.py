"""The rules that a reader could find in a 3×3 matrix: the rival search for one attribute at a time.

Each rule looks at two complete lines and the start of a third, and gives the values that it justifies for the last
place: the same value throughout, a copy of the first or second place, an even step, three values each once per line,
sum and difference of numbers, union, intersection, exactly-one and difference of sets of dots.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from qgen_dagster.generation.items.pattern._cells import FILLS, SIZES

Line = Sequence[Any]


def justified(grid: Sequence[Line]) -> set[Any]:
    """Every value for the last cell that some rule justifies, along rows or along columns."""
    columns = list(zip(*grid, strict=True))
    found = set()
    for lines in (grid, columns):
        first, second, (a, b, _) = lines
        for rule in RULES:
            found |= rule(first, second, a, b)
    return found


def _rival_same(first: Line, second: Line, a: Any, b: Any) -> set[Any]:
    return {a} if a == b and len(set(first)) == 1 and len(set(second)) == 1 else set()


def _rival_copy(first: Line, second: Line, a: Any, b: Any) -> set[Any]:
    found = set()
    for place, value in ((0, a), (1, b)):
        if first[2] == first[place] and second[2] == second[place] and a != b:
            found.add(value)
    return found


def _rival_steps(first: Line, second: Line, a: Any, b: Any) -> set[Any]:
    scale: Sequence[Any] = SIZES if a in SIZES else FILLS if a in FILLS else range(10)
    if a not in scale:
        return set()
    places = [[scale.index(v) for v in line] for line in (first, second)]
    step = scale.index(b) - scale.index(a)
    steps = {y - x for line in places for x, y in itertools.pairwise(line)}
    after = scale.index(b) + step
    return {scale[after]} if steps == {step} and step and 0 <= after < len(scale) else set()


def _rival_three(first: Line, second: Line, a: Any, b: Any) -> set[Any]:
    values = set(first)
    if len(values) == 3 and values == set(second) and a != b and {a, b} <= values:
        return values - {a, b}
    return set()


def _rival_arithmetic(first: Line, second: Line, a: Any, b: Any) -> set[Any]:
    if not isinstance(a, int):
        return set()
    ways: list[Callable[[int, int], int]] = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: y - x]
    return {way(a, b) for way in ways if all(way(x, y) == z for x, y, z in (first, second))}


def _rival_sets(first: Line, second: Line, a: Any, b: Any) -> set[Any]:
    if not isinstance(a, frozenset):
        return set()
    ways = (frozenset.union, frozenset.intersection, frozenset.symmetric_difference, frozenset.difference)
    return {way(a, b) for way in ways if all(way(x, y) == z for x, y, z in (first, second))}


RULES = (_rival_same, _rival_copy, _rival_steps, _rival_three, _rival_arithmetic, _rival_sets)
