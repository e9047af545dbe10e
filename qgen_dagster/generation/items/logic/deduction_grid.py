"""Deduction grid: who has what? Four people, two kinds of thing, and clues that settle everything.

Radicals: how many of the clues it takes to answer the question (two to four, four or more, five or more); clues that
name a match outright (easy up to two, medium at most one, hard none); clues that link two things
without naming a person; negative and either–or clues; the question (about a person, or in hard items about the owner
of another thing).
Incidentals: names, kinds of thing, order of the clues.

Solver: reads the clues, goes through every way of giving out the things, and keeps the options that are right in some
way in which all clues hold (so an open puzzle would show up as two keys).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product
from math import factorial

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, pick_names
from qgen_dagster.generation.items.logic._common import leads, mentioned, needed, sentences, settle, success, told


@dataclass(frozen=True)
class Kind:
    """A kind of thing: how to say that somebody has it or has not, the question for it, and its things."""

    noun: str
    has: str
    has_not: str
    which: str
    things: tuple[str, ...]


KINDS = (
    Kind("instrument", "plays the {}", "does not play the {}", "Which instrument does {} play?",
         ("flute", "violin", "drums", "piano", "trumpet", "harp", "guitar")),
    Kind("drink", "drinks {}", "does not drink {}", "What does {} drink?",
         ("tea", "coffee", "water", "milk", "juice", "cocoa")),
    Kind("bag", "has the {} bag", "does not have the {} bag", "Which bag does {} have?",
         ("red", "blue", "green", "yellow", "black", "white")),
    Kind("subject", "studies {}", "does not study {}", "What does {} study?",
         ("history", "physics", "law", "biology", "art", "economics")),
    Kind("pet", "has the {}", "does not have the {}", "Which pet does {} have?",
         ("cat", "dog", "rabbit", "parrot", "tortoise", "goldfish")),
    Kind("sport", "does {}", "does not do {}", "Which sport does {} do?",
         ("judo", "karate", "yoga", "archery", "gymnastics", "fencing")),
    Kind("food", "eats {}", "does not eat {}", "What does {} eat?",
         ("soup", "rice", "salad", "noodles", "bread", "beans")),
)  # fmt: skip
# In the true answer, person i has thing i of every kind. A clue is its form and numbers; things of the second kind
# count on from the number of people.
Clue = tuple[str, tuple[int, ...]]
World = tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    people: int
    kinds: int
    forms: tuple[tuple[str, int], ...]
    outright: int
    clues: tuple[int, int]
    needed: tuple[int, int]
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan(4, 2, (("has", 2), ("link", 2), ("not", 2), ("either", 2)), 2, (4, 6), (2, 4), (3.0, 8.5)),
    "medium": Plan(
        4, 2, (("has", 1), ("not", 3), ("either", 2), ("link", 3), ("unlink", 2)), 1, (4, 7), (4, 7), (6.0, 12.5)
    ),
    "hard": Plan(4, 2, (("not", 4), ("either", 3), ("link", 1), ("unlink", 4)), 0, (6, 9), (5, 9), (8.0, 15.0)),
}
WEIGHT = {"has": 0.7, "not": 1.3, "either": 1.4, "link": 1.4, "unlink": 1.9}


class DeductionGrid(ItemModel):
    name = "logic_deduction_grid"
    version = 3
    family = "logic"
    sub_type = "deduction_grid"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        clues = _clues(plan, rng)
        subject = "thing" if level == "hard" else "person"
        asked, used = _question(clues, subject, plan, rng)
        kinds = rng.sample(KINDS, plan.kinds)
        names = pick_names(rng, plan.people)
        things = [thing for kind in kinds for thing in rng.sample(kind.things, plan.people)]
        said = {clue: _say(clue, names, things, kinds) for clue in clues}
        whom = (
            f"the person who {kinds[1].has.format(things[plan.people + asked])}" if subject == "thing" else names[asked]
        )
        question = kinds[0].which.format(whom)
        load = sum(WEIGHT[form] for form, _ in clues) + (1 if subject == "thing" else 0)
        return Draft(
            stem="\n".join([_intro(names, things, kinds), *said.values(), question]),
            key=Choice(things[asked]),
            distractors=tuple(
                _distractor(i, asked, subject, clues, said, names, things, kinds)
                for i in range(plan.people)
                if i != asked
            ),
            explanation=_explain(used, said, names, things, kinds, asked, subject, question),
            structure={
                "kinds": plan.kinds,
                "clues": _canonical(clues, asked, plan.people),
                "asked": subject,
            },
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        intro, *clues, question = sentences(shown.stem)
        names = re.split(r", | and ", intro.partition(" each have ")[0])
        kinds = [re.split(r", | or ", part) for part in re.findall(r"\((.+?)\)", intro)]
        claims = [_read(clue, names, kinds) for clue in clues]
        ways: list[list[tuple[str, ...]]] = []
        for k, kind in enumerate(kinds):
            about = [test for used, test in claims if used == {k}]
            ways.append([way for way in permutations(kind) if all(test({k: way}) for test in about)])
        links = [test for used, test in claims if len(used) > 1]
        options = [option.text for option in shown.options]
        found: set[int] = set()
        for combined in product(*ways):
            world = dict(enumerate(combined))
            if all(test(world) for test in links):
                owner = _subject(question, names, kinds, world)
                found.update(i for i, text in enumerate(options) if any(way[owner] == text for way in combined))
        return sorted(found)


# --- making ---------------------------------------------------------------------------------------------------------
def _clues(plan: Plan, rng: random.Random) -> list[Clue]:
    forms = [form for form, weight in plan.forms for _ in range(weight)]

    def draw() -> Clue:
        pool = _true_clues(forms[int(rng.random() * len(forms))], plan.people, plan.kinds)
        return pool[int(rng.random() * len(pool))]

    worlds = factorial(plan.people) ** plan.kinds
    clues = settle(draw, lambda clue: _mask(clue, plan.people, plan.kinds), worlds, plan.clues[1])
    if len(clues) < plan.clues[0] or sum(form == "has" for form, _ in clues) > plan.outright:
        raise Unsuitable("not of this level")
    return clues


def _question(clues: list[Clue], subject: str, plan: Plan, rng: random.Random) -> tuple[int, list[Clue]]:
    """A person to ask for, and the clues that settle what that person has: as many as the level wants."""
    least, most = plan.needed
    for asked in rng.sample(range(plan.people), plan.people):
        answer = _answer(asked, asked, subject, plan.people, plan.kinds)
        used = needed(clues, lambda clue: _mask(clue, plan.people, plan.kinds), answer)
        if least <= len(used) <= most:
            return asked, used
    raise Unsuitable("no question takes so many clues")


def _answer(thing: int, asked: int, subject: str, people: int, kinds: int) -> int:
    """The worlds in which a thing of the first kind is what the question asks for."""
    return _mask(("link", (thing, people + asked)) if subject == "thing" else ("has", (asked, thing)), people, kinds)


@cache
def _true_clues(form: str, people: int, kinds: int) -> tuple[Clue, ...]:
    persons, second = range(people), range(people, 2 * people)
    things = range(people * kinds)
    if form == "has":
        return tuple((form, (p, t)) for p in persons for t in things if t % people == p)
    if form == "not":
        return tuple((form, (p, t)) for p in persons for t in things if t % people != p)
    if form == "either":
        return tuple(
            (form, (p, *sorted((t, u))))
            for p in persons
            for t in things
            for u in things
            if t % people == p and u != t and u // people == t // people
        )
    same = form == "link"
    return tuple((form, (t, u)) for t in persons for u in second if (t == u - people) == same)


@cache
def _mask(clue: Clue, people: int, kinds: int) -> int:
    """The worlds in which the clue holds; a world holds the owner of every thing."""
    form, who = clue
    mask = 0
    for bit, orders in enumerate(product(permutations(range(people)), repeat=kinds)):
        owner = [person for order in orders for person in order]
        if form in ("has", "not"):
            holds = (owner[who[1]] == who[0]) == (form == "has")
        elif form == "either":
            holds = who[0] in (owner[who[1]], owner[who[2]])
        else:
            holds = (owner[who[0]] == owner[who[1]]) == (form == "link")
        mask |= holds << bit
    return mask


def _intro(names: list[str], things: list[str], kinds: list[Kind]) -> str:
    many = len(names)
    sets = [sorted(things[k * many : (k + 1) * many]) for k in range(len(kinds))]
    lists = [f"one {kind.noun} ({listed(some, 'or')})" for kind, some in zip(kinds, sets, strict=True)]
    same = [f"the same {kind.noun}" for kind in kinds]
    return f"{listed(sorted(names))} each have {listed(lists)}. No two have {listed(same, 'or')}."


def _say(clue: Clue, names: list[str], things: list[str], kinds: list[Kind]) -> str:
    form, who = clue
    if form in ("link", "unlink"):
        first, second = (kinds[t // len(names)] for t in who)
        verb = second.has if form == "link" else second.has_not
        return f"The person who {first.has.format(things[who[0]])} {verb.format(things[who[1]])}."
    kind = kinds[who[1] // len(names)]
    name = names[who[0]]
    if form == "either":
        first_thing, second_thing = sorted(things[t] for t in who[1:])
        return f"{name} {kind.has.format(first_thing)} or {kind.has.partition(' ')[2].format(second_thing)}."
    return f"{name} {(kind.has if form == 'has' else kind.has_not).format(things[who[1]])}."


def _distractor(
    thing: int,
    asked: int,
    subject: str,
    clues: list[Clue],
    said: dict[Clue, str],
    names: list[str],
    things: list[str],
    kinds: list[Kind],
) -> Choice:
    full = (1 << factorial(len(names)) ** len(kinds)) - 1
    here = _answer(thing, asked, subject, len(names), len(kinds))
    text = things[thing]
    for clue in clues:
        left = full & here
        for other in clues:
            if other is not clue:
                left &= _mask(other, len(names), len(kinds))
        if left:
            note = f"This would be possible only if one clue were overlooked: “{said[clue]}”"
            return Choice(text, mistake="overlooked_clue", note=note)
    note = f"All clues together leave only one way, in which {names[thing]} {kinds[0].has.format(text)}."
    return Choice(text, mistake="belongs_to_another", note=note)


def _explain(
    used: list[Clue],
    said: dict[Clue, str],
    names: list[str],
    things: list[str],
    kinds: list[Kind],
    asked: int,
    subject: str,
    question: str,
) -> str:
    many = len(names)
    there = [_answer(thing, asked, subject, many, len(kinds)) for thing in range(many)]
    steps = leads(used, lambda clue: _mask(clue, many, len(kinds)), there)
    words = [([said[clue] for clue in group], sorted(things[t] for t in left)) for group, left in steps]
    result = [_has_both(names[i], things[i::many], kinds) for i in range(many)]
    return (
        f"{question} Make a table of people and things, and strike out what each clue rules out. {told(words)} "
        f"All clues together leave one way: {listed(result)}. So the answer is: {things[asked]}."
    )


def _has_both(name: str, things: Sequence[str], kinds: list[Kind]) -> str:
    """What somebody has, in one sentence that does not repeat its verb."""
    first, second = (kind.has.format(thing) for kind, thing in zip(kinds, things, strict=True))
    verb = f"{first.split()[0]} "
    return f"{name} {first} and {second.removeprefix(verb)}"


def _canonical(clues: list[Clue], asked: int, people: int) -> list[list[object]]:
    """The clues with people (and their things) renumbered, the asked one first, so that the list is smallest."""
    best: list[list[object]] | None = None
    others = [p for p in range(people) if p != asked]
    for order in permutations(others):
        number = {p: i for i, p in enumerate((asked, *order))}
        new: list[list[object]] = []
        for form, who in clues:
            named = [number[t % people] + t // people * people for t in who]
            new.append([form, *(named if form != "either" else [named[0], *sorted(named[1:])])])
        new.sort()
        if best is None or new < best:
            best = new
    return best or []


# --- solving --------------------------------------------------------------------------------------------------------
Ways = dict[int, tuple[str, ...]]  # for each kind, the thing of each person


def _read(clue: str, names: list[str], kinds: list[list[str]]) -> tuple[set[int], Callable[[Ways], bool]]:
    """The kinds that a clue is about and the clue as a test, from its words: names, things, "not", "or"."""
    found = [(k, thing) for k, kind in enumerate(kinds) for thing in mentioned(clue, kind)]
    used = {k for k, _ in found}
    negative = " not " in clue
    who = mentioned(clue, names)
    if not who:
        (k, first), (m, second) = found
        return used, lambda ways: (ways[k].index(first) == ways[m].index(second)) != negative
    person = names.index(who[0])
    return used, lambda ways: any(ways[k][person] == thing for k, thing in found) != negative


def _subject(question: str, names: list[str], kinds: list[list[str]], ways: Ways) -> int:
    who = mentioned(question, names)
    if who:
        return names.index(who[0])
    return next(ways[k].index(t) for k, kind in enumerate(kinds) for t in mentioned(question, kind))


MODEL = DeductionGrid()
