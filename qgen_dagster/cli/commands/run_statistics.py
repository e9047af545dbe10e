"""`qgen runs stats|compare|trend|failures|cost|capacity`: questions about many runs.

Not here: the answers (`services/run_statistics.py`), how they look (`cli/statistics.py`), single runs (`runs.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qgen_dagster.cli.app import Command
from qgen_dagster.cli.flags import CommonFlags, with_flags
from qgen_dagster.cli.period import PeriodFlags

if TYPE_CHECKING:
    from qgen_dagster.tracking.stats_schemas import QuestionGenerationRunStats

_STREAK = "Runs in a row"
BelowFlag = Annotated[
    float, typer.Option(metavar="X", min=0, max=1, help="Success below this counts.", rich_help_panel=_STREAK)
]
ConsecutiveFlag = Annotated[
    int, typer.Option(metavar="N", min=1, max=100, help="So many in a row are an alert.", rich_help_panel=_STREAK)
]


def register(app: typer.Typer) -> None:
    """Adds the commands to the group `runs`."""
    for name, function in (
        ("stats", stats),
        ("trend", trend),
        ("compare", compare),
        ("failures", failures),
        ("cost", cost),
        ("capacity", capacity),
    ):
        app.command(name, cls=Command)(with_flags(function))


def stats(period: PeriodFlags, common: CommonFlags) -> None:
    """What the runs of a period did: totals, rates, scores, providers, types."""
    from qgen_dagster.cli import statistics as shown
    from qgen_dagster.cli.output import Output

    found = _stats(period)
    output = Output(as_json=common.json)
    output.json(found.model_dump(mode="json"))
    if not common.json:
        shown.show_stats(output, found)


def trend(
    period: PeriodFlags,
    common: CommonFlags,
    bucket: Annotated[Literal["day", "hour"], typer.Option(metavar="day|hour", help="One line for each.")] = "day",
) -> None:
    """Scores, rates and cost over time, and whether they get better or worse."""
    from datetime import UTC, datetime

    from qgen_dagster.cli import statistics as shown
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import run_statistics
    from qgen_dagster.services.database import open_bank

    now = datetime.now(UTC)
    asked = period.period(now)
    with open_bank(load_settings()) as bank:
        series = run_statistics.timeseries(bank, asked, bucket, now)
        found = run_statistics.run_stats(bank, asked, now)
    output = Output(as_json=common.json)
    told = found.model_dump(mode="json", include={"trends", "trend_rule"})
    output.json({**series.model_dump(mode="json"), **told})
    if not common.json:
        shown.show_trend(output, series, found)


def compare(
    period: PeriodFlags,
    common: CommonFlags,
    first: Annotated[str, typer.Argument(help="The prompt version before.")],
    second: Annotated[str, typer.Argument(help="The prompt version after.")],
) -> None:
    """Compare two prompt versions, over the whole history unless a period is given."""
    from datetime import UTC, datetime

    from qgen_dagster.cli import statistics as shown
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import run_statistics
    from qgen_dagster.services.database import open_bank

    now = datetime.now(UTC)
    with open_bank(load_settings()) as bank:
        if period.days == PeriodFlags.days:
            asked = run_statistics.whole_history(bank, now, period.begin, period.end, period.environment)
        else:
            asked = period.period(now)
        found = run_statistics.compare_versions(bank, asked, [first, second], now)
    output = Output(as_json=common.json)
    output.json(found.model_dump(mode="json"))
    if not common.json:
        shown.show_comparison(output, found)


def failures(
    period: PeriodFlags, common: CommonFlags, below: BelowFlag = 0.5, consecutive: ConsecutiveFlag = 3
) -> None:
    """Failed runs and what the calls failed with; the newest runs in a row that went badly."""
    from qgen_dagster.cli import statistics as shown

    found = _stats(period, threshold=below, streak=consecutive)
    _tell(common, found, {"period", "runs", "errors", "low_success_streak"}, shown.show_failures)


def cost(period: PeriodFlags, common: CommonFlags) -> None:
    """What runs and inserted questions cost, in dollars, calls and tokens."""
    from qgen_dagster.cli import statistics as shown

    _tell(common, _stats(period), {"period", "totals", "efficiency", "providers"}, shown.show_cost)


def capacity(period: PeriodFlags, common: CommonFlags) -> None:
    """How long runs take, and how many questions come in an hour."""
    from qgen_dagster.cli import statistics as shown

    _tell(common, _stats(period), {"period", "runs", "duration_seconds", "efficiency"}, shown.show_capacity)


def _stats(period: PeriodFlags, **options: Any) -> QuestionGenerationRunStats:
    from datetime import UTC, datetime

    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.run_statistics import run_stats

    now = datetime.now(UTC)
    asked = period.period(now)
    with open_bank(load_settings()) as bank:
        return run_stats(bank, asked, now, **options)


def _tell(common: CommonFlags, found: QuestionGenerationRunStats, parts: set[str], show: Any) -> None:
    from qgen_dagster.cli.output import Output

    output = Output(as_json=common.json)
    output.json(found.model_dump(mode="json", include=parts))
    if not common.json:
        show(output, found)
