"""Reading a bar chart.

Radicals: bars to read, and what the difference is compared with.
- easy: the difference of two bars.
- medium: the change from one bar to another in percent (the earlier bar is the base).
- hard: by how many percent one bar lies above or below the mean of the others.
The traps are the wrong base, the difference taken for a percentage, and a bar read one line off.
All bars end on a line of the scale, so the chart can be read exactly; the text form lists the values.
Incidentals: what is counted, where. The solver reads the text form.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    Value,
    at_a_drawn_place,
    expected,
    offer,
    options_where,
)


class Subject(NamedTuple):
    title: str
    things: str
    done: str


SUBJECTS = (
    Subject("Visitors to a museum", "visitors", "came"),
    Subject("Parcels sent by a shop", "parcels", "were sent"),
    Subject("Guests at a hostel", "guests", "came"),
    Subject("Bicycles rented at a station", "bicycles", "were rented"),
    Subject("Meals served in a canteen", "meals", "were served"),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
# Between two lines of the scale, and the top of it.
GRAIN, TOP = 5, 60
LEFT, BASE, RISE, BAR, GAP, RIGHT = 40, 262, 4, 40, 22, 8


class ChartReading(ItemModel):
    name = "chart_reading"
    version = 3
    family = "math"
    sub_type = "data_reading"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"easy": (_difference,), "medium": (_change,), "hard": (_from_mean,)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = _read(shown)
        return options_where(shown, lambda value: value == found)


def _values(rng: random.Random, count: int) -> tuple[Subject, list[int]]:
    return rng.choice(SUBJECTS), [rng.randrange(2 * GRAIN, TOP + 1, GRAIN) for _ in range(count)]


def _stimulus(subject: Subject, values: list[int]) -> Stimulus:
    listing = "; ".join(f"{day}: {value}" for day, value in zip(DAYS, values, strict=False))
    return Stimulus(text=f"Bar chart. {subject.title}. {listing}.", figure=_figure(subject.title, values))


def _difference(rng: random.Random, place: int) -> Draft:
    subject, values = _values(rng, 6)
    i, j = rng.sample(range(6), 2)
    more, less = values[i], values[j]
    key = more - less
    if key < 2 * GRAIN:
        raise Unsuitable("no difference to speak of")
    slips = [
        Slip(more + less, "added", "This adds the two values."),
        *(
            Slip(abs(more - values[k]), "wrong_bar", f"This compares with {DAYS[k]}.")
            for k in range(6)
            if k not in (i, j)
        ),
        *(
            Slip(abs(less - values[k]), "wrong_bar", f"This compares {DAYS[k]} with {DAYS[j]}.")
            for k in range(6)
            if k not in (i, j)
        ),
        Slip(key + GRAIN, "one_line_off", "This reads one bar one line too high or too low."),
        Slip(key - GRAIN, "one_line_off", "This reads one bar one line too high or too low."),
        Slip(more, "one_bar_only", f"This is the value for {DAYS[i]}."),
        Slip(less, "one_bar_only", f"This is the value for {DAYS[j]}."),
    ]
    # Whoever reads the bars at all gets multiples of their grain; anything else could be dismissed at a glance.
    right, wrong = offer(rng, place, key, slips, step=GRAIN, fits=lambda v: v > 0 and v % GRAIN == 0)
    return Draft(
        stem=f"How many more {subject.things} {subject.done} on {DAYS[i]} than on {DAYS[j]}?",
        stimulus=_stimulus(subject, values),
        key=right,
        distractors=wrong,
        explanation=f"The bar for {DAYS[i]} ends at {more}, the one for {DAYS[j]} at {less}. The difference is "
        f"{more} − {less} = {key}.",
        structure={"kind": "difference", "values": values, "asked": [i, j]},
        expected_success=expected("easy", 0.3 + 0.2 * (more % 10 != 0) + 0.2 * (less % 10 != 0)),
    )


def _change(rng: random.Random, place: int) -> Draft:
    subject, values = _values(rng, 6)
    i = rng.randrange(5)
    before, after = values[i], values[i + 1]
    key, rest = divmod(abs(after - before) * 100, before)
    if rest or not 5 <= key <= 200:
        raise Unsuitable("no whole percentage")
    rose = after > before
    slips = [
        Slip(
            Fraction(abs(after - before) * 100, after),
            "wrong_base",
            f"This takes {DAYS[i + 1]} for the base; the change starts from {DAYS[i]}.",
        ),
        Slip(abs(after - before), "difference_as_percentage", "This is the difference itself, not a percentage."),
        Slip(
            Fraction(after * 100, before),
            "ratio_as_change",
            f"This is {DAYS[i + 1]} as a percentage of {DAYS[i]}, not the change.",
        ),
        Slip(Fraction(before * 100, after), "inverted", f"This is {DAYS[i]} as a percentage of {DAYS[i + 1]}."),
        Slip(
            Fraction(abs(after - before) * 100, TOP), "scale_as_base", "This takes the top of the scale for the base."
        ),
        Slip(Fraction((abs(after - before) + GRAIN) * 100, before), "one_line_off", "This reads one bar one line off."),
        Slip(Fraction((abs(after - before) - GRAIN) * 100, before), "one_line_off", "This reads one bar one line off."),
    ]
    right, wrong = _offer_percent(rng, place, key, slips, most=300 if rose else 100)
    return Draft(
        stem=f"By what percentage did the number of {subject.things} {'rise' if rose else 'fall'} from {DAYS[i]} to "
        f"{DAYS[i + 1]}?",
        stimulus=_stimulus(subject, values),
        key=right,
        distractors=wrong,
        explanation=f"The number went from {before} to {after}, a change of {abs(after - before)}. Measured by the "
        f"start, {DAYS[i]}, that is {abs(after - before)} ÷ {before} = {key}%.",
        structure={"kind": "change", "values": values, "asked": [i, i + 1]},
        expected_success=expected("medium", 0.3 + 0.3 * (key % 10 != 0) + 0.2 * (not rose)),
    )


def _from_mean(rng: random.Random, place: int) -> Draft:
    subject, values = _values(rng, rng.choice((5, 6)))
    i = rng.randrange(len(values))
    others = values[:i] + values[i + 1 :]
    mean, broken = divmod(sum(others), len(others))
    gap = abs(values[i] - mean)
    if broken or gap * 100 % mean or not 5 <= gap * 100 // mean <= 150:
        raise Unsuitable("no whole mean or percentage")
    key = gap * 100 // mean
    above = values[i] > mean
    mean_of_all = Fraction(sum(values), len(values))
    slips = [
        Slip(
            Fraction(abs(values[i] - mean_of_all) * 100, mean_of_all),
            "mean_of_all",
            f"This takes the mean of all the days, {DAYS[i]} included.",
        ),
        Slip(Fraction(gap * 100, values[i]), "wrong_base", f"This takes {DAYS[i]} for the base; the mean is the base."),
        Slip(gap, "difference_as_percentage", "This is the difference itself, not a percentage."),
        Slip(Fraction(values[i] * 100, mean), "ratio_as_change", f"This is {DAYS[i]} as a percentage of the mean."),
        Slip(Fraction(gap * 100, TOP), "scale_as_base", "This takes the top of the scale for the base."),
        *(
            Slip(
                Fraction(abs(values[i] - values[k]) * 100, values[k]),
                "one_bar_as_mean",
                f"This compares with {DAYS[k]} alone, not with the mean.",
            )
            for k in range(len(values))
            if k != i
        ),
        Slip(
            Fraction(abs(values[i] * len(others) - (sum(others) + GRAIN)) * 100, sum(others) + GRAIN),
            "one_line_off",
            "This reads one bar one line too high.",
        ),
    ]
    right, wrong = _offer_percent(rng, place, key, slips, most=200 if above else 100)
    days = listed([day for k, day in enumerate(DAYS[: len(values)]) if k != i])
    return Draft(
        stem=f"By what percentage is the number of {subject.things} on {DAYS[i]} {'above' if above else 'below'} the "
        "mean of the other days?",
        stimulus=_stimulus(subject, values),
        key=right,
        distractors=wrong,
        explanation=f"The mean of {days} is ({' + '.join(map(str, others))}) ÷ {len(others)} = {mean}. {DAYS[i]} has "
        f"{values[i]}, which is {gap} {'more' if above else 'less'}. Measured by the mean, that is {gap} ÷ {mean} = "
        f"{key}%.",
        structure={"kind": "from_mean", "values": values, "asked": i},
        expected_success=expected("hard", 0.3 + 0.2 * (not above) + 0.1 * (len(values) - 4)),
    )


def _offer_percent(
    rng: random.Random, place: int, key: int, slips: list[Slip], most: int
) -> tuple[Choice, tuple[Choice, ...]]:
    """Options in percent; nothing can fall by more than all of it, so `most` is 100 for a fall."""
    right, wrong = offer(rng, place, key, slips, _percent, step=5, fits=lambda v: v.denominator == 1 and 0 < v <= most)
    return right, tuple(replace(c, note=c.note.replace("% too", " percentage points too")) for c in wrong)


def _percent(value: Value) -> str:
    return f"{value}%"


@cache
def _scale(width: int) -> str:
    """The lines of the scale with every second one numbered, the same in all charts of a width."""
    parts = []
    for mark in range(0, TOP + 1, GRAIN):
        y = BASE - mark * RISE
        strong = mark % (2 * GRAIN) == 0
        parts.append(svg.line((LEFT, y), (width - RIGHT, y), stroke_width=1, stroke_opacity=0.5 if strong else 0.2))
        if strong:
            parts.append(svg.label((LEFT - 16, y), str(mark), 13))
    parts.append(svg.line((LEFT, BASE), (width - RIGHT, BASE)))
    return "".join(parts)


def _figure(title: str, values: list[int]) -> str:
    width = LEFT + len(values) * (BAR + GAP) + RIGHT
    parts = [_scale(width)]
    for k, value in enumerate(values):
        x = LEFT + GAP / 2 + k * (BAR + GAP)
        y = BASE - value * RISE
        parts.append(svg.polygon([(x, BASE), (x, y), (x + BAR, y), (x + BAR, BASE)], "tinted"))
        parts.append(svg.label((x + BAR / 2, BASE + 16), DAYS[k][:3], 13))
    parts.append(svg.label((width / 2, 8), title, 13))
    described = "; ".join(f"{day}: {value}" for day, value in zip(DAYS, values, strict=False))
    return svg.figure(width, BASE + 30, title, f"Bar chart. {described}.", parts)


def _read(shown: ShownQuestion) -> Fraction | None:
    """The answer from the listed values and the words of the question."""
    text = shown.stimulus.text if shown.stimulus else ""
    bars = {day: Fraction(value) for day, value in re.findall(r"(\w+day): (\d+)", text)}
    days = re.findall(r"\w+day", shown.stem)
    if "How many more" in shown.stem:
        return bars[days[0]] - bars[days[1]]
    if "mean" in shown.stem:
        rest = [value for day, value in bars.items() if day != days[0]]
        base, other = sum(rest, Fraction()) / len(rest), bars[days[0]]
    else:
        base, other = bars[days[0]], bars[days[1]]
    upwards = "rise" in shown.stem or "above" in shown.stem
    return (other / base - 1) * (100 if upwards else -100)


MODEL = ChartReading()
