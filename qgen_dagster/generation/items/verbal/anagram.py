"""Anagram: put the letters in order and say to which group the word belongs.

Radicals: number of letters (easy 4–5, medium 6–7, hard 8–10), how rare the word is, and how much of the word's own
order is left in the mixed letters (none of the neighbours of a hard item stay together). Length and frequency are the
classical predictors of anagram difficulty.
The mixed letters begin or end as no word of the lexicon does, so that they cannot be taken for a word themselves.
Incidentals: the groups offered.

One answer: the solver puts together every word of the lexicon, common words included, that the letters can make, and
keeps the groups to which any of them could belong, in any sense that WordNet knows.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import capitalised
from qgen_dagster.generation.items.verbal._lexicon import Category, lexicon, success

LENGTHS: dict[ItemLevel, tuple[int, int]] = {"easy": (4, 5), "medium": (6, 7), "hard": (8, 11)}
LEAST_ZIPF: dict[ItemLevel, float] = {"easy": 3.3, "medium": 2.8, "hard": 2.3}
OTHERS = 4
STEM = "Put the letters {} in the right order to make a word. To which group does the word belong?"


class Anagram(ItemModel):
    name = "verbal_anagram"
    version = 3
    family = "verbal"
    sub_type = "anagram"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        word, category = rng.choice(_words(level))
        wrong = [
            c
            for c in rng.sample(words.categories, 12)
            if c is not category and c.parent != category.parent and word not in c.members and word not in c.possible
        ][:OTHERS]
        if len(wrong) < OTHERS:
            raise Unsuitable("too few groups")
        mixed = _mixed(word, level, rng)
        shortest, longest = LENGTHS[level]
        load = 0.5 * (len(word) - shortest) / (longest - shortest) + 0.5 * words.rarity(word)
        return Draft(
            stem=STEM.format(" ".join(mixed.upper())),
            key=Choice(category.name),
            distractors=tuple(
                Choice(
                    c.name,
                    mistake="word_not_found",
                    note=f"No word for one of these ({c.members[0]}, {c.members[1]} …) can be made of all the letters.",
                )
                for c in wrong
            ),
            explanation=(
                f"{_hint(word)} The letters make “{word}”, and that belongs to this group: {category.name}. "
                "It helps to try common beginnings and endings first."
            ),
            structure={"word": word},
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        letters = re.findall(r"\b[A-Z]\b", shown.stem.partition(" in the right")[0])
        made = _by_letters().get("".join(sorted(letters)).lower(), [])
        groups = {c.name: {*c.members, *c.possible} for c in lexicon().categories}
        return [i for i, option in enumerate(shown.options) if not groups[option.text].isdisjoint(made)]


# --- making ---------------------------------------------------------------------------------------------------------
@cache
def _words(level: ItemLevel) -> tuple[tuple[str, Category], ...]:
    words = lexicon()
    shortest, longest = LENGTHS[level]
    return tuple(
        (word, category)
        for category in words.categories
        for word in category.members
        if shortest <= len(word) <= longest and words.zipf[word] >= LEAST_ZIPF[level]
    )


def _mixed(word: str, level: ItemLevel, rng: random.Random) -> str:
    """The letters in another order; hard items keep no two neighbours together and not the first letter."""
    neighbours = {word[i : i + 2] for i in range(len(word) - 1)}
    starts, ends = _edges()
    for _ in range(60):
        mixed = "".join(rng.sample(word, len(word)))
        if mixed[:2] in starts and mixed[-2:] in ends:
            continue
        kept = sum(mixed[i : i + 2] in neighbours for i in range(len(mixed) - 1))
        if mixed != word and mixed[0] != word[0] and kept <= {"easy": 1, "medium": 1, "hard": 0}[level]:
            return mixed
    raise Unsuitable("cannot be mixed well")


@cache
def _edges() -> tuple[frozenset[str], frozenset[str]]:
    """The pairs of letters with which words begin and end."""
    words = lexicon().zipf
    return frozenset(word[:2] for word in words), frozenset(word[-2:] for word in words)


def _hint(word: str) -> str:
    return capitalised(f"the word has {len(word)} letters and starts with “{word[0]}”.")


# --- solving --------------------------------------------------------------------------------------------------------
@cache
def _by_letters() -> dict[str, list[str]]:
    """All words of the lexicon by their sorted letters."""
    words: dict[str, list[str]] = defaultdict(list)
    for word in lexicon().zipf:
        words["".join(sorted(word))].append(word)
    return words


MODEL = Anagram()
