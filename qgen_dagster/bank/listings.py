"""Pages of questions, batches, alerts and stock snapshots, as the admin API lists them; and a question's history.

Not here: runs (`run_queries.py`), the pipeline's own reading and writing (one module per subject).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import alerts
from qgen_dagster.bank.tables import candidates, inventory_snapshots, llm_calls, question_batches, questions
from qgen_dagster.core.batch import BatchStatus

Row = dict[str, Any]
_QUESTION = tuple(c for c in questions.c if c.name not in ("content", "content_hash", "structure_hash", "candidate_id"))
_HISTORY = ("id", "batch_id", "run_id", "state", "reason", "requested_difficulty", "difficulty", "provider", "model")
_HISTORY_MORE = ("prompt_version", "arbiter_score", "judgement", "duplicate_check", "salvage", "created_at")
MAX_ANCESTORS = 20


@dataclass(frozen=True, slots=True)
class QuestionFilter:
    """Which questions; None leaves a condition out. `search` is part of the stem, case ignored."""

    question_type: str | None = None
    difficulty: str | None = None
    sub_type: str | None = None
    is_active: bool | None = None
    source: str | None = None
    provider: str | None = None
    prompt_version: str | None = None
    run_id: UUID | None = None
    search: str | None = None


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """How far a run's batches are: batches and questions asked for, batches that ended, questions that came."""

    batches: int = 0
    questions: int = 0
    ended: int = 0
    delivered: int = 0


def page_of_questions(
    tx: Transaction, wanted: QuestionFilter, *, limit: int, offset: int, most: int
) -> tuple[list[Row], int]:
    """Questions, newest first, without their content; and how many match, counting no further than `most`."""
    named = ("question_type", "difficulty", "sub_type", "is_active", "source", "provider", "prompt_version", "run_id")
    where = _equal(questions.c, {name: getattr(wanted, name) for name in named})
    if wanted.search is not None:
        where.append(questions.c.stem.icontains(wanted.search, autoescape=True))
    query = select(*_QUESTION).where(*where).order_by(questions.c.created_at.desc(), questions.c.id)
    return _page(tx, query, limit, offset, most)


def question_row(tx: Transaction, question_id: UUID) -> Row | None:
    """All columns of a question, or None."""
    row = tx.execute(select(questions).where(questions.c.id == question_id)).first()
    return dict(row._mapping) if row else None


def questions_by_id(tx: Transaction, ids: Sequence[UUID]) -> list[Row]:
    """The questions with these ids, without their content, in no order."""
    return [dict(row._mapping) for row in tx.execute(select(*_QUESTION).where(questions.c.id.in_(ids)))]


def candidate_history(tx: Transaction, candidate_id: UUID) -> list[Row]:
    """The candidate and what salvage made it of, newest first, with what judge and deduplication said of each."""
    c = candidates.c
    columns = [c[name] for name in (*_HISTORY, *_HISTORY_MORE)]
    found: list[Row] = []
    wanted: UUID | None = candidate_id
    while wanted is not None and len(found) < MAX_ANCESTORS:
        row = tx.execute(select(*columns, c.parent_candidate_id).where(c.id == wanted)).first()
        if row is None:
            break
        found.append(dict(row._mapping))
        wanted = found[-1].pop("parent_candidate_id")
    return found


def candidate_calls(tx: Transaction, candidate_ids: Sequence[UUID], batch_ids: Sequence[UUID]) -> list[Row]:
    """The provider calls that made and judged candidates, oldest first, without their replies."""
    c = llm_calls.c
    names = ("id", "purpose", "provider", "model", "prompt_version", "error_category", "input_tokens", "output_tokens")
    columns = [c[name] for name in (*names, "cost_usd", "latency_seconds", "created_at")]
    of_batch = c.batch_id.in_(batch_ids) & c.candidate_id.is_(None)
    query = select(*columns).where(c.candidate_id.in_(candidate_ids) | of_batch).order_by(c.id).limit(200)
    return [dict(row._mapping) for row in tx.execute(query)]


