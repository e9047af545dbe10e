"""How many ways to choose a group of people.

Radicals: number of groups to choose from, restrictions, cases to be taken away.
- medium: some from each of two or three groups, where order does not matter.
- hard: at least one or two of a kind, some of each kind, or without two people together.
The traps are order, groups that are counted more than once, and half of a condition. Incidentals: who they are.
The solver lists every possible group and counts.
"""

from __future__ import annotations

import random
from collections import Counter
from itertools import combinations, product
from math import comb, perm, prod

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, number, number_word, pick_names
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)

GROUPS = (("doctors", "nurses"), ("painters", "sculptors"), ("singers", "dancers"), ("cooks", "waiters"))
THREE_GROUPS = ("teachers", "parents", "pupils")
TEAMS = ("team", "committee", "working group", "delegation")
MOST_CASES = 2_000


class GroupsChosen(ItemModel):
    name = "groups_chosen"
    version = 3
    family = "math"
    sub_type = "counting"
    levels = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        # The weights follow the number of different items that each kind has room for.
        makers = {
            "medium": (_two_groups, _three_groups),
            "hard": (*[_at_least] * 5, *[_some_of_each] * 3, _not_both),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _listing(shown.stem)
        return options_where(shown, lambda value: value == found)


def _two_groups(rng: random.Random, place: int) -> Draft:
    one, other = rng.choice(GROUPS)
    a, b, r, s = rng.randint(3, 11), rng.randint(3, 11), rng.randint(1, 4), rng.randint(1, 4)
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
        "chosen. In how many ways can this be done?",
        key=right,
        distractors=wrong,
        explanation=f"The order within the {team} does not matter. There are {comb(a, r)} ways to choose {r} of {a} "
        f"{one} and {comb(b, s)} ways to choose {s} of {b} {other}. Each goes with each: {comb(a, r)} × {comb(b, s)} "
        f"= {number(key)}.",
        structure={"kind": "groups", "groups": sorted([[a, r], [b, s]])},
        expected_success=expected("medium", 0.3 + 0.2 * (r > 1 and s > 1) + 0.2 * (max(r, s) > 2)),
    )


