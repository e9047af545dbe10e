"""`qgen drills`: positions, and series of drills from the plan to the export.

Not here: the use cases (`services/`), how things look (`cli/drill_report.py`), positions (`drill_positions.py`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID, uuid4

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.commands import drill_positions
from qgen_dagster.cli.flags import CommonFlags, Flags, LimitFlag, split, with_flags
from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.drills import DEFAULT_DRILLS, Phase
from qgen_dagster.core.errors import ConfigurationError, ExitCode

if TYPE_CHECKING:
    from qgen_dagster.bank.drills import StoredSeries
    from qgen_dagster.bank.engine import Bank
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.drill_options import BuildOptions, SeriesOptions

BUILD_EXAMPLES = """
Without SERIES a new one is planned first. With one, work goes on where it
stopped. What failed is made by: qgen drills retry

Exit codes: 0 all planned drills are there and their answers hold, 1 some are
missing or need review, 2 none came, 5 and 6 as everywhere.

Examples:
  qgen drills build --count 25
  qgen drills build --count 10 --phases OPENING --provider procedural
  qgen drills build 4f0c2a91                     a planned or stopped series
"""
SHOW_EXAMPLES = """
Examples:
  qgen drills show 4f0c2a91                      all of it, without answers
  qgen drills show 4f0c2a91 3 --answers          the third drill, told whole
"""
EXPORT_EXAMPLES = """
Examples:
  qgen drills export 4f0c2a91 --to series        JSON, Markdown and pictures
  qgen drills export 4f0c2a91 --format markdown | less
