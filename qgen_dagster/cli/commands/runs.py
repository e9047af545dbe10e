"""`qgen runs`: what was run, and how each run went.

Not here: the rows (`bank/runs.py`), going on with a run (`resume.py`), many runs together (`run_statistics.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.commands import run_prune, run_statistics
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, OffsetFlag, with_flags

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output
    from qgen_dagster.core.funnel import Funnel
    from qgen_dagster.core.taxonomy import Stratum

_STYLES = {
    "success": "green",
    "running": "cyan",
    "partial_failure": "yellow",
    "failed": "bold red",
    "killed": "bold red",
}
EXAMPLES = """
Examples:
  qgen runs list --status failed
  qgen runs show 3f2a91c0
  qgen runs stats --days 7
  qgen runs compare 2.0 2.1        did the new prompts help?
  qgen runs prune --older-than 90d --dry-run
"""

app = make_app(help="List runs, show one in detail, add many up, or delete old ones.", epilog=EXAMPLES)


@app.command("list", cls=Command)
@with_flags
def list_(
    common: CommonFlags,
    status: Annotated[
        Literal["running", "success", "partial_failure", "failed", "killed"] | None,
        typer.Option(metavar="STATUS", help="running, success, partial_failure, failed or killed."),
    ] = None,
    limit: LimitFlag = 20,
    offset: OffsetFlag = 0,
) -> None:
    """List runs, newest first."""
    from qgen_dagster.bank.runs import list_runs
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.run import RunStatus
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    statuses = [RunStatus(status)] if status else []
    with open_bank(settings) as bank, bank.begin() as tx:
        found = list_runs(tx, statuses=statuses, limit=limit, offset=offset)
    output = Output(as_json=common.json)
    output.json({"runs": found})
    if not common.json:
        _print_list(output, found)


@app.command(cls=Command)
@with_flags
def show(
    common: CommonFlags,
    run: Annotated[str, typer.Argument(help="A run's id or its first characters.")],
) -> None:
    """Show one run: how it went, and where its questions went."""
    from qgen_dagster.bank import runs as rows
    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.report import funnel_json
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.errors import ConfigurationError
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.recovery import resolve_run_id

    settings = load_settings()
    with open_bank(settings) as bank:
        run_id = resolve_run_id(bank, run)
        with bank.begin() as tx:
            row = rows.get_run(tx, run_id)
            funnels = rows.stratum_funnels(tx, run_id)
            later = rows.list_runs(tx, parent_run_id=run_id, limit=1_000)
    if row is None:
        raise ConfigurationError(f"run {run_id} was removed in the meantime")
    order = {stratum: place for place, stratum in enumerate(settings.taxonomy.strata)}
    funnels = dict(sorted(funnels.items(), key=lambda item: (order.get(item[0], len(order)), item[0])))
    output = Output(as_json=common.json)
    strata = {stratum.key: funnel_json(funnel) for stratum, funnel in funnels.items()}
    output.json({**row, "strata": strata, "later_rounds": [r["id"] for r in later]})
    if not common.json:
        _print_run(output, row, funnels, later)


run_statistics.register(app)
run_prune.register(app)


def _print_list(output: Output, found: list[dict[str, Any]]) -> None:
    from qgen_dagster.cli.output import local_time, make_table, money, short, span, styled
    from qgen_dagster.core.run import RunKind

    if not found:
        output.note("No runs.")
        return
    headers = ["id", "started", "status", "inserted", "cost", "took", "by"]
    rows = [
        [
            short(r["id"]),
            local_time(r["started_at"]),
            styled(r["status"].replace("_", " "), _STYLES.get(r["status"], "")),
            "drills" if r["kind"] == RunKind.DRILLS else f"{r['questions_inserted']:,}/{r['questions_requested']:,}",
            money(r["cost_usd"]),
            span(r["duration_seconds"]),
            r["triggered_by"] or "–",
        ]
        for r in found
    ]
    output.show(make_table(headers, rows, width=output.console.width, right=["inserted", "cost"], flexible="by"))


def _print_run(
    output: Output, row: dict[str, Any], funnels: dict[Stratum, Funnel], later: list[dict[str, Any]]
) -> None:
    from qgen_dagster.cli.output import cost_text, heading, local_time, pairs, short, span, styled
    from qgen_dagster.cli.report import funnel_text
    from qgen_dagster.core.funnel import sum_funnels
    from qgen_dagster.core.run import RunKind
    from qgen_dagster.tracking.metrics import unpriced_models

    total = sum_funnels(funnels.values())
    output.show(heading(f"Run {row['id']}"))
    output.show(styled(f"  {row['status'].replace('_', ' ')}", _STYLES.get(row["status"], "")))
    facts = [
        ("started", local_time(row["started_at"])),
        ("duration", span(row["duration_seconds"])),
        ("ended", row["stop_reason"]),
        ("error", row["error"]),
        ("cost", cost_text(row["cost_usd"], row["unpriced_calls"], unpriced_models(row["provider_metrics"]))),
        ("calls", f"{row['total_api_calls']:,}" if row["total_api_calls"] else None),
        ("tokens", _tokens(row)),
        ("triggered by", row["triggered_by"]),
        ("environment", row["environment"]),
        ("exit code", row["exit_code"]),
        ("round", row["round"]),
        ("first round", short(row["parent_run_id"]) if row["parent_run_id"] else None),
        ("later rounds", ", ".join(short(r["id"]) for r in reversed(later))),
    ]
    output.show(pairs(facts))
    if row["kind"] == RunKind.DRILLS:
        series = short((row["options"] or {}).get("series_id", ""))
        output.show(heading("Next"), pairs([(f"qgen drills status {series}", "the drill series it made")]), gap=True)
        return
    output.show(heading("Funnel"), funnel_text(total), gap=True)
    if funnels:
        output.show(heading("Strata"), _strata_table(output, funnels), gap=True)
    steps: list[tuple[str, object]] = [(f"qgen questions list --run {short(row['id'])}", "what it inserted")]
    if total.pending and row["status"] != "running":
        steps.insert(0, (f"qgen resume {short(row['id'])}", "go on with what is left"))
    output.show(heading("Next"), pairs(steps), gap=True)


def _strata_table(output: Output, funnels: dict[Stratum, Funnel]) -> Any:
    from qgen_dagster.cli.output import make_table

    numbers = ["requested", "generated", "lost", "waiting", "inserted"]
    rows = [
        [s.key, *(f"{n:,}" for n in (f.requested, f.generated, f.lost, f.pending, f.inserted))]
        for s, f in funnels.items()
    ]
    return make_table(["stratum", *numbers], rows, width=output.console.width, right=numbers, flexible="stratum")


def _tokens(row: dict[str, Any]) -> str | None:
    if row["input_tokens"] is None and row["output_tokens"] is None:
        return None
    return f"{row['input_tokens'] or 0:,} in, {row['output_tokens'] or 0:,} out"
