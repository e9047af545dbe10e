"""Probability of drawing from a bag.

Radicals: number of draws, whether the contents change between them, number of cases to add.
- easy: one draw; one colour, one of two colours, or not a colour.
- medium: two draws without putting back; both of one colour, or one of each of two colours in any order.
- hard: three draws; at least one of a colour, or exactly two of it; or two draws of the same colour, whichever.
Incidentals: colours and what is drawn. The solver lists all draws of single, numbered things and counts.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from fractions import Fraction
from functools import cached_property
from itertools import combinations

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, number
from qgen_dagster.generation.items.math._numeric import (
    OPTIONS,
    Slip,
    Value,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
)

COLOURS = ("red", "blue", "green", "yellow", "white", "black")
THINGS = (("bag", "marbles"), ("box", "buttons"), ("bag", "beads"), ("jar", "tokens"), ("box", "cards"))
NUMBER_WORDS = {"two": 2, "three": 3}


class BagDraws(ItemModel):
    name = "bag_draws"
    version = 3
    family = "math"
    sub_type = "probability"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {
            "easy": (_one_draw,),
            "medium": (_both_of_one, _one_of_each),
            "hard": (_at_least_one, _exactly_two, _same_colour),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        chance = _counted_chance(shown.stem)
        return options_where(shown, lambda value: value == chance)


class _Bag:
    """Counts of colours, and the words for them."""

    def __init__(self, rng: random.Random, colours: int, least: int, most: int) -> None:
        self.counts = [least + int(rng.random() * (most + 1 - least)) for _ in range(colours)]
        self.total = sum(self.counts)
        self._rng = rng

    # The words are drawn on first use, since most bags are rejected for their counts.
    @cached_property
    def colours(self) -> list[str]:
        return self._rng.sample(COLOURS, len(self.counts))

    @cached_property
    def _wording(self) -> tuple[str, str]:
        return self._rng.choice(THINGS)

    @property
    def holder(self) -> str:
        return self._wording[0]

    @property
    def things(self) -> str:
        return self._wording[1]

    @property
    def one(self) -> str:
        return self.things[:-1]

    @property
    def stem(self) -> str:
        contents = listed([f"{n} {colour}" for n, colour in zip(self.counts, self.colours, strict=True)])
        return f"A {self.holder} holds {contents} {self.things}."

    def several(self, draws: str) -> str:
        return f"{self.stem} {draws} {self.things} are drawn at random, without putting any back."


def _chance(value: Value) -> bool:
    return 0 < value.numerator < value.denominator <= 999


def _require_room(place: int, key: Fraction) -> None:
    """Between 0 and 1 there must be room for the distractors on either side of the key."""
    over, under = key.numerator, key.denominator
    # place/12 < key < 1 − (places above)/9, in whole numbers: most draws end here.
    if not (place * under < 12 * over and 9 * over < (10 - OPTIONS + place) * under):
        raise Unsuitable("no room for so many options on one side")


def _draft(
    rng: random.Random,
    place: int,
    bag: _Bag,
    level: ItemLevel,
    stem: str,
    key: Fraction,
    slips: list[Slip],
    why: str,
    structure: list[object],
    burden: float,
) -> Draft:
    right, wrong = offer(rng, place, key, slips, _fraction, step=Fraction(1, bag.total), fits=_chance)
    return Draft(
        stem=stem,
        key=right,
        distractors=wrong,
        explanation=why,
        structure={"asked": structure[0], "counts": structure[1:]},
        expected_success=expected(level, burden),
    )


def _one_draw(rng: random.Random, place: int) -> Draft:
    bag = _Bag(rng, rng.choice((2, 3, 3, 4)), 2, 12)
    a, b, *rest = bag.counts
    n, (one, two, *_) = bag.total, bag.colours
    asked = rng.choice(("is", "is_not", "either") if rest else ("is", "is_not"))
    good = {"is": a, "is_not": n - a, "either": a + b}[asked]
    what = {"is": f"is {one}", "is_not": f"is not {one}", "either": f"is {one} or {two}"}[asked]
    key = Fraction(good, n)
    _require_room(place, key)
    slips = [
        Slip(
            Fraction(good, n - good) if good < n else 0,
            "odds",
            "This compares with the others, not with all: these are the odds.",
        ),
        Slip(Fraction(n - good, n), "complement", "This is the probability that it does not happen."),
        Slip(Fraction(n - good, good) if good else 0, "odds", "This compares the others with those wanted."),
        Slip(Fraction(b, n), "wrong_colour", f"This is the probability of {two}."),
        Slip(Fraction(1, len(bag.counts)), "colours_equally_likely", "This takes all colours as equally likely."),
        Slip(Fraction(1, good), "one_over_number", f"This is one divided by the number of {bag.things} wanted."),
        Slip(Fraction(a, n), "one_colour_only", f"This is the probability of {one}."),
        Slip(Fraction(good + 1, n), "miscounted", f"This counts one {bag.one} too many."),
        Slip(Fraction(good - 1, n), "miscounted", f"This counts one {bag.one} too few."),
        Slip(Fraction(good, n + 1), "miscounted", f"This counts one {bag.one} too many in all."),
        Slip(Fraction(good, n - 1), "miscounted", f"This counts one {bag.one} too few in all."),
    ]
    why = (
        f"There are {n} {bag.things} in all, each as likely to be drawn, and {good} of them {_plural_verb(what)}. "
        f"The probability is {_ratio(good, n)}."
    )
    stem = f"{bag.stem} One {bag.one} is drawn at random. What is the probability that it {what}?"
    others = sorted(rest) if asked == "either" else sorted(bag.counts[1:])
    wanted = sorted([a, b]) if asked == "either" else [a]
    return _draft(
        rng, place, bag, "easy", stem, key, slips, why, [asked, wanted, others], 0.3 * (asked != "is") + n / 80
    )


def _both_of_one(rng: random.Random, place: int) -> Draft:
    bag = _Bag(rng, rng.choice((2, 3)), 2, 12)
    a, b, *rest = bag.counts
    n = bag.total
    if a < 3:
        raise Unsuitable("too few of the colour")
    key = Fraction(a * (a - 1), n * (n - 1))
    _require_room(place, key)
    one, two, *_ = bag.colours
    slips = [
        Slip(Fraction(a * a, n * n), "put_back", f"This puts the first {bag.one} back."),
        Slip(Fraction(a, n), "one_draw_only", "This is the probability for the first draw alone."),
        Slip(
            Fraction(a, n) + Fraction(a - 1, n - 1),
            "added_not_multiplied",
            "This adds the two probabilities; multiply them.",
        ),
        Slip(
            Fraction(a * (a - 1), n * n),
            "total_not_reduced",
            f"For the second draw only {n - 1} {bag.things} are left.",
        ),
        Slip(Fraction(b * (b - 1), n * (n - 1)), "wrong_colour", f"This is the probability that both are {two}."),
        Slip(1 - key, "complement", "This is the probability that it does not happen."),
        Slip(
            Fraction(a * a, n * (n - 1)), "number_not_reduced", f"For the second draw only {a - 1} {one} ones are left."
        ),
        Slip(Fraction(a, 2 * n), "halved", "This halves the probability for one draw."),
        Slip(Fraction(2, n), "two_of_all", f"This compares two {bag.things} with all of them."),
        Slip(Fraction(a - 1, n - 1), "second_draw_only", "This is the probability for the second draw alone."),
    ]
    why = (
        f"The first {bag.one} is {one} with probability {a}/{n}. Then {a - 1} of {n - 1} are {one}, so the second "
        f"one is {one} with probability {a - 1}/{n - 1}. The product is "
        f"{a * (a - 1)}/{n * (n - 1)}{_reduced(a * (a - 1), n * (n - 1))}."
    )
    stem = f"{bag.several('Two')} What is the probability that both are {one}?"
    return _draft(rng, place, bag, "medium", stem, key, slips, why, ["both", [a], sorted([b, *rest])], n / 40)


def _one_of_each(rng: random.Random, place: int) -> Draft:
    bag = _Bag(rng, rng.choice((2, 3, 3)), 2, 11)
    a, b, *rest = bag.counts
    n = bag.total
    key = Fraction(2 * a * b, n * (n - 1))
    _require_room(place, key)
    one, two, *_ = bag.colours
    slips = [
        Slip(key / 2, "one_order_only", f"This counts {one} first and {two} second only; the other order counts too."),
        Slip(Fraction(2 * a * b, n * n), "put_back", f"This puts the first {bag.one} back."),
        Slip(
            Fraction(a * b, n * n),
            "put_back_one_order",
            f"This puts the first {bag.one} back and counts one order only.",
        ),
        Slip(
            Fraction(a, n) + Fraction(b, n - 1),
            "added_not_multiplied",
            "This adds the two probabilities; multiply them.",
        ),
        Slip(1 - key, "complement", "This is the probability that it does not happen."),
        Slip(Fraction(a + b, n), "either", f"This is the probability that one {bag.one} is {one} or {two}."),
        Slip(
            Fraction((a + b) * (a + b - 1), n * (n - 1)),
            "same_colours_let_in",
            f"This also counts two {one} or two {two} ones.",
        ),
        Slip(Fraction(1, 2), "colours_equally_likely", "This takes both outcomes as equally likely."),
        Slip(Fraction(a * b, n), "all_divided_once", "This divides by the number of things once only."),
    ]
    why = (
        f"First {one}, then {two} has probability {a}/{n} × {b}/{n - 1} = {a * b}/{n * (n - 1)}. First {two}, then "
        f"{one} is as likely. Together: {2 * a * b}/{n * (n - 1)}{_reduced(2 * a * b, n * (n - 1))}."
    )
    stem = f"{bag.several('Two')} What is the probability that one is {one} and the other is {two}?"
    return _draft(rng, place, bag, "medium", stem, key, slips, why, ["each", sorted([a, b]), rest], 0.4 + n / 60)


def _at_least_one(rng: random.Random, place: int) -> Draft:
    bag = _Bag(rng, rng.choice((2, 3, 3)), 2, 9)
    a, *rest = bag.counts
    n = bag.total
    b = n - a
    if b < 3 or n > 20:
        raise Unsuitable("certain, or too many draws to list")
    ways, none = n * (n - 1) * (n - 2), b * (b - 1) * (b - 2)
    key = Fraction(ways - none, ways)
    _require_room(place, key)
    one = bag.colours[0]
    slips = [
        Slip(Fraction(n**3 - b**3, n**3), "put_back", f"This puts each {bag.one} back."),
        Slip(Fraction(3 * a * b * (b - 1), ways), "exactly_one", f"This is for exactly one {one} {bag.one}."),
        Slip(Fraction(none, ways), "complement", f"This is the probability of no {one} {bag.one}."),
        Slip(Fraction(3 * a, n), "added", "This adds the probability of one draw three times."),
        Slip(Fraction(a, n), "one_draw_only", "This is the probability for one draw."),
        Slip(Fraction(a * b * (b - 1), ways), "one_order_only", f"This lets only the first one be {one}."),
        Slip(
            Fraction(ways - none, none), "odds", "This compares with the other cases, not with all: these are the odds."
        ),
        Slip(
            Fraction(ways - a * (a - 1) * (a - 2), ways), "wrong_colour", f"This is for at least one that is not {one}."
        ),
        Slip(Fraction(n * (n - 1) - b * (b - 1), n * (n - 1)), "two_draws_only", "This is for two draws."),
        Slip(Fraction(n**3 - none, n**3), "total_not_reduced", f"One {bag.one} fewer is left at each draw."),
    ]
    why = (
        f"The opposite is that none is {one}: {b}/{n} × {b - 1}/{n - 1} × {b - 2}/{n - 2} = {_ratio(none, ways)}. "
        f"The probability of at least one is 1 − {Fraction(none, ways)} = {_fraction(key)}."
    )
    stem = f"{bag.several('Three')} What is the probability that at least one of them is {one}?"
    return _draft(rng, place, bag, "hard", stem, key, slips, why, ["at_least_one", [a], sorted(rest)], 0.2 + n / 40)


def _exactly_two(rng: random.Random, place: int) -> Draft:
    bag = _Bag(rng, rng.choice((2, 3, 3)), 2, 9)
    a, *rest = bag.counts
    n = bag.total
    b = n - a
    if n > 20:
        raise Unsuitable("too many draws to list")
    ways = n * (n - 1) * (n - 2)
    key = Fraction(3 * a * (a - 1) * b, ways)
    _require_room(place, key)
    one = bag.colours[0]
    slips = [
        Slip(key / 3, "one_order_only", f"This fixes which {bag.one} is not {one}; there are three orders."),
        Slip(Fraction(3 * a * a * b, n**3), "put_back", f"This puts each {bag.one} back."),
        Slip(Fraction(a * (a - 1), n * (n - 1)), "third_draw_ignored", f"This leaves the third {bag.one} out."),
        Slip(key + Fraction(a * (a - 1) * (a - 2), ways), "at_least_two", f"This also counts three {one} ones."),
        Slip(key * 2 / 3, "order_missed", "This misses one of the three orders."),
        Slip(Fraction(3 * b * (b - 1) * a, ways), "wrong_colour", f"This is for exactly one {one} {bag.one}."),
        Slip(1 - key, "complement", "This is the probability that it does not happen."),
        Slip(key * 2, "six_orders", "There are three orders, not six."),
        Slip(Fraction(3 * a * a * b, ways), "number_not_reduced", f"After one {one} {bag.one}, one fewer is left."),
    ]
    why = (
        f"One order is {one}, {one}, other: {a}/{n} × {a - 1}/{n - 1} × {b}/{n - 2} = "
        f"{_ratio(a * (a - 1) * b, ways)}. The other one may be drawn first, second or third, which is equally "
        f"likely, so multiply by 3: {_fraction(key)}."
    )
    stem = f"{bag.several('Three')} What is the probability that exactly two of them are {one}?"
    return _draft(rng, place, bag, "hard", stem, key, slips, why, ["exactly_two", [a], sorted(rest)], 0.4 + n / 40)


def _same_colour(rng: random.Random, place: int) -> Draft:
    bag = _Bag(rng, rng.choice((3, 4, 4)), 2, 9)
    n = bag.total
    pairs = [count * (count - 1) for count in bag.counts]
    key = Fraction(sum(pairs), n * (n - 1))
    _require_room(place, key)
    slips = [
        Slip(
            Fraction(sum(c * c for c in bag.counts), n * n),
            "put_back",
            f"This puts the first {bag.one} back.",
        ),
        Slip(1 - key, "complement", "This is the probability of two different colours."),
        Slip(Fraction(1, len(pairs)), "colours_equally_likely", "This takes all colours as equally likely."),
        *(
            Slip(Fraction(pair, n * (n - 1)), "one_colour_only", f"This is the probability of two {c} ones.")
            for pair, c in zip(pairs, bag.colours, strict=True)
        ),
        Slip(
            Fraction(sum(pairs), n * n), "total_not_reduced", f"For the second draw only {n - 1} {bag.things} are left."
        ),
        Slip(
            Fraction(sum(c * c for c in bag.counts), n * (n - 1)),
            "number_not_reduced",
            "For the second draw one fewer of that colour is left.",
        ),
        Slip(Fraction(sum(pairs) - min(pairs), n * (n - 1)), "colour_left_out", "This leaves one of the colours out."),
        Slip(key / 2, "halved", "This halves the result, but both orders are one draw of two."),
        Slip(key * 2, "doubled", "This counts both orders, though they are counted already."),
    ]
    terms = " + ".join(map(str, pairs))
    why = (
        f"For each colour take its number times one less: {terms} = {sum(pairs)} of {n} × {n - 1} = {n * (n - 1)} "
        f"ordered draws. The probability is {_ratio(sum(pairs), n * (n - 1))}."
    )
    stem = f"{bag.several('Two')} What is the probability that they have the same colour?"
    return _draft(rng, place, bag, "hard", stem, key, slips, why, ["same", sorted(bag.counts)], 0.2 + 0.15 * len(pairs))


def _fraction(value: Value) -> str:
    exact = Fraction(value)
    return f"{exact.numerator}/{exact.denominator}"


def _reduced(over: int, under: int) -> str:
    """ " = 1/3" where 2/6 has been written; nothing where the fraction stands in lowest terms."""
    lowest = _fraction(Fraction(over, under))
    return "" if lowest == f"{over}/{under}" else f" = {lowest}"


def _ratio(over: int, under: int) -> str:
    return f"{number(over)}/{number(under)}{_reduced(over, under)}"


def _plural_verb(what: str) -> str:
    return what.replace("is", "are", 1)


def _counted_chance(stem: str) -> Fraction:
    """All draws of single things, one by one: those that fit over all."""
    contents = re.findall(r"(\d+) ([a-z]+)", stem.split(".")[0])
    things = [colour for count, colour in contents for _ in range(int(count))]
    question = stem.rsplit("probability that ", 1)[1].rstrip("?")
    named = [colour for _, colour in contents if re.search(rf"\b{colour}\b", question)]
    size = next((n for word, n in NUMBER_WORDS.items() if f" {word} " in stem.lower()), 1)
    draws = Counter(combinations(things, size))
    return Fraction(sum(n for draw, n in draws.items() if _happens(question, draw, named)), draws.total())


def _happens(question: str, draw: tuple[str, ...], named: list[str]) -> bool:
    if "same colour" in question:
        return len(set(draw)) == 1
    if "the other" in question:
        return sorted(draw) == sorted(named)
    hits = sum(colour in named for colour in draw)
    if "at least one" in question:
        return hits >= 1
    if "exactly two" in question:
        return hits == 2
    if " not " in question:
        return hits == 0
    return hits == len(draw)


MODEL = BagDraws()
