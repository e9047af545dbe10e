"""`qgen auto-balance`: fill the strata that run low.

Not here: the balance itself (`services/balance.py`), the flags (`cli/flags.py`), the report (`cli/report.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import BalanceFlags, CommonFlags, RunFlags, StockFlags, run_options, with_flags
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.options import RunOptions

EXAMPLES = """
Examples:
  qgen auto-balance --fill                       every stratum up to its target
  qgen auto-balance --count 200                  where they are needed most
  qgen auto-balance --types math,logic --fill    only these types
  qgen auto-balance --plan-only                  what would be made?
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def auto_balance(
    stock: StockFlags,
    balance: BalanceFlags,
    run: RunFlags,
    common: CommonFlags,
    plan_only: Annotated[bool, typer.Option("--plan-only", help="Print the plan and stop.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", hidden=True)] = False,
) -> None:
    """Look at the stock, plan what is missing, generate, judge, remove duplicates, insert, and record the run.

    Strata that are furthest from their target come first. Stopped runs are gone on with before new ones start.
    """
    if dry_run:
        raise ConfigurationError(
            "auto-balance cannot be a dry run: it plans from the stock in the database",
            hint="To see the plan: qgen plan. To make questions without a database: qgen generate --count 5 --dry-run",
        )
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    options = run_options(settings, stock, balance, run)
    if plan_only:
        from qgen_dagster.cli.commands.plan import print_plan

        print_plan(settings, options, as_json=common.json)
    else:
        execute(settings, options, as_json=common.json, verbose=common.verbose)


def execute(settings: Settings, options: RunOptions, *, as_json: bool, verbose: bool) -> None:
    """Runs a balance with these options, reports it, and leaves with its exit code."""
    from qgen_dagster.cli import logs, report
    from qgen_dagster.cli.launcher import launcher
    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.progress import show_progress
    from qgen_dagster.services.balance import balance
    from qgen_dagster.services.database import open_bank

    logs.configure(settings.log_format, verbose=verbose)
    output = Output(as_json=as_json)
    with open_bank(settings) as bank:
        with show_progress(quiet=as_json) as display, launcher(settings, bank, display, verbose=verbose) as launch:
            result = balance(bank, settings, options, launch, announce=display.say)
        output.json(report.balance_json(result))
        report.show_balance(output, result)
    raise typer.Exit(int(result.exit_code))
