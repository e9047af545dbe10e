"""Sharing in a ratio.

Radicals: what is known (the total, or only a difference between two shares) and whether the ratio must first be
put together.
- easy: two people, total known, one share asked (one rule, two steps).
- medium: three people, only the difference between two shares known, another share or the total asked.
- hard: two linked ratios (A : B and B : C), or a ratio that changes when some items are handed over.
Within a level the burden grows with the terms of the ratio. Incidentals: people, items.
The solver supposes each option to be right and checks every statement of the stem.
"""

from __future__ import annotations

import random
import re
from fractions import Fraction
from math import gcd

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import number, pick_names, possessive
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    numbers_in,
    offer,
    options_where,
    whole_numbers_in,
)

ITEMS = ("stickers", "cards", "marbles", "seeds", "tokens", "stamps", "beads", "shells", "badges", "pebbles")
_NAME = re.compile(r"[A-Z][a-z]+")


class SharedRatio(ItemModel):
    name = "shared_ratio"
    version = 3
    family = "math"
    sub_type = "ratio"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"easy": (_share_of_total,), "medium": (_from_difference,), "hard": (_linked, _handed_over)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        return options_where(shown, lambda value: _holds(shown.stem, value))


def _coprime(rng: random.Random, count: int, most: int) -> list[int]:
    terms = [rng.randint(1, most) for _ in range(count)]
    if len(set(terms)) < count or gcd(*terms) > 1:
        raise Unsuitable("a ratio with equal or reducible terms")
    return terms


def _share_of_total(rng: random.Random, place: int) -> Draft:
    asked, other = _coprime(rng, 2, 9)
    part = rng.randint(3, 20)
    total = part * (asked + other)
    items = rng.choice(ITEMS)
    a, b = pick_names(rng, 2)
    # Either of the two may be asked for; `asked` is always the term of that person.
    first_asked = rng.random() < 0.5
    who, whose = (a, b) if first_asked else (b, a)
    shown_ratio = f"{asked} : {other}" if first_asked else f"{other} : {asked}"
    parts = asked + other
    key = asked * part
    slips = [
        Slip(other * part, "other_share", f"This is {possessive(whose)} share."),
        Slip(
            _part(total, asked), "divided_by_own_term", f"This divides the total by {asked}, not by all {parts} parts."
        ),
        Slip(_part(total, 2), "equal_shares", "This shares equally and leaves the ratio out."),
        Slip(part, "one_part", f"This is one part only; {who} gets {asked} parts."),
        Slip(
            _part(total * asked, other),
            "ratio_as_fraction",
            f"This takes {asked}/{other} of the total, as if the ratio were a fraction of the whole.",
        ),
        Slip(
            _part(total, other),
            "divided_by_other_term",
            f"This divides the total by {other}, not by all {parts} parts.",
        ),
        Slip(part * abs(asked - other), "difference", "This is the difference between the two shares."),
        Slip(part * (asked + 1), "term_off_by_one", f"This counts {asked + 1} parts for {who}."),
        Slip(part * (asked - 1), "term_off_by_one", f"This counts {asked - 1} parts for {who}."),
    ]
    right, wrong = offer(rng, place, key, slips, step=part, fits=lambda v: v.denominator == 1 and 0 < v < total)
    return Draft(
        stem=f"{a} and {b} share {number(total)} {items} in the ratio {shown_ratio}, in that order. How many {items} "
        f"does {who} get?",
        key=right,
        distractors=wrong,
        explanation=f"The ratio has {asked} + {other} = {parts} parts, so one part is {number(total)} ÷ {parts} = "
        f"{part} {items}. {who} gets {asked} of the parts: {asked} × {part} = {number(key)}.",
        structure={"kind": "share", "ratio": [asked, other], "total": total},
        expected_success=expected("easy", (parts - 3) / 14),
    )


