"""Necessary and sufficient: from rules about passes and cards, what one of them is for another.

Radicals: number of rules between the two things (easy 1–2, medium 2–3, hard 3–4); rules that are not needed; wordings
that state a sufficient condition ("is enough to get") beside those that state a necessary one ("nobody has … without",
"only those with …"), since changing between the two is the classical difficulty of such items.
Incidentals: the things, the setting, the order of the rules.

The four answers are the same every time, and each is the key equally often. "According to these rules" makes "neither"
the answer where the rules settle nothing.

Solver: reads the rules, tries every way in which a person may have or not have each thing, and looks whether having
the first always brings the second, and the second the first.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from itertools import pairwise, product

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import a_or_an
from qgen_dagster.generation.items.logic._common import sentences, success

THINGS = (
    "green card", "blue badge", "locker key", "parking permit", "library pass", "visitor tag", "red wristband",
    "meal ticket", "gym pass", "silver token", "bike permit", "yellow sticker", "archive pass", "studio key",
    "safety licence", "gold stamp", "lab pass", "desk number",
)  # fmt: skip
PLACES = ("a research centre", "a large factory", "a sports campus", "a film studio", "a university", "a shipyard")
# The answers, by whether the thing is necessary and whether it is sufficient.
ANSWERS = {
    (True, True): "both necessary and sufficient",
    (True, False): "necessary, but not sufficient",
    (False, True): "sufficient, but not necessary",
    (False, False): "neither necessary nor sufficient",
}
Arrow = tuple[int, int]


@dataclass(frozen=True)
class Plan:
    """What a level is made of."""

    steps: tuple[int, ...]
    spare: tuple[int, ...]
    loads: tuple[float, float]


PLANS: dict[ItemLevel, Plan] = {
    "easy": Plan((1, 2), (1, 2), (2.0, 7.0)),
    "medium": Plan((2, 3), (1, 2), (4.0, 10.0)),
    "hard": Plan((3, 4), (2, 3), (6.0, 14.0)),
}


class NecessarySufficient(ItemModel):
    name = "logic_necessary_sufficient"
    version = 2
    family = "logic"
    sub_type = "necessary_sufficient"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        plan = PLANS[level]
        necessary, sufficient = rng.random() < 0.5, rng.random() < 0.5
        steps = plan.steps[rng.randrange(len(plan.steps))]
        arrows, count = _arrows(necessary, sufficient, steps, rng)
        path = len(arrows)
        for _ in range(plan.spare[rng.randrange(len(plan.spare))]):
            pair = (rng.randrange(count), count)
            arrows.append(pair if rng.random() < 0.5 else pair[::-1])
            count += 1
        turned = [rng.random() < 0.5 for _ in arrows]
        things = rng.sample(THINGS, count)
        said = [_say(arrow, turn, things, rng) for arrow, turn in zip(arrows, turned, strict=True)]
        order = rng.sample(range(len(arrows)), len(arrows))
        asked, goal = things[0], things[1]
        load = len(arrows) + 0.6 * sum(turned) + 0.5 * (necessary == sufficient)
        key = (necessary, sufficient)
        return Draft(
            stem="\n".join(
                [
                    f"At {PLACES[rng.randrange(len(PLACES))]}, these rules hold.",
                    *(said[i] for i in order),
                    "Which words complete this sentence? According to these rules, "
                    f"having {a_or_an(asked)} is … for having {a_or_an(goal)}.",
                ]
            ),
            key=Choice(ANSWERS[key]),
            distractors=tuple(_distractor(pair, key, asked, goal) for pair in ANSWERS if pair != key),
            explanation=_explain(key, arrows[:path], asked, goal, things),
            structure={
                "key": [int(part) for part in key],
                "rules": sorted([*arrow, int(turn)] for arrow, turn in zip(arrows, turned, strict=True)),
            },
            expected_success=success(level, load, *plan.loads),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        *rules, question = sentences(shown.stem)[1:]
        things: list[str] = []
        known = [_read(rule, things) for rule in rules]
        asked, goal = re.findall(r"having an? ([a-z ]+?)(?= is …|\.)", question)
        worlds = (dict(zip(things, signs, strict=True)) for signs in product((False, True), repeat=len(things)))
        people = [has for has in worlds if all(not has[a] or has[b] for a, b in known)]
        sufficient = all(has[goal] for has in people if has[asked])
        necessary = all(has[asked] for has in people if has[goal])
        return [i for i, option in enumerate(shown.options) if _claims(option.text) == (necessary, sufficient)]


# --- making ---------------------------------------------------------------------------------------------------------
def _arrows(necessary: bool, sufficient: bool, steps: int, rng: random.Random) -> tuple[list[Arrow], int]:
    """Rules that make thing 0 just so necessary and sufficient for thing 1, and the number of things so far."""
    between = list(range(2, 1 + steps))
    there, back = [0, *between, 1], [1, *between, 0]
    count = 1 + steps
    if necessary and sufficient:
        back = [1, *range(count, count + rng.randrange(2)), 0]
        count += len(back) - 2
        return [*pairwise(there), *pairwise(back)], count
    if sufficient:
        return list(pairwise(there)), count
    if necessary:
        return list(pairwise(back)), count
    # Neither: both lead to a third thing, or both come from one.
    middle = [0, 2, 1] if steps < 2 else there
    turn = rng.randrange(1, len(middle) - 1)
    arrows = []
    outward = rng.random() < 0.5
    for i in range(len(middle) - 1):
        pair = (middle[i], middle[i + 1])
        arrows.append(pair if (i < turn) == outward else pair[::-1])
    return arrows, max(count, 3)


def _say(arrow: Arrow, turned: bool, things: list[str], rng: random.Random) -> str:
    first, second = (a_or_an(things[i]) for i in arrow)
    variant = rng.randrange(2)
    if turned:
        wordings = (f"Nobody has {first} without having {second}.", f"Only people with {second} have {first}.")
    else:
        wordings = (f"Everyone with {first} also has {second}.", f"Having {first} is enough for having {second}.")
    return wordings[variant]


def _distractor(pair: tuple[bool, bool], key: tuple[bool, bool], asked: str, goal: str) -> Choice:
    first, second = a_or_an(asked), a_or_an(goal)
    if pair == (key[1], key[0]) and key[0] != key[1]:
        tag = "swapped_necessary_and_sufficient"
        note = (
            "This mixes up the two: a thing is sufficient when whoever has it has the other as well, and necessary "
            "when nobody has the other without it."
        )
    elif pair[0] and not key[0]:
        tag = "reversed_a_rule"
        note = f"The rules allow somebody to have {second} without having {first}, so it is not necessary."
    elif pair[1] and not key[1]:
        tag = "reversed_a_rule"
        note = f"The rules allow somebody to have {first} without having {second}, so it is not sufficient."
    elif key[0] and not pair[0]:
        tag = "missed_a_chain"
        note = f"The rules together make sure that nobody has {second} without having {first}, so it is necessary."
    else:
        tag = "missed_a_chain"
        note = f"The rules together make sure that everyone with {first} has {second}, so it is sufficient."
    return Choice(ANSWERS[pair], mistake=tag, note=note)


def _explain(key: tuple[bool, bool], arrows: list[Arrow], asked: str, goal: str, things: list[str]) -> str:
    first, second = a_or_an(asked), a_or_an(goal)
    links = "; ".join(f"whoever has {a_or_an(things[a])} has {a_or_an(things[b])}" for a, b in arrows)
    forth = (
        f"So everyone with {first} has {second}: it is sufficient."
        if key[1]
        else f"But somebody may have {first} and no {goal}: it is not sufficient."
    )
    back = (
        f"Everyone with {second} has {first}: it is necessary."
        if key[0]
        else f"But somebody may have {second} and no {asked}: it is not necessary."
    )
    return f"Put each rule as “whoever has … has …”: {links}. {forth} {back} The answer is: {ANSWERS[key]}."


# --- solving --------------------------------------------------------------------------------------------------------
_WORDINGS = (
    (r"Everyone with an? (.+) also has an? (.+)\.", False),
    (r"Having an? (.+) is enough for having an? (.+)\.", False),
    (r"Nobody has an? (.+) without having an? (.+)\.", False),
    (r"Only people with an? (.+) have an? (.+)\.", True),
)


def _read(rule: str, things: list[str]) -> tuple[str, str]:
    """A rule as (has this, has that)."""
    for pattern, backward in _WORDINGS:
        if match := re.fullmatch(pattern, rule):
            first, second = match.groups()[::-1] if backward else match.groups()
            things += [thing for thing in (first, second) if thing not in things]
            return first, second
    raise ValueError(f"cannot read {rule!r}")


def _claims(answer: str) -> tuple[bool, bool]:
    """What an answer says: is it necessary, is it sufficient."""
    if answer.startswith(("both", "neither")):
        return (answer.startswith("both"),) * 2
    return answer.startswith("necessary"), answer.startswith("sufficient")


MODEL = NecessarySufficient()
