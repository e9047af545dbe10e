"""Membership by rule: some conditions that a thing must meet; which of the things shown meets all of them?

Radicals: number of properties (4–5, 5, 6) and of conditions (3–4, 4, 5); kinds of condition ("it must be …" is light;
"or", "not both" medium; "or, but not both", "if … then", "exactly when", "exactly two of" heavy). Disjunctive and
conditional concepts are harder than conjunctive ones (Bruner, Goodnow and Austin; Shepard, Hovland and Jenkins on
Boolean concepts).
Incidentals: the things and their properties, the order of the conditions.

Each wrong thing breaks at least one condition, and no condition rules out more than about half of them. They are drawn
so that the key does not stand out as the one that shares most properties with the others.

Solver: reads the conditions and tests every thing shown.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby, permutations, product

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.logic._common import balanced, picks, sentences, success

# What is sorted: the opening, the question, and its properties, each a word and its opposite.
THEMES = (
    ("A parcel goes on the night train when all of this holds.", "Which parcel goes on the night train?",
     (("small", "large"), ("sealed", "open"), ("light", "heavy"), ("insured", "uninsured"), ("domestic", "foreign"),
      ("round", "square"), ("urgent", "ordinary"))),
    ("A book goes on the front shelf when all of this holds.", "Which book goes on the front shelf?",
     (("new", "old"), ("thick", "thin"), ("illustrated", "plain"), ("signed", "unsigned"), ("rare", "common"),
      ("serious", "funny"), ("translated", "original"))),
    ("A room can be booked for the meeting when all of this holds.", "Which room can be booked for the meeting?",
     (("bright", "dark"), ("large", "small"), ("quiet", "noisy"), ("warm", "cool"), ("carpeted", "bare"),
      ("upstairs", "downstairs"), ("modern", "historic"))),
    ("A photo enters the contest when all of this holds.", "Which photo enters the contest?",
     (("bright", "dark"), ("sharp", "blurred"), ("recent", "old"), ("framed", "unframed"), ("coloured", "grey"),
      ("large", "small"), ("staged", "natural"))),
    ("A chair is sent to the new hall when all of this holds.", "Which chair is sent to the new hall?",
     (("hard", "soft"), ("high", "low"), ("wooden", "metal"), ("painted", "unpainted"), ("wide", "narrow"),
      ("folding", "fixed"), ("new", "used"))),
)  # fmt: skip
# A literal is a property's number and whether its first word is meant; a thing has a sign for every property.
Literal = tuple[int, bool]
Condition = tuple[str, tuple[Literal, ...]]
Thing = tuple[bool, ...]
SAY = {
    "must": "It must be {0}.",
    "or": "It must be {0} or {1} (or both).",
    "not_both": "It must not be both {0} and {1}.",
    "one": "It must be either {0} or {1}, but not both.",
    "if": "If it is {0}, it must be {1}.",
    "when": "It must be {0} exactly when it is {1}.",
    "two": "It must have exactly two of these properties: {0}, {1}, {2}.",
}
SIZE = {"must": 1, "two": 3}


@dataclass(frozen=True)
class Plan:
    """What an item of a level is made of."""

    properties: int
    conditions: int
    kinds: tuple[str, ...]
    options: int
    loads: tuple[float, float]


LIGHT = ("must", "or", "not_both", "or")
PLANS: dict[ItemLevel, tuple[Plan, ...]] = {
    "easy": tuple(Plan(p, c, LIGHT, 5, (2.0, 5.0)) for p, c in ((4, 3), (4, 4), (5, 4))),
    "medium": (Plan(5, 4, ("or", "not_both", "one", "if", "must"), 5, (4.0, 8.0)),),
    "hard": (Plan(6, 5, ("one", "if", "if", "when", "two"), 6, (8.0, 13.0)),),
}
WEIGHT = {"must": 0.5, "or": 1.2, "not_both": 1.2, "one": 1.6, "if": 1.8, "when": 2.2, "two": 2.6}


class MembershipRule(ItemModel):
    name = "logic_membership_rule"
    version = 3
    family = "logic"
    sub_type = "set_membership"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plans = PLANS[level]
        plan = plans[rng.randrange(len(plans))]
        conditions = _conditions(plan, rng)
        good, bad = _sorted_out(conditions, plan)
        key = good[rng.randrange(len(good))]
        wrong = balanced(lambda: _wrong(bad, plan, rng), lambda entry: _features(entry[0]), _features(key), rng)
        intro, question, pairs = THEMES[rng.randrange(len(THEMES))]
        words = rng.sample(pairs, plan.properties)
        said = [_say(c, words) for c in conditions]
        return Draft(
            stem="\n".join([intro, *said, question]),
            key=Choice(_list(key, words)),
            distractors=tuple(_distractor(t, conditions[i[0]], said[i[0]], words) for t, i in wrong),
            explanation=(
                "Test each one against one condition at a time and strike out those that break it. Only one is left: "
                f"{_list(key, words)}. "
                + " ".join(f"“{s}” {_why(c, key, words)}" for c, s in zip(conditions, said, strict=True))
            ),
            structure={"properties": plan.properties, "conditions": _canonical(conditions, key)},
            expected_success=success(level, sum(WEIGHT[kind] for kind, _ in conditions), *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        tests = [_read(line) for line in sentences(shown.stem)[1:-1]]
        things = [set(option.text.split(", ")) for option in shown.options]
        return [i for i, thing in enumerate(things) if all(test(thing) for test in tests)]


# --- making ---------------------------------------------------------------------------------------------------------
@cache
def _things(properties: int) -> tuple[Thing, ...]:
    return tuple(product((True, False), repeat=properties))


def _conditions(plan: Plan, rng: random.Random) -> list[Condition]:
    conditions: list[Condition] = []
    subjects: set[frozenset[int]] = set()
    while len(conditions) < plan.conditions:
        kind = plan.kinds[int(rng.random() * len(plan.kinds))]
        ways = picks(plan.properties, SIZE.get(kind, 2))
        who = ways[int(rng.random() * len(ways))]
        subject = frozenset(who)
        if subject in subjects:
            continue
        subjects.add(subject)
        conditions.append((kind, tuple((i, rng.random() < 0.5) for i in who)))
    if len(frozenset[int]().union(*subjects)) < plan.properties:
        raise Unsuitable("a property does not matter")
    return conditions


def _sorted_out(conditions: list[Condition], plan: Plan) -> tuple[list[Thing], list[tuple[Thing, list[int]]]]:
    """The things that meet all conditions, and the others with the conditions that they break.

    Every condition rules out some thing on its own.
    """
    things = _things(plan.properties)
    masks = [_meeting(c, plan.properties) for c in conditions]
    full = (1 << len(things)) - 1
    good = full
    for i, mask in enumerate(masks):
        alone = full ^ mask
        for other in masks[:i] + masks[i + 1 :]:
            alone &= other
        if not alone:
            raise Unsuitable("a condition follows from the others")
        good &= mask
    met = [t for i, t in enumerate(things) if good >> i & 1]
    if not met or len(things) - len(met) < 2 * plan.options:
        raise Unsuitable("the conditions are too strict or too loose")
    bad = [
        (thing, [c for c, mask in enumerate(masks) if not mask >> i & 1])
        for i, thing in enumerate(things)
        if not good >> i & 1
    ]
    return met, bad


@cache
def _meeting(condition: Condition, properties: int) -> int:
    """The things that meet the condition, as a bit mask over `_things`."""
    return sum(1 << i for i, thing in enumerate(_things(properties)) if _met(condition, thing))


def _met(condition: Condition, thing: Thing) -> bool:
    kind, literals = condition
    has = [thing[i] == sign for i, sign in literals]
    if kind == "must":
        return has[0]
    if kind == "or":
        return has[0] or has[1]
    if kind == "not_both":
        return not (has[0] and has[1])
    if kind == "one":
        return has[0] != has[1]
    if kind == "if":
        return not has[0] or has[1]
    if kind == "when":
        return has[0] == has[1]
    return sum(has) == 2


def _wrong(bad: list[tuple[Thing, list[int]]], plan: Plan, rng: random.Random) -> list[tuple[Thing, list[int]]]:
    """Wrong things, each with the conditions that it breaks.

    No condition is broken by more than about half of them, so that several have to be read.
    """
    count = plan.options - 1
    most = (count + 1) // 2
    broken = [0] * plan.conditions
    worn = set[int]()  # conditions that no further one may break
    chosen: list[tuple[Thing, list[int]]] = []
    left = list(bad)
    for _ in range(min(len(left), 4 * count)):
        thing, breaks = left.pop(int(rng.random() * len(left)))
        if worn.isdisjoint(breaks):
            chosen.append((thing, breaks))
            for i in breaks:
                broken[i] += 1
                if broken[i] == most:
                    worn.add(i)
        if len(chosen) == count:
            return chosen
    raise Unsuitable("one condition would decide alone")


@cache
def _features(thing: Thing) -> int:
    bits = [*thing, *(not has for has in thing)]
    return sum(bit << i for i, bit in enumerate(bits))


def _word(literal: Literal, words: list[tuple[str, str]]) -> str:
    return words[literal[0]][0 if literal[1] else 1]


def _say(condition: Condition, words: list[tuple[str, str]]) -> str:
    kind, literals = condition
    return SAY[kind].format(*(_word(literal, words) for literal in literals))


def _list(thing: Thing, words: list[tuple[str, str]]) -> str:
    return ", ".join(_word((i, has), words) for i, has in enumerate(thing))


def _why(condition: Condition, thing: Thing, words: list[tuple[str, str]]) -> str:
    """How a thing meets the condition: what it is, of the properties that the condition names."""
    kind, literals = condition
    first, wanted = literals[0]
    if kind == "if" and thing[first] != wanted:
        return f"says nothing here, since it is {_word((first, thing[first]), words)}."
    return f"holds, since it is {listed([_word((i, thing[i]), words) for i, _ in literals])}."


def _distractor(thing: Thing, broken: Condition, said: str, words: list[tuple[str, str]]) -> Choice:
    kind, literals = broken
    tag = {
        "must": "plain_condition_missed",
        "or": "neither_of_two",
        "not_both": "both_of_two",
        "one": "exclusive_or_misread",
        "if": "conditional_misread",
        "when": "biconditional_misread",
        "two": "counted_wrongly",
    }[kind]
    named = [_word((i, thing[i]), words) for i, _ in literals]
    note = f"It is {listed(named)}, which breaks “{said}”"
    return Choice(_list(thing, words), mistake=tag, note=note)


def _canonical(conditions: list[Condition], key: Thing) -> list[list[object]]:
    """The conditions with each property written so that the key has its first word, and the properties renumbered so
    that the list is the smallest possible.

    Properties that differ in the conditions they are named in are never exchanged, which leaves few renumberings.
    """
    turned = sorted((kind, [(i, int(sign == key[i])) for i, sign in literals]) for kind, literals in conditions)
    marks = [
        sorted(
            (kind, sign, place * (kind == "if"))
            for kind, who in turned
            for place, (j, sign) in enumerate(who)
            if j == i
        )
        for i in range(len(key))
    ]
    line = sorted(range(len(key)), key=lambda i: marks[i])
    groups = [list(group) for _, group in groupby(line, key=lambda i: marks[i])]
    best: list[list[object]] | None = None
    for choice in product(*(permutations(group) for group in groups)):
        number = {p: i for i, p in enumerate(p for group in choice for p in group)}
        new: list[list[object]] = []
        for kind, who in turned:
            parts = [[number[i], sign] for i, sign in who]
            new.append([kind, *(parts if kind == "if" else sorted(parts))])
        new.sort()
        if best is None or new < best:
            best = new
    return best or []


# --- solving --------------------------------------------------------------------------------------------------------
def _read(line: str) -> Callable[[set[str]], bool]:
    """A condition as a test on the words of a thing."""
    text = line.rstrip(".")
    if match := re.fullmatch(r"It must have exactly two of these properties: (.+)", text):
        named = match[1].split(", ")
        return lambda thing: len(thing.intersection(named)) == 2
    if match := re.fullmatch(r"It must not be both (\w+) and (\w+)", text):
        pair = set(match.groups())
        return lambda thing: not pair <= thing
    if match := re.fullmatch(r"It must be either (\w+) or (\w+), but not both", text):
        pair = set(match.groups())
        return lambda thing: len(pair & thing) == 1
    if match := re.fullmatch(r"If it is (\w+), it must be (\w+)", text):
        condition, result = match.groups()
        return lambda thing: result in thing or condition not in thing
    if match := re.fullmatch(r"It must be (\w+) exactly when it is (\w+)", text):
        first, second = match.groups()
        return lambda thing: (first in thing) == (second in thing)
    if match := re.fullmatch(r"It must be (\w+) or (\w+) \(or both\)", text):
        pair = set(match.groups())
        return lambda thing: bool(pair & thing)
    if match := re.fullmatch(r"It must be (\w+)", text):
        word = match[1]
        return lambda thing: word in thing
    raise ValueError(f"cannot read {line!r}")


MODEL = MembershipRule()
