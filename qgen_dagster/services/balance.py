"""The main job: look at the stock, plan, run rounds until the stock is right or there is a reason to stop.

How a round is executed is handed in (`Launcher`), since every run is a Dagster run and only `defs/` knows Dagster. Not
here: the stages of a round.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol
from uuid import UUID, uuid4

from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.funnel import Funnel, sum_funnels
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.run import RunStatus, is_saturated
from qgen_dagster.services import inventory, recovery
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_closing import UNSERVED
from qgen_dagster.services.work import now
from qgen_dagster.services.writers import check_provider
from qgen_dagster.tracking.metrics import funnel_from_json, unpriced_models

MAX_AUTOMATIC_RESUMES = 3
MAX_ROUNDS = 100


@dataclass(frozen=True, slots=True)
class RoundRequest:
    """One run to execute. Later rounds of a fill name the first as their parent."""

    run_id: UUID
    options: RunOptions
    number: int = 1
    parent_run_id: UUID | None = None


class Launcher(Protocol):
    """Executes runs. Both return the error that ended the run, or None; the run's row tells the rest."""

    def run(self, request: RoundRequest) -> BaseException | None:
        """Executes a new run to its end."""
        ...

    def resume(self, run_id: UUID) -> BaseException | None:
        """Goes on with a run that ended early."""
        ...


@dataclass(frozen=True)
class RoundReport:
    """How one run went, as its row tells."""

    run_id: UUID
    number: int
    planned: int
    status: RunStatus
    funnel: Funnel
    cost_usd: Decimal | None
    duration_seconds: float
    error: str | None
    exit_code: ExitCode
    waiting_jobs: int = 0  # batch jobs that are not over
    unpriced_calls: int = 0  # calls whose cost is not known, by these models
    unpriced_models: tuple[str, ...] = ()


@dataclass(frozen=True)
class BalanceReport:
    """How a balance went, all rounds together. `diagnostics` is set when there was nothing to do."""

    plan: GenerationPlan
    before: InventoryAnalysis
    after: InventoryAnalysis
    rounds: tuple[RoundReport, ...]
    resumed: tuple[RoundReport, ...]
    duration_seconds: float
    stop_reason: str
    exit_code: ExitCode
    diagnostics: str | None = None

    @property
    def funnel(self) -> Funnel:
        return sum_funnels(r.funnel for r in self.rounds)

    @property
    def cost_usd(self) -> Decimal | None:
        costs = [r.cost_usd for r in self.rounds if r.cost_usd is not None]
        return sum(costs, Decimal()) if costs else None

    @property
    def unpriced_calls(self) -> int:
        return sum(r.unpriced_calls for r in self.rounds)

    @property
    def unpriced_models(self) -> list[str]:
        return sorted({name for r in self.rounds for name in r.unpriced_models})

    @property
    def saturated(self) -> bool:
        return is_saturated(self.funnel)


@dataclass
class _Balance:
    """The state of a balance under way."""

    bank: Bank
    settings: Settings
    options: RunOptions
    launcher: Launcher
    rounds: list[RoundReport] = field(default_factory=list)
    error: BaseException | None = None

    def run_round(self) -> RoundReport:
        first = self.rounds[0].run_id if self.rounds else None
        request = RoundRequest(uuid4(), self.options, len(self.rounds) + 1, first)
        self.error = self.launcher.run(request)
        report = report_run(self.bank, request.run_id, self.error)
        self.rounds.append(report)
        return report


def plan_only(bank: Bank, settings: Settings, options: RunOptions) -> tuple[InventoryAnalysis, GenerationPlan]:
    """The stock and what a run with these options would plan; nothing is written.

    Raises ConfigurationError where such a run would be refused.
    """
    check_provider(settings, options)
    analysis = inventory.analyze(bank, settings, options)
    return analysis, inventory.plan(analysis, settings, options, ordered=inventory.on_order(bank, now()))


def balance(
    bank: Bank,
    settings: Settings,
    options: RunOptions,
    launcher: Launcher,
    *,
    timer: Callable[[], float] = time.monotonic,
    announce: Callable[[str], None] = lambda line: None,
) -> BalanceReport:
    """Balances the bank: goes on with runs that were cut off, then runs one round, or more with `options.fill`.

    Raises ConfigurationError and DatabaseError when nothing could be started, and KeyboardInterrupt as it comes;
    whatever ends a round is in its row and in the report's exit code.
    """
    begun = timer()
    plan_only(bank, settings, options)  # refuses bad options before anything is touched
    resumed = _resume_cut_off(bank, launcher, announce)
    before, plan = plan_only(bank, settings, options)
    state = _Balance(bank, settings, options, launcher)
    stop_reason = _run_rounds(state, announce)
    after = inventory.analyze(bank, settings, options)
    return BalanceReport(
        plan=plan,
        before=before,
        after=after,
        rounds=tuple(state.rounds),
        resumed=resumed,
        duration_seconds=timer() - begun,
        stop_reason=stop_reason,
        exit_code=_exit_code(state.rounds),
        diagnostics=_diagnostics(before, plan),
    )


