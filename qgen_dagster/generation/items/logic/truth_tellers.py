"""Truth-tellers and liars: each person speaks once; who tells the truth?

Every person either always tells the truth or always lies, and exactly one way of sharing out the roles fits.

Radicals: number of people (4, 4, 5); whether it is told that exactly one of them has the asked role (easy); kinds of
statement (about one person; "both"; about two people being of the same kind; "exactly one of"; how many liars there
are; if … then …). That load grows with the suppositions to be followed is the standard account of such puzzles (Rips).
Incidentals: names, setting, order of speaking.

Options are single people (easy), or come in pairs, a set of people and the rest of them, so that every person is in
half of the options.

Solver: reads the statements, tries every way of sharing out the roles, and keeps the options that name exactly the
truth-tellers of some way in which each person's statement is as true as that person.
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
from qgen_dagster.generation.items.language import listed, number_word, pick_names
from qgen_dagster.generation.items.logic._common import mentioned, sentences, success

SETTINGS = (
    "In a game, every player is either a truth-teller, who says only true things, or a liar, who says only false "
    "things.",
    "At a puzzle fair, each guide is either a truth-teller, whose statements are all true, or a liar, whose statements "
    "are all false.",
    "In a play, each character is either a truth-teller, who never says anything false, or a liar, who never says "
    "anything true.",
)
# A statement: kind, the people it is about, a number that picks the variant.
Statement = tuple[str, tuple[int, ...], int]
Roles = tuple[bool, ...]


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    people: int
    kinds: tuple[str, ...]
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan(4, ("one", "one", "same", "both"), (2.0, 5.0)),
    "medium": Plan(4, ("one", "same", "both", "exactly_one", "count"), (3.0, 7.5)),
    "hard": Plan(5, ("same", "both", "exactly_one", "count", "if", "if"), (6.0, 11.0)),
}
WEIGHT = {"one": 0.5, "same": 1.2, "both": 1.0, "exactly_one": 1.6, "count": 1.8, "if": 2.4}


class TruthTellers(ItemModel):
    name = "logic_truth_tellers"
    family = "logic"
    sub_type = "truth_tellers"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        alone = rng.random() < 0.5 if level == "easy" else None  # the role that only one person has, if that is told
        statements = [_statement(speaker, plan, rng) for speaker in range(plan.people)]
        fitting = [roles for roles in _possible_roles(plan.people, alone) if _fits(statements, roles)]
        if len(fitting) != 1:
            raise Unsuitable("not exactly one way")
        roles = fitting[0]
        if roles not in _mixed_roles(plan.people) or (
            level == "medium" and 2 * sum(roles) < plan.people and rng.random() < 0.35
        ):
            raise Unsuitable("keep large and small sets in balance")
        names = pick_names(rng, plan.people)
        said = [f"{names[i]} says: “{_say(s, names, plan.people)}”" for i, s in enumerate(statements)]
        if alone is not None:
            said.append(f"Exactly one of them is a {_role(alone)}.")
            wrong = [r for r in _possible_roles(plan.people, alone) if r != roles]
        else:
            others = [r for r in _mixed_roles(plan.people) if r != roles and r[0] == roles[0]]
            wrong = [_swapped(roles)]
            for other in rng.sample(others, 2):
                wrong += [other, _swapped(other)]
        return Draft(
            stem="\n".join([SETTINGS[rng.randrange(len(SETTINGS))], *said, _question(alone)]),
            key=Choice(_who(roles, names, alone)),
            distractors=tuple(_distractor(r, roles, statements, names, alone) for r in wrong),
            explanation=_explain(roles, statements, names, alone),
            structure={"alone": alone, "statements": _canonical(statements)},
            expected_success=success(level, sum(WEIGHT[kind] for kind, _, _ in statements), *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        *lines, question = sentences(shown.stem)[1:]
        hints = [line for line in lines if "says" not in line]
        lines = [line for line in lines if "says" in line]
        names = [line.partition(" says")[0] for line in lines]
        claims = [_read(line.partition("“")[2], names) for line in lines]
        known = [_read(hint, names) for hint in hints]
        wanted = "truth-teller" in question
        found: set[int] = set()
        for roles in product((False, True), repeat=len(names)):
            if all(hint(roles) for hint in known) and all(
                claim(roles) == role for claim, role in zip(claims, roles, strict=True)
            ):
                asked = {name for name, role in zip(names, roles, strict=True) if role == wanted}
                found.update(i for i, o in enumerate(shown.options) if set(mentioned(o.text, names)) == asked)
        return sorted(found)


# --- making ---------------------------------------------------------------------------------------------------------
@cache
def _possible_roles(people: int, alone: bool | None = None) -> tuple[Roles, ...]:
    """All ways of sharing out the roles, or those in which exactly one person has the role `alone`."""
    ways = product((True, False), repeat=people)
    return tuple(way for way in ways if alone is None or way.count(alone) == 1)


@cache
def _mixed_roles(people: int) -> tuple[Roles, ...]:
    return tuple(way for way in _possible_roles(people) if 0 < sum(way) < people)


def _swapped(roles: Roles) -> Roles:
    return tuple(not role for role in roles)


def _statement(speaker: int, plan: Plan, rng: random.Random) -> Statement:
    others = [p for p in range(plan.people) if p != speaker]
    kind = plan.kinds[rng.randrange(len(plan.kinds))]
    if kind == "one":
        return kind, (others[rng.randrange(len(others))],), rng.randrange(2)
    if kind == "count":
        return kind, (), rng.randint(1, plan.people - 1)
    if kind == "if":
        first, second = rng.sample(others, 2)
        return kind, (first, second), rng.randrange(4)
    pair = tuple(sorted(rng.sample(others, 2)))
    return kind, pair, 0 if kind == "exactly_one" else rng.randrange(2)


def _true(statement: Statement, roles: Roles) -> bool:
    kind, who, variant = statement
    if kind == "one":
        return roles[who[0]] == bool(variant)
    if kind == "count":
        return roles.count(False) == variant
    first, second = roles[who[0]], roles[who[1]]
    if kind == "both":
        return first == second == bool(variant)
    if kind == "if":
        return first != bool(variant & 1) or second == bool(variant & 2)
    return (first == second) == (kind == "same" and bool(variant))


def _fits(statements: list[Statement], roles: Roles) -> bool:
    return all(_true(s, roles) == role for s, role in zip(statements, roles, strict=True))


def _role(honest: bool) -> str:
    return "truth-teller" if honest else "liar"


def _question(alone: bool | None) -> str:
    return f"Who is the {_role(alone)}?" if alone is not None else "Who are the truth-tellers?"


def _say(statement: Statement, names: list[str], people: int) -> str:
    kind, who, variant = statement
    said = [names[p] for p in who]
    if kind == "one":
        return f"{said[0]} is a {'truth-teller' if variant else 'liar'}."
    if kind == "count":
        liars = "is a liar" if variant == 1 else "are liars"
        return f"Exactly {number_word(variant)} of the {number_word(people)} of us {liars}."
    if kind == "if":
        roles = ["a truth-teller" if variant & bit else "a liar" for bit in (1, 2)]
        return f"If {said[0]} is {roles[0]}, then {said[1]} is {roles[1]}."
    pair = listed(sorted(said))
    if kind == "both":
        return f"{pair} are both {'truth-tellers' if variant else 'liars'}."
    if kind == "exactly_one":
        return f"Exactly one of {pair} is a liar."
    return f"{pair} are {'of the same kind' if variant else 'of different kinds'}."


def _who(roles: Roles, names: list[str], alone: bool | None) -> str:
    asked = sorted(name for name, role in zip(names, roles, strict=True) if role == (alone is not False))
    return asked[0] if alone is not None else f"Only {listed(asked)}"


def _distractor(
    wrong: Roles, roles: Roles, statements: list[Statement], names: list[str], alone: bool | None
) -> Choice:
    misfits = [i for i, s in enumerate(statements) if _true(s, wrong) != wrong[i]]
    first = misfits[0]
    note = (
        f"Then {names[first]} would be a {_role(wrong[first])}, but what {names[first]} says would be "
        f"{'false' if wrong[first] else 'true'}."
    )
    if wrong == _swapped(roles):
        tag = "roles_swapped"
    else:
        tag = "one_statement_overlooked" if len(misfits) == 1 else "supposition_not_checked"
    return Choice(_who(wrong, names, alone), mistake=tag, note=note)


def _explain(roles: Roles, statements: list[Statement], names: list[str], alone: bool | None) -> str:
    """One supposition that fails, where there is a short one, then the check of the only way that fits."""
    checks = [
        f"{names[i]} is a {_role(role)} and says something {'true' if role else 'false'}"
        for i, role in enumerate(roles)
    ]
    return (
        f"{_refuted(roles, statements, names, alone)}Trying out each person as truth-teller and as liar leaves one way "
        f"that fits: {'; '.join(checks)}. So the answer is: {_who(roles, names, alone)}."
    )


def _refuted(roles: Roles, statements: list[Statement], names: list[str], alone: bool | None) -> str:
    """Why a first person cannot have the other role, if that person's and one more statement are enough to see it."""
    ways = _possible_roles(len(names), alone)
    for i, j in permutations(range(len(names)), 2):
        wrong = not roles[i]
        if not any(
            r[i] == wrong and _true(statements[i], r) == wrong and _true(statements[j], r) == r[j] for r in ways
        ):
            return (
                f"Suppose that {names[i]} were a {_role(wrong)}. Then the statements of {names[i]} and {names[j]} "
                f"could not both fit their speakers, so {names[i]} is a {_role(roles[i])}. "
            )
    return ""


