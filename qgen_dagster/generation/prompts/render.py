"""The prompts of each task, ready to be sent, each with its version.

Every user prompt opens with header lines (`Task: generate`, `Count: 5`, …) and a blank line. A version is the label in
the task's file and a hash of the texts that the files, the taxonomy and the contract bring to it: equal for two calls
that differ only in numbers, kinds, questions or the list of questions to avoid. Not here: reading files (`files.py`).
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import Option, Question, ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.llm import Prompt
from qgen_dagster.generation.prompts import schemas
from qgen_dagster.generation.prompts.files import Example, Prompts, TypePrompts, band, fill, type_values
from qgen_dagster.generation.prompts.shown import feedback_block, question_block, question_with_key, stem_list
from qgen_dagster.generation.replies.rules import ReplyRules, likeness

FORM = 1  # raise it when the code here or in shown.py prints something in another way
_HASH_LENGTH = 12


@dataclass(frozen=True, slots=True)
class VersionedPrompt(Prompt):
    """A prompt with its version, at most 50 characters: `generate/1@3fa92c1b77de`."""

    version: str


def sub_types_for(prompts: Prompts, stratum: Stratum, first_place: int, size: int, offset: int = 0) -> tuple[str, ...]:
    """The kinds of question for `size` places from `first_place` on: every kind in turn, over batches too.

    `offset` moves the start, so that small runs of different days need not all begin with the same kind. A type without
    sub-types has one kind, called like the type.
    """
    kinds = tuple(prompts.for_type(stratum.question_type).kinds)
    return tuple(kinds[(first_place + offset + place) % len(kinds)] for place in range(size))


def generation_prompt(
    prompts: Prompts,
    stratum: Stratum,
    size: int,
    sub_types: Sequence[str],
    avoid: Sequence[str] = (),
    first_place: int = 0,
) -> VersionedPrompt:
    """Asks for `size` questions of a stratum, one of each of `sub_types` in turn, unlike the stems in `avoid`.

    `first_place` is the place of the first within all that the run asks for; it decides where they are set.

    Raises ConfigurationError for a type, difficulty or sub-type that the taxonomy does not have.
    """
    texts = prompts.for_type(stratum.question_type)
    level = prompts.taxonomy.difficulty(stratum.difficulty)
    wanted = tuple(dict.fromkeys(sub_types))
    if size < 1 or not wanted:
        raise ValueError("a prompt asks for at least one question of one kind")
    _check_kinds(texts, wanted)
    values = {
        **type_values(texts.type),
        "count": "1 question" if size == 1 else f"{size} questions",
        "difficulty": level.key,
        "band": band(level),
        "kinds": "\n".join(f"{n}. {kind}" for n, kind in enumerate(islice(cycle(wanted), size), start=1)),
        "settings": _settings(prompts.generate.settings, size, first_place),
        "examples": "\n\n".join(_example(texts, kind) for kind in wanted),
        "avoid": _avoid(prompts, avoid),
    }
    header = _header("generate", size, texts, level.key, wanted)
    return VersionedPrompt(
        system=_generation_system(prompts, texts),
        user=header + _tidy(fill(prompts.generate.user, values)),
        schema_name="questions",
        schema=schemas.QUESTIONS,
        version=generation_version(prompts, texts.type.key),
    )


def _settings(settings: Sequence[str], size: int, first_place: int) -> str:
    """The settings of `size` places, none of them twice while there are others."""
    if not settings:
        return "any"
    start = first_place % len(settings)
    return "; ".join(islice(cycle(settings), start, start + size))


def regeneration_prompt(
    prompts: Prompts, question: Question, feedback: str, avoid: Sequence[str] = ()
) -> VersionedPrompt:
    """Asks for one question in the place of a rejected one, with what was said against it."""
    texts = prompts.for_type(question.question_type)
    level = prompts.taxonomy.difficulty(question.difficulty)
    kind = question.sub_type
    values = {
        **type_values(texts.type),
        "difficulty": level.key,
        "band": band(level),
        "kind": kind,
        "example": _example(texts, kind) if kind in texts.kinds else "",
        "question": question_with_key(question),
        "feedback": feedback_block(feedback),
        "avoid": _avoid(prompts, avoid),
    }
    return VersionedPrompt(
        system=_generation_system(prompts, texts),
        user=_header("generate", 1, texts, level.key, (kind,)) + _tidy(fill(prompts.regenerate.user, values)),
        schema_name="questions",
        schema=schemas.QUESTIONS,
        version=regeneration_version(prompts, texts.type.key),
    )


def solve_prompt(prompts: Prompts, shown: ShownQuestion, order: Sequence[int]) -> VersionedPrompt:
    """Asks for the answer to a question; its options are printed in `order`, which lists their indices."""
    if sorted(order) != list(range(len(shown.options))):
        raise ValueError("the order must name every option once")
    return VersionedPrompt(
        system=prompts.solve.system,
        user="Task: solve\n\n" + fill(prompts.solve.user, {"question": question_block(shown, order)}),
        schema_name="solution",
        schema=schemas.SOLUTION,
        version=solve_version(prompts),
    )


def arbiter_prompt(prompts: Prompts, question: Question) -> VersionedPrompt:
    """Asks for scores by the rubric. The difficulty that the question was asked for is not told."""
    texts = prompts.for_type(question.question_type)
    body = fill(prompts.arbitrate.user, {"question": question_with_key(question)})
    return VersionedPrompt(
        system=_arbiter_system(prompts, texts),
        user=f"Task: arbitrate\nType: {texts.type.key}\n\n{body}",
        schema_name="assessment",
        schema=schemas.ASSESSMENT,
        version=arbiter_version(prompts, texts.type.key),
    )


def comparison_prompt(prompts: Prompts, first: Question, second: Question) -> VersionedPrompt:
    """Asks whether two questions are the same problem."""
    shown = {
        "first": question_with_key(first, explained=False),
        "second": question_with_key(second, explained=False),
    }
    return VersionedPrompt(
        system=prompts.compare.system,
        user="Task: compare\n\n" + fill(prompts.compare.user, shown),
        schema_name="comparison",
        schema=schemas.COMPARISON,
        version=comparison_version(prompts),
    )


def gold_question(prompts: Prompts, stratum: Stratum, sub_type: str) -> Question | None:
    """The gold example of a kind as a question of the stratum; None where it has none."""
    texts = prompts.for_type(stratum.question_type)
    _check_kinds(texts, (sub_type,))
    example = texts.kinds[sub_type].example
    if example is None:
        return None
    options = tuple(Option(text=option.text, note=option.mistake or "") for option in example.options)
    return Question(
        question_type=texts.type.key,
        difficulty=stratum.difficulty,
        sub_type=sub_type,
        stem=example.stem,
        options=options,
        answer=[option.text for option in options].index(example.answer),
        explanation=example.explanation,
        stimulus=Stimulus(text=example.stimulus) if example.stimulus else None,
    )


def reply_rules(prompts: Prompts, stratum: Stratum, size: int, sub_types: Sequence[str]) -> ReplyRules:
    """What a reply to such a generation prompt must hold; for `replies.parse_questions`."""
    texts = prompts.for_type(stratum.question_type)
    key = ("examples", texts.type.key)
    if key not in prompts.cache:
        examples = [kind.example for kind in texts.kinds.values() if kind.example]
        prompts.cache[key] = frozenset(likeness(e.stem, e.stimulus, e.answer) for e in examples)
    return ReplyRules(
        stratum=Stratum(texts.type.key, prompts.taxonomy.difficulty(stratum.difficulty).key),
        size=size,
        sub_types=tuple(dict.fromkeys(sub_types)),
        known_sub_types=frozenset(texts.kinds),
        hidden_stimulus=texts.hidden_stimulus,
        latin_script=prompts.generate.script == "latin",
        examples=prompts.cache[key],
    )


def generation_version(prompts: Prompts, question_type: str) -> str:
    """The version of every generation prompt of a type."""
    texts = prompts.for_type(question_type)
    return _once(
        prompts,
        "generate",
        texts,
        lambda: [prompts.generate.user, *prompts.generate.settings, *_generation_parts(prompts, texts)],
    )


def regeneration_version(prompts: Prompts, question_type: str) -> str:
    """The version of every regeneration prompt of a type."""
    texts = prompts.for_type(question_type)
    return _once(prompts, "regenerate", texts, lambda: [prompts.regenerate.user, *_generation_parts(prompts, texts)])


def arbiter_version(prompts: Prompts, question_type: str) -> str:
    """The version of every arbiter prompt of a type."""
    texts = prompts.for_type(question_type)
    return _once(
        prompts,
        "arbitrate",
        texts,
        lambda: [_arbiter_system(prompts, texts), prompts.arbitrate.user, schemas.ASSESSMENT],
    )


def solve_version(prompts: Prompts) -> str:
    """The version of every solver prompt."""
    return _once(prompts, "solve", None, lambda: [prompts.solve.system, prompts.solve.user, schemas.SOLUTION])


def comparison_version(prompts: Prompts) -> str:
    """The version of every comparison prompt."""
    return _once(prompts, "compare", None, lambda: [prompts.compare.system, prompts.compare.user, schemas.COMPARISON])


def run_version(prompts: Prompts) -> str:
    """The version of all generation prompts together, whatever their type: what a run was told to make questions by."""
    types = [one.key for one in prompts.taxonomy.types]
    versions = [(generation_version(prompts, key), regeneration_version(prompts, key)) for key in types]
    return version_of(prompts.generate.label, versions)


def judging_version(prompts: Prompts, config: Any) -> str:
    """The version of all judging: its prompts for every type, and `config`, which says who judges and how (JSON)."""
    types = [one.key for one in prompts.taxonomy.types]
    return version_of("judges", [solve_version(prompts), [arbiter_version(prompts, key) for key in types], config])


def _once(prompts: Prompts, task: str, texts: TypePrompts | None, parts: Callable[[], list[Any]]) -> str:
    key = ("version", task, texts.type.key if texts else None)
    if key not in prompts.cache:
        prompts.cache[key] = version_of(getattr(prompts, task).label, parts())
    version: str = prompts.cache[key]
    return version


def version_of(label: str, parts: Sequence[Any]) -> str:
    """The label with a hash of everything that makes up a prompt."""
    said = json.dumps([FORM, *parts], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{label}@{hashlib.sha256(said.encode()).hexdigest()[:_HASH_LENGTH]}"


def _generation_parts(prompts: Prompts, texts: TypePrompts) -> list[Any]:
    """What the calls of a type share beside the user template: all of its examples, though a call shows only some."""
    examples = [_example(texts, kind) for kind in texts.kinds]
    return [_generation_system(prompts, texts), prompts.generate.avoid, examples, schemas.QUESTIONS]


def _generation_system(prompts: Prompts, texts: TypePrompts) -> str:
    def render() -> str:
        kinds = "\n".join(_entry(name, kind.directive) for name, kind in texts.kinds.items())
        return fill(
            prompts.generate.system,
            {
                **type_values(texts.type),
                "directive": texts.directive,
                "difficulties": _difficulties(prompts, texts),
                "kinds": kinds,
            },
        )

    return _cached(prompts, ("system", "generate", texts.type.key), render)


def _arbiter_system(prompts: Prompts, texts: TypePrompts) -> str:
    levels = ", ".join(difficulty.key for difficulty in prompts.taxonomy.difficulties)

    def render() -> str:
        values = {**type_values(texts.type), "difficulties": _difficulties(prompts, texts), "levels": levels}
        return fill(prompts.arbitrate.system, values)

    return _cached(prompts, ("system", "arbitrate", texts.type.key), render)


def _cached(prompts: Prompts, key: tuple[str, ...], render: Callable[[], str]) -> str:
    if key not in prompts.cache:
        prompts.cache[key] = render()
    text: str = prompts.cache[key]
    return text


def _difficulties(prompts: Prompts, texts: TypePrompts) -> str:
    return "\n".join(
        _entry(f"{d.key} ({band(d)} answer correctly)", texts.difficulties[d.key])
        for d in prompts.taxonomy.difficulties
    )


def _entry(name: str, text: str) -> str:
    return f"- {name}:\n" + textwrap.indent(text, "  ")


def _header(task: str, count: int, texts: TypePrompts, difficulty: str, kinds: Sequence[str]) -> str:
    lines: Mapping[str, object] = {
        "Task": task,
        "Count": count,
        "Type": texts.type.key,
        "Difficulty": difficulty,
        "Sub-types": ", ".join(kinds),
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items()) + "\n"


def _example(texts: TypePrompts, kind: str) -> str:
    example: Example | None = texts.kinds[kind].example
    if example is None:
        return f"{kind}: {texts.kinds[kind].directive}"
    return f"{kind}, {example.difficulty}:\n{json.dumps(example.contract(kind), ensure_ascii=False)}"


def _avoid(prompts: Prompts, stems: Sequence[str]) -> str:
    listed = stem_list(stems)
    return fill(prompts.generate.avoid, {"stems": listed}) if listed else ""


def _tidy(text: str) -> str:
    """Without the blank lines that an empty part leaves at the end."""
    return text.rstrip() + "\n"


def _check_kinds(texts: TypePrompts, kinds: Sequence[str]) -> None:
    for kind in kinds:
        if kind not in texts.kinds:
            known = ", ".join(texts.kinds)
            raise ConfigurationError(f"unknown sub-type of {texts.type.key}: {kind!r}", hint=f"Known: {known}.")
