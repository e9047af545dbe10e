"""Odd pair out: all pairs of words but one are linked in the same way.

Radicals: how abstract the common link is (levels 1, 2, 3 of the lexicon's relations); how close the odd link is: easy,
a link between other kinds of word; medium, another link between words of the same kinds; hard, a link that is easily
confused with the common one (a synonym beside degrees, a lack beside a quality, …) or the same link turned round.
Incidentals: which pairs are drawn.

Rival rules: every relation of the lexicon in both directions, with all word pairs that the lists or WordNet would let
pass. An item is dropped when some relation covers all pairs but one and that one is not the key.

Solver: reads the pairs, and for each option looks for a relation, either way round, that holds in all other pairs and
not in this one.
"""

from __future__ import annotations

import random
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.verbal._lexicon import Relation, lexicon, success

RELATION_LEVELS: dict[ItemLevel, tuple[int, ...]] = {"easy": (1,), "medium": (1, 2), "hard": (2, 3)}
LEAST_ZIPF: dict[ItemLevel, float] = {"easy": 3.4, "medium": 2.8, "hard": 2.0}
# Links that readers take for one another.
CONFUSABLE = (
    ("degree", "similar"),
    ("cause_effect", "remedy", "verb_product", "stage_next"),
    ("quality_noun", "lack_of", "property"),
    ("part_whole", "member_group", "kind_class", "material_product"),
    ("worker_tool", "worker_product", "worker_place"),
)
STEM = "In all of these pairs but one, the two words are linked in the same way. Which pair is linked differently?"
PAIRS = 5


class OddPair(ItemModel):
    name = "verbal_odd_pair"
    version = 3
    family = "verbal"
    sub_type = "word_relation"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        relation = _common(level, rng)
        turned = level == "hard" and rng.random() < 0.3 and relation.name.startswith(("degree", "cause"))
        other = relation if turned else _other(relation, level, rng)
        group = rng.sample(_usable(relation, level), PAIRS - 1)
        pairs = _usable(other, level)
        odd = pairs[rng.randrange(len(pairs))]
        if turned:
            odd = odd[::-1]
        shown = [word for pair in (*group, odd) for word in pair]
        if len(set(shown)) < 2 * PAIRS or odd in relation.holds:
            raise Unsuitable("a word comes twice, or the odd pair is not odd")
        because = "the words stand the other way round" if turned else f"it is otherwise: {other.gloss}"
        closeness = 0.4 if turned else 0.2
        load = closeness + 0.3 * (relation.level == max(RELATION_LEVELS[level])) + 0.3 * words.rarity(*shown)
        said = [f"“{_say(pair)}”" for pair in group]
        return Draft(
            stem=STEM,
            key=Choice(_say(odd)),
            distractors=tuple(
                Choice(
                    _say(pair),
                    mistake="missed_the_common_link",
                    note=f"This pair is linked like most of the others: {relation.gloss}.",
                )
                for pair in group
            ),
            explanation=f"In {listed(said)}, {relation.gloss}. In “{_say(odd)}” {because}.",
            structure={"relation": relation.name, "pairs": sorted(map(list, group)), "odd": list(odd)},
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        pairs = [tuple(option.text.split(" – ")) for option in shown.options]
        links = [_links(first, second) for first, second in pairs]
        found = []
        for i in range(len(links)):
            common = frozenset.intersection(*(links[j] for j in range(len(links)) if j != i))
            if common - links[i]:
                found.append(i)
        return found


# --- making ---------------------------------------------------------------------------------------------------------
def _say(pair: tuple[str, str]) -> str:
    return " – ".join(pair)


@cache
def _usable(relation: Relation, level: ItemLevel) -> tuple[tuple[str, str], ...]:
    zipf = lexicon().zipf
    return tuple(pair for pair in relation.pairs if min(zipf[word] for word in pair) >= LEAST_ZIPF[level])


@cache
def _fit(level: ItemLevel) -> tuple[Relation, ...]:
    return tuple(
        r for r in lexicon().relations if r.level in RELATION_LEVELS[level] and len(_usable(r, level)) >= PAIRS + 2
    )


def _common(level: ItemLevel, rng: random.Random) -> Relation:
    relations = _fit(level)
    return rng.choices(relations, [len(_usable(r, level)) for r in relations])[0]


@cache
def _others(relation: Relation, level: ItemLevel) -> tuple[Relation, ...]:
    rest = [r for r in lexicon().relations if r is not relation and len(_usable(r, level)) >= 3]
    if level == "easy":
        return tuple(r for r in rest if r.pos != relation.pos or r.level == 1)
    if level == "medium":
        return tuple(r for r in rest if r.pos == relation.pos)
    if relation.name.startswith("similar"):
        return ()  # any weaker or stronger word may pass for a synonym: no rival is close and yet different
    family = next((names for names in CONFUSABLE if relation.name.startswith(names)), ())
    return tuple(r for r in rest if r.pos == relation.pos and family and r.name.startswith(family))


def _other(relation: Relation, level: ItemLevel, rng: random.Random) -> Relation:
    others = _others(relation, level)
    if not others:
        raise Unsuitable("nothing to compare with")
    return others[rng.randrange(len(others))]


# --- solving --------------------------------------------------------------------------------------------------------
@cache
def _links(first: str, second: str) -> frozenset[tuple[str, bool]]:
    """The relations that hold between two words, read forwards (True) or backwards."""
    relations = lexicon().relations
    forwards = {(r.name, True) for r in relations if (first, second) in r.holds}
    return frozenset(forwards | {(r.name, False) for r in relations if (second, first) in r.holds})


MODEL = OddPair()