def _from_difference(rng: random.Random, place: int) -> Draft:
    terms = _coprime(rng, 3, 9)
    part = rng.randint(3, 15)
    names = pick_names(rng, 3)
    items = rng.choice(ITEMS)
    more, less, third = rng.sample(range(3), 3)
    if terms[more] < terms[less]:
        more, less = less, more
    gap = terms[more] - terms[less]
    # Asking for the person with more or less comes down to the same steps, so three questions are enough.
    asked = rng.choice(("total", "third", "more"))
    parts = {"total": sum(terms), "third": terms[third], "more": terms[more]}[asked]
    difference = gap * part
    key = parts * part
    whom = {"third": names[third], "more": names[more]}.get(asked, "")
    question = f"How many {items} does {whom} get?" if whom else f"How many {items} do they share in all?"
    slips = [
        Slip(
            difference * parts, "difference_as_one_part", f"This takes {difference} as one part, but it is {gap} parts."
        ),
        *(Slip(t * part, "other_share", f"This is {possessive(n)} share.") for t, n in zip(terms, names, strict=True)),
        Slip(sum(terms) * part, "total", "This is the number that they share in all."),
        Slip(
            _part(difference * sum(terms), terms[more]),
            "divided_by_wrong_term",
            f"This divides the difference by {terms[more]}, not by {gap}.",
        ),
        Slip(
            _part(difference * parts, terms[less]),
            "divided_by_wrong_term",
            f"This divides the difference by {terms[less]}, not by {gap}.",
        ),
        Slip(
            _part(difference * parts, terms[more]),
            "divided_by_wrong_term",
            f"This divides the difference by {terms[more]}, not by {gap}.",
        ),
        Slip(
            _part(difference * parts, sum(terms)),
            "difference_as_total",
            f"This takes the difference of {difference} for the total.",
        ),
        Slip(key + difference, "added_difference", f"This adds the difference of {difference} once too often."),
        Slip(key - difference, "took_off_difference", f"This takes off the difference of {difference} once too often."),
    ]
    right, wrong = offer(rng, place, key, slips, step=part)
    what = f"{whom} gets {parts} parts" if whom else f"All the parts together are {parts}"
    return Draft(
        stem=f"{names[0]}, {names[1]} and {names[2]} share some {items} in the ratio {terms[0]} : {terms[1]} : "
        f"{terms[2]}, in that order. {names[more]} gets {number(difference)} {items} more than {names[less]}. "
        f"{question}",
        key=right,
        distractors=wrong,
        explanation=f"{names[more]} gets {terms[more]} parts and {names[less]} gets {terms[less]}, so the difference "
        f"of {number(difference)} {items} is {_parts(gap)}. {_one_part(difference, gap)}{what}: {parts} × {part} = "
        f"{number(key)}.",
        structure={
            "kind": "difference",
            "more": terms[more],
            "less": terms[less],
            "third": terms[third],
            "difference": difference,
            "asked": asked,
        },
        expected_success=expected("medium", (gap > 1) * 0.5 + sum(terms) / 48),
    )


