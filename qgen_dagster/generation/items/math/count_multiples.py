"""How many numbers of a range have a property.

Radicals: number of properties, how they are joined (and, or, but not), whether the range starts at 1.
- easy: multiples of one number from 1 up to a limit (one division).
- medium: multiples of one number in a range that starts higher up, or of two numbers at once (least common multiple).
- hard: multiples of the one or the other, or of the one but not the other (inclusion and exclusion).
The traps are both ends of a range, the product in place of the least common multiple, and numbers counted twice.
The solver walks through the range and counts.
"""

from __future__ import annotations

import random
import re
from math import gcd

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)

# A range, and what stands in it, in everyday clothes.
SETTINGS = (
    ("The pages of a book are numbered from {} to {}.", "page numbers"),
    ("The lockers of a school are numbered from {} to {}.", "locker numbers"),
    ("The seats of a theatre are numbered from {} to {}.", "seat numbers"),
    ("Tickets are numbered from {} to {}.", "ticket numbers"),
    ("The houses of a street are numbered from {} to {}.", "house numbers"),
)


class CountMultiples(ItemModel):
    name = "count_multiples"
    version = 3
    family = "math"
    sub_type = "number_properties"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"easy": (_from_one,), "medium": (_in_range, _of_both), "hard": (_of_either, _but_not)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _walk(shown.stem)
        return options_where(shown, lambda value: value == found)


