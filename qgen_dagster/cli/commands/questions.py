"""`qgen questions`: list, show, deactivate, export, import.

Not here: the use cases (`services/questions.py`), the file formats (`services/question_files.py`), how a question looks
(`cli/question_text.py`, `cli/question_page.py`).
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, OffsetFlag, StrataFlags, WhoFlag, who, with_flags
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from qgen_dagster.bank.questions import StoredQuestion
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.core.taxonomy import Stratum

LIST_EXAMPLES = """
Examples:
  qgen questions list --types math --limit 50
  qgen questions list --search "how many" --all
"""
EXPORT_EXAMPLES = """
Examples:
  qgen questions export bank.jsonl
  qgen questions export bank.csv --types verbal
  qgen questions export | jq -r .stem            JSON lines to standard output
"""
IMPORT_EXAMPLES = """
Good rows are kept, in one transaction; bad rows are named with their line. Rows
that the bank has already are counted as duplicates. Ids in the file are not
kept. A CSV needs the columns question_type, difficulty, sub_type, stem,
option_a to option_d, answer (a letter) and explanation.

Exit codes: 0 every row was usable, 1 some were bad, 2 all were bad.

Examples:
  qgen questions import bank.jsonl --dry-run     check it, change nothing
  qgen questions import - --format csv < bank.csv
