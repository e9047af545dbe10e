"""What an item model is, and how a finished question comes out of one.

Here: `ItemModel`, `Draft`, `Choice`, and `build_question`, which gives every model the same guarantees: reproducible
from its seed, one key proved by the model's own independent solver, distinct options, shuffled key position. Not here:
any single model (one file each in the family packages) and choosing between models (`providers/procedural.py`).
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from qgen_dagster.core.question import (
    Option,
    Question,
    ShownQuestion,
    Stimulus,
    as_shown,
    normalise_text,
    validate_question,
)
from qgen_dagster.core.taxonomy import ItemLevel, Stratum

# Share of test takers that should answer correctly, from the bands of the shipped taxonomy.
LEVEL_BANDS: Mapping[ItemLevel, tuple[float, float]] = {
    "easy": (0.70, 0.80),
    "medium": (0.40, 0.60),
    "hard": (0.10, 0.30),
}
MAX_DRAFTS = 60


class Unsuitable(Exception):
    """This draw makes no good item (ambiguous, degenerate, too few plausible distractors); draw again."""


class ModelExhausted(Exception):
    """The model found no suitable item in `MAX_DRAFTS` draws."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An option before it has a place. Distractors name the `mistake` (a snake_case tag) and explain it in `note`."""

    text: str
    figure: str | None = None
    mistake: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a model hands over: everything but the order of the options.

    `structure` holds the canonical parameters: equal for two drafts exactly when they pose the same problem, up to
    incidentals such as names (a model sorts what has no order and leaves out what does not matter). It is plain JSON.
    `expected_success` lies inside the level's band (`LEVEL_BANDS`) and follows from the radicals, not from chance.
    The explanation names the key by its text, never by a letter.
    """

    stem: str
    key: Choice
    distractors: tuple[Choice, ...]
    explanation: str
    structure: Mapping[str, Any]
    expected_success: float
    stimulus: Stimulus | None = None
    sub_type: str | None = field(default=None)


class ItemModel(ABC):
    """A procedural generator of one kind of question, with a solver that knows nothing of how it was made.

    `version` changes whenever the same seed would give another item. `sub_type` must be one of the taxonomy's.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    family: ClassVar[str]
    sub_type: ClassVar[str]
    levels: ClassVar[tuple[ItemLevel, ...]] = ("easy", "medium", "hard")

    @abstractmethod
    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        """One item. All chance comes from `rng`. Raises Unsuitable when this draw is no good."""

    @abstractmethod
    def solve(self, shown: ShownQuestion) -> list[int]:
        """The indices of all options that can be justified as right, from the item as shown and nothing else.

        It must not share code with `draft` that decides what is right; it reads the stem, stimulus and option texts
        (or figures). A sound item gives exactly one index.
        """


def build_question(model: ItemModel, level: ItemLevel, seed: str, stratum: Stratum) -> Question:
    """The question that `model` makes at `level` from `seed`; the same on any machine for the same model version.

    Raises ModelExhausted when no draw passes the checks.
    """
    # A str seed goes through SHA-512 inside random.Random, so it does not depend on the process's hash seed.
    rng = random.Random(f"{model.name}:{model.version}:{level}:{seed}")
    for _ in range(MAX_DRAFTS):
        try:
            draft = model.draft(level, rng)
        except Unsuitable:
            continue
        question = _place(model, draft, seed, stratum, rng)
        if not find_faults(model, question):
            return question
    raise ModelExhausted(f"{model.name} found no sound {level} item in {MAX_DRAFTS} draws (seed {seed})")


def find_faults(model: ItemModel, question: Question) -> list[str]:
    """Why a question of this model must not be used; empty for a sound one."""
    faults = validate_question(question)
    if faults:
        return faults
    solved = model.solve(as_shown(question))
    if solved != [question.answer]:
        found = [question.options[i].text for i in solved]
        faults.append(f"the solver finds {found}, the key is {question.key_option.text!r}")
    if normalise_text(question.key_option.text) not in normalise_text(question.explanation):
        faults.append("the explanation does not name the key")
    return faults


def _place(model: ItemModel, draft: Draft, seed: str, stratum: Stratum, rng: random.Random) -> Question:
    choices = [draft.key, *draft.distractors]
    rng.shuffle(choices)
    return Question(
        question_type=stratum.question_type,
        difficulty=stratum.difficulty,
        sub_type=draft.sub_type or model.sub_type,
        stem=draft.stem,
        stimulus=draft.stimulus,
        options=tuple(Option(text=c.text, figure=c.figure, mistake=c.mistake, note=c.note) for c in choices),
        answer=next(i for i, choice in enumerate(choices) if choice is draft.key),
        explanation=draft.explanation,
        item_model=model.name,
        item_version=model.version,
        seed=seed,
        structure=dict(draft.structure),
        expected_success=draft.expected_success,
    )
