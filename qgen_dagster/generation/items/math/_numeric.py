"""Shared by the math models: numeric options from slips, reading numbers from a shown item, the design estimate.

Not here: anything that decides which answer is right. `offer` only arranges what a model computed; `numbers_in`
only reads what a test taker reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS, Choice, Draft, Unsuitable
from qgen_dagster.generation.items.language import number

Value = int | Fraction

# A distractor outside this range of the key would be dismissed at a glance.
_WIDEST = 6
OPTIONS = 5
# How often the most typical mistake is taken, and how often one of method rather than of arithmetic.
_TYPICAL, _METHOD = 0.5, 0.8
_TRIES = 60
# Of so many sets of options the least telling is taken.
_SETS = 4
# How often the key stands outside the square: as often as any of the five options.
_OUTSIDE = 1 / OPTIONS
# Mistakes that give the rest of a whole. Made after another mistake, they give the rest of what that one gave.
_REST = frozenset({"complement", "other_kind", "other_person", "ratio_as_change"})
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

    def fair(values: Sequence[int]) -> bool:
        """Whether values that no single mistake leads to may be offered."""
        shown = [_under(value, under) for value in values]
        # One with a denominator that no single mistake leads to would look odd.
        return all(
            may_show(v) and _in_reach(key, v) and any(d % v.denominator == 0 for d in denominators) for v in shown
        )

    def alike(values: Sequence[int]) -> bool:
        """Whether the values are near one another, not only near the key."""
        return max(*values, right) < _WIDEST * min(*values, right)

    chance = rng.random
    found: list[_Set] = []
    for _ in range(_TRIES):
        three = _three(chance, of_method, of_arithmetic)
        made = _around(chance, right, place, three) if chance() < _OUTSIDE else _with_key(chance, right, place, three)
        if made is not None and alike(made.values) and fair([several.value for several in made.derived]):
            found.append(made)
            if len(found) == _SETS:
                break
    if not found:
        raise Unsuitable("no square of plausible mistakes with the key in its place")
    chosen = _least_telling(chance, right, found, under)
    # What two mistakes lead to may be what a single one leads to as well; that is the simpler account of it.
    single = dict(of_method)
    slips_shown = [*chosen.slips]
    slips_shown += [single.get(made.value) or _several(key, made, under, show) for made in chosen.derived]
    return Choice(show(key)), tuple(Choice(show(s.value), mistake=s.mistake, note=s.note) for s in slips_shown)


class _Several(NamedTuple):
    """A value that several mistakes lead to: those behind the options `shown`, and one that alone makes `alone`."""

    value: int
    shown: tuple[int, ...] = ()
    alone: int | None = None


class _Set(NamedTuple):
    """Four distractors: the slips as they are, and values that come of several of them. `values` has all four."""

    slips: tuple[Slip, ...]
    derived: tuple[_Several, ...]
    values: tuple[int, ...]


def _with_key(
    chance: Callable[[], float], right: int, place: int, three: tuple[_Scaled, _Scaled, _Scaled]
) -> _Set | None:
    """A square of the key, two slips and both at once, and a third slip made at a corner drawn at random."""
    (a, slip_a), (b, slip_b), (c, slip_c) = three
    # The other two cannot make up for a pair that is on the wrong side; this ends most rounds.
    below = (a < right) + (b < right)
    if not place - 2 <= below <= place:
        return None
    rest_a, rest_b = slip_a.mistake in _REST, slip_b.mistake in _REST
    if slip_c.mistake in _REST or (rest_a and rest_b):
        return None
    corner = right + a - b if rest_a else right + b - a if rest_b else _together(right, a, b, by_ratio=chance() < 0.5)
    if corner is None or corner <= 0:
        return None
    start = (right, a, b, corner)[int(chance() * 4)]
    end = c if start == right else _together(right, start, c, by_ratio=chance() < 0.5)
    if end is None or below + (corner < right) + (end < right) != place or len({right, a, b, corner, end}) < OPTIONS:
        return None
    if start == right:
        return _Set((slip_a, slip_b, slip_c), (_Several(corner, (a, b)),), (a, b, c, corner))
    return _Set((slip_a, slip_b), (_Several(corner, (a, b)), _Several(end, (start,), c)), (a, b, corner, end))


def _around(
    chance: Callable[[], float], right: int, place: int, three: tuple[_Scaled, _Scaled, _Scaled]
) -> _Set | None:
    """A square of three slips and what comes of them, with the key outside it."""
    (a, slip_a), (b, slip_b), (c, slip_c) = three
    if not _REST.isdisjoint((slip_a.mistake, slip_b.mistake, slip_c.mistake)):
        return None
    corner = _together(a, b, c, by_ratio=chance() < 0.5)
    if corner is None or (a < right) + (b < right) + (c < right) + (corner < right) != place:
        return None
    if len({right, a, b, c, corner}) < OPTIONS:
        return None
    return _Set((slip_a, slip_b, slip_c), (_Several(corner),), (a, b, c, corner))


def _least_telling(chance: Callable[[], float], right: int, found: Sequence[_Set], under: int) -> _Set:
    """The set among which the key has, by each of its looks, most nearly the rank that is drawn for it here.

    Whoever sees the options only goes by how round they are, how much they have in common and how near they lie. With
    every rank as likely, none of these tells.
    """
    wanted = [chance() * OPTIONS - 0.5 for _ in _LOOKS]

    def distance(candidate: _Set) -> float:
        values = (right, *candidate.values)
        return sum(abs(_rank(look(values, under)) - rank) for look, rank in zip(_LOOKS, wanted, strict=True))

    return min(found, key=distance)


def _rank(looks: Sequence[float]) -> float:
    """The rank of the first one, from 0; the middle of its ties."""
    first = looks[0]
    return sum(float(look < first) + 0.5 * (look == first) for look in looks[1:])


def _roundness(values: Sequence[int], under: int) -> list[int]:
    """By the divisors among the round numbers, or by how small the denominator is."""
    if under > 1:
        return [gcd(value, under) for value in values]
    return [sum(value % unit == 0 for unit in _UNITS) for value in values]


def _kinship(values: Sequence[int], under: int) -> list[float]:
    """How large the divisors are that each shares with the others."""
    return [sum(gcd(value, other) for other in values) / value for value in values]


def _nearness(values: Sequence[int], under: int) -> list[float]:
    ordered = sorted(values)
    gaps = {}
    for i, value in enumerate(ordered):
        low = value - ordered[i - 1] if i else value
        high = ordered[i + 1] - value if i + 1 < len(ordered) else value
        gaps[value] = min(low, high) / value
    return [gaps[value] for value in values]


_UNITS = (2, 5, 10, 20, 50, 100, 1_000)
_LOOKS: tuple[Callable[[Sequence[int], int], Sequence[float]], ...] = (_roundness, _kinship, _nearness)


def _under(value: int, under: int) -> Value:
    return value if under == 1 else Fraction(value, under)


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


def _several(key: Value, made: _Several, under: int, show: Callable[[Value], str]) -> Slip:
    """The slip for a value that no single mistake leads to; the note says which mistakes came together."""
    value = _under(made.value, under)
    shown = [show(_under(v, under)) for v in made.shown]
    if made.alone is not None:
        alone = show(_under(made.alone, under))
        note = f"On top of what went wrong with {shown[0]}, this makes a mistake that alone would give {alone}."
        if alone == shown[0]:
            note = f"This makes the mistake behind {alone} twice."
    elif shown:
        note = f"This makes two mistakes at once: the one behind {shown[0]} and the one behind {shown[1]}."
    else:
        off, side = (value - key, "high") if value > key else (key - value, "low")
        note = f"This is {_amount(off, show)}too {side}: more than one step has gone wrong."
    return Slip(value, "two_slips", note)


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