def next_round(options: RunOptions, last: RoundReport, number: int, planned_next: int, spent: Decimal) -> str | None:
    """Why no further round follows, or None when one does. Pure."""
    if last.error is not None:
        return last.error
    if not options.fill:
        return "one round was asked for"
    if last.waiting_jobs:
        return f"the last round waits for {last.waiting_jobs:,} batch jobs"
    if planned_next == 0:
        return "no deficit is left"
    if last.funnel.inserted == 0:
        return "saturated: nothing new to be had" if is_saturated(last.funnel) else "the last round made no progress"
    if number >= options.max_rounds:
        return f"{number} rounds were allowed"
    if options.budget_usd is not None and spent >= options.budget_usd:
        return f"the budget of {options.budget_usd} USD is spent"
    return None


def following_round(bank: Bank, settings: Settings, run_id: UUID) -> RoundRequest | str:
    """The round that follows a finished run, or why none does. For whoever runs rounds without `balance`."""
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
        if row is None or row["options"] is None:
            return f"run {run_id} is not on record"
        first = run_rows.get_run(tx, row["parent_run_id"] or run_id)
        later = run_rows.list_runs(tx, parent_run_id=row["parent_run_id"] or run_id, limit=MAX_ROUNDS)
    options = RunOptions.model_validate(row["options"])
    costs = {r["id"]: r["cost_usd"] for r in (first, row, *later) if r and r["cost_usd"] is not None}
    spent = sum(costs.values(), Decimal())
    _, plan = plan_only(bank, settings, options)
    reason = next_round(options, report_run(bank, run_id), row["round"], plan.total_questions, spent)
    if reason is not None:
        return reason
    return RoundRequest(uuid4(), options, row["round"] + 1, row["parent_run_id"] or run_id)


def report_run(bank: Bank, run_id: UUID, error: BaseException | None = None) -> RoundReport:
    """How a run went, from its row; a run that never came to have one is told by its error."""
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
        planned = inventory.load_planned(tx, run_id)
        waiting = job_rows.count_open(tx, run_id)
    message = str(getattr(error, "message", error)) if error is not None else None
    if row is None:
        code = getattr(error, "exit_code", ExitCode.COMPLETE_FAILURE)
        return RoundReport(run_id, 1, planned, RunStatus.FAILED, Funnel(), None, 0.0, message or "not started", code)
    return RoundReport(
        run_id=run_id,
        number=row["round"],
        planned=planned,
        status=RunStatus(row["status"]),
        funnel=funnel_from_json(row["funnel"]["total"]) if row["funnel"] else Funnel(),
        cost_usd=row["cost_usd"],
        duration_seconds=row["duration_seconds"] or 0.0,
        error=row["error"] or message or unserved(row["stop_reason"]),
        exit_code=ExitCode(row["exit_code"] if row["exit_code"] is not None else 2),
        waiting_jobs=waiting,
        unpriced_calls=row["unpriced_calls"],
        unpriced_models=tuple(unpriced_models(row["provider_metrics"])),
    )


def unserved(stop_reason: str | None) -> str | None:
    """The reason why a run stopped, where it is that nobody could serve it: for whoever asks what went wrong."""
    return stop_reason if stop_reason and stop_reason.startswith(UNSERVED) else None


def _resume_cut_off(bank: Bank, launcher: Launcher, announce: Callable[[str], None]) -> tuple[RoundReport, ...]:
    recovery.close_dead_runs(bank)
    cut_off = [run for run in recovery.unfinished_runs(bank) if run.abrupt and run.pending]
    reports = []
    for run in cut_off[:MAX_AUTOMATIC_RESUMES]:
        announce(f"Run {run.run_id} was cut off with {run.pending} questions under way: going on with it first")
        reports.append(report_run(bank, run.run_id, launcher.resume(run.run_id)))
    return tuple(reports)


def _run_rounds(state: _Balance, announce: Callable[[str], None]) -> str:
    while True:
        last = state.run_round()
        _, plan = plan_only(state.bank, state.settings, state.options)
        spent = sum((r.cost_usd for r in state.rounds if r.cost_usd is not None), Decimal())
        reason = next_round(state.options, last, len(state.rounds), plan.total_questions, spent)
        if reason is not None:
            return reason
        announce(f"Round {last.number}: {last.funnel.inserted} inserted, {plan.total_questions} still wanted")


def _exit_code(rounds: list[RoundReport]) -> ExitCode:
    """The last round's word, unless it failed after earlier rounds had inserted something."""
    last = rounds[-1].exit_code
    if last is ExitCode.COMPLETE_FAILURE and any(r.funnel.inserted for r in rounds):
        return ExitCode.PARTIAL_FAILURE
    return last


def _diagnostics(before: InventoryAnalysis, plan: GenerationPlan) -> str | None:
    if plan.total_questions:
        return None
    return inventory.early_exit_diagnostics(before.restrict(plan.allocations))
