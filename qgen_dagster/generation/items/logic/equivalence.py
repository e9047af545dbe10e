"""Equivalence: which statement says exactly the same as the one given, or is true exactly when it is false?

Radicals: number of plain statements joined (medium 2, or two given statements that share one; hard 3); the connectives
(and, or, neither, at most one, exactly one; if, only if, not … while; if with a double condition or conclusion);
asking for the opposite; negations. De Morgan's rules and contraposition are what the items turn on; the negation of a
conditional is the classical hard case. There is no easy level: with "and" and "or" over two statements alone only a few
dozen different items exist.
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
from itertools import combinations, permutations, product

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
TOGETHER = "Which statement says exactly the same as these two together?"
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
    "never": "It does not happen that {0} while {1}.",
    "exactly_one": "Exactly one of these holds: {0}; {1}.",
    "when": "{0} exactly when {1}.",
    "and_three": "{0}, and {1}, and {2}.",
    "or_three": "At least one of these holds: {0}; {1}; {2}.",
    "if_and": "If {0} and {1}, then {2}.",
    "if_or": "If {0}, or {1}, or both, then {2}.",
    "then_and": "If {0}, then {1} and {2}.",
    "then_or": "If {0}, then {1}, or {2}, or both.",
    "only_if_and": "{0} only if {1} and {2}.",
    "only_if_or": "{0} only if {1}, or {2}, or both.",
    "never_and": "It does not happen that {0} and {1} while {2}.",
}
# Which of the parts may change places: all of them, the first two, the last two.
COMMUTING = frozenset(("and", "or", "neither", "not_both", "never", "exactly_one", "when", "and_three", "or_three"))
FIRST_TWO = frozenset(("if_and", "if_or", "never_and"))
LAST_TWO = frozenset(("then_and", "then_or", "only_if_and", "only_if_or"))
# Forms that say the same with the parts in the same places.
SAME_AS = {"only_if": "if", "only_if_and": "then_and", "only_if_or": "then_or"}


@dataclass(frozen=True)
class Plan:
    """What a level is made of: how often the opposite is asked for, and how often two statements are given."""

    forms: tuple[str, ...]
    atoms: int
    opposite: float
    together: float
    options: int
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "medium": Plan(
        ("and", "or", "neither", "not_both", "if", "only_if", "never", "exactly_one", "when"),
        2, 0.35, 0.6, 5, (1.0, 6.0),
    ),
    "hard": Plan(
        ("and_three", "or_three", "if_and", "if_or", "then_and", "then_or", "only_if_and", "only_if_or", "never_and"),
        3, 0.5, 0.0, 5, (3.0, 8.5),
    ),
}  # fmt: skip
WEIGHT = {
    "and": 0.5, "or": 1.0, "neither": 0.5, "not_both": 1.0, "if": 1.2, "only_if": 1.8, "never": 1.2,
    "exactly_one": 1.2, "when": 1.2,
}  # fmt: skip
# What two statements that share a part come to.
JOINED = ("and_three", "if_or", "then_and", "only_if_and")


class Equivalence(ItemModel):
    name = "logic_equivalence"
    version = 3
    family = "logic"
    sub_type = "truth_table"
    levels = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        if rng.random() < plan.together:
            return _joined(level, plan, rng)
        opposite = rng.random() < plan.opposite
        formulas = _formulas(plan.forms, plan.atoms)
        given = formulas[rng.randrange(len(formulas))]
        table = _table(given, plan.atoms) ^ (_all(plan.atoms) if opposite else 0)
        keys = [f for f in _with_table(plan.forms, plan.atoms).get(table, ()) if _kin(f) != _kin(given)]
        if not keys:
            raise Unsuitable("cannot be said in another way")
        key = keys[rng.randrange(len(keys))]
        # What "and" joins can hardly be said in another way: as an option it could be struck out unread.
        near = formulas
        if not opposite and not key[0].startswith("and"):
            near = _formulas(tuple(form for form in plan.forms if not form.startswith("and")), plan.atoms)
        wrong = _wrong(near, key, table, plan.atoms, plan.options - 1, opposite, rng)
        return _draft(level, plan, QUESTION[opposite], [given], key, wrong, plan.atoms, opposite, rng)

    def solve(self, shown: ShownQuestion) -> list[int]:
        question, *given = sentences(shown.stem)
        plain: list[str] = []
        wanted = [_read(statement, plain) for statement in given]
        claims = [_read(option.text, plain) for option in shown.options]
        cases = list(product((False, True), repeat=len(plain)))
        opposite = "false" in question
        goal = [all(holds(case) for holds in wanted) != opposite for case in cases]
        return [i for i, claim in enumerate(claims) if [claim(case) for case in cases] == goal]


# --- making ---------------------------------------------------------------------------------------------------------
def _joined(level: ItemLevel, plan: Plan, rng: random.Random) -> Draft:
    """Two statements over three parts, and one that says the same as both."""
    tables = _pairs(plan.forms)
    table, pairs = tables[rng.randrange(len(tables))]
    keys = _with_table(JOINED, 3)[table]
    key = keys[rng.randrange(len(keys))]
    wrong = _wrong(_formulas(JOINED, 3), key, table, 3, plan.options - 1, False, rng)
    given = list(pairs[rng.randrange(len(pairs))])
    rng.shuffle(given)
    return _draft(level, plan, TOGETHER, given, key, wrong, 3, False, rng)


def _draft(
    level: ItemLevel,
    plan: Plan,
    question: str,
    given: list[Formula],
    key: Formula,
    wrong: list[Formula],
    atoms: int,
    opposite: bool,
    rng: random.Random,
) -> Draft:
    said = rng.sample(PLAIN[rng.randrange(len(PLAIN))], atoms)
    table = _all(atoms)
    for formula in given:
        table &= _table(formula, atoms)
    load = (
        sum(WEIGHT.get(form, 2.0) for form, _ in (*given, key))
        + 0.5 * sum(not sign for _, literals in (*given, key) for _, sign in literals)
        + 1.5 * opposite
    )
    statements = [_say(formula, said) for formula in given]
    target = table ^ (_all(atoms) if opposite else 0)
    return Draft(
        stem="\n".join([question, *statements]),
        key=Choice(_say(key, said)),
        distractors=tuple(_distractor(f, target, opposite, len(given), said, atoms) for f in wrong),
        explanation=_explain(statements, table, key, opposite, said, atoms),
        structure={"opposite": opposite, **_canonical(given, key, atoms)},
        expected_success=success(level, load, *plan.loads),
    )


@cache
def _pairs(forms: tuple[str, ...]) -> tuple[tuple[int, tuple[tuple[Formula, Formula], ...]], ...]:
    """Pairs of statements that share a part and together say what one statement can say, by what that is."""
    over_three: list[Formula] = [
        (form, tuple((places[i], sign) for i, sign in literals))
        for places in ((0, 1), (0, 2), (1, 2))
        for form, literals in _formulas(forms, 2)
    ]
    found: dict[int, list[tuple[Formula, Formula]]] = {}
    for first, second in combinations(over_three, 2):
        if {i for i, _ in first[1]} != {i for i, _ in second[1]}:
            table = _table(first, 3) & _table(second, 3)
            if table in _with_table(JOINED, 3):
                found.setdefault(table, []).append((first, second))
    return tuple((table, tuple(pairs)) for table, pairs in sorted(found.items()))


def _all(atoms: int) -> int:
    return (1 << (1 << atoms)) - 1


@cache
def _formulas(forms: tuple[str, ...], atoms: int) -> tuple[Formula, ...]:
    """All formulas of the forms, each once: parts that may change places stand in order."""
    found = []
    for form in forms:
        for order in permutations(range(atoms)):
            free = order if form in COMMUTING else order[:2] if form in FIRST_TWO else ()
            free = order[1:] if form in LAST_TWO else free
            if list(free) != sorted(free):
                continue
            for signs in product((True, False), repeat=atoms):
                # Counting denials is hard to read for no good reason, and "when" says the same both ways.
                if form in ("neither", "not_both", "exactly_one") and not all(signs):
                    continue
                if form != "when" or signs[0]:
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
    if form in ("not_both", "never", "never_and"):
        return not all(p)
    if form == "exactly_one":
        return sum(p) == 1
    if form == "when":
        return p[0] == p[1]
    if form == "if_and":
        return not (p[0] and p[1]) or p[2]
    if form == "if_or":
        return not (p[0] or p[1]) or p[2]
    return not p[0] or (any(p[1:]) if form in ("then_or", "only_if_or") else all(p[1:]))


def _kin(formula: Formula) -> tuple[object, ...]:
    """Formulas that differ in nothing but an easy rewording ("if" and "only if" with the same parts) are kin."""
    form, literals = formula
    return (SAME_AS.get(form, form), literals)


def _wrong(
    formulas: tuple[Formula, ...], key: Formula, table: int, atoms: int, count: int, opposite: bool, rng: random.Random
) -> list[Formula]:
    """Formulas with other tables, those that differ in few cases first, no two with the same table.

    One has the form of the key and two share another form, so that no form gives the key away. The opposite of most
    statements joins its parts by "and", so there all but one have the form of the key.
    """
    by_form = _by_form(formulas)
    first, second = rng.sample([form for form in by_form if form != key[0]], 2)
    forms = (key[0], key[0], key[0], first) if opposite else (key[0], first, first, second)
    wrong: list[Formula] = []
    tables = {table}
    for form in (*forms, "", "", ""):
        pool = by_form.get(form, formulas)
        drawn = rng.sample(pool, min(len(pool), 24))
        drawn.sort(key=lambda f: (_table(f, atoms) ^ table).bit_count() > 2)
        for formula in drawn:
            if _table(formula, atoms) not in tables:
                tables.add(_table(formula, atoms))
                wrong.append(formula)
                break
        if len(wrong) == count:
            return wrong
    raise Unsuitable("too few distractors")


@cache
def _by_form(formulas: tuple[Formula, ...]) -> dict[str, tuple[Formula, ...]]:
    return {form: tuple(f for f in formulas if f[0] == form) for form in dict.fromkeys(form for form, _ in formulas)}


def _literal(literal: Literal, said: list[str]) -> str:
    statement = said[literal[0]]
    return statement if literal[1] else statement.replace(" is ", " is not ", 1)


def _say(formula: Formula, said: list[str]) -> str:
    form, literals = formula
    return capitalised(FORMS[form].format(*(_literal(literal, said) for literal in literals)))


def _case(bit: int, said: list[str], atoms: int) -> str:
    signs = list(product((True, False), repeat=atoms))[bit]
    return listed([_literal((i, sign), said) for i, sign in enumerate(signs)])


def _distractor(formula: Formula, table: int, opposite: bool, given: int, said: list[str], atoms: int) -> Choice:
    """A wrong statement with a case that tells it from what is given; `table` is that of the key."""
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
    mine_is, given_is = ("true" if here else "false" for here in (true_here, given_here))
    if given == 2:
        of_both = "both given ones are true" if given_here else "not both given ones are true"
        verdict = f"this statement is {mine_is}, but {of_both}"
    elif true_here == given_here:
        verdict = f"both this statement and the given one are {mine_is}"
    else:
        verdict = f"this statement is {mine_is}, the given one {given_is}"
    return Choice(_say(formula, said), mistake=tag, note=f"Suppose that {_case(bit, said, atoms)}. Then {verdict}.")


def _explain(statements: list[str], table: int, key: Formula, opposite: bool, said: list[str], atoms: int) -> str:
    bits = [bit for bit in range(1 << atoms) if table >> bit & 1]
    false = [bit for bit in range(1 << atoms) if not table >> bit & 1]
    few, word = (bits, "true") if len(bits) <= len(false) else (false, "false")
    cases = "; ".join(_case(bit, said, atoms) for bit in few)
    only = "in only one case" if len(few) == 1 else "in these cases only"
    other = {"true": "false", "false": "true"}[word] if opposite else word
    quoted = listed([f"“{statement}”" for statement in statements])
    given = f"{quoted} {'is' if len(statements) == 1 else 'are both' if word == 'true' else 'are not both'}"
    return (
        f"Go through the cases. {given} {word if len(statements) == 1 else 'true'} {only}: {cases}. The statement that "
        f"is {other} in exactly {'that case' if len(few) == 1 else 'those cases'} is: {_say(key, said)}"
    )


def _canonical(given: list[Formula], key: Formula, atoms: int) -> dict[str, object]:
    """The formulas with the plain statements renumbered so that the list is the smallest possible."""

    def renamed(formula: Formula, order: tuple[int, ...]) -> list[object]:
        form, literals = formula
        parts = [[order[i], int(sign)] for i, sign in literals]
        if form in COMMUTING:
            parts.sort()
        elif form in FIRST_TWO:
            parts[:2] = sorted(parts[:2])
        elif form in LAST_TWO:
            parts[1:] = sorted(parts[1:])
        return [form, parts]

    def listed_by(order: tuple[int, ...]) -> list[list[object]]:
        return [*sorted(renamed(formula, order) for formula in given), renamed(key, order)]

    *first, last = min(listed_by(order) for order in permutations(range(atoms)))
    return {"given": first, "key": last}


# --- solving --------------------------------------------------------------------------------------------------------
Claim = Callable[[tuple[bool, ...]], bool]


def _read(sentence: str, plain: list[str]) -> Claim:
    """A sentence as a truth function over the plain statements, which are numbered as they turn up."""
    text = sentence.rstrip(".")
    if match := re.fullmatch(r"(Neither|At most one|At least one|Exactly one) of these holds: (.+)", text):
        parts = [_read(part, plain) for part in match[2].split("; ")]
        limits = {"Neither": (0, 0), "At most one": (0, 1), "At least one": (1, len(parts)), "Exactly one": (1, 1)}
        least, most = limits[match[1]]
        return lambda case: least <= sum(part(case) for part in parts) <= most
    if match := re.fullmatch(r"If (.+), then (.+)", text):
        given, then = _read(match[1], plain), _read(match[2], plain)
        return lambda case: then(case) or not given(case)
    if match := re.fullmatch(r"It does not happen that (.+) while (.+)", text):
        one, other = _read(match[1], plain), _read(match[2], plain)
        return lambda case: not (one(case) and other(case))
    if match := re.fullmatch(r"(.+) exactly when (.+)", text):
        left, right = _read(match[1], plain), _read(match[2], plain)
        return lambda case: left(case) == right(case)
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
