"""What runs, calls and the outbox say about whether all is well: one query for each run rule.

Not here: what of it is worth an alert (`alerting/run_rules.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Float, and_, case, cast, func, select

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import alerts, report_outbox
from qgen_dagster.bank.tables import candidates, llm_calls, llm_jobs, question_batches, runs
from qgen_dagster.core.alert import AlertState
from qgen_dagster.core.job_state import OPEN
from qgen_dagster.core.run import RunKind, RunStatus

Row = dict[str, Any]
MAX_RUNS = 200
# Runs rarely take longer; the bound lets an index find what ended lately.
LONGEST_RUN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class PeriodSums:
    """Runs that started in a period, added up. `score_sum` is weighted by what was evaluated with a score."""

    evaluated: int
    approved: int
    scored: int
    score_sum: float
    duplicates: int
    inserted: int
    cost_usd: Decimal | None


def latest_runs(tx: Transaction, limit: int = MAX_RUNS) -> list[Row]:
    """The newest runs, those under way included, newest first."""
    c = runs.c
    columns = (c.id, c.kind, c.started_at, c.completed_at, c.status, c.exit_code, c.total_api_calls)
    query = (
        select(*columns, c.overall_success_rate, c.stop_reason, c.error_summary)
        .order_by(c.started_at.desc(), c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in tx.execute(query)]


def failed_runs(tx: Transaction, since: datetime) -> list[Row]:
    """Runs that ended failed or were killed since then, oldest first."""
    c = runs.c
    columns = (c.id, c.started_at, c.completed_at, c.status, c.exit_code, c.stop_reason, c.error, c.triggered_by)
    query = select(*columns, c.questions_requested, c.questions_inserted).where(
        c.status.in_([RunStatus.FAILED.value, RunStatus.KILLED.value]),
        c.started_at >= since - LONGEST_RUN,
        func.greatest(c.completed_at, c.created_at) >= since,
    )
    newest = query.order_by(c.started_at.desc(), c.id).limit(MAX_RUNS)
    return [dict(row._mapping) for row in tx.execute(newest)][::-1]


def silent_runs(tx: Transaction, now: datetime, quiet_for: timedelta) -> list[Row]:
    """Runs of this installation that are `running` and have shown no sign of life for so long, with the last sign.

    A sign of life is the run's own heartbeat, or a call, batch or candidate of it. A run with batch jobs under way
    waits for its provider and is left out, as is one that is reported from elsewhere.
    """
    c = runs.c
    signs = func.greatest(
        c.heartbeat_at,
        c.started_at,
        select(func.max(llm_calls.c.created_at)).where(llm_calls.c.run_id == c.id).scalar_subquery(),
        select(func.max(question_batches.c.completed_at)).where(question_batches.c.run_id == c.id).scalar_subquery(),
        select(func.max(candidates.c.updated_at)).where(candidates.c.run_id == c.id).scalar_subquery(),
    )
    has_jobs = select(llm_jobs.c.id).where(llm_jobs.c.run_id == c.id, llm_jobs.c.state.in_(list(OPEN))).exists()
    suspects = select(c.id, c.started_at, c.host, c.pid, signs.label("last_sign")).where(
        c.status == RunStatus.RUNNING.value,
        ~c.reported,
        func.coalesce(c.heartbeat_at, c.started_at) < now - quiet_for,
        ~has_jobs,
    )
    chosen = suspects.order_by(c.started_at).limit(MAX_RUNS).subquery()
    query = select(chosen).where(chosen.c.last_sign < now - quiet_for)
    return [dict(row._mapping) for row in tx.execute(query)]


def period_sums(tx: Transaction, since: datetime, middle: datetime, until: datetime) -> tuple[PeriodSums, PeriodSums]:
    """The question runs that started from `since` to `middle`, and from there to `until`, added up."""
    c = runs.c
    weight = case((c.avg_arbiter_score.is_not(None), c.questions_evaluated), else_=0)
    sums = (
        c.questions_evaluated,
        c.questions_approved,
        weight,
        c.avg_arbiter_score * cast(weight, Float),
        c.duplicates_found,
        # What cost money made questions; what cost nothing would make the others look cheap.
        case((c.cost_usd > 0, c.questions_inserted), else_=0),
    )
    halves = (c.started_at < middle, c.started_at >= middle)
    columns = [
        column
        for half in halves
        for column in (
            *(func.coalesce(func.sum(value).filter(half), 0) for value in sums),
            func.sum(c.cost_usd).filter(half),
        )
    ]
    ended = and_(c.started_at >= since, c.started_at < until, c.status != RunStatus.RUNNING.value)
    ended = and_(ended, c.kind == RunKind.QUESTIONS.value)
    row = list(tx.execute(select(*columns).where(ended)).one())
    size = len(row) // 2
    return PeriodSums(*row[:size]), PeriodSums(*row[size:])


def spent_since(tx: Transaction, since: datetime) -> Decimal:
    """USD: the calls in the journal, and what runs reported from elsewhere say that they cost."""
    calls = select(func.coalesce(func.sum(llm_calls.c.cost_usd), 0)).where(llm_calls.c.created_at >= since)
    elsewhere = select(func.coalesce(func.sum(runs.c.cost_usd), 0)).where(runs.c.started_at >= since, runs.c.reported)
    return Decimal(tx.execute(select(calls.scalar_subquery() + elsewhere.scalar_subquery())).scalar_one())


def waiting_reports(tx: Transaction) -> tuple[int, datetime | None]:
    """How many reports have not been handed in, and since when the oldest waits."""
    query = select(func.count(), func.min(report_outbox.c.created_at)).where(report_outbox.c.delivered_at.is_(None))
    count, oldest = tx.execute(query).one()
    return count, oldest


def failures_without_row(tx: Transaction, rule: str, since: datetime) -> list[Row]:
    """Alerts about runs that failed before they were recorded, so that no other query here finds them."""
    c = alerts.c
    no_row = c.details["no_row"].as_boolean()
    query = select(alerts).where(c.rule == rule, c.state != AlertState.RESOLVED.value, no_row, c.opened_at >= since)
    return [dict(row._mapping) for row in tx.execute(query.order_by(c.opened_at).limit(MAX_RUNS))]


def run_status(tx: Transaction, run_id: UUID) -> Row | None:
    """A run's state and reason, or None."""
    c = runs.c
    columns = (c.id, c.started_at, c.completed_at, c.status, c.exit_code, c.stop_reason, c.error, c.triggered_by)
    query = select(*columns, c.questions_requested, c.questions_inserted).where(c.id == run_id)
    row = tx.execute(query).first()
    return dict(row._mapping) if row else None
