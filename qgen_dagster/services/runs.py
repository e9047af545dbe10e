"""A run's life: claimed, recorded as running, kept up to date, and closed in every case.

Here: `RunSession`. It holds advisory locks for as long as it lives, so another process can tell a live run from a dead
one, and two runs never fill the same stratum. Not here: finding dead runs (`services/recovery.py`), the stages.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from qgen_dagster.bank import batches as batch_rows
from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.locks import Claims, hold_claims
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import BankBusyError, ExitCode, QgenError, RunInterrupted
from qgen_dagster.core.funnel import Funnel, sum_funnels
from qgen_dagster.core.run import RunStatus, exit_code_of, status_of
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.work import Work
from qgen_dagster.tracking.metrics import funnel_from_json, run_metrics

# What keeps every provider from serving, and what the run's exit code says of it.
EXIT_CODES = {
    ErrorCategory.BILLING_QUOTA: ExitCode.BILLING,
    ErrorCategory.AUTHENTICATION: ExitCode.AUTHENTICATION,
    ErrorCategory.BUDGET: ExitCode.PARTIAL_FAILURE,
}
UNSERVED = "no provider could serve"
STOP_REASONS = {
    ErrorCategory.BILLING_QUOTA: "the account has no credit or quota left",
    ErrorCategory.AUTHENTICATION: "the key was refused",
    ErrorCategory.BUDGET: "the budget is spent",
}


class RunSession:
    """A run in this process. Made by `run_session`; nothing is recorded until `begin`.

    `judges_along`: the run judges too, so that generating need not leave that for later.
    """

    def __init__(
        self, work: Work, claims: Claims, parent_run_id: UUID | None, round_: int, *, judges_along: bool = False
    ) -> None:
        self.work = work
        self.judges_along = judges_along
        self._claims = claims
        self._parent_run_id = parent_run_id
        self._round = round_
        self._begun = False
        self._error: BaseException | None = None
        self._stopped_by: ErrorCategory | None = None
        self._settled: list[UUID] = []  # ended runs whose leftovers this one moved on

    @property
    def run_id(self) -> UUID:
        return self.work.run_id

    def claim(self, strata: Iterable[Stratum]) -> None:
        """Claims the strata for this run. Raises BankBusyError when a live run has one of them."""
        busy = self._claims.claim_strata(strata)
        if busy:
            raise BankBusyError(
                f"another run is filling {_some(busy)} right now; nothing was started",
                hint="See it with: qgen runs list --status running. When it has ended, start again.",
            )

    def begin(self, requested: int) -> None:
        """Records the run as running, or opens its row again when it goes on. Safe to call in every stage.

        Raises BankBusyError when another process is working on this very run.
        """
        if self._begun:
            return
        if not self._claims.claim_run(self.run_id):
            raise BankBusyError(f"run {self.run_id} is being worked on by another process")
        with self.work.bank.begin() as tx:
            run_rows.create_run(tx, self.run_id, self.work.clock(), self._first_values(requested))
        self._begun = True

    def enter(self, strata: Sequence[Stratum]) -> list[UUID]:
        """Claims the strata for a later stage; returns the runs whose candidates it is to move on.

        A run that has batches works on its own. One that has none (a stage started by itself) works on what runs
        that have ended left waiting. Raises BankBusyError.
        """
        self.claim(strata)
        with self.work.bank.begin() as tx:
            own = bool(batch_rows.list_batches(tx, self.run_id))
            waiting = set(job_rows.waiting_runs(tx))  # their calls are under way, and not to be made a second time
            left = [] if own else [r for r in candidate_rows.runs_with_pending(tx, strata) if r not in waiting]
        if own:
            self.begin(0)
            return [self.run_id]
        self._settled += [run_id for run_id in left if run_id not in self._settled]
        if left:
            self.work.calls.journal.run_id = left[0]
        return left

    def keep_up(self) -> None:
        """Brings the row's numbers up to date and shows a sign of life."""
        if self._begun:
            with self.work.bank.begin() as tx:
                refresh_run(tx, self.run_id, heartbeat_at=self.work.clock())

    def failed(self, error: BaseException) -> None:
        """Remembers what went wrong; the row tells it when the run is closed. The first error counts."""
        self._error = self._error or error

    def provider_stopped(self, category: ErrorCategory) -> None:
        """Remembers that nobody could serve because a key or an account does not work; the first one counts."""
        if category in EXIT_CODES:
            self._stopped_by = self._stopped_by or category

    def close(self) -> None:
        """Closes the row truthfully: by its funnel, or by the error that ended it."""
        if self._begun:
            with self.work.bank.begin() as tx:
                close_run(tx, self.run_id, self.work.clock(), self._error, self._stopped_by)
            self._begun = False
        for run_id in self._settled:
            with self.work.bank.begin() as tx:
                settle_run(tx, run_id)

    def _first_values(self, requested: int) -> dict[str, Any]:
        options = self.work.options
        return {
            "questions_requested": requested,
            "environment": self.work.settings.environment,
            "triggered_by": options.triggered_by,
            "min_arbiter_score_threshold": options.min_score,
            "options": options.model_dump(mode="json"),
            "parent_run_id": self._parent_run_id,
            "round": self._round,
            "heartbeat_at": self.work.clock(),
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
        }


