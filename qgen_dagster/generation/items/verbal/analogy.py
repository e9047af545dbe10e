"""Analogy: A is to B as C is to …; the pairs share one named relation.

Radicals: how abstract the relation is (level 1: tool and use, part and whole; 2: member and group, opposites; 3: cause
and effect, quality, degree; hard items take only abstract ones), how rare the words are (wordfreq's Zipf scale; the
second pair of a hard item has a word below 3.3), and how many distractors are tied to the third word in another way:
one or two, in hard items up to three, its synonyms and opposites included. That abstract relations and rarer words make
verbal analogies harder, and that associates of the third word draw most, is established in the literature on them.
Incidentals: which pair comes first, which distractors are drawn.

Distractors: the second word of another pair of the same relation; words tied to the third word by another relation;
words tied to the first pair. A word is left out when the lists or WordNet (same synset, one step up or down, similar
adjectives) could make it fit.

Solver: reads the three words, searches all relations for those that hold between the first two, and keeps the options
that stand in one of them to the third.
"""

from __future__ import annotations

import random
import re
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.verbal._lexicon import Lexicon, Relation, lexicon, success
from qgen_dagster.generation.items.verbal._meaning import kin

# Relation levels that each item level takes, and the Zipf frequencies of the rarest word: at least and at most.
RELATION_LEVELS: dict[ItemLevel, tuple[int, ...]] = {"easy": (1,), "medium": (1, 2), "hard": (2, 3)}
LEAST_ZIPF: dict[ItemLevel, float] = {"easy": 3.4, "medium": 2.7, "hard": 1.5}
MOST_ZIPF: dict[ItemLevel, float] = {"easy": 9.0, "medium": 9.0, "hard": 3.3}
ABSTRACT = ("cause", "degree", "lack", "opposite", "quality", "similar")
# How many distractors come from the same relation; the rest are tied to a shown word.
SAME_KIND = {"easy": 3, "medium": 2, "hard": 1}
STEM = "“{a}” is to “{b}” as “{c}” is to which word?"


class Analogy(ItemModel):
    name = "verbal_analogy"
    version = 3
    family = "verbal"
    sub_type = "analogy"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        relation = _draw_relation(level, rng)
        pairs = _usable(relation, LEAST_ZIPF[level])
        (a, b), (c, d) = rng.sample(pairs, 2)
        if len({a, b, c, d}) < 4 or b in words.alike(d):
            raise Unsuitable("the pairs share a word")
        if min(words.zipf[c], words.zipf[d]) > MOST_ZIPF[level]:
            raise Unsuitable("too common for this level")
        distractors = _distractors(words, relation, (a, b, c, d), level, rng)
        rarity = words.rarity(a, b, c, d)
        tied = sum(choice.mistake == "tied_to_third_word" for choice in distractors)
        load = 0.6 * rarity + 0.2 * (relation.level == max(RELATION_LEVELS[level])) + 0.1 * tied
        return Draft(
            stem=STEM.format(a=a, b=b, c=c),
            key=Choice(d),
            distractors=tuple(distractors),
            explanation=(
                f"In “{a} – {b}”, {relation.gloss}. The same holds for “{c} – {d}”, so the answer is “{d}”. "
                "Saying the link between the first two words as a sentence shows which option fits that sentence."
            ),
            structure={"relation": relation.name, "words": [*(sorted((a, b)) if relation.mutual else (a, b)), c, d]},
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = re.findall(r"“([^”]+)”", shown.stem)
        first, second, third = found
        links = [relation for relation in lexicon().relations if (first, second) in relation.holds]
        return [
            i
            for i, option in enumerate(shown.options)
            if any((third, option.text) in relation.holds for relation in links)
        ]


# --- making ---------------------------------------------------------------------------------------------------------
@cache
def _usable(relation: Relation, least: float) -> tuple[tuple[str, str], ...]:
    zipf = lexicon().zipf
    return tuple(pair for pair in relation.pairs if min(zipf[word] for word in pair) >= least)


@cache
def _choices(level: ItemLevel) -> tuple[tuple[Relation, ...], tuple[int, ...]]:
    relations = [
        r
        for r in lexicon().relations
        if r.level in RELATION_LEVELS[level]
        and (level != "hard" or r.name.startswith(ABSTRACT))
        and len(_usable(r, LEAST_ZIPF[level])) >= 8
    ]
    sizes = [len(_usable(r, LEAST_ZIPF[level])) for r in relations]
    return tuple(relations), tuple(sizes)


def _draw_relation(level: ItemLevel, rng: random.Random) -> Relation:
    """Larger relations more often, so that items repeat late."""
    relations, sizes = _choices(level)
    return rng.choices(relations, sizes)[0]


@cache
def _ties() -> dict[str, tuple[tuple[str, Relation], ...]]:
    """For every word, the words that some pair ties to it, with the relation."""
    ties: dict[str, list[tuple[str, Relation]]] = {}
    for relation in lexicon().relations:
        for first, second in relation.pairs:
            ties.setdefault(first, []).append((second, relation))
            ties.setdefault(second, []).append((first, relation))
    return {word: tuple(others) for word, others in ties.items()}


def _distractors(
    words: Lexicon, relation: Relation, shown: tuple[str, str, str, str], level: ItemLevel, rng: random.Random
) -> list[Choice]:
    a, b, c, d = shown
    taken = {*shown, *kin(d)}
    chosen: list[Choice] = []

    def take(word: str, mistake: str, note: str) -> bool:
        if word in taken or (c, word) in relation.holds or words.zipf[word] < LEAST_ZIPF[level] - 0.4:
            return False
        taken.add(word)
        chosen.append(Choice(word, mistake=mistake, note=note))
        return True

    pos = relation.pos[1]
    tied = [
        (x, r, w)
        for w, mistake in ((c, "tied_to_third_word"), (b, "tied_to_first_pair"), (a, "tied_to_first_pair"))
        for x, r in _ties().get(w, ())
        if r is not relation and pos in r.pos
    ]
    rng.shuffle(tied)
    tied.sort(key=lambda entry: entry[2] != c)
    for x, other, w in tied:
        if len(chosen) >= 4 - SAME_KIND[level]:
            break
        mistake = "tied_to_third_word" if w == c else "tied_to_first_pair"
        first, second = (w, x) if (w, x) in other.pairs else (x, w)
        take(x, mistake, f"“{x}” goes with “{w}”, but in another way: in “{first} – {second}”, {other.gloss}.")
    if level == "hard":
        links = (("nearly the same as", words.same.get(c, ())), ("the opposite of", words.against.get(c, ())))
        close = sorted((x, link) for link, others in links for x in others)
        for x, link in rng.sample(close, len(close)):
            if len(chosen) >= 4 - SAME_KIND[level]:
                break
            take(x, "tied_to_third_word", f"“{x}” means {link} “{c}”, which is not the link in “{a} – {b}”.")
    pairs = _usable(relation, LEAST_ZIPF[level] - 0.4)
    for first, second in rng.sample(pairs, min(len(pairs), 12)):
        if len(chosen) == 4:
            break
        take(second, "right_kind_wrong_partner", f"“{second}” goes with “{first}” in this way, not with “{c}”.")
    if len(chosen) < 4:
        raise Unsuitable("too few distractors")
    return chosen


MODEL = Analogy()
