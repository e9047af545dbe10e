"""A route through several places; later their order is asked.

Radicals: number of places, distance between the place given and the place asked, number of places to be ordered.
- easy: 6 places; the one right after or right before a given place.
- medium: 8 places; the one two stops after or before a given place.
- hard: 12 places; the order of three that did not follow one another, all six orders on offer.
Offering all six orders of the same three places leaves nothing to guess from. Time shown: 2 s a place (hard: 1.5 s).
Incidentals: the traveller. The solver reads the list.
"""

from __future__ import annotations

import random
import re
from itertools import pairwise, permutations

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import counted, listed, pick_names, possessive
from qgen_dagster.generation.items.memory._recall import entries, expected, to_remember

PLACES = (
    "bank", "library", "museum", "park", "station", "market", "theatre", "school", "harbour", "bakery", "hospital",
    "stadium", "pharmacy", "bridge", "cinema", "castle", "temple", "lake", "zoo", "town hall", "post office", "hotel",
)  # fmt: skip
LENGTHS = {"easy": 6, "medium": 8, "hard": 12}


class VisitOrder(ItemModel):
    name = "visit_order"
    version = 3
    family = "memory"
    sub_type = "order_recall"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        who = pick_names(rng, 1)[0]
        way = rng.sample(PLACES, LENGTHS[level])
        if level == "hard":
            return _three_in_order(rng, who, way)
        return _near_a_place(level, rng, who, way, 1 if level == "easy" else 2)

    def solve(self, shown: ShownQuestion) -> list[int]:
        way = entries(shown.stimulus)
        place = {name: i for i, name in enumerate(way)}
        if "order" in shown.stem:
            asked = [[place[name] for name in option.text.lower().split(", ")] for option in shown.options]
            return [i for i, places in enumerate(asked) if places == sorted(places)]
        given = next(name for name in way if re.search(rf"\bthe {name}\?", shown.stem))
        steps = (2 if "two stops" in shown.stem else 1) * (1 if " after " in shown.stem else -1)
        wanted = way[place[given] + steps]
        return [i for i, option in enumerate(shown.options) if option.text == f"The {wanted}"]


def _heading(who: str) -> str:
    return f"Remember {possessive(who)} route, from the first place to the last:"


def _near_a_place(level: ItemLevel, rng: random.Random, who: str, way: list[str], distance: int) -> Draft:
    after = rng.random() < 0.5
    step = distance if after else -distance
    given = rng.randrange(max(0, -step), len(way) - max(0, step))
    key = given + step
    others = [i for i in range(len(way)) if i not in (given, key)]
    wrong = [_other_visit(way, i, given, step) for i in rng.sample(others, 4)]
    right = "right " if distance == 1 else f"{counted(distance, 'stop', in_words=True)} "
    where = f"{right}{'after' if after else 'before'} the {way[given]}"
    return Draft(
        stem=f"Which place did {who} visit {where}?",
        stimulus=to_remember(_heading(who), way, 2 * len(way)),
        key=Choice(f"The {way[key]}"),
        distractors=tuple(wrong),
        explanation=f"The route was: {listed(way)}. The {way[key]} came {where}.",
        structure={"way": way, "given": given, "step": step},
        expected_success=expected(level, 0.3 + 0.3 * (not after) + 0.2 * (0 < key < len(way) - 1)),
    )


def _other_visit(way: list[str], place: int, given: int, step: int) -> Choice:
    steps = place - given
    if steps == -step:
        tag, note = "wrong_direction", "This is as far away, but in the other direction."
    elif (steps > 0) == (step > 0):
        tag = "wrong_distance"
        note = (
            f"This came {counted(abs(steps), 'stop', in_words=True)} {'after' if steps > 0 else 'before'} the "
            f"{way[given]}."
        )
    else:
        tag, note = "wrong_side", f"This came {'after' if steps > 0 else 'before'} the {way[given]}."
    return Choice(f"The {way[place]}", mistake=tag, note=note)


def _three_in_order(rng: random.Random, who: str, way: list[str]) -> Draft:
    places = sorted(rng.sample(range(1, len(way)), 3))
    gaps = [b - a for a, b in pairwise(places)]
    if min(gaps) < 2:
        raise Unsuitable("two of the three follow one another")
    first, second, third = (way[i] for i in places)
    key = _row((first, second, third))
    wrong = [
        Choice(_row(order), mistake=_mix_up(order, first, third), note=_correction(order, (first, second, third)))
        for order in permutations((first, second, third))
        if order != (first, second, third)
    ]
    return Draft(
        stem=f"In which order did {who} visit these three places?",
        stimulus=to_remember(_heading(who), way, 3 * len(way) // 2),
        key=Choice(key),
        distractors=tuple(wrong),
        explanation=f"The route was: {listed(way)}. So the order is: {key[0].lower()}{key[1:]}.",
        structure={"way": way, "asked": places},
        expected_success=expected("hard", 0.9 - 0.1 * sum(gaps)),
    )


def _row(places: tuple[str, ...]) -> str:
    row = ", ".join(places)
    return row[0].upper() + row[1:]


def _mix_up(order: tuple[str, ...], first: str, third: str) -> str:
    if order[::-1][0] == first and order[0] == third:
        return "reversed"
    if order[0] == first or order[-1] == third:
        return "neighbours_swapped"
    return "turned_on"


def _correction(order: tuple[str, ...], right: tuple[str, str, str]) -> str:
    first, second, _ = right
    if order[::-1] == right:
        return "This is the order the other way round."
    if order[0] != first:
        return f"The {first} came first of the three."
    return f"The {first} came first, but then came the {second}."


MODEL = VisitOrder()
