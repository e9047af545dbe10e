"""The stock of the bank and plans over it, as tables and as JSON.

Not here: what a level means (`core/inventory.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qgen_dagster.cli.output import GAP, counted, make_table
from qgen_dagster.core.inventory import InventoryAnalysis, StockLevel, StratumInventory
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.taxonomy import Stratum

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_STYLES = {
    StockLevel.HEALTHY: "green",
    StockLevel.LOW: "cyan",
    StockLevel.WARNING: "yellow",
    StockLevel.CRITICAL: "bold red",
}


def stock_table(after: InventoryAnalysis, width: int, before: InventoryAnalysis | None = None) -> RenderableType:
    """Types × difficulties where that fits into `width` columns, otherwise one line per stratum."""
    was = {s.stratum: s.current_count for s in before.strata} if before else {}
    cells = {s.stratum: _cell(s, was.get(s.stratum), _digits(after, before)) for s in after.strata}
    types, levels = _axes(after)
    needed = max(len(t) for t in types) + sum(
        GAP + max(len(level), *(len(cells[Stratum(t, level)]) for t in types if Stratum(t, level) in cells))
        for level in levels
    )
    if needed > width:
        return _long_table(after, was, width)
    rows = [[name, *(cells.get(Stratum(name, level), "") for level in levels)] for name in types]
    return make_table(["", *levels], rows, width=width)


def plan_table(plan: GenerationPlan, analysis: InventoryAnalysis, width: int) -> RenderableType:
    """Questions planned per stratum: types × difficulties where that fits, otherwise one line per stratum."""
    types, levels = _axes(analysis.restrict(plan.allocations))
    needed = max(len(t) for t in types) + sum(GAP + max(len(level), 6) for level in levels)
    if needed > width:
        listed = [[s.key, f"{plan.allocations[s]:,}"] for s in plan.strata]
        return make_table(["stratum", "planned"], listed, width=width, right=["planned"], flexible="stratum")
    rows = [[name, *(_planned(plan.allocations.get(Stratum(name, level))) for level in levels)] for name in types]
    return make_table(["", *levels], rows, width=width, right=levels)


def stock_summary(analysis: InventoryAnalysis) -> str:
    """The stock in one or two sentences."""
    below, critical = len(analysis.strata_below_target), len(analysis.critical_strata)
    total = f"{counted(analysis.total, 'active question')} in {counted(len(analysis.strata), 'stratum')}"
    if not below:
        return f"{total}; every stratum has its {analysis.target_per_stratum:,}."
    missing = f"{analysis.total_deficit:,} missing in {below:,}"
    return f"{total}; {missing} (target {analysis.target_per_stratum:,}), {critical:,} critical."


def thresholds_line(analysis: InventoryAnalysis) -> str:
    """What the level words mean."""
    t = analysis.thresholds
    return (
        f"healthy from {t.healthy_min:,} · low from {t.warning_min:,} · "
        f"warning from {t.critical_min:,} · critical below"
    )


def stock_json(analysis: InventoryAnalysis) -> dict[str, Any]:
    """The analysis for --json."""
    t = analysis.thresholds
    return {
        "total": analysis.total,
        "total_deficit": analysis.total_deficit,
        "target_per_stratum": analysis.target_per_stratum,
        "thresholds": {"healthy": t.healthy_min, "warning": t.warning_min, "critical": t.critical_min},
        "strata_below_target": [s.stratum.key for s in analysis.strata_below_target],
        "critical_strata": [s.stratum.key for s in analysis.critical_strata],
        "strata": [_stratum_json(s) for s in analysis.strata],
    }


def plan_json(plan: GenerationPlan) -> dict[str, Any]:
    """The plan for --json."""
    return {
        "total_questions": plan.total_questions,
        "types": plan.get_types_to_generate(),
        "allocations": {stratum.key: count for stratum, count in plan.allocations.items()},
    }


def level_text(level: StockLevel, text: str | None = None) -> Text:
    """The level's word, or `text`, in its colour."""
    from rich.text import Text

    return Text(text or level.value, style=_STYLES[level])


def _axes(analysis: InventoryAnalysis) -> tuple[list[str], list[str]]:
    types = list(dict.fromkeys(s.stratum.question_type for s in analysis.strata))
    levels = list(dict.fromkeys(s.stratum.difficulty for s in analysis.strata))
    return types or [""], levels or [""]


def _digits(after: InventoryAnalysis, before: InventoryAnalysis | None) -> tuple[int, int]:
    def widest(analysis: InventoryAnalysis | None) -> int:
        return max((len(f"{s.current_count:,}") for s in analysis.strata), default=1) if analysis else 0

    return widest(before), widest(after)


def _cell(stock: StratumInventory, was: int | None, digits: tuple[int, int]) -> Text:
    from rich.text import Text

    cell = Text()
    if was is not None:
        cell.append(f"{was:>{digits[0]},} → ", style="dim")
    cell.append(f"{stock.current_count:>{digits[1]},} ")
    cell.append_text(level_text(stock.level))
    return cell


def _long_table(analysis: InventoryAnalysis, was: Mapping[Stratum, int], width: int) -> RenderableType:
    headers = ["stratum", *(["before"] if was else []), "active", "target", "missing", "level"]
    rows: list[list[str | Text]] = []
    for s in analysis.strata:
        before = [f"{was.get(s.stratum, 0):,}"] if was else []
        numbers = (f"{s.current_count:,}", f"{s.target_count:,}", f"{s.deficit:,}")
        rows.append([s.stratum.key, *before, *numbers, level_text(s.level)])
    right = ("before", "active", "target", "missing")
    return make_table(headers, rows, width=width, right=right, flexible="stratum")


def _planned(count: int | None) -> str:
    if count is None:
        return ""
    return f"{count:,}" if count else "–"


def _stratum_json(stock: StratumInventory) -> dict[str, Any]:
    return {
        "key": stock.stratum.key,
        "question_type": stock.stratum.question_type,
        "difficulty": stock.stratum.difficulty,
        "current_count": stock.current_count,
        "target_count": stock.target_count,
        "deficit": stock.deficit,
        "fill_priority": round(stock.fill_priority, 4),
        "level": stock.level.value,
    }
