"""Same relation: which pair of words is linked in the same way as a given pair?

Radicals: how abstract the link is (levels 1, 2, 3 of the lexicon's relations), rarity of the words, and how close the
other pairs come: easy, pairs of other kinds; medium, pairs of the same kinds of word; hard, pairs with a link that is
easily confused with the given one, and the right link turned round. A whole pair has to be weighed in each option, so
the load is higher than in an analogy with one gap.
Incidentals: which pairs are drawn.

Solver: searches all relations for those that hold in the given pair, and keeps the options in which one of them holds,
read in the same direction.
"""

from __future__ import annotations

import random
import re
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.verbal._lexicon import Relation, lexicon, success

RELATION_LEVELS: dict[ItemLevel, tuple[int, ...]] = {"easy": (1,), "medium": (1, 2), "hard": (2, 3)}
LEAST_ZIPF: dict[ItemLevel, float] = {"easy": 3.4, "medium": 2.6, "hard": 1.8}
STEM = "Which pair of words is linked in the same way as “{} – {}”?"
OTHERS = 4


class SameRelation(ItemModel):
    name = "verbal_same_relation"
    version = 3
    family = "verbal"
    sub_type = "word_relation"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        relation = rng.choices(*_choices(level))[0]
        given, key, spare = rng.sample(_usable(relation, level), 3)
        turned = relation.pos[0] == relation.pos[1] and not relation.mutual
        wrong: list[tuple[tuple[str, str], str, str]] = []
        if turned and level != "easy" and (spare[1], spare[0]) not in relation.holds:
            note = f"The link is the right one, but turned round: {relation.gloss} in “{' – '.join(spare)}”."
            wrong.append((spare[::-1], "wrong_direction", note))
        others = _others(relation, level)
        if not others:
            raise Unsuitable("nothing to compare with")
        used = {*given, *key}
        links: list[str] = []
        for _ in range(20):
            if len(wrong) == OTHERS:
                break
            other = others[rng.randrange(len(others))]
            pairs = _usable(other, level)
            pair = pairs[rng.randrange(len(pairs))]
            if (
                pair not in relation.holds
                and used.isdisjoint(pair)
                and all(set(pair).isdisjoint(p) for p, _, _ in wrong)
            ):
                note = f"Here the link is another one: {other.gloss}."
                wrong.append((pair, "another_link", note))
                links.append(other.name)
        shown = [w for pair in (given, key, *(p for p, _, _ in wrong)) for w in pair]
        if len(wrong) < OTHERS or len(set(shown)) < len(shown):
            raise Unsuitable("too few distractors")
        if not any(links.count(link) == 1 for link in links):
            raise Unsuitable("the key would be the only pair of its kind")
        load = 0.4 * (relation.level == max(RELATION_LEVELS[level])) + 0.4 * words.rarity(*shown) + 0.2 * turned
        return Draft(
            stem=STEM.format(*given),
            key=Choice(" – ".join(key)),
            distractors=tuple(Choice(" – ".join(pair), mistake=tag, note=note) for pair, tag, note in wrong),
            explanation=(
                f"In “{' – '.join(given)}”, {relation.gloss}. The only other pair of which this can be said, in the "
                f"same order, is “{' – '.join(key)}”."
            ),
            structure={
                "relation": relation.name,
                "given": sorted(given) if relation.mutual else list(given),
                "key": sorted(key) if relation.mutual else list(key),
            },
            expected_success=success(level, load),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        match = re.search(r"“(.+) – (.+)”", shown.stem)
        if match is None:
            raise ValueError(shown.stem)
        first, second = match.groups()
        links = [relation for relation in lexicon().relations if (first, second) in relation.holds]
        pairs = [option.text.partition(" – ") for option in shown.options]
        return [i for i, (a, _, b) in enumerate(pairs) if any((a, b) in relation.holds for relation in links)]


# --- making ---------------------------------------------------------------------------------------------------------
# Links that readers take for one another.
CONFUSABLE = (
    ("degree", "similar"),
    ("cause_effect", "remedy", "verb_product", "stage_next"),
    ("quality_noun", "lack_of", "property"),
    ("part_whole", "member_group", "kind_class", "material_product", "stage_next"),
    ("worker_tool", "worker_product", "worker_place"),
)


@cache
def _usable(relation: Relation, level: ItemLevel) -> tuple[tuple[str, str], ...]:
    zipf = lexicon().zipf
    return tuple(pair for pair in relation.pairs if min(zipf[word] for word in pair) >= LEAST_ZIPF[level])


@cache
def _choices(level: ItemLevel) -> tuple[list[Relation], list[int]]:
    fit = [r for r in lexicon().relations if r.level in RELATION_LEVELS[level] and len(_usable(r, level)) >= 6]
    if level == "hard":
        # Any weaker or stronger word may pass for a synonym, so synonyms have no close rivals.
        fit = [r for r in fit if r.name.startswith(tuple(n for g in CONFUSABLE for n in g if n != "similar"))]
    return fit, [len(_usable(r, level)) for r in fit]


@cache
def _others(relation: Relation, level: ItemLevel) -> tuple[Relation, ...]:
    rest = [r for r in lexicon().relations if r is not relation and len(_usable(r, level)) >= 3]
    if level == "easy":
        return tuple(r for r in rest if r.level == 1)
    alike = [r for r in rest if r.pos == relation.pos]
    if level == "medium":
        return tuple(alike)
    names = tuple(n for group in CONFUSABLE if relation.name.startswith(group) for n in group)
    return tuple(r for r in alike if r.name.startswith((*names, "opposite")))


MODEL = SameRelation()
