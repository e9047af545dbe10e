"""Looking at the stock, and planning what is missing.

Not here: how a plan is computed (`core/plan.py`), making the questions (`services/generate.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from qgen_dagster.bank import inventory as inventory_rows
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.inventory import InventoryAnalysis, analyze_inventory
from qgen_dagster.core.plan import GenerationPlan, compute_generation_plan, spread_evenly
from qgen_dagster.core.taxonomy import Stratum, parse_stratum_key
from qgen_dagster.services.options import RunOptions

if TYPE_CHECKING:
    from qgen_dagster.services.work import Work


def analyze(bank: Bank, settings: Settings, options: RunOptions) -> InventoryAnalysis:
    """The stock of every stratum, against the run's target and thresholds."""
    with bank.begin() as tx:
        return _analyze(tx, settings, options)


def _analyze(tx: Transaction, settings: Settings, options: RunOptions) -> InventoryAnalysis:
    return analyze_inventory(
        inventory_rows.active_counts(tx),
        settings.taxonomy.strata,
        target_per_stratum=options.target_per_stratum,
        thresholds=options.thresholds(settings.alerting(options.alerting_file).inventory.thresholds()),
    )


def take_snapshot(bank: Bank, settings: Settings, options: RunOptions) -> InventoryAnalysis:
    """Analyses the stock and keeps the result; also brings the register of strata up to date."""
    with bank.begin() as tx:
        analysis = _analyze(tx, settings, options)
        inventory_rows.register_strata(tx, settings.taxonomy.strata)
        inventory_rows.save_snapshot(tx, analysis)
    return analysis


def on_order(bank: Bank, at: datetime) -> Counter[Stratum]:
    """How many questions runs that wait for batch jobs may yet bring; the stock does not show them."""
    from qgen_dagster.bank import jobs as job_rows
    from qgen_dagster.bank.locks import is_run_alive
    from qgen_dagster.bank.runs import get_run

    ordered: Counter[Stratum] = Counter()
    with bank.begin() as tx:
        for run_id in job_rows.waiting_runs(tx, since=at - job_rows.LONGEST_JOB):
            row = None if is_run_alive(tx, run_id) else get_run(tx, run_id)
            for key, funnel in ((row or {}).get("funnel") or {}).get("strata", {}).items():
                ordered[parse_stratum_key(key)] += funnel["pending"]
    return ordered


def plan(
    analysis: InventoryAnalysis,
    settings: Settings,
    options: RunOptions,
    strata: Sequence[Stratum] | None = None,
    ordered: Mapping[Stratum, int] | None = None,
) -> GenerationPlan:
    """How many questions each chosen stratum gets.

    An explicit count is planned in full; otherwise the deficit is, up to `questions_per_run` unless the run fills. What
    is on order counts as if it were there.
    """
    chosen = strata if strata is not None else settings.taxonomy.select(options.types, options.difficulties)
    if options.evenly:
        return spread_evenly(options.count or 0, chosen)
    restricted = analysis.restrict(chosen).counting(ordered or {})
    total = options.count
    if total is None:
        most = restricted.total_deficit if options.fill else settings.questions_per_run
        total = min(restricted.total_deficit, most)
    return compute_generation_plan(total, restricted)


def plan_run(work: Work, strata: Sequence[Stratum] | None = None, *, plan_run_id: UUID | None = None) -> GenerationPlan:
    """The run's plan: the stored one where it has one (a run that goes on keeps its plan), else a new one, stored.

    `strata` narrows a new plan to some of the chosen strata, for runs of single partitions: those fill the whole
    deficit of their strata, or take their share of the plan that another run, `plan_run_id`, has made.
    """
    with work.bank.begin() as tx:
        stored = inventory_rows.load_plan(tx, work.run_id)
        shared = inventory_rows.load_plan(tx, plan_run_id) if plan_run_id else None
    if stored is not None:
        return stored
    if shared is not None:
        wanted = set(work.strata if strata is None else strata)
        new = GenerationPlan({s: count for s, count in shared.allocations.items() if s in wanted})
    else:
        analysis = analyze(work.bank, work.settings, work.options)
        options = work.options if strata is None else work.options.model_copy(update={"fill": True})
        new = plan(analysis, work.settings, options, strata, on_order(work.bank, work.clock()))
    with work.bank.begin() as tx:
        return inventory_rows.save_plan(tx, work.run_id, new)


def early_exit_diagnostics(analysis: InventoryAnalysis) -> str:
    """What a run with nothing to do says."""
    thresholds = analysis.thresholds
    return (
        "Auto-balance early exit: all strata at or above target\n"
        f"  Thresholds: healthy={thresholds.healthy_min}, warning={thresholds.warning_min}, "
        f"target_per_stratum={analysis.target_per_stratum}\n"
        f"  Analyzed {len(analysis.strata)} strata, {analysis.total} total active questions\n"
        f"  Below target: {len(analysis.strata_below_target)}, Critical: {len(analysis.critical_strata)}"
    )


def load_planned(tx: Transaction, run_id: UUID) -> int:
    """How many questions the run's plan wants; 0 for a run without one."""
    stored = inventory_rows.load_plan(tx, run_id)
    return stored.total_questions if stored else 0
