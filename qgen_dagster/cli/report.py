"""What a finished run says: stock before and after, the funnel, cost, duration, and where to look next.

Not here: the run itself (`services/balance.py`), progress while it runs (`progress.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qgen_dagster.cli.output import Output, cost_text, counted, heading, pairs, short, span
from qgen_dagster.cli.stock import plan_json, stock_json, stock_summary, stock_table, thresholds_line
from qgen_dagster.core.funnel import DUPLICATE_LOSSES, Funnel, Loss

if TYPE_CHECKING:
    from qgen_dagster.services.balance import BalanceReport, RoundReport

_NOT_GENERATED = (Loss.NOT_GENERATED, Loss.SATURATED)
_REJECTED = (Loss.FLAWED, Loss.LOW_SCORE, Loss.LEAKED, Loss.WRONG_KEY, Loss.AMBIGUOUS, Loss.OFF_BAND)
_NOT_INSERTED = (Loss.SURPLUS, Loss.INSERTION_FAILED)
_WORDS = {
    Loss.NOT_GENERATED: "never came",
    Loss.SATURATED: "nothing new left",
    Loss.LOW_SCORE: "low score",
    Loss.WRONG_KEY: "wrong key",
    Loss.OFF_BAND: "off band",
    Loss.DUPLICATE_EXACT: "exact",
    Loss.DUPLICATE_STRUCTURAL: "structural",
    Loss.DUPLICATE_SEMANTIC: "semantic",
    Loss.SURPLUS: "surplus",
    Loss.INSERTION_FAILED: "refused by the database",
}


def show_balance(output: Output, report: BalanceReport) -> None:
    """The whole report on standard output."""
    if report.diagnostics:
        output.show(report.diagnostics)
        return
    width = output.console.width
    output.show(heading("Stock, before → after"), stock_table(report.after, width, report.before))
    output.show(stock_summary(report.after), thresholds_line(report.after), gap=True)
    output.show(heading("Funnel"), funnel_text(report.funnel), gap=True)
    if len(report.rounds) > 1:
        output.show(heading("Rounds"), "\n".join(_round_line(r) for r in report.rounds), gap=True)
    cost = cost_text(report.cost_usd, report.unpriced_calls, report.unpriced_models)
    facts = [("cost", cost), ("duration", span(report.duration_seconds)), ("ended", ended(report))]
    output.show(heading("Run"), pairs(facts), gap=True)
    output.show(heading("Next"), pairs(next_steps(report.rounds, report.funnel)), gap=True)


def balance_json(report: BalanceReport) -> dict[str, Any]:
    """The whole report for --json."""
    return {
        "exit_code": int(report.exit_code),
        "stop_reason": report.stop_reason,
        "saturated": report.saturated,
        "diagnostics": report.diagnostics,
        "plan": plan_json(report.plan),
        "before": stock_json(report.before),
        "after": stock_json(report.after),
        "funnel": funnel_json(report.funnel),
        "cost_usd": report.cost_usd,
        "unpriced_calls": report.unpriced_calls,
        "unpriced_models": report.unpriced_models,
        "duration_seconds": round(report.duration_seconds, 3),
        "rounds": [round_json(r) for r in report.rounds],
    }


def round_json(report: RoundReport) -> dict[str, Any]:
    """One round for --json."""
    return {
        "run_id": report.run_id,
        "number": report.number,
        "planned": report.planned,
        "status": report.status.value,
        "exit_code": int(report.exit_code),
        "funnel": funnel_json(report.funnel),
        "cost_usd": report.cost_usd,
        "unpriced_calls": report.unpriced_calls,
        "unpriced_models": report.unpriced_models,
        "duration_seconds": round(report.duration_seconds, 3),
        "error": report.error,
    }


def funnel_json(funnel: Funnel) -> dict[str, Any]:
    """The funnel for --json, with every named loss that occurred."""
    return {
        "requested": funnel.requested,
        "generated": funnel.generated,
        "approved": _approved(funnel),
        "unique": _unique(funnel),
        "inserted": funnel.inserted,
        "pending": funnel.pending,
        "salvaged": funnel.salvaged,
        "reclassified_in": funnel.reclassified_in,
        "reclassified_out": funnel.reclassified_out,
        "losses": {loss.value: count for loss, count in funnel.losses.items() if count},
    }


def funnel_text(funnel: Funnel, *, dry: bool = False) -> str:
    """The funnel from top to bottom, each loss named beside the step that it was lost at. A dry one ends early."""
    steps = [
        ("requested", funnel.requested, ""),
        ("generated", funnel.generated, _losses(funnel, _NOT_GENERATED)),
        ("approved", _approved(funnel), _losses(funnel, _REJECTED)),
        ("unique", _unique(funnel), _losses(funnel, DUPLICATE_LOSSES, "duplicate")),
        ("inserted", funnel.inserted, _losses(funnel, _NOT_INSERTED)),
    ]
    if dry:
        steps = steps[:3]
    digits = max(len(f"{count:,}") for _, count, _ in steps)
    lines = [f"  {name:<9}  {count:>{digits},}  {note}".rstrip() for name, count, note in steps]
    if funnel.pending and not dry:
        lines.append(f"  {'waiting':<9}  {funnel.pending:>{digits},}  qgen resume goes on with them")
    if funnel.salvaged:
        lines.append(f"  {'salvaged':<9}  {funnel.salvaged:>{digits},}  of the inserted were repaired first")
    return "\n".join(lines)


def next_steps(rounds: Sequence[RoundReport], funnel: Funnel) -> list[tuple[str, object]]:
    """Where to look from here."""
    steps: list[tuple[str, object]] = []
    if funnel.pending:
        steps.append(("qgen resume", "go on with what is left"))
    steps.append(("qgen up", "the Dagster web page, with every run and picture"))
    if rounds and rounds[-1].duration_seconds:  # one that was refused before it began has no row
        steps.append((f"qgen runs show {short(rounds[-1].run_id)}", "this run in detail"))
    steps.append(("qgen questions list", "the newest questions"))
    return steps


def ended(report: BalanceReport) -> str:
    """Why it ended, in a few words."""
    saturated = "; saturated: the providers have nothing new for these strata" if report.saturated else ""
    return f"{report.stop_reason}{saturated}"


def _round_line(report: RoundReport) -> str:
    error = f": {report.error}" if report.error else ""
    counts = f"{counted(report.funnel.inserted, 'question')} of {report.planned:,} inserted"
    return f"  {report.number}  {short(report.run_id)}  {report.status.value.replace('_', ' ')}, {counts}{error}"


def _losses(funnel: Funnel, losses: Sequence[Loss], kind: str = "") -> str:
    found = [(loss, funnel.losses[loss]) for loss in losses if funnel.losses.get(loss)]
    if not found:
        return ""
    named = ", ".join(f"{count:,} {_WORDS.get(loss, loss.value)}" for loss, count in found)
    total = sum(count for _, count in found)
    return f"−{counted(total, kind)}: {named}" if kind else f"−{total:,}: {named}"


def _approved(funnel: Funnel) -> int:
    return max(funnel.inserted, funnel.generated - sum(funnel.losses.get(loss, 0) for loss in _REJECTED))


def _unique(funnel: Funnel) -> int:
    return max(funnel.inserted, _approved(funnel) - funnel.duplicates)
