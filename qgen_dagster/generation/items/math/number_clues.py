"""One number fits all the clues.

Radicals: number and abstraction of the clues, number of options.
- easy: two clues on sight (odd or even, multiple of 5 or 3, larger than); 4 options.
- medium: three clues, one of them on the digits; 6 options.
- hard: three clues with remainders, factors or squares nearby; 6 options.
Options are arranged so that every clue holds for half of them, the key among these: counting which property is most
common among the options therefore tells nothing. A distractor is tagged with the first clue that it breaks.
The solver checks each option against the clues as worded, with its own reading of every clue.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.math._numeric import expected


class Clue(NamedTuple):
    text: str
    mistake: str
    broken: str
    holds: Callable[[int], bool]
    weight: float


# Which clues the other options fulfil (1) and break (0); each column has half of its entries 1 with the key's row.
PATTERNS = {
    2: ("10", "01", "00"),
    3: ("110", "101", "010", "001", "000"),
}
ALL_PATTERNS_OF_3 = (
    ("110", "101", "011", "000", "000"),
    ("110", "101", "010", "001", "000"),
    ("110", "011", "100", "001", "000"),
    ("101", "011", "100", "010", "000"),
    ("110", "001", "100", "010", "001"),
    ("101", "010", "100", "010", "001"),
    ("011", "100", "100", "010", "001"),
)


class NumberClues(ItemModel):
    name = "number_clues"
    family = "math"
    sub_type = "number_properties"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        clues = {"easy": _easy, "medium": _medium, "hard": _hard}[level](rng)
        low, high = (10, 99) if level == "easy" else (100, 499)
        patterns = PATTERNS[2] if len(clues) == 2 else rng.choice(ALL_PATTERNS_OF_3)
        key, *others = _numbers(rng, clues, ["1" * len(clues), *patterns], low, high)
        wrong = tuple(_wrong(value, clues) for value in others)
        checks = " ".join(f"It {clue.text}." for clue in clues)
        return Draft(
            stem=f"Which number fits all of these clues? {checks}",
            key=Choice(str(key)),
            distractors=wrong,
            explanation=f"{key} fits every clue: it {', it '.join(c.text for c in clues)}. Each of the other numbers breaks at "
            f"least one clue.",
            structure={"clues": sorted(c.text for c in clues), "key": key},
            expected_success=expected(level, sum(c.weight for c in clues) / len(clues)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        clues = re.findall(r"It ([^.]+)\.", shown.stem)
        return [i for i, o in enumerate(shown.options) if all(_fits(int(o.text), clue) for clue in clues)]


def _numbers(rng: random.Random, clues: Sequence[Clue], patterns: Sequence[str], low: int, high: int) -> list[int]:
    """One number for each pattern of clues kept, all different."""
    wanted = list(patterns)
    found: dict[int, int] = {}
    for value in rng.sample(range(low, high + 1), min(high - low + 1, 250)):
        profile = "".join("01"[clue.holds(value)] for clue in clues)
        place = next((i for i, pattern in enumerate(wanted) if pattern == profile and i not in found), None)
        if place is not None:
            found[place] = value
            if len(found) == len(wanted):
                return [found[i] for i in range(len(wanted))]
    raise Unsuitable("no number for one of the patterns")


def _wrong(value: int, clues: Sequence[Clue]) -> Choice:
    broken = [clue for clue in clues if not clue.holds(value)]
    return Choice(str(value), mistake=broken[0].mistake, note=f"{value} {broken[0].broken}.")


def _multiple(of: int, weight: float) -> Clue:
    return Clue(f"is a multiple of {of}", "not_a_multiple", f"is no multiple of {of}", lambda n: n % of == 0, weight)


def _parity(rng: random.Random) -> Clue:
    odd = rng.random() < 0.5
    word, opposite = ("odd", "even") if odd else ("even", "odd")
    return Clue(f"is {word}", "wrong_parity", f"is {opposite}", lambda n: n % 2 == int(odd), 0.1)


def _bound(rng: random.Random, low: int, high: int) -> Clue:
    limit = rng.randrange(low, high, 5)
    if rng.random() < 0.5:
        return Clue(f"is larger than {limit}", "out_of_range", f"is not larger than {limit}", lambda n: n > limit, 0.2)
    return Clue(f"is smaller than {limit}", "out_of_range", f"is not smaller than {limit}", lambda n: n < limit, 0.2)


def _digit_sum(rng: random.Random) -> Clue:
    total = rng.randint(6, 15)
    return Clue(
        f"has digits that add up to {total}", "wrong_digit_sum", f"has digits that do not add up to {total}",
        lambda n: sum(map(int, str(n))) == total, 0.5,
    )  # fmt: skip


def _digit_order(rng: random.Random) -> Clue:
    if rng.random() < 0.5:
        return Clue("has a last digit larger than its first", "wrong_digit_order", "has a last digit that is not larger",
                    lambda n: n % 10 > n // 100, 0.4)  # fmt: skip
    return Clue("has a first digit larger than its last", "wrong_digit_order", "has a first digit that is not larger",
                lambda n: n % 10 < n // 100, 0.4)  # fmt: skip


def _remainder(rng: random.Random, divisors: Sequence[int]) -> Clue:
    by = rng.choice(divisors)
    left = rng.randint(1, by - 1)
    return Clue(
        f"leaves a remainder of {left} when divided by {by}", "wrong_remainder",
        f"does not leave {left} when divided by {by}", lambda n: n % by == left, 0.5 + by / 30,
    )  # fmt: skip


def _factors_in_common(rng: random.Random) -> Clue:
    other = rng.choice((30, 42, 70, 66, 78, 105))
    primes = [p for p in (2, 3, 5, 7, 11, 13) if other % p == 0]
    return Clue(
        f"has no factor in common with {other} except 1", "common_factor", f"has a factor in common with {other}",
        lambda n: all(n % p for p in primes), 0.8,
    )  # fmt: skip


def _near_square(rng: random.Random) -> Clue:
    by = rng.choice((1, 2, 3, 4, 5))
    squares = [k * k for k in range(1, 24)]
    return Clue(
        f"is {by} more than a square number", "not_near_a_square", f"is not {by} more than a square number",
        lambda n: n - by in squares, 0.9,
    )  # fmt: skip


def _easy(rng: random.Random) -> list[Clue]:
    multiple = _multiple(rng.choice((3, 4, 5, 6, 7, 8, 9)), 0.5)
    return [multiple, _parity(rng) if rng.random() < 0.2 else _bound(rng, 30, 80)]


def _medium(rng: random.Random) -> list[Clue]:
    on_digits = _digit_sum(rng) if rng.random() < 0.6 else _digit_order(rng)
    return [_multiple(rng.choice((3, 4, 6, 7, 8, 9, 11, 12)), 0.6), on_digits, _bound(rng, 200, 400)]


def _hard(rng: random.Random) -> list[Clue]:
    abstract = _near_square(rng) if rng.random() < 0.5 else _factors_in_common(rng)
    small, large = _remainder(rng, (4, 5, 6, 7)), _remainder(rng, (8, 9, 11, 12, 13))
    return [abstract, small, large]


def _fits(value: int, clue: str) -> bool:
    """One clue read from its words and checked by counting, stepping or trying."""
    numbers = [int(n) for n in re.findall(r"\d+", clue)]
    digits = [int(digit) for digit in str(value)]
    if "multiple of" in clue:
        return value in range(0, value + 1, numbers[0])
    if "square" in clue:
        root = 1
        while root * root + numbers[0] < value:
            root += 1
        return root * root + numbers[0] == value
    if "factor in common" in clue:
        return not any(value % d == 0 and numbers[0] % d == 0 for d in range(2, numbers[0] + 1))
    if "remainder" in clue:
        left, by = numbers
        return value in range(left, value + 1, by)
    if "add up" in clue:
        return sum(digits) == numbers[0]
    if "larger than its first" in clue:
        return digits[-1] > digits[0]
    if "larger than its last" in clue:
        return digits[0] > digits[-1]
    if "larger than" in clue:
        return value > numbers[0]
    if "smaller than" in clue:
        return value < numbers[0]
    return digits[-1] in ((1, 3, 5, 7, 9) if "odd" in clue else (0, 2, 4, 6, 8))


MODEL = NumberClues()
