"""Syllogism: two to four statements about groups; which statement must be true?

Statements are of the four classical kinds (all, no, some, some … not), read in modern predicate logic: "some" means at
least one, and a group may be empty, so "all" never gives "some". The stem says so.

Radicals: number of statements that the conclusion needs (2, 3, 4); how many of them stand against the direction of the
chain (the figure effect: premises of the form A–B, B–C are easiest); negative and particular statements; one statement
that is not needed. The figure effect and the extra load of negative and particular premises are standard findings on
syllogisms.
Incidentals: the groups, the order of the statements.

Options are all about the same two groups wherever possible, so that they say nothing about the key.

The generator derives the key by chaining (proof); the solver looks for counter-examples (models): an option is right
when no collection of people makes all statements true and the option false. For such statements it is enough to find,
for every "some" among them, one person who obeys every "all" and "no".
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import product

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.logic._common import sentences, success

GROUPS = (
    "singers", "cyclists", "painters", "swimmers", "gardeners", "dancers", "runners", "bakers", "sailors", "climbers",
    "drummers", "skaters", "potters", "rowers", "poets", "golfers", "skiers", "campers", "weavers", "divers",
    "surfers", "joggers", "knitters", "boxers", "archers", "actors",
)  # fmt: skip
PLACES = ("a club", "a village", "a sports hall", "a summer school", "an evening course", "a hostel", "a festival")
CONVENTION = "“Some” means at least one, and a group may have nobody in it."
QUESTION = "Which statement must be true?"
KINDS = ("all", "no", "some", "some_not")
SAY = {
    "all": "All {0} are {1}.",
    "no": "No {0} are {1}.",
    "some": "Some {0} are {1}.",
    "some_not": "Some {0} are not {1}.",
}
# A statement: its kind and its two groups, by number. A literal: a group and whether one is in it.
Statement = tuple[str, int, int]
Literal = tuple[int, bool]


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    lengths: tuple[int, ...]
    extra: tuple[int, ...]
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan((2,), (0, 1), (2.0, 5.5)),
    "medium": Plan((2, 3), (1, 2), (3.5, 8.0)),
    "hard": Plan((3, 4), (1, 2), (6.5, 12.0)),
}


class Syllogism(ItemModel):
    name = "logic_syllogism"
    family = "logic"
    sub_type = "syllogism"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        length = plan.lengths[rng.randrange(len(plan.lengths))]
        needed = [_link(i, i + 1, rng) for i in range(length)]
        spare = [
            _link(rng.randrange(length + 1), length + 1 + i, rng)
            for i in range(plan.extra[rng.randrange(len(plan.extra))])
        ]
        premises = needed + spare
        proof = Proof(premises)
        first, last = rng.sample((0, length), 2)
        keys = [s for s in _about(first, last) if proof.why(s)]
        if not keys:
            raise Unsuitable("nothing follows about the ends of the chain")
        key = keys[rng.randrange(len(keys))]
        if key[0] == "all" and rng.random() < 0.3:
            raise Unsuitable("keep the kinds of key in balance")
        load = _load(needed, key) + len(spare)
        low, high = plan.loads
        if not low - 1 <= load <= high + 1:
            raise Unsuitable("not of this level")
        groups = rng.sample(GROUPS, length + 1 + len(spare))
        wrong = _distractors(key, keys, proof, groups, level, rng)
        shown = rng.sample(premises, len(premises))
        place = PLACES[rng.randrange(len(PLACES))]
        steps = " ".join(proof.steps(key, groups))
        return Draft(
            stem="\n".join(
                [
                    f"This is known about the people in {place}. {CONVENTION}",
                    *(_say(s, groups) for s in shown),
                    QUESTION,
                ]
            ),
            key=Choice(_say(key, groups)),
            distractors=tuple(wrong),
            explanation=f"{steps} Therefore: {_say(key, groups)}",
            structure={
                "needed": [list(s) for s in needed],
                "spare": sorted(list(s) for s in spare),
                "key": list(key),
            },
            expected_success=success(level, load, low, high),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        groups: list[str] = []
        known = [_parse(line, groups) for line in sentences(shown.stem)[1:-1]]
        goals = [_parse(option.text, groups) for option in shown.options]
        people = [dict(zip(groups, signs, strict=True)) for signs in product((False, True), repeat=len(groups))]
        return [n for n, goal in enumerate(goals) if not _possible([*known, _opposite(goal)], people)]


# --- making: proofs by chaining -------------------------------------------------------------------------------------
class Proof:
    """What follows from some statements by passing from "is in A" to "is in B" or "is not in B", step by step."""

    def __init__(self, premises: list[Statement]) -> None:
        self.premises = premises
        self.arrows: dict[Literal, list[tuple[Literal, Statement]]] = {}
        for statement in premises:
            kind, a, b = statement
            if kind in ("all", "no"):
                then = (b, kind == "all")
                self.arrows.setdefault((a, True), []).append((then, statement))
                self.arrows.setdefault((then[0], not then[1]), []).append(((a, False), statement))
        self._reached: dict[Literal, dict[Literal, tuple[Literal, Statement] | None]] = {}

    def reach(self, start: Literal) -> dict[Literal, tuple[Literal, Statement] | None]:
        """Every literal that follows from `start`, with the step that led to it."""
        if start not in self._reached:
            found: dict[Literal, tuple[Literal, Statement] | None] = {start: None}
            queue = [start]
            for literal in queue:
                for then, statement in self.arrows.get(literal, ()):
                    if then not in found:
                        found[then] = (literal, statement)
                        queue.append(then)
            self._reached[start] = found
        return self._reached[start]

    def why(self, goal: Statement) -> list[tuple[Statement | None, Literal, Literal]]:
        """The chains that prove the goal: (the "some" statement or None, from, to); empty when it does not follow."""
        kind, a, b = goal
        if kind in ("all", "no"):
            end = (b, kind == "all")
            return [(None, (a, True), end)] if end in self.reach((a, True)) else []
        ends = ((a, True), (b, kind == "some"))
        for statement in self.premises:
            if statement[0] in ("some", "some_not"):
                starts = ((statement[1], True), (statement[2], statement[0] == "some"))
                for x, y in (starts, starts[::-1]):
                    if ends[0] in self.reach(x) and ends[1] in self.reach(y):
                        return [(statement, x, ends[0]), (statement, y, ends[1])]
        return []

    def steps(self, goal: Statement, groups: list[str]) -> list[str]:
        chains = self.why(goal)
        some = chains[0][0]
        if some is None:
            said = [f"Think of anyone among the {groups[chains[0][1][0]]}, if there is anyone."]
        else:
            said = [f"“{_say(some, groups)}” So there is at least one such person. Think of that person."]
        for _, start, end in chains:
            path = []
            step = self.reach(start)[end]
            here = end
            while step is not None:
                path.append((here, step[1]))
                here = step[0]
                step = self.reach(start)[here]
            for literal, statement in reversed(path):
                among = "among" if literal[1] else "not among"
                said.append(f"By “{_say(statement, groups)}” this person is {among} the {groups[literal[0]]}.")
        return said


def _link(a: int, b: int, rng: random.Random) -> Statement:
    kind = rng.choices(KINDS, (5, 3, 2, 1))[0]
    return (kind, a, b) if rng.random() < 0.6 else (kind, b, a)


def _about(a: int, b: int) -> list[Statement]:
    """All statements about two groups; "no" and "some" say the same either way round."""
    return [("all", a, b), ("all", b, a), ("no", a, b), ("some", a, b), ("some_not", a, b), ("some_not", b, a)]


def _load(needed: list[Statement], key: Statement) -> float:
    against = sum(a > b for _, a, b in needed)
    against = min(against, len(needed) - against)
    return (
        len(needed)
        + 0.8 * against
        + 0.6 * sum(kind in ("no", "some_not") for kind, _, _ in needed)
        + 0.6 * (key[0] == "some")
        + 1.2 * (key[0] == "some_not")
    )


def _say(statement: Statement, groups: list[str]) -> str:
    kind, a, b = statement
    return SAY[kind].format(groups[a], groups[b])


def _distractors(
    key: Statement, keys: list[Statement], proof: Proof, groups: list[str], level: ItemLevel, rng: random.Random
) -> list[Choice]:
    a, b = key[1], key[2]
    same = [s for s in _about(a, b) if s not in keys]
    if level != "hard":
        # "Some" from "all" is right in everyday reasoning; only the hardest items turn on it.
        same = [s for s in same if not _assumes_someone(s, proof)]
    rng.shuffle(same)
    chosen = same[:4]
    others = [s for c in range(len(groups)) for d in range(c) if {c, d} != {a, b} for s in _about(c, d)]
    others = [s for s in others if not proof.why(s) and not _assumes_someone(s, proof)]
    chosen += rng.sample(others, min(len(others), 4 - len(chosen)))
    if len(chosen) < 4:
        raise Unsuitable("too few distractors")
    return [_choice(s, key, proof, groups) for s in chosen]


def _assumes_someone(statement: Statement, proof: Proof) -> bool:
    kind, a, b = statement
    if kind == "some":
        return bool(proof.why(("all", a, b)) or proof.why(("all", b, a)))
    return kind == "some_not" and bool(proof.why(("no", a, b)))


def _choice(statement: Statement, key: Statement, proof: Proof, groups: list[str]) -> Choice:
    kind, a, b = statement
    x, y = groups[a], groups[b]
    text = _say(statement, groups)
    if _assumes_someone(statement, proof):
        return Choice(text, mistake="assumed_someone", note=f"Nothing says that there are any {x} at all.")
    if kind == "all" and proof.why(("all", b, a)):
        note = f"This turns the conclusion round: that all {y} are {x} does not make all {x} {y}."
        return Choice(text, mistake="illicit_conversion", note=note)
    if kind == "some_not" and proof.why(("some_not", b, a)):
        note = f"This turns the conclusion round: that some {y} are not {x} leaves open whether any {x} are not {y}."
        return Choice(text, mistake="illicit_conversion", note=note)
    if (kind in ("all", "no")) and (proof.why(("some", a, b)) or proof.why(("some_not", a, b))):
        note = f"At most something about some of the {x} is settled, not about every one of them."
        return Choice(text, mistake="overgeneralised", note=note)
    if kind == "some_not" and proof.why(("some", a, b)):
        note = "“Some are” does not mean “some are not”: it may be that all are."
        return Choice(text, mistake="some_taken_as_not_all", note=note)
    if proof.why(("no", a, b)) or proof.why(("all", a, b)):
        note = f"The statements settle how {x} and {y} are related, but not in this way."
        return Choice(text, mistake="reversed_quality", note=note)
    note = f"The statements leave open whether this is so: {x} and {y} can be arranged so that it is false."
    return Choice(text, mistake="undistributed_middle", note=note)


# --- solving: models ------------------------------------------------------------------------------------------------
# A statement as (is it about one person at least?, group, other group, wanted membership of the other group).
Claim = tuple[bool, str, str, bool]


def _parse(line: str, groups: list[str]) -> Claim:
    match = re.fullmatch(r"(All|No|Some) (\w+) are (not )?(\w+)\.", line)
    if match is None:
        raise ValueError(f"cannot read {line!r}")
    word, subject, negated, predicate = match.groups()
    for group in (subject, predicate):
        if group not in groups:
            groups.append(group)
    return word == "Some", subject, predicate, (word != "No") == (negated is None)


def _opposite(claim: Claim) -> Claim:
    """What holds exactly when the claim does not: "not all are" is "some are not"."""
    particular, subject, predicate, wanted = claim
    return not particular, subject, predicate, not wanted


def _possible(claims: list[Claim], people: list[dict[str, bool]]) -> bool:
    rules = [claim for claim in claims if not claim[0]]
    allowed = [p for p in people if all(not p[s] or p[t] == wanted for _, s, t, wanted in rules)]
    return all(any(p[s] and p[t] == wanted for p in allowed) for particular, s, t, wanted in claims if particular)


MODEL = Syllogism()
