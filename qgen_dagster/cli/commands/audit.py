"""`qgen audit`: how far what is there can be relied on. `bank` proves keys again, `judges` measures who judges.

Not here: the audits (`services/bank_audit.py`, `services/judge_audit.py`), tables (`cli/judge_report.py`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, StrataFlags, split, with_flags
from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.errors import ConfigurationError, ExitCode
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT, DEFAULT_MIN_SCORE

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.judge_audit import AuditOptions, AuditReport, AuditSet
    from qgen_dagster.services.jury import Jury

PAGE = Path("docs/quality.md")
BANK_EXAMPLES = """
Exit codes: 0 all that was due and the budget allowed was checked, 1 something
could not be checked, 5 and 6 as everywhere.

Examples:
  qgen audit bank
  qgen audit bank --types math --limit 100 --dry-run
  qgen audit bank --budget-usd 2 --floor 40
"""
_WHO = "Who and what"
_LIMITS = "Limits"
EXAMPLES = """
Examples:
  qgen audit judges --rules-only           no key and no database needed
  qgen audit judges --budget-usd 5
  qgen audit judges --judges gpt-5.4-mini,grok-4.7 --limit 24
  qgen audit judges --write                figures into docs/quality.md
"""

app = make_app(help="Prove the bank's keys again, or measure the judges.")


@app.callback()
def group() -> None:
    """Prove the bank's keys again, or measure the judges."""


@app.command(cls=Command, epilog=BANK_EXAMPLES)
@with_flags
def bank(
    common: CommonFlags,
    strata: StrataFlags,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", metavar="N", min=1, max=1_000_000, help="At most so many.", rich_help_panel=_WHO),
    ] = 500,
    provider: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="procedural: no language model is asked.", rich_help_panel=_WHO),
    ] = None,
    floor: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="A stratum keeps so many (else warning_min).", rich_help_panel=_LIMITS),
    ] = None,
    budget_usd: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, max=1_000_000, help="Stop when this is spent.", rich_help_panel=_LIMITS),
    ] = None,
    budget_tokens: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="The same in tokens.", rich_help_panel=_LIMITS)
    ] = None,
    max_concurrent: Annotated[
        int, typer.Option(metavar="N", min=1, max=500, help="Calls at the same time.", rich_help_panel=_LIMITS)
    ] = DEFAULT_MAX_CONCURRENT,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Take nothing out, only tell.")] = False,
    triggered_by: Annotated[str, typer.Option(metavar="WHO", help="Recorded with the run.")] = "manual",
) -> None:
    """Prove the keys of active questions again, the longest unchecked first.

    What an item model made goes to its own solver, everything else to two or three blind solvers. A question whose key
    does not hold is taken out of the stock with the evidence, unless its stratum would fall below the floor.
    """
    from uuid import uuid4

    from qgen_dagster.cli import audit_report, logs
    from qgen_dagster.cli.launcher import launcher
    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.bank_audit import make_audit_options
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.recovery import close_dead_runs

    settings = load_settings()
    logs.configure(settings.log_format, verbose=common.verbose)
    options = make_audit_options(
        **strata.values(settings),
        limit=limit,
        provider=provider,
        floor=floor,
        budget_usd=None if budget_usd is None else str(budget_usd),  # through text, so that 0.1 stays 0.1
        budget_tokens=budget_tokens,
        max_concurrent=max_concurrent,
        dry_run=dry_run,
        triggered_by=triggered_by,
    )
    run_id = uuid4()
    with open_bank(settings) as opened:
        close_dead_runs(opened)
        with (
            show_progress(quiet=common.json) as display,
            launcher(settings, opened, display, verbose=common.verbose) as launch,
        ):
            error = launch.audit(run_id, options)
        code = audit_report.tell(Output(as_json=common.json), opened, run_id, error)
    raise typer.Exit(int(code))


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def judges(
    common: CommonFlags,
    judges: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODEL,…", help="These models, each as solver and arbiter (else judges.yaml).", rich_help_panel=_WHO
        ),
    ] = None,
    rules_only: Annotated[
        bool, typer.Option("--rules-only", help="Only what the item-writing rules find.", rich_help_panel=_WHO)
    ] = False,
    questions: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Your own labelled questions.", rich_help_panel=_WHO)
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", "-n", metavar="N", min=1, help="Only N questions, in balance.", rich_help_panel=_LIMITS
        ),
    ] = None,
    budget_usd: Annotated[
        float | None,
        typer.Option(metavar="USD", min=0, max=1_000_000, help="Stop when this is spent.", rich_help_panel=_LIMITS),
    ] = None,
    min_score: Annotated[
        float, typer.Option(metavar="X", min=0, max=1, help="The score that passes in a run.", rich_help_panel=_WHO)
    ] = DEFAULT_MIN_SCORE,
    max_concurrent: Annotated[
        int, typer.Option(metavar="N", min=1, max=500, help="Calls at the same time.", rich_help_panel=_LIMITS)
    ] = DEFAULT_MAX_CONCURRENT,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Ask again what was answered earlier today.", rich_help_panel=_LIMITS)
    ] = False,
    write: Annotated[bool, typer.Option("--write", help=f"Put the figures into {PAGE} too.")] = False,
) -> None:
    """Measure the judges on questions with known faults.

    Tells which faults are stopped and by which gate, how many good questions are lost, and for each model how often it
    is right, what the order of the options or a longer explanation does to it, and whether it agrees with itself.

    An audit that was stopped goes on where it was, if that is on the same day (UTC). Exit code 1: a limit ended it
    early, or a model could not be measured.
    """
    from decimal import Decimal

    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.judge_audit import AuditOptions, load_audit_set
    from qgen_dagster.services.jury import choose_jury

    settings = load_settings()
    output = Output(as_json=common.json)
    wanted = split("--judges", judges)
    page = _page() if write else None
    labelled = load_audit_set(settings, typed_path(questions) if questions else None, limit)
    if rules_only:
        if wanted or budget_usd is not None:
            flag = "--judges" if wanted else "--budget-usd"
            raise ConfigurationError(f"--rules-only asks no judge: leave {flag} away")
        _rules_only(output, labelled, page)
        return
    jury = choose_jury(settings, wanted)
    options = AuditOptions(
        # Through text, so that 0.1 stays 0.1.
        budget_usd=None if budget_usd is None else Decimal(str(budget_usd)),
        max_concurrent=max_concurrent,
        min_score=min_score,
        fresh=fresh,
    )
    report = _ask(settings, jury, labelled, options, quiet=common.json)
    _tell(output, report, page)
    if not report.complete:
        raise typer.Exit(int(ExitCode.PARTIAL_FAILURE))


