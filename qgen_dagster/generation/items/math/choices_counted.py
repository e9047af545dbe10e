"""How many ways to choose.

Radicals: order matters or not, repetition, restrictions, cases to be added or taken away.
- easy: the product rule (one of each kind), a choice between two such products, or a code with repetition.
- medium: choosing from two groups where order does not matter.
- hard: a group with at least one of a kind, or two people who must not both be in it.
Incidentals: dishes, clubs, people. The solver lists every single possibility and counts.
"""

from __future__ import annotations

import random
from itertools import combinations, product
from math import comb, perm, prod

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import counted, listed, number, pick_names
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
GROUPS = (("doctors", "nurses"), ("painters", "sculptors"), ("singers", "dancers"), ("cooks", "waiters"))
TEAMS = ("team", "committee", "working group", "delegation")
MOST_CASES = 800


class ChoicesCounted(ItemModel):
    name = "choices_counted"
    family = "math"
    sub_type = "counting"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        # The weights follow the number of different items that each kind has room for.
        makers = {
            "easy": (*[_one_of_each] * 4, *[_either_or] * 5, _code),
            "medium": (_two_groups,),
            "hard": (*[_at_least_one] * 3, _not_both),
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
        explanation=f"Every choice of one kind goes with every choice of the others, so multiply: "
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
        f"dishes with one "
        f"of {d} desserts. How many different meals are possible?",
        key=right,
        distractors=wrong,
        explanation=f"The first kind gives {a} × {b} = {a * b} meals, the second {c} × {d} = {c * d}. A meal is of "
        f"one kind or "
        f"the other, so add: {a * b} + {c * d} = {key}.",
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
        f"than once. "
        "How many different codes are there?",
        key=right,
        distractors=wrong,
        explanation=f"Each of the {length} places has {symbols} choices: {' × '.join([str(symbols)] * length)} = "
        f"{number(key)}.",
        structure={"kind": "code", "length": length, "symbols": symbols},
        expected_success=expected("easy", 0.5),
    )


