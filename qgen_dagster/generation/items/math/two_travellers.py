"""Two travellers at once: meeting, drawing apart, catching up.

Radicals: directions, and whether both start at the same time.
- medium: same start, either towards each other (speeds add) or one after the other (the difference counts).
- hard: one starts later, and meets or catches up with the other (a gap to work out first, and a time to add).
Incidentals: who travels and how. The solver moves both minute by minute.
"""

from __future__ import annotations

import random
from fractions import Fraction

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import pick_names
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)
from qgen_dagster.generation.items.math._travel import LAND_WAYS, minutes_shown

_LONGEST = 1_500


class TwoTravellers(ItemModel):
    name = "two_travellers"
    version = 3
    family = "math"
    sub_type = "rate_and_work"
    levels = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"medium": (_towards, _apart), "hard": (_meeting, _catching_up)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _travel(shown.stem)
        return options_where(shown, lambda value: value == found)


def _towards(rng: random.Random, place: int) -> Draft:
    way = rng.choice(LAND_WAYS)
    v, w = rng.sample(way.speeds, 2)
    key = rng.randrange(15, 181, 5)
    if (v + w) * key % 60 or key == 60:
        raise Unsuitable("no whole distance, or nothing to convert")
    distance = (v + w) * key // 60
    slips = [
        Slip(
            Fraction(distance * 120, v + w),
            "average_speed_used",
            "This uses the average of the speeds; moving towards each other, add them.",
        ),
        Slip(
            Fraction(distance * 60, v), "one_speed_only", "This is the time for the whole distance at the first speed."
        ),
        Slip(
            Fraction(distance * 60, w), "one_speed_only", "This is the time for the whole distance at the second speed."
        ),
        Slip(
            Fraction(distance * 60, abs(v - w)),
            "speeds_subtracted",
            "This subtracts the speeds, as if one followed the other.",
        ),
        Slip(Fraction(distance * 100, v + w), "hours_as_hundredths", "An hour has 60 minutes, not 100."),
        Slip(Fraction(distance * 30, v), "half_the_way", "This lets the two meet in the middle, but one is faster."),
        Slip(Fraction(distance * 30, w), "half_the_way", "This lets the two meet in the middle, but one is faster."),
        Slip(key + 60, "one_hour_off", "This is one hour too much."),
        Slip(key - 60, "one_hour_off", "This is one hour too little."),
    ]
    right, wrong = offer(rng, place, key, slips, minutes_shown, step=5)
    a, b = pick_names(rng, 2)
    return Draft(
        stem=f"Two villages are {distance} km apart. {a} leaves one of them and {b} the other, at the same time, and "
        f"they move towards each other, {a} {way.doing} at {v} km/h and {b} at {w} km/h. How long does it take until "
        "the two meet?",
        key=right,
        distractors=wrong,
        explanation=f"The distance between them shrinks by {v} + {w} = {v + w} km in an hour. It is {distance} km, "
        f"so they need {distance} ÷ {v + w} × 60 = {minutes_shown(key)}.",
        structure={"kind": "towards", "speeds": sorted([v, w]), "distance": distance},
        expected_success=expected("medium", 0.3 + 0.4 * (key % 30 != 0)),
    )


def _apart(rng: random.Random, place: int) -> Draft:
    way = rng.choice(LAND_WAYS)
    v, w = sorted(rng.sample(way.speeds, 2))
    key = rng.randrange(15, 181, 5)
    if (w - v) * key % 60 or key == 60 or w - v < 3:
        raise Unsuitable("no whole distance, or nothing to convert")
    gap = (w - v) * key // 60
    slips = [
        Slip(
            Fraction(gap * 60, v + w),
            "speeds_added",
            "This adds the speeds, as if the two moved in opposite directions.",
        ),
        Slip(Fraction(gap * 60, w), "one_speed_only", "This is the time for that distance at the higher speed."),
        Slip(Fraction(gap * 60, v), "one_speed_only", "This is the time for that distance at the lower speed."),
        Slip(Fraction(gap * 100, w - v), "hours_as_hundredths", "An hour has 60 minutes, not 100."),
        Slip(Fraction(gap * 120, v + w), "average_speed_used", "This uses the average of the speeds."),
        Slip(key * 2, "doubled", "This is twice as long."),
        Slip(Fraction(key, 2), "halved", "This is half as long."),
        Slip(key + 60, "one_hour_off", "This is one hour too much."),
        Slip(key - 60, "one_hour_off", "This is one hour too little."),
    ]
    right, wrong = offer(rng, place, key, slips, minutes_shown, step=5)
    a, b = pick_names(rng, 2)
    return Draft(
        stem=f"{a} and {b} start at the same time and place and follow the same road, {a} {way.doing} at {v} km/h "
        f"and {b} at {w} km/h. How long does it take until {b} is {gap} km ahead?",
        key=right,
        distractors=wrong,
        explanation=f"{b} gains {w} − {v} = {w - v} km in an hour. For {gap} km that takes {gap} ÷ {w - v} × 60 = "
        f"{minutes_shown(key)}.",
        structure={"kind": "apart", "speeds": [v, w], "gap": gap},
        expected_success=expected("medium", 0.4 + 0.4 * (key % 30 != 0)),
    )


