"""How well the bank is stocked: counts in, levels and deficits out.

Here: `Thresholds`, `stock_level`, `StratumInventory`, `InventoryAnalysis`, `analyze_inventory`. "Inventory" counts
active questions only, for planner, alerts, API and UI alike. Not here: the SQL that counts (`bank/inventory.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.taxonomy import Stratum

DEFAULT_HEALTHY_MIN = 50
DEFAULT_WARNING_MIN = 20
DEFAULT_CRITICAL_MIN = 5
DEFAULT_TARGET_PER_STRATUM = 50


class StockLevel(StrEnum):
    """How urgent a stratum is, best first."""

    HEALTHY = "healthy"
    LOW = "low"
    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The smallest count at which a stratum still has each level; below `critical_min` it is critical.

    Raises ConfigurationError unless healthy_min ≥ warning_min ≥ critical_min ≥ 0.
    """

    healthy_min: int = DEFAULT_HEALTHY_MIN
    warning_min: int = DEFAULT_WARNING_MIN
    critical_min: int = DEFAULT_CRITICAL_MIN

    def __post_init__(self) -> None:
        if not self.healthy_min >= self.warning_min >= self.critical_min >= 0:
            raise ConfigurationError(
                f"thresholds out of order: healthy {self.healthy_min}, warning {self.warning_min}, "
                f"critical {self.critical_min}",
                hint="They must satisfy healthy ≥ warning ≥ critical ≥ 0.",
            )


def stock_level(count: int, thresholds: Thresholds) -> StockLevel:
    """The level of a stratum that holds `count` active questions."""
    if count >= thresholds.healthy_min:
        return StockLevel.HEALTHY
    if count >= thresholds.warning_min:
        return StockLevel.LOW
    if count >= thresholds.critical_min:
        return StockLevel.WARNING
    return StockLevel.CRITICAL


@dataclass(frozen=True, slots=True)
class StratumInventory:
    """One stratum's stock. `fill_priority` is min(1, deficit / target): higher is more urgent."""

    stratum: Stratum
    current_count: int
    target_count: int
    deficit: int
    fill_priority: float
    level: StockLevel


@dataclass(frozen=True)
class InventoryAnalysis:
    """The stock of every stratum looked at, in taxonomy order."""

    strata: tuple[StratumInventory, ...]
    target_per_stratum: int
    thresholds: Thresholds

    @cached_property
    def total(self) -> int:
        return sum(s.current_count for s in self.strata)

    @cached_property
    def total_deficit(self) -> int:
        return sum(s.deficit for s in self.strata)

    @cached_property
    def strata_below_target(self) -> tuple[StratumInventory, ...]:
        return tuple(s for s in self.strata if s.deficit > 0)

    @cached_property
    def critical_strata(self) -> tuple[StratumInventory, ...]:
        return tuple(s for s in self.strata if s.level is StockLevel.CRITICAL)

    @cached_property
    def strata_by_priority(self) -> tuple[StratumInventory, ...]:
        """Most urgent first; equal priorities keep taxonomy order."""
        return tuple(sorted(self.strata, key=lambda s: -s.fill_priority))

    def restrict(self, strata: Iterable[Stratum]) -> InventoryAnalysis:
        """The analysis of only the given strata."""
        wanted = set(strata)
        kept = tuple(s for s in self.strata if s.stratum in wanted)
        return InventoryAnalysis(kept, self.target_per_stratum, self.thresholds)

    def counting(self, ordered: Mapping[Stratum, int]) -> InventoryAnalysis:
        """The analysis as if what is on order were there already, for planning."""
        return analyze_inventory(
            {s.stratum: s.current_count + ordered.get(s.stratum, 0) for s in self.strata},
            (s.stratum for s in self.strata),
            target_per_stratum=self.target_per_stratum,
            thresholds=self.thresholds,
        )


def analyze_inventory(
    counts: Mapping[Stratum, int],
    strata: Iterable[Stratum],
    *,
    target_per_stratum: int = DEFAULT_TARGET_PER_STRATUM,
    thresholds: Thresholds | None = None,
) -> InventoryAnalysis:
    """Deficit, priority and level of each stratum; strata missing from `counts` hold none.

    Raises ConfigurationError when the target is not positive.
    """
    if target_per_stratum < 1:
        raise ConfigurationError(f"target per stratum must be at least 1, got {target_per_stratum}")
    limits = thresholds or Thresholds()
    return InventoryAnalysis(
        tuple(_stock(s, counts.get(s, 0), target_per_stratum, limits) for s in strata),
        target_per_stratum,
        limits,
    )


def _stock(stratum: Stratum, count: int, target: int, thresholds: Thresholds) -> StratumInventory:
    deficit = max(0, target - count)
    return StratumInventory(
        stratum=stratum,
        current_count=count,
        target_count=target,
        deficit=deficit,
        fill_priority=min(1.0, deficit / target),
        level=stock_level(count, thresholds),
    )
