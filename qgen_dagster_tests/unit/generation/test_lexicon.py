"""The lexicon of the verbal models: the lists against one another, against WordNet, and against what was built."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib import resources
from typing import Any

import pytest

from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.items import verbal
from qgen_dagster.generation.items.contract import build_question
from qgen_dagster.generation.items.registry import item_model
from qgen_dagster.generation.items.verbal._lexicon import lexicon

DATA = resources.files(verbal).joinpath("data")


def lines(name: str) -> list[str]:
    text = DATA.joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith(("#", "@"))]


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DATA.joinpath("lexicon.json").read_text(encoding="utf-8"))
    return loaded


def test_the_built_file_holds_the_lists_as_they_stand(built: dict[str, Any]) -> None:
    pairs = [
        f"{first} : {second}" + (f" / {', '.join(also)}" if also else "")
        for relation in built["relations"].values()
        for first, second, also in relation["pairs"]
    ]
    assert pairs == lines("relations.txt")
    assert [" ".join(group) for _, group in built["synonyms"]] == lines("synonyms.txt")
    assert [" : ".join(pair) for _, pair in built["antonyms"]] == lines("antonyms.txt")
    assert [" < ".join(words) for _, words in built["scales"]] == lines("scales.txt")
    assert [" | ".join(clauses) for clauses in built["clauses"]] == lines("clauses.txt")
    members = [line.rpartition("|")[2].split() for line in lines("categories.txt")]
    assert [category["members"] for category in built["categories"]] == members
    definitions = [f"{w} | {d}" for family in built["definitions"] for w, d in family["words"].items()]
    assert definitions == lines("definitions.txt")
    said = [" | ".join(line) for theme in built["passages"] for line in theme["lines"]]
    assert said == lines("passages.txt")


def test_no_blocked_word_is_in_the_lexicon(built: dict[str, Any]) -> None:
    stems = lines("blocked.txt")
    exact = {stem[1:] for stem in stems if stem.startswith("=")} | {s for s in stems if not s.startswith("=")}
    assert not exact.intersection(built["zipf"])


def test_nothing_is_listed_twice_in_one_list(built: dict[str, Any]) -> None:
    for name in ("synonyms", "antonyms", "scales"):
        entries = Counter((pos, tuple(words)) for pos, words in built[name])
        assert not [entry for entry, count in entries.items() if count > 1], name
    for name in ("definitions.txt", "clauses.txt", "gradables.txt", "double_meanings.txt"):
        assert len(set(lines(name))) == len(lines(name)), name
    for relation in built["relations"].values():
        pairs = Counter((first, second) for first, second, _ in relation["pairs"])
        assert not [pair for pair, count in pairs.items() if count > 1]


def test_no_synonyms_are_opposites(built: dict[str, Any]) -> None:
    for _, group in built["synonyms"]:
        for word in group:
            assert not set(group).intersection(built["opposite"].get(word, ())), group
    listed = {frozenset(pair) for _, pair in built["antonyms"]}
    assert not [g for _, g in built["synonyms"] if any(pair <= set(g) for pair in listed)]


def test_wordnet_bears_out_the_synonyms(built: dict[str, Any]) -> None:
    """At least nine in ten listed synonyms are close in WordNet, directly or by a third word."""
    near = {word: set(close) for word, close in built["near"].items()}
    pairs = [(a, b) for _, group in built["synonyms"] for i, a in enumerate(group) for b in group[i + 1 :]]
    borne_out = [
        (a, b) for a, b in pairs if b in near.get(a, ()) or not near.get(a, set()).isdisjoint(near.get(b, set()))
    ]
    assert len(borne_out) >= 0.9 * len(pairs)


def test_wordnet_bears_out_half_of_the_opposites(built: dict[str, Any]) -> None:
    """WordNet lists few opposites; the rest rests on review, and none may be listed as close in the same group."""
    opposite = built["opposite"]
    pairs = [pair for _, pair in built["antonyms"]]
    borne_out = [(a, b) for a, b in pairs if b in opposite.get(a, ()) or a in opposite.get(b, ())]
    assert len(borne_out) >= 0.5 * len(pairs)


def test_a_wide_thesaurus_keeps_what_is_nearly_right_apart_from_the_key() -> None:
    words = lexicon()
    assert "peace" in words.akin["rest"]
    assert "rest" in words.akin["peace"]
    for name in ("verbal_synonym", "verbal_antonym"):
        model = item_model(name)
        assert model is not None
        for i in range(40):
            question = build_question(model, "medium", f"near-{i}", Stratum("verbal", "medium"))
            others = {option.text for option in question.options} - {question.key_option.text}
            assert others.isdisjoint(words.akin.get(question.key_option.text, frozenset()))


def test_the_properties_of_a_theme_are_four_different_phrases_each() -> None:
    for theme in lexicon().passages:
        if theme.kind == "order":
            assert all("{0}" in form and "{1}" in form for form in theme.before), theme.name
            continue
        phrases = [phrase for line in theme.lines for phrase in line]
        assert len(phrases) == 4 * len(theme.lines) == len(set(phrases)), theme.name
        assert not [phrase for phrase in phrases if re.search("[,.;]", phrase)], theme.name


def test_no_scale_holds_opposites(built: dict[str, Any]) -> None:
    for _, words in built["scales"]:
        assert not [w for w in words if set(words).intersection(built["opposite"].get(w, ()))], words


def test_a_word_with_two_senses_has_associates_of_one_sense_only() -> None:
    for double in lexicon().doubles:
        first, second = (set(near) for near in double.near)
        assert not first & second, double.word
        assert double.word not in first | second


def test_categories_of_one_parent_do_not_share_members() -> None:
    seen: dict[tuple[str, str], str] = {}
    for category in lexicon().categories:
        for word in category.members:
            other = seen.setdefault((category.parent, word), category.name)
            assert other == category.name, f"{word} is in {other} and in {category.name}"


def test_every_word_has_a_frequency() -> None:
    words = lexicon()
    for relation in words.relations:
        assert all(word in words.zipf for pair in relation.pairs for word in pair), relation.name
    assert all(word in words.zipf for category in words.categories for word in category.members)


def test_gradable_words_stand_in_one_cell_only() -> None:
    for scale in lexicon().gradables:
        words = [word for side in scale.sides for cell in side for word in cell]
        assert len(set(words)) == len(words) == 8, words
