"""Pairs of a person and a thing (or a number); later one half is given and the other asked.

Radicals: number of pairs, kind of partner, direction, source of the wrong options.
- easy: 5 pairs person – thing, the thing asked; half of the wrong options were never shown.
- medium: 7 pairs person – thing, either direction; every wrong option is the partner of somebody else.
- hard: 9 pairs person – two-digit number, either direction; every wrong option belongs to another pair. Numbers carry
  no meaning to hold on to, so they bind worse than things do.
Time shown: 3 s a pair. Within a level, pairs in the middle of the list are harder than those at its ends.
The solver reads the pairs from the stimulus and looks the asked half up.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import pick_names
from qgen_dagster.generation.items.memory._recall import entries, expected, to_remember
from qgen_dagster.generation.items.memory._words import THINGS

# (heading, what the partner is called in the stem, stem to the partner, stem to the person)
THINGS_SET = (
    ("Remember what each person brought:", "What did {} bring?", "Who brought the {}?"),
    ("Remember what each person is looking for:", "What is {} looking for?", "Who is looking for the {}?"),
    ("Remember what each person borrowed:", "What did {} borrow?", "Who borrowed the {}?"),
    ("Remember what each person found:", "What did {} find?", "Who found the {}?"),
)
NUMBERS_SET = (
    ("Remember each person's locker number:", "What is {}'s locker number?", "Who has locker {}?"),
    ("Remember each person's seat number:", "What is {}'s seat number?", "Who has seat {}?"),
    ("Remember each person's room number:", "What is {}'s room number?", "Who has room {}?"),
)
PAIRS = {"easy": 5, "medium": 7, "hard": 9}


class PairedAssociates(ItemModel):
    name = "paired_associates"
    version = 2
    family = "memory"
    sub_type = "paired_associates"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        count = PAIRS[level]
        names = pick_names(rng, count)
        if level == "hard":
            heading, to_partner, to_person = rng.choice(NUMBERS_SET)
            pool = [str(n) for n in rng.sample(range(12, 99), count)]
        else:
            heading, to_partner, to_person = rng.choice(THINGS_SET)
            pool = rng.sample(THINGS, count + 2)
        partners, unseen = pool[:count], pool[count:]
        asked = rng.randrange(count)
        backwards = level != "easy" and rng.random() < 0.5
        sought, given = (names, partners) if backwards else (partners, names)
        others = [i for i in range(count) if i != asked]
        wrong = [_intrusion(sought[i], given[i]) for i in rng.sample(others, 2 if level == "easy" else 4)]
        if level == "easy":
            wrong += [Choice(thing, mistake="never_shown", note=f"No {thing} was on the list.") for thing in unseen]
        middle = 2 * min(asked, count - 1 - asked) / (count - 1)
        return Draft(
            stem=(to_person if backwards else to_partner).format(given[asked]),
            stimulus=to_remember(heading, [f"{n} – {p}" for n, p in zip(names, partners, strict=True)], 3 * count),
            key=Choice(sought[asked]),
            distractors=tuple(wrong),
            explanation=f"The list said: {names[asked]} – {partners[asked]}. So the answer is: {sought[asked]}.",
            structure={"partners": partners, "asked": asked, "backwards": backwards},
            expected_success=expected(level, 0.2 + 0.5 * middle + 0.3 * backwards),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        pairs = [line.split(" – ") for line in entries(shown.stimulus)]
        words = re.findall(r"\w+", shown.stem)
        partner_of = {half: other for a, b in pairs for half, other in ((a, b), (b, a))}
        wanted = {partner_of[word] for word in words if word in partner_of}
        return [i for i, option in enumerate(shown.options) if option.text in wanted]


def _intrusion(sought: str, given: str) -> Choice:
    return Choice(sought, mistake="other_pair", note=f"This belongs to another pair: “{given}” and “{sought}”.")


MODEL = PairedAssociates()
