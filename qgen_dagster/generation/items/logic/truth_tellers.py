"""Truth-tellers and liars: each person speaks once; who tells the truth?

Every person either always tells the truth or always lies, and exactly one way of sharing out the roles fits.

Radicals: number of people (3, 4, 5); kinds of statement (about one person; "both"; about two people being of the same
kind; "exactly one of"; how many liars there are; if … then …); whether a first step is forced (easy) or every start is
a supposition. That load grows with the suppositions to be followed is the standard account of such puzzles (Rips).
Incidentals: names, setting, order of speaking.

Options come in pairs, a set of people and the rest of them, so that every person is in half of the options.

Solver: reads the statements, tries every way of sharing out the roles, and keeps the options that name exactly the
truth-tellers of some way in which each person's statement is as true as that person.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

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
QUESTION = "Who is a truth-teller?"
# A statement: kind, the people it is about, a number that picks the variant.
Statement = tuple[str, tuple[int, ...], int]
Roles = tuple[bool, ...]


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    people: int
    kinds: tuple[str, ...]
    options: int
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan(3, ("one", "one", "same", "both", "count"), 4, (2.0, 5.0)),
    "medium": Plan(4, ("one", "same", "both", "exactly_one", "count"), 6, (4.0, 9.0)),
    "hard": Plan(5, ("same", "both", "exactly_one", "count", "if", "if"), 6, (8.0, 14.0)),
}
WEIGHT = {"one": 0.5, "same": 1.2, "both": 1.0, "exactly_one": 1.6, "count": 1.8, "if": 2.4}


class TruthTellers(ItemModel):
    name = "logic_truth_tellers"
    family = "logic"
    sub_type = "truth_tellers"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        statements = [_statement(speaker, plan, rng) for speaker in range(plan.people)]
        fitting = [roles for roles in _all_roles(plan.people) if _misfits(statements, roles) == 0]
        if len(fitting) != 1:
            raise Unsuitable("not exactly one way")
        roles = fitting[0]
        names = pick_names(rng, plan.people)
        said = [f"{names[i]} says: “{_say(s, names, plan.people)}”" for i, s in enumerate(statements)]
        load = sum(WEIGHT[kind] for kind, _, _ in statements)
        others = [r for r in _all_roles(plan.people) if r not in (roles, _swapped(roles)) and r[0] == roles[0]]
        wrong = [_swapped(roles)]
        for other in rng.sample(others, plan.options // 2 - 1):
            wrong += [other, _swapped(other)]
        return Draft(
            stem="\n".join([f"{SETTINGS[rng.randrange(len(SETTINGS))]}", *said, QUESTION]),
            key=Choice(_who(roles, names)),
            distractors=tuple(_distractor(r, roles, statements, said, names) for r in wrong),
            explanation=_explain(roles, statements, names),
            structure={"statements": _canonical(statements, plan.people)},
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = sentences(shown.stem)[1:-1]
        names = [line.partition(" says")[0] for line in lines]
        claims = [_read(line, names) for line in lines]
        found = []
        for roles in product((False, True), repeat=len(names)):
            if all(claim(roles) == role for claim, role in zip(claims, roles, strict=True)):
                honest = {name for name, role in zip(names, roles, strict=True) if role}
                found += [i for i, o in enumerate(shown.options) if _named(o.text, names) == honest]
        return sorted(found)


# --- making ---------------------------------------------------------------------------------------------------------
@cache
def _all_roles(people: int) -> tuple[Roles, ...]:
    return tuple(product((True, False), repeat=people))


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


def _misfits(statements: list[Statement], roles: Roles) -> int:
    return sum(_true(s, roles) != role for s, role in zip(statements, roles, strict=True))


def _say(statement: Statement, names: list[str], people: int) -> str:
    kind, who, variant = statement
    said = [names[p] for p in who]
    if kind == "one":
        return f"{said[0]} is a {'truth-teller' if variant else 'liar'}."
    if kind == "count":
        return f"Exactly {number_word(variant)} of the {number_word(people)} of us {'is a liar' if variant == 1 else 'are liars'}."
    if kind == "if":
        roles = ["a truth-teller" if variant & bit else "a liar" for bit in (1, 2)]
        return f"If {said[0]} is {roles[0]}, then {said[1]} is {roles[1]}."
    pair = listed(sorted(said))
    if kind == "both":
        return f"{pair} are both {'truth-tellers' if variant else 'liars'}."
    if kind == "exactly_one":
        return f"Exactly one of {pair} is a liar."
    return f"{pair} are {'of the same kind' if variant else 'of different kinds'}."


def _who(roles: Roles, names: list[str]) -> str:
    honest = sorted(name for name, role in zip(names, roles, strict=True) if role)
    if not honest:
        return "None of them"
    if len(honest) == len(names):
        return f"All {number_word(len(names))} of them"
    return f"Only {listed(honest)}"


def _distractor(wrong: Roles, roles: Roles, statements: list[Statement], said: list[str], names: list[str]) -> Choice:
    misfits = [i for i, s in enumerate(statements) if _true(s, wrong) != wrong[i]]
    first = misfits[0]
    verdict = ("be true", "a truth-teller") if _true(statements[first], wrong) else ("be false", "a liar")
    opposite = "a liar" if verdict[1] == "a truth-teller" else "a truth-teller"
    note = f"Then what {names[first]} says would {verdict[0]}, although {names[first]} would be {opposite}."
    if wrong == _swapped(roles):
        tag = "roles_swapped"
    else:
        tag = "one_statement_overlooked" if len(misfits) == 1 else "supposition_not_checked"
    return Choice(_who(wrong, names), mistake=tag, note=note)


def _explain(roles: Roles, statements: list[Statement], names: list[str]) -> str:
    """One supposition that fails, where there is a short one, then the check of the only way that fits."""
    checks = [
        f"{names[i]} is {'a truth-teller' if role else 'a liar'} and says something {'true' if role else 'false'}"
        for i, role in enumerate(roles)
    ]
    start = _refuted(roles, statements, names)
    return (
        f"{start}Trying each person as truth-teller and as liar leaves one way that fits: "
        f"{'; '.join(checks)}. So the answer is: {_who(roles, names)}."
    )


def _refuted(roles: Roles, statements: list[Statement], names: list[str]) -> str:
    """Why a first person cannot have the other role, if that person's and one more statement are enough to see it."""
    for i, j in permutations(range(len(names)), 2):
        wrong = not roles[i]
        left = [
            r
            for r in _all_roles(len(names))
            if r[i] == wrong and _true(statements[i], r) == r[i] and _true(statements[j], r) == r[j]
        ]
        if not left:
            role = "a truth-teller" if wrong else "a liar"
            other = "a liar" if wrong else "a truth-teller"
            return (
                f"Suppose that {names[i]} were {role}. Then the statements of {names[i]} and {names[j]} could not "
                f"both fit their speakers, so {names[i]} is {other}. "
            )
    return ""


def _canonical(statements: list[Statement], people: int) -> list[list[object]]:
    """The statements with people renumbered so that the list is the smallest possible."""
    best: list[Statement] | None = None
    for order in permutations(range(people)):
        new: list[Statement] = [statements[0]] * people
        for speaker, (kind, who, variant) in enumerate(statements):
            renamed = tuple(order[p] for p in who)
            new[order[speaker]] = (kind, renamed if kind == "if" else tuple(sorted(renamed)), variant)
        if best is None or new < best:
            best = new
    return [[kind, list(who), variant] for kind, who, variant in best or ()]


# --- solving --------------------------------------------------------------------------------------------------------
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def _read(line: str, names: list[str]) -> Callable[[Roles], bool]:
    """What a person says, as a test on the roles, read from the words between the quotation marks."""
    text = line.partition("“")[2]
    who = [names.index(name) for name in mentioned(text, names)]
    if match := re.match(r"Exactly (\w+) of the \w+ of us", text):
        liars = _NUMBERS[match[1]]
        return lambda roles: sum(not role for role in roles) == liars
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


def _named(text: str, names: list[str]) -> set[str]:
    return set(names) if text.startswith("All") else set(mentioned(text, names))


MODEL = TruthTellers()
