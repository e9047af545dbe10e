"""What a run's row says while it runs and when it has ended: numbers, status, exit code, reason.

Not here: when it is written (`run_reporter.py`), counting (`bank/runs.py`), the numbers themselves
(`tracking/metrics.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from qgen_dagster.bank import audits as audit_rows
from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import ExitCode, QgenError, RunInterrupted
from qgen_dagster.core.funnel import Funnel, sum_funnels
from qgen_dagster.core.run import RunStatus, exit_code_of, status_of
from qgen_dagster.tracking.metrics import run_metrics

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
    audited = audit_rows.audit_counts(tx, run_id)
    if audited:  # an audit asks for no questions and looks at those that are there
        values |= _audit_numbers(audited)
    if heartbeat_at is not None:
        values["heartbeat_at"] = heartbeat_at
    run_rows.update_run(tx, run_id, values)
    return sum_funnels(funnels.values())


def _audit_numbers(counts: Mapping[tuple[AuditFinding, AuditAction], int]) -> dict[str, int]:
    found = Counter[AuditFinding]()
    for (finding, _), count in counts.items():
        found[finding] += count
    return {
        "questions_evaluated": found.total(),
        "questions_approved": found[AuditFinding.PROVED],
        "questions_rejected": found[AuditFinding.WRONG] + found[AuditFinding.AMBIGUOUS],
    }


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
        ended(row["started_at"], at, status, exit_code, _stop_reason(funnel, error, stopped_by, waiting), error),
    )
    return status


def ended(
    started_at: datetime, at: datetime, status: RunStatus, exit_code: ExitCode, why: str, error: BaseException | None
) -> dict[str, Any]:
    """What a row says at its end, whatever kind of run it was."""
    return {
        "status": status.value,
        "exit_code": exit_code.value,
        "completed_at": max(at, started_at),
        "duration_seconds": max(0.0, (at - started_at).total_seconds()),
        "stop_reason": why,
        "error": text_of(error),
    }


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
