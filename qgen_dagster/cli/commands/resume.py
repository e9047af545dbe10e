"""`qgen resume`: go on with a run that was stopped, killed or left something waiting.

Not here: finding such runs (`services/recovery.py`), going on with one (`defs/`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, with_flags

EXAMPLES = """
Examples:
  qgen resume                  the newest run that has something left to do
  qgen resume 3f2a91c0         this one
  qgen runs list               which runs are there?
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def resume(
    common: CommonFlags,
    run: Annotated[
        str | None, typer.Argument(help="A run's id or its first characters; without it, the newest unfinished.")
    ] = None,
) -> None:
    """Go on where a run was stopped. No question is made twice, and no reply is paid for twice."""
    from qgen_dagster.cli import logs, report
    from qgen_dagster.cli.launcher import launcher
    from qgen_dagster.cli.output import Output, heading, money, pairs, short, span
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import recovery
    from qgen_dagster.services.balance import report_run
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    logs.configure(settings.log_format, verbose=common.verbose)
    output = Output(as_json=common.json)
    with open_bank(settings) as bank:
        recovery.close_dead_runs(bank)
        if run is None and not recovery.unfinished_runs(bank):
            output.json({"resumed": None})
            output.show("Nothing to go on with: no run has anything left to do.")
            return
        found = recovery.find_unfinished(bank, run)
        with (
            show_progress(quiet=common.json) as display,
            launcher(settings, bank, display, verbose=common.verbose) as launch,
        ):
            display.say(f"Going on with run {short(found.run_id)}: {found.pending:,} questions wait")
            error = launch.resume(found.run_id)
        result = report_run(bank, found.run_id, error)
    output.json(report.round_json(result))
    facts = [
        ("status", result.status.value.replace("_", " ")),
        ("cost", money(result.cost_usd)),
        ("duration", span(result.duration_seconds)),
        ("error", result.error),
    ]
    output.show(heading(f"Run {short(result.run_id)}"), pairs(facts))
    output.show(heading("Funnel"), report.funnel_text(result.funnel), gap=True)
    output.show(heading("Next"), pairs(report.next_steps([result], result.funnel)), gap=True)
    raise typer.Exit(int(result.exit_code))
