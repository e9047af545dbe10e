"""The contract that every item model keeps, run on each one that the registry finds."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import pytest
import yaml

import qgen_dagster.config
from qgen_dagster.core.question import Question, content_hash, normalise_text, structure_hash
from qgen_dagster.core.taxonomy import Stratum, Taxonomy
from qgen_dagster.generation.items.contract import LEVEL_BANDS, ItemModel, build_question, find_faults
from qgen_dagster.generation.items.registry import families, item_models, models_for

SEEDS = 60
MODELS = [(model, level) for family in families() for model in item_models(family) for level in model.levels]
every_model = pytest.mark.parametrize(("model", "level"), MODELS, ids=[f"{m.name}-{lv}" for m, lv in MODELS])


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    path = Path(qgen_dagster.config.__path__[0]) / "taxonomy.yaml"
    return Taxonomy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def sample(model: ItemModel, level: str, count: int = SEEDS) -> list[Question]:
    stratum = Stratum(model.family, level)
    return [build_question(model, level, f"seed-{i}", stratum) for i in range(count)]


@every_model
def test_every_item_is_sound(model: ItemModel, level: str) -> None:
    for question in sample(model, level):
        assert find_faults(model, question) == []


@every_model
def test_the_same_seed_gives_the_same_item(model: ItemModel, level: str) -> None:
    stratum = Stratum(model.family, level)
    random.seed(1)
    first = build_question(model, level, "again", stratum)
    random.seed(2)
    assert build_question(model, level, "again", stratum) == first


@every_model
def test_each_distractor_names_its_mistake_and_explains_it(model: ItemModel, level: str) -> None:
    for question in sample(model, level, 20):
        for option in question.options:
            if option is not question.key_option:
                assert option.mistake, f"no mistake on {option.text!r} in {question.stem!r}"
                assert option.note, f"no note on {option.text!r} in {question.stem!r}"


@every_model
def test_the_design_estimate_lies_in_the_band_of_its_level(model: ItemModel, level: str) -> None:
    low, high = LEVEL_BANDS[level]
    for question in sample(model, level, 20):
        assert question.expected_success is not None
        assert low <= question.expected_success <= high


@every_model
def test_the_stem_does_not_give_the_key_away(model: ItemModel, level: str) -> None:
    for question in sample(model, level, 20):
        key = normalise_text(question.key_option.text)
        if len(key) >= 12:
            assert key not in normalise_text(question.stem)


@every_model
def test_the_key_takes_every_place(model: ItemModel, level: str) -> None:
    places = Counter(question.answer for question in sample(model, level))
    assert len(places) >= 4


@every_model
def test_figures_are_well_formed_and_described(model: ItemModel, level: str) -> None:
    for question in sample(model, level, 10):
        figures = [option.figure for option in question.options]
        figures.append(question.stimulus.figure if question.stimulus else None)
        for figure in filter(None, figures):
            root = ElementTree.fromstring(figure)  # noqa: S314 - our own output
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert root.get("viewBox")
            assert root.get("role") == "img"
            assert root.find("{http://www.w3.org/2000/svg}title") is not None


@every_model
def test_the_sub_type_is_one_of_the_taxonomy(model: ItemModel, level: str, taxonomy: Taxonomy) -> None:
    known = taxonomy.question_type(model.family).sub_types
    assert {question.sub_type for question in sample(model, level, 5)} <= set(known)


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
@pytest.mark.parametrize("family", families())
def test_a_stratum_has_room_for_two_thousand_distinct_questions(family: str, level: str) -> None:
    models = models_for(family, level)
    assert len(models) >= 2
    structures: set[str | None] = set()
    contents: set[str] = set()
    for i in range(6_000):
        question = build_question(models[i % len(models)], level, f"room-{i}", Stratum(family, level))
        structures.add(structure_hash(question))
        contents.add(content_hash(question))
        if min(len(structures), len(contents)) >= 2_000:
            return
    pytest.fail(f"{family} {level}: only {len(structures)} structures, {len(contents)} texts in 6,000 items")
