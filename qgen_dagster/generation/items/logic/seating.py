"""Seating: people round a table, clues about who sits where, one arrangement, and a question about a neighbour.

Radicals: number of people (5, 6, 6); how many of the clues it takes to answer the question (two or more, three, four);
kinds of clue ("comes directly after, going clockwise" and "opposite" are light;
"next to", "not next to", "not opposite" and "two places after" are heavy, since they leave several seats open); the
question (the next person, the person opposite, or in hard items the second person on).
Incidentals: names, setting, order of the clues.

Solver: reads the clues, seats the first person anywhere (a round table has no first seat), tries every arrangement of
the others, and keeps the options that are right in some arrangement that fits.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from math import factorial

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, number_word, pick_names
from qgen_dagster.generation.items.logic._common import leads, mentioned, needed, sentences, settle, success, told

SETTINGS = (
    "{people} sit evenly spaced at a round table with {n} seats, which we see from above.",
    "{people} are playing a card game at a round table with {n} seats, evenly spaced, which we see from above.",
    "{people} are having lunch at a round table with {n} chairs, evenly spaced, which we see from above.",
    "{people} stand evenly spaced in a circle for a game, {n} people in all, whom we see from above.",
)
# Person i sits in seat i, seats counted clockwise. A clue is its form and the people it names.
Clue = tuple[str, tuple[int, ...]]
SAY = {
    "after": "Going clockwise, {1} comes directly after {0}.",
    "opposite": "{0} and {1} are directly opposite each other.",
    "second": "Going clockwise, {1} is the second person after {0}.",
    "next": "{0} and {1} are next to each other.",
    "apart": "{0} and {1} are not next to each other.",
    "not_opposite": "{0} and {1} are not opposite each other.",
    "between": "{0} is next to both {1} and {2}.",
}
ASK = {
    "after": "Going clockwise, who comes directly after {}?",
    "before": "Going clockwise, who comes directly before {}?",
    "opposite": "Who is directly opposite {}?",
    "second": "Going clockwise, who is the second person after {}?",
}
STEP = {"after": 1, "before": -1, "second": 2}


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    people: int
    forms: tuple[tuple[str, int], ...]
    clues: tuple[int, int]
    needed: int
    questions: tuple[str, ...]
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan(
        5,
        (("after", 3), ("next", 2), ("second", 2), ("apart", 2), ("between", 1)),
        (3, 4),
        2,
        ("after", "before", "second"),
        (2.5, 7.0),
    ),
    "medium": Plan(
        6,
        (("after", 2), ("opposite", 3), ("next", 2), ("between", 1), ("second", 2), ("apart", 1)),
        (4, 5),
        3,
        ("after", "before", "opposite"),
        (4.0, 9.5),
    ),
    "hard": Plan(
        6,
        (("after", 1), ("next", 1), ("between", 1), ("second", 2), ("apart", 4), ("not_opposite", 3)),
        (5, 8),
        4,
        ("before", "opposite", "second"),
        (7.0, 14.0),
    ),
}
WEIGHT = {
    "after": 0.8, "opposite": 0.8, "second": 1.3, "next": 1.3, "between": 1.4, "apart": 1.9, "not_opposite": 1.9,
}  # fmt: skip


class Seating(ItemModel):
    name = "logic_seating"
    version = 3
    family = "logic"
    sub_type = "seating"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        people = plan.people
        clues = _clues(plan, rng)
        question, about, used = _question(clues, plan, rng)
        key = (about + STEP.get(question, people // 2)) % people
        names = pick_names(rng, people)
        said = {clue: _say(clue, names) for clue in clues}
        load = sum(WEIGHT[form] for form, _ in clues) + (question in ("second", "opposite"))
        setting = SETTINGS[rng.randrange(len(SETTINGS))].format(people=listed(sorted(names)), n=number_word(people))
        return Draft(
            stem="\n".join([setting, *said.values(), ASK[question].format(names[about])]),
            key=Choice(names[key]),
            distractors=tuple(
                _distractor(person, about, key, question, clues, said, names)
                for person in range(people)
                if person not in (about, key)
            ),
            explanation=_explain(used, said, names, question, about, key),
            structure={"people": people, "question": question, "clues": _canonical(clues, about, people)},
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        intro, *clues, question = sentences(shown.stem)
        names = re.findall(r"\b[A-Z]\w+", intro)
        tests = [_read(clue, names) for clue in clues]
        answers = set()
        for rest in permutations(range(1, len(names))):
            seats = (0, *rest)  # entry i is the seat of the i-th name, counted clockwise
            if all(test(seats) for test in tests):
                answers.add(names[seats.index(_asked_seat(question, seats, names))])
        return [i for i, option in enumerate(shown.options) if option.text in answers]


# --- making ---------------------------------------------------------------------------------------------------------
def _clues(plan: Plan, rng: random.Random) -> list[Clue]:
    forms = [form for form, weight in plan.forms for _ in range(weight)]

    def draw() -> Clue:
        pool = _true_clues(forms[int(rng.random() * len(forms))], plan.people)
        return pool[int(rng.random() * len(pool))]

    clues = settle(draw, lambda clue: _mask(clue, plan.people), factorial(plan.people - 1), plan.clues[1])
    if len(clues) < plan.clues[0]:
        raise Unsuitable("too few clues")
    return clues


def _holds(form: str, seats: list[int], people: int) -> bool:
    step = (seats[1] - seats[0]) % people
    apart = min(step, people - step)
    if form == "between":
        return apart == 1 and abs(seats[0] - seats[2]) in (1, people - 1)
    return {
        "after": step == 1,
        "second": step == 2,
        "opposite": 2 * step == people,
        "next": apart == 1,
        "apart": apart != 1,
        "not_opposite": 2 * step != people,
    }[form]


@cache
def _true_clues(form: str, people: int) -> tuple[Clue, ...]:
    size = 3 if form == "between" else 2
    return tuple(
        (form, who)
        for who in permutations(range(people), size)
        if _holds(form, list(who), people)
        and (form in ("after", "second") or list(who[size - 2 :]) == sorted(who[size - 2 :]))
    )


@cache
def _mask(clue: Clue, people: int) -> int:
    """The arrangements, person 0 in seat 0, in which the clue holds."""
    form, who = clue
    mask = 0
    for bit, rest in enumerate(permutations(range(1, people))):
        seats = (0, *rest)  # entry i is the seat of person i
        mask |= _holds(form, [seats[p] for p in who], people) << bit
    return mask


@cache
def _at_distance(person: int, about: int, steps: int, people: int) -> int:
    """The arrangements in which one person sits so many seats clockwise from another."""
    mask = 0
    for bit, rest in enumerate(permutations(range(1, people))):
        seats = (0, *rest)
        mask |= ((seats[person] - seats[about]) % people == steps) << bit
    return mask


def _question(clues: list[Clue], plan: Plan, rng: random.Random) -> tuple[str, int, list[Clue]]:
    """A question, the person it is about, and the clues that settle it: as many as the level wants."""
    for question in rng.sample(plan.questions, len(plan.questions)):
        about = rng.randrange(plan.people)
        steps = STEP.get(question, plan.people // 2) % plan.people
        answer = _at_distance((about + steps) % plan.people, about, steps, plan.people)
        used = needed(clues, lambda clue: _mask(clue, plan.people), answer)
        if len(used) >= plan.needed:
            return question, about, used
    raise Unsuitable("few clues settle the questions")


def _say(clue: Clue, names: list[str]) -> str:
    form, who = clue
    said = [names[p] for p in who]
    if form not in ("after", "second"):
        said = [*said[:1], *sorted(said[1:])] if form == "between" else sorted(said)
    return SAY[form].format(*said)


def _distractor(
    person: int, about: int, key: int, question: str, clues: list[Clue], said: dict[Clue, str], names: list[str]
) -> Choice:
    people, name = len(names), names[person]
    if person == (2 * about - key) % people:
        note = f"This goes round the wrong way: {name} is on the other side of {names[about]}."
        return Choice(name, mistake="wrong_direction", note=note)
    there = _at_distance(person, about, (key - about) % people, people)
    for clue in clues:
        left = there
        for other in clues:
            if other is not clue:
                left &= _mask(other, people)
        if left:
            note = f"{name} would be possible only if one clue were overlooked: “{said[clue]}”"
            return Choice(name, mistake="overlooked_clue", note=note)
    note = f"In the only arrangement that fits all the clues, {name} is elsewhere."
    return Choice(name, mistake="lost_track_of_seats", note=note)


def _explain(used: list[Clue], said: dict[Clue, str], names: list[str], question: str, about: int, key: int) -> str:
    people = len(names)
    others = [person for person in range(people) if person != about]
    there = [_at_distance(person, about, (key - about) % people, people) for person in others]
    steps = leads(used, lambda clue: _mask(clue, people), there)
    words = [([said[clue] for clue in group], sorted(names[others[p]] for p in left)) for group, left in steps]
    return (
        f"{ASK[question].format(names[about])} Draw a circle with the places and strike people out clue by clue. "
        f"{told(words)} All clues together give one arrangement, clockwise {listed([*names[about:], *names[:about]])}. "
        f"So the answer is {names[key]}."
    )


def _canonical(clues: list[Clue], about: int, people: int) -> list[list[object]]:
    """The clues with seats counted from the person asked about."""
    turned: list[list[object]] = []
    for form, who in clues:
        seats = [(p - about) % people for p in who]
        if form == "between":
            seats[1:] = sorted(seats[1:])
        elif form not in ("after", "second"):
            seats.sort()
        turned.append([form, *seats])
    return sorted(turned, key=str)


# --- solving --------------------------------------------------------------------------------------------------------
Seats = tuple[int, ...]


def _read(clue: str, names: list[str]) -> Callable[[Seats], bool]:
    """A clue as a test on the seats, read from its words."""
    who = [names.index(name) for name in mentioned(clue, names)]
    many, negative = len(names), " not " in clue
    first, second = who[:2]
    if "clockwise" in clue:  # "…, A comes directly after B": A is named first
        distance = 2 if "second" in clue else 1
        return lambda seats: (seats[first] - seats[second]) % many == distance
    if "opposite" in clue:
        return lambda seats: (abs(seats[first] - seats[second]) * 2 == many) != negative
    others = who[1:]
    return lambda seats: all((seats[first] - seats[p]) % many in (1, many - 1) for p in others) != negative


def _asked_seat(question: str, seats: Seats, names: list[str]) -> int:
    (name,) = mentioned(question, names)
    if "opposite" in question:
        step = len(names) // 2
    else:
        step = 2 if "second" in question else -1 if "before" in question else 1
    return (seats[names.index(name)] + step) % len(names)


MODEL = Seating()
