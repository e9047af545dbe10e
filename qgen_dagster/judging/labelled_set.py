"""The labelled set: questions of which it is known whether they are good, and if not, what is wrong with them.

Judges are measured on it (`audit.py`). Half of the questions that ship are good, each of the others has one planted
fault; `labelled/` has a file per type. An operator with other subjects can bring a folder of such files. Not here:
asking judges (`services/judge_audit.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from qgen_dagster.config.loading import load_yaml
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import MAX_OPTIONS, MIN_OPTIONS, Option, Question, Stimulus, Text
from qgen_dagster.core.taxonomy import Name, Taxonomy

PACKAGED = Path(__file__).with_name("labelled")
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Fault(StrEnum):
    """What was planted in a question."""

    WRONG_KEY = "wrong_key"
    TWO_KEYS = "two_keys"  # a second option is as right as the key
    LEAK = "leak"  # stem or grammar gives the key away
    AMBIGUOUS = "ambiguous"  # the wording has two readings, each with its own answer
    WRONG_DIFFICULTY = "wrong_difficulty"
    FORMATTING = "formatting"


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Entry(_Frozen):
    """A question as it is written in a file. Options are named by their text.

    `longer` is the explanation with the same content in many more words. `truth` is the right option where the key is
    wrong, `also_right` what can be defended beside the key, `level` the difficulty where the labelled one is wrong.
    """

    id: Name
    difficulty: Name
    sub_type: Name
    stem: Text
    stimulus: Text | None = None
    seconds_shown: int | None = Field(default=None, ge=1, le=600)
    options: tuple[Text, ...] = Field(min_length=MIN_OPTIONS, max_length=MAX_OPTIONS)
    answer: Text
    explanation: Text
    longer: Text | None = None
    fault: Fault | None = None
    where: Sentence | None = None
    truth: Text | None = None
    also_right: tuple[Text, ...] = ()
    level: Name | None = None

    @model_validator(mode="after")
    def _says_what_is_wrong(self) -> _Entry:
        several = self.fault in (Fault.TWO_KEYS, Fault.AMBIGUOUS)
        _require("where", self.where is not None, self.fault is not None, "a question with a fault")
        _require("truth", self.truth is not None, self.fault is Fault.WRONG_KEY, "a wrong key")
        _require("also_right", bool(self.also_right), several, "two keys or an ambiguous wording")
        _require("level", self.level is not None, self.fault is Fault.WRONG_DIFFICULTY, "a wrong difficulty")
        named = [text for text in (self.answer, self.truth, *self.also_right) if text is not None]
        for text in named:
            if self.options.count(text) != 1:
                raise ValueError(f"{text!r} must be exactly one of the options")
        if len(set(named)) < len(named) or self.level == self.difficulty:
            raise ValueError("what is right must differ from what the question says")
        return self


def _require(field: str, given: bool, wanted: bool, owner: str) -> None:
    if given != wanted:
        raise ValueError(f"{field} belongs to {owner}, and only there")


class _File(_Frozen):
    type: Name
    questions: tuple[_Entry, ...] = Field(min_length=1)


@dataclass(frozen=True)
class Labelled:
    """A question and the truth about it. `fault` None: it is good.

    `right` is the index of the one right option; None where two can be defended. `level` is the difficulty that it
    really has. `longer` is the same question with a longer explanation.
    """

    id: str
    question: Question
    fault: Fault | None
    where: str | None
    right: int | None
    also_right: tuple[int, ...]
    level: str
    longer: Question | None

    @property
    def label(self) -> str:
        """`good`, or the name of the fault."""
        return self.fault.value if self.fault else GOOD


GOOD = "good"
LABELS = (GOOD, *Fault)


def load_labelled(folder: Path = PACKAGED) -> tuple[Labelled, ...]:
    """Every labelled question in a folder of YAML files. Raises ConfigurationError naming file, line and key."""
    paths = sorted(folder.glob("*.yaml"))
    if not paths:
        raise ConfigurationError(f"{folder}: no labelled questions (*.yaml) there")
    found: dict[str, Labelled] = {}
    for path in paths:
        file = load_yaml(path, _File)
        for entry in file.questions:
            if entry.id in found:
                raise ConfigurationError(f"{path}: the id {entry.id} is there twice")
            found[entry.id] = _labelled(file.type, entry)
    return tuple(found.values())


def check_fit(items: Iterable[Labelled], taxonomy: Taxonomy) -> None:
    """Raises ConfigurationError when a question is of a type or difficulty that the taxonomy does not have."""
    for item in items:
        try:
            taxonomy.stratum(item.question.stratum.key)
            taxonomy.difficulty(item.level)
        except ConfigurationError as error:
            raise ConfigurationError(f"labelled question {item.id}: {error.message}", hint=error.hint) from None


def spread(items: Sequence[Labelled], most: int | None = None) -> list[Labelled]:
    """The items in an order whose every beginning is balanced, cut after `most`.

    Good and faulty take turns, and so do the faults among the faulty and the types within each.
    """
    by_label = {label: _types_in_turn([i for i in items if i.label == label]) for label in LABELS}
    faulty = _in_turn([by_label[fault] for fault in Fault])
    return _in_turn([by_label[GOOD], faulty])[:most]


def _types_in_turn(items: Sequence[Labelled]) -> list[Labelled]:
    types = dict.fromkeys(item.question.question_type for item in items)
    return _in_turn([[item for item in items if item.question.question_type == name] for name in types])


def _in_turn(groups: Sequence[Sequence[Labelled]]) -> list[Labelled]:
    return [item for row in zip_longest(*groups) for item in row if item is not None]


def _labelled(question_type: str, entry: _Entry) -> Labelled:
    question = Question(
        question_type=question_type,
        difficulty=entry.difficulty,
        sub_type=entry.sub_type,
        stem=entry.stem,
        stimulus=Stimulus(text=entry.stimulus, seconds_shown=entry.seconds_shown) if entry.stimulus else None,
        options=tuple(Option(text=text) for text in entry.options),
        answer=entry.options.index(entry.answer),
        explanation=entry.explanation,
    )
    several = entry.fault in (Fault.TWO_KEYS, Fault.AMBIGUOUS)
    return Labelled(
        id=entry.id,
        question=question,
        fault=entry.fault,
        where=entry.where,
        right=None if several else entry.options.index(entry.truth or entry.answer),
        also_right=tuple(entry.options.index(text) for text in entry.also_right),
        level=entry.level or entry.difficulty,
        longer=question.model_copy(update={"explanation": entry.longer}) if entry.longer else None,
    )
