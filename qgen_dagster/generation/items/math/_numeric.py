"""Shared by the math models: numeric options from slips, reading numbers from a shown item, the design estimate.

Not here: anything that decides which answer is right. `offer` only arranges what a model computed; `numbers_in`
only reads what a test taker reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS, Choice, Draft, Unsuitable
from qgen_dagster.generation.items.language import number

Value = int | Fraction

# A distractor outside this range of the key would be dismissed at a glance.
_WIDEST = 6
OPTIONS = 5
# At least so many of the other options end in as many zeros as the key.
_AS_ROUND_AS_THE_KEY = 2
_MOST_NEAR_MISSES = 2
# What chance would give: two of five options are the closest pair, one is the most central.
_CLOSE, _CENTRAL = 0.4, 0.2
_SELECTIONS = 6
_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:/\d+)?")


class Slip(NamedTuple):
    """A wrong result that a plausible mistake leads to."""

    value: Value
    mistake: str
    note: str


def at_a_drawn_place(rng: random.Random, *makers: Callable[[random.Random, int], Draft]) -> Draft:
    """A draft whose key has a place by size (0 = smallest) drawn before anything else, so every place is as likely.

    Makers raise Unsuitable for numbers that do not suit the place; they then try other numbers for the same place.
    """
    place = rng.randrange(OPTIONS)
    make = makers[rng.randrange(len(makers))]
    return first_suitable(lambda: make(rng, place))


def first_suitable(make: Callable[[], Draft], tries: int = 100) -> Draft:
    """The first draft that is no Unsuitable one."""
    for _ in range(tries):
        try:
            return make()
        except Unsuitable:
            continue
    raise Unsuitable(f"no suitable numbers in {tries} tries")


def offer(
    rng: random.Random,
    place: int,
    key: Value,
    slips: Sequence[Slip],
    show: Callable[[Value], str] = number,
    *,
    step: Value = 1,
    fits: Callable[[Value], bool] | None = None,
) -> tuple[Choice, tuple[Choice, ...]]:
    """The key and its distractors, `place` of them smaller than the key.

    `slips` come in order of how typical the mistake is; the first of a side is taken whenever there is room for one.
    Where slips are short on one side, near misses in multiples of `step` fill up, two at the most.
    `fits` says which values may be shown (default: whole numbers if the key is whole). Raises Unsuitable.
    """
    may_show = fits or (_whole if _whole(key) else _positive)
    below, above = _sides(key, slips, may_show)
    missing = (max(0, place - len(below)), max(0, OPTIONS - 1 - place - len(above)))
    if sum(missing) > _MOST_NEAR_MISSES:
        raise Unsuitable("too few plausible mistakes on one side of the key")
    near_below = _near_misses(key, -1, below, step, show, may_show) if missing[0] else []
    near_above = _near_misses(key, 1, above, step, show, may_show) if missing[1] else []
    if len(near_below) < missing[0] or len(near_above) < missing[1]:
        raise Unsuitable("no room for a near miss")
    # Real mistakes tend to lie around the key: closer to it than to one another. So how often the key is one of the
    # two nearest options, or the one nearest to their mean, is drawn too, and the best of a few selections is taken.
    close, central = rng.random() < _CLOSE, rng.random() < _CENTRAL
    best: list[Slip] = []
    best_score = -1
    for _ in range(_SELECTIONS):
        picked = [
            *_some(rng, below, place),
            *_some(rng, above, OPTIONS - 1 - place),
            *rng.sample(near_below, missing[0]),
            *rng.sample(near_above, missing[1]),
        ]
        score = _matches([_float(s.value) for s in picked], _float(key), close, central)
        if score > best_score:
            best, best_score = picked, score
        if score == 2:
            break
    if sum(_zeros(s.value) >= _zeros(key) for s in best) < _AS_ROUND_AS_THE_KEY:
        raise Unsuitable("the key is rounder than the other options and would stand out")
    return Choice(show(key)), tuple(Choice(show(s.value), mistake=s.mistake, note=s.note) for s in best)


def _matches(others: list[float], key: float, close: bool, central: bool) -> int:
    """How many of the two wishes a selection fulfils."""
    others.sort()
    mean = (sum(others) + key) / OPTIONS
    is_close = min(abs(value - key) for value in others) <= min(b - a for a, b in pairwise(others))
    is_central = all(abs(key - mean) < abs(value - mean) for value in others)
    return (is_close == close) + (is_central == central)


def _sides(key: Value, slips: Sequence[Slip], may_show: Callable[[Value], bool]) -> tuple[list[Slip], list[Slip]]:
    # Numerators and denominators are compared as integers: a Fraction compares and hashes slowly.
    over, under = key.numerator, key.denominator
    seen = {(over, under)}
    below: list[Slip] = []
    above: list[Slip] = []
    for slip in slips:
        n, d = slip.value.numerator, slip.value.denominator
        near = over * d < n * under * _WIDEST < over * d * _WIDEST**2
        if not near or (n, d) in seen or not may_show(slip.value):
            continue
        seen.add((n, d))
        (below if n * under < over * d else above).append(slip)
    return below, above


def _some(rng: random.Random, side: list[Slip], wanted: int) -> list[Slip]:
    if wanted >= len(side):
        return side
    if wanted == 0:
        return []
    return [side[0], *rng.sample(side[1:], wanted - 1)]


def _near_misses(
    key: Value,
    sign: int,
    taken: list[Slip],
    step: Value,
    show: Callable[[Value], str],
    may_show: Callable[[Value], bool],
) -> list[Slip]:
    values = {slip.value for slip in taken}
    side = "high" if sign > 0 else "low"
    near = []
    for i in range(1, 5):
        value = key + sign * i * step
        if value not in values and may_show(value):
            note = f"This is {show(i * step)} too {side}: the steps may be right, but the arithmetic is not."
            near.append(Slip(value, "arithmetic_slip", note))
    return near


def _float(value: Value) -> float:
    return value.numerator / value.denominator


def _zeros(value: Value) -> int:
    """How many zeros a whole number ends in; -1 for other numbers."""
    if value.denominator != 1:
        return -1
    digits = str(value.numerator)
    return len(digits) - len(digits.rstrip("0"))


def _whole(value: Value) -> bool:
    return value.numerator > 0 and value.denominator == 1


def _positive(value: Value) -> bool:
    return value > 0


def expected(level: ItemLevel, burden: float) -> float:
    """The design estimate: the top of the level's band at burden 0, its foot at burden 1."""
    low, high = LEVEL_BANDS[level]
    return round(high - (high - low) * min(max(burden, 0.0), 1.0), 3)


def numbers_in(text: str) -> list[Fraction]:
    """All numbers in a text, in order: "1,200 seeds at 3.5 kg or 2/3"."""
    return [Fraction(found.replace(",", "")) for found in _NUMBER.findall(text)]


def whole_numbers_in(text: str) -> list[int]:
    """All numbers in a text that has only whole ones."""
    return [int(value) for value in numbers_in(text)]


def options_where(shown: ShownQuestion, holds: Callable[[Fraction], bool]) -> list[int]:
    """The options whose number, supposed to be the answer, makes everything that the stem says come true."""
    return [i for i, option in enumerate(shown.options) if holds(numbers_in(option.text)[0])]
