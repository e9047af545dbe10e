"""The prompt files: what is in them, where they are found, and what stands in for a missing one.

A file is looked for in the operator's folder (QGEN_PROMPTS), then in the package. A question type with neither gets
`generic.yaml`, filled from the taxonomy. Anything malformed is a ConfigurationError with file and line; a file that
nothing would read is one too, since a misspelt name would silently leave the packaged prompt in force. Not here:
putting the texts together (`render.py`).
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationInfo, field_validator, model_validator

from qgen_dagster.config.loading import load_yaml
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import MAX_OPTIONS, MIN_OPTIONS, normalise_text
from qgen_dagster.core.taxonomy import Difficulty, Name, QuestionType, Taxonomy

PACKAGE = "qgen_dagster.generation.prompts"
TYPES = "types"
MAX_LABEL = 36  # with "@" and twelve digits of a hash it fits the column prompt_version
PACKAGED = "packaged"
GENERIC = "generic"

Prose = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40_000)]
Label = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]*/[1-9][0-9]*$", max_length=MAX_LABEL)]
Model = TypeVar("Model", bound=BaseModel)
_PLACEHOLDER = re.compile(r"\{\{\s*(\w*)\s*\}\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with every {{name}} replaced, once: what a value says is never a placeholder."""
    return _PLACEHOLDER.sub(lambda match: values[match.group(1)], template)


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Templates(_Frozen):
    """A file with templates: which placeholders each field must have, and which it may have."""

    required: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    allowed: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    @field_validator("*", mode="after")
    @classmethod
    def _placeholders_are_known(cls, value: Any, info: ValidationInfo) -> Any:
        name = info.field_name or ""
        if not isinstance(value, str):
            return value
        required = cls.required.get(name, ())
        known = {*required, *cls.allowed.get(name, ())}
        found = set(_PLACEHOLDER.findall(value))
        if unknown := sorted(found - known):
            offer = f"known here: {', '.join(sorted(known))}" if known else "none is known here"
            raise ValueError(f"unknown placeholder {{{{{unknown[0]}}}}} ({offer})")
        if missing := [placeholder for placeholder in required if placeholder not in found]:
            raise ValueError(f"the placeholder {{{{{missing[0]}}}}} is missing")
        return value


_TYPE_FIELDS = ("type", "title", "description")


class GenerateFile(_Templates):
    """generate.yaml. `script` latin refuses replies in other scripts; a bank in another language says any.

    `settings` are where questions may be set, in turn over the batches of a stratum; none leaves it to the model.
    """

    label: Label
    script: Literal["latin", "any"] = "latin"
    settings: tuple[Prose, ...] = ()
    system: Prose
    user: Prose
    avoid: Prose

    required = {"system": ("directive", "difficulties", "kinds"), "user": ("kinds", "avoid"), "avoid": ("stems",)}
    allowed = {"system": _TYPE_FIELDS, "user": (*_TYPE_FIELDS, "count", "difficulty", "band", "settings", "examples")}


class RegenerateFile(_Templates):
    """regenerate.yaml. Its system prompt is that of generate.yaml, which the provider has in its cache."""

    label: Label
    user: Prose

    required = {"user": ("question", "feedback", "avoid")}
    allowed = {"user": (*_TYPE_FIELDS, "difficulty", "band", "kind", "example")}


class SolveFile(_Templates):
    """solve.yaml."""

    label: Label
    system: Prose
    user: Prose

    required = {"user": ("question",)}


class ArbitrateFile(SolveFile):
    """arbitrate.yaml."""

    required = {"system": ("difficulties",), "user": ("question",)}
    allowed = {"system": (*_TYPE_FIELDS, "levels")}


class CompareFile(SolveFile):
    """compare.yaml."""

    required = {"user": ("first", "second")}


class DrillFile(_Templates):
    """drill.yaml."""

    label: Label
    system: Prose
    user: Prose
    refused: Prose

    required = {"system": ("principles", "methodologies"), "user": ("drills",), "refused": ("problems",)}
    allowed = {"user": ("count", "refused")}


class GenericFile(_Templates):
    """generic.yaml: what stands in for a type, a kind of question or a level that has no text of its own."""

    directive: Prose
    kind: Prose
    difficulty: Prose

    allowed = {"directive": _TYPE_FIELDS, "kind": (*_TYPE_FIELDS, "kind"), "difficulty": ("difficulty", "band")}


class ExampleOption(_Frozen):
    """An option of an example; the key has no mistake."""

    text: Prose
    mistake: Prose | None = None


