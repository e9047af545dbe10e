"""`qgen prompts`: what models are told, with which version, and what an operator has changed.

Not here: reading and rendering (`generation/prompts/`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, split, with_flags
from qgen_dagster.core.batch import DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.drills import Curriculum
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.core.question import Question
    from qgen_dagster.generation.prompts.files import Prompts
    from qgen_dagster.generation.prompts.render import VersionedPrompt

LIST_EXAMPLES = """
Examples:
  qgen prompts list
  qgen prompts list --types math --json
"""
SHOW_EXAMPLES = """
Examples:
  qgen prompts show generate
  qgen prompts show math > my-prompts/types/math.yaml   a start for your own
"""
DIFF_EXAMPLES = """
Examples:
  QGEN_PROMPTS=my-prompts qgen prompts diff
  QGEN_PROMPTS=my-prompts qgen prompts diff math
"""
RENDER_EXAMPLES = """
Examples:
  qgen prompts render --stratum math__hard --count 5
  qgen prompts render --stratum verbal__easy --task solve
  qgen prompts render --stratum math__hard --json | jq -r .system
"""
Task = Literal["generate", "regenerate", "solve", "arbitrate", "compare"]
SAMPLE_FEEDBACK = "An example of feedback: the second condition can be read in two ways."

app = make_app(help="List, show, compare and render what models are told.")


@app.command("list", cls=Command, epilog=LIST_EXAMPLES)
@with_flags
def list_(
    common: CommonFlags,
    types: Annotated[list[str] | None, typer.Option(metavar="TYPE,…", help="Only these question types.")] = None,
) -> None:
    """List every prompt with its version and where its texts are from.

    A version is the label in the file and a hash of what is sent. It is kept with every question that was made.
    """
    from qgen_dagster.cli.output import Output, make_table
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    known = settings.taxonomy
    chosen = [known.question_type(name).key for name in split("--types", types)] or [t.key for t in known.types]
    rows = list(_versions(_load(settings), list(dict.fromkeys(chosen)), settings.curriculum))
    output = Output(as_json=common.json)
    output.json({"prompts": rows})
    if common.json:
        return
    headers = ["task", "type", "version", "from"]
    cells = [[str(row[name] or "–") for name in headers] for row in rows]
    output.show(make_table(headers, cells, width=output.console.width, flexible="from"))


@app.command(cls=Command, epilog=SHOW_EXAMPLES)
@with_flags
def show(
    common: CommonFlags,
    name: Annotated[str, typer.Argument(help="A task or a question type, such as generate or math.")],
    packaged: Annotated[bool, typer.Option("--packaged", help="The one that ships, not your own.")] = False,
) -> None:
    """Print a prompt file as it is written.

    Your own where you have one (QGEN_PROMPTS), otherwise the one that ships.
    """
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    found, source, text = _file(settings, name, packaged=packaged)
    output = Output(as_json=common.json)
    output.json({"name": found, "from": source, "text": text})
    _write(output, text)


@app.command(cls=Command, epilog=DIFF_EXAMPLES)
@with_flags
def diff(
    common: CommonFlags,
    name: Annotated[str | None, typer.Argument(help="Only this task or question type.")] = None,
) -> None:
    """Compare your own prompt files with those that ship.

    Your own are those in the folder that QGEN_PROMPTS names.
    """
    import difflib

    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.generation.prompts.files import own_files, packaged_text

    settings = load_settings()
    if settings.prompts_folder is None:
        raise ConfigurationError("there is nothing to compare", hint="Set QGEN_PROMPTS to your folder of prompt files.")
    own = dict(own_files(settings.prompts_folder))
    wanted = [_file(settings, name)[0]] if name else list(own)
    files = []
    for file in wanted:
        shipped, path = packaged_text(file), own.get(file)
        mine = path.read_text(encoding="utf-8") if path else shipped
        before, after = (text.splitlines() if text else [] for text in (shipped, mine))
        lines = difflib.unified_diff(before, after, f"packaged/{file}.yaml", str(path or "-"), lineterm="")
        state = "yours only" if shipped is None else "the same" if shipped == mine else "changed"
        files.append({"name": file, "state": state, "diff": "\n".join(lines)})
    output = Output(as_json=common.json)
    output.json({"folder": settings.prompts_folder, "files": files})
    for shown in files:
        _write(output, f"{shown['diff']}\n" if shown["diff"] else f"{shown['name']}: {shown['state']}\n")
    if not files:
        output.note(f"No prompt files in {settings.prompts_folder}.")


@app.command(cls=Command, epilog=RENDER_EXAMPLES)
@with_flags
def render(
    common: CommonFlags,
    stratum: Annotated[str, typer.Option(metavar="STRATUM", help="A type and a difficulty, such as math__hard.")],
    count: Annotated[
        int, typer.Option(metavar="N", min=1, max=MAX_BATCH_SIZE, help="Questions asked for.")
    ] = DEFAULT_BATCH_SIZE,
    task: Annotated[
        Task, typer.Option(metavar="TASK", help="generate, regenerate, solve, arbitrate or compare.")
    ] = "generate",
    sub_types: Annotated[
        list[str] | None, typer.Option(metavar="NAME,…", help="Only these kinds; otherwise in rotation.")
    ] = None,
    avoid: Annotated[
        list[str] | None, typer.Option(metavar="STEM", help="An existing question to avoid; may be repeated.")
    ] = None,
) -> None:
    """Print exactly what would be sent. Tasks about a question take a gold example of the type for it."""
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    prompts = _load(settings)
    kinds = split("--sub-types", sub_types)
    prompt = _rendered(prompts, settings.taxonomy.stratum(stratum), task, count, kinds, avoid or [])
    output = Output(as_json=common.json)
    said = {"version": prompt.version, "system": prompt.system, "user": prompt.user}
    output.json({"task": task, **said, "schema_name": prompt.schema_name, "schema": prompt.schema})
    _print_prompt(output, prompt)


def _load(settings: Settings) -> Prompts:
    from qgen_dagster.generation.prompts.files import load_prompts

    return load_prompts(settings.taxonomy, settings.prompts_folder)


def _versions(prompts: Prompts, types: list[str], curriculum: Curriculum) -> Iterator[dict[str, str | None]]:
    from qgen_dagster.drills.asking import methodologies_of, principles_of
    from qgen_dagster.generation.prompts import render as rendering
    from qgen_dagster.generation.prompts.drills import drill_prompt

    per_type = {
        "generate": rendering.generation_version,
        "regenerate": rendering.regeneration_version,
        "arbitrate": rendering.arbiter_version,
    }
    for task, version_of in per_type.items():
        for name in types:
            sources = dict.fromkeys([prompts.sources[task], prompts.for_type(name).source])
            yield {"task": task, "type": name, "version": version_of(prompts, name), "from": ", ".join(sources)}
    for task, version in (
        ("solve", rendering.solve_version(prompts)),
        ("compare", rendering.comparison_version(prompts)),
        ("drill", drill_prompt(prompts, [], principles_of(curriculum), methodologies_of(curriculum)).version),
    ):
        yield {"task": task, "type": None, "version": version, "from": prompts.sources[task]}


def _file(settings: Settings, name: str, *, packaged: bool = False) -> tuple[str, str, str]:
    """Name, source and text of a prompt file. Raises ConfigurationError with what there is."""
    from qgen_dagster.generation.prompts.files import TYPES, own_files, packaged_names, packaged_text

    own: dict[str, Path] = dict(own_files(settings.prompts_folder)) if settings.prompts_folder and not packaged else {}
    known = dict.fromkeys([*packaged_names(), *own])
    plain = name.removesuffix(".yaml")
    for candidate in (plain, f"{TYPES}/{plain}"):
        if candidate in own:
            return candidate, str(own[candidate]), own[candidate].read_text(encoding="utf-8")
        if candidate in known:
            return candidate, "packaged", packaged_text(candidate) or ""
    shown = ", ".join(file.removeprefix(f"{TYPES}/") for file in known)
    raise ConfigurationError(f"no prompt file {name!r}", hint=f"There are: {shown}.")


def _rendered(
    prompts: Prompts, stratum: Any, task: str, count: int, sub_types: list[str], avoid: list[str]
) -> VersionedPrompt:
    from qgen_dagster.core.question import as_shown
    from qgen_dagster.generation.prompts import render as rendering

    if task == "generate":
        kinds = tuple(sub_types) or rendering.sub_types_for(prompts, stratum, 0, count)
        return rendering.generation_prompt(prompts, stratum, count, kinds, avoid)
    question = _gold(prompts, stratum, sub_types)
    if task == "regenerate":
        return rendering.regeneration_prompt(prompts, question, SAMPLE_FEEDBACK, avoid)
    if task == "solve":
        return rendering.solve_prompt(prompts, as_shown(question), range(len(question.options)))
    if task == "arbitrate":
        return rendering.arbiter_prompt(prompts, question)
    return rendering.comparison_prompt(prompts, question, question)


def _gold(prompts: Prompts, stratum: Any, sub_types: list[str]) -> Question:
    from qgen_dagster.generation.prompts.render import gold_question

    kinds = prompts.for_type(stratum.question_type).kinds
    for name in sub_types or list(kinds):
        question = gold_question(prompts, stratum, name)
        if question is not None:
            return question
    raise ConfigurationError(f"{stratum.question_type} has no gold example to show this task with")


def _print_prompt(output: Output, prompt: VersionedPrompt) -> None:
    import json

    from qgen_dagster.cli.output import heading

    parts = {
        f"System ({prompt.version})": prompt.system,
        "User": prompt.user,
        f"Schema: {prompt.schema_name}": json.dumps(prompt.schema),
    }
    for place, (title, text) in enumerate(parts.items()):
        output.show(heading(f"─── {title}"), gap=place > 0)
        _write(output, text if text.endswith("\n") else f"{text}\n")


def _write(output: Output, text: str) -> None:
    """Prints text as it is: no wrapping, no colours, so that it can be piped into a file and used."""
    import sys

    if not output.as_json:
        sys.stdout.write(text)
