"""The lexicon of the verbal models: words and how they are related, read once from `data/lexicon.json`.

Generators and solvers share it as data, as they would share a dictionary; what is right is looked up by each of them
on its own. The relations are hand-picked and reviewed; `near` and a category's `possible` come from WordNet and only
ever forbid a word (see scripts/build_lexicon.py and data/README.md). A lookup that fails in both directions is the
guard: a word is right only if the lists say so, and wrong only if neither the lists nor WordNet could make it right.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS

POS_OF_KIND = {"verb": "verb", "adjective": "adjective"}


@dataclass(frozen=True)
class Relation:
    """A named relation and its word pairs. `level`: 1 concrete, 2 in between, 3 abstract."""

    name: str
    level: int
    gloss: str
    pos: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]
    holds: frozenset[tuple[str, str]]  # pairs, and those that may pass for one

    @property
    def mutual(self) -> bool:
        """Whether it holds both ways, so that the order of a pair says nothing."""
        return self.name.startswith(("opposite", "similar"))

    @property
    def seconds(self) -> frozenset[str]:
        return frozenset(second for _, second in self.pairs)


@dataclass(frozen=True)
class Category:
    """A category, the wider one above it, its members, and other words that may pass for members."""

    name: str
    parent: str
    members: tuple[str, ...]
    possible: frozenset[str]


@dataclass(frozen=True)
class Gradable:
    """A scale with two sides: for each side the mild words and the strong words, and the nouns that they fit."""

    nouns: tuple[str, ...]
    sides: tuple[tuple[tuple[str, ...], ...], ...]


@dataclass(frozen=True)
class Family:
    """Words of one field with their definitions, none of which fits another word of the family."""

    pos: str
    name: str
    words: dict[str, str]


@dataclass(frozen=True)
class Double:
    """A word with two unrelated meanings, and for each meaning words that come near it but not near the other."""

    word: str
    meanings: tuple[str, str]
    near: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True)
class Theme:
    """What passages on one subject are made of. See data/passages.txt.

    `lines`: of each property, four forms (affirmed and denied, twice); `things` and `before`: of an order only.
    """

    kind: str
    name: str
    scene: tuple[str, ...]
    aside: tuple[str, ...]
    world: tuple[str, ...]
    before: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    @property
    def things(self) -> tuple[str, ...]:
        return self.lines[0]


@dataclass(frozen=True)
class Lexicon:
    relations: tuple[Relation, ...]
    categories: tuple[Category, ...]
    synonyms: tuple[tuple[str, tuple[str, ...]], ...]
    scales: tuple[tuple[str, tuple[str, ...]], ...]
    antonyms: tuple[tuple[str, tuple[str, str]], ...]
    same: dict[str, frozenset[str]]  # words of a shared synonym group
    near: dict[str, frozenset[str]]  # words that WordNet puts close, in any sense
    akin: dict[str, frozenset[str]]  # words that a wide thesaurus names together, both ways
    against: dict[str, frozenset[str]]  # opposites, from the lists and from WordNet
    zipf: dict[str, float]
    common: tuple[str, ...]
    gradables: tuple[Gradable, ...]
    clauses: tuple[tuple[str, ...], ...]  # situation, what one expects, what follows; the contrary, what follows
    definitions: tuple[Family, ...]
    doubles: tuple[Double, ...]
    passages: tuple[Theme, ...]

    def alike(self, word: str) -> frozenset[str]:
        """Words that could be taken for the word: by a synonym group or by WordNet."""
        return self.same.get(word, frozenset()) | self.near.get(word, frozenset())

    def rarity(self, *words: str) -> float:
        """How rare the rarest word is: 0 for everyday words (Zipf 5), 1 for rare ones (Zipf 2)."""
        return min(1.0, max(0.0, (5 - min(self.zipf[word] for word in words)) / 3))


def success(level: ItemLevel, load: float) -> float:
    """Expected success inside the level's band for a load between 0 (lightest) and 1 (heaviest)."""
    low, high = LEVEL_BANDS[level]
    return round(high - (high - low) * min(1.0, max(0.0, load)), 2)