def _rules_only(output: Output, labelled: AuditSet, page: str | None) -> None:
    from qgen_dagster.cli import judge_report as shown
    from qgen_dagster.judging.audit import rule_figures

    figures = rule_figures(labelled.items)
    output.json({"items": len(labelled.items), "rules": shown.as_json(figures)})
    if not output.as_json:
        output.show(f"{len(labelled.items)} labelled questions.")
        shown.show(output, shown.rule_sections(figures))
    if page is not None:
        _write(output, shown.with_part(page, "rules", shown.markdown(shown.rule_sections(figures))))


def _ask(settings: Settings, jury: Jury, labelled: AuditSet, options: AuditOptions, *, quiet: bool) -> AuditReport:
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.judge_audit import audit_judges

    with open_bank(settings) as bank, show_progress(quiet=quiet) as progress:
        return audit_judges(bank, settings, jury, labelled, options, progress=progress)


def _tell(output: Output, report: AuditReport, page: str | None) -> None:
    from qgen_dagster.cli import judge_report as shown

    output.json(shown.report_json(report))
    if not output.as_json:
        output.show(f"{report.items} labelled questions, {report.good} of them good.")
        shown.show(output, [*shown.rule_sections(report.rules), *shown.judge_sections(report)])
        output.show(shown.summary(report), gap=True)
    if page is not None:
        page = shown.with_part(page, "rules", shown.markdown(shown.rule_sections(report.rules)))
        _write(output, shown.with_part(page, "judges", shown.judges_page(report)))


def _page() -> str:
    """The page as it is, before anything is asked and paid for. Raises ConfigurationError where it cannot be used."""
    from qgen_dagster.cli import judge_report as shown

    if not PAGE.is_file():
        raise ConfigurationError(f"--write: there is no {PAGE} here", hint="Run it in the folder of qgen's source.")
    text = PAGE.read_text(encoding="utf-8")
    for part in ("rules", "judges"):
        shown.with_part(text, part, "")
    return text


def _write(output: Output, text: str) -> None:
    from qgen_dagster.cli.files import written

    with written(str(PAGE)) as file:
        file.write(text)
    output.note(f"Written: {PAGE}")
