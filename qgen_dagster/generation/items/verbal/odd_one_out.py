"""Odd one out: all words but one name members of one category.

Radicals: how close the odd word is (easy: from another part of the world of things; medium: from a neighbouring
category, such as a fish among birds, with one more option), and how rare the words are. There is no hard level: what
makes such an item hard for adults is an obscure rule or obscure knowledge, and either would make the key disputable.
Incidentals: which members are drawn.

Rival rules: the groupings of the lexicon, that is its categories and the wider ones above them, with every word that
WordNet could put into the category in any sense. An item is dropped when any category covers all the options but one
and that one is not the key.

Solver: for each option, looks for a category that holds all other options for certain and could not hold this one.
"""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.verbal._lexicon import Category, lexicon, success

OPTIONS: dict[ItemLevel, int] = {"easy": 5, "medium": 6}
# How rare a word may be (Zipf).
LEAST_ZIPF: dict[ItemLevel, float] = {"easy": 3.3, "medium": 2.4}
# Categories whose members are of one kind, so that a stranger from a neighbour does not stick out at a glance.
NEIGHBOURS: tuple[tuple[str, ...], ...] = (
    ("birds", "fish", "insects", "mammals", "reptiles"),
    ("trees", "flowers"),
    ("vegetables", "fruits", "spices and herbs", "grains"),
    ("kitchenware", "tools", "containers"),
    ("clothes", "footwear", "headwear", "jewellery"),
    ("stringed instruments", "wind instruments", "percussion instruments"),
    ("measuring instruments", "tools", "writing materials"),
    ("land vehicles", "boats and ships", "aircraft"),
    ("homes", "public buildings"),
    ("rooms", "parts of a house"),
    ("metals", "gemstones"),
    ("bodies of water", "landforms"),
    ("weather", "sky objects"),
    ("health workers", "artists", "craftspeople", "scientists"),
    ("parts of the head", "parts of the arms and legs", "inner organs"),
    ("emotions", "virtues"),
    ("shapes", "solid figures"),
    ("units of length", "units of time"),
    ("ball games", "board and card games", "dances", "combat and athletic sports"),
    ("kinds of writing", "parts of a book"),
    ("ways of speaking", "animal cries"),
    ("ways of cooking", "ways of cutting"),
)
STEM = "All of these words but one belong together. Which word does not belong?"


class OddOneOut(ItemModel):
    name = "verbal_odd_one_out"
    version = 3
    family = "verbal"
    sub_type = "odd_one_out"
    levels = ("easy", "medium")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        words = lexicon()
        category = words.categories[rng.randrange(len(words.categories))]
        others = _others(category, level)
        if not others:
            raise Unsuitable("no neighbouring category")
        other = others[rng.randrange(len(others))]
        least = LEAST_ZIPF[level]
        members = [w for w in category.members if words.zipf[w] >= least]
        strangers = [
            w for w in other.members if words.zipf[w] >= least and w not in category.possible | {*category.members}
        ]
        if len(members) < OPTIONS[level] - 1 or not strangers:
            raise Unsuitable("too few words")
        group = rng.sample(members, OPTIONS[level] - 1)
        odd = strangers[rng.randrange(len(strangers))]
        if any(odd in words.alike(w) for w in group):
            raise Unsuitable("too close to a member")
        return Draft(
            stem=STEM,
            key=Choice(odd),
            distractors=tuple(
                Choice(
                    word,
                    mistake="took_a_member_for_the_stranger",
                    note=f"“{word}” belongs with {listed([f'“{w}”' for w in group if w != word])}: {category.name}.",
                )
                for word in group
            ),
            explanation=(
                f"{listed([f'“{w}”' for w in group])} all belong to one group: {category.name}. "
                f"“{odd}” belongs to another: {other.name}. So the word that does not belong is “{odd}”."
            ),
            structure={"group": sorted(group), "odd": odd},
            expected_success=success(level, words.rarity(*group, odd)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        found = set()
        sure = [_surely().get(option.text, frozenset()) for option in shown.options]
        maybe = [_maybe().get(option.text, frozenset()) for option in shown.options]
        for i in range(len(sure)):
            common = frozenset.intersection(*(maybe[j] for j in range(len(maybe)) if j != i))
            if common - maybe[i]:
                found.add(i)
        certain = {
            i for i in found if frozenset.intersection(*(sure[j] for j in range(len(sure)) if j != i)) - maybe[i]
        }
        return sorted(found if len(found) > 1 else certain)


@cache
def _others(category: Category, level: ItemLevel) -> tuple[Category, ...]:
    """The categories from which the odd word may come."""
    if level == "easy":
        return tuple(c for c in lexicon().categories if c.parent != category.parent)
    near = {name for names in NEIGHBOURS if category.name in names for name in names} - {category.name}
    return tuple(c for c in lexicon().categories if c.name in near)


# --- solving --------------------------------------------------------------------------------------------------------
# For every word, the categories (narrow and wide) to which it surely and possibly belongs.
def _by_word(categories: tuple[Category, ...], *, loosely: bool) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for category in categories:
        for word in (*category.members, *(category.possible if loosely else ())):
            found[word].update((category.name, f"wide: {category.parent}"))
    return {word: frozenset(names) for word, names in found.items()}


@cache
def _surely() -> dict[str, frozenset[str]]:
    return _by_word(lexicon().categories, loosely=False)


@cache
def _maybe() -> dict[str, frozenset[str]]:
    return _by_word(lexicon().categories, loosely=True)


MODEL = OddOneOut()
