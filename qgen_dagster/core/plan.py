"""The generation plan: how many questions each stratum gets in a run.

Here: the three-phase allocation, pure and exact. Not here: how many more candidates to ask for than are wanted
(`core/batch.py`), and storing plans (`bank/`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.inventory import InventoryAnalysis, StratumInventory
from qgen_dagster.core.taxonomy import Stratum

MAX_QUESTIONS_PER_RUN = 100_000


@dataclass(frozen=True)
class GenerationPlan:
    """Questions wanted in the bank per stratum, every analysed stratum named (0 where nothing is planned)."""

    allocations: Mapping[Stratum, int]

    @cached_property
    def total_questions(self) -> int:
        return sum(self.allocations.values())

    @cached_property
    def strata(self) -> tuple[Stratum, ...]:
        """The strata that get anything."""
        return tuple(s for s, count in self.allocations.items() if count)

    def get_types_to_generate(self) -> dict[str, int]:
        """Questions wanted per question type, types without any left out."""
        totals: dict[str, int] = {}
        for stratum, count in self.allocations.items():
            if count:
                totals[stratum.question_type] = totals.get(stratum.question_type, 0) + count
        return totals


def compute_generation_plan(target_total: int, analysis: InventoryAnalysis) -> GenerationPlan:
    """Allocate exactly `target_total` questions over the analysed strata; deterministic.

    1. Proportional: floor(target_total × deficit / total deficit), capped at the deficit, in priority order.
    2. What is left goes one at a time, round and round in priority order, to strata with unfilled deficit.
    3. What still remains goes one at a time over all strata in priority order.
    Without any deficit: floor(target_total / strata) each, the remainder to the first ones.
    Raises ConfigurationError for a negative or absurd total, or when there is no stratum to give anything to.
    """
    _check_total(target_total, analysis.strata)
    ranked = analysis.strata_by_priority
    if analysis.total_deficit == 0:
        shares = _evenly(target_total, [s.stratum for s in analysis.strata])
    else:
        shares = _proportional(target_total, ranked, analysis.total_deficit)
        _fill_deficits(shares, target_total, ranked)
        _deal(shares, target_total - sum(shares.values()), [s.stratum for s in ranked])
    return GenerationPlan({s.stratum: shares[s.stratum] for s in analysis.strata})


def spread_evenly(target_total: int, strata: Sequence[Stratum]) -> GenerationPlan:
    """The same number for each stratum whatever its stock, the remainder to the first ones; exactly `target_total`.

    Raises ConfigurationError for a negative or absurd total, or when there is no stratum to give anything to.
    """
    _check_total(target_total, strata)
    return GenerationPlan(_evenly(target_total, strata))


def _check_total(target_total: int, strata: Sequence[object]) -> None:
    if not 0 <= target_total <= MAX_QUESTIONS_PER_RUN:
        raise ConfigurationError(
            f"cannot plan {target_total} questions",
            hint=f"Ask for 0 to {MAX_QUESTIONS_PER_RUN:,} in one run.",
        )
    if target_total and not strata:
        raise ConfigurationError("no stratum to plan for")


def _proportional(target_total: int, ranked: Sequence[StratumInventory], total_deficit: int) -> dict[Stratum, int]:
    # Integer arithmetic: a float share such as 50 × (0.1 / 0.3) may round down one too far.
    return {s.stratum: min(s.deficit, target_total * s.deficit // total_deficit) for s in ranked}


def _fill_deficits(shares: dict[Stratum, int], target_total: int, ranked: Sequence[StratumInventory]) -> None:
    left = target_total - sum(shares.values())
    while left > 0:
        unfilled = [s.stratum for s in ranked if shares[s.stratum] < s.deficit][:left]
        if not unfilled:
            return
        for stratum in unfilled:
            shares[stratum] += 1
        left -= len(unfilled)


def _deal(shares: dict[Stratum, int], left: int, order: Sequence[Stratum]) -> None:
    for stratum, _ in zip(cycle(order), range(left), strict=False):
        shares[stratum] += 1


def _evenly(target_total: int, order: Sequence[Stratum]) -> dict[Stratum, int]:
    each, remainder = divmod(target_total, len(order)) if order else (0, 0)
    return {stratum: each + (i < remainder) for i, stratum in enumerate(order)}
