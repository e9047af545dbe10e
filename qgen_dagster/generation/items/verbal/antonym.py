"""Antonym: the word most nearly opposite to a given word.

Radicals: how rare the rarer of the two words is (bands as for synonyms), and from
medium on neither may be among the commonest words (love and hatred, add and subtract are easy); number of options, a
synonym among the distractors (the pull of the same meaning is the strongest wrong answer to a question about the
opposite).
Incidentals: the distractors drawn.

Distractors: a synonym of the word, a word that looks like it or like the key, and words of the same kind with another
meaning. None may be alike to the key or opposite to the word, by the lists or by WordNet in any sense; nor may a wide
thesaurus name it together with the key or another opposite. Words with two listed opposites of different meaning are
never asked for.

Solver: looks up the word, and keeps the options that the lists or WordNet call its opposites, or that are alike or akin
to one.
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

# How common the more common word of a pair may be (Zipf).
MOST_ZIPF: dict[ItemLevel, float] = {"easy": 8.0, "medium": 5.2, "hard": 4.8}
STEM = "Which word is most nearly the opposite of the {pos} “{word}”?"


class Antonym(ItemModel):
    name = "verbal_antonym"
    version = 3
    family = "verbal"
    sub_type = "antonym"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        pos, word, key = rng.choice(_pairs(level))
        same = sorted(w for w in words.same.get(word, ()) if w in listed_as(pos) and not _opposite(word, w, key))
        chosen = []
        if same:
            synonym = same[rng.randrange(len(same))]
            note = f"“{synonym}” means nearly the same as “{word}”, not the opposite."
            chosen.append(Choice(synonym, mistake="same_instead_of_opposite", note=note))
        distractors = fill(
            chosen,
            key,
            pos,
            level,
            lambda w: not _opposite(word, w, key) and w not in kin(word),
            [
                (word, "looks_alike", f"“{{}}” looks like “{word}” but has nothing to do with it."),
                (key, "looks_alike", "“{}” looks like the right answer but means something else."),
            ],
            rng,
        )
        return Draft(
            stem=STEM.format(pos=pos, word=word),
            key=Choice(key),
            distractors=tuple(distractors),
            explanation=(
                f"“{word}” and “{key}” are opposites: what one of them says, the other denies. "
                f"None of the other words says the contrary of “{word}”."
            ),
            structure={"word": word, "key": key},
            expected_success=success(level, words.rarity(word, key)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        match = re.search(r"the (\w+) “(\w+)”", shown.stem)
        if match is None:
            raise ValueError(shown.stem)
        word = match[2]
        opposites = lexicon().against.get(word, frozenset())
        wide = opposites.union(*(lexicon().alike(w) | lexicon().akin.get(w, frozenset()) for w in opposites))
        return [i for i, option in enumerate(shown.options) if option.text in wide]


def _opposite(word: str, other: str, key: str) -> bool:
    """Whether another word could be taken for an opposite of the word."""
    opposites = lexicon().against.get(word, frozenset()) | {key}
    return any(other in kin(w) or near_miss(other, w) for w in opposites)


@cache
def _pairs(level: ItemLevel) -> tuple[tuple[str, str, str], ...]:
    """Part of speech, word and opposite, each pair both ways, the word in no other pair of that part of speech."""
    words = lexicon()
    both = [(pos, a, b) for pos, pair in words.antonyms for a, b in (pair, pair[::-1])]
    count = Counter((pos, a) for pos, a, _ in both)
    return tuple(
        (pos, a, b)
        for pos, a, b in both
        if count[pos, a] == 1
        and not derived(a, b)
        and in_band(words, level, a, b)
        and max(words.zipf[a], words.zipf[b]) < MOST_ZIPF[level]
    )


MODEL = Antonym()