@contextmanager
def run_session(
    work: Work, *, parent_run_id: UUID | None = None, round_: int = 1, judges_along: bool = False
) -> Iterator[RunSession]:
    """The run's session; whatever ends the block, the row is closed and the claims are given back."""
    with hold_claims(work.bank) as claims:
        session = RunSession(work, claims, parent_run_id, round_, judges_along=judges_along)
        try:
            yield session
        except BaseException as error:
            session.failed(error)
            raise
        finally:
            session.close()
            work.close()


def refresh_run(tx: Transaction, run_id: UUID, *, heartbeat_at: datetime | None = None) -> Funnel:
    """Computes the row's numbers anew from batches, candidates and calls; returns the funnel."""
    funnels = run_rows.stratum_funnels(tx, run_id)
    values = run_metrics(
        funnels,
        run_rows.call_counts(tx, run_id),
        run_rows.error_counts(tx, run_id),
        run_rows.provider_outcomes(tx, run_id),
        run_rows.score_counts(tx, run_id),
    )
    if heartbeat_at is not None:
        values["heartbeat_at"] = heartbeat_at
    run_rows.update_run(tx, run_id, values)
    return sum_funnels(funnels.values())


def close_run(
    tx: Transaction,
    run_id: UUID,
    at: datetime,
    error: BaseException | None = None,
    stopped_by: ErrorCategory | None = None,
) -> RunStatus | None:
    """Closes a running row: status, exit code, duration, reason. None when there is no such row.

    `stopped_by` says why no provider could serve what is missing; it decides the exit code of a run that is not whole.
    """
    row = run_rows.get_run(tx, run_id)
    if row is None:
        return None
    funnel = refresh_run(tx, run_id)
    waiting = job_rows.count_open(tx, run_id)
    status, exit_code = _ending(funnel, error, waiting)
    if stopped_by is not None and exit_code in (ExitCode.PARTIAL_FAILURE, ExitCode.COMPLETE_FAILURE):
        exit_code = EXIT_CODES[stopped_by]
    run_rows.update_run(
        tx,
        run_id,
        {
            "status": status.value,
            "exit_code": exit_code.value,
            "completed_at": max(at, row["started_at"]),
            "duration_seconds": max(0.0, (at - row["started_at"]).total_seconds()),
            "stop_reason": _stop_reason(funnel, error, stopped_by, waiting),
            "error": text_of(error),
        },
    )
    return status


def settle_run(tx: Transaction, run_id: UUID) -> None:
    """Brings a closed run's row up to date after a later run moved its leftover candidates on."""
    row = run_rows.get_run(tx, run_id)
    if row is None or row["status"] == RunStatus.RUNNING.value:
        return
    funnel = refresh_run(tx, run_id)
    if not funnel.pending and not row["error"]:
        status = status_of(funnel)
        run_rows.update_run(
            tx,
            run_id,
            {
                "status": status.value,
                "exit_code": exit_code_of(status).value,
                "stop_reason": "finished later, from what it had left",
            },
        )


def run_funnel(bank: Bank, run_id: UUID) -> Funnel:
    """Where the run's questions went, from its row."""
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
    return funnel_from_json(row["funnel"]["total"]) if row and row["funnel"] else Funnel()


def _ending(funnel: Funnel, error: BaseException | None, waiting: int) -> tuple[RunStatus, ExitCode]:
    if error is None and waiting:
        return RunStatus.PARTIAL_FAILURE, ExitCode.PARTIAL_FAILURE
    if error is None:
        status = status_of(funnel)
        return status, exit_code_of(status)
    kept = funnel.inserted or (is_interruption(error) and funnel.pending)
    status = RunStatus.PARTIAL_FAILURE if kept else RunStatus.FAILED
    return status, error.exit_code if isinstance(error, QgenError) else exit_code_of(status)


def is_interruption(error: BaseException) -> bool:
    """Whether the run was asked to stop, rather than hit by an error."""
    # Dagster's own interruption is a BaseException too, which only `defs/` may name.
    return isinstance(error, RunInterrupted) or not isinstance(error, Exception)


def _stop_reason(funnel: Funnel, error: BaseException | None, stopped_by: ErrorCategory | None, waiting: int) -> str:
    jobs = f"waits for {waiting:,} batch job{'s' if waiting > 1 else ''}" if waiting else ""
    if error is not None:
        what = "interrupted" if is_interruption(error) else "an error ended it"
        return f"{what}; {jobs}" if jobs else what
    if jobs:
        return jobs
    if stopped_by is not None:
        return f"{UNSERVED}: {STOP_REASONS[stopped_by]}"
    if funnel.requested == 0:
        return "nothing to do"
    if funnel.pending:
        return f"{funnel.pending} questions wait: qgen resume"
    return "finished"


def text_of(error: BaseException | None) -> str | None:
    """What a run's row says of the error that ended it."""
    if error is None:
        return None
    return error.message if isinstance(error, QgenError) else f"{type(error).__name__}: {error}"[:2000]


def _some(strata: tuple[Stratum, ...]) -> str:
    shown = ", ".join(s.key for s in strata[:3])
    return f"{shown} and {len(strata) - 3} more strata" if len(strata) > 3 else shown
