"""Equivalence: which statement says exactly the same as the one given, or is true exactly when it is false?

Radicals: number of plain statements joined (medium 2, hard 3); the connectives (and, or, neither, at most one; if, only
if; if with a double condition or conclusion); asking for the opposite; negations. De Morgan's rules and contraposition
are what the items turn on; the negation of a conditional is the classical hard case. There is no easy level: with "and"
and "or" over two statements alone only a few dozen different items exist.
Incidentals: the plain statements, which of them is which.

Distractors are statements of the same kinds with another truth table: the converse and the inverse of a conditional,
"not both" for "neither", "and" for "or". Each is explained by a case in which it differs. No two options say the same.
"Or" is always spelled out as "or both".

Solver: reads every sentence as a truth function of the plain statements in it, and compares the truth tables.
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
from qgen_dagster.generation.items.language import capitalised, listed
from qgen_dagster.generation.items.logic._common import sentences, success

PLAIN = (
    ("the door is open", "the light is on", "the fan is on", "the alarm is on", "the window is open"),
    ("the shop is open", "the lift is in use", "the hall is full", "the gate is locked", "the office is busy"),
    ("the pump is on", "the tank is full", "the valve is open", "the filter is clean", "the pipe is warm"),
    ("the train is late", "the platform is busy", "the road is wet", "the bus is full", "the park is quiet"),
    ("the soup is hot", "the oven is on", "the table is ready", "the cake is done", "the kitchen is clean"),
)  # fmt: skip
QUESTION = {
    False: "Which statement says exactly the same as this one?",
    True: "Which statement is true exactly when this one is false?",
}
# A formula: its form and its literals, each the number of a plain statement and a sign.
Literal = tuple[int, bool]
Formula = tuple[str, tuple[Literal, ...]]
FORMS: dict[str, str] = {
    "and": "{0}, and {1}.",
    "or": "{0}, or {1}, or both.",
    "neither": "Neither of these holds: {0}; {1}.",
    "not_both": "At most one of these holds: {0}; {1}.",
    "if": "If {0}, then {1}.",
    "only_if": "{0} only if {1}.",
    "and_three": "{0}, and {1}, and {2}.",
    "or_three": "At least one of these holds: {0}; {1}; {2}.",
    "if_and": "If {0} and {1}, then {2}.",
    "if_or": "If {0}, or {1}, or both, then {2}.",
    "then_and": "If {0}, then {1} and {2}.",
    "then_or": "If {0}, then {1}, or {2}, or both.",
}


@dataclass(frozen=True)
class Plan:
    """What a level is made of; `opposite` is how often the opposite is asked for."""

    forms: tuple[str, ...]
    atoms: int
    opposite: float
    options: int
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "medium": Plan(("and", "or", "neither", "not_both", "if", "only_if"), 2, 0.35, 5, (1.0, 6.0)),
    "hard": Plan(("and_three", "or_three", "if_and", "if_or", "then_and", "then_or"), 3, 0.5, 5, (3.0, 8.5)),
}
WEIGHT = {"and": 0.5, "or": 1.0, "neither": 0.5, "not_both": 1.0, "if": 1.2, "only_if": 1.8}


class Equivalence(ItemModel):
    name = "logic_equivalence"
    family = "logic"
    sub_type = "truth_table"
    levels = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        opposite = rng.random() < plan.opposite
        formulas = _formulas(plan.forms, plan.atoms)
        given = formulas[rng.randrange(len(formulas))]
        table = _table(given, plan.atoms) ^ (_all(plan.atoms) if opposite else 0)
        keys = [f for f in _with_table(plan.forms, plan.atoms).get(table, ()) if _kin(f) != _kin(given)]
        if not keys:
            raise Unsuitable("cannot be said in another way")
        key = keys[rng.randrange(len(keys))]
        wrong = _wrong(formulas, table, plan, rng)
        group = PLAIN[rng.randrange(len(PLAIN))]
        said = rng.sample(group, plan.atoms)
        load = (
            sum(WEIGHT.get(form, 2.0) for form in (given[0], key[0]))
            + 0.5 * sum(not sign for _, sign in (*given[1], *key[1]))
            + 1.5 * opposite
        )
        return Draft(
            stem=f"{QUESTION[opposite]}\n{_say(given, said)}",
            key=Choice(_say(key, said)),
            distractors=tuple(_distractor(f, table, opposite, said, plan.atoms) for f in wrong),
            explanation=_explain(given, key, opposite, said, plan.atoms),
            structure={"opposite": opposite, **_canonical(given, key, plan.atoms)},
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        question, given = sentences(shown.stem)
        plain: list[str] = []
        wanted = _read(given, plain)
        claims = [_read(option.text, plain) for option in shown.options]
        cases = list(product((False, True), repeat=len(plain)))
        opposite = "false" in question
        goal = [wanted(case) != opposite for case in cases]
        return [i for i, claim in enumerate(claims) if [claim(case) for case in cases] == goal]


# --- making ---------------------------------------------------------------------------------------------------------
def _all(atoms: int) -> int:
    return (1 << (1 << atoms)) - 1


@cache
def _formulas(forms: tuple[str, ...], atoms: int) -> tuple[Formula, ...]:
    """All formulas of the forms, each once: parts that may change places stand in order."""
    found = []
    for form in forms:
        for order in permutations(range(atoms)):
            free = order[:2] if form in ("if_and", "if_or") else order[1:] if form.startswith("then") else order
            if list(free) != sorted(free) and form not in ("if", "only_if"):
                continue
            for signs in product((True, False), repeat=atoms):
                # "Neither" and "at most one" over denials are hard to read for no good reason.
                if form not in ("neither", "not_both") or all(signs):
                    found.append((form, tuple(zip(order, signs, strict=True))))
    return tuple(found)


@cache
def _with_table(forms: tuple[str, ...], atoms: int) -> dict[int, tuple[Formula, ...]]:
    tables: dict[int, list[Formula]] = {}
    for formula in _formulas(forms, atoms):
        tables.setdefault(_table(formula, atoms), []).append(formula)
    return {table: tuple(formulas) for table, formulas in tables.items()}


@cache
def _table(formula: Formula, atoms: int) -> int:
    """The cases in which the formula is true, as a bit mask."""
    form, literals = formula
    mask = 0
    for bit, case in enumerate(product((True, False), repeat=atoms)):
        mask |= _true(form, [case[i] == sign for i, sign in literals]) << bit
    return mask


def _true(form: str, p: list[bool]) -> bool:
    if form in ("and", "and_three"):
        return all(p)
    if form in ("or", "or_three"):
        return any(p)
    if form == "neither":
        return not any(p)
    if form == "not_both":
        return not all(p)
    if form == "if_and":
        return not (p[0] and p[1]) or p[2]
    if form == "if_or":
        return not (p[0] or p[1]) or p[2]
    return not p[0] or (all(p[1:]) if form == "then_and" else any(p[1:]))


def _kin(formula: Formula) -> tuple[object, ...]:
    """Formulas that differ in nothing but an easy rewording ("if" and "only if" with the same parts) are kin."""
    form, literals = formula
    return ("if" if form == "only_if" else form, literals)


def _wrong(formulas: tuple[Formula, ...], table: int, plan: Plan, rng: random.Random) -> list[Formula]:
    """Formulas with other tables, those that differ in few cases first, no two with the same table."""
    wrong: list[Formula] = []
    tables = {table}
    drawn = rng.sample(formulas, min(len(formulas), 24))
    drawn.sort(key=lambda f: (_table(f, plan.atoms) ^ table).bit_count() > 2)
    for formula in drawn:
        if _table(formula, plan.atoms) not in tables:
            tables.add(_table(formula, plan.atoms))
            wrong.append(formula)
        if len(wrong) == plan.options - 1:
            return wrong
    raise Unsuitable("too few distractors")


def _literal(literal: Literal, said: list[str]) -> str:
    statement = said[literal[0]]
    return statement if literal[1] else statement.replace(" is ", " is not ", 1)


def _say(formula: Formula, said: list[str]) -> str:
    form, literals = formula
    return capitalised(FORMS[form].format(*(_literal(literal, said) for literal in literals)))


def _case(bit: int, said: list[str], atoms: int) -> str:
    signs = list(product((True, False), repeat=atoms))[bit]
    return listed([_literal((i, sign), said) for i, sign in enumerate(signs)])


def _distractor(formula: Formula, table: int, opposite: bool, said: list[str], atoms: int) -> Choice:
    mine = _table(formula, atoms)
    differs = mine ^ table
    bit = (differs & -differs).bit_length() - 1
    true_here = bool(mine >> bit & 1)
    given_here = bool(table >> bit & 1) != opposite
    if mine & ~table == 0:
        tag = "too_strong"
    elif table & ~mine == 0:
        tag = "too_weak"
    else:
        tag = "converse_or_inverse" if formula[0] in ("if", "only_if") else "other_cases"
    both = "both this statement and the given one are" if true_here == given_here else None
    verdict = (
        f"{both} {'true' if true_here else 'false'}"
        if both
        else f"this statement is {'true' if true_here else 'false'}, the given one {'true' if given_here else 'false'}"
    )
    return Choice(_say(formula, said), mistake=tag, note=f"Suppose that {_case(bit, said, atoms)}. Then {verdict}.")


def _explain(given: Formula, key: Formula, opposite: bool, said: list[str], atoms: int) -> str:
    table = _table(given, atoms)
    bits = [bit for bit in range(1 << atoms) if table >> bit & 1]
    false = [bit for bit in range(1 << atoms) if not table >> bit & 1]
    few, word = (bits, "true") if len(bits) <= len(false) else (false, "false")
    cases = "; ".join(_case(bit, said, atoms) for bit in few)
    only = "in only one case" if len(few) == 1 else "in these cases only"
    other = {"true": "false", "false": "true"}[word] if opposite else word
    return (
        f"Go through the cases. “{_say(given, said)}” is {word} {only}: {cases}. The statement that is {other} in "
        f"exactly {'that case' if len(few) == 1 else 'those cases'} is: {_say(key, said)}"
    )


def _canonical(given: Formula, key: Formula, atoms: int) -> dict[str, object]:
    """The formulas with the plain statements renumbered so that the list is the smallest possible."""
    commuting = ("and", "or", "neither", "not_both", "and_three", "or_three")

    def renamed(formula: Formula, order: tuple[int, ...]) -> list[object]:
        form, literals = formula
        parts = [[order[i], int(sign)] for i, sign in literals]
        if form in commuting:
            parts.sort()
        elif form in ("if_and", "if_or"):
            parts[:2] = sorted(parts[:2])
        elif form.startswith("then"):
            parts[1:] = sorted(parts[1:])
        return [form, parts]

    best = min([renamed(given, order), renamed(key, order)] for order in permutations(range(atoms)))
    return {"given": best[0], "key": best[1]}


# --- solving --------------------------------------------------------------------------------------------------------
Claim = Callable[[tuple[bool, ...]], bool]


def _read(sentence: str, plain: list[str]) -> Claim:
    """A sentence as a truth function over the plain statements, which are numbered as they turn up."""
    text = sentence.rstrip(".")
    if match := re.fullmatch(r"(Neither|At most one|At least one) of these holds: (.+)", text):
        parts = [_read(part, plain) for part in match[2].split("; ")]
        least, most = {"Neither": (0, 0), "At most one": (0, 1), "At least one": (1, len(parts))}[match[1]]
        return lambda case: least <= sum(part(case) for part in parts) <= most
    if match := re.fullmatch(r"If (.+), then (.+)", text):
        given, then = _read(match[1], plain), _read(match[2], plain)
        return lambda case: then(case) or not given(case)
    if match := re.fullmatch(r"(.+) only if (.+)", text):
        given, then = _read(match[1], plain), _read(match[2], plain)
        return lambda case: then(case) or not given(case)
    if match := re.fullmatch(r"(.+), or (.+), or both", text):
        first, second = _read(match[1], plain), _read(match[2], plain)
        return lambda case: first(case) or second(case)
    if match := re.fullmatch(r"(.+?),? and (.+)", text):
        first, second = _read(match[1], plain), _read(match[2], plain)
        return lambda case: first(case) and second(case)
    return _read_plain(text.lower(), plain)


def _read_plain(text: str, plain: list[str]) -> Claim:
    affirmed = text.replace(" is not ", " is ")
    if affirmed not in plain:
        plain.append(affirmed)
    number, sign = plain.index(affirmed), affirmed == text
    return lambda case: case[number] == sign


MODEL = Equivalence()
