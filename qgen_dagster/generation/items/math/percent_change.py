"""Percentages of amounts that grow or shrink.

Radicals: number of changes, direction of the question (forwards, or back to the start), whether the base shifts.
- easy: one change forwards (two steps).
- medium: two changes forwards, or one change backwards (the base is not the known number).
- hard: two changes backwards, or a group made of two parts with different percentages, worked back to the whole.
Within a level the burden grows with percentages that are not tenths. Incidentals: what is counted.
The solver takes each option for the answer and runs the story forwards.
"""

from __future__ import annotations

import random
import re
from fractions import Fraction
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import number
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    numbers_in,
    offer,
    options_where,
)


class Counted(NamedTuple):
    owner: str
    things: str
    place: str


COUNTED = (
    Counted("a sports club", "members", "in a sports club"),
    Counted("a library", "novels", "in a library"),
    Counted("an orchard", "trees", "in an orchard"),
    Counted("a school", "pupils", "at a school"),
    Counted("a village", "homes", "in a village"),
    Counted("a museum", "paintings", "in a museum"),
    Counted("a farm", "sheep", "on a farm"),
    Counted("a company", "workers", "at a company"),
    Counted("a town", "cyclists", "in a town"),
    Counted("a lake", "geese", "on a lake"),
)
# What people are, and what a share of each group does.
MIXED = (
    ("In a club", "members", "adults", "children", "swim"),
    ("At a camp", "guests", "adults", "children", "speak French"),
    ("At a company", "workers", "drivers", "packers", "work at night"),
    ("At a college", "students", "beginners", "experts", "live nearby"),
)
PERCENTS = (10, 20, 25, 30, 40, 50, 60, 75, 5, 15, 35, 45)
ROUND = (10, 20, 25, 30, 40, 50, 60, 75)


class PercentChange(ItemModel):
    name = "percent_change"
    version = 3
    family = "math"
    sub_type = "percentage"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"easy": (_one_forwards,), "medium": (_two_forwards, _one_back), "hard": (_two_back, _two_groups)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        return options_where(shown, lambda value: _holds(shown.stem, value))


def _whole(value: Fraction) -> int:
    if value.denominator != 1:
        raise Unsuitable("not a whole number")
    return value.numerator


def _factor(change: int) -> Fraction:
    return Fraction(100 + change, 100)


def _change(rng: random.Random, percents: tuple[int, ...]) -> int:
    return rng.choice(percents) * rng.choice((-1, 1))


def _verb(change: int) -> str:
    return f"{'rises' if change > 0 else 'falls'} by {abs(change)}%"


def _of(percent: int, base: int) -> Fraction:
    return Fraction(base * percent, 100)


def _fussy(*changes: int) -> float:
    """The share of percentages that are no multiple of ten."""
    return sum(change % 10 != 0 for change in changes) / len(changes)


def _one_forwards(rng: random.Random, place: int) -> Draft:
    c = rng.choice(COUNTED)
    start, change = rng.randrange(40, 1_000, 20), _change(rng, PERCENTS)
    p = abs(change)
    moved = _whole(_of(p, start))
    key = start + (moved if change > 0 else -moved)
    slips = [
        Slip(moved, "change_only", f"This is the change alone: {p}% of {number(start)}."),
        Slip(2 * start - key, "wrong_direction", f"The number {_verb(change).split()[0]}; this goes the other way."),
        Slip(start + (p if change > 0 else -p), "percent_as_amount", f"This takes {p}% for {p} {c.things}."),
        Slip(_of(100 + change + 10, start), "percent_misread", "This uses a percentage that is ten points off."),
        Slip(_of(100 + change - 10, start), "percent_misread", "This uses a percentage that is ten points off."),
        Slip(2 * key - start, "changed_twice", f"This makes the change of {p}% twice."),
        Slip(start, "unchanged", "This is the number before the change."),
        Slip(Fraction(start * 100, 100 - change), "divided_instead", f"{p}% is taken of {number(start)}, so multiply."),
    ]
    right, wrong = offer(rng, place, key, slips, step=10)
    return Draft(
        stem=f"{_opening(c)} {number(start)} {c.things}. The number of {c.things} {_verb(change)}. How many "
        f"{c.things} are there now?",
        key=right,
        distractors=wrong,
        explanation=f"{p}% of {number(start)} is {number(moved)}. The number {_verb(change).split()[0]}, so there "
        f"are {number(start)} {'+' if change > 0 else '−'} {number(moved)} = {number(key)} {c.things} now.",
        structure={"kind": "forwards", "start": start, "changes": [change]},
        expected_success=expected("easy", 0.2 + 0.5 * _fussy(change) + 0.3 * (start % 100 != 0)),
    )