"""
_WHAT, _HOW = "What to plan", "How to work"
SeriesArgument = Annotated[str, typer.Argument(help="A series' id or its first characters.")]

app = make_app(help="Backgammon drills: positions, series, answers checked by an engine.")


@dataclass(frozen=True, kw_only=True)
class PlanFlags(Flags):
    """What a series is about."""

    count: Annotated[int, typer.Option(metavar="N", help="How many drills, 5 to 50.", rich_help_panel=_WHAT)] = (
        DEFAULT_DRILLS
    )
    phases: Annotated[
        list[str] | None,
        typer.Option(metavar="PHASE,…", help="OPENING, EARLY, MIDDLE, BEAROFF.", rich_help_panel=_WHAT),
    ] = None
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="The same seed takes the same positions.", rich_help_panel=_WHAT),
    ] = None
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="What to call it.", rich_help_panel=_WHAT)] = None
    batch_size: Annotated[
        int, typer.Option(metavar="N", help="Drills asked for in one call.", rich_help_panel=_WHAT)
    ] = 5
    max_positions_per_phase: Annotated[
        int, typer.Option(metavar="N", help="At most so many of a phase are loaded.", rich_help_panel=_WHAT)
    ] = 25

    def options(self) -> SeriesOptions:
        """The checked options. Raises ConfigurationError."""
        from qgen_dagster.services.drill_options import make_series_options

        return make_series_options(
            count=self.count,
            phases=tuple(split("--phases", self.phases)) or tuple(Phase),
            seed=self.seed,
            title=self.title,
            batch_size=self.batch_size,
            max_positions_per_phase=self.max_positions_per_phase,
        )


@dataclass(frozen=True, kw_only=True)
class DesignFlags(Flags):
    """How a series is made."""

    provider: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Only this one (procedural: built in).", rich_help_panel=_HOW),
    ] = None
    provider_tier: Annotated[
        Literal["primary", "fallback", "balanced"],
        typer.Option(metavar="TIER", help="primary, fallback or balanced.", rich_help_panel=_HOW),
    ] = "primary"
    skip_preflight: Annotated[
        bool, typer.Option("--skip-preflight", help="Do not ask each model once at the start.", rich_help_panel=_HOW)
    ] = False
    max_concurrent: Annotated[int, typer.Option(metavar="N", help="Calls at the same time.", rich_help_panel=_HOW)] = 10
    budget_usd: Annotated[
        float | None, typer.Option(metavar="USD", help="Stop when this much is spent.", rich_help_panel=_HOW)
    ] = None
    budget_tokens: Annotated[
        int | None, typer.Option(metavar="N", help="The same in tokens.", rich_help_panel=_HOW)
    ] = None
    triggered_by: Annotated[str, typer.Option(metavar="WHO", help="Recorded with the run.", rich_help_panel=_HOW)] = (
        "manual"
    )

    def options(self, *, retry: bool) -> BuildOptions:
        """The checked options. Raises ConfigurationError."""
        from qgen_dagster.services.drill_options import make_build_options

        return make_build_options(
            retry=retry,
            provider=self.provider,
            provider_tier=self.provider_tier,
            skip_preflight=self.skip_preflight,
            max_concurrent=self.max_concurrent,
            budget_usd=None if self.budget_usd is None else str(self.budget_usd),  # through text: 0.1 stays 0.1
            budget_tokens=self.budget_tokens,
            triggered_by=self.triggered_by,
        )


drill_positions.register(app)


@app.command(cls=Command)
@with_flags
def plan(what: PlanFlags, common: CommonFlags) -> None:
    """Plan a series, and make nothing yet.

    Which position, tier and methodology each drill gets is decided here.
    """
    from qgen_dagster.cli import drill_report
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.plan_drills import plan_drills

    options, settings, output = what.options(), load_settings(), Output(as_json=common.json)
    with open_bank(settings) as bank:
        series = plan_drills(bank, settings, options)
        slots = [slot for batch in _batches(bank, series) for slot in batch.slots]
    output.json({**drill_report.series_json(series), "slots": [asdict(slot) for slot in slots]})
    drill_report.show_plan(output, series, slots)


@app.command(cls=Command, epilog=BUILD_EXAMPLES)
@with_flags
def build(
    what: PlanFlags,
    how: DesignFlags,
    common: CommonFlags,
    series: Annotated[str | None, typer.Argument(help="A planned or stopped series.")] = None,
) -> None:
    """Make the drills of a series and check their answers."""
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.drill_designers import check_designers
    from qgen_dagster.services.plan_drills import find_series, plan_drills
    from qgen_dagster.services.recovery import close_dead_runs

    planned, options, settings = what.options(), how.options(retry=False), load_settings()
    if series is not None and what != PlanFlags():
        raise ConfigurationError(
            f"series {series} is planned already",
            hint="Leave away what is to be planned, or leave away SERIES for a new one.",
        )
    check_designers(settings, options)
    with open_bank(settings) as bank:
        close_dead_runs(bank)
        chosen = find_series(bank, series) if series else plan_drills(bank, settings, planned)
        _build(bank, settings, chosen, options, common)


@app.command(cls=Command)
@with_flags
def retry(how: DesignFlags, common: CommonFlags, series: SeriesArgument) -> None:
    """Make only the drills of a series that are missing."""
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.plan_drills import find_series
    from qgen_dagster.services.recovery import close_dead_runs

    options, settings = how.options(retry=True), load_settings()
    with open_bank(settings) as bank:
        close_dead_runs(bank)
        _build(bank, settings, find_series(bank, series), options, common)


@app.command(cls=Command)
@with_flags
def status(
    common: CommonFlags,
    series: Annotated[str | None, typer.Argument(help="One series; without it, all.")] = None,
    limit: LimitFlag = 20,
) -> None:
    """List series, or show one with its batches."""
    from qgen_dagster.bank.drills import list_series
    from qgen_dagster.cli import drill_report
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.plan_drills import find_series

    output = Output(as_json=common.json)
    with open_bank(load_settings()) as bank:
        if series is None:
            with bank.begin() as tx:
                found = list_series(tx, limit=limit)
            output.json({"series": [drill_report.series_json(each) for each in found]})
            if not common.json:
                drill_report.show_series_list(output, found)
            return
        one = find_series(bank, series)
        batches = _batches(bank, one)
    output.json({**drill_report.series_json(one), "batch_list": [drill_report.batch_json(b) for b in batches]})
    drill_report.show_series(output, one, batches)


@app.command(cls=Command)
@with_flags
def verify(
    common: CommonFlags,
    series: SeriesArgument,
    with_: Annotated[
        Literal["auto", "engine", "catalogue"],
        typer.Option("--with", metavar="WHAT", help="engine (gnubg), catalogue, or auto: gnubg where it is."),
    ] = "auto",
    plies: Annotated[int, typer.Option(metavar="N", min=0, max=4, help="How far gnubg looks ahead.")] = 2,
) -> None:
    """Check the answers of a series anew. Exit code 0 only when every one was checked and holds."""
    from qgen_dagster.cli import drill_report
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.drills import SeriesVerdict
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.plan_drills import find_series
    from qgen_dagster.services.verify_drills import verify_with_catalogue, verify_with_engine

    settings, output = load_settings(), Output(as_json=common.json)
    with open_bank(settings) as bank:
        found = find_series(bank, series)
        program = drill_positions.program_for(settings, required=with_ == "engine") if with_ != "catalogue" else None
        if program is None:
            if with_ == "auto":
                output.note("gnubg is not there; checking with the evaluations of the library.")
            result = verify_with_catalogue(bank, found.id)
        else:
            with drill_positions.counting("Checked", "drills", quiet=common.json) as told:
                result = verify_with_engine(bank, found.id, program, plies=plies, told=told)
    output.json({"series": str(found.id), **drill_report.verification_json(result)})
    drill_report.show_verification(output, result)
    if result.verdict is not SeriesVerdict.VERIFIED:
        raise typer.Exit(int(ExitCode.PARTIAL_FAILURE))


@app.command(cls=Command, epilog=SHOW_EXAMPLES)
@with_flags
def show(
    common: CommonFlags,
    series: SeriesArgument,
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[NUMBER]...", help="Only these drills.")] = None,
    answers: Annotated[bool, typer.Option("--answers", help="With answers, feedback and explanation.")] = False,
) -> None:
    """Show the drills of a series as a player sees them."""
    from qgen_dagster.cli import drill_report
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import drill_artifact
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.plan_drills import find_series

    output = Output(as_json=common.json)
    with open_bank(load_settings()) as bank:
        artifact = drill_artifact.rebuild(bank, find_series(bank, series).id)
    shown = drill_artifact.shown_drills(artifact, numbers or ())
    unknown = sorted(set(numbers or ()) - {stored.index + 1 for stored in shown})
    if unknown:
        raise ConfigurationError(
            f"the series has no drill {unknown[0]}", hint=f"It has {len(artifact.drills)}: qgen drills status {series}"
        )
    output.json({"drills": [drill_artifact.drill_document(artifact, stored) for stored in shown]})
    if not shown:
        output.note("The series has no drills yet.")
    for stored in shown:
        drill_report.show_drill(output, artifact, stored, answers=answers)


@app.command(cls=Command, epilog=EXPORT_EXAMPLES)
@with_flags
def export(
    common: CommonFlags,
    series: SeriesArgument,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="A folder for all files.")] = None,
    format_: Annotated[
        Literal["json", "markdown"], typer.Option("--format", metavar="FORMAT", help="json or markdown, without --to.")
    ] = "json",
) -> None:
    """Write a series as JSON or Markdown.

    It is rebuilt from its drills: to standard output, or to a folder with pictures of the boards.
    """
    from qgen_dagster.cli.output import Output, counted
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import drill_artifact
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.plan_drills import find_series

    if to is None and common.json:
        raise ConfigurationError("--json needs --to DIR: without it the series goes to standard output")
    with open_bank(load_settings()) as bank:
        artifact = drill_artifact.rebuild(bank, find_series(bank, series).id)
    if to is None:
        text = drill_artifact.as_json(artifact) if format_ == "json" else drill_artifact.as_markdown(artifact)
        typer.echo(text, nl=False)
        return
    try:
        files = drill_artifact.export(artifact, typed_path(to))
    except OSError as error:
        raise ConfigurationError(f"{to}: cannot be written: {error.strerror}") from error
    output = Output(as_json=common.json)
    output.json({"folder": str(to), "files": [str(path) for path in files]})
    output.note(f"{counted(len(files), 'file')} written to {to}")


def _build(bank: Bank, settings: Settings, series: StoredSeries, options: BuildOptions, common: CommonFlags) -> None:
    """Runs the build as a Dagster run, reports it, and leaves with the run's exit code."""
    from qgen_dagster.cli import drill_report, logs
    from qgen_dagster.cli.launcher import launcher
    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.services.plan_drills import load_series
    from qgen_dagster.services.verify_drills import last_verification

    logs.configure(settings.log_format, verbose=common.verbose)
    output, run_id = Output(as_json=common.json), uuid4()
    with (
        show_progress(quiet=common.json) as display,
        launcher(settings, bank, display, verbose=common.verbose) as launch,
    ):
        error = launch.build_series(run_id, series.id, options)
    run = _run(bank, run_id)
    if error is not None and run is None:
        raise error  # nothing was started
    done, found = load_series(bank, series.id), last_verification(bank, series.id)
    code = ExitCode(run["exit_code"]) if run and run["exit_code"] is not None else ExitCode.COMPLETE_FAILURE
    output.json(
        {
            **drill_report.series_json(done),
            "run": run_id,
            "seconds": run["duration_seconds"] if run else None,
            "cost_usd": run["cost_usd"] if run else None,
            "calls": run["total_api_calls"] if run else None,
            "error": run["error"] if run else None,
            "checks": drill_report.verification_json(found),
            "exit_code": int(code),
        }
    )
    if not common.json:
        drill_report.show_built(output, done, found, run or {})
    raise typer.Exit(int(code))


def _run(bank: Bank, run_id: UUID) -> dict[str, Any] | None:
    from qgen_dagster.bank.runs import get_run

    with bank.begin() as tx:
        return get_run(tx, run_id)


def _batches(bank: Bank, series: StoredSeries) -> Any:
    from qgen_dagster.bank.drills import list_batches

    with bank.begin() as tx:
        return list_batches(tx, series.id)
