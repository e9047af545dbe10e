"""Conditional: a few if-rules and one fact; which conclusion follows?

The key follows by a chain of two to four rules, each used forwards (modus ponens) or backwards (modus tollens). Other
rules are traps: they tempt to affirm the consequent or to deny the antecedent, and settle nothing.

Radicals: length of the chain; number of backward steps; negations; the wording of the rules ("if" is lightest, then
"only if", then "unless"); number of traps. That modus tollens is harder than modus ponens, and that negation and
"only if" or "unless" add load, are the standard findings of the conditional-reasoning literature.
Incidentals: setting, which statement plays which part, the order of the rules.

Options come in pairs, a statement and its denial, so that the options alone say nothing about the key.

Solver: reads rules, facts and options as sentences, goes through every truth assignment of the statements that occur,
and keeps the options that hold in all assignments in which the rules and facts hold.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import product

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import capitalised
from qgen_dagster.generation.items.logic._common import sentences, success

# A statement's number, and whether it is affirmed.
Literal = tuple[int, bool]


@dataclass(frozen=True)
class Setting:
    """Statements that go together but have no known link with one another; each has " is " or " are " to negate."""

    intro: str
    statements: tuple[str, ...]


SETTINGS = (
    Setting(
        "A control panel in a water station follows these rules:",
        ("the pump is on", "the alarm is on", "the red light is on", "the main valve is open", "the fan is on",
         "the filter is in use", "the hatch is locked", "the heater is on", "the blue light is on"),
    ),
    Setting(
        "The following is known about a small hotel:",
        ("the lobby is open", "the lift is in use", "the kitchen is open", "the pool is heated", "the garden is lit",
         "the office is locked", "the terrace is open", "the roof bar is open", "the car park is full"),
    ),
    Setting(
        "A museum is run by these rules:",
        ("the east wing is open", "the café is open", "the guide is on duty", "the tower is open",
         "the cloakroom is in use", "the shop is open", "the north gate is locked", "the film room is dark",
         "the west stairs are closed"),
    ),
    Setting(
        "A greenhouse is controlled by these rules:",
        ("the roof is open", "the lamps are on", "the sprinkler is on", "the blinds are down", "the heater is on",
         "the door is locked", "the fan is on", "the tank is full", "the side window is open"),
    ),
    Setting(
        "These rules hold for the robots in a warehouse:",
        ("Robot A is active", "Robot B is active", "Robot C is active", "Robot D is active", "the loading belt is on",
         "the gate is open", "the scanner is on", "the charging bay is free", "the yellow lamp is on"),
    ),
    Setting(
        "A theatre team works by these rules:",
        ("the curtain is up", "the stage is lit", "the doors are open", "the fog machine is on", "the music is on",
         "the balcony is open", "the side lights are on", "the orchestra is ready", "the stage lift is in use"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    chain: tuple[int, ...]
    backward: tuple[int, int]
    traps: tuple[int, ...]
    wordings: tuple[str, ...]
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan((2,), (0, 1), (1, 2), ("if", "if", "if", "only_if"), (2.0, 7.0)),
    "medium": Plan((2, 3), (1, 2), (2,), ("if", "if", "only_if", "unless"), (5.0, 12.0)),
    "hard": Plan((3, 4), (2, 4), (2,), ("if", "only_if", "unless", "unless"), (9.0, 18.0)),
}
WORDING_LOAD = {"if": 0.0, "only_if": 0.7, "unless": 1.0}
# Everyday "unless" often means "exactly if not"; the stem says which reading counts.
UNLESS = "(“A unless B” means: if B does not hold, then A does. If B holds, it says nothing about A.)"
QUESTION = "Which conclusion follows?"


@dataclass(frozen=True)
class Rule:
    """`given` → `then`, worded in one of three ways."""

    given: Literal
    then: Literal
    wording: str


class Conditional(ItemModel):
    name = "logic_conditional"
    family = "logic"
    sub_type = "conditional"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        setting = SETTINGS[rng.randrange(len(SETTINGS))]
        length = plan.chain[rng.randrange(len(plan.chain))]
        truths = [(i, rng.random() < 0.5) for i in range(length + 1)]
        backward = _backward(length, plan, rng)
        steps = [
            _rule(_denied(truths[i + 1]), _denied(truths[i]), plan, rng)
            if i in backward
            else _rule(truths[i], truths[i + 1], plan, rng)
            for i in range(length)
        ]
        count = plan.traps[rng.randrange(len(plan.traps))]
        traps = [_trap(length + 1 + i, truths, plan, rng) for i in range(count)]
        said = rng.sample(setting.statements, length + 1 + count)
        rules = [*steps, *(rule for rule, _ in traps)]
        shown = [_say_rule(rule, said) for rule in rules]
        order = rng.sample(range(len(rules)), len(rules))
        unless = f" {UNLESS}" if any(rule.wording == "unless" for rule in rules) else ""
        fact = capitalised(_say(truths[0], said)) + "."
        key = truths[-1]
        load = (
            length
            + len(backward)
            + count
            + sum(WORDING_LOAD[rule.wording] for rule in rules)
            + 0.3 * sum((not rule.given[1]) + (not rule.then[1]) for rule in rules)
        )
        return Draft(
            stem="\n".join(
                [setting.intro.replace(":", f".{unless}"), *(shown[i] for i in order), f"Now: {_lower(fact)}", QUESTION]
            ),
            key=Choice(_option(key, said)),
            distractors=(
                Choice(
                    _option(_denied(key), said),
                    mistake="negation_lost",
                    note="The rules settle this statement the other way round: a “not” was lost or added on the way.",
                ),
                *(choice for rule, tempting in traps for choice in _tempting(rule, tempting, said)),
            ),
            explanation=_explain(truths, steps, backward, shown, said),
            structure={
                "truths": [int(sign) for _, sign in truths],
                "steps": [[int(i in backward), rule.wording] for i, rule in enumerate(steps)],
                "traps": sorted(_canonical(rule) for rule, _ in traps),
            },
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = sentences(shown.stem)[1:-1]
        statements: list[str] = []
        premises = [_parse(line, statements) for line in lines]
        goals = [_parse_literal(option.text, statements) for option in shown.options]
        worlds = [
            world
            for world in product((False, True), repeat=len(statements))
            if all(any(world[i] == sign for i, sign in clause) for clause in premises)
        ]
        if not worlds:
            return []
        return [n for n, (i, sign) in enumerate(goals) if all(world[i] == sign for world in worlds)]


# --- making ---------------------------------------------------------------------------------------------------------
def _denied(literal: Literal) -> Literal:
    return literal[0], not literal[1]


def _backward(length: int, plan: Plan, rng: random.Random) -> set[int]:
    """The steps to be used backwards. The last is one of them half the time, so that the key stands in the rules word
    for word no more often than its denial does."""
    count = rng.randint(*plan.backward)
    last = rng.random() < 0.5 and plan.backward[1] > 0
    steps = set(rng.sample(range(length - 1), min(length - 1, max(0, count - last))))
    return steps | {length - 1} if last else steps


def _rule(given: Literal, then: Literal, plan: Plan, rng: random.Random) -> Rule:
    wording = plan.wordings[rng.randrange(len(plan.wordings))]
    if wording == "unless" and given[1] and rng.random() < 0.6:
        wording = "if"  # "unless the door is not open" is hard to read: keep it rare
    return Rule(given, then, wording)


def _trap(new: int, truths: list[Literal], plan: Plan, rng: random.Random) -> tuple[Rule, Literal]:
    """A rule that settles nothing about the new statement, and what it tempts to conclude."""
    about = truths[rng.randrange(len(truths))]
    literal = (new, rng.random() < 0.5)
    if rng.random() < 0.5:
        return _rule(literal, about, plan, rng), literal  # tempts to affirm the consequent
    return _rule(_denied(about), literal, plan, rng), _denied(literal)  # tempts to deny the antecedent


def _canonical(rule: Rule) -> list[object]:
    return [list(rule.given), list(rule.then), rule.wording]


def _say(literal: Literal, said: list[str]) -> str:
    statement = said[literal[0]]
    return statement if literal[1] else re.sub(r"\b(is|are)\b", r"\1 not", statement, count=1)


def _say_rule(rule: Rule, said: list[str]) -> str:
    given, then = _say(rule.given, said), _say(rule.then, said)
    if rule.wording == "only_if":
        return capitalised(f"{given} only if {then}.")
    if rule.wording == "unless":
        # given → then says the same as "then, unless not-given".
        return capitalised(f"{then} unless {_say(_denied(rule.given), said)}.")
    return f"If {given}, then {then}."


def _option(literal: Literal, said: list[str]) -> str:
    return f"So {_say(literal, said)}."


def _lower(sentence: str) -> str:
    return sentence if sentence.startswith("Robot") else sentence[:1].lower() + sentence[1:]


def _tempting(rule: Rule, tempting: Literal, said: list[str]) -> tuple[Choice, Choice]:
    affirms = tempting == rule.given
    sentence = _say_rule(rule, said)
    why = (
        f"“{sentence}” does not work backwards: its second part may hold for another reason."
        if affirms
        else f"“{sentence}” says nothing about the case in which its condition does not hold."
    )
    if rule.wording != "if":
        plain = _say_rule(Rule(rule.given, rule.then, "if"), said)
        why = f"“{sentence}” means “{plain}” It settles nothing here, because it does not work the other way round."
    return (
        Choice(_option(tempting, said), mistake="affirmed_consequent" if affirms else "denied_antecedent", note=why),
        Choice(
            _option(_denied(tempting), said),
            mistake="unknown_taken_as_settled",
            note="Nothing in the rules settles this statement; it may be true or not.",
        ),
    )


def _explain(truths: list[Literal], steps: list[Rule], backward: set[int], shown: list[str], said: list[str]) -> str:
    parts = [f"Start from what is known: {_say(truths[0], said)}."]
    for i, rule in enumerate(steps):
        means = "" if rule.wording == "if" else f" (that is: if {_say(rule.given, said)}, then {_say(rule.then, said)})"
        result = _say(truths[i + 1], said)
        if i in backward:
            parts.append(
                f"“{shown[i]}”{means}: since “{_say(_denied(truths[i]), said)}” is false, "
                f"“{_say(_denied(truths[i + 1]), said)}” must be false too, so {result}."
            )
        else:
            parts.append(f"“{shown[i]}”{means}: so {result}.")
    return f"{' '.join(parts)} The conclusion that follows: “{_option(truths[-1], said)}”"


# --- solving --------------------------------------------------------------------------------------------------------
# A sentence becomes a clause: a list of (statement, sign) of which at least one must hold.
def _parse(line: str, statements: list[str]) -> list[Literal]:
    text = line.rstrip(".")
    if (match := re.fullmatch(r"If (.+), then (.+)", text)) or (match := re.fullmatch(r"(.+) only if (.+)", text)):
        given, then = match.groups()
    elif match := re.fullmatch(r"(.+) unless (.+)", text):
        return [_parse_literal(part, statements) for part in match.groups()]
    elif match := re.fullmatch(r"Now: (.+)", text):
        return [_parse_literal(match[1], statements)]
    else:
        raise ValueError(f"cannot read {line!r}")
    number, sign = _parse_literal(given, statements)
    return [(number, not sign), _parse_literal(then, statements)]


def _parse_literal(text: str, statements: list[str]) -> Literal:
    plain = text.removeprefix("So ").rstrip(".").lower()
    positive = plain.replace(" not ", " ")
    if positive not in statements:
        statements.append(positive)
    return statements.index(positive), positive == plain


MODEL = Conditional()