def _two_forwards(rng: random.Random, place: int) -> Draft:
    c = rng.choice(COUNTED)
    start, first, second = rng.randrange(80, 1_000, 40), _change(rng, ROUND), _change(rng, ROUND)
    between = _whole(start * _factor(first))
    key = _whole(between * _factor(second))
    if key == start or first == second:
        raise Unsuitable("nothing changes, or too much")
    slips = [
        Slip(
            _of(100 + first + second, start),
            "percents_added",
            f"This adds the two percentages; the second is taken of {number(between)}.",
        ),
        Slip(between, "first_change_only", "This is the number after the first change only."),
        Slip(start * _factor(second), "second_change_only", "This leaves the first change out."),
        Slip(between * _factor(-second), "wrong_direction", "This takes the second change the wrong way."),
        Slip(
            start * _factor(-first) * _factor(second), "wrong_direction", "This takes the first change the wrong way."
        ),
        Slip(_of(abs(second), between), "change_only", "This is the second change alone."),
        Slip(start, "unchanged", "This is the number before both changes."),
    ]
    right, wrong = offer(rng, place, key, slips, step=10)
    return Draft(
        stem=f"{_opening(c)} {number(start)} {c.things}. In the first year the number of {c.things} {_verb(first)}. "
        f"In the second year it {_verb(second)}. How many {c.things} are there after the second year?",
        key=right,
        distractors=wrong,
        explanation=f"After the first year there are {100 + first}% of {number(start)}, which is {number(between)}. "
        f"The second percentage is taken of this new number: {100 + second}% of {number(between)} is {number(key)}.",
        structure={"kind": "forwards", "start": start, "changes": [first, second]},
        expected_success=expected("medium", 0.3 + 0.5 * _fussy(first, second)),
    )


def _one_back(rng: random.Random, place: int) -> Draft:
    c = rng.choice(COUNTED)
    key, change = rng.randrange(40, 2_000, 20), _change(rng, PERCENTS)
    if change == -50:
        raise Unsuitable("twice the half is seen at a glance")
    end, p = _whole(key * _factor(change)), abs(change)
    # The classic mistake must come out whole, or it could not be offered.
    back = _whole(end * _factor(-change))
    slips = [
        Slip(
            back,
            "percent_of_wrong_base",
            f"This takes {p}% of {number(end)}, but the {p}% were of the number at first.",
        ),
        Slip(end * _factor(change), "wrong_direction", "This applies the change once more instead of undoing it."),
        Slip(end, "unchanged", "This is the number after the change."),
        Slip(end + p, "percent_as_amount", f"This takes {p}% for {p} {c.things}."),
        Slip(end - p, "percent_as_amount", f"This takes {p}% for {p} {c.things}."),
        Slip(_of(p, end), "change_only", f"This is {p}% of {number(end)} alone."),
        Slip(
            Fraction(end * 100, p),
            "divided_by_percent",
            f"{number(end)} is {100 + change}% of the number at first, not {p}%.",
        ),
        Slip(
            Fraction(end * 100, 100 - change),
            "wrong_percent",
            f"{number(end)} is {100 + change}% of the number at first, not {100 - change}%.",
        ),
    ]
    right, wrong = offer(rng, place, key, slips, step=10)
    return Draft(
        stem=f"The number of {c.things} {c.place} {_verb(change)}. Now there are {number(end)} {c.things}. How many "
        "were there before the change?",
        key=right,
        distractors=wrong,
        explanation=f"{number(end)} is {100 + change}% of the number before the change. So 1% is {number(end)} ÷ "
        f"{100 + change} = {number(Fraction(key, 100))}, and 100% is {number(key)}.",
        structure={"kind": "back", "end": end, "changes": [change]},
        expected_success=expected("medium", 0.5 + 0.4 * _fussy(change)),
    )


def _two_back(rng: random.Random, place: int) -> Draft:
    c = rng.choice(COUNTED)
    key, first, second = rng.randrange(80, 1_000, 20), _change(rng, ROUND), _change(rng, ROUND)
    between = _whole(key * _factor(first))
    end = _whole(between * _factor(second))
    if end == key:
        raise Unsuitable("nothing changes")
    both = 100 + first + second
    slips = [
        Slip(
            Fraction(end * 100, both) if both > 0 else 0,
            "percents_added",
            "This adds the two percentages, but each has its own base.",
        ),
        Slip(
            end * _factor(-second) * _factor(-first),
            "percent_of_wrong_base",
            "This undoes each change with the same percentage of the later number.",
        ),
        Slip(between, "one_step_back", "This is the number after the first year."),
        Slip(end / _factor(first), "one_step_back", "This undoes the change of the first year only."),
        Slip(
            end * _factor(first) * _factor(second),
            "wrong_direction",
            "This applies the changes once more instead of undoing them.",
        ),
        Slip(
            end * _factor(-first - second),
            "percents_added",
            "This adds the two percentages and takes them of the last number.",
        ),
        Slip(
            between * _factor(-first),
            "percent_of_wrong_base",
            "This undoes the first change with a percentage of the later number.",
        ),
        Slip(
            end * _factor(-second),
            "percent_of_wrong_base",
            "This undoes the second change only, and of the wrong base.",
        ),
    ]
    right, wrong = offer(rng, place, key, slips, step=20)
    return Draft(
        stem=f"In the first year the number of {c.things} {c.place} {_verb(first)}. In the second year it "
        f"{_verb(second)}. After that there are {number(end)} {c.things}. How many were there at the start?",
        key=right,
        distractors=wrong,
        explanation=f"Work backwards. {number(end)} is {100 + second}% of the number after the first year, which was "
        f"therefore {number(between)}. That in turn is {100 + first}% of the number at the start, which was "
        f"therefore {number(key)}.",
        structure={"kind": "back", "end": end, "changes": [first, second]},
        expected_success=expected("hard", 0.3 + 0.5 * _fussy(first, second)),
    )