class Example(_Frozen):
    """A gold example in the form of the output contract, with the difficulty that it stands for."""

    difficulty: Name
    stimulus: Prose | None = None
    stem: Prose
    options: tuple[ExampleOption, ...] = Field(min_length=MIN_OPTIONS, max_length=MAX_OPTIONS)
    answer: Prose
    explanation: Prose

    @model_validator(mode="after")
    def _one_key(self) -> Example:
        if len({normalise_text(o.text) for o in self.options}) < len(self.options):
            raise ValueError("two options read the same")
        if [o.text for o in self.options if o.mistake is None] != [self.answer]:
            raise ValueError("exactly one option, the one that answer repeats, must have no mistake")
        return self

    def contract(self, sub_type: str) -> dict[str, Any]:
        """The example as one question of a reply."""
        question = self.model_dump(mode="json", exclude={"difficulty"})
        return {"sub_type": sub_type, **question}


class Kind(_Frozen):
    """A kind of question (a sub-type): what it is, and one example."""

    directive: Prose
    example: Example | None = None


class TypeFile(_Frozen):
    """types/<type>.yaml. `stimulus` hidden: the material is shown first, then hidden, as in tests of memory."""

    directive: Prose
    stimulus: Literal["hidden", "optional"] = "optional"
    difficulties: dict[Name, Prose] = {}
    sub_types: dict[Name, Kind] = {}

    @model_validator(mode="after")
    def _hidden_material_exists(self) -> TypeFile:
        for name, kind in self.sub_types.items():
            if self.stimulus == "hidden" and kind.example and kind.example.stimulus is None:
                raise ValueError(f"sub_types.{name}: the example has no stimulus, although stimulus is hidden")
        return self


TASK_FILES: Mapping[str, type[BaseModel]] = {
    "generate": GenerateFile,
    "regenerate": RegenerateFile,
    "solve": SolveFile,
    "arbitrate": ArbitrateFile,
    "compare": CompareFile,
    "drill": DrillFile,
    "generic": GenericFile,
}


@dataclass(frozen=True, slots=True)
class TypePrompts:
    """A type of the taxonomy with its texts. `source` says where they are from: a path, packaged or generic."""

    type: QuestionType
    directive: str
    hidden_stimulus: bool
    difficulties: Mapping[str, str]
    kinds: Mapping[str, Kind]
    source: str


@dataclass(frozen=True)
class Prompts:
    """All prompt files as they apply to a taxonomy. `sources` says where each task's file is from."""

    taxonomy: Taxonomy
    generate: GenerateFile
    regenerate: RegenerateFile
    solve: SolveFile
    arbitrate: ArbitrateFile
    compare: CompareFile
    drill: DrillFile
    generic: GenericFile
    sources: Mapping[str, str]
    own_types: Mapping[str, tuple[Path, TypeFile]] = field(default_factory=dict)
    cache: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def for_type(self, name: str) -> TypePrompts:
        """The texts of a type, read when first asked for. Raises ConfigurationError for an unknown type."""
        question_type = self.taxonomy.question_type(name)
        key = ("type", question_type.key)
        if key not in self.cache:
            self.cache[key] = _type_prompts(self, question_type)
        found: TypePrompts = self.cache[key]
        return found


def load_prompts(taxonomy: Taxonomy, folder: Path | None = None) -> Prompts:
    """The prompts for a taxonomy, the operator's folder first.

    Raises ConfigurationError for a folder that is not there, a file that is malformed, or one that nothing reads.
    """
    found: dict[str, Any] = {}
    sources: dict[str, str] = {}
    own = dict(_own_files(folder, taxonomy)) if folder else {}
    for task, model in TASK_FILES.items():
        path = own.get(task)
        found[task] = load_yaml(path, model) if path else packaged(task, model)
        sources[task] = str(path) if path else PACKAGED
    own_types = {}
    for name, path in own.items():
        if name.startswith(f"{TYPES}/"):
            question_type = taxonomy.question_type(name.removeprefix(f"{TYPES}/"))
            own_types[question_type.key] = (path, _own_type(path, question_type, taxonomy))
    return Prompts(taxonomy=taxonomy, sources=sources, own_types=own_types, **found)


def packaged(name: str, model: type[Model]) -> Model:
    """A packaged file by its name without .yaml, read once per process."""
    read: Model = _packaged(name, model)
    return read


def packaged_text(name: str) -> str | None:
    """A packaged file as it is written; None when there is none."""
    resource = files(PACKAGE) / f"{name}.yaml"
    return resource.read_text(encoding="utf-8") if resource.is_file() else None


@cache
def packaged_names() -> tuple[str, ...]:
    """The names of all packaged files without .yaml, types last."""
    types = sorted(r.name.removesuffix(".yaml") for r in (files(PACKAGE) / TYPES).iterdir() if r.name.endswith(".yaml"))
    return (*TASK_FILES, *(f"{TYPES}/{name}" for name in types))


@cache
def _packaged(name: str, model: type[Any]) -> Any:
    with as_file(files(PACKAGE) / f"{name}.yaml") as path:
        return load_yaml(path, model)


