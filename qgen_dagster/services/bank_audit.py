"""Auditing the bank: the keys of active questions are proved once more, the longest unchecked first, within a budget.

An item model's question goes to its independent solver, any other to blind solvers as when it was made. One whose key
does not hold is taken out of the inventory, with who, why and the evidence, as long as its stratum keeps enough. Each
audit is a run of the kind `audit` with a row of its own. Not here: measuring the judges (`judge_audit.py`), SQL
(`bank/audits.py`).
"""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property, partial
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from qgen_dagster.bank import audits as rows
from qgen_dagster.bank.audits import AuditRecord
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.locks import Claims, hold_claims
from qgen_dagster.bank.questions import StoredQuestion
from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import BankBusyError, ExitCode
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.run import RunKind, RunStatus, exit_code_of
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.jobs import Jobs, run_all
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster.judging.solving import KeyFinding, NoSolver, Solution, solve_procedural
from qgen_dagster.services.calls import SOLVE, digest_of
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT, RunOptions, checked_options
from qgen_dagster.services.run_closing import EXIT_CODES, STOP_REASONS, ended, is_interruption
from qgen_dagster.services.run_reporter import RunReporter
from qgen_dagster.services.work import Work
from qgen_dagster.services.writers import Asked

DEFAULT_LIMIT = 500
MAX_LIMIT = 1_000_000
PORTION = 50  # questions between two commits
ACTOR = "audit"
_FINDINGS = {
    KeyFinding.PROVED: AuditFinding.PROVED,
    KeyFinding.WRONG: AuditFinding.WRONG,
    KeyFinding.AMBIGUOUS: AuditFinding.AMBIGUOUS,
}
_REASONS = {
    AuditFinding.WRONG: "wrong key: the solvers agree on another option",
    AuditFinding.AMBIGUOUS: "the key cannot be proved: several options, or none, can be justified",
}


