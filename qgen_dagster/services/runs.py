"""A run's life: claimed, recorded as running, kept up to date, and closed in every case.

Here: `RunSession`. It holds advisory locks for as long as it lives, so another process can tell a live run from a dead
one, and two runs never fill the same stratum. Not here: recording (`run_reporter.py`), finding dead runs
(`recovery.py`), the stages.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from qgen_dagster.bank import batches as batch_rows
from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.locks import Claims, hold_claims
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import BankBusyError
from qgen_dagster.core.funnel import Funnel
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.run_closing import EXIT_CODES
from qgen_dagster.services.run_reporter import RunReporter
from qgen_dagster.services.work import Work
from qgen_dagster.tracking.metrics import funnel_from_json


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
        self._reporter = RunReporter(work.bank, work.settings.reporting, work.clock)
        self._error: BaseException | None = None
        self._stopped_by: ErrorCategory | None = None
        self._settled: list[UUID] = []  # ended runs whose leftovers this one moved on
        self._nothing_left: set[Stratum] = set()  # claimed, and found without candidates to move on

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
        self._reporter.begin(self.run_id, self._first_values(requested))
        self._begun = True

    def enter(self, strata: Sequence[Stratum]) -> list[UUID]:
        """Claims the strata for a later stage; returns the runs whose candidates it is to move on.

        A run that has batches works on its own. One that has none (a stage started by itself) works on what runs
        that have ended left waiting. Raises BankBusyError.
        """
        self.claim(strata)
        if strata and self._nothing_left.issuperset(strata):
            return []
        with self.work.bank.begin() as tx:
            own = batch_rows.has_batches(tx, self.run_id)
            waiting = set(job_rows.waiting_runs(tx))  # their calls are under way, and not to be made a second time
            left = [] if own else [r for r in candidate_rows.runs_with_pending(tx, strata) if r not in waiting]
        if own:
            self.begin(0)
            return [self.run_id]
        if not left:  # so there will be none for the next stage either: the claims keep other runs off
            self._nothing_left |= set(strata)
        self._settled += [run_id for run_id in left if run_id not in self._settled]
        if left:
            self.work.calls.journal.run_id = left[0]
        return left

    def keep_up(self) -> None:
        """Brings the row's numbers up to date and shows a sign of life."""
        if self._begun:
            self._reporter.keep_up()

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
            self._reporter.close(self._error, self._stopped_by)
            self._begun = False
        for run_id in self._settled:
            self._reporter.settle(run_id)

    def finish(self) -> None:
        """Closes the row and ends what goes on beside the run."""
        try:
            self.close()
        finally:
            self._reporter.finish()

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
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
            **(self.work.writers.versions() if self.work.writers else {}),
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
            session.finish()
            work.close()


def run_funnel(bank: Bank, run_id: UUID) -> Funnel:
    """Where the run's questions went, from its row."""
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
    return funnel_from_json(row["funnel"]["total"]) if row and row["funnel"] else Funnel()


def _some(strata: tuple[Stratum, ...]) -> str:
    shown = ", ".join(s.key for s in strata[:3])
    return f"{shown} and {len(strata) - 3} more strata" if len(strata) > 3 else shown
