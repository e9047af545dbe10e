"""Answering questions that this server has not made itself, as after a restart: by the item models' own solvers.

Here: `work_out`. Not here: what is remembered (`memory.py`).
"""

from __future__ import annotations

import re
from functools import cache

from qgen_dagster.core.question import Option, ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.items.contract import ItemModel, ModelExhausted, build_question
from qgen_dagster.generation.items.registry import families

from .prompts import PrintedQuestion
from .stock import LEVELS, wordy_models, work_out_sum

SAMPLES = 4  # of each model and level, to know its questions by
LIKE_ENOUGH = 0.4  # share of common words
_WORD = re.compile(r"[^\W\d_]+")


def work_out(printed: PrintedQuestion) -> int | None:
    """The index of the option that is right, or None where nobody here can tell."""
    result = work_out_sum(printed.stem)
    if result is not None:
        return printed.options.index(str(result)) if str(result) in printed.options else None
    model = _likeliest_model(printed)
    if model is None:
        return None
    try:
        shown = ShownQuestion(
            stem=printed.stem,
            stimulus=Stimulus(text=printed.material) if printed.material else None,
            options=tuple(Option(text=text) for text in printed.options),
        )
        solved = model.solve(shown)
    except Exception:
        # A solver reads questions of its own model; at any other it fails as it likes.
        return None
    return solved[0] if len(solved) == 1 else None


def _likeliest_model(printed: PrintedQuestion) -> ItemModel | None:
    """The model whose questions read most like this one. Only its solver is asked: others may search for ever."""
    stem, material = _words(printed.stem), _words(printed.material)
    # The stem counts for more: a material may be nothing but the words that are to be remembered.
    scored = [
        (2 * _likeness(stem, its_stem) + _likeness(material, its_material), place)
        for place, (its_stem, its_material, _) in enumerate(_samples())
    ]
    likeness, place = max(scored, default=(0.0, 0))
    return _samples()[place][2] if likeness >= 2 * LIKE_ENOUGH else None


def _likeness(words: frozenset[str], others: frozenset[str]) -> float:
    return len(words & others) / max(1, len(words | others))


@cache
def _samples() -> list[tuple[frozenset[str], frozenset[str], ItemModel]]:
    """The words of stem and material of some questions of each model."""
    samples = []
    for family in families():
        for level in LEVELS:
            for model in wordy_models(family, level):
                samples += [(stem, material, model) for stem, material in _sample(model, level)]
    return samples


def _sample(model: ItemModel, level: str) -> list[tuple[frozenset[str], frozenset[str]]]:
    found = []
    for place in range(SAMPLES):
        try:
            question = build_question(model, level, f"like:{place}", Stratum(model.family, level))  # type: ignore[arg-type]
        except ModelExhausted:
            continue
        found.append((_words(question.stem), _words(question.stimulus.text if question.stimulus else None)))
    return found


def _words(text: str | None) -> frozenset[str]:
    return frozenset(_WORD.findall((text or "").casefold()))