def page_of_batches(
    tx: Transaction, equal: Mapping[str, Any], statuses: Sequence[str], *, limit: int, offset: int, most: int
) -> tuple[list[Row], int]:
    """Batches, newest first; and how many match, counting no further than `most`."""
    where = _equal(question_batches.c, equal)
    if statuses:
        where.append(question_batches.c.status.in_(statuses))
    query = select(*(c for c in question_batches.c if c.name != "seed")).where(*where)
    query = query.order_by(question_batches.c.created_at.desc(), question_batches.c.id)
    return _page(tx, query, limit, offset, most)


def batch_row(tx: Transaction, batch_id: UUID) -> Row | None:
    """All columns of a batch, or None."""
    row = tx.execute(select(question_batches).where(question_batches.c.id == batch_id)).first()
    return dict(row._mapping) if row else None


def batch_progress(tx: Transaction, run_ids: Sequence[UUID]) -> dict[UUID, BatchProgress]:
    """How far the batches of each run are; runs without any are left out."""
    c = question_batches.c
    over = c.status.in_((BatchStatus.COMPLETED.value, BatchStatus.FAILED.value))
    counts = (func.count(), func.sum(c.size), func.count().filter(over), func.sum(c.delivered))
    query = select(c.run_id, *counts).where(c.run_id.in_(run_ids)).group_by(c.run_id)
    return {row[0]: BatchProgress(*row[1:]) for row in tx.execute(query)}


def generating_batches(tx: Transaction, run_ids: Sequence[UUID], limit: int) -> list[Row]:
    """The batches of these runs whose call is on its way, the longest first."""
    c = question_batches.c
    chosen = select(c.run_id, c.question_type, c.difficulty, c.index, c.size, c.provider, c.calls, c.created_at)
    query = chosen.where(c.status == BatchStatus.GENERATING.value, c.run_id.in_(run_ids))
    return [dict(row._mapping) for row in tx.execute(query.order_by(c.created_at, c.id).limit(limit))]


def page_of_alerts(
    tx: Transaction, equal: Mapping[str, Any], states: Sequence[str], *, limit: int, offset: int, most: int
) -> tuple[list[Row], int]:
    """Alerts, newest first; and how many match, counting no further than `most`."""
    where = _equal(alerts.c, equal)
    if states:
        where.append(alerts.c.state.in_(states))
    query = select(alerts).where(*where)
    return _page(tx, query.order_by(alerts.c.opened_at.desc(), alerts.c.id), limit, offset, most)


def alert_row(tx: Transaction, alert_id: UUID) -> Row | None:
    """All columns of an alert, or None."""
    row = tx.execute(select(alerts).where(alerts.c.id == alert_id)).first()
    return dict(row._mapping) if row else None


def open_alert_counts(tx: Transaction) -> dict[str, int]:
    """Unresolved alerts by severity."""
    query = select(alerts.c.severity, func.count()).where(alerts.c.state != "resolved").group_by(alerts.c.severity)
    return {str(severity): count for severity, count in tx.execute(query)}


def snapshots(tx: Transaction, since: datetime, until: datetime, limit: int) -> list[Row]:
    """Stock snapshots of a period, newest first."""
    c = inventory_snapshots.c
    query = select(inventory_snapshots).where(c.taken_at >= since, c.taken_at < until)
    return [dict(row._mapping) for row in tx.execute(query.order_by(c.taken_at.desc(), c.id).limit(limit))]


def _equal(columns: Any, values: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [columns[name] == value for name, value in values.items() if value is not None]


def _page(tx: Transaction, query: Select[Any], limit: int, offset: int, most: int) -> tuple[list[Row], int]:
    found = [dict(row._mapping) for row in tx.execute(query.limit(limit).offset(offset))]
    if found and len(found) < limit:
        return found, offset + len(found)
    # In the order of the list, so that the same index serves and the counting stops early.
    counted = query.limit(most).subquery()
    return found, tx.execute(select(func.count()).select_from(counted)).scalar_one()
