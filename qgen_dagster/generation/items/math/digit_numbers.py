"""How many numbers can be written with given digits.

Radicals: repetition, a condition on the last digit, a zero that cannot stand first (cases to be told apart).
- easy: no condition; each digit used once, or as often as one likes.
- medium: each digit once, and the number must be odd (or even).
- hard: the same with a zero among the digits, which may end a number but not begin one.
The solver writes all the numbers and counts.
"""

from __future__ import annotations

import random
import re
from itertools import permutations, product
from math import comb, perm

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, number, number_word
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)

MOST_CASES = 900
ONCE = "no digit is used more than once in a number"
AGAIN = "a digit may be used more than once in a number"


class DigitNumbers(ItemModel):
    name = "digit_numbers"
    version = 3
    family = "math"
    sub_type = "counting"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"easy": (_no_condition,), "medium": (_last_digit,), "hard": (_with_zero,)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _written(shown.stem)
        return options_where(shown, lambda value: value == found)


def _no_condition(rng: random.Random, place: int) -> Draft:
    digits = sorted(rng.sample(range(1, 10), rng.randint(3, 7)))
    n, length, again = len(digits), rng.randint(2, 3), rng.random() < 0.5
    if length > n - again:
        raise Unsuitable("too few digits")
    once = perm(n, length)
    key, other = (n**length, once) if again else (once, n**length)
    slips = [
        Slip(other, "repetition_mixed_up", f"This {'forbids' if again else 'allows'} using a digit more than once."),
        Slip(n * length, "multiplied_once", f"This multiplies {n} by {length}; each place has its own choices."),
        Slip(comb(n, length), "order_ignored", "This ignores the order of the digits."),
        Slip(length**n, "power_inverted", "This swaps the base and the exponent."),
        Slip(n ** (length - 1) if again else perm(n, length - 1), "one_place_short", "This leaves one place out."),
        Slip(n ** (length + 1) if again else perm(n, length + 1), "one_place_more", "This counts one place too many."),
        Slip((n - 1) ** length if again else perm(n - 1, length), "one_digit_fewer", "This takes one digit too few."),
        Slip((n + 1) ** length if again else perm(n + 1, length), "one_digit_more", "This takes one digit too many."),
        Slip(key * 2, "doubled", "This counts every number twice."),
    ]
    right, wrong = offer(rng, place, key, slips, step=n)
    factors = [n if again else n - i for i in range(length)]
    used = "Every place has all the digits to choose from" if again else "Each place has one digit fewer to choose from"
    return Draft(
        stem=f"How many {number_word(length)}-digit numbers can be written with the digits "
        f"{listed([str(d) for d in digits])}, if {AGAIN if again else ONCE}?",
        key=right,
        distractors=wrong,
        explanation=f"There are {n} digits. {used}: {' × '.join(map(str, factors))} = {number(key)}.",
        structure={"kind": "no_condition", "digits": digits, "length": length, "again": again},
        expected_success=expected("easy", 0.1 + 0.3 * (length > 2) + 0.3 * (not again)),
    )


def _last_digit(rng: random.Random, place: int) -> Draft:
    digits = sorted(rng.sample(range(1, 10), rng.randint(4, 7)))
    length = rng.randint(3, 4)
    odd = rng.random() < 0.5
    last = sum(d % 2 == odd for d in digits)
    n = len(digits)
    if length >= n or last in (0, n):
        raise Unsuitable("the condition does nothing")
    key = last * perm(n - 1, length - 1)
    if not 12 <= key <= MOST_CASES:
        raise Unsuitable("too few or too many cases")
    word = "odd" if odd else "even"
    slips = [
        Slip(last * n ** (length - 1), "repetition_allowed", "This uses digits more than once."),
        Slip(perm(n, length), "condition_ignored", f"This counts all the numbers, not only the {word} ones."),
        Slip(
            perm(last, length) if last >= length else last * (last - 1),
            "all_digits_restricted",
            f"This makes every digit {word}; only the last one needs to be.",
        ),
        Slip((n - last) * perm(n - 1, length - 1), "wrong_parity", f"This counts the numbers that are not {word}."),
        Slip(last * comb(n - 1, length - 1), "order_ignored", "This ignores the order of the other digits."),
        Slip(last * perm(n, length - 1), "last_digit_used_again", "This forgets that the last digit is used up."),
        Slip(
            perm(n, length) // 2, "halved", f"This takes half of all the numbers, but {last} of {n} digits are {word}."
        ),
        Slip(
            perm(n - 1, length - 1), "last_digit_fixed", f"This counts one choice for the last digit; there are {last}."
        ),
    ]
    right, wrong = offer(rng, place, key, slips, step=last)
    factors = " × ".join(str(n - 1 - i) for i in range(length - 1))
    return Draft(
        stem=f"How many {word} {number_word(length)}-digit numbers can be written with the digits "
        f"{listed([str(d) for d in digits])}, if {ONCE}?",
        key=right,
        distractors=wrong,
        explanation=f"An {word} number ends in an {word} digit; there {_choices(last)} for the last place. For the "
        f"other places, taken in order, {listed([str(n - 1 - i) for i in range(length - 1)])} digits are left: "
        f"{last} × {factors} = {number(key)}.",
        structure={"kind": "last_digit", "digits": digits, "length": length, "odd": odd},
        expected_success=expected("medium", 0.4 + 0.2 * (length > 3) + n / 35),
    )


