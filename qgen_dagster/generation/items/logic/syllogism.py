"""Syllogism: two to four statements about groups; which statement must be true?

Statements are of the four classical kinds (all, no, some, some … not), read in modern predicate logic: "some" means at
least one, and "all" never gives "some", since a group may be empty. The stem says so.

Radicals: number of statements that the conclusion needs (easy 2, medium 3, hard 4); how many of them stand against the
direction of the chain (the figure effect: premises of the form A–B, B–C are easiest); negative and particular
statements; one or two statements that are not needed. The figure effect and the extra load of negative and particular
premises are standard findings on syllogisms.
Incidentals: the groups, the order of the statements.

Options are always the six statements that can be made about the first and the last group, and each is the key equally
often, so the options alone say nothing.

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
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.logic._common import sentences, success

GROUPS = (
    "singers", "cyclists", "painters", "swimmers", "gardeners", "dancers", "runners", "bakers", "sailors", "climbers",
    "drummers", "skaters", "potters", "rowers", "poets", "golfers", "skiers", "campers", "weavers", "divers",
    "surfers", "joggers", "knitters", "boxers", "archers", "actors",
)  # fmt: skip
PLACES = (
    "the members of a club", "the people in a village", "the pupils of a summer school", "the guests of a hostel",
    "the visitors at a festival", "the members of an evening course",
)  # fmt: skip
CONVENTION = "“Some” means at least one; “all” and “no” do not say that there are any."
QUESTION = "Which statement must be true?"
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
    "easy": Plan((2,), (1, 2), (2.0, 6.5)),
    "medium": Plan((3,), (1, 2), (4.0, 9.5)),
    "hard": Plan((4,), (1, 2), (6.0, 12.0)),
}


class Syllogism(ItemModel):
    name = "logic_syllogism"
    family = "logic"
    sub_type = "syllogism"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        length = plan.lengths[rng.randrange(len(plan.lengths))]
        needed, key = _chain(length, rng)
        spare = _spare(length, plan.extra[rng.randrange(len(plan.extra))], rng)
        premises = needed + spare
        proof = Proof(premises)
        groups = rng.sample(GROUPS, length + 1 + len(spare))
        load = _load(needed, key) + 0.7 * len(spare)
        place = PLACES[rng.randrange(len(PLACES))]
        said = [_say(s, groups) for s in rng.sample(premises, len(premises))]
        return Draft(
            stem="\n".join([f"This is known about {place}. {CONVENTION}", *said, QUESTION]),
            key=Choice(_say(key, groups)),
            distractors=tuple(_choice(s, proof, groups) for s in _about(key[1], key[2]) if s != key),
            explanation=f"{' '.join(proof.steps(key, groups))} Therefore: {_say(key, groups)}",
            structure={"needed": [list(s) for s in needed], "spare": sorted(map(list, spare)), "key": list(key)},
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        groups: list[str] = []
        known = [_parse(line, groups) for line in sentences(shown.stem)[1:-1]]
        goals = [_parse(option.text, groups) for option in shown.options]
        people = [dict(zip(groups, signs, strict=True)) for signs in product((False, True), repeat=len(groups))]
        rules = [claim for claim in known if not claim[0]]
        allowed = [p for p in people if all(not p[s] or p[t] == wanted for _, s, t, wanted in rules)]
        return [n for n, goal in enumerate(goals) if not _possible([*known, _opposite(goal)], allowed)]


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


def _chain(length: int, rng: random.Random) -> tuple[list[Statement], Statement]:
    """Statements that link the groups 0, 1, … in a row, and what they say together about the first and the last.

    Whoever is in one group is in the next ("all") until a "no"; whoever is outside a group is outside those within it.
    A chain that starts from a "some" runs from there to both sides.
    """
    kind = ("all", "all", "no", "some", "some_not", "some_not")[rng.randrange(6)]
    links: list[Statement | None] = [None] * length
    start, inside, particular = 0, True, kind.startswith("some")
    if particular:
        start = rng.randrange(length)
        inside = kind == "some" or (start < length - 1 and rng.random() < 0.6)
        links[start] = _either(("some" if inside else "some_not"), start, start + 1, rng)
        for i in range(start):
            links[i] = ("all", i + 1, i)
        start += 1
    wanted = kind in ("all", "some")
    switch = rng.randrange(start, length) if inside and not wanted else length
    for i in range(start, length):
        if i == switch:
            links[i] = _either("no", i, i + 1, rng)
        else:
            links[i] = ("all", i, i + 1) if inside and i < switch else ("all", i + 1, i)
    chain = [link for link in links if link is not None]
    return chain, (kind, 0, length)


def _either(kind: str, a: int, b: int, rng: random.Random) -> Statement:
    """The statement, turned round half the time where that says the same."""
    return (kind, b, a) if kind in ("no", "some") and rng.random() < 0.5 else (kind, a, b)


def _spare(length: int, count: int, rng: random.Random) -> list[Statement]:
    """Statements that tie a new group to an old one, which the conclusion does not need."""
    spare = []
    for new in range(length + 1, length + 1 + count):
        kind = ("all", "no", "some", "some_not")[rng.randrange(4)]
        a, b = rng.sample((rng.randrange(new), new), 2)
        spare.append((kind, a, b))
    return spare


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


def _assumes_someone(statement: Statement, proof: Proof) -> bool:
    kind, a, b = statement
    if kind == "some":
        return bool(proof.why(("all", a, b)) or proof.why(("all", b, a)))
    return kind == "some_not" and bool(proof.why(("no", a, b)))


def _choice(statement: Statement, proof: Proof, groups: list[str]) -> Choice:
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


def _possible(claims: list[Claim], allowed: list[dict[str, bool]]) -> bool:
    """Whether the claims can hold together, given the people whom the rules of the stem allow."""
    rules = [claim for claim in claims if not claim[0]]
    allowed = [p for p in allowed if all(not p[s] or p[t] == wanted for _, s, t, wanted in rules)]
    return all(any(p[s] and p[t] == wanted for p in allowed) for some, s, t, wanted in claims if some)


MODEL = Syllogism()