def _two_groups(rng: random.Random, place: int) -> Draft:
    one, other = rng.choice(GROUPS)
    a, b, r, s = rng.randint(3, 9), rng.randint(3, 9), rng.randint(1, 3), rng.randint(1, 3)
    key = comb(a, r) * comb(b, s)
    if r >= a or s >= b or r + s < 3 or not 12 <= key <= MOST_CASES:
        raise Unsuitable("too simple, or too many cases")
    slips = [
        Slip(perm(a, r) * perm(b, s), "order_counted", "This counts the same people in different orders."),
        Slip(
            comb(a, r) + comb(b, s),
            "added_not_multiplied",
            "This adds the two choices; each goes with each, so multiply.",
        ),
        Slip(comb(a + b, r + s), "groups_merged", f"This chooses {r + s} people without regard to the two groups."),
        Slip(perm(a, r) * comb(b, s), "order_counted", f"This counts the order among the {one}."),
        Slip(comb(a, r) * perm(b, s), "order_counted", f"This counts the order among the {other}."),
        Slip(a * b, "one_of_each", "This chooses one of each group only."),
        Slip(a * r * b * s, "all_multiplied", "This multiplies all the numbers."),
        Slip(comb(a, r), "one_group_only", f"This chooses the {one} only."),
        Slip(comb(b, s), "one_group_only", f"This chooses the {other} only."),
        Slip(comb(a, s) * comb(b, r), "groups_swapped", f"This swaps the numbers of {one} and {other}."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    team = rng.choice(TEAMS)
    return Draft(
        stem=f"From {a} {one} and {b} {other}, a {team} of {r} {_some(one, r)} and {s} {_some(other, s)} is to be "
        f"chosen. "
        "In how many ways can this be done?",
        key=right,
        distractors=wrong,
        explanation=f"The order within the {team} does not matter. There are {comb(a, r)} ways to choose {r} of {a} "
        f"{one} and "
        f"{comb(b, s)} ways to choose {s} of {b} {other}. Each goes with each: {comb(a, r)} × {comb(b, s)} = "
        f"{number(key)}.",
        structure={"kind": "two_groups", "groups": sorted([[a, r], [b, s]])},
        expected_success=expected("medium", 0.3 + 0.2 * (r > 1 and s > 1) + 0.2 * (max(r, s) > 2)),
    )


def _at_least_one(rng: random.Random, place: int) -> Draft:
    one, other = rng.choice(GROUPS)
    a, b, r = rng.randint(2, 7), rng.randint(3, 8), rng.randint(2, 4)
    none = comb(b, r)
    key = comb(a + b, r) - none
    if r > b or not 12 <= key <= MOST_CASES:
        raise Unsuitable("too few or too many cases")
    slips = [
        Slip(
            a * comb(a + b - 1, r - 1),
            "counted_more_than_once",
            f"This sets one of the {one} first and counts groups with several of them more than once.",
        ),
        Slip(comb(a + b, r), "condition_ignored", f"This counts all the groups, also those without {one}."),
        Slip(none, "complement", f"This counts the groups without any {one}."),
        Slip(a * comb(b, r - 1), "exactly_one", f"This counts groups with exactly one of the {one}."),
        Slip(perm(a + b, r) - perm(b, r), "order_counted", "This counts the same group in different orders."),
        Slip(comb(a + b, r) - comb(a, r), "wrong_group", f"This is for at least one of the {other}."),
        Slip(comb(a + b, r) - 1, "one_group_taken_off", f"More than one group has no {one} in it."),
        Slip(comb(a, r), "only_one_kind", f"This counts groups of {one} only."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    team = rng.choice(TEAMS)
    return Draft(
        stem=f"A {team} of {r} people is to be chosen from {a} {one} and {b} {other}. It must have at least one of "
        f"the {one} in "
        "it. In how many ways can it be chosen?",
        key=right,
        distractors=wrong,
        explanation=f"Without the condition there are {number(comb(a + b, r))} ways to choose {r} of {a + b} people. "
        f"In "
        f"{number(none)} of them all {r} are {other}. So {number(comb(a + b, r))} − {number(none)} = {number(key)} "
        f"are left.",
        structure={"kind": "at_least_one", "of": a, "others": b, "chosen": r},
        expected_success=expected("hard", 0.1 * r + 0.1 * (a > 4)),
    )


def _not_both(rng: random.Random, place: int) -> Draft:
    n, r = rng.randint(5, 12), rng.randint(3, 5)
    together = comb(n - 2, r - 2)
    key = comb(n, r) - together
    if r >= n - 1 or not 12 <= key <= MOST_CASES:
        raise Unsuitable("too few or too many cases")
    a, b = pick_names(rng, 2)
    slips = [
        Slip(comb(n - 2, r), "neither", f"This leaves out both {a} and {b}; one of the two may be there."),
        Slip(comb(n, r), "condition_ignored", "This leaves the condition out."),
        Slip(together, "complement", f"This counts the groups with both {a} and {b}."),
        Slip(2 * comb(n - 2, r - 1), "exactly_one", f"This leaves out the groups with neither {a} nor {b}."),
        Slip(comb(n, r) - 1, "one_group_taken_off", "More than one group has both of them in it."),
        Slip(comb(n - 1, r), "one_left_out", "This always leaves out the same one of the two."),
        Slip(
            comb(n, r) - 2 * comb(n - 1, r - 1) + together,
            "taken_off_one_by_one",
            f"This takes off all groups with {a} and all with {b}.",
        ),
        Slip(comb(n, r) - comb(n - 1, r - 1), "taken_off_too_many", f"This takes off all the groups with {a}."),
        Slip(
            comb(n, r) + together, "added_not_taken_off", "This adds the groups with both instead of taking them off."
        ),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    team = rng.choice(TEAMS)
    return Draft(
        stem=f"A {team} of {r} is to be chosen from {n} people, {a} and {b} among them. {a} and {b} must not both be "
        f"in it. "
        "In how many ways can it be chosen?",
        key=right,
        distractors=wrong,
        explanation=f"Without the condition there are {number(comb(n, r))} ways to choose {r} of {n}. Both {a} and "
        f"{b} are in "
        f"{number(together)} of them: as many as there are ways to choose the other {r - 2} from {n - 2} people. "
        f"So {number(comb(n, r))} − {number(together)} = {number(key)} are left.",
        structure={"kind": "not_both", "people": n, "chosen": r},
        expected_success=expected("hard", 0.2 + 0.1 * r),
    )


def _some(group: str, count: int) -> str:
    return group if count > 1 else group[:-1]


def _listing(stem: str) -> int:
    """Every possibility, one by one."""
    numbers = whole_numbers_in(stem)
    if "two kinds of meal" in stem:
        a, b, c, d = numbers
        return sum(1 for _ in product(range(a), range(b))) + sum(1 for _ in product(range(c), range(d)))
    if "A code" in stem:
        return sum(1 for _ in product(range(numbers[1]), repeat=numbers[0]))
    if "must not both" in stem:
        chosen, people = numbers
        return sum(1 for group in combinations(range(people), chosen) if not (0 in group and 1 in group))
    if "at least one" in stem:
        chosen, a, b = numbers
        return sum(1 for group in combinations(range(a + b), chosen) if any(person < a for person in group))
    if "is to be chosen" in stem:
        a, b, r, s = numbers
        return sum(1 for _ in product(combinations(range(a), r), combinations(range(b), s)))
    return sum(1 for _ in product(*(range(n) for n in numbers)))


MODEL = ChoicesCounted()