def _with_zero(rng: random.Random, place: int) -> Draft:
    digits = [0, *sorted(rng.sample(range(1, 10), rng.randint(4, 6)))]
    length = rng.randint(3, 4)
    odd = rng.random() < 0.4
    n = len(digits)
    last = sum(d % 2 == odd for d in digits)
    # Ending in 0, the first place has n - 1 digits; ending otherwise, n - 2, as 0 cannot stand first.
    ending_in_zero = 0 if odd else perm(n - 1, length - 1)
    otherwise = (last - (not odd)) * (n - 2) * perm(n - 2, length - 2)
    key = ending_in_zero + otherwise
    if last < 2 or not 12 <= key <= MOST_CASES:
        raise Unsuitable("too few or too many cases")
    word = "odd" if odd else "even"
    slips = [
        Slip(last * perm(n - 1, length - 1), "zero_in_front", "This also counts numbers that begin with 0."),
        Slip(
            last * (n - 2) * perm(n - 2, length - 2),
            "zero_taken_off_twice",
            "A number that ends in 0 cannot begin with 0 anyway.",
        ),
        Slip(otherwise, "ending_in_zero_left_out", "This leaves out the numbers that end in 0."),
        Slip(
            (n - 1) * perm(n - 1, length - 1),
            "condition_ignored",
            f"This counts all the numbers, not only the {word} ones.",
        ),
        Slip((n - 1) * perm(n - 1, length - 1) - key, "wrong_parity", f"This counts the numbers that are not {word}."),
        Slip((n - 1) * n ** (length - 2) * last, "repetition_allowed", "This uses digits more than once."),
        Slip(
            (n - 1) * perm(n - 1, length - 1) // 2,
            "halved",
            f"This takes half of all the numbers, but not half of them are {word}.",
        ),
        Slip((n - 2) * perm(n - 2, length - 2), "last_digit_fixed", "This counts one choice for the last digit."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    nonzero = last - (not odd)
    middle = "".join(f" × {n - 2 - i}" for i in range(length - 2))
    zero_part = f"With 0 at the end there are {number(ending_in_zero)} numbers. " if not odd else ""
    total = f" In all: {number(ending_in_zero)} + {number(otherwise)} = {number(key)}." if not odd else ""
    ends = f"With another {word} digit at the end" if not odd else f"With an {word} digit at the end"
    return Draft(
        stem=f"How many {word} {number_word(length)}-digit numbers can be written with the digits "
        f"{listed([str(d) for d in digits])}, if {ONCE}? A number does not begin with 0.",
        key=right,
        distractors=wrong,
        explanation=f"{zero_part}{ends} there {_choices(nonzero)} for the last place and {n - 2} for the first (not "
        f"0), and the rest follows: {nonzero} × {n - 2}{middle} = {number(otherwise)}.{total}",
        structure={"kind": "with_zero", "digits": digits, "length": length, "odd": odd},
        expected_success=expected("hard", 0.4 + 0.3 * (not odd) + 0.2 * (length > 3)),
    )


def _choices(count: int) -> str:
    return "is 1 choice" if count == 1 else f"are {count} choices"


def _written(stem: str) -> int:
    length = {"two": 2, "three": 3, "four": 4}[re.search(r"(\w+)-digit", stem)[1]]  # type: ignore[index]
    numbers = whole_numbers_in(stem)
    digits = numbers[:-1] if "begin with" in stem else numbers
    rows = product(digits, repeat=length) if AGAIN in stem else permutations(digits, length)
    endings = {0, 2, 4, 6, 8} if " even " in stem else {1, 3, 5, 7, 9} if " odd " in stem else set(digits)
    return sum(1 for row in rows if row[0] != 0 and row[-1] in endings)


MODEL = DigitNumbers()
