"""Distance, speed and time.

Radicals: number of legs, units to convert, whether the quantity asked is a mean that must be weighted.
- easy: one leg; the distance, or the time, with one conversion between minutes and hours.
- medium: two legs and a stop; the whole time, or the mean speed over both legs.
- hard: the mean speed there and back with a stay, or the speed needed for the rest of a way.
The pull of the plain average of two speeds is the classic trap here.
Incidentals: who travels and how. The solver moves everybody minute by minute.
"""

from __future__ import annotations

import random
from fractions import Fraction
from functools import cache
from itertools import permutations, product

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import number, pick_names
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    Value,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)
from qgen_dagster.generation.items.math._travel import LAND_WAYS, Way, minutes_shown


class JourneyTimes(ItemModel):
    name = "journey_times"
    version = 3
    family = "math"
    sub_type = "word_problem"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {
            "easy": (_one_leg,),
            "medium": (_two_legs, _mean_of_legs),
            "hard": (_there_and_back, _speed_needed),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _travel(shown.stem)
        return options_where(shown, lambda value: value == found)


def _one_leg(rng: random.Random, place: int) -> Draft:
    way, who = rng.choice(LAND_WAYS), pick_names(rng, 1)[0]
    speed, minutes = rng.choice(way.speeds), rng.randrange(6, 150)
    if speed * minutes % 60 or minutes % 60 == 0 or speed == 60 or (minutes % 5 and minutes % 6):
        raise Unsuitable("no whole distance, or nothing to convert")
    distance = speed * minutes // 60
    if rng.random() < 0.5:
        stem = f"{who} {way.verb} for {minutes} minutes at {speed} km/h. How far is that?"
        slips, key, show, step = _distance_slips(speed, minutes, distance), distance, _km, 1
        why = (
            f"{minutes} minutes are {minutes}/60 = {_hours(minutes)} of an hour. The distance is {speed} × "
            f"{_hours(minutes)} = {_km(distance)}."
        )
    else:
        stem = f"{who} {way.verb} {distance} km at {speed} km/h. How long does that take?"
        slips, key, show, step = _time_slips(speed, minutes, distance), minutes, minutes_shown, 5
        why = (
            f"The time is {distance} ÷ {speed} = {_hours(minutes)} of an hour; {_hours(minutes)} × 60 = "
            f"{minutes_shown(minutes)}."
        )
    right, wrong = offer(rng, place, key, slips, show, step=step)
    return Draft(
        stem=stem,
        key=right,
        distractors=wrong,
        explanation=why,
        structure={
            "kind": "one_leg",
            "speed": speed,
            "minutes": minutes,
            "asked": "distance" if key == distance else "time",
        },
        expected_success=expected("easy", 0.2 + 0.4 * (minutes % 30 != 0) + 0.3 * (key == minutes)),
    )


def _distance_slips(speed: int, minutes: int, distance: int) -> list[Slip]:
    return [
        Slip(
            speed * Fraction(minutes, 100),
            "minutes_as_hundredths",
            f"{minutes} minutes are {minutes}/60 of an hour, not {minutes}/100.",
        ),
        Slip(speed, "time_ignored", "This is how far it would be in a whole hour."),
        Slip(
            Fraction(speed * 60, minutes),
            "divided_not_multiplied",
            "This divides by the time; multiply the speed by it.",
        ),
        Slip(distance * 2, "doubled", "This is twice as far."),
        Slip(Fraction(distance, 2), "halved", "This is half as far."),
        Slip(abs(speed - distance), "rest_of_the_hour", "This is the difference from what a whole hour would give."),
        Slip(Fraction(speed * (minutes + 15), 60), "time_misread", "This takes a quarter of an hour too much."),
        Slip(Fraction(speed * (minutes - 15), 60), "time_misread", "This takes a quarter of an hour too little."),
        Slip(Fraction(speed * (minutes + 10), 60), "time_misread", "This takes ten minutes too many."),
        Slip(Fraction(speed * (minutes - 10), 60), "time_misread", "This takes ten minutes too few."),
    ]


def _time_slips(speed: int, minutes: int, distance: int) -> list[Slip]:
    return [
        Slip(
            Fraction(distance * 100, speed),
            "hours_as_hundredths",
            f"An hour has 60 minutes, not 100: {distance} ÷ {speed} is in hours.",
        ),
        Slip(Fraction(speed * 60, distance), "inverted", "This divides the speed by the distance."),
        Slip(minutes + 60, "one_hour_off", "This is one hour too much."),
        Slip(minutes - 60, "one_hour_off", "This is one hour too little."),
        Slip(distance, "speed_ignored", "This takes one minute for each kilometre."),
        Slip(
            abs(speed - distance),
            "subtracted",
            "This subtracts distance and speed, which are different kinds of quantity.",
        ),
        Slip(minutes * 2, "doubled", "This is twice as long."),
        Slip(Fraction(minutes, 2), "halved", "This is half as long."),
    ]


def _legs(rng: random.Random) -> tuple[Way, int, int, int, int]:
    way = rng.choice(LAND_WAYS)
    first, second = rng.sample(way.speeds, 2)
    return way, first, rng.randrange(10, 121, 5), second, rng.randrange(10, 121, 5)


def _two_legs(rng: random.Random, place: int) -> Draft:
    way, v, t, w, u = _legs(rng)
    rest = rng.randrange(5, 35, 5)
    if v * t % 60 or w * u % 60 or t == u:
        raise Unsuitable("no whole distances")
    near, far = v * t // 60, w * u // 60
    key, whole = t + rest + u, near + far
    slips = [
        Slip(t + u, "rest_left_out", f"This leaves out the rest of {rest} minutes."),
        Slip(
            rest + Fraction(whole * 120, v + w),
            "average_speed_used",
            "This uses the average of the speeds; take each leg by itself.",
        ),
        Slip(rest + Fraction(whole * 60, v), "one_speed_for_all", "This uses the first speed for both legs."),
        Slip(rest + Fraction(whole * 60, w), "one_speed_for_all", "This uses the second speed for both legs."),
        Slip(rest + Fraction(near * 60, w) + Fraction(far * 60, v), "speeds_swapped", "This swaps the two speeds."),
        Slip(t + rest, "one_leg_only", "This leaves out the second leg."),
        Slip(u + rest, "one_leg_only", "This leaves out the first leg."),
        Slip(key + rest, "rest_twice", "This counts the rest twice."),
        Slip(key - 60, "one_hour_off", "This is one hour too little."),
        Slip(key + 60, "one_hour_off", "This is one hour too much."),
    ]
    right, wrong = offer(rng, place, key, slips, minutes_shown, step=5)
    who = pick_names(rng, 1)[0]
    return Draft(
        stem=f"{who} {way.verb} {near} km at {v} km/h, rests for {rest} minutes, and then goes on for {far} km at "
        f"{w} km/h. How long does all this take?",
        key=right,
        distractors=wrong,
        explanation=f"The first leg takes {near} ÷ {v} × 60 = {t} minutes, the second {far} ÷ {w} × 60 = {u} "
        f"minutes. With the rest that is {t} + {rest} + {u} = {minutes_shown(key)}.",
        structure={"kind": "two_legs", "legs": sorted([[v, t], [w, u]]), "rest": rest},
        expected_success=expected("medium", 0.1 + 0.2 * (t % 30 != 0) + 0.2 * (u % 30 != 0)),
    )


def _mean_of_legs(rng: random.Random, place: int) -> Draft:
    way, v, t, w, u = _legs(rng)
    metres = v * t + w * u
    if t == u or v * t % 60 or w * u % 60 or metres % (t + u):
        raise Unsuitable("no whole mean")
    key = metres // (t + u)
    slips = [
        Slip(
            Fraction(v + w, 2),
            "plain_average",
            "This is the plain average of the speeds, but the legs do not take the same time.",
        ),
        Slip(Fraction(v * u + w * t, t + u), "times_swapped", "This gives each speed the time of the other leg."),
        Slip(v, "one_leg_only", "This is the speed of the first leg."),
        Slip(w, "one_leg_only", "This is the speed of the second leg."),
        Slip(Fraction(metres, 60), "distance", "This is the distance in kilometres."),
        Slip(abs(v - w), "subtracted", "This is the difference of the speeds."),
        Slip(v + w, "added", "This adds the speeds."),
    ]
    right, wrong = _offer_speeds(rng, place, key, slips, max(v, w))
    who = pick_names(rng, 1)[0]
    return Draft(
        stem=f"{who} {way.verb} for {t} minutes at {v} km/h and then for {u} minutes at {w} km/h. What is the mean "
        "speed for the whole way?",
        key=right,
        distractors=wrong,
        explanation=f"The legs are {v * t // 60} km and {w * u // 60} km long, {metres // 60} km together, and take "
        f"{t + u} minutes. The mean speed is {metres // 60} ÷ {t + u} × 60 = {_kmh(key)}.",
        structure={"kind": "mean", "legs": sorted([[v, t], [w, u]])},
        expected_success=expected("medium", 0.7 + 0.2 * (t % 30 != 0 or u % 30 != 0)),
    )


@cache
def _outings() -> tuple[tuple[Way, int, int, int, int, int], ...]:
    """Every way, speed there, speed back, half hours of stay and distance that give a whole mean speed, and that."""
    found = []
    for way in LAND_WAYS:
        for v, w in permutations(way.speeds, 2):
            for stay, distance in product((0, 1, 2), range(4, min(200, 2 * min(v, w)) + 1, 2)):
                # The mean is 2 × distance ÷ (distance ÷ v + distance ÷ w + stay ÷ 2), here in whole numbers.
                mean, rest = divmod(4 * distance * v * w, 2 * distance * (v + w) + stay * v * w)
                if not rest and not distance * 60 % v and not distance * 60 % w and max(v, w) <= 2 * min(v, w):
                    found.append((way, v, w, stay, distance, mean))
    return tuple(found)


def _there_and_back(rng: random.Random, place: int) -> Draft:
    outings = _outings()
    way, v, w, stay, distance, key = outings[int(rng.random() * len(outings))]
    hours = Fraction(2 * distance, key)
    driving = hours - Fraction(stay, 2)
    slips = [
        Slip(
            Fraction(v + w, 2),
            "plain_average",
            "This is the plain average of the speeds, but the slower way takes longer.",
        ),
        Slip(2 * distance / driving, "stay_left_out", "This leaves the stay out of the time."),
        Slip(v, "one_way_only", "This is the speed on the way there."),
        Slip(w, "one_way_only", "This is the speed on the way back."),
        Slip(distance / hours, "one_way_counted", "This counts the distance once; it is covered twice."),
        Slip(abs(v - w), "subtracted", "This is the difference of the speeds."),
        Slip(v + w, "added", "This adds the speeds."),
    ]
    right, wrong = _offer_speeds(rng, place, key, slips, max(v, w))
    who = pick_names(rng, 1)[0]
    wait = {
        0: " and comes straight back",
        1: ", stays for 30 minutes and comes back",
        2: ", stays for 60 minutes and comes back",
    }[stay]
    total = int(hours * 60)
    return Draft(
        stem=f"{who} {way.verb} {distance} km to a lake at {v} km/h{wait} the same way at {w} km/h. What is the mean "
        f"speed for the whole outing{', the stay included' if stay else ''}?",
        key=right,
        distractors=wrong,
        explanation=f"The way there takes {distance * 60 // v} minutes and the way back {distance * 60 // w} "
        f"minutes{f'; with the stay of {stay * 30} minutes' if stay else ';'} that is {total} minutes in all. The "
        f"mean speed is {2 * distance} ÷ {total} × 60 = {_kmh(key)}.",
        structure={"kind": "there_and_back", "speeds": sorted([v, w]), "distance": distance, "stay": stay},
        expected_success=expected("hard", 0.3 + 0.3 * (stay > 0)),
    )


def _speed_needed(rng: random.Random, place: int) -> Draft:
    way, v, t, w, u = _legs(rng)
    near, far = Fraction(v * t, 60), Fraction(w * u, 60)
    if near.denominator > 1 or far.denominator > 1 or t == u:
        raise Unsuitable("no whole distances")
    distance, minutes = int(near + far), t + u
    mean = Fraction(distance * 60, minutes)
    slips = [
        Slip(2 * mean - v, "plain_average", "This would balance the speeds if both parts took the same time."),
        Slip(mean, "mean_of_whole", "This is the mean speed of the whole way, not of the rest."),
        Slip(v, "unchanged", "This is the speed so far."),
        Slip(Fraction(distance * 60, u), "distance_not_reduced", f"This forgets the {near} km that are done."),
        Slip(Fraction(int(far) * 60, minutes), "time_not_reduced", f"This forgets the {t} minutes that are gone."),
        Slip(Fraction(int(far) * 60, t), "times_swapped", f"This divides by {t} minutes, but {u} are left."),
        Slip(far, "distance", "This is the number of kilometres left."),
        Slip(abs(mean - v), "subtracted", "This is the difference of two speeds."),
    ]
    right, wrong = _offer_speeds(rng, place, w, slips, max(v, w))
    who = pick_names(rng, 1)[0]
    return Draft(
        stem=f"{who} has to cover {distance} km in {minutes} minutes. For the first {t} minutes, {who} {way.verb} at "
        f"{v} km/h. What mean speed is needed for the rest of the way?",
        key=right,
        distractors=wrong,
        explanation=f"In the first {t} minutes {who} covers {near} km, so {distance} − {near} = {far} km are left "
        f"for {minutes} − {t} = {u} minutes. The speed needed is {far} ÷ {u} × 60 = {_kmh(w)}.",
        structure={"kind": "speed_needed", "distance": distance, "minutes": minutes, "first": [v, t]},
        expected_success=expected("hard", 0.3 + 0.2 * (t % 30 != 0) + 0.2 * (u % 30 != 0)),
    )


def _offer_speeds(
    rng: random.Random, place: int, key: int, slips: list[Slip], fastest: int
) -> tuple[Choice, tuple[Choice, ...]]:
    """Options in km/h, none above what comes of adding two speeds: nobody would take more for a mean."""
    return offer(rng, place, key, slips, _kmh, step=2, fits=lambda v: v.denominator == 1 and 0 < v <= 2 * fastest)


def _km(value: Value) -> str:
    return f"{number(value)} km"


def _kmh(value: Value) -> str:
    return f"{number(value)} km/h"


def _hours(minutes: int) -> str:
    return number(Fraction(minutes, 60))


def _travel(stem: str) -> Value | None:
    numbers = whole_numbers_in(stem)
    if "How far" in stem:
        minutes, speed = numbers
        return Fraction(sum(speed for _ in range(minutes)), 60)
    if "for the whole way" in stem:
        t, v, u, w = numbers
        return Fraction(sum([v] * t) + sum([w] * u), t + u)
    if "has to cover" in stem:
        distance, whole, t, v = numbers
        left = distance * 60 - sum([v] * t)
        return Fraction(left, whole - t)
    if "lake" in stem:
        distance, v, *stay, w = numbers
        there, back = _clock(distance, v), _clock(distance, w)
        return Fraction(2 * distance * 60, there + sum(stay) + back) if there and back else None
    legs = [numbers] if len(numbers) == 2 else [numbers[:2], numbers[3:]]
    times = [_clock(distance, speed) for distance, speed in legs]
    return None if None in times else sum(filter(None, times)) + (numbers[2] if len(legs) == 2 else 0)


def _clock(distance: int, speed: int) -> int | None:
    """Minutes on the way, counted one by one; None where arrival is not on a full minute."""
    at = minutes = 0
    while at < distance * 60:
        at += speed
        minutes += 1
    return minutes if at == distance * 60 else None


MODEL = JourneyTimes()
