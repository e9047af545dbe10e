"""Question types, difficulties and the strata that they span.

Here: `Taxonomy` (data, read from YAML by `config/`), `Stratum`, and the one pure encode/decode pair for its key. Not
here: reading files, and what a type's questions look like.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cached_property
from typing import Annotated, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from qgen_dagster.core.errors import ConfigurationError

KEY_SEPARATOR = "__"
# No double underscore inside a name, so that a key splits in one way only; no character that the Dagster UI,
# a file name or a shell would mind.
T = TypeVar("T")
NAME_PATTERN = r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=60)]
ItemLevel = Literal["easy", "medium", "hard"]


class Stratum(NamedTuple):
    """A type × difficulty pair. Its `key` is also the Dagster partition key."""

    question_type: str
    difficulty: str

    @property
    def key(self) -> str:
        return f"{self.question_type}{KEY_SEPARATOR}{self.difficulty}"

    def __str__(self) -> str:
        return self.key


def parse_stratum_key(key: str) -> Stratum:
    """The stratum of a key such as `math__hard`. Raises ConfigurationError when it is not one."""
    question_type, separator, difficulty = key.partition(KEY_SEPARATOR)
    if not (separator and question_type and difficulty) or KEY_SEPARATOR in difficulty:
        raise ConfigurationError(f"not a stratum key: {key!r}", hint="A key looks like math__hard.")
    return Stratum(question_type, difficulty)


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Difficulty(_Frozen):
    """A level of the taxonomy with the share of test takers, 0–1, that should answer correctly.

    `item_level` says which of the item models' three levels serves it; None where only an LLM can.
    """

    key: Name
    title: str = ""
    success_rate: tuple[float, float]
    item_level: ItemLevel | None = None

    @model_validator(mode="after")
    def _band_in_order(self) -> Difficulty:
        low, high = self.success_rate
        if not 0 <= low < high <= 1:
            raise ValueError(f"success_rate must be two numbers in order between 0 and 1, got {low} and {high}")
        return self


class QuestionType(_Frozen):
    """A kind of question. `item_models` names the family of built-in item models that can serve it."""

    key: Name
    title: str = ""
    description: str = ""
    aliases: tuple[Name, ...] = ()
    item_models: Name | None = None
    sub_types: tuple[Name, ...] = ()


class Taxonomy(_Frozen):
    """All types and difficulties, in the order that breaks ties."""

    types: tuple[QuestionType, ...] = Field(min_length=1)
    difficulties: tuple[Difficulty, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> Taxonomy:
        _refuse_repeats("difficulty", [d.key for d in self.difficulties])
        _refuse_repeats("type", [name for t in self.types for name in (t.key, *t.aliases)])
        for question_type in self.types:
            _refuse_repeats(f"sub_type of {question_type.key}", list(question_type.sub_types))
        return self

    @cached_property
    def strata(self) -> tuple[Stratum, ...]:
        """Every stratum, types first, in the order of the file."""
        return tuple(Stratum(t.key, d.key) for t in self.types for d in self.difficulties)

    @cached_property
    def _types_by_name(self) -> dict[str, QuestionType]:
        return {name: t for t in self.types for name in (t.key, *t.aliases)}

    @cached_property
    def _difficulties_by_name(self) -> dict[str, Difficulty]:
        return {d.key: d for d in self.difficulties}

    def question_type(self, name: str) -> QuestionType:
        """The type called `name` (key or legacy alias). Raises ConfigurationError with a suggestion."""
        return _look_up("question type", name, self._types_by_name, [t.key for t in self.types])

    def difficulty(self, name: str) -> Difficulty:
        """The difficulty called `name`. Raises ConfigurationError with a suggestion."""
        return _look_up("difficulty", name, self._difficulties_by_name, [d.key for d in self.difficulties])

    def stratum(self, key: str) -> Stratum:
        """The stratum of `key`, checked against this taxonomy and with aliases mapped."""
        question_type, difficulty = parse_stratum_key(key)
        return Stratum(self.question_type(question_type).key, self.difficulty(difficulty).key)

    def select(self, types: Iterable[str] = (), difficulties: Iterable[str] = ()) -> tuple[Stratum, ...]:
        """The strata of the given types and difficulties (none given: all), in taxonomy order."""
        wanted_types = {self.question_type(name).key for name in types} or {t.key for t in self.types}
        wanted_levels = {self.difficulty(name).key for name in difficulties} or {d.key for d in self.difficulties}
        return tuple(s for s in self.strata if s.question_type in wanted_types and s.difficulty in wanted_levels)

    def neighbours(self, stratum: Stratum) -> tuple[Stratum, ...]:
        """The strata of the same type one difficulty easier or harder, easier first."""
        keys = [d.key for d in self.difficulties]
        place = keys.index(stratum.difficulty)
        return tuple(Stratum(stratum.question_type, keys[i]) for i in (place - 1, place + 1) if 0 <= i < len(keys))


def _refuse_repeats(what: str, names: list[str]) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ValueError(f"{what} named more than once: {', '.join(repeated)}")


def _look_up(what: str, name: str, known: dict[str, T], shown: list[str]) -> T:
    normalised = name.strip().lower().replace("-", "_").replace(" ", "_")
    if normalised in known:
        return known[normalised]
    close = difflib.get_close_matches(normalised, known, n=1, cutoff=0.5)
    suggestion = f"Did you mean {close[0]}? " if close else ""
    raise ConfigurationError(f"unknown {what}: {name!r}", hint=f"{suggestion}Known: {', '.join(shown)}.")