"""

AllFlag = Annotated[bool, typer.Option("--all", help="Active and inactive ones.")]
InactiveFlag = Annotated[bool, typer.Option("--inactive", help="Only inactive ones.")]
FormatFlag = Annotated[
    str | None, typer.Option("--format", metavar="FORMAT", help="jsonl or csv; otherwise as the file is called.")
]

app = make_app(help="List, show, deactivate, export and import questions.")


@app.command("list", cls=Command, epilog=LIST_EXAMPLES)
@with_flags
def list_(
    strata: StrataFlags,
    common: CommonFlags,
    everything: AllFlag = False,
    inactive: InactiveFlag = False,
    run: Annotated[str | None, typer.Option(metavar="RUN", help="Only those of this run.")] = None,
    search: Annotated[str | None, typer.Option(metavar="TEXT", help="Only with this text in the stem.")] = None,
    limit: LimitFlag = 20,
    offset: OffsetFlag = 0,
) -> None:
    """List questions, newest first."""
    from qgen_dagster.bank.questions import list_questions
    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.question_text import question_json
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.recovery import resolve_run_id

    settings = load_settings()
    chosen, active = _chosen(settings, strata), _activity(everything, inactive)
    with open_bank(settings) as bank:
        run_id = resolve_run_id(bank, run) if run is not None else None
        with bank.begin() as tx:
            found = list_questions(
                tx, strata=chosen, active=active, run_id=run_id, search=search, limit=limit, offset=offset
            )
    output = Output(as_json=common.json)
    output.json({"questions": [question_json(stored) for stored in found]})
    if not common.json:
        _print_list(output, found, mixed=active is not True)


@app.command(cls=Command)
@with_flags
def show(
    common: CommonFlags,
    question: Annotated[str, typer.Argument(help="A question's id or its first characters.")],
    browser: Annotated[bool, typer.Option("--open", help="As a page with its figures, in the browser.")] = False,
) -> None:
    """Show a question with its key, explanation and origin."""
    from qgen_dagster.cli.output import Output, heading, pairs
    from qgen_dagster.cli.question_text import origin, question_json, question_text
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.questions import load_question

    settings = load_settings()
    with open_bank(settings) as bank:
        stored = load_question(bank, question)
    output = Output(as_json=common.json)
    if browser:
        from qgen_dagster.cli.question_page import open_page

        path = open_page(settings, stored)
        output.json({"page": str(path)})
        output.show(str(path))
        return
    output.json(question_json(stored))
    output.show(heading(f"{stored.question.stratum.key} · {stored.question.sub_type}"))
    output.show(question_text(stored.question), "", pairs(origin(stored)))


@app.command(cls=Command)
@with_flags
def deactivate(
    common: CommonFlags,
    questions: Annotated[list[str], typer.Argument(help="Ids or their first characters.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; kept with the question.")],
    by: WhoFlag = None,
) -> None:
    """Take questions out of the inventory. They stay in the bank, so that they are not made again."""
    from qgen_dagster.cli.output import Output, short
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.questions import deactivate as deactivate_all

    if not reason.strip():
        raise ConfigurationError("--reason: say why", hint='For example --reason "two answers are right".')
    actor = who(by)
    with open_bank(load_settings()) as bank:
        done = deactivate_all(bank, questions, actor=actor, reason=reason.strip())
    output = Output(as_json=common.json)
    output.json({"deactivated": [i for i, changed in done if changed], "already": [i for i, c in done if not c]})
    for question_id, changed in done:
        output.show(f"{short(question_id)} {'deactivated' if changed else 'was inactive already'}")


@app.command("export", cls=Command, epilog=EXPORT_EXAMPLES)
@with_flags
def export_(
    strata: StrataFlags,
    common: CommonFlags,
    file: Annotated[str, typer.Argument(help="Where to; - is standard output.")] = "-",
    format_: FormatFlag = None,
    everything: AllFlag = False,
    inactive: InactiveFlag = False,
) -> None:
    """Write questions as JSON lines or CSV, oldest first. The same file can be imported."""
    from qgen_dagster.cli.files import choose_format, written
    from qgen_dagster.cli.output import Output, counted
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.question_files import write_records
    from qgen_dagster.services.questions import export_questions

    settings = load_settings()
    chosen, active = _chosen(settings, strata), _activity(everything, inactive)
    kind = choose_format(file, format_)
    if file == "-" and common.json:
        raise ConfigurationError("--json needs a FILE: without one the questions go to standard output")
    with (
        open_bank(settings) as bank,
        written(file) as stream,
        # Closed before the bank is, also when the reader of a pipe goes away in the middle.
        closing(export_questions(bank, strata=chosen, active=active)) as records,
    ):
        count = write_records(records, stream, kind)
    output = Output(as_json=common.json)
    output.json({"exported": count, "file": file, "format": kind})
    if file != "-":
        output.note(f"{counted(count, 'question')} written to {file}")


@app.command("import", cls=Command, epilog=IMPORT_EXAMPLES)
@with_flags
def import_(
    common: CommonFlags,
    file: Annotated[str, typer.Argument(help="Where from; - is standard input.")],
    format_: FormatFlag = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row; change nothing.")] = False,
) -> None:
    """Bring questions into the bank from JSON lines or CSV."""
    from qgen_dagster.cli.files import choose_format, reading
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.question_files import read_rows
    from qgen_dagster.services.questions import import_questions

    settings = load_settings()
    kind = choose_format(file, format_)
    with reading(file) as stream, open_bank(settings) as bank:
        report = import_questions(bank, settings.taxonomy, read_rows(stream, kind), dry_run=dry_run)
    _print_import(report, as_json=common.json)
    if report.bad_count:
        raise typer.Exit(1 if report.imported or report.duplicates else 2)


def _chosen(settings: Settings, flags: StrataFlags) -> tuple[Stratum, ...]:
    names = flags.values(settings)
    if not names["types"] and not names["difficulties"]:
        return ()  # also strata that the taxonomy no longer has
    return settings.taxonomy.select(names["types"], names["difficulties"])


def _activity(everything: bool, inactive: bool) -> bool | None:
    if everything and inactive:
        raise ConfigurationError("--all and --inactive exclude each other")
    return None if everything else not inactive


def _print_list(output: Any, found: list[StoredQuestion], *, mixed: bool) -> None:
    from qgen_dagster.cli.output import UNBOUNDED, cut, local_time, make_table, short

    if not found:
        output.note("No questions.")
        return
    width = output.console.width
    headers = ["id", "stratum", "added", *(["state"] if mixed else []), "question"]
    most = 100 if width == UNBOUNDED else width
    rows = [
        [
            short(s.id),
            s.question.stratum.key,
            local_time(s.created_at)[:10],
            *([("active" if s.is_active else "inactive")] if mixed else []),
            cut(s.question.stem, most),
        ]
        for s in found
    ]
    output.show(make_table(headers, rows, width=width, flexible="question"))


def _print_import(report: Any, *, as_json: bool) -> None:
    import sys

    from qgen_dagster.cli.output import Output, counted

    output = Output(as_json=as_json)
    bad = [{"line": row.line, "reason": row.reason} for row in report.bad]
    numbers = {"rows": report.rows, "imported": report.imported, "duplicates": report.duplicates}
    output.json({**numbers, "bad": report.bad_count, "bad_rows": bad, "dry_run": report.dry_run})
    if as_json:
        return
    for row in report.bad:
        print(f"line {row.line}: {row.reason}", file=sys.stderr)
    if report.bad_count > len(report.bad):
        print(f"… and {report.bad_count - len(report.bad):,} more bad rows", file=sys.stderr)
    verb = "would be imported" if report.dry_run else "imported"
    output.show(
        f"{counted(report.rows, 'row')}: {report.imported:,} {verb}, "
        f"{counted(report.duplicates, 'duplicate')}, {report.bad_count:,} bad"
    )
