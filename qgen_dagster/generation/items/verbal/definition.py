"""Definition: the word for a short definition, or the definition of a word, among words of the same field.

Radicals: how rare the word is (Zipf frequency: easy from 3.5, medium below 3.7) and how many of the other
words are of its own family, so that only one detail of the definition decides.
There is no hard level: whoever knows the words at all can tell them apart.
Whether the word or its meaning is asked for makes no difference to the level.
Incidentals: which words of the family are offered.

Solver: looks the definition up, and keeps the options that have it or that WordNet puts in one sense with a word that
has it; or looks the word up, and keeps the definitions of it and of the words close to it. What guards the list itself:
every definition was written against all other words of its family, and words that WordNet puts close are never offered
together.
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
WORD_ASKED = "Which {pos} has this meaning: {definition}?"
MEANING_ASKED = "What does the {pos} “{word}” mean?"


class Definition(ItemModel):
    name = "verbal_definition"
    version = 3
    family = "verbal"
    sub_type = "definition"
    levels = ("easy", "medium")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        family, key = rng.choice(_words(level))
        others = [w for w in family.words if w != key and w not in lexicon().alike(key)]
        if len(others) < OPTIONS[level] - 1:
            raise Unsuitable("too small a family")
        if rng.random() < 0.5:
            wrong = _wrong(key, others, OPTIONS[level] - 1, rng)
            return _word_asked(family, key, wrong, level)
        meanings = {family.words[w]: w for w in others}
        wrong = _wrong(family.words[key], list(meanings), OPTIONS[level] - 1, rng)
        return _meaning_asked(family, key, [meanings[text] for text in wrong], level)

    def solve(self, shown: ShownQuestion) -> list[int]:
        words = lexicon()
        if match := re.fullmatch(r"What does the \w+ “([^”]+)” mean\?", shown.stem):
            close = words.alike(match[1]) | {match[1]}
            fitting = {text for family in words.definitions for w, text in family.words.items() if w in close}
        elif match := re.fullmatch(r"Which \w+ has this meaning: (.+)\?", shown.stem):
            defined = {w for family in words.definitions for w, text in family.words.items() if text == match[1]}
            fitting = defined.union(*(words.alike(w) for w in defined))
        else:
            raise ValueError(shown.stem)
        return [i for i, option in enumerate(shown.options) if option.text in fitting]


def _word_asked(family: Family, key: str, wrong: list[str], level: ItemLevel) -> Draft:
    return Draft(
        stem=WORD_ASKED.format(pos=family.pos, definition=family.words[key]),
        key=Choice(key),
        distractors=tuple(
            Choice(w, mistake="neighbour_in_meaning", note=f"“{w}” means: {family.words[w]}.") for w in wrong
        ),
        explanation=(
            f"All the words belong to one field, {family.name}, so every detail of the definition counts. "
            f"“{key}” means just this: {family.words[key]}."
        ),
        structure={"word": key, "asked": "word"},
        expected_success=success(level, lexicon().rarity(key)),
    )


def _meaning_asked(family: Family, key: str, wrong: list[str], level: ItemLevel) -> Draft:
    return Draft(
        stem=MEANING_ASKED.format(pos=family.pos, word=key),
        key=Choice(family.words[key]),
        distractors=tuple(
            Choice(family.words[w], mistake="neighbour_in_meaning", note=f"This is what “{w}” means.") for w in wrong
        ),
        explanation=(
            f"All the meanings belong to one field, {family.name}, so the details count. "
            f"“{key}” means: {family.words[key]}."
        ),
        structure={"word": key, "asked": "meaning"},
        expected_success=success(level, lexicon().rarity(key)),
    )


def _wrong(key: str, others: list[str], count: int, rng: random.Random) -> list[str]:
    """Other texts, drawn so that the key is the longest or the shortest no more often than any of them."""
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
