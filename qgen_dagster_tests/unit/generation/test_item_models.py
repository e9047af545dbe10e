"""The contract that every item model keeps, run on each one that the registry finds.

On 60 seeds of each model and level, or as many as `--item-seeds` says.
"""

from __future__ import annotations

import random
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

import qgen_dagster.config
from qgen_dagster.core.question import Question, content_hash, normalise_text, structure_hash
from qgen_dagster.core.taxonomy import ItemLevel, Stratum, Taxonomy
from qgen_dagster.generation.items.contract import LEVEL_BANDS, ItemModel, build_question, find_faults
from qgen_dagster.generation.items.registry import families, item_models, models_for

MODELS = [(model, level) for family in families() for model in item_models(family) for level in model.levels]
SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Sample:
    """Items of one model at one level, made from the seeds `seed-0`, `seed-1`, …"""

    model: ItemModel
    level: ItemLevel
    questions: tuple[Question, ...]


@pytest.fixture(scope="module", params=MODELS, ids=[f"{model.name}-{level}" for model, level in MODELS])
def sample(request: pytest.FixtureRequest) -> Sample:
    model, level = request.param
    random.seed(1)  # what the process's own generator does must not matter
    seeds = range(request.config.getoption("--item-seeds"))
    return Sample(model, level, tuple(build_question(model, level, f"seed-{i}", _stratum(model, level)) for i in seeds))


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    path = Path(qgen_dagster.config.__path__[0]) / "taxonomy.yaml"
    return Taxonomy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def _stratum(model: ItemModel, level: ItemLevel) -> Stratum:
    return Stratum(model.family, level)


def test_every_item_is_sound(sample: Sample) -> None:
    for question in sample.questions:
        assert find_faults(sample.model, question) == []


def test_the_same_seed_gives_the_same_item(sample: Sample) -> None:
    random.seed(2)
    for question in reversed(sample.questions):
        again = build_question(sample.model, sample.level, question.seed or "", question.stratum)
        assert again == question


def test_each_distractor_names_its_mistake_and_explains_it(sample: Sample) -> None:
    for question in sample.questions:
        for option in question.options:
            if option is not question.key_option:
                assert option.mistake, f"no mistake on {option.text!r} in {question.stem!r}"
                assert option.note, f"no note on {option.text!r} in {question.stem!r}"


def test_the_design_estimate_lies_in_the_band_of_its_level(sample: Sample) -> None:
    low, high = LEVEL_BANDS[sample.level]
    for question in sample.questions:
        assert question.expected_success is not None
        assert low <= question.expected_success <= high


def test_the_stem_does_not_give_the_key_away(sample: Sample) -> None:
    for question in sample.questions:
        key = normalise_text(question.key_option.text)
        if len(key) >= 12:
            assert key not in normalise_text(question.stem)


def test_the_key_takes_every_place(sample: Sample) -> None:
    places = Counter(question.answer for question in sample.questions)
    assert len(places) == max(len(question.options) for question in sample.questions)


def test_figures_are_well_formed_and_described(sample: Sample) -> None:
    for question in sample.questions:
        figures = [option.figure for option in question.options]
        figures.append(question.stimulus.figure if question.stimulus else None)
        for figure in filter(None, figures):
            root = ElementTree.fromstring(figure)  # noqa: S314 - our own output
            assert root.tag == f"{SVG}svg"
            assert root.get("viewBox")
            assert root.get("role") == "img"
            assert root.find(f"{SVG}title") is not None


def test_the_sub_type_is_one_of_the_taxonomy(sample: Sample, taxonomy: Taxonomy) -> None:
    known = taxonomy.question_type(sample.model.family).sub_types
    assert {question.sub_type for question in sample.questions} <= set(known)


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
@pytest.mark.parametrize("family", families())
def test_a_stratum_has_room_for_two_thousand_distinct_questions(family: str, level: ItemLevel) -> None:
    models = models_for(family, level)
    assert len(models) >= 5
    structures: set[str | None] = set()
    contents: set[str] = set()
    for i in range(6_000):
        question = build_question(models[i % len(models)], level, f"room-{i}", Stratum(family, level))
        structures.add(structure_hash(question))
        contents.add(content_hash(question))
        if min(len(structures), len(contents)) >= 2_000:
            return
    pytest.fail(f"{family} {level}: only {len(structures)} structures, {len(contents)} texts in 6,000 items")