@cache
def lexicon() -> Lexicon:
    """The lexicon, read on first use."""
    path = resources.files(__package__).joinpath("data/lexicon.json")
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    near = {word: frozenset(close) for word, close in data["near"].items()}
    same: dict[str, set[str]] = defaultdict(set)
    for _, group in data["synonyms"]:
        for word in group:
            same[word].update(w for w in group if w != word)
    akin: dict[str, set[str]] = defaultdict(set)
    for word, others in data["akin"].items():
        for other in others:
            akin[word].add(other)
            akin[other].add(word)
    against: dict[str, set[str]] = defaultdict(set)
    for _, (first, second) in data["antonyms"]:
        against[first].add(second)
        against[second].add(first)
    for word, opposites in data["opposite"].items():
        against[word].update(opposites)
    listed = tuple(_relation(name, entry, near) for name, entry in data["relations"].items())
    return Lexicon(
        relations=(
            *listed,
            *_scales(data["scales"]),
            *_antonyms(data["antonyms"], same, near, akin),
            *_synonyms(data["synonyms"], data["scales"], same, near, akin),
        ),
        categories=tuple(
            Category(c["name"], c["parent"], tuple(c["members"]), frozenset(c["possible"])) for c in data["categories"]
        ),
        synonyms=tuple((pos, tuple(group)) for pos, group in data["synonyms"]),
        scales=tuple((pos, tuple(words)) for pos, words in data["scales"]),
        antonyms=tuple((pos, (first, second)) for pos, (first, second) in data["antonyms"]),
        same={word: frozenset(words) for word, words in same.items()},
        near=near,
        akin={word: frozenset(words) for word, words in akin.items()},
        against={word: frozenset(words) for word, words in against.items()},
        zipf=data["zipf"],
        common=tuple(data["common"]),
        gradables=tuple(
            Gradable(tuple(g["nouns"]), tuple(tuple(tuple(cell) for cell in side) for side in g["sides"]))
            for g in data["gradables"]
        ),
        clauses=tuple(tuple(line) for line in data["clauses"]),
        definitions=tuple(Family(f["pos"], f["name"], f["words"]) for f in data["definitions"]),
        doubles=tuple(
            Double(word, (first, second), (tuple(near_first), tuple(near_second)))
            for word, first, second, near_first, near_second in data["doubles"]
        ),
        passages=tuple(_theme(theme) for theme in data["passages"]),
    )


def _theme(entry: dict[str, Any]) -> Theme:
    scene, aside, world, before = (tuple(entry[part]) for part in ("scene", "aside", "world", "before"))
    return Theme(entry["kind"], entry["name"], scene, aside, world, before, tuple(map(tuple, entry["lines"])))


def _relation(name: str, entry: dict[str, Any], near: dict[str, frozenset[str]]) -> Relation:
    holds = set()
    for first, second, also in entry["pairs"]:
        for passable in (second, *also, *near.get(second, ())):
            holds.add((first, passable))
    first_kind, second_kind = entry["kinds"]
    return Relation(
        name,
        entry["level"],
        entry["gloss"],
        (POS_OF_KIND.get(first_kind, "noun"), POS_OF_KIND.get(second_kind, "noun")),
        tuple((first, second) for first, second, _ in entry["pairs"]),
        frozenset(holds),
    )


def _scales(scales: list[tuple[str, list[str]]]) -> list[Relation]:
    """Weaker to stronger: the ends of each scale make the pair; every step up may pass for one."""
    gloss = "the second word says the same as the first, only much more strongly"
    return [
        Relation(
            f"degree_{pos}",
            3,
            gloss,
            (pos, pos),
            tuple((words[0], words[-1]) for p, words in scales if p == pos),
            frozenset(
                (low, high) for p, words in scales if p == pos for i, low in enumerate(words) for high in words[i + 1 :]
            ),
        )
        for pos in ("adjective", "verb", "noun")
    ]


def _antonyms(
    pairs: list[tuple[str, list[str]]],
    same: dict[str, set[str]],
    near: dict[str, frozenset[str]],
    akin: dict[str, set[str]],
) -> list[Relation]:
    relations = []
    for pos in ("adjective", "verb", "noun"):
        both = [(a, b) for p, (a, b) in pairs if p == pos]
        both += [(b, a) for a, b in both]
        holds = {(a, x) for a, b in both for x in (b, *same.get(b, ()), *near.get(b, ()), *akin.get(b, ()))}
        gloss = "the two words are opposites"
        relations.append(Relation(f"opposite_{pos}", 2, gloss, (pos, pos), tuple(both), frozenset(holds)))
    return relations


def _synonyms(
    groups: list[tuple[str, list[str]]],
    scales: list[tuple[str, list[str]]],
    same: dict[str, set[str]],
    near: dict[str, frozenset[str]],
    akin: dict[str, set[str]],
) -> list[Relation]:
    """Pairs of one group. What WordNet or a thesaurus puts close may pass for a synonym, and so may another degree."""
    relations = []
    for pos in ("adjective", "verb", "noun"):
        mine = [group for p, group in groups if p == pos]
        members = {word for group in mine for word in group}
        holds = {(a, x) for a in members for x in (*same[a], *near.get(a, ()), *akin.get(a, ()))}
        holds |= {(a, b) for p, scale in scales if p == pos for a in scale for b in scale if a != b}
        gloss = "the two words mean nearly the same"
        pairs = tuple((group[0], group[1]) for group in mine)
        relations.append(Relation(f"similar_{pos}", 2, gloss, (pos, pos), pairs, frozenset(holds)))
    return relations
