"""`qgen plan`: what auto-balance would make.

Not here: the planning (`services/inventory.py`, `core/plan.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import BalanceFlags, CommonFlags, StockFlags, run_options, with_flags

if TYPE_CHECKING:
    from qgen_dagster.bank.engine import Bank
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.core.plan import GenerationPlan
    from qgen_dagster.services.forecast import Forecast
    from qgen_dagster.services.options import RunOptions

EXAMPLES = """
Examples:
  qgen plan --count 200        how 200 questions would be shared out
  qgen plan --fill             everything that is missing
  qgen plan --json | jq .plan.allocations
  qgen plan --json | jq .estimate.cost_usd     what language models will cost
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def plan(stock: StockFlags, balance: BalanceFlags, common: CommonFlags) -> None:
    """Show how many questions auto-balance would make for each stratum, and what that will cost.

    Nothing is made or recorded. With keys of language models: who will make and judge, expected calls, tokens and cost,
    from what the last runs needed. For a provider, tier or batch size of your own: qgen auto-balance --plan-only
    """
    from qgen_dagster.config.settings import load_settings

    settings = load_settings()
    print_plan(settings, run_options(settings, stock, balance), as_json=common.json)


def print_plan(settings: Settings, options: RunOptions, *, as_json: bool) -> None:
    """Prints the plan and what it will cost, or the specification's early exit when nothing is missing."""
    from qgen_dagster.cli import forecast_report as cost
    from qgen_dagster.cli import stock as shown
    from qgen_dagster.cli.output import Output, counted, heading
    from qgen_dagster.services.balance import plan_only
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.inventory import early_exit_diagnostics

    output = Output(as_json=as_json)
    with open_bank(settings) as bank:
        whole, planned = plan_only(bank, settings, options)
        expected = _forecast(bank, settings, options, planned)
    analysis = whole.restrict(planned.allocations)
    diagnostics = None if planned.total_questions else early_exit_diagnostics(analysis)
    output.json(
        {
            "plan": shown.plan_json(planned),
            "inventory": shown.stock_json(analysis),
            "estimate": cost.forecast_json(expected) if expected else None,
            "diagnostics": diagnostics,
        }
    )
    if diagnostics:
        output.show(diagnostics)
        return
    width = 0 if as_json else output.console.width
    total = f"{counted(planned.total_questions, 'question')} in {counted(len(planned.strata), 'stratum')}"
    output.show(heading(f"Plan: {total}"), shown.plan_table(planned, analysis, width))
    output.show(shown.stock_summary(analysis), gap=True)
    if expected and not as_json:
        cost.show_forecast(output, expected)


def _forecast(bank: Bank, settings: Settings, options: RunOptions, plan: GenerationPlan) -> Forecast | None:
    """What language models will be asked; None where no provider has a key, or nothing is planned."""
    if not plan.total_questions or not settings.provider_environment:
        return None
    from qgen_dagster.services.forecast import forecast

    return forecast(bank, settings, options, plan)
