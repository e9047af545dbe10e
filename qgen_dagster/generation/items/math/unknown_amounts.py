"""Unknown amounts from what is said about them (equations in words).

Radicals: number of unknowns, relations between them, moments in time.
- easy: two amounts, their sum and their difference (two steps).
- medium: two kinds with a total of things and a total of wheels or seats; or ages in a multiple now and another later.
- hard: both an exchange one way and the other; or ages at two other times; three amounts tied in a chain.
Incidentals: people, things. The solver supposes each option to be right and checks every statement.
"""

from __future__ import annotations

import random
from fractions import Fraction

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import number, pick_names
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
    whole_numbers_in,
)

THINGS = ("books", "postcards", "plants", "puzzles", "coins", "photos", "magnets", "records")
# Two kinds, what each has of the counted part, and where they are.
KINDS = (
    ("A workshop repairs", "bicycles", "tricycles", "wheels", (2, 3)),
    ("A car park holds", "motorbikes", "cars", "wheels", (2, 4)),
    ("A small zoo has", "parrots", "lizards", "legs", (2, 4)),
    ("A hall has", "benches", "tables", "places", (3, 8)),
    ("A hostel has", "double rooms", "family rooms", "beds", (2, 5)),
    ("A school hires", "vans", "buses", "seats", (8, 40)),
    ("A shop sells", "small packs", "jumbo packs", "pens", (4, 10)),
)
TIMES = {2: "twice", 3: "three times", 4: "four times", 5: "five times"}
MULTIPLES = {words: n for n, words in TIMES.items()}


