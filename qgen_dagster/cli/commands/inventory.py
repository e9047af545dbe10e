"""`qgen inventory`: how well each stratum is stocked.

Not here: counting (`services/inventory.py`) and drawing the table (`cli/stock.py`).
"""

from __future__ import annotations

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, StockFlags, run_options, with_flags

EXAMPLES = """
Examples:
  qgen inventory                               the stock of every stratum
  qgen inventory --types math                  only one type
  qgen inventory --target-per-stratum 100      against another target
  qgen inventory --json | jq -r '.critical_strata[]'
"""

app = make_app()


@app.command(cls=Command, epilog=EXAMPLES)
@with_flags
def inventory(stock: StockFlags, common: CommonFlags) -> None:
    """Count the active questions of each stratum, and compare them with target and thresholds."""
    from qgen_dagster.cli import stock as shown
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.inventory import analyze

    settings = load_settings()
    options = run_options(settings, stock)
    with open_bank(settings) as bank:
        whole = analyze(bank, settings, options)
    analysis = whole.restrict(settings.taxonomy.select(options.types, options.difficulties))
    output = Output(as_json=common.json)
    output.json(shown.stock_json(analysis))
    if not common.json:
        output.show(shown.stock_table(analysis, output.console.width))
        output.show(shown.stock_summary(analysis), shown.thresholds_line(analysis), gap=True)
