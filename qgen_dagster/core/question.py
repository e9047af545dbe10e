"""What a question is: its content, the checks that every question must pass, and its fingerprints.

Here: `Question` and its parts, `content_hash`, `structure_hash`, `validate_question`. Not here: how questions are made
(`generation/`), scored (`judging/`) or compared beyond equality (`dedup/`).
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from qgen_dagster.core.taxonomy import Name, Stratum

MIN_OPTIONS = 4
MAX_OPTIONS = 6
LABELS = "ABCDEF"

# No control characters but tab and line feed: PostgreSQL stores no NUL, and no terminal should obey a question.
PRINTABLE = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8_000, pattern=PRINTABLE)]
Svg = Annotated[str, StringConstraints(min_length=1, max_length=60_000, pattern=r"^<svg[\s>]")]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Stimulus(_Frozen):
    """What is shown before or beside the stem. A figure always has its text form in `text`.

    `seconds_shown`: a memory stimulus is hidden after that time; None means that it stays.
    """

    text: Text
    figure: Svg | None = None
    seconds_shown: int | None = Field(default=None, ge=1, le=600)


class Option(_Frozen):
    """One choice. A distractor carries the mistake that it stands for and a sentence that explains it."""

    text: Text
    figure: Svg | None = None
    mistake: Name | None = None
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=2_000, pattern=PRINTABLE)] = ""


class Question(_Frozen):
    """A multiple-choice question with one key.

    `answer` is the index of the key in `options`. `item_model`, `item_version`, `seed` and `structure` are set for
    procedural questions only: the first three make the same item again on any machine, the last is its canonical
    parameters (two items with equal structure are the same problem). `expected_success` is the share of test takers,
    0–1, that its maker designed it for; it is not calibrated on people.
    """

    question_type: Name
    difficulty: Name
    sub_type: Name
    stem: Text
    options: tuple[Option, ...] = Field(min_length=MIN_OPTIONS, max_length=MAX_OPTIONS)
    answer: int = Field(ge=0, lt=MAX_OPTIONS, strict=True)  # true is no option
    explanation: Text
    stimulus: Stimulus | None = None
    item_model: Name | None = None
    item_version: int | None = None
    seed: str | None = None
    structure: dict[str, Any] | None = None
    expected_success: float | None = Field(default=None, ge=0, le=1)

    @property
    def stratum(self) -> Stratum:
        return Stratum(self.question_type, self.difficulty)

    @property
    def key_option(self) -> Option:
        return self.options[self.answer]

    @property
    def label(self) -> str:
        """The letter of the key as printed."""
        return LABELS[self.answer]


class ShownQuestion(_Frozen):
    """A question as a test taker sees it: no key, no explanation, no provenance. What a blind solver gets."""

    stem: str
    stimulus: Stimulus | None
    options: tuple[Option, ...]


def as_shown(question: Question) -> ShownQuestion:
    """The question without anything that gives the key away."""
    return ShownQuestion(
        stem=question.stem,
        stimulus=question.stimulus,
        options=tuple(Option(text=o.text, figure=o.figure) for o in question.options),
    )


_LOOKS_ALIKE = str.maketrans({"\u2212": "-", "\u2013": "-", "\u2014": "-", "\u2019": "'", "\u2018": "'", "\u00d7": "x"})
_SPACES = re.compile(r"\s+")


def normalise_text(text: str) -> str:
    """Text with case, spacing, Unicode form and typographic look-alikes levelled.

    Punctuation and digits stay: `(3 + 4) × 2` and `3 + 4 × 2` are different questions.
    """
    levelled = unicodedata.normalize("NFKC", text).translate(_LOOKS_ALIKE)
    return _SPACES.sub(" ", levelled).strip().casefold()


def content_hash(question: Question) -> str:
    """SHA-256 (hex) of normalised stem, stimulus and sorted options: equal for exact duplicates only.

    Figures count where options or stimulus have them, since two figure items may share every word.
    """
    stimulus = question.stimulus
    parts = {
        "stem": normalise_text(question.stem),
        "stimulus": [normalise_text(stimulus.text), stimulus.figure] if stimulus else None,
        "options": sorted([normalise_text(o.text), o.figure or ""] for o in question.options),
    }
    return _digest(parts)


def structure_hash(question: Question) -> str | None:
    """SHA-256 (hex) of the item model and its canonical parameters; None for questions without a structure."""
    if question.structure is None:
        return None
    return _digest({"item_model": question.item_model, "structure": question.structure})


def validate_question(question: Question) -> list[str]:
    """What is wrong with a question that its types alone cannot tell; empty when nothing is."""
    problems = []
    if question.answer >= len(question.options):
        problems.append(f"answer index {question.answer} is outside the {len(question.options)} options")
        return problems
    seen: set[tuple[str, str]] = set()
    for option in question.options:
        look = (normalise_text(option.text), option.figure or "")
        if look in seen:
            problems.append(f"two options read the same: {option.text!r}")
        seen.add(look)
    if question.key_option.mistake is not None:
        problems.append("the key is tagged with a mistake")
    return problems


def _digest(value: Mapping[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