class AuditOptions(BaseModel):
    """What an operator can choose for an audit. `floor` None: warning_min of alerting.yaml.

    `dry_run` takes nothing out, and tells what it would.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT
    floor: Annotated[int, Field(ge=0, le=MAX_LIMIT)] | None = None
    types: tuple[str, ...] = ()
    difficulties: tuple[str, ...] = ()
    dry_run: bool = False
    provider: Literal["procedural"] | None = None  # procedural: no language model is asked
    max_concurrent: Annotated[int, Field(ge=1, le=500)] = DEFAULT_MAX_CONCURRENT
    budget_usd: Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    budget_tokens: Annotated[int, Field(ge=0, le=10**12)] | None = None
    triggered_by: Annotated[str, Field(min_length=1, max_length=50)] = "manual"

    def run_options(self) -> RunOptions:
        """What of it shapes the calls."""
        names = {"types", "difficulties", "provider", "max_concurrent", "budget_usd", "budget_tokens", "triggered_by"}
        return RunOptions.model_validate(self.model_dump(include=names))


def make_audit_options(**values: object) -> AuditOptions:
    """AuditOptions, with a ConfigurationError that names the option."""
    return checked_options(AuditOptions, values)


@dataclass(frozen=True)
class AuditOutcome:
    """What became of the questions that were due. `unanswered` could not be asked about; they stay due."""

    due: int
    unanswered: int
    counts: Counter[tuple[AuditFinding, AuditAction]]

    @property
    def checked(self) -> int:
        return self.counts.total()

    def found(self, finding: AuditFinding) -> int:
        """How many questions this was found of."""
        return sum(count for (each, _), count in self.counts.items() if each is finding)

    def ended(self, action: AuditAction) -> int:
        """How many questions this became of."""
        return sum(count for (_, each), count in self.counts.items() if each is action)


@dataclass
class AuditRun:
    """An audit in this process. Made by `audit_run`; nothing is recorded until `check`."""

    work: Work
    options: AuditOptions
    claims: Claims
    due: int = 0
    unanswered: int = 0
    _begun: bool = False
    _error: BaseException | None = None
    _stopped_by: ErrorCategory | None = None
    _found: dict[UUID, Solution | str] = field(default_factory=dict)

    @property
    def run_id(self) -> UUID:
        return self.work.run_id

    @cached_property
    def _reporter(self) -> RunReporter:
        return RunReporter(self.work.bank, self.work.settings.reporting, self.work.clock)

    def check(self) -> AuditOutcome:
        """Looks at what is due. Raises BankBusyError when another audit is under way."""
        self._begin()
        floor = self._floor()
        with self.work.bank.begin() as tx:
            due = rows.due_questions(
                tx, self.work.strata, self.options.limit, with_item_model=self.work.writers is None
            )
        self.due = len(due)
        done = 0
        for start in range(0, len(due), PORTION):
            self.work.check_stop()
            portion = due[start : start + PORTION]
            self._solve(portion)
            self._decide(portion, floor)
            done += len(portion)
            self.work.progress(ProgressEvent("Audited", "bank", done, len(due), group_noun="audit"))
        return self.outcome()

    def outcome(self) -> AuditOutcome:
        """What is on record of this audit."""
        with self.work.bank.begin() as tx:
            return AuditOutcome(self.due, self.unanswered, Counter(rows.audit_counts(tx, self.run_id)))

    def failed(self, error: BaseException) -> None:
        """Remembers what went wrong; the first error counts."""
        self._error = self._error or error

    def close(self) -> None:
        """Closes the run's row truthfully."""
        if not self._begun:
            return
        self._begun = False
        outcome = self.outcome()
        status, exit_code = self._ending(outcome)

        def ending(tx: Transaction, started_at: datetime) -> dict[str, Any]:
            why = self._stop_reason(outcome)
            return {
                "questions_requested": outcome.due,
                **ended(started_at, self.work.clock(), status, exit_code, why, self._error),
            }

        self._reporter.close_as(ending)
        self._reporter.finish()

    def _begin(self) -> None:
        if not (self.claims.claim_audit() and self.claims.claim_run(self.run_id)):
            raise BankBusyError(
                "another audit of the bank is under way; nothing was started",
                hint="See it with: qgen runs list --status running",
            )
        values = {
            "kind": RunKind.AUDIT.value,
            "environment": self.work.settings.environment,
            "triggered_by": self.options.triggered_by,
            "options": self.options.model_dump(mode="json"),
            "host": socket.gethostname()[:255],
            "pid": os.getpid(),
        }
        self._reporter.begin(self.run_id, values)
        self._begun = True

    def _floor(self) -> int:
        if self.options.floor is not None:
            return self.options.floor
        return self.work.settings.alerting(None).inventory.thresholds().warning_min

    def _solve(self, portion: Sequence[StoredQuestion]) -> None:
        self._found.clear()
        written = []
        for stored in portion:
            if stored.question.item_model is None:
                written.append(stored)
                continue
            try:
                self._found[stored.id] = solve_procedural(stored.question)
            except NoSolver as error:
                self._found[stored.id] = str(error)
        if written:
            jobs = Jobs([partial(self._ask, stored) for stored in written])
            self.work.calls.run(run_all(jobs, self.work.calls.max_open, self.work.should_stop))

    async def _ask(self, stored: StoredQuestion) -> None:
        """Blind solvers' answers to one question; a question that nobody answers stays due."""
        writers = self.work.writers
        panel = writers.panel(Asked(stored.id, stored.provider), self._answer) if writers else None
        if panel is None:
            self._found[stored.id] = "no language model can be asked"
            return
        try:
            self._found[stored.id] = await panel.solve(stored.question, f"{self.run_id}/{stored.id}")
        except ProviderError as error:
            if error.category in EXIT_CODES:
                self._stopped_by = self._stopped_by or error.category

    async def _answer(self, call: Call, routes: Sequence[Route], which: int, again: int) -> Reply:
        # The journal must not answer with what was said when the question was made, or at an earlier audit.
        asked_now = Call(SOLVE, digest_of("audit", self.run_id, call.digest))
        return await self.work.calls.caller.call(asked_now, routes)

    def _decide(self, portion: Sequence[StoredQuestion], floor: int) -> None:
        at = self.work.clock()
        with self.work.bank.begin() as tx:
            records = []
            # In one order for everybody, since each stratum is locked until the end.
            for stored in sorted(portion, key=lambda stored: stored.question.stratum):
                found = self._found.get(stored.id)
                if found is None:
                    self.unanswered += 1
                elif isinstance(found, str):
                    records.append(AuditRecord(stored.id, AuditFinding.UNSOLVED, AuditAction.KEPT, {"why": found}))
                else:
                    records.append(self._record(tx, stored, found, floor))
            rows.record_audits(tx, self.run_id, at, records)
        self._reporter.keep_up()

    def _record(self, tx: Transaction, stored: StoredQuestion, solution: Solution, floor: int) -> AuditRecord:
        finding = _FINDINGS[solution.finding]
        action = AuditAction.KEPT
        if finding is not AuditFinding.PROVED:
            reason = f"{_REASONS[finding]} (audit {self.run_id}, by {solution.solver})"
            out = not self.options.dry_run and rows.take_out(tx, stored, floor=floor, actor=ACTOR, reason=reason)
            action = AuditAction.DEACTIVATED if out else AuditAction.SPARED
        return AuditRecord(stored.id, finding, action, solution.model_dump(mode="json"))

    def _ending(self, outcome: AuditOutcome) -> tuple[RunStatus, ExitCode]:
        if self._error is not None:
            status = RunStatus.PARTIAL_FAILURE if outcome.checked else RunStatus.FAILED
            known = getattr(self._error, "exit_code", None)
            return status, known if isinstance(known, ExitCode) else exit_code_of(status)
        if outcome.unanswered == 0 or self._stopped_by is ErrorCategory.BUDGET:
            return RunStatus.SUCCESS, ExitCode.SUCCESS  # what a budget leaves unchecked is due next time
        status = RunStatus.PARTIAL_FAILURE if outcome.checked else RunStatus.FAILED
        return status, EXIT_CODES[self._stopped_by] if self._stopped_by else exit_code_of(status)

    def _stop_reason(self, outcome: AuditOutcome) -> str:
        said = f"checked {outcome.checked} of {outcome.due} due, took out {outcome.ended(AuditAction.DEACTIVATED)}"
        if self._error is not None:
            return f"{'interrupted' if is_interruption(self._error) else 'an error ended it'}; {said}"
        if self._stopped_by is ErrorCategory.BUDGET:
            return f"the budget is spent; {said}"
        if outcome.unanswered and self._stopped_by is not None:
            return f"{STOP_REASONS[self._stopped_by]}; {said}"
        return said


@contextmanager
def audit_run(work: Work, options: AuditOptions) -> Iterator[AuditRun]:
    """The audit; whatever ends the block, its row is closed and the claims are given back."""
    with hold_claims(work.bank) as claims:
        run = AuditRun(work, options, claims)
        try:
            yield run
        except BaseException as error:
            run.failed(error)
            raise
        finally:
            run.close()
            work.close()
