"""Definition: the word for which a short definition is given, among words of the same field.

Radicals: how rare the word is (Zipf frequency: easy from 3.5, medium below 3.7) and how many of the other
words are of its own family, so that only one detail of the definition decides.
There is no hard level: whoever knows the words at all can tell them apart.
Incidentals: which words of the family are offered.

Solver: looks the definition up, and keeps the options that have it or that WordNet puts in one sense with a word that
has it. What guards the list itself: every definition was written against all other words of its family, and words
that WordNet puts close are never offered together.
"""

from __future__ import annotations

import random
import re
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.verbal._lexicon import Family, lexicon, success

BANDS: dict[ItemLevel, tuple[float, float]] = {"easy": (3.5, 8.0), "medium": (1.0, 3.7)}
OPTIONS: dict[ItemLevel, int] = {"easy": 4, "medium": 6}
STEM = "Which {pos} has this meaning: {definition}?"


class Definition(ItemModel):
    name = "verbal_definition"
    family = "verbal"
    sub_type = "definition"
    levels = ("easy", "medium")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        family, key = rng.choice(_words(level))
        others = [w for w in family.words if w != key and w not in words.alike(key)]
        if len(others) < OPTIONS[level] - 1:
            raise Unsuitable("too small a family")
        wrong = _wrong(key, others, OPTIONS[level] - 1, rng)
        return Draft(
            stem=STEM.format(pos=family.pos, definition=family.words[key]),
            key=Choice(key),
            distractors=tuple(
                Choice(w, mistake="neighbour_in_meaning", note=f"“{w}” means: {family.words[w]}.") for w in wrong
            ),
            explanation=(
                f"All the words belong to one field, {family.name}, so every detail of the definition counts. "
                f"“{key}” means just this: {family.words[key]}."
            ),
            structure={"word": key},
            expected_success=success(level, words.rarity(key)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        match = re.fullmatch(r"Which \w+ has this meaning: (.+)\?", shown.stem)
        if match is None:
            raise ValueError(shown.stem)
        defined = {w for family in lexicon().definitions for w, text in family.words.items() if text == match[1]}
        close = defined.union(*(lexicon().alike(w) for w in defined))
        return [i for i, option in enumerate(shown.options) if option.text in close]


def _wrong(key: str, others: list[str], count: int, rng: random.Random) -> list[str]:
    """Other words, drawn so that the key is the longest or the shortest no more often than any of them."""
    target = rng.randrange(count + 1)
    best = (count + 1.0, others[:count])
    for _ in range(8):
        drawn = rng.sample(others, count)
        rank = sum((len(w) < len(key)) + 0.5 * (len(w) == len(key)) for w in drawn)
        best = min(best, (abs(rank - target), drawn))
    return best[1]


@cache
def _words(level: ItemLevel) -> tuple[tuple[Family, str], ...]:
    low, high = BANDS[level]
    zipf = lexicon().zipf
    return tuple(
        (family, word) for family in lexicon().definitions for word in family.words if low <= zipf[word] < high
    )


MODEL = Definition()