def _linked(rng: random.Random, place: int) -> Draft:
    a, b1 = _coprime(rng, 2, 7)
    b2, c = _coprime(rng, 2, 7)
    if b1 == b2 or min(b1, b2) == 1:
        raise Unsuitable("the ratios join without a step")
    scale = b1 * b2 // gcd(b1, b2)
    terms = [a * scale // b1, scale, c * scale // b2]
    gap = abs(terms[0] - terms[2])
    if gap == 0 or sum(terms) > 90:
        raise Unsuitable("no difference to go by, or clumsy numbers")
    part = rng.randint(2, 6)
    names = pick_names(rng, 3)
    items = rng.choice(ITEMS)
    more, less = (0, 2) if terms[0] > terms[2] else (2, 0)
    by_total = rng.random() < 0.5
    known = part * (sum(terms) if by_total else gap)
    fact = (
        f"Together they get {number(known)} {items}."
        if by_total
        else f"{names[more]} gets {number(known)} {items} more than {names[less]}."
    )
    key = terms[1] * part
    joined = f"{terms[0]} : {terms[1]} : {terms[2]}"
    known_parts = sum(terms) if by_total else gap
    naive = a + b1 + c if by_total else abs(a - c)
    slips = [
        Slip(
            _part(known * b1, naive),
            "ratios_not_joined",
            f"This reads the two ratios as {a} : {b1} : {c}, though the terms for {names[1]} differ.",
        ),
        Slip(
            _part(known * b2, naive),
            "ratios_not_joined",
            f"This reads the two ratios as {a} : {b2} : {c}, though the terms for {names[1]} differ.",
        ),
        Slip(terms[0] * part, "other_share", f"This is {possessive(names[0])} share."),
        Slip(terms[2] * part, "other_share", f"This is {possessive(names[2])} share."),
        Slip(_part(known * b1, a + b1), "first_ratio_only", "This uses the first ratio only."),
        Slip(_part(known * b2, b2 + c), "second_ratio_only", "This uses the second ratio only."),
        Slip(
            _part(known * (b1 + b2), a + b1 + b2 + c),
            "added_the_ratios",
            f"This adds the two terms for {names[1]} instead of making them equal.",
        ),
        Slip(
            b1 * b2 * part if scale < b1 * b2 else 0,
            "common_term_too_large",
            f"The joined term for {names[1]} is {scale}, not {b1 * b2}, with parts of this size.",
        ),
        Slip(
            _part(known, 3) if by_total else 0,
            "equal_shares",
            f"This divides {number(known)} by three and leaves the ratios out.",
        ),
        Slip(key + gap * part, "added_difference", "This adds the difference between the other two shares."),
        Slip(key - gap * part, "took_off_difference", "This takes off the difference between the other two shares."),
    ]
    right, wrong = offer(rng, place, key, slips, step=part)
    return Draft(
        stem=f"{names[0]}, {names[1]} and {names[2]} share some {items}. The shares of {names[0]} and {names[1]} are "
        f"in the ratio {a} : {b1}. The shares of {names[1]} and {names[2]} are in the ratio {b2} : {c}. {fact} How "
        f"many {items} does {names[1]} get?",
        key=right,
        distractors=wrong,
        explanation=f"{names[1]} stands in both ratios, as {b1} and as {b2}; both become {scale}. The three shares "
        f"are then in the ratio {joined}. {number(known)} {items} are {_parts(known_parts)}, so one part is "
        f"{number(known)} ÷ {known_parts} = {part}. {names[1]} gets {scale} × {part} = {number(key)}.",
        structure={
            "kind": "linked",
            "ratios": min([[a, b1], [b2, c]], [[c, b2], [b1, a]]),
            "known": known,
            "by": "total" if by_total else "difference",
        },
        expected_success=expected("hard", 0.3 + (not by_total) * 0.2 + scale / 84),
    )


def _handed_over(rng: random.Random, place: int) -> Draft:
    a, b = _coprime(rng, 2, 9)
    c, d = _coprime(rng, 2, 9)
    # The total stays: start in parts of a + b, end in parts of c + d.
    total = (a + b) * (c + d) // gcd(a + b, c + d) * rng.randint(2, 6)
    start, end = total * a // (a + b), total * c // (c + d)
    moved = start - end
    if moved <= 0 or moved in (a, b, c, d) or total > 400:
        raise Unsuitable("nothing is handed over, or clumsy numbers")
    giver, taker = pick_names(rng, 2)
    items = rng.choice(ITEMS)
    asked_start = rng.random() < 0.5
    key = start if asked_start else end
    question = f"did {giver} have at first" if asked_start else f"does {giver} have now"
    slips = [
        Slip(
            end if asked_start else start,
            "other_time",
            f"This is how many {giver} has {'now' if asked_start else 'at first'}.",
        ),
        Slip(total - start, "other_person", f"This is how many {taker} has at first."),
        Slip(total - end, "other_person", f"This is how many {taker} has now."),
        Slip(_part(moved * a, a - c), "taker_unchanged", f"This forgets that {taker} gains what {giver} gives."),
        Slip(moved * a, "moved_as_one_part", f"This takes the {moved} {items} as one part of the first ratio."),
        Slip(moved * c, "moved_as_one_part", f"This takes the {moved} {items} as one part of the second ratio."),
        Slip(start - moved * 2, "moved_twice", f"This takes {moved} away twice."),
        Slip(end + moved * 2, "moved_twice", f"This adds {moved} twice."),
        Slip(total, "total", "This is what both have together."),
        Slip(total // 2 if total % 2 == 0 else 0, "equal_shares", "This is half of what both have together."),
    ]
    right, wrong = offer(rng, place, key, slips, step=gcd(start, end))
    unit = total // ((a + b) * (c + d) // gcd(a + b, c + d))
    whole = total // unit
    parts_before, parts_after = start // unit, end // unit
    return Draft(
        stem=f"The numbers of {items} that {giver} and {taker} have are in the ratio {a} : {b}. {giver} gives "
        f"{moved} {items} to {taker}, and now their numbers are in the ratio {c} : {d}. How many {items} {question}?",
        key=right,
        distractors=wrong,
        explanation=f"The total does not change. Take it as {whole} equal parts, which both {a + b} and {c + d} "
        f"divide: {giver} has {_parts(parts_before)} at first and {parts_after} now. The difference of "
        f"{_parts(parts_before - parts_after)} is {number(moved)} {items}, so one part is {unit}. {giver} has "
        f"{parts_before if asked_start else parts_after} × {unit} = {number(key)}.",
        structure={
            "kind": "handed_over",
            "before": [a, b],
            "after": [c, d],
            "moved": moved,
            "asked_start": asked_start,
        },
        expected_success=expected("hard", 0.5 + whole / 300),
    )


def _part(amount: int, parts: int) -> int:
    """`amount ÷ parts`, or 0 (which is never offered) where that is not whole."""
    return amount // parts if parts > 0 and amount % parts == 0 else 0


def _one_part(amount: int, parts: int) -> str:
    """How to get from several parts to one; nothing to say where the amount is one part already."""
    return "" if parts == 1 else f"One part is {number(amount)} ÷ {parts} = {amount // parts}. "


def _parts(count: int) -> str:
    return "one part" if count == 1 else f"{count} parts"


def _holds(stem: str, answer: Fraction) -> bool:
    """Suppose that `answer` is right, work out everybody's amount from it, and check what the stem says."""
    if "and now their numbers" in stem:
        a, b, moved, c, d = whole_numbers_in(stem)
        before = answer if "at first" in stem else answer + moved
        other = before * b / a
        return (before - moved) * d == (other + moved) * c
    people = _NAME.findall(stem.split(" share ")[0])
    terms = _terms(stem)
    asked = re.search(r"does ([A-Z][a-z]+) get\?", stem)
    part = answer / (terms[people.index(asked[1])] if asked else sum(terms))
    share = {name: term * part for name, term in zip(people, terms, strict=True)}
    if more := re.search(r"([A-Z][a-z]+) gets ([\d,]+) \w+ more than ([A-Z][a-z]+)\.", stem):
        return share[more[1]] - share[more[3]] == numbers_in(more[2])[0]
    total = re.search(r"(?: share|Together they get) ([\d,]+)", stem)
    return total is not None and sum(share.values()) == numbers_in(total[1])[0]


def _terms(stem: str) -> list[Fraction]:
    """The ratio of all shares; two linked ratios are put over the person in the middle, who counts as 1."""
    ratios = [numbers_in(ratio) for ratio in re.findall(r"\d+(?: : \d+)+", stem)]
    if len(ratios) == 1:
        return ratios[0]
    (a, b), (c, d) = ratios
    return [a / b, Fraction(1), d / c]


MODEL = SharedRatio()