def _meeting(rng: random.Random, place: int) -> Draft:
    way = rng.choice(LAND_WAYS)
    v, w = rng.sample(way.speeds, 2)
    late, together = rng.randrange(10, 65, 5), rng.randrange(10, 125, 5)
    if v * late % 60 or (v + w) * together % 60:
        raise Unsuitable("no whole distances")
    ahead = v * late // 60
    distance = ahead + (v + w) * together // 60
    key = late + together
    slips = [
        Slip(together, "head_start_left_out", "This counts from the later start."),
        Slip(Fraction(distance * 60, v + w), "together_from_the_start", "This lets both start at the same time."),
        Slip(
            late + Fraction(distance * 60, v + w),
            "head_start_not_taken_off",
            f"This forgets the {ahead} km that are done before the second start.",
        ),
        Slip(
            Fraction(distance * 120, v + w),
            "average_speed_used",
            "This uses the average of the speeds; moving towards each other, add them.",
        ),
        Slip(
            Fraction(distance * 60, v), "one_speed_only", "This is the time for the whole distance at the first speed."
        ),
        Slip(
            Fraction(distance * 60, w), "one_speed_only", "This is the time for the whole distance at the second speed."
        ),
        Slip(together + late * 2, "head_start_twice", f"This counts the {late} minutes twice."),
        Slip(together - late, "head_start_taken_off", f"This takes the {late} minutes off instead of adding them."),
    ]
    right, wrong = offer(rng, place, key, slips, minutes_shown, step=5)
    a, b = pick_names(rng, 2)
    return Draft(
        stem=f"Two villages are {distance} km apart. {a} leaves one of them, {way.doing} towards the other at {v} "
        f"km/h. {late} minutes later, {b} leaves the other, {way.doing} towards {a} at {w} km/h. How long after the "
        f"start of {a} do the two meet?",
        key=right,
        distractors=wrong,
        explanation=f"In {late} minutes {a} covers {ahead} km, so {distance - ahead} km are left. Now the two come "
        f"closer at {v} + {w} = {v + w} km/h and need {distance - ahead} ÷ {v + w} × 60 = {together} minutes. In "
        f"all: {late} + {together} = {minutes_shown(key)}.",
        structure={"kind": "meeting", "speeds": [v, w], "late": late, "distance": distance},
        expected_success=expected("hard", 0.3 + 0.2 * (late % 30 != 0) + 0.2 * (together % 30 != 0)),
    )


def _catching_up(rng: random.Random, place: int) -> Draft:
    way = rng.choice(LAND_WAYS)
    v, w = rng.sample(way.speeds, 2)
    late = rng.randrange(5, 65, 5)
    if v >= w or v * late % (w - v) or v * late % 60:
        raise Unsuitable("never caught up, or no whole minutes")
    chase = v * late // (w - v)
    key = late + chase
    if not 10 <= chase <= 180:
        raise Unsuitable("too short or too long a chase")
    ahead = v * late // 60
    slips = [
        Slip(chase, "head_start_left_out", "This counts from the later start."),
        Slip(
            Fraction(v * late, v + w) + late,
            "speeds_added",
            "This adds the speeds, as if the two moved towards each other.",
        ),
        Slip(
            Fraction(v * late, w) + late,
            "first_stands_still",
            "This lets the first one stand still while the second follows.",
        ),
        Slip(
            Fraction(v * late, w),
            "first_stands_still",
            "This lets the first one stand still, and counts from the later start.",
        ),
        Slip(late * 2, "doubled", "This takes as long to catch up as the head start was."),
        Slip(key + late, "head_start_twice", f"This counts the {late} minutes twice."),
        Slip(Fraction(w * late, v), "ratio_only", "This only scales the head start by the ratio of the speeds."),
        Slip(chase - late, "head_start_taken_off", f"This takes the {late} minutes off instead of adding them."),
    ]
    right, wrong = offer(rng, place, key, slips, minutes_shown, step=5)
    a, b = pick_names(rng, 2)
    return Draft(
        stem=f"{a} leaves a village, {way.doing} at {v} km/h. {late} minutes later, {b} leaves the same village and "
        f"follows on the same road at {w} km/h. How long after the start of {a} does {b} catch up?",
        key=right,
        distractors=wrong,
        explanation=f"In {late} minutes {a} gets {ahead} km ahead. {b} gains {w} − {v} = {w - v} km in an hour, so "
        f"closing the gap takes {ahead} ÷ {w - v} × 60 = {chase} minutes. In all: {late} + {chase} = "
        f"{minutes_shown(key)}.",
        structure={"kind": "catching_up", "speeds": [v, w], "late": late},
        expected_success=expected("hard", 0.4 + 0.3 * (late % 30 != 0)),
    )


# One kilometre is 60 units here, so that at v km/h one moves v units a minute.
def _travel(stem: str) -> int | None:
    numbers = whole_numbers_in(stem)
    if "ahead" in stem:
        v, w, gap = numbers
        return next((m for m in range(1, _LONGEST) if w * m - v * m == gap * 60), None)
    if "towards each other" in stem:
        gap, v, w = numbers
        return _encounter(gap * 60, v, 0, w)
    gap, v, late, w = numbers if "villages" in stem else [0, *numbers]
    return _encounter(gap * 60, v, late, w)


def _encounter(gap: int, v: int, late: int, w: int) -> int | None:
    """Minutes until the two are in one place: from the two ends of `gap`, or one after the other where it is 0."""
    first, second, towards = 0, gap, -1 if gap else 1
    for minute in range(1, _LONGEST):
        first += v
        second += towards * w if minute > late else 0
        if first == second:
            return minute
    return None


MODEL = TwoTravellers()
