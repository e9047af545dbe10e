"""`qgen plan`: what auto-balance would make.

Not here: the planning (`services/inventory.py`, `core/plan.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import BalanceFlags, CommonFlags, StockFlags, run_options, with_flags

if TYPE_CHECKING:
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.options import RunOptions

EXAMPLES = """
Examples:
  qgen plan --count 200        how 200 questions would be shared out
  qgen plan --fill             everything that is missing
  qgen plan --json | jq .plan.allocations
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def plan(stock: StockFlags, balance: BalanceFlags, common: CommonFlags) -> None:
    """Show how many questions auto-balance would make for each stratum. Nothing is made or recorded."""
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    print_plan(settings, run_options(settings, stock, balance), as_json=common.json)


def print_plan(settings: Settings, options: RunOptions, *, as_json: bool) -> None:
    """Prints the plan, or the specification's early exit when nothing is missing."""
    from qgen_dagster.cli import stock as shown
    from qgen_dagster.cli.output import Output, counted, heading
    from qgen_dagster.services.balance import plan_only
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.inventory import early_exit_diagnostics

    output = Output(as_json=as_json)
    with open_bank(settings) as bank:
        whole, planned = plan_only(bank, settings, options)
    analysis = whole.restrict(planned.allocations)
    diagnostics = None if planned.total_questions else early_exit_diagnostics(analysis)
    output.json({"plan": shown.plan_json(planned), "inventory": shown.stock_json(analysis), "diagnostics": diagnostics})
    if diagnostics:
        output.show(diagnostics)
        return
    width = 0 if as_json else output.console.width
    total = f"{counted(planned.total_questions, 'question')} in {counted(len(planned.strata), 'stratum')}"
    output.show(heading(f"Plan: {total}"), shown.plan_table(planned, analysis, width))
    output.show(shown.stock_summary(analysis), gap=True)
