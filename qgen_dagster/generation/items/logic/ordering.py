"""Ordering: clues about a line of people, one order that fits them all, and a question about one place.

Radicals: number of people (4, 5, 6); how many of the clues it takes to answer the question (two or more, four, five);
kinds of clue (a place and plain "before"/"after" are light; "immediately
before", "not third", "exactly two between" and the undirected "between" are heavy, since each leaves several
arrangements open); clues stated against the asked direction. Every clue is needed: without any one of them the order
would no longer be settled. This follows the general finding on three-term and n-term series problems that load grows
with the number of terms and with clues that leave several mental models open.
Incidentals: names, setting, order of the clues.

Solver: reads the sentences, tries every permutation of the names in the options, and keeps the options that hold the
asked place in some permutation that fits (so an open order would show up as two keys).
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
from qgen_dagster.generation.items.language import (
    counted,
    listed,
    ordinal_word,
    pick_names,
)
from qgen_dagster.generation.items.logic._common import leads, mentioned, needed, sentences, settle, success, told

Clue = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class Setting:
    """One kind of line. `{a}`, `{b}`, `{c}` are people, `{n}` a number of people, `{place}` an ordinal or "last"."""

    intro: str
    before: str
    after: str
    next: str
    at: str
    not_at: str
    between: str
    gap: str
    question: str


SETTINGS = (
    Setting(
        intro="{people} ran a race, and no two of them finished at the same time.",
        before="{a} finished before {b}.",
        after="{b} finished after {a}.",
        next="{a} finished immediately before {b}.",
        at="{a} finished {place}.",
        not_at="{a} did not finish {place}.",
        between="{a} finished somewhere between {b} and {c}.",
        gap="Exactly {n} finished between {a} and {b}.",
        question="Who finished {place}?",
    ),
    Setting(
        intro="{people} are standing in a single queue, with nobody else in it.",
        before="{a} is somewhere ahead of {b}.",
        after="{b} is somewhere behind {a}.",
        next="{a} is directly ahead of {b}.",
        at="{a} is {place} in the queue.",
        not_at="{a} is not {place} in the queue.",
        between="{a} is somewhere between {b} and {c}.",
        gap="Exactly {n} in the queue {verb} between {a} and {b}.",
        question="Who is {place} in the queue?",
    ),
    Setting(
        intro="{people} arrived at the library one at a time.",
        before="{a} arrived earlier than {b}.",
        after="{b} arrived later than {a}.",
        next="{a} arrived directly before {b}, with nobody in between.",
        at="{a} was {place} to arrive.",
        not_at="{a} was not {place} to arrive.",
        between="{a} arrived at some time between {b} and {c}.",
        gap="Exactly {n} arrived between {a} and {b}.",
        question="Who was {place} to arrive?",
    ),
    Setting(
        intro="{people} each gave one talk on the same day, one after another.",
        before="{a} spoke before {b}.",
        after="{b} spoke after {a}.",
        next="{a} spoke immediately before {b}.",
        at="{a} spoke {place}.",
        not_at="{a} did not speak {place}.",
        between="{a} spoke at some time between {b} and {c}.",
        gap="Exactly {n} spoke between {a} and {b}.",
        question="Who spoke {place}?",
    ),
    Setting(
        intro="{people} live in a row of houses, one person in each, counted from the left.",
        before="{a} lives somewhere to the left of {b}.",
        after="{b} lives somewhere to the right of {a}.",
        next="{a} lives directly to the left of {b}.",
        at="{a} lives in the {place} house.",
        not_at="{a} does not live in the {place} house.",
        between="{a} lives somewhere between {b} and {c}.",
        gap="Exactly {n} {verb_live} between {a} and {b}.",
        question="Who lives in the {place} house?",
    ),
)


@dataclass(frozen=True)
class Plan:
    """What a level is made of: people, weights of the kinds of clue, how many clues, and how many the answer takes."""

    people: int
    weights: tuple[tuple[str, int], ...]
    clues: tuple[int, int]
    needed: int
    loads: tuple[float, float]


PLANS: dict[ItemLevel, tuple[Plan, ...]] = {
    "easy": (
        Plan(4, (("before", 5), ("next", 2), ("at", 2), ("not_at", 1)), (3, 3), 2, (2.0, 4.5)),
        Plan(5, (("before", 4), ("next", 4), ("at", 3), ("not_at", 1)), (3, 4), 2, (2.0, 5.0)),
    ),
    "medium": (Plan(5, (("before", 4), ("next", 2), ("not_at", 3), ("gap", 2)), (4, 5), 4, (3.5, 8.5)),),
    "hard": (Plan(6, (("before", 3), ("next", 1), ("between", 3), ("gap", 3), ("not_at", 3)), (5, 7), 5, (6.0, 13.0)),),
}
WEIGHT = {"before": 1.0, "next": 1.0, "at": 0.5, "not_at": 1.5, "gap": 2.0, "between": 2.0}


class Ordering(ItemModel):
    name = "logic_ordering"
    version = 2
    family = "logic"
    sub_type = "ordering"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level][rng.randrange(len(PLANS[level]))]
        clues = _clues(plan, rng)
        asked, used = _question(clues, plan, rng)
        names = pick_names(rng, plan.people)
        setting = SETTINGS[rng.randrange(len(SETTINGS))]
        reversed_ = [kind == "before" and rng.random() < 0.4 for kind, _ in clues]
        said = [_say(setting, clue, names, plan.people, back) for clue, back in zip(clues, reversed_, strict=True)]
        roll = sorted(names)
        intro = setting.intro.format(people=listed(roll))
        question = setting.question.format(place=_place(asked, plan.people, setting))
        load = sum(WEIGHT[kind] for kind, _ in clues) + 0.5 * sum(reversed_)
        return Draft(
            stem="\n".join([intro, *said, question]),
            key=Choice(names[asked]),
            distractors=tuple(
                _distractor(person, asked, clues, said, names) for person in range(plan.people) if person != asked
            ),
            explanation=_explain(used, dict(zip(clues, said, strict=True)), names, asked, setting),
            structure={"people": plan.people, "clues": sorted([kind, *who] for kind, who in clues), "asked": asked},
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        names = [option.text for option in shown.options]
        *clues, question = sentences(shown.stem)[1:]
        tests = [_read(clue, names) for clue in clues]
        asked = _read_place(question, len(names))
        orders = list(permutations(range(len(names))))
        for test in tests:
            orders = [order for order in orders if test(order)]
        return sorted({order.index(asked) for order in orders})


# --- making ---------------------------------------------------------------------------------------------------------
# Person i holds place i in the true order; a set of orders is a bit mask over all permutations, so that adding a clue
# is one `&`.


def _clues(plan: Plan, rng: random.Random) -> list[Clue]:
    kinds = [kind for kind, weight in plan.weights for _ in range(weight)]

    def draw() -> Clue:
        pool = _true_clues(kinds[int(rng.random() * len(kinds))], plan.people)
        return pool[int(rng.random() * len(pool))]

    clues = settle(draw, lambda clue: _mask(clue, plan.people), factorial(plan.people), plan.clues[1])
    if len(clues) < plan.clues[0]:
        raise Unsuitable("too few clues")
    return clues


def _question(clues: list[Clue], plan: Plan, rng: random.Random) -> tuple[int, list[Clue]]:
    """A place to ask for, and the clues that settle who holds it: as many as the level wants."""
    for place in rng.sample(range(plan.people), plan.people):
        used = needed(clues, lambda clue: _mask(clue, plan.people), _mask(("at", (place, place)), plan.people))
        if len(used) >= plan.needed:
            return place, used
    raise Unsuitable("few clues settle every place")


@cache
def _true_clues(kind: str, people: int) -> tuple[Clue, ...]:
    places = range(people)
    if kind == "before":
        return tuple((kind, (a, b)) for a in places for b in places if a < b)
    if kind == "next":
        return tuple((kind, (a, a + 1)) for a in places[:-1])
    if kind == "at":
        return tuple((kind, (a, a)) for a in places)
    if kind == "not_at":
        return tuple((kind, (a, p)) for a in places for p in places if a != p)
    if kind == "gap":
        return tuple((kind, (a, b)) for a in places for b in places if b - a >= 2)
    return tuple((kind, (a, b, c)) for b in places for a in range(b + 1, people) for c in range(a + 1, people))


def _all(people: int) -> int:
    return (1 << factorial(people)) - 1


@cache
def _mask(clue: Clue, people: int) -> int:
    """The orders in which the clue holds; in a permutation, entry i is the place of person i."""
    kind, who = clue
    mask = 0
    for bit, place in enumerate(permutations(range(people))):
        first, second = place[who[0]], place[who[1]]
        holds = {
            "before": first < second,
            "next": first + 1 == second,
            "at": first == who[1],
            "not_at": first != who[1],
            "gap": abs(first - second) == abs(who[0] - who[1]),
            "between": (len(who) == 3 and second < first < place[who[-1]]) or place[who[-1]] < first < second,
        }[kind]
        mask |= holds << bit
    return mask


def _left(clues: list[Clue], people: int) -> int:
    mask = _all(people)
    for clue in clues:
        mask &= _mask(clue, people)
    return mask


def _place(place: int, people: int, setting: Setting) -> str:
    word = "last" if place == people - 1 else ordinal_word(place + 1)
    return f"the {word}" if "to arrive" in setting.at else word


def _say(setting: Setting, clue: Clue, names: list[str], people: int, back: bool) -> str:
    kind, who = clue
    if kind in ("at", "not_at"):
        pattern = setting.at if kind == "at" else setting.not_at
        return pattern.format(a=names[who[0]], place=_place(who[1], people, setting))
    if kind == "gap":
        between = abs(who[0] - who[1]) - 1
        one = between == 1
        count = counted(between, "person", in_words=True)
        a, b = sorted((names[who[0]], names[who[1]]))
        verb, live = ("is", "lives") if one else ("are", "live")
        return setting.gap.format(a=a, b=b, n=count, verb=verb, verb_live=live)
    if kind == "between":
        b, c = sorted((names[who[1]], names[who[2]]))
        return setting.between.format(a=names[who[0]], b=b, c=c)
    pattern = setting.next if kind == "next" else setting.after if back else setting.before
    return pattern.format(a=names[who[0]], b=names[who[1]])


def _distractor(person: int, asked: int, clues: list[Clue], said: list[str], names: list[str]) -> Choice:
    name, people = names[person], len(names)
    place = "last" if person == people - 1 else ordinal_word(person + 1)
    if person == people - 1 - asked:
        note = f"{name} is {place} in the only order that fits: this counts from the wrong end."
        return Choice(name, mistake="counted_from_wrong_end", note=note)
    there = _mask(("at", (person, asked)), people)
    for clue, sentence in zip(clues, said, strict=True):
        if _left([c for c in clues if c != clue], people) & there:
            note = f"{name} would be possible only if one clue were overlooked: “{sentence}”"
            return Choice(name, mistake="overlooked_clue", note=note)
    tag = "off_by_one_place" if abs(person - asked) == 1 else "lost_track_of_order"
    return Choice(name, mistake=tag, note=f"{name} is {place} in the only order that fits all the clues.")


def _explain(used: list[Clue], said: dict[Clue, str], names: list[str], asked: int, setting: Setting) -> str:
    people = len(names)
    steps = leads(used, lambda clue: _mask(clue, people), [_mask(("at", (p, asked)), people) for p in range(people)])
    words = [([said[clue] for clue in group], sorted(names[p] for p in left)) for group, left in steps]
    question = setting.question.format(place=_place(asked, people, setting))
    return (
        f"{question} Strike people out clue by clue. {told(words)} "
        f"All clues together give one order, from first to last {listed(names)}. So the answer is {names[asked]}."
    )


# --- solving --------------------------------------------------------------------------------------------------------
_BACKWARD = ("after", "behind", "later", "right")
_ADJACENT = ("immediately", "directly")
_ORDINAL = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "sixth": 5}
_COUNT = {"one": 1, "two": 2, "three": 3, "four": 4}
Test = Callable[[tuple[int, ...]], bool]


def _read(sentence: str, names: list[str]) -> Test:
    """What a clue demands of an order (entry i is the place of the i-th name), read from its words alone."""
    who = [names.index(name) for name in mentioned(sentence, names)]
    words = re.findall(r"[a-z]+", sentence)
    if sentence.startswith("Exactly"):
        apart = _COUNT[words[1]] + 1
        return lambda order: abs(order[who[0]] - order[who[1]]) == apart
    if len(who) == 3:
        a, b, c = who
        return lambda order: order[b] < order[a] < order[c] or order[c] < order[a] < order[b]
    if len(who) == 1:
        person, place = who[0], _read_place(sentence, len(names))
        if "not" in words:
            return lambda order: order[person] != place
        return lambda order: order[person] == place
    first, second = reversed(who) if any(word in words for word in _BACKWARD) else who
    if any(word in words for word in _ADJACENT):
        return lambda order: order[first] + 1 == order[second]
    return lambda order: order[first] < order[second]


def _read_place(sentence: str, people: int) -> int:
    for word in re.findall(r"[a-z]+", sentence):
        if word == "last":
            return people - 1
        if word in _ORDINAL:
            return _ORDINAL[word]
    raise ValueError(f"no place in {sentence!r}")


MODEL = Ordering()
