"""A run on a drill series: claimed, recorded as running, and closed in every case, like a run of questions.

Its row stands in `question_generation_runs` with the kind `drills`: it has calls, costs and errors, and no questions.
Statistics of questions leave it out. Not here: the work itself (`build_drills.py`, `verify_drills.py`).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank.drills import StoredSeries
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.locks import Claims, hold_claims
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import SeriesStatus, SeriesVerdict
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import BankBusyError, ExitCode, QgenError
from qgen_dagster.core.progress import Progress, silent
from qgen_dagster.core.run import RunKind, RunStatus, exit_code_of
from qgen_dagster.generation.calls import RetryPolicy
from qgen_dagster.services.budget import make_budget
from qgen_dagster.services.calls import Calls
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.drill_designers import Designers, make_designers
from qgen_dagster.services.drill_options import BuildOptions
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.plan_drills import load_series
from qgen_dagster.services.run_closing import EXIT_CODES, STOP_REASONS, UNSERVED, ended, is_interruption
from qgen_dagster.services.run_reporter import RunReporter
from qgen_dagster.services.work import now


@dataclass
class SeriesRun:
    """A run on one series in this process. Made by `series_run`; nothing is recorded until `begin`."""

    bank: Bank
    settings: Settings
    series_id: UUID
    run_id: UUID
    options: BuildOptions
    claims: Claims
    progress: Progress = silent
    clock: Callable[[], datetime] = now
    timer: Callable[[], float] = time.monotonic
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    should_stop: Callable[[], bool] = lambda: False
    _begun: bool = False
    _error: BaseException | None = None
    _stopped_by: ErrorCategory | None = None

    @cached_property
    def calls(self) -> Calls:
        """The run's calls, all in one pool, under one budget."""
        limits = RunOptions(budget_usd=self.options.budget_usd, budget_tokens=self.options.budget_tokens)
        return Calls(
            self.bank,
            self.run_id,
            max_concurrent=self.options.max_concurrent,
            timer=self.timer,
            retry=self.retry,
            budget=make_budget(self.bank, self.settings, limits, self.run_id, self.clock),
        )

    @cached_property
    def _reporter(self) -> RunReporter:
        return RunReporter(self.bank, self.settings.reporting, self.clock)

    @cached_property
    def designers(self) -> Designers:
        """Who designs. Raises ConfigurationError."""
        keys = self.settings.provider_environment
        desk = Desk(self.settings.llm, keys, timer=self.timer, on_close=self.calls.on_close) if keys else None
        return make_designers(self.settings, self.options, desk, self.progress)

    @property
    def series(self) -> StoredSeries:
        """The series as it stands. Raises ConfigurationError when it is not planned."""
        return load_series(self.bank, self.series_id)

    def begin(self) -> None:
        """Claims the series and records the run as running. Safe to call in every stage.

        Raises BankBusyError when another process is at work on the series.
        """
        if self._begun:
            return
        if not (self.claims.claim_series(self.series_id) and self.claims.claim_run(self.run_id)):
            raise BankBusyError(
                f"another process is at work on series {self.series_id}", hint="See it with: qgen drills status"
            )
        values = {
            "kind": RunKind.DRILLS.value,
            "environment": self.settings.environment,
            "triggered_by": self.options.triggered_by,
            "options": {"series_id": str(self.series_id), **self.options.model_dump(mode="json")},
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
        }
        self._reporter.begin(self.run_id, values)
        self._begun = True

    def keep_up(self) -> None:
        """Brings the row's numbers up to date and shows a sign of life."""
        self._reporter.keep_up()

    def failed(self, error: BaseException) -> None:
        """Remembers what went wrong; the first error counts."""
        self._error = self._error or error

    def provider_stopped(self, category: ErrorCategory) -> None:
        """Remembers that nobody could serve because of a key, an account or a budget; the first one counts."""
        if category in EXIT_CODES:
            self._stopped_by = self._stopped_by or category

    def close(self) -> None:
        """Closes the run's row truthfully: by what the series has, or by the error that ended the work."""
        if not self._begun:
            return
        self._begun = False
        series = self.series
        status, exit_code = self._ending(series)

        def ending(tx: Transaction, started_at: datetime) -> dict[str, Any]:
            if series.status is SeriesStatus.GENERATING:
                rows.pause_series(tx, self.series_id)
            return ended(started_at, self.clock(), status, exit_code, self._stop_reason(series), self._error)

        self._reporter.close_as(ending)
        self._reporter.finish()

    def _ending(self, series: StoredSeries) -> tuple[RunStatus, ExitCode]:
        if self._error is not None:
            status = RunStatus.PARTIAL_FAILURE if series.drills else RunStatus.FAILED
            known = isinstance(self._error, QgenError)
            return status, self._error.exit_code if known else exit_code_of(status)  # type: ignore[attr-defined]
        if not series.drills:
            status = RunStatus.FAILED
        elif series.missing or series.verification is SeriesVerdict.NEEDS_REVIEW:
            status = RunStatus.PARTIAL_FAILURE
        else:
            status = RunStatus.SUCCESS
        if series.missing and self._stopped_by is not None:
            return status, EXIT_CODES[self._stopped_by]
        return status, exit_code_of(status)

    def _stop_reason(self, series: StoredSeries) -> str:
        made = f"{series.drills} of {series.planned_drill_count} drills, {series.verification.value.lower()}"
        if self._error is not None:
            return f"{'interrupted' if is_interruption(self._error) else 'an error ended it'}; {made}"
        if series.missing and self._stopped_by is not None:
            return f"{UNSERVED}: {STOP_REASONS[self._stopped_by]}; {made}"
        return made


@contextmanager
def series_run(
    bank: Bank,
    settings: Settings,
    series_id: UUID,
    run_id: UUID,
    options: BuildOptions,
    *,
    progress: Progress = silent,
    should_stop: Callable[[], bool] = lambda: False,
    retry: RetryPolicy | None = None,
) -> Iterator[SeriesRun]:
    """The run; whatever ends the block, its row is closed and the claims are given back."""
    with hold_claims(bank) as claims:
        run = SeriesRun(bank, settings, series_id, run_id, options, claims, progress, should_stop=should_stop)
        if retry is not None:
            run.retry = retry
        try:
            yield run
        except BaseException as error:
            run.failed(error)
            raise
        finally:
            run.close()
            if "calls" in run.__dict__:
                run.calls.close()
