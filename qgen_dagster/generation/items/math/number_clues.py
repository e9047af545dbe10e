"""One number fits all the clues.

Radicals: number and abstraction of the clues, number of options.
- easy: a multiple and one clue that is quick to check (odd or even, size, digits); 4 options.
- medium: three clues: a multiple, one on the digits, one remainder; 6 options.
- hard: three clues: two remainders and one on squares or on factors in common; 6 options.
Options are arranged so that every clue holds for half of them, the key among these: counting which property is most
common among the options therefore tells nothing. Numbers that break a clue on divisibility leave, where there are such
numbers, one and the same wrong remainder: numbers with something in common are then no sign of a clue either. A
distractor is tagged with one of the clues that it breaks.
The solver checks each option against the clues as worded, with its own reading of every clue.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from math import isqrt
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.math._numeric import expected, first_suitable


class Clue(NamedTuple):
    """`text` is a sentence without its full stop, `broken` follows the number, `proof` says why the key fits.

    `twin` holds for numbers that break the clue but have, in the same way, something in common.
    """

    text: str
    mistake: str
    broken: str
    proof: str
    holds: Callable[[int], bool]
    weight: float
    twin: Callable[[int], bool] = lambda n: True


# Which clues the other options keep (1) and break (0): with the key (all 1), each clue is kept by half of them.
PATTERNS = {
    2: (("10", "01", "00"),),
    3: (
        ("110", "101", "011", "000", "000"),
        ("110", "101", "010", "001", "000"),
        ("110", "011", "100", "001", "000"),
        ("101", "011", "100", "010", "000"),
        ("110", "001", "100", "010", "001"),
        ("101", "010", "100", "010", "001"),
        ("011", "100", "100", "010", "001"),
    ),
}
NEAR_SQUARE = 0.6
# After so many numbers without a common remainder, these are taken.
ENOUGH = 45
STRIDES = (37, 41, 53, 59, 61, 67, 71, 79, 83, 89, 97, 101, 103, 107, 109, 113)


class NumberClues(ItemModel):
    name = "number_clues"
    version = 3
    family = "math"
    sub_type = "number_properties"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        return first_suitable(lambda: self._try(level, rng))

    def _try(self, level: ItemLevel, rng: random.Random) -> Draft:
        low, high = (11, 99) if level == "easy" else (101, 499)
        key = rng.randint(low, high)
        if level == "hard" and rng.random() < NEAR_SQUARE:
            key = rng.randint(11, 22) ** 2 + rng.randint(1, 6)
        clues = {"easy": _easy, "medium": _medium, "hard": _hard}[level](rng, key)
        others = _others(rng, clues, rng.choice(PATTERNS[len(clues)]), low, high)
        wrong = tuple(_wrong(rng, value, clues) for value in others)
        checks = " ".join(f"{clue.text}." for clue in clues)
        return Draft(
            stem=f"Which number fits all of these clues? {checks}",
            key=Choice(str(key)),
            distractors=wrong,
            explanation=f"{key} fits every clue: {'; '.join(clue.proof for clue in clues)}. Each of the other "
            "numbers breaks at least one clue.",
            structure={"clues": sorted(c.text for c in clues), "key": key},
            expected_success=expected(level, sum(c.weight for c in clues) / len(clues)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        clues = re.findall(r"Its? ([^.]+)\.", shown.stem)
        return [i for i, o in enumerate(shown.options) if all(_fits(int(o.text), clue) for clue in clues)]


def _others(rng: random.Random, clues: Sequence[Clue], patterns: Sequence[str], low: int, high: int) -> list[int]:
    """One number for each pattern of clues kept, all different, met on a walk through the range in random strides."""
    span = high - low + 1
    value, stride = rng.randrange(span), rng.choice(STRIDES)
    wanted = list(patterns)
    found: list[int] = []
    second_best: list[tuple[str, int]] = []
    tests = [(clue.holds, clue.twin) for clue in clues]
    for _ in range(span):
        value = (value + stride) % span
        number = low + value
        kept = [holds(number) for holds, _ in tests]
        profile = "".join(["1" if keeps else "0" for keeps in kept])
        if profile not in wanted:
            continue
        if all(keeps or twin(number) for keeps, (_, twin) in zip(kept, tests, strict=True)):
            wanted.remove(profile)
            found.append(number)
        else:
            second_best.append((profile, number))
        if not wanted or len(second_best) == ENOUGH:
            break
    for profile, number in second_best:
        if profile in wanted:
            wanted.remove(profile)
            found.append(number)
    if wanted:
        raise Unsuitable("no number for one of the patterns")
    return found


def _wrong(rng: random.Random, value: int, clues: Sequence[Clue]) -> Choice:
    broken = [clue for clue in clues if not clue.holds(value)]
    note = f"{value} {listed([clue.broken for clue in broken])}."
    return Choice(str(value), mistake=rng.choice(broken).mistake, note=note)


def _multiple(rng: random.Random, candidates: Sequence[int], key: int, weight: float) -> Clue:
    divisors = [of for of in candidates if key % of == 0]
    if not divisors:
        raise Unsuitable("the key is no such multiple")
    of = rng.choice(divisors)
    text = f"a multiple of {of}"
    proof = f"{key} = {of} × {key // of}"
    twin = rng.randrange(1, of)
    return Clue(
        f"It is {text}",
        "not_a_multiple",
        f"is not {text}",
        proof,
        lambda n: n % of == 0,
        weight,
        lambda n: n % of == twin,
    )


def _parity(key: int) -> Clue:
    word, opposite = ("odd", "even") if key % 2 else ("even", "odd")
    proof = f"its last digit, {key % 10}, is {word}"
    return Clue(f"It is {word}", "wrong_parity", f"is {opposite}", proof, lambda n: n % 2 == key % 2, 0.1)


def _bound(rng: random.Random, key: int, reach: int) -> Clue:
    limit = (key + rng.choice((-1, 1)) * rng.randrange(5, reach, 5)) // 5 * 5
    if limit < key:
        text, holds = f"larger than {limit}", lambda n: n > limit
    elif limit > key:
        text, holds = f"smaller than {limit}", lambda n: n < limit
    else:
        raise Unsuitable("the key is the limit")
    return Clue(f"It is {text}", "out_of_range", f"is not {text}", f"it is {text}", holds, 0.2)


def _digit_sum(rng: random.Random, key: int) -> Clue:
    total = sum(map(int, str(key)))
    limit = total + rng.choice((-3, -2, -1, 1, 2, 3))
    more = limit < total
    text = f"add up to {'more' if more else 'less'} than {limit}"
    proof = f"{' + '.join(str(key))} = {total}, which is {'more' if more else 'less'} than {limit}"
    return Clue(
        f"Its digits {text}",
        "wrong_digit_sum",
        f"has digits that do not {text}",
        proof,
        lambda n: (digit_sum := sum(map(int, str(n)))) != limit and (digit_sum > limit) == more,
        0.5,
    )


def _digit_order(key: int) -> Clue:
    first, last = int(str(key)[0]), key % 10
    if first == last:
        raise Unsuitable("equal digits")
    large, small = ("last", "first") if last > first else ("first", "last")
    text = f"Its {large} digit is larger than its {small} digit"
    broken = f"does not have a {large} digit larger than its {small} digit"
    proof = f"its {large} digit, {max(first, last)}, is larger than its {small} digit, {min(first, last)}"
    return Clue(
        text,
        "wrong_digit_order",
        broken,
        proof,
        lambda n: n % 10 != int(str(n)[0]) and (n % 10 > int(str(n)[0])) == (last > first),
        0.4,
    )


def _remainder(rng: random.Random, key: int, divisors: Sequence[int]) -> Clue:
    by = rng.choice(divisors)
    left = key % by
    if left == 0:
        raise Unsuitable("no remainder")
    twin = (left + rng.randrange(1, by)) % by
    text = f"leave a remainder of {left} when divided by {by}"
    proof = f"{key} = {by} × {key // by} + {left}"
    return Clue(
        f"It {text.replace('leave', 'leaves', 1)}",
        "wrong_remainder",
        f"does not {text}",
        proof,
        lambda n: n % by == left,
        0.3 + by / 40,
        lambda n: n % by == twin,
    )


def _no_factor_in_common(rng: random.Random, key: int) -> Clue:
    primes = rng.choice(((2, 3, 5), (2, 3, 7), (2, 5, 7), (2, 3, 11), (2, 3, 13), (3, 5, 7)))
    if not all(key % p for p in primes):
        raise Unsuitable("a factor in common")
    other = primes[0] * primes[1] * primes[2]
    proof = f"{other} = {' × '.join(map(str, primes))}, and {key} is divisible by none of these"
    text = f"factor in common with {other}"
    return Clue(
        f"It has no {text} except 1", "common_factor", f"has a {text}", proof, lambda n: all(n % p for p in primes), 0.8
    )


def _near_square(key: int) -> Clue:
    root = isqrt(key)
    over = key - root * root
    text = f"{over} more than a square number"
    proof = f"{key} = {root} × {root} + {over}"
    return Clue(
        f"It is {text}",
        "not_near_a_square",
        f"is not {text}",
        proof,
        lambda n: isqrt(n - over) ** 2 == n - over,
        0.9,
        lambda n: 0 < n - isqrt(n) ** 2 <= 6,
    )


def _easy(rng: random.Random, key: int) -> list[Clue]:
    multiple = _multiple(rng, (3, 4, 5, 6, 7, 8, 9), key, 0.5)
    second = rng.randrange(8)
    if second == 0:
        return [multiple, _parity(key)]
    if second == 1:
        return [multiple, _digit_order(key)]
    return [multiple, _digit_sum(rng, key) if second < 5 else _bound(rng, key, 45)]


def _medium(rng: random.Random, key: int) -> list[Clue]:
    on_digits = _digit_sum(rng, key) if rng.random() < 0.6 else _digit_order(key)
    # Multiples of 3 and 9 say something about the sum of the digits already.
    multiple = _multiple(rng, (4, 6, 7, 8, 11, 14), key, 0.6)
    return [multiple, on_digits, _remainder(rng, key, (5, 9, 10, 13))]


def _hard(rng: random.Random, key: int) -> list[Clue]:
    over = key - isqrt(key) ** 2
    abstract = _near_square(key) if 0 < over <= 6 else _no_factor_in_common(rng, key)
    return [abstract, _remainder(rng, key, (4, 5, 6, 7)), _remainder(rng, key, (8, 9, 11, 12, 13))]


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
        return sum(digits) > numbers[0] if "more than" in clue else sum(digits) < numbers[0]
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
