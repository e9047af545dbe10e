"""Shared by the math models: numeric options from slips, reading numbers from a shown item, the design estimate.

Not here: anything that decides which answer is right. `offer` only arranges what a model computed; `numbers_in`
only reads what a test taker reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import lcm
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
# How often the most typical mistake is taken, and how often one of method rather than of arithmetic.
_TYPICAL, _METHOD = 0.5, 0.8
_SQUARES = 40
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


# A slip with its value over the denominator that all options share.
_Scaled = tuple[int, Slip]


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
    """The key and its distractors, `place` of them smaller than the key. Raises Unsuitable.

    Distractors that all spring from the key would make it the hub of the options: half of one, double another, a step
    from a third. So the options are a square and a tail: the key, two plausible mistakes a and b, the result of both
    at once, and one more mistake made at a corner drawn at random. Seen by the relations between the numbers, the four
    corners are alike.
    `slips` come in order of how typical the mistake is, and the first ones are preferred; multiples of `step` off the
    key count as slips too. `fits` says which values may be shown (default: whole numbers if the key is whole).
    """
    may_show = fits or (_whole if _whole(key) else _positive)
    typical = _plausible(key, slips, may_show)
    if len(typical) < 2:
        raise Unsuitable("too few plausible mistakes")
    near = _near_misses(key, step, show, may_show, {_pair(slip.value) for slip in typical})
    if len(typical) + len(near) < 3:
        raise Unsuitable("too few slips")
    # All values over one denominator, so that the search for a square runs on whole numbers.
    under = lcm(key.denominator, *(slip.value.denominator for slip in (*typical, *near)))
    right = _over(key, under)
    denominators = {key.denominator, *(slip.value.denominator for slip in typical)}
    of_method = [(_over(slip.value, under), slip) for slip in typical]
    of_arithmetic = [(_over(slip.value, under), slip) for slip in near]
    chance = rng.random
    for _ in range(_SQUARES):
        (a, slip_a), (b, slip_b), (c, slip_c) = _three(chance, of_method, of_arithmetic)
        # The other two cannot make up for a pair that is on the wrong side; this ends most rounds.
        below = (a < right) + (b < right)
        if not place - 2 <= below <= place:
            continue
        corner = _together(right, a, b, by_ratio=chance() < 0.5)
        if corner is None:
            continue
        start = (right, a, b, corner)[int(chance() * 4)]
        end = c if start == right else _together(right, start, c, by_ratio=chance() < 0.5)
        if end is None or below + (corner < right) + (end < right) != place:
            continue
        if len({right, a, b, corner, end}) < OPTIONS:
            continue
        values = [a, b, corner, end] if under == 1 else [Fraction(v, under) for v in (a, b, corner, end)]
        # a, b and c may be shown, or they would not be here.
        if not all(may_show(value) and _in_reach(key, value) for value in values[2:]):
            continue
        # A double mistake with a denominator that no single mistake leads to would look odd.
        if not all(any(d % value.denominator == 0 for d in denominators) for value in values[2:]):
            continue
        if sum(_zeros(value) >= _zeros(key) for value in values) < _AS_ROUND_AS_THE_KEY:
            continue
        tail = slip_c if start == right else _double(key, values[3], show)
        wrong = (slip_a, slip_b, _double(key, values[2], show), tail)
        return Choice(show(key)), tuple(Choice(show(s.value), mistake=s.mistake, note=s.note) for s in wrong)
    raise Unsuitable("no square of plausible mistakes with the key in its place")


def _over(value: Value, under: int) -> int:
    """The numerator of the value over the given denominator."""
    return value.numerator * (under // value.denominator)


def _three(
    chance: Callable[[], float], of_method: list[_Scaled], of_arithmetic: list[_Scaled]
) -> tuple[_Scaled, _Scaled, _Scaled]:
    """Three different slips, the first one of method, the others more often of method than of arithmetic."""
    a = b = c = of_method[0 if chance() < _TYPICAL else int(chance() * len(of_method))]
    # Written out for each: this is the inner loop of most math models.
    while b is a:
        pool = of_method if not of_arithmetic or chance() < _METHOD else of_arithmetic
        b = pool[int(chance() * len(pool))]
    while c is a or c is b:
        pool = of_method if not of_arithmetic or chance() < _METHOD else of_arithmetic
        c = pool[int(chance() * len(pool))]
    return a, b, c


def _together(key: int, one: int, other: int, *, by_ratio: bool) -> int | None:
    """What comes out when a mistake that makes `one` of the key and one that makes `other` of it are both made.

    None where that does not come out whole.
    """
    if not by_ratio:
        return one + other - key
    both, rest = divmod(one * other, key)
    return None if rest else both


def _double(key: Value, value: Value, show: Callable[[Value], str]) -> Slip:
    off, side = (value - key, "high") if value > key else (key - value, "low")
    return Slip(value, "two_slips", f"This is {_amount(off, show)}too {side}: more than one step has gone wrong.")


def _amount(off: Value, show: Callable[[Value], str]) -> str:
    """How far off, where that is easy to grasp; nothing for fractions."""
    return f"{show(off)} " if off.denominator == 1 else ""


def _plausible(key: Value, slips: Sequence[Slip], may_show: Callable[[Value], bool]) -> list[Slip]:
    """The slips that may be offered, one for each value."""
    seen = {_pair(key)}
    kept = []
    for slip in slips:
        pair = _pair(slip.value)
        if pair not in seen and _in_reach(key, slip.value) and may_show(slip.value):
            seen.add(pair)
            kept.append(slip)
    return kept


def _pair(value: Value) -> tuple[int, int]:
    """Numerator and denominator, which compare and hash much faster than the Fraction."""
    return value.numerator, value.denominator


def _in_reach(key: Value, value: Value) -> bool:
    over, under = key.numerator * value.denominator, value.numerator * key.denominator
    return over < under * _WIDEST and under < over * _WIDEST


def _near_misses(
    key: Value,
    step: Value,
    show: Callable[[Value], str],
    may_show: Callable[[Value], bool],
    taken: set[tuple[int, int]],
) -> list[Slip]:
    near = []
    for i in (1, 2, 3):
        off = i * step
        for value, side in ((key + off, "high"), (key - off, "low")):
            if may_show(value) and _pair(value) not in taken:
                note = f"This is {_amount(off, show)}too {side}: the steps may be right, but the arithmetic is not."
                near.append(Slip(value, "arithmetic_slip", note))
    return near


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
    return [
        Fraction(int(found)) if found.isdigit() else Fraction(found.replace(",", "")) for found in _NUMBER.findall(text)
    ]


def whole_numbers_in(text: str) -> list[int]:
    """All numbers in a text that has only whole ones."""
    return [int(found.replace(",", "")) for found in _NUMBER.findall(text)]


def options_where(shown: ShownQuestion, holds: Callable[[Fraction], bool]) -> list[int]:
    """The options whose number, supposed to be the answer, makes everything that the stem says come true."""
    return [i for i, option in enumerate(shown.options) if holds(numbers_in(option.text)[0])]