def _three_groups(rng: random.Random, place: int) -> Draft:
    names = THREE_GROUPS
    sizes, takes = [rng.randint(2, 8) for _ in names], [rng.randint(1, 2) for _ in names]
    ways = [comb(n, r) for n, r in zip(sizes, takes, strict=True)]
    key = prod(ways)
    if any(r >= n for n, r in zip(sizes, takes, strict=True)) or sum(takes) < 4 or not 12 <= key <= MOST_CASES:
        raise Unsuitable("too simple, or too many cases")
    slips = [
        Slip(
            prod(perm(n, r) for n, r in zip(sizes, takes, strict=True)),
            "order_counted",
            "This counts the same people in different orders.",
        ),
        Slip(sum(ways), "added_not_multiplied", "This adds the three choices; each goes with each, so multiply."),
        Slip(prod(sizes), "one_of_each", "This chooses one of each group only."),
        Slip(
            comb(sum(sizes), sum(takes)),
            "groups_merged",
            "This chooses among all the people without regard to the groups.",
        ),
        Slip(
            prod(n * r for n, r in zip(sizes, takes, strict=True)), "all_multiplied", "This multiplies all the numbers."
        ),
        *(
            Slip(key // w, "group_left_out", f"This leaves out the {group}.")
            for w, group in zip(ways, names, strict=True)
        ),
        *(
            Slip(key * 2, "order_counted", f"This counts the order among the {g}.")
            for g, r in zip(names, takes, strict=True)
            if r == 2
        ),
        Slip(sum(sizes) * sum(takes), "totals_multiplied", "This multiplies all the people by all the places."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    team = rng.choice(TEAMS)
    people = listed([f"{n} {group}" for n, group in zip(sizes, names, strict=True)])
    taken = listed([f"{r} {_some(group, r)}" for r, group in zip(takes, names, strict=True)])
    return Draft(
        stem=f"From {people}, a {team} of {taken} is to be chosen. In how many ways can this be done?",
        key=right,
        distractors=wrong,
        explanation=f"The order within the {team} does not matter. The three choices can be made in "
        f"{listed(list(map(str, ways)))} ways. Each goes with each: {' × '.join(map(str, ways))} = {number(key)}.",
        structure={"kind": "groups", "groups": sorted([n, r] for n, r in zip(sizes, takes, strict=True))},
        expected_success=expected("medium", 0.3 + 0.15 * (sum(takes) - 3)),
    )


def _at_least(rng: random.Random, place: int) -> Draft:
    one, other = rng.choice(GROUPS)
    a, b, r, least = rng.randint(2, 9), rng.randint(3, 9), rng.randint(2, 5), rng.randint(1, 2)
    every = comb(a + b, r)
    by_count = [comb(a, i) * comb(b, r - i) for i in range(r + 1)]
    key = sum(by_count[least:])
    if r > b or least >= min(r, a) or not 12 <= key <= MOST_CASES or key == every:
        raise Unsuitable("too few or too many cases")
    slips = [
        Slip(
            comb(a, least) * comb(a + b - least, r - least),
            "counted_more_than_once",
            f"This sets {number_word(least)} of the {one} first and counts some groups more than once.",
        ),
        Slip(every, "condition_ignored", f"This counts all the groups, also those with too few {one}."),
        Slip(every - key, "complement", f"This counts the groups with too few {one}."),
        Slip(by_count[least], "exactly", f"This counts groups with exactly {number_word(least)} of the {one}."),
        Slip(key - by_count[r], "all_of_one_left_out", f"This leaves out the groups of {one} only."),
        Slip(
            every - by_count[least],
            "wrong_case_taken_off",
            f"This takes off the groups with exactly {number_word(least)} of the {one}.",
        ),
        Slip(key - by_count[least], "more_than", f"This wants more than {number_word(least)} of the {one}."),
        Slip(
            key + by_count[least - 1],
            "one_fewer_let_in",
            f"This also lets in groups with {number_word(least - 1) if least > 1 else 'none'} of the {one}.",
        ),
        Slip(every - 1, "one_group_taken_off", f"More than one group has too few {one} in it."),
        Slip(sum(comb(b, i) * comb(a, r - i) for i in range(least, r + 1)), "wrong_group", f"This is for the {other}."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    team = rng.choice(TEAMS)
    few = f"none of the {one}" if least == 1 else f"at most one of the {one}"
    return Draft(
        stem=f"A {team} of {r} people is to be chosen from {a} {one} and {b} {other}. It must have at least "
        f"{number_word(least)} of the {one} in it. In how many ways can it be chosen?",
        key=right,
        distractors=wrong,
        explanation=f"Without the condition there are {number(every)} ways to choose {r} of {a + b} people. In "
        f"{number(every - key)} of them there is {few}. So {number(every)} − {number(every - key)} = {number(key)} "
        "are left.",
        structure={"kind": "at_least", "least": least, "of": a, "others": b, "chosen": r},
        expected_success=expected("hard", 0.1 * r + 0.3 * (least > 1)),
    )


def _some_of_each(rng: random.Random, place: int) -> Draft:
    one, other = rng.choice(GROUPS)
    a, b, r = rng.randint(2, 9), rng.randint(2, 9), rng.randint(3, 5)
    every, only_one, only_other = comb(a + b, r), comb(a, r), comb(b, r)
    key = every - only_one - only_other
    if r > max(a, b) or not 12 <= key <= MOST_CASES:
        raise Unsuitable("the condition does nothing, or too many cases")
    slips = [
        Slip(
            a * b * comb(a + b - 2, r - 2),
            "counted_more_than_once",
            "This sets one of each first and counts most groups more than once.",
        ),
        Slip(every, "condition_ignored", "This counts all the groups."),
        Slip(every - only_other, "half_the_condition", f"This lets in groups without {other}."),
        Slip(every - only_one, "half_the_condition", f"This lets in groups without {one}."),
        Slip(only_one + only_other, "complement", "This counts the groups of one kind only."),
        Slip(a * comb(b, r - 1), "exactly_one", f"This counts groups with exactly one of the {one}."),
        Slip(b * comb(a, r - 1), "exactly_one", f"This counts groups with exactly one of the {other}."),
        Slip(every - 2, "two_groups_taken_off", "More than two groups are of one kind only."),
        Slip(a * b * (r - 1), "all_multiplied", "This multiplies numbers that do not belong together."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    team = rng.choice(TEAMS)
    return Draft(
        stem=f"A {team} of {r} people is to be chosen from {a} {one} and {b} {other}. It must have at least one of "
        f"the {one} and at least one of the {other} in it. In how many ways can it be chosen?",
        key=right,
        distractors=wrong,
        explanation=f"Without the condition there are {number(every)} ways. In {number(only_one)} of them all {r} "
        f"are {one}, and in {number(only_other)} all are {other}. So {number(every)} − {number(only_one)} − "
        f"{number(only_other)} = {number(key)} are left.",
        structure={"kind": "some_of_each", "groups": sorted([a, b]), "chosen": r},
        expected_success=expected("hard", 0.3 + 0.1 * r),
    )


def _not_both(rng: random.Random, place: int) -> Draft:
    n, r = rng.randint(5, 14), rng.randint(3, 6)
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
        "in it. In how many ways can it be chosen?",
        key=right,
        distractors=wrong,
        explanation=f"Without the condition there are {number(comb(n, r))} ways to choose {r} of {n}. Both {a} and "
        f"{b} are in {number(together)} of them: as many as there are ways to choose the other {r - 2} from {n - 2} "
        f"people. So {number(comb(n, r))} − {number(together)} = {number(key)} are left.",
        structure={"kind": "not_both", "people": n, "chosen": r},
        expected_success=expected("hard", 0.2 + 0.1 * r),
    )


def _some(group: str, count: int) -> str:
    return group if count > 1 else group[:-1]


def _listing(stem: str) -> int:
    """Every possible group, one by one."""
    numbers = whole_numbers_in(stem)
    if "must not both" in stem:
        chosen, people = numbers
        return sum(1 for group in combinations(range(people), chosen) if not (0 in group and 1 in group))
    if "at least" in stem:
        chosen, a, b = numbers
        least = 2 if "at least two" in stem else 1
        others = 1 if stem.count("at least") == 2 else 0
        counts = Counter(combinations("a" * a + "b" * b, chosen))
        return sum(ways for group, ways in counts.items() if group.count("a") >= least and group.count("b") >= others)
    half = len(numbers) // 2
    picks = [combinations(range(n), r) for n, r in zip(numbers[:half], numbers[half:], strict=True)]
    return sum(1 for _ in product(*picks))


MODEL = GroupsChosen()