def _from_one(rng: random.Random, place: int) -> Draft:
    a, last = rng.randint(3, 12), rng.randint(40, 200)
    key = last // a
    if last % a == 0 or key < 5:
        raise Unsuitable("too plain a division")
    slips = [
        Slip(key + 1, "rounded_up", f"{(key + 1) * a} is larger than {last}."),
        Slip(key - 1, "one_missed", f"{key * a} is still in the range."),
        Slip(last // (a + 1), "wrong_divisor", f"This counts the multiples of {a + 1}."),
        Slip(last // (a - 1), "wrong_divisor", f"This counts the multiples of {a - 1}."),
        Slip(last - a, "subtracted", f"This subtracts {a} once; divide by it."),
        Slip(a, "divisor_taken", "This is the number whose multiples are counted, not how many there are."),
        Slip(key + 2, "miscounted", "This counts two too many."),
        Slip(key - 2, "miscounted", "This counts two too few."),
    ]
    right, wrong = offer(rng, place, key, slips)
    opening, things = _setting(rng, 1, last)
    return Draft(
        stem=f"{opening} How many of the {things} are multiples of {a}?",
        key=right,
        distractors=wrong,
        explanation=f"The multiples are {a}, {2 * a}, {3 * a} and so on up to {key * a} = {key} × {a}; the next one, "
        f"{(key + 1) * a}, is too large. So there are {key}.",
        structure={"kind": "one", "divisors": [a], "range": [1, last]},
        expected_success=expected("easy", 0.2 + last / 400 + (a in (7, 8, 9, 12)) * 0.2),
    )


def _in_range(rng: random.Random, place: int) -> Draft:
    a, first, size = rng.randint(4, 15), rng.randint(50, 300), rng.randint(60, 250)
    last = first + size
    low, high = (first - 1) // a, last // a
    key = high - low
    slips = [
        Slip(key - 1, "first_not_counted", f"This takes {high} − {low + 1} and so leaves out {(low + 1) * a}."),
        Slip(
            key + 1,
            "one_too_many",
            f"This counts {low * a}, which is below {first}."
            if low * a < first and first % a
            else "This counts one too many.",
        ),
        Slip(high, "range_from_one", f"This counts from 1, but the numbers begin at {first}."),
        Slip(low, "below_the_range", f"This counts the multiples below {first}."),
        Slip(size // (a - 1), "wrong_divisor", f"This counts the multiples of {a - 1}."),
        Slip(size // (a + 1), "wrong_divisor", f"This counts the multiples of {a + 1}."),
        Slip(key + 2, "miscounted", "This counts two too many."),
        Slip(key - 2, "miscounted", "This counts two too few."),
    ]
    right, wrong = offer(rng, place, key, slips)
    opening, things = _setting(rng, first, last)
    return Draft(
        stem=f"{opening} How many of the {things} are multiples of {a}?",
        key=right,
        distractors=wrong,
        explanation=f"Up to {last} there are {high} multiples of {a}, the largest being {high * a}. Of these, {low} "
        f"are below {first}. That leaves {high} − {low} = {key}.",
        structure={"kind": "one", "divisors": [a], "range": [first, last]},
        expected_success=expected("medium", 0.2 + a / 40),
    )


def _pair(rng: random.Random, together: bool) -> tuple[int, int, int]:
    a, b = sorted(rng.sample(range(2, 16), 2))
    if b % a == 0:
        raise Unsuitable("one divides the other")
    if together and gcd(a, b) == 1 and rng.random() < 0.7:
        raise Unsuitable("mostly numbers whose product is not their least common multiple")
    return a, b, a * b // gcd(a, b)


def _of_both(rng: random.Random, place: int) -> Draft:
    a, b, both = _pair(rng, together=True)
    last = rng.randrange(150, 901, 10)
    key = last // both
    if key < 4:
        raise Unsuitable("too few")
    slips = [
        Slip(
            last // (a * b),
            "product_taken",
            f"This takes {a} × {b} = {a * b}, but {both} is the least common multiple.",
        ),
        Slip(last // a + last // b, "counted_for_each", f"This adds the multiples of {a} and of {b}."),
        Slip(last // a + last // b - key, "either", f"This counts multiples of {a} or {b}, not of both."),
        Slip(last // b, "one_condition_only", f"This counts the multiples of {b}."),
        Slip(last // a, "one_condition_only", f"This counts the multiples of {a}."),
        Slip(last // (a + b), "sum_taken", f"This takes the multiples of {a} + {b} = {a + b}."),
        Slip(key + 1, "rounded_up", f"{(key + 1) * both} is larger than {last}."),
        Slip(key - 1, "one_missed", f"{key * both} is still in the range."),
    ]
    right, wrong = offer(rng, place, key, slips)
    opening, things = _setting(rng, 1, last)
    return Draft(
        stem=f"{opening} How many of the {things} are multiples of both {a} and {b}?",
        key=right,
        distractors=wrong,
        explanation=f"A multiple of both is a multiple of {both}, the least common multiple of {a} and {b}. The "
        f"largest one up to {last} is {key * both} = {key} × {both}, so there are {key}.",
        structure={"kind": "both", "divisors": [a, b], "range": [1, last]},
        expected_success=expected("medium", 0.5 + 0.3 * (gcd(a, b) > 1)),
    )


def _of_either(rng: random.Random, place: int) -> Draft:
    a, b, both = _pair(rng, together=False)
    last = rng.randrange(100, 501, 10)
    x, y, twice = last // a, last // b, last // both
    key = x + y - twice
    if twice < 2:
        raise Unsuitable("nothing counted twice")
    slips = [
        Slip(x + y, "counted_twice", f"This counts the multiples of both {a} and {b} twice."),
        Slip(
            x + y - last // (a * b),
            "product_taken",
            f"This takes {a * b} for the least common multiple, but it is {both}.",
        ),
        Slip(x + y - 2 * twice, "taken_off_twice", f"This leaves out the multiples of both {a} and {b}."),
        Slip(x, "one_condition_only", f"This counts the multiples of {a} only."),
        Slip(twice, "both", f"This counts the multiples of both {a} and {b}."),
        Slip(y, "one_condition_only", f"This counts the multiples of {b} only."),
        Slip(x + y + twice, "added_again", "This adds the multiples of both once more instead of taking them off."),
        Slip(last - key, "complement", "This counts the numbers that are multiples of neither."),
    ]
    right, wrong = offer(rng, place, key, slips)
    opening, things = _setting(rng, 1, last)
    return Draft(
        stem=f"{opening} How many of the {things} are multiples of {a} or of {b} (or of both)?",
        key=right,
        distractors=wrong,
        explanation=f"There are {x} multiples of {a} and {y} multiples of {b}. The {twice} multiples of {both} are "
        f"among both and must be counted once only: {x} + {y} − {twice} = {key}.",
        structure={"kind": "either", "divisors": [a, b], "range": [1, last]},
        expected_success=expected("hard", 0.2 + 0.4 * (gcd(a, b) > 1)),
    )


def _but_not(rng: random.Random, place: int) -> Draft:
    a, b, both = _pair(rng, together=False)
    if rng.random() < 0.3:
        a, b = b, a
    last = rng.randrange(100, 501, 10)
    x, y, twice = last // a, last // b, last // both
    key = x - twice
    if twice < 2 or key < 4:
        raise Unsuitable("nothing to take off")
    slips = [
        Slip(
            x - last // (a * b), "product_taken", f"This takes {a * b} for the least common multiple, but it is {both}."
        ),
        Slip(
            abs(x - y),
            "all_taken_off",
            f"This takes off all the multiples of {b}, also those that are no multiples of {a}.",
        ),
        Slip(x, "condition_ignored", f"This counts all the multiples of {a}."),
        Slip(
            x + y - 2 * twice, "only_one_of_the_two", f"This also counts multiples of {b} that are no multiples of {a}."
        ),
        Slip(y - twice, "swapped", f"This counts multiples of {b} that are no multiples of {a}."),
        Slip(twice, "both", f"This counts the multiples of both {a} and {b}."),
        Slip(x + twice, "added", "This adds the multiples of both instead of taking them off."),
        Slip(x + y - twice, "either", f"This counts the multiples of {a} or {b}."),
    ]
    right, wrong = offer(rng, place, key, slips)
    opening, things = _setting(rng, 1, last)
    return Draft(
        stem=f"{opening} How many of the {things} are multiples of {a} but not of {b}?",
        key=right,
        distractors=wrong,
        explanation=f"There are {x} multiples of {a}. Those that are multiples of {b} too are the multiples of "
        f"{both}, and there are {twice} of these. So {x} − {twice} = {key} are left.",
        structure={"kind": "but_not", "divisors": [a, b], "range": [1, last]},
        expected_success=expected("hard", 0.3 + 0.4 * (gcd(a, b) > 1)),
    )


def _setting(rng: random.Random, first: int, last: int) -> tuple[str, str]:
    opening, things = rng.choice(SETTINGS)
    return opening.format(first, last), things


def _walk(stem: str) -> int:
    first, last, *divisors = whole_numbers_in(stem)
    joined = re.search(r"but not|\bor of\b|\bboth\b", stem)
    how = joined[0] if joined else ""
    count = 0
    for value in range(first, last + 1):
        hits = [value % divisor == 0 for divisor in divisors]
        if how == "but not":
            count += hits[0] and not hits[1]
        elif how == "or of":
            count += any(hits)
        else:
            count += all(hits)
    return count


MODEL = CountMultiples()
