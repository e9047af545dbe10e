"""Synonym: the word closest in meaning to a given word.

Radicals: how rare the rarer of the two words is (Zipf frequency from wordfreq: easy from 4.0, medium 3.2–3.9, hard
below 3.2 and not understood from its parts, as “spotless” is), number of options. Word frequency is the best single
predictor of the difficulty of vocabulary items.
Incidentals: the distractors drawn.

Distractors: an opposite of the word, a word that looks like it, and words of the same kind with another meaning. None
may be of another part of speech, alike to the word, or alike to one that is alike, by the lists or by WordNet in any
sense; nor may a wide thesaurus name it together with the word or the key. Words listed in two groups of synonyms are
never asked for, as their sense would be open.

Solver: looks up the word, and keeps the options that share a group of synonyms with it or that WordNet or the thesaurus
puts close.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.verbal._lexicon import lexicon, success
from qgen_dagster.generation.items.verbal._meaning import derived, fill, in_band, kin, listed_as, near_miss

STEM = "Which word is closest in meaning to the {pos} “{word}”?"


class Synonym(ItemModel):
    name = "verbal_synonym"
    version = 3
    family = "verbal"
    sub_type = "synonym"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        pos, word, key = rng.choice(_pairs(level))
        opposites = sorted(w for w in words.against.get(word, ()) if _other(w, word, key) and w in listed_as(pos))
        chosen = []
        if opposites:
            opposite = opposites[rng.randrange(len(opposites))]
            note = f"“{opposite}” means the opposite of “{word}”."
            chosen.append(Choice(opposite, mistake="opposite_instead_of_same", note=note))
        distractors = fill(
            chosen,
            key,
            pos,
            level,
            lambda w: _other(w, word, key) and w not in kin(word),
            [(word, "looks_alike", f"“{{}}” looks like “{word}” but means something else.")],
            rng,
        )
        return Draft(
            stem=STEM.format(pos=pos, word=word),
            key=Choice(key),
            distractors=tuple(distractors),
            explanation=(
                f"“{word}” and “{key}” mean nearly the same: in most sentences one can take the place of the other. "
                f"The other words would change the meaning, so the answer is “{key}”."
            ),
            structure={"word": word, "key": key},
            expected_success=success(level, words.rarity(word, key)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        match = re.search(r"the (\w+) “(\w+)”", shown.stem)
        if match is None:
            raise ValueError(shown.stem)
        pos, word = match.groups()
        groups = [group for p, group in lexicon().synonyms if p == pos and word in group]
        words = lexicon()
        close = words.near.get(word, frozenset()).union(words.akin.get(word, ()), *groups)
        return [i for i, option in enumerate(shown.options) if option.text in close]


def _other(option: str, word: str, key: str) -> bool:
    """Whether an option means something else than the key, and is not nearly right."""
    return option not in kin(key) and not near_miss(option, word) and not near_miss(option, key)


@cache
def _pairs(level: ItemLevel) -> tuple[tuple[str, str, str], ...]:
    """Part of speech, word and synonym, both of one group, the word in no other group."""
    words = lexicon()
    count = Counter(word for _, group in words.synonyms for word in group)
    return tuple(
        (pos, word, key)
        for pos, group in words.synonyms
        for word in group
        for key in group
        if key != word and not derived(word, key) and count[word] == 1 and in_band(words, level, word, key)
    )


MODEL = Synonym()
