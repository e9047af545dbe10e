"""The samples that a gallery shows: every item model of some strata, at every difficulty that it serves.

Here: which items, in which order. Not here: how they look (`gallery_page.py`, `item_html.py`), the item models
(`generation/items/`).
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass

from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Difficulty, QuestionType, Stratum, Taxonomy
from qgen_dagster.generation.items.contract import ItemModel, ModelExhausted, build_question
from qgen_dagster.generation.items.registry import item_models


@dataclass(frozen=True, slots=True)
class LevelSamples:
    """Items of one model at one difficulty; `missed` seeds gave no sound item."""

    difficulty: Difficulty
    questions: tuple[Question, ...]
    missed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSamples:
    """Items of one model, easiest first."""

    model: ItemModel
    levels: tuple[LevelSamples, ...]


@dataclass(frozen=True, slots=True)
class TypeSamples:
    """Items of one question type, by model."""

    question_type: QuestionType
    models: tuple[ModelSamples, ...]


def collect(taxonomy: Taxonomy, strata: Sequence[Stratum], per_model: int, seed: str) -> tuple[TypeSamples, ...]:
    """`per_model` items of every model at every difficulty of the strata; types that no model serves are left out."""
    found = []
    for key in dict.fromkeys(stratum.question_type for stratum in strata):
        difficulties = [taxonomy.difficulty(s.difficulty) for s in strata if s.question_type == key]
        question_type = taxonomy.question_type(key)
        models = [
            _of_model(m, key, difficulties, per_model, seed) for m in item_models(question_type.item_models or "")
        ]
        served = tuple(samples for samples in models if samples.levels)
        if served:
            found.append(TypeSamples(question_type, served))
    return tuple(found)


def summary_of(model: ItemModel) -> str:
    """What a model asks, in one line: the first of its module's docstring."""
    return (inspect.getdoc(inspect.getmodule(model)) or model.name).splitlines()[0].strip()


def readable_name(model: ItemModel) -> str:
    """A model's name as a heading, without its family in front."""
    return model.name.removeprefix(f"{model.family}_").replace("_", " ").capitalize()


def _of_model(
    model: ItemModel, key: str, difficulties: Sequence[Difficulty], per_model: int, seed: str
) -> ModelSamples:
    served = [difficulty for difficulty in difficulties if difficulty.item_level in model.levels]
    return ModelSamples(model, tuple(_of_level(model, key, difficulty, per_model, seed) for difficulty in served))


def _of_level(model: ItemModel, key: str, difficulty: Difficulty, per_model: int, seed: str) -> LevelSamples:
    questions, missed = [], []
    for number in range(1, per_model + 1):
        item_seed = f"{seed}/{number}"
        try:
            questions.append(_build(model, difficulty, item_seed, Stratum(key, difficulty.key)))
        except ModelExhausted:
            missed.append(item_seed)
    return LevelSamples(difficulty, tuple(questions), tuple(missed))


def _build(model: ItemModel, difficulty: Difficulty, seed: str, stratum: Stratum) -> Question:
    assert difficulty.item_level is not None  # noqa: S101 - the model serves it
    return build_question(model, difficulty.item_level, seed, stratum)