def _two_groups(rng: random.Random, place: int) -> Draft:
    place_name, people, one, other, do = rng.choice(MIXED)
    share, of_one, of_other = (rng.choice(ROUND) for _ in range(3))
    key = rng.randrange(60, 1_000, 20)
    if of_one == of_other:
        raise Unsuitable("the groups do not differ")
    rest = 100 - share
    first, second = _whole(_of(share, key)), _whole(_of(rest, key))
    doing = _whole(_of(of_one, first)) + _whole(_of(of_other, second))
    overall = Fraction(doing * 100, key)
    slips = [
        Slip(
            Fraction(doing * 200, of_one + of_other),
            "plain_average",
            f"This takes the plain average of {of_one}% and {of_other}%, but the groups differ in size.",
        ),
        Slip(
            Fraction(doing * 100, of_one + of_other),
            "percents_added",
            f"This adds {of_one}% and {of_other}%, which are shares of different groups.",
        ),
        Slip(Fraction(doing * 10_000, share * of_one), "one_group_only", f"This takes all {number(doing)} for {one}."),
        Slip(
            Fraction(doing * 10_000, rest * of_other), "one_group_only", f"This takes all {number(doing)} for {other}."
        ),
        Slip(
            doing * Fraction(10_000, share * of_other + rest * of_one),
            "groups_swapped",
            "This gives each group the percentage of the other.",
        ),
        Slip(first, "one_group", f"This is the number of {one}."),
        Slip(second, "one_group", f"This is the number of {other}."),
        Slip(key - doing, "others", "This is how many do not."),
        Slip(Fraction(doing * 100, of_one), "one_percentage", f"This takes {of_one}% for everybody."),
        Slip(Fraction(doing * 100, of_other), "one_percentage", f"This takes {of_other}% for everybody."),
    ]
    # Nobody takes a number for the whole that is smaller than what a part of it does.
    right, wrong = offer(rng, place, key, slips, step=20, fits=lambda v: v.denominator == 1 and v > doing)
    return Draft(
        stem=f"{place_name}, {share}% of the {people} are {one} and the others are {other}. Of the {one}, {of_one}% "
        f"{do}; of the {other}, {of_other}% {do}. In all, {number(doing)} {people} {do}. How many {people} are "
        "there?",
        key=right,
        distractors=wrong,
        explanation=f"Of all {people}, {share}% × {of_one}% = {number(Fraction(share * of_one, 100))}% are {one} who "
        f"{do}, and {rest}% × {of_other}% = {number(Fraction(rest * of_other, 100))}% are {other} who do. Together "
        f"that is {number(overall)}%. If {number(overall)}% are {number(doing)}, then 100% are {number(key)} "
        f"{people}.",
        structure={"kind": "groups", "groups": sorted([[share, of_one], [rest, of_other]]), "doing": doing},
        expected_success=expected("hard", 0.4 + 0.5 * _fussy(share, of_one, of_other)),
    )


def _opening(c: Counted) -> str:
    return f"{c.owner[0].upper()}{c.owner[1:]} has"


def _holds(stem: str, answer: Fraction) -> bool:
    """Suppose that `answer` is right and let the story run."""
    if "In all" in stem:
        share, of_one, of_other, doing = numbers_in(stem)
        group = answer * share / 100
        return group * of_one / 100 + (answer - group) * of_other / 100 == doing
    percents = [
        int(amount) if word == "rises" else -int(amount)
        for word, amount in re.findall(r"(rises|falls) by (\d+)%", stem)
    ]
    stated = numbers_in(re.sub(r"\d+%", "", stem))[0]
    # The stated number is the end where the question asks for the start.
    start, end = (stated, answer) if " has " in stem else (answer, stated)
    for percent in percents:
        start += start * percent / 100
    return start == end


MODEL = PercentChange()
