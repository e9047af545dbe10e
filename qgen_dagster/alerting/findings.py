"""What a check found: one thing that somebody should know, as it is now.

Here: `Finding`, and the findings about stock. Not here: those about runs (`run_rules.py`), whether they are told
(`decide.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from qgen_dagster.core.alert import AlertSeverity
from qgen_dagster.core.inventory import InventoryAnalysis, StockLevel, StratumInventory

STOCK = "stock"
_SEVERITY = {StockLevel.WARNING: AlertSeverity.WARNING, StockLevel.CRITICAL: AlertSeverity.CRITICAL}


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` and `subject` say what it is about, together the same as long as it lasts.

    An `event` (a failed run) happened and does not recover; anything else is told when it is over, too.
    """

    rule: str
    subject: str
    severity: AlertSeverity
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    event: bool = False
    run_id: UUID | None = None


def stock_findings(analysis: InventoryAnalysis) -> list[Finding]:
    """One for each stratum at the level warning or critical, in taxonomy order."""
    return [_of_stratum(s, analysis) for s in analysis.strata if s.level in _SEVERITY]


def stock_facts(stratum: StratumInventory, analysis: InventoryAnalysis) -> dict[str, Any]:
    """The numbers of a stratum that a message shows."""
    limits = analysis.thresholds
    return {
        "count": stratum.current_count,
        "target": stratum.target_count,
        "missing": stratum.deficit,
        "level": stratum.level.value,
        "warning_min": limits.warning_min,
        "critical_min": limits.critical_min,
        "question_type": stratum.stratum.question_type,
        "difficulty": stratum.stratum.difficulty,
    }


def stock_text(stratum: StratumInventory) -> str:
    """One line about a stratum."""
    count = stratum.current_count
    active = f"{count:,} active question{'' if count == 1 else 's'}"
    return f"{stratum.stratum.key} has {active}, {stratum.deficit:,} short of {stratum.target_count:,}"


def _of_stratum(stratum: StratumInventory, analysis: InventoryAnalysis) -> Finding:
    return Finding(
        rule=STOCK,
        subject=stratum.stratum.key,
        severity=_SEVERITY[stratum.level],
        text=stock_text(stratum),
        facts=stock_facts(stratum, analysis),
    )
