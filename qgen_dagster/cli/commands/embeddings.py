"""`qgen embeddings`: vectors that near questions are found by, and making them anew for another embedder.

Not here: making them (`services/reembedding.py`), the embedders (`dedup/`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, split, with_flags

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.reembedding import Standing

EXAMPLES = """
Examples:
  qgen embeddings status
  QGEN_EMBEDDER=openai qgen embeddings rebuild
  qgen embeddings rebuild --type math --limit 1000
  qgen embeddings rebuild --drop-old            and forget the vectors of others
"""

app = make_app(help="Show the vectors that near questions are found by, and make them anew.", epilog=EXAMPLES)


@app.command(cls=Command)
@with_flags
def status(common: CommonFlags) -> None:
    """Show which embedder is used, and how many questions have a vector of it.

    Questions without one are embedded by the first run that compares questions of their type.
    """
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.reembedding import standing

    settings = load_settings()
    with open_bank(settings) as bank:
        found = standing(bank, settings)
    output = Output(as_json=common.json)
    output.json(_as_json(found))
    if not common.json:
        _print_status(output, found)


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def rebuild(
    common: CommonFlags,
    types: Annotated[
        list[str] | None, typer.Option("--type", "--types", metavar="TYPE,…", help="Only these question types.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="At most N questions.")] = None,
    drop_old: Annotated[bool, typer.Option("--drop-old", help="Then forget the vectors of other embedders.")] = False,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the model of sentence-transformers if it is not here.")
    ] = False,
) -> None:
    """Embed every question that has no vector of the present embedder (QGEN_EMBEDDER).

    It may be stopped at any time: what is embedded stays, and the same command goes on. Vectors of other embedders
    stay too, so that one can go back, until --drop-old.
    """
    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.errors import RunInterrupted
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.reembedding import rebuild as make_anew
    from qgen_dagster.services.reembedding import standing

    settings = load_settings()
    chosen = [settings.taxonomy.question_type(name).key for name in split("--type", types)]
    if download:
        _download(settings)
    output = Output(as_json=common.json)
    try:
        with open_bank(settings) as bank:
            with show_progress(quiet=common.json) as display:
                done = make_anew(bank, settings, types=chosen, limit=limit, drop_old=drop_old, progress=display)
            left = standing(bank, settings)
    except KeyboardInterrupt as error:
        raise RunInterrupted("stopped", hint="What is embedded stays. Go on with the same command.") from error
    dropped = dict(done.dropped)
    output.json({"embedded": done.embedded, "dropped": dropped, "kept": done.kept, "status": _as_json(left)})
    if not common.json:
        _print_done(output, done.embedded, dropped, done.kept, left)


def _download(settings: Settings) -> None:
    from qgen_dagster.config.embedders import SENTENCES
    from qgen_dagster.core.errors import ConfigurationError
    from qgen_dagster.dedup.sentences import find_model

    if settings.embedder.kind != SENTENCES:
        raise ConfigurationError(f"--download: {settings.embedder} is nothing to download")
    find_model(settings.embedder.model, download=True)


def _as_json(found: Standing) -> dict[str, Any]:
    return {
        "embedder": found.embedder,
        "space": found.space,
        "error": found.error,
        "questions": found.questions,
        "missing": found.missing if found.space else None,
        "types": {
            name: {"questions": questions, "missing": missing if found.space else None}
            for name, (questions, missing) in found.types.items()
        },
        "spaces": [
            {"name": s.name, "questions": s.questions, "length": s.length, "current": s.current} for s in found.spaces
        ],
    }


def _print_status(output: Output, found: Standing) -> None:
    from qgen_dagster.cli.output import heading, make_table, pairs, styled

    output.show(pairs([("embedder", found.embedder), ("space", found.space), ("questions", f"{found.questions:,}")], 0))
    if found.error:
        output.show(styled(found.error, "red"), gap=True)
    if found.spaces:
        rows = [
            [s.name, f"{s.questions:,}", f"{s.length:,}" if s.length else "–", "current" if s.current else ""]
            for s in found.spaces
        ]
        table = make_table(
            ["space", "questions", "length", ""], rows, width=output.console.width, right=["questions", "length"],
            flexible="space",
        )  # fmt: skip
        output.show(heading("Vectors"), table, gap=True)
    lacking = {name: missing for name, (_, missing) in found.types.items() if missing}
    if lacking:
        rows = [[name, f"{missing:,}"] for name, missing in lacking.items()]
        table = make_table(["type", "without"], rows, width=output.console.width, right=["without"])
        output.show(heading("Without a vector of this embedder"), table, gap=True)
        output.show("To make them now: qgen embeddings rebuild", gap=True)


def _print_done(output: Output, embedded: int, dropped: dict[str, int], kept: str | None, left: Standing) -> None:
    from qgen_dagster.cli.output import counted

    output.show(f"{counted(embedded, 'question')} embedded with {left.embedder}, {left.missing:,} left.")
    for space, count in dropped.items():
        output.show(f"Forgotten: {count:,} vectors of {space}.")
    if kept:
        output.show(f"Nothing was forgotten: {kept}.")
