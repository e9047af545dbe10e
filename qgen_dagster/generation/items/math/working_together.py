"""Rates of work: machines, pumps and crews.

Radicals: direct or inverse proportion, number of rates to combine, change on the way.
- easy: direct proportion through the rate of one machine (two or three steps).
- medium: two pumps together (rates add, times do not), or inverse proportion (fewer workers, more days).
- hard: the second pump joins later, or part of the crew leaves on the way (a remainder at a new rate).
Incidentals: what is made, filled or built. The solver simulates the work hour by hour, minute by minute or day by day.
"""

from __future__ import annotations

import random
from fractions import Fraction
from math import gcd

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import counted, number, plural
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)

MACHINES = (
    ("machine", "makes", "make", "bottles"),
    ("printer", "prints", "print", "posters"),
    ("robot", "packs", "pack", "boxes"),
    ("oven", "bakes", "bake", "loaves"),
    ("loom", "weaves", "weave", "scarves"),
    ("press", "folds", "fold", "leaflets"),
)
VESSELS = ("a tank", "a pool", "a reservoir", "a cistern", "a pond")
JOBS = ("build a wall", "paint a bridge", "harvest a field", "dig a ditch", "pave a square", "restore a hall")


class WorkingTogether(ItemModel):
    name = "working_together"
    version = 3
    family = "math"
    sub_type = "rate_and_work"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {
            "easy": (_direct,),
            "medium": (_two_pumps, _inverse, _inverse),
            "hard": (_joining_later, _leaving_early),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        simulated = _simulate(shown.stem)
        return options_where(shown, lambda value: value == simulated)


def _direct(rng: random.Random, place: int) -> Draft:
    machine, _, make, goods = rng.choice(MACHINES)
    few, many, hours = rng.randint(2, 9), rng.randint(2, 12), rng.randint(1, 3)
    rate = rng.randint(4, 25)
    if few == many:
        raise Unsuitable("nothing changes")
    made, key = few * rate, many * rate * hours
    longer = f"{hours} hours" if hours > 1 else "one hour"
    slips = [
        Slip(
            made * many * hours,
            "rate_of_all_for_one",
            f"This takes {made} for the work of one {machine}, but it is that of {few}.",
        ),
        Slip(
            made + (many - few) * hours,
            "added_not_multiplied",
            "This adds the difference in number instead of multiplying.",
        ),
        Slip(many * rate, "time_ignored", "This is the work of one hour only."),
        Slip(made * hours, "number_ignored", f"This is the work of {few} {plural(machine)}."),
        Slip(rate * hours, "one_only", f"This is the work of one {machine}."),
        Slip(
            Fraction(made * few * hours, many),
            "inverted",
            f"More {plural(machine)} {make} more, not fewer, and fewer {make} fewer.",
        ),
        Slip((many + few) * rate * hours, "both_groups", "This adds the work of both groups."),
        Slip(abs(many - few) * rate * hours, "difference_only", "This is the difference between the groups."),
        Slip(many * rate * (hours + 1), "one_hour_too_many", "This counts one hour too many."),
        Slip((many + 1) * rate * hours, "one_too_many", f"This counts one {machine} too many."),
        Slip((many - 1) * rate * hours, "one_too_few", f"This counts one {machine} too few."),
    ]
    right, wrong = offer(rng, place, key, slips, step=rate)
    return Draft(
        stem=f"{few} {plural(machine)} of the same kind {make} {number(made)} {goods} in 1 hour. How many {goods} do "
        f"{many} such {plural(machine)} {make} in {counted(hours, 'hour')}?",
        key=right,
        distractors=wrong,
        explanation=f"In one hour one {machine} can {make} {number(made)} ÷ {few} = {rate} {goods}. In {longer}, "
        f"{many} of them {make} {many} × {rate}{f' × {hours}' if hours > 1 else ''} = {number(key)}.",
        structure={"kind": "direct", "machines": [few, many], "made": made, "hours": hours},
        expected_success=expected("easy", 0.2 * hours + many / 40),
    )


def _two_pumps(rng: random.Random, place: int) -> Draft:
    # x·k and y·k minutes alone make x·y·k / (x + y) together.
    x, y = rng.randint(1, 8), rng.randint(2, 9)
    if x >= y or gcd(x, y) > 1:
        raise Unsuitable("not the two pumps wanted")
    k = (x + y) * rng.randint(1, 20)
    fast, slow = x * k, y * k
    key = x * y * k // (x + y)
    if fast < 12 or slow > 300:
        raise Unsuitable("times out of range")
    vessel = rng.choice(VESSELS)
    order = [fast, slow] if rng.random() < 0.5 else [slow, fast]
    slips = [
        Slip(
            Fraction(fast + slow, 2),
            "averaged_times",
            "This is the average of the times; together the pumps are faster than each alone.",
        ),
        Slip(Fraction(fast, 2), "half_of_one", "This would be right if both pumps were as fast as the faster one."),
        Slip(slow - fast, "subtracted_times", "This is the difference of the times."),
        Slip(fast + slow, "added_times", "This adds the times; the rates must be added."),
        Slip(Fraction(slow, 2), "half_of_one", "This would be right if both pumps were as slow as the slower one."),
        Slip(
            Fraction(fast + slow, 4), "halved_average", "This halves the average of the times; the rates must be added."
        ),
    ]
    right, wrong = offer(rng, place, key, slips, _minutes, step=2)
    return Draft(
        stem=f"One pump fills {vessel} in {order[0]} minutes. Another pump fills it in {order[1]} minutes. How long "
        "do both pumps together take to fill it?",
        key=right,
        distractors=wrong,
        explanation=f"In one minute the pumps fill 1/{order[0]} and 1/{order[1]} of the whole, together "
        f"{Fraction(1, fast) + Fraction(1, slow)}. So together they take {_minutes(key)}.",
        structure={"kind": "together", "times": [fast, slow]},
        expected_success=expected("medium", 0.6 + 0.3 * (x > 1)),
    )


def _inverse(rng: random.Random, place: int) -> Draft:
    crew, days, other = rng.randint(2, 24), rng.randint(3, 40), rng.randint(2, 24)
    if crew == other or crew * days % other or crew * days > 600:
        raise Unsuitable("no whole number of days")
    key = crew * days // other
    if not 2 <= key <= 60:
        raise Unsuitable("days out of range")
    job = rng.choice(JOBS)
    slips = [
        Slip(
            Fraction(days * other, crew),
            "direct_proportion",
            "This treats it as direct proportion, but more workers need less time and fewer more.",
        ),
        Slip(days + crew - other, "added_difference", "This changes the days by the change in workers."),
        Slip(
            days - crew + other,
            "added_difference",
            "This changes the days by the change in workers, and the wrong way.",
        ),
        Slip(Fraction(crew * days, crew + other), "crews_added", "This lets both crews work together."),
        Slip(days, "unchanged", "This is the time of the first crew."),
        Slip(Fraction(days, 2), "halved", "The number of workers changes by another factor than two."),
        Slip(days * 2, "doubled", "The number of workers changes by another factor than two."),
    ]
    right, wrong = offer(rng, place, key, slips, _days, step=2)
    return Draft(
        stem=f"{crew} workers need {days} days to {job}. How long do {other} workers need, if all work at the same "
        "pace?",
        key=right,
        distractors=wrong,
        explanation=f"The job takes {crew} × {days} = {crew * days} days of one worker's work. Shared by {other} "
        f"workers that is {crew * days} ÷ {other} = {_days(key)}.",
        structure={"kind": "inverse", "crew": crew, "days": days, "other": other},
        expected_success=expected(
            "medium", 0.1 + 0.2 * (other % crew != 0 and crew % other != 0) + crew * days / 1_000
        ),
    )


def _joining_later(rng: random.Random, place: int) -> Draft:
    first, second = rng.randrange(20, 181, 4), rng.randrange(20, 181, 4)
    alone = rng.randrange(5, first - 5, 5)
    rest = Fraction(first - alone, first)
    both = Fraction(1, first) + Fraction(1, second)
    time = rest / both
    if first == second or time.denominator > 1 or time < 3:
        raise Unsuitable("no whole number of minutes")
    key = alone + time.numerator
    vessel = rng.choice(VESSELS)
    slips = [
        Slip(time, "head_start_left_out", f"This leaves out the {alone} minutes of the first pump alone."),
        Slip(
            alone + 1 / both, "started_afresh", "This lets both pumps fill everything, though a part is filled already."
        ),
        Slip(1 / both, "together_from_the_start", "This lets both pumps work from the start."),
        Slip(alone + Fraction(first - alone, 2), "half_the_rest", "This lets the two pumps be equally fast."),
        Slip(alone + rest * second, "second_alone", "This lets the second pump finish by itself."),
        Slip(first, "first_alone", "This is the time of the first pump alone."),
        Slip(second, "second_alone", "This is the time of the second pump alone."),
        Slip(second + alone, "second_alone", "This lets the second pump fill everything."),
    ]
    right, wrong = offer(rng, place, key, slips, _minutes, step=2)
    return Draft(
        stem=f"One pump fills {vessel} in {first} minutes, another in {second} minutes. The first pump works alone "
        f"for {alone} minutes; then the second one joins it. How long does the filling take, from the start of the "
        "first pump?",
        key=right,
        distractors=wrong,
        explanation=f"In {alone} minutes the first pump fills {Fraction(alone, first)}, so {rest} is left. Together "
        f"the pumps fill {both} a minute and need {rest} ÷ {both} = {_minutes(time.numerator)} more. In all: {alone} "
        f"+ {time} = {_minutes(key)}.",
        structure={"kind": "joining", "times": [first, second], "alone": alone},
        expected_success=expected("hard", 0.4 + both.denominator / 600),
    )


def _leaving_early(rng: random.Random, place: int) -> Draft:
    crew, days = rng.randint(4, 15), rng.randint(8, 30)
    change, after = rng.choice((-1, 1)) * rng.randint(1, crew - 2), rng.randint(2, days - 3)
    left = crew * (days - after)
    if left % (crew + change):
        raise Unsuitable("no whole number of days")
    rest = left // (crew + change)
    key = after + rest
    if rest < 2 or key > 70:
        raise Unsuitable("days out of range")
    job = rng.choice(JOBS)
    step = f"{-change} of them leave" if change < 0 else f"{change} more join them"
    if change == -1:
        step = "one of them leaves"
    elif change == 1:
        step = "one more joins them"
    slips = [
        Slip(rest, "days_so_far_left_out", f"This leaves out the first {after} days."),
        Slip(
            after + Fraction(crew * days, crew + change),
            "started_afresh",
            "This starts the whole job again with the new crew.",
        ),
        Slip(Fraction(crew * days, crew + change), "new_crew_only", "This lets the new crew do the whole job."),
        Slip(
            after + Fraction((crew + change) * (days - after), crew),
            "direct_proportion",
            "This treats it as direct proportion, but more workers need less time and fewer more.",
        ),
        Slip(days, "unchanged", "This is the time that was planned."),
        Slip(days - change, "added_difference", "This changes the days by the change in workers."),
        Slip(days + change, "added_difference", "This changes the days by the change in workers, and the wrong way."),
    ]
    right, wrong = offer(rng, place, key, slips, _days, step=2)
    return Draft(
        stem=f"{crew} workers would need {days} days to {job}. After {after} days, {step}. All work at the same "
        "pace. How long does the job take in all?",
        key=right,
        distractors=wrong,
        explanation=f"When the crew changes, {crew} × {days - after} = {left} days of one worker's work are left. "
        f"{crew + change} workers do that in {left} ÷ {crew + change} = {rest} days. In all: {after} + {rest} = "
        f"{_days(key)}.",
        structure={"kind": "leaving", "crew": crew, "days": days, "after": after, "change": change},
        expected_success=expected("hard", 0.2 + 0.2 * (change < 0) + crew * days / 900),
    )


def _minutes(value: int | Fraction) -> str:
    return f"{number(value)} minute{'s' if value != 1 else ''}"


def _days(value: int | Fraction) -> str:
    return f"{number(value)} day{'s' if value != 1 else ''}"


def _simulate(stem: str) -> int | Fraction | None:
    """What comes out when the story runs; None where it does not come out even."""
    numbers = whole_numbers_in(
        stem.replace(" one of them leaves", " 1 leave").replace(" one more joins", " 1 more join")
    )
    if "such" in stem:
        few, made, _, many, hours = numbers
        return sum(Fraction(made, few) for _ in range(many * hours))
    if "pump" in stem:
        first, second = numbers[:2]
        alone = numbers[2] if "joins" in stem else 0
        # One full vessel is first × second units, so that each pump adds a whole number of units a minute.
        filled = minute = 0
        while filled < first * second:
            filled += second + (first if minute >= alone else 0)
            minute += 1
        return minute if filled == first * second else None
    if "After" in stem:
        crew, days, after, change = numbers
        later = crew - change if "leave" in stem else crew + change
    else:
        crew, days, later = numbers
        after = 0
    work, day = crew * days, 0
    while work > 0:
        work -= crew if day < after else later
        day += 1
    return day if work == 0 else None


MODEL = WorkingTogether()
