"""`qgen generate`: a given number of questions, evenly over strata.

Not here: the run (`services/balance.py`) and the dry run (`services/dry_run.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, RunFlags, StrataFlags, run_options, with_flags
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.plan import MAX_QUESTIONS_PER_RUN

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.dry_run import DryRunReport
    from qgen_dagster.services.options import RunOptions

EXAMPLES = """
Examples:
  qgen generate --count 90                         5 in each of 18 strata
  qgen generate --per-stratum 10 --types math      10 in each math stratum
  qgen generate --count 3 --dry-run                only look; no database
"""
HOW_MANY = "How many"

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def generate(
    strata: StrataFlags,
    run: RunFlags,
    common: CommonFlags,
    count: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MAX_QUESTIONS_PER_RUN,
            help="Questions in all, spread evenly.",
            rich_help_panel=HOW_MANY,
        ),
    ] = None,
    per_stratum: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MAX_QUESTIONS_PER_RUN,
            help="Questions in each stratum, instead of --count.",
            rich_help_panel=HOW_MANY,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Make and judge, print, insert nothing; no database.")
    ] = False,
) -> None:
    """Make questions whatever the stock is, evenly over all strata or over the chosen ones."""
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    chosen = run_options(settings, strata, run)
    total = _total(count, per_stratum, len(settings.taxonomy.select(chosen.types, chosen.difficulties)))
    options = run_options(settings, strata, run, count=total, evenly=True)
    if dry_run:
        _dry_run(settings, options, as_json=common.json)
    else:
        from qgen_dagster.cli.commands.auto_balance import execute

        execute(settings, options, as_json=common.json, verbose=common.verbose)


def _total(count: int | None, per_stratum: int | None, strata: int) -> int:
    if (count is None) == (per_stratum is None):
        problem = "how many questions?" if count is None else "--count and --per-stratum exclude each other"
        raise ConfigurationError(problem, hint="Give --count N (in all) or --per-stratum N (in each stratum).")
    total = count if count is not None else (per_stratum or 0) * strata
    if total > MAX_QUESTIONS_PER_RUN:
        raise ConfigurationError(
            f"--per-stratum: {per_stratum:,} in each of {strata} strata are {total:,} questions",
            hint=f"One run makes at most {MAX_QUESTIONS_PER_RUN:,}.",
        )
    return total


def _dry_run(settings: Settings, options: RunOptions, *, as_json: bool) -> None:
    from qgen_dagster.cli import report as shown
    from qgen_dagster.cli.output import Output, counted, heading
    from qgen_dagster.cli.question_text import question_text
    from qgen_dagster.services.dry_run import dry_run

    output = Output(as_json=as_json)
    report = dry_run(settings, options)
    output.json(_dry_run_json(report))
    for question in report.questions:
        output.show(heading(f"{question.stratum.key} · {question.sub_type}"), question_text(question), "")
    if not as_json:
        made = counted(len(report.questions), "question")
        output.show(heading(f"Dry run: {made}, none inserted"), shown.funnel_text(report.funnel, dry=True))
    if not report.questions:
        raise typer.Exit(2)


def _dry_run_json(report: DryRunReport) -> dict[str, object]:
    from qgen_dagster.cli.report import funnel_json

    return {
        "dry_run": True,
        "questions": [q.model_dump(mode="json") for q in report.questions],
        "funnel": funnel_json(report.funnel),
    }