def own_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file of an operator's folder, by its name without .yaml. Raises ConfigurationError for other files."""
    for path in _files_in(folder):
        name = path.relative_to(folder).as_posix()
        if path.suffix.lower() in (".md", ".txt"):
            continue  # notes of whoever keeps the folder
        known = name.removesuffix(".yaml") in TASK_FILES or re.fullmatch(rf"{TYPES}/[^/]+\.yaml", name)
        if not (name.endswith(".yaml") and known):
            close = difflib.get_close_matches(name, [f"{task}.yaml" for task in TASK_FILES], n=1, cutoff=0.5)
            hint = f"Did you mean {close[0]}?" if close else f"Known: {_known()}."
            raise ConfigurationError(f"{path}: nothing reads this file", hint=hint)
        yield name.removesuffix(".yaml"), path


def _files_in(folder: Path) -> list[Path]:
    """The files in the folder and below that are not hidden. Raises ConfigurationError where it may not look."""

    def refuse(error: OSError) -> None:
        raise error

    found: list[Path] = []
    try:
        if not folder.is_dir():
            raise ConfigurationError(f"QGEN_PROMPTS: {folder}: no such folder")
        for at, below, names in os.walk(folder, onerror=refuse):
            below[:] = [name for name in below if not name.startswith(".")]
            found += [Path(at) / name for name in names if not name.startswith(".")]
    except OSError as error:
        where = error.filename or folder
        raise ConfigurationError(f"QGEN_PROMPTS: {where}: cannot be read: {error.strerror or error}") from error
    return sorted(found)


def _known() -> str:
    return ", ".join(f"{task}.yaml" for task in TASK_FILES) + f", {TYPES}/<question type>.yaml"


def _own_files(folder: Path, taxonomy: Taxonomy) -> Iterator[tuple[str, Path]]:
    for name, path in own_files(folder):
        if name.startswith(f"{TYPES}/"):
            try:
                taxonomy.question_type(path.stem)
            except ConfigurationError as error:
                raise ConfigurationError(f"{path}: {error.message}", hint=error.hint) from None
        yield name, path


def _own_type(path: Path, question_type: QuestionType, taxonomy: Taxonomy) -> TypeFile:
    """An operator's file for a type; it may name nothing that the taxonomy does not have."""
    read = load_yaml(path, TypeFile)
    levels = [difficulty.key for difficulty in taxonomy.difficulties]
    for what, names, known in (
        ("sub_types", read.sub_types, list(question_type.sub_types)),
        ("difficulties", read.difficulties, levels),
    ):
        for name in names:
            if name not in known:
                where = f"{path}:{_line_of(path, what, name)}"
                listed = ", ".join(known) or "none"
                raise ConfigurationError(f"{where}: {what}.{name}: not in the taxonomy (there: {listed})")
    return read


def _line_of(path: Path, section: str, key: str) -> int:
    """The line of a key below a section at the top level of a file that was read already."""
    inside = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line[:1].strip() and line[:1] != "#":
            inside = line.startswith(section)
        if inside and re.search(rf"\b{re.escape(key)}['\"]?\s*:", line):
            return number
    return 1


def _type_prompts(prompts: Prompts, question_type: QuestionType) -> TypePrompts:
    own = prompts.own_types.get(question_type.key)
    if own:
        source, texts = str(own[0]), own[1]
    elif f"{TYPES}/{question_type.key}" in packaged_names():
        source, texts = PACKAGED, packaged(f"{TYPES}/{question_type.key}", TypeFile)
    else:
        source, texts = GENERIC, None
    told = type_values(question_type)
    generic = prompts.generic
    kinds = {
        name: (texts.sub_types.get(name) if texts else None)
        or Kind(directive=fill(generic.kind, {**told, "kind": name.replace("_", " ")}))
        for name in question_type.sub_types or (question_type.key,)
    }
    return TypePrompts(
        type=question_type,
        directive=texts.directive if texts else fill(generic.directive, told),
        hidden_stimulus=texts is not None and texts.stimulus == "hidden",
        difficulties={d.key: _difficulty_text(generic, texts, d) for d in prompts.taxonomy.difficulties},
        kinds=kinds,
        source=source,
    )


def _difficulty_text(generic: GenericFile, texts: TypeFile | None, difficulty: Difficulty) -> str:
    own = texts.difficulties if texts else {}
    # A level with a name of its own is worked like the level of the item models that it stands for.
    told = own.get(difficulty.key) or own.get(difficulty.item_level or "")
    return told or fill(generic.difficulty, {"difficulty": difficulty.key, "band": band(difficulty)})


def type_values(question_type: QuestionType) -> dict[str, str]:
    """What the placeholders type, title and description stand for."""
    title = question_type.title or question_type.key.replace("_", " ").capitalize()
    return {"type": question_type.key, "title": title, "description": question_type.description or title}


def band(difficulty: Difficulty) -> str:
    """The share of test takers that should answer correctly, as `40–60 %`."""
    low, high = (f"{rate * 100:g}" for rate in difficulty.success_rate)
    return f"{low}–{high} %"