def _canonical(statements: list[Statement]) -> list[list[object]]:
    """The statements with people renumbered so that the list is the smallest possible.

    People who differ in their kind of statement or in how often they are spoken of are never exchanged, which leaves
    few renumberings to try.
    """
    spoken_of = [p for _, who, _ in statements for p in who]
    marks = [(kind, variant, spoken_of.count(p)) for p, (kind, _, variant) in enumerate(statements)]
    people = sorted(range(len(statements)), key=lambda p: marks[p])
    groups = [list(group) for _, group in groupby(people, key=lambda p: marks[p])]
    best: list[list[object]] | None = None
    for choice in product(*(permutations(group) for group in groups)):
        line = [p for group in choice for p in group]
        number = {p: i for i, p in enumerate(line)}
        new: list[list[object]] = []
        for p in line:
            kind, who, variant = statements[p]
            renamed = [number[q] for q in who]
            new.append([kind, renamed if kind == "if" else sorted(renamed), variant])
        if best is None or new < best:
            best = new
    return best or []


# --- solving --------------------------------------------------------------------------------------------------------
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def _read(text: str, names: list[str]) -> Callable[[Roles], bool]:
    """What a sentence says, as a test on the roles, read from its words."""
    who = [names.index(name) for name in mentioned(text, names)]
    if match := re.match(r"Exactly (\w+) of (?:the \w+ of us|them) (?:is|are) (?:a )?(truth|liar)", text):
        count, honest = _NUMBERS[match[1]], match[2] == "truth"
        return lambda roles: sum(role == honest for role in roles) == count
    if text.startswith("Exactly one of"):
        return lambda roles: sum(not roles[p] for p in who) == 1
    if "kind" in text:
        alike = "same" in text
        return lambda roles: (len({roles[p] for p in who}) == 1) == alike
    if text.startswith("If"):
        condition, result = ("truth" in part for part in text.split(", then"))
        return lambda roles: not (roles[who[0]] == condition and roles[who[1]] != result)
    honest = "truth" in text
    return lambda roles: all(roles[p] == honest for p in who)


MODEL = TruthTellers()
