"""How options are laid out so that they do not give the key away. Used by the pattern and spatial models.

A test taker who sees the options alone must not do better than chance. Two devices see to it. Options made of
attributes follow a balanced design: every value of every attribute is equally frequent over the options, so that no
option shares more features with the others (the flaw of the RAVEN matrices). Options that are numbers are placed so
that the key's rank among them is uniform.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS, Choice, Unsuitable

Row = tuple[int, ...]
T = TypeVar("T")


class Wrong(NamedTuple):
    """A wrong number with the mistake that leads to it."""

    value: int
    mistake: str
    note: str


def first_good(make: Callable[[], T], tries: int = 30) -> T:
    """The first result of `make` that is suitable, for draws so often no good that whole drafts would run out."""
    for _ in range(tries):
        try:
            return make()
        except Unsuitable:
            continue
    raise Unsuitable(f"no good draw in {tries}")


def success(level: ItemLevel, load: float) -> float:
    """The designed share of right answers: the top of the level's band at load 0, its bottom at load 1."""
    low, high = LEVEL_BANDS[level]
    return round(high - (high - low) * min(max(load, 0.0), 1.0), 3)


def balanced(sizes: Sequence[int], count: int, rng: random.Random) -> list[Row]:
    """`count` distinct rows of attribute values, the first all zeros (the key), every value equally frequent.

    `sizes` says how many values each attribute takes. Four rows: attributes of 2 (at least two of them). Six rows:
    attributes of 2 or 3. The key is a row drawn at random whose values are then renamed to 0, so that it has no
    special place in the design.
    """
    for _ in range(50):
        columns = [_column(size, count, rng) for size in sizes]
        rows = list(zip(*columns, strict=True))
        if len(set(rows)) == count:
            key = rows[0]
            return [tuple((v - k) % s for v, k, s in zip(row, key, sizes, strict=True)) for row in rows]
    raise Unsuitable(f"no balanced design for {sizes} in {count}")


def listing(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))


def spread(
    key: int, wrongs: Iterable[Wrong], count: int, rng: random.Random, lowest: int = 0, counted: bool = False
) -> tuple[Choice, ...]:
    """`count` wrong numbers (odd), so placed that neither rank nor likeness points at the key.

    The options are pairs a slip apart: the key and each of the likeliest mistakes, with and without the same slip of
    the last calculation. So every number has one near neighbour, and the key's rank is uniform. Mistakes that give
    the key, a number below `lowest` or one already there are passed over. `counted`: things were counted, not computed.
    """
    if count % 2 == 0:
        raise ValueError("the options are pairs, so the number of distractors is odd")
    slip = rng.choice([-1, 1]) * rng.choice([1, 2, 10] if key >= 20 and not counted else [1, 2] if key >= 12 else [1])
    slip_note = _miscount_note if counted else _slip_note
    below_wanted = rng.randint(0, count // 2)
    below: list[Wrong] = []
    above: list[Wrong] = []
    seen = {key, key + slip}
    for wrong in itertools.chain(wrongs, _larger_slips(key, slip_note, rng)):
        pair = {wrong.value, wrong.value + slip}
        side, room = (below, below_wanted) if wrong.value < key else (above, count // 2 - below_wanted)
        if len(side) < room and not pair & seen and min(pair) >= lowest:
            side.append(wrong)
            seen |= pair
    bases = below + above
    if len(bases) < count // 2 or key + slip < lowest:
        raise Unsuitable("too few wrong numbers on one side of the key")
    choices = [Choice(str(w.value), mistake=w.mistake, note=w.note) for w in bases]
    choices += [
        Choice(str(w.value + slip), mistake=w.mistake, note=_slipped_note(w, slip, key, slip_note)) for w in bases
    ]
    note = slip_note(abs(slip))
    return (*choices, Choice(str(key + slip), mistake="calculation_slip", note=note))


def _slipped_note(wrong: Wrong, slip: int, key: int, slip_note: Callable[[int], str]) -> str:
    if wrong.mistake == "calculation_slip":
        return slip_note(abs(wrong.value + slip - key))
    return f"{wrong.note} The result is also off by {abs(slip)}."


def _miscount_note(size: int) -> str:
    return f"The right things were counted, but the count is off by {size}."


def _slip_note(size: int) -> str:
    return f"The rule was followed, but the last calculation is off by {size}."


def two_of(key: T, wrongs: Sequence[T], likeness: Callable[[T, T], float], rng: random.Random) -> tuple[T, T]:
    """Two wrong values so that the key is the one most like the others in about one case of three, as chance has it."""
    pairs = list(itertools.combinations(rng.sample(wrongs, len(wrongs)), 2))
    wanted = rng.random() < 1 / 3
    for a, b in pairs:
        if (likeness(a, b) < min(likeness(key, a), likeness(key, b))) == wanted:
            return a, b
    if not pairs:
        raise Unsuitable("too few wrong values")
    return pairs[0]


def drop_central(texts: Sequence[str], share: float, rng: random.Random) -> None:
    """Raises Unsuitable for a share of the drafts whose key (the first text) agrees most with the other options.

    For options that no design can balance; the share is set so that this happens as often as chance has it.
    """
    sums = [sum(a == b for other in texts for a, b in zip(text, other, strict=False)) for text in texts]
    if sums[0] == max(sums) and rng.random() < share:
        raise Unsuitable("the key is too much like the other options")


def _column(size: int, count: int, rng: random.Random) -> list[int]:
    if count % size:
        raise ValueError(f"{count} options cannot share {size} values evenly")
    column = [value for value in range(size) for _ in range(count // size)]
    rng.shuffle(column)
    return column


def _larger_slips(key: int, slip_note: Callable[[int], str], rng: random.Random) -> list[Wrong]:
    sizes = [2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 20]
    slips = [Wrong(key + sign * size, "calculation_slip", slip_note(size)) for size in sizes for sign in (-1, 1)]
    rng.shuffle(slips)
    return slips
