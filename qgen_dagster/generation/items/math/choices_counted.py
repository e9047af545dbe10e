"""How many ways to choose.

Radicals: order matters or not, repetition, restrictions, cases to be added or taken away.
- easy: the product rule (one of each kind), a choice between two such products, or a code with repetition.
Incidentals: dishes, clubs, people. Groups of people and numbers made of digits have
models of their own. The solver lists every single possibility and counts.
"""

from __future__ import annotations

import random
from itertools import product
from math import comb, perm, prod

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import counted, listed, number
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)

MENUS = (
    ("A café offers", "meals", ("soup", "main dish", "dessert", "drink")),
    ("A shop sells", "gift sets", ("mug", "plate", "candle", "card")),
    ("A designer has", "logos", ("shape", "colour", "letter", "border")),
    ("A travel agent offers", "trips", ("flight", "hotel", "tour", "boat ride")),
)
MOST_CASES = 2_000


class ChoicesCounted(ItemModel):
    name = "choices_counted"
    version = 3
    family = "math"
    sub_type = "counting"
    levels = ("easy",)

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        # The weights follow the number of different items that each kind has room for.
        makers = {
            "easy": (*[_one_of_each] * 4, *[_either_or] * 5, _code),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _listing(shown.stem)
        return options_where(shown, lambda value: value == found)


def _one_of_each(rng: random.Random, place: int) -> Draft:
    has, whole, parts = rng.choice(MENUS)
    sizes = [rng.randint(2, 9) for _ in range(rng.choice((2, 3, 3, 4, 4)))]
    key = prod(sizes)
    if not 12 <= key <= MOST_CASES:
        raise Unsuitable("too few or too many cases")
    chosen = parts[: len(sizes)]
    slips = [
        Slip(
            sum(sizes),
            "added_not_multiplied",
            "This adds the numbers; every choice goes with every other, so multiply.",
        ),
        Slip(key // sizes[-1], "part_left_out", f"This leaves out the choice of the {chosen[-1]}."),
        Slip(key // sizes[0], "part_left_out", f"This leaves out the choice of the {chosen[0]}."),
        Slip(key + sum(sizes), "sum_added", "This adds the sum of the numbers on top."),
        Slip(key // sizes[0] * (sizes[0] + 1), "one_more", f"This takes one {chosen[0]} too many."),
        Slip(key // sizes[-1] * (sizes[-1] - 1), "one_fewer", f"This takes one {chosen[-1]} too few."),
        Slip(key * 2, "order_counted", "This counts the parts in two orders, but their order makes no difference."),
        Slip(sizes[0] ** len(sizes), "power", "This takes the first number for all the parts."),
        Slip(sizes[-1] ** len(sizes), "power", "This takes the last number for all the parts."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    offers = listed([counted(n, part) for n, part in zip(sizes, chosen, strict=True)])
    return Draft(
        stem=f"{has} {offers}. How many different {whole} can be put together with one of each kind?",
        key=right,
        distractors=wrong,
        explanation="Every choice of one kind goes with every choice of the others, so multiply: "
        f"{' × '.join(map(str, sizes))} = {number(key)}.",
        structure={"kind": "one_of_each", "sizes": sorted(sizes)},
        expected_success=expected("easy", 0.2 * len(sizes) - 0.3),
    )


def _either_or(rng: random.Random, place: int) -> Draft:
    a, b, c, d = (rng.randint(2, 9) for _ in range(4))
    key = a * b + c * d
    slips = [
        Slip(
            a * b * c * d,
            "all_multiplied",
            "This multiplies the two cases; either the one or the other is chosen, so add them.",
        ),
        Slip(a + b + c + d, "all_added", "This adds all the numbers; within one meal, multiply."),
        Slip(
            (a + b) * (c + d),
            "sums_multiplied",
            "This adds where it should multiply, and multiplies where it should add.",
        ),
        Slip(a * b, "one_case_only", "This leaves out the second kind of meal."),
        Slip(c * d, "one_case_only", "This leaves out the first kind of meal."),
        Slip((a + c) * (b + d), "cases_mixed", "This mixes dishes of the two kinds of meal."),
        Slip(a * d + b * c, "cases_crossed", "This pairs the wrong dishes with each other."),
        Slip(a * c + b * d, "cases_crossed", "This pairs the wrong dishes with each other."),
        Slip(key * 2, "order_counted", "This counts each meal in two orders."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    return Draft(
        stem=f"At lunch there are two kinds of meal: one of {a} soups with one of {b} salads, or one of {c} main "
        f"dishes with one of {d} desserts. How many different meals are possible?",
        key=right,
        distractors=wrong,
        explanation=f"The first kind gives {a} × {b} = {a * b} meals, the second {c} × {d} = {c * d}. A meal is of "
        f"one kind or the other, so add: {a * b} + {c * d} = {key}.",
        structure={"kind": "either_or", "cases": sorted([sorted([a, b]), sorted([c, d])])},
        expected_success=expected("easy", 0.8),
    )


def _code(rng: random.Random, place: int) -> Draft:
    length, symbols = rng.randint(2, 4), rng.randint(3, 9)
    key = symbols**length
    if key > MOST_CASES:
        raise Unsuitable("too many cases")
    slips = [
        Slip(
            symbols * length,
            "multiplied_once",
            f"This multiplies {symbols} by {length}; each place has {symbols} choices.",
        ),
        Slip(perm(symbols, length), "repetition_forbidden", "This lets no symbol appear twice, but that is allowed."),
        Slip(length**symbols, "power_inverted", "This swaps the base and the exponent."),
        Slip(comb(symbols, length), "order_ignored", "This ignores the order of the symbols."),
        Slip(symbols ** (length - 1), "one_place_short", "This leaves one place out."),
        Slip(symbols ** (length + 1), "one_place_more", "This counts one place too many."),
        Slip((symbols - 1) ** length, "one_symbol_fewer", "This takes one symbol too few."),
        Slip((symbols + 1) ** length, "one_symbol_more", "This takes one symbol too many."),
    ]
    right, wrong = offer(rng, place, key, slips, step=symbols)
    return Draft(
        stem=f"A code has {length} places. Each place holds one of {symbols} symbols, and a symbol may appear more "
        "than once. How many different codes are there?",
        key=right,
        distractors=wrong,
        explanation=f"Each of the {length} places has {symbols} choices: {' × '.join([str(symbols)] * length)} = "
        f"{number(key)}.",
        structure={"kind": "code", "length": length, "symbols": symbols},
        expected_success=expected("easy", 0.5),
    )


def _listing(stem: str) -> int:
    """Every possibility, one by one."""
    numbers = whole_numbers_in(stem)
    if "two kinds of meal" in stem:
        a, b, c, d = numbers
        return sum(1 for _ in product(range(a), range(b))) + sum(1 for _ in product(range(c), range(d)))
    if "A code" in stem:
        return sum(1 for _ in product(range(numbers[1]), repeat=numbers[0]))
    return sum(1 for _ in product(*(range(n) for n in numbers)))


MODEL = ChoicesCounted()