class UnknownAmounts(ItemModel):
    name = "unknown_amounts"
    version = 3
    family = "math"
    sub_type = "algebra"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {
            "easy": (_sum_and_difference,),
            "medium": (_two_kinds, _two_kinds, _ages_later),
            "hard": (_exchange, _ages_twice, _chain, _chain),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        return options_where(shown, lambda value: _holds(shown.stem, value))


def _sum_and_difference(rng: random.Random, place: int) -> Draft:
    less, gap = rng.randint(6, 60), rng.randint(4, 40)
    more = less + gap
    total = less + more
    a, b = pick_names(rng, 2)
    things = rng.choice(THINGS)
    key, who, other = (more, a, b) if rng.random() < 0.5 else (less, b, a)
    slips = [
        Slip(total - key, "other_person", f"This is what {other} has."),
        Slip(total - gap, "only_subtracted", f"This takes {gap} off the total but does not share the rest equally."),
        Slip(Fraction(total, 2), "equal_shares", f"This shares equally, but {a} has {gap} more."),
        Slip(Fraction(total, 2) + gap, "whole_gap_added", "This adds the whole difference to half of the total."),
        Slip(Fraction(total, 2) - gap, "whole_gap_taken_off", "This takes the whole difference off half of the total."),
        Slip(total + gap, "added", "This adds the difference to the total."),
        Slip(Fraction(total + gap, 2) + gap, "gap_added_twice", "This adds the difference once too often."),
        Slip(gap, "difference", "This is the difference."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2, fits=lambda v: v.denominator == 1 and 0 < v < total)
    return Draft(
        stem=f"{a} and {b} have {total} {things} together. {a} has {gap} {things} more than {b}. How many {things} "
        f"does {who} have?",
        key=right,
        distractors=wrong,
        explanation=f"Without the {gap} that {a} has more, both would have the same: {total} − {gap} = "
        f"{total - gap}, so {less} each. "
        + (f"{b} has {less}." if key == less else f"{a} has {less} + {gap} = {more}."),
        structure={
            "kind": "sum_and_difference",
            "total": total,
            "gap": gap,
            "asked": "more" if key == more else "less",
        },
        expected_success=expected("easy", 0.2 + 0.3 * (key == more) + total / 400),
    )


def _two_kinds(rng: random.Random, place: int) -> Draft:
    where, small, large, parts, (s, m) = rng.choice(KINDS)
    x, y = rng.randint(4, 30), rng.randint(4, 30)
    if x == y:
        raise Unsuitable("equal numbers")
    heads, total = x + y, s * x + m * y
    key, asked = (x, small) if rng.random() < 0.5 else (y, large)
    slips = [
        Slip(heads - key, "other_kind", f"This is the number of {large if asked == small else small}."),
        Slip(Fraction(heads, 2), "half_each", "This takes half of each kind."),
        Slip(
            Fraction(total, s + m),
            "pairs",
            f"This divides the {parts} by {s} + {m}, as if there were as many of both kinds.",
        ),
        Slip(Fraction(total, m), "one_kind_only", f"This gives all the {parts} to {large}."),
        Slip(Fraction(total, s) - heads, "not_shared_out", "This divides by the wrong number at the start."),
        Slip(total - s * heads, "extra_parts", f"This is the number of extra {parts}, not yet divided by {m - s}."),
        Slip(m * heads - total, "missing_parts", f"This is the number of missing {parts}, not yet divided by {m - s}."),
        Slip(abs(x - y), "difference", "This is the difference between the two kinds."),
    ]
    right, wrong = offer(rng, place, key, slips, step=2)
    extra = total - s * heads
    return Draft(
        stem=f"{where} {heads} {small} and {large} in all, with {number(total)} {parts} altogether. Each of the "
        f"{small} has {s} {parts}, and each of the {large} has {m}. How many {asked} are there?",
        key=right,
        distractors=wrong,
        explanation=f"If all {heads} were {small}, there would be {s} × {heads} = {s * heads} {parts}. There are "
        f"{extra} more, and each of the {large} brings {m - s} more. So there are {_divided(extra, m - s)} {large} "
        f"and {heads} − {y} = {x} {small}.",
        structure={
            "kind": "two_kinds",
            "parts": [s, m],
            "heads": heads,
            "total": total,
            "asked": "small" if key == x else "large",
        },
        expected_success=expected("medium", 0.4 + 0.2 * (m - s > 2) + heads / 200),
    )


def _ages_later(rng: random.Random, place: int) -> Draft:
    k, later = rng.choice(((3, 2), (4, 2), (4, 3), (5, 2), (5, 3), (5, 4)))
    young, years = rng.randint(3, 20), rng.randint(3, 40)
    if k * young + years != later * (young + years) or k * young > 90:
        raise Unsuitable("the ages do not fit")
    a, b = pick_names(rng, 2)
    key, who, other = (k * young, a, b) if rng.random() < 0.5 else (young, b, a)
    old = k * young
    slips = [
        Slip(young if key == old else old, "other_person", f"This is the age of {other}."),
        Slip(key + years, "later_age", f"This is the age in {years} years."),
        Slip(years, "years", "This is the number of years to come."),
        Slip(years * k, "years_multiplied", f"This multiplies the years by {k}."),
        Slip(years * later, "years_multiplied", f"This multiplies the years by {later}."),
        Slip(Fraction(years, k - later), "other_forgets_to_age", "This lets only one of the two grow older."),
        Slip(old - young, "difference", "This is the difference between the ages."),
        Slip(Fraction(old + young, 2), "middle", "This is halfway between the two ages."),
    ]
    right, wrong = offer(rng, place, key, slips, _years, step=2)
    return Draft(
        stem=f"{a} is {TIMES[k]} as old as {b}. In {years} years, {a} will be {TIMES[later]} as old as {b}. How old "
        f"is {who} now?",
        key=right,
        distractors=wrong,
        explanation=f"Call the age of {b} x. Then {k}x + {years} = {later} × (x + {years}), "
        f"{_solved(k - later, (later - 1) * years)}x = {young}. {b} is {young} and {a} is {k} × {young} = {old}. So "
        f"{who} is {_years(key)} old.",
        structure={
            "kind": "ages_later",
            "now": k,
            "later": later,
            "years": years,
            "asked": "old" if key == old else "young",
        },
        expected_success=expected("medium", 0.7 + 0.2 * (key == old)),
    )


def _exchange(rng: random.Random, place: int) -> Draft:
    # a − n = b + n and a + n = k × (b − n)
    n, k = rng.randint(2, 30), rng.choice((2, 3, 5))
    if 4 * n % (k - 1):
        raise Unsuitable("no whole amounts")
    b = n + 4 * n // (k - 1)
    a = b + 2 * n
    p, q = pick_names(rng, 2)
    things = rng.choice(THINGS)
    key, who, other = (a, p, q) if rng.random() < 0.5 else (b, q, p)
    slips = [
        Slip(a + b - key, "other_person", f"This is what {other} has."),
        Slip(a - n, "after_exchange", "This is what both have once they are equal."),
        Slip(key + n, "after_exchange", f"This adds the {n} that are only thought of."),
        Slip(key - n, "after_exchange", f"This takes off the {n} that are only thought of."),
        Slip(b + n * 3, "gap_too_large", f"Giving {n} away changes the difference by {2 * n}, not by {3 * n}."),
        Slip(
            b + n if key == a else a - n,
            "gap_too_small",
            f"Giving {n} away changes the difference by {2 * n}, not by {n}.",
        ),
        Slip(k * n * 2, "multiplied", f"This multiplies {n} by {2 * k}."),
        Slip(2 * n, "difference", "This is the difference between the two."),
        Slip(a + b, "total", "This is what both have together."),
    ]
    right, wrong = offer(rng, place, key, slips, step=n)
    return Draft(
        stem=f"If {p} gives {n} {things} to {q}, both have the same number. If {q} gives {n} {things} to {p} "
        f"instead, {p} has {TIMES[k]} as many as {q}. How many {things} does {who} have?",
        key=right,
        distractors=wrong,
        explanation=f"Since giving {n} makes them equal, {p} has {2 * n} more than {q}. If {q} gives {n} instead, "
        f"{p} has {4 * n} more, and that is {_one_less(k)} what {q} then has: {4 * n // (k - 1)}. So {q} has "
        f"{4 * n // (k - 1)} + {n} = {b}, and {p} has {b} + {2 * n} = {a}. {who} has {key}.",
        structure={"kind": "exchange", "given": n, "multiple": k, "asked": "more" if key == a else "less"},
        expected_success=expected("hard", 0.5),
    )


def _ages_twice(rng: random.Random, place: int) -> Draft:
    k, m = rng.choice(((3, 2), (4, 2), (4, 3), (5, 2), (5, 3), (5, 4)))
    ago, years, young = rng.randint(2, 14), rng.randint(2, 30), rng.randint(5, 40)
    old = k * (young - ago) + ago
    if young <= ago or old + years != m * (young + years) or old > 95:
        raise Unsuitable("the ages do not fit")
    a, b = pick_names(rng, 2)
    key, who, other = (old, a, b) if rng.random() < 0.5 else (young, b, a)
    slips = [
        Slip(old + young - key, "other_person", f"This is the age of {other}."),
        Slip(key - ago, "earlier_age", f"This is the age {ago} years ago."),
        Slip(key + years, "later_age", f"This is the age in {years} years."),
        Slip(ago + years, "time_between", "This is the time between the two moments."),
        Slip((ago + years) * m, "years_multiplied", f"This multiplies the time between by {m}."),
        Slip(k * young, "multiple_of_now", f"This takes {TIMES[k]} the age of now, not of {ago} years ago."),
        Slip(old - young, "difference", "This is the difference between the ages."),
        Slip(Fraction(old + young, 2), "middle", "This is halfway between the two ages."),
        Slip(key + ago, "wrong_direction", f"This adds the {ago} years once too often."),
    ]
    right, wrong = offer(rng, place, key, slips, _years, step=2)
    gap = old - young
    return Draft(
        stem=f"{ago} years ago, {a} was {TIMES[k]} as old as {b}. In {years} years, {a} will be {TIMES[m]} as old as "
        f"{b}. How old is {who} now?",
        key=right,
        distractors=wrong,
        explanation=f"Call the age of {b} now x. {ago} years ago, {a} was {k} × (x − {ago}); that is {k}x − "
        f"{k * ago}, so {a} is {k}x − {(k - 1) * ago} now. In {years} years: {k}x − {(k - 1) * ago} + {years} = {m} "
        f"× (x + {years}). This gives x = {young}; {a} is {gap} years older, {old}. So {who} is {_years(key)} old.",
        structure={
            "kind": "ages_twice",
            "multiples": [k, m],
            "ago": ago,
            "years": years,
            "asked": "old" if key == old else "young",
        },
        expected_success=expected("hard", 0.9),
    )


def _chain(rng: random.Random, place: int) -> Draft:
    k, fewer, first = rng.choice((2, 3, 4, 5)), rng.randint(3, 25), rng.randint(5, 40)
    second = k * first
    third = first + second - fewer
    total = first + second + third
    p, q, r = pick_names(rng, 3)
    things = rng.choice(THINGS)
    index = rng.randrange(3)
    key, who = ((first, p), (second, q), (third, r))[index]
    if third < 2 or fewer in (first, second) or total > 300 or len({first, second, third}) < 3:
        raise Unsuitable("too plain, or too large")
    parts = 2 * (k + 1)
    slips = [
        *(
            Slip(v, "other_person", f"This is what {n} has.")
            for v, n in ((first, p), (second, q), (third, r))
            if v != key
        ),
        Slip(
            Fraction(total - fewer, parts) * (1, k, k + 1)[index],
            "wrong_sign",
            f"This takes {fewer} off the total; it must be added.",
        ),
        Slip(
            Fraction(total, parts) * (1, k, k + 1)[index],
            "difference_ignored",
            f"This leaves out the {fewer} fewer of {r}.",
        ),
        Slip(Fraction(total, 3), "equal_shares", "This shares the total equally."),
        Slip(first + second, "before_taking_off", f"This is what {p} and {q} have together."),
        Slip(key + fewer, "added", f"This adds {fewer} once too often."),
        Slip(key - fewer, "taken_off", f"This takes {fewer} off once too often."),
    ]
    right, wrong = offer(rng, place, key, slips, step=k)
    return Draft(
        stem=f"{p}, {q} and {r} have {total} {things} together. {q} has {TIMES[k]} as many as {p}. {r} has {fewer} "
        f"fewer than {p} and {q} together. How many {things} does {who} have?",
        key=right,
        distractors=wrong,
        explanation=f"Take what {p} has as one part. {q} has {k} parts, and {r} has {k + 1} parts less {fewer}. That "
        f"is {parts} parts less {fewer}, so {parts} parts are {total} + {fewer} = {total + fewer}, and one part is "
        f"{first}. {p} has {first}, {q} has {second} and {r} has {third}. So {who} has {key}.",
        structure={"kind": "chain", "multiple": k, "fewer": fewer, "total": total, "asked": index},
        expected_success=expected("hard", 0.2 + 0.1 * index + total / 900),
    )


def _divided(over: int, under: int) -> str:
    return str(over) if under == 1 else f"{over} ÷ {under} = {over // under}"


def _years(value: int | Fraction) -> str:
    return f"{number(value)} year{'s' if value != 1 else ''}"


def _solved(times: int, value: int) -> str:
    return "so " if times == 1 else f"so {times}x = {value} and "


def _one_less(multiple: int) -> str:
    return {2: "just", 3: "twice", 5: "four times"}[multiple]


def _holds(stem: str, answer: Fraction) -> bool:
    """Suppose that `answer` is right and check what is said."""
    numbers = whole_numbers_in(stem)
    asked = (
        stem.rsplit(" does ", 1)[-1].split(" have")[0]
        if " does " in stem
        else stem.rsplit("How old is ", 1)[-1].split()[0]
    )
    times = [n for words, n in sorted(MULTIPLES.items(), key=lambda pair: stem.find(pair[0])) if words in stem]
    if "altogether" in stem:
        heads, total, s, m = numbers
        of_small = stem.split("Each of the ")[1].split(" has")[0] in stem.rsplit("How many", 1)[1]
        small = answer if of_small else heads - answer
        return small * s + (heads - small) * m == total
    if "fewer than" in stem:
        total, fewer = numbers
        p, q, _ = (name.strip() for name in stem.split(" have ")[0].replace(" and ", ", ").split(", "))
        k = times[0]
        first = answer if asked == p else answer / k if asked == q else (answer + fewer) / (k + 1)
        return first + k * first + (first + k * first - fewer) == total
    if "instead" in stem:
        n, _ = numbers
        giver = stem.split()[1]
        a, b = (answer, answer - 2 * n) if asked == giver else (answer + 2 * n, answer)
        return a - n == b + n and a + n == times[0] * (b - n)
    if "years" in stem:
        ago, ahead = numbers if " ago" in stem else (0, numbers[0])
        older = stem.split(", ")[1].split()[0] if ago else stem.split()[0]
        # From the first statement: old = k × young, at that time.
        k, m = times
        then = answer - ago
        old, young = (then, then / k) if asked == older else (then * k, then)
        return old + ago + ahead == m * (young + ago + ahead)
    total, gap = numbers
    richer = stem.split(". ")[1].split()[0]
    mine, theirs = (answer, answer - gap) if asked == richer else (answer + gap, answer)
    return mine + theirs == total


MODEL = UnknownAmounts()
