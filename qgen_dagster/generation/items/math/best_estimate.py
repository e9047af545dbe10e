"""Estimating a result without working it out exactly.

Radicals: number of factors, units to convert, distance between the options.
- easy: a product of two numbers close to round ones; neighbouring options differ by a factor of about 2.
- medium: three factors, or two with a conversion of time or length; neighbours differ by a factor of about 1.6.
- hard: products and quotients with conversions and large numbers; neighbours differ by a factor of about 1.4.
The options form a ladder, on which the place of the key is drawn at random. The exact result always lies much closer
to the key than to its neighbours. The solver works the result out exactly and takes the nearest option.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import number
from qgen_dagster.generation.items.math._numeric import OPTIONS, expected, numbers_in

RATIO = {"easy": Fraction(2), "medium": Fraction(8, 5), "hard": Fraction(7, 5)}
# The exact result may be off the key by so little.
TOLERANCE = {"easy": Fraction(12, 100), "medium": Fraction(8, 100), "hard": Fraction(6, 100)}


class Case(NamedTuple):
    """A situation: `text` with its numbers, the unit asked for, the exact result and a way to estimate it."""

    kind: str
    text: str
    values: list[int]
    exact: Fraction
    way: str


class BestEstimate(ItemModel):
    name = "best_estimate"
    version = 3
    family = "math"
    sub_type = "estimation"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        case = rng.choice(CASES[level])(rng)
        ratio = RATIO[level]
        place = rng.randrange(OPTIONS)
        ladder = [_rounded(case.exact * ratio ** (i - place)) for i in range(OPTIONS)]
        key = ladder[place]
        if len(set(ladder)) < OPTIONS or ladder[0] < 10 or abs(key - case.exact) > case.exact * TOLERANCE[level]:
            raise Unsuitable("options too close, or the key too rough")
        wrong = tuple(_distractor(value, case) for value in ladder if value != key)
        return Draft(
            stem=case.text,
            key=Choice(f"about {number(key)}"),
            distractors=wrong,
            explanation=f"{case.way} The nearest of the options is about {number(key)}. (The exact result is "
            f"{_exact(case.exact)}.)",
            structure={"kind": case.kind, "values": case.values},
            expected_success=expected(level, min(0.9, len(str(key)) / 10 + 0.1 * len(case.values))),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        exact = _work_out(shown.stem)
        offered = [numbers_in(option.text)[0] for option in shown.options]
        gaps = [max(value / exact, exact / value) for value in offered]
        best = min(gaps)
        # Another option that is nearly as near would make the item unfair, so it counts as justified too.
        return [i for i, gap in enumerate(gaps) if gap - 1 <= (best - 1) * 2]


def _distractor(value: int, case: Case) -> Choice:
    high = value > case.exact
    times = max(value / case.exact, case.exact / value)
    far = times > Fraction(21, 10)
    size = f"{'far too' if far else 'too'} {'large' if high else 'small'}"
    part = f"{number(Fraction(round(times * 10), 10))} times"
    compared = f"{part} as much as the exact result" if high else f"the exact result divided by {part.split()[0]}"
    cause = "a factor or a conversion is off" if far else "rounding with care does not lead so far off"
    return Choice(f"about {number(value)}", mistake=size.replace(" ", "_"), note=f"This is about {compared}: {cause}.")


def _rounded(value: Fraction) -> int:
    """Two digits, then zeros."""
    whole = round(value)
    digits = len(str(whole))
    return whole if digits < 3 else round(value / 10 ** (digits - 2)) * 10 ** (digits - 2)


def _exact(value: Fraction) -> str:
    return number(value) if value.denominator == 1 else f"about {number(round(value))}"


def _near_ten(rng: random.Random, low: int, high: int) -> int:
    """A number close to a multiple of ten."""
    return rng.randrange(low, high, 10) + rng.choice((-2, -1, 1, 2))


def _tens(value: int) -> int:
    return round(value / 10) * 10


def _product(rng: random.Random) -> Case:
    a, b = _near_ten(rng, 20, 100), _near_ten(rng, 20, 300)
    text = rng.choice(
        (
            "A hall has {a} rows of {b} seats. About how many seats are there?",
            "A lorry carries {a} boxes with {b} bottles in each. About how many bottles are there?",
            "A printer prints {a} pages a minute. About how many pages does it print in {b} minutes?",
            "An orchard has {a} rows of {b} trees. About how many trees are there?",
            "A book has {a} chapters of {b} pages each. About how many pages are there?",
            "A factory packs {b} boxes an hour. About how many boxes does it pack in {a} hours?",
        )
    )
    x, y = _tens(a), _tens(b)
    return Case(
        "product",
        text.format(a=a, b=b),
        sorted([a, b]),
        Fraction(a * b),
        f"Round to tens: {a} × {b} is close to {x} × {y} = {number(x * y)}.",
    )


def _per_day(rng: random.Random) -> Case:
    a, days = _near_ten(rng, 20, 100), rng.randint(2, 14)
    text = f"A tap drips {a} times a minute. About how many times does it drip in {days} days?"
    near = _tens(a) * 1_440 * days
    return Case(
        "drips",
        text,
        [a, days],
        Fraction(a * 1_440 * days),
        f"A day has 24 × 60 = 1,440 minutes. Take {_tens(a)} drips a minute: {_tens(a)} × 1,440 × {days} = "
        f"{number(near)}.",
    )


def _steps(rng: random.Random) -> Case:
    km, cm = rng.randint(3, 42), rng.randint(56, 89)
    text = f"A walker covers {km} km, with steps of {cm} cm. About how many steps is that?"
    near = round(km * 100_000 / _tens(cm))
    return Case(
        "steps",
        text,
        [km, cm],
        Fraction(km * 100_000, cm),
        f"{km} km are {number(km * 100_000)} cm. Divided by about {_tens(cm)} that is close to {number(near)}.",
    )


def _three_factors(rng: random.Random) -> Case:
    a, b, c = _near_ten(rng, 20, 80), _near_ten(rng, 20, 60), rng.randint(3, 9)
    text = rng.choice(
        (
            "A tower has {c} floors with {a} rooms each, and {b} lamps in every room. About how many lamps are there?",
            "A ship has {c} decks with {a} cabins each, and {b} tiles in every cabin. About how many tiles are there?",
            "A library has {c} halls with {a} shelves each, and {b} books on every shelf. About how many books are "
            "there?",
        )
    )
    near = _tens(a) * _tens(b) * c
    return Case(
        "three_factors",
        text.format(a=a, b=b, c=c),
        [*sorted([a, b]), c],
        Fraction(a * b * c),
        f"Round to tens: {_tens(a)} × {_tens(b)} × {c} = {number(near)}.",
    )


def _reservoir(rng: random.Random) -> Case:
    people, litres, store = rng.randint(12, 95) * 1_000, _near_ten(rng, 90, 180), rng.randint(80, 900)
    text = (
        f"A town of {number(people)} people uses {litres} litres of water per person and day. Its reservoir holds "
        f"{store} million litres. About how many days does the water last?"
    )
    near = round(store * 1_000_000 / (people * _tens(litres)))
    return Case(
        "reservoir",
        text,
        [people, litres, store],
        Fraction(store * 1_000_000, people * litres),
        f"The town uses about {number(people)} × {_tens(litres)} = {number(people * _tens(litres))} litres a day. "
        f"{store} million litres divided by this is close to {number(near)}.",
    )


def _power(rng: random.Random) -> Case:
    lamps, watts, hours = _near_ten(rng, 30, 180), rng.choice((7, 9, 11, 13, 18, 22)), rng.randint(3, 13)
    text = (
        f"A school has {lamps} lamps of {watts} watts each. They are on for {hours} hours a day. About how many "
        "kilowatt-hours do they use in a year of 365 days?"
    )
    exact = Fraction(lamps * watts * hours * 365, 1_000)
    return Case(
        "power",
        text,
        [lamps, watts, hours],
        exact,
        f"Together the lamps take about {_tens(lamps)} × {watts} = {number(_tens(lamps) * watts)} watts. Times "
        f"{hours} hours and 365 days, divided by 1,000, that is close to "
        f"{number(round(Fraction(_tens(lamps) * watts * hours * 365, 1_000)))}.",
    )


def _queue(rng: random.Random) -> Case:
    trains, minutes, seats, hours = (
        rng.randint(2, 9),
        rng.choice((4, 6, 8, 12, 15)),
        _near_ten(rng, 60, 140),
        rng.randint(14, 20),
    )
    text = (
        f"On a line, a train with {trains} coaches leaves every {minutes} minutes for {hours} hours a day. A coach "
        f"has {seats} seats. About how many seats is that in a week of 7 days?"
    )
    exact = Fraction(60 * hours * 7 * trains * seats, minutes)
    near = round(Fraction(60 * hours * 7 * trains * _tens(seats), minutes))
    return Case(
        "trains",
        text,
        [trains, minutes, seats, hours],
        exact,
        f"{number(60 * hours)} minutes a day ÷ {minutes} gives {number(Fraction(60 * hours, minutes))} trains a day. "
        f"Times 7 days, {trains} coaches and about {_tens(seats)} seats, that is close to {number(near)}.",
    )


CASES: dict[str, tuple[Callable[[random.Random], Case], ...]] = {
    "easy": (_product,),
    "medium": (_per_day, _steps, _three_factors, _three_factors),
    "hard": (_reservoir, _power, _queue),
}


def _work_out(stem: str) -> Fraction:
    """The exact result from the numbers and units in the stem."""
    numbers = numbers_in(stem)
    if "million" in stem:
        people, daily, millions = numbers
        return millions * 10**6 / people / daily
    if "kilowatt-hours" in stem:
        lamps, watts, hours, days = numbers
        return lamps * (watts / 1_000) * (hours * days)
    if "coaches" in stem:
        coaches, every, hours, seats, days = numbers
        return (hours * 60 / every) * (coaches * seats) * days
    if "steps" in stem:
        km, cm = numbers
        return km * 1_000 / (cm / 100)
    if re.search(r"times a minute.*days", stem):
        rate, days = numbers
        return rate * 60 * 24 * days
    result = Fraction(1)
    for value in numbers:
        result *= value
    return result


MODEL = BestEstimate()
