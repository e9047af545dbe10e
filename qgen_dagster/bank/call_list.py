"""The journal as an operator and an estimate read it: calls listed, one call whole, what calls use on average.

Every query follows an index. Not here: writing the journal, and finding replies again (`journal.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import text

from qgen_dagster.bank.engine import Transaction


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as its row tells. `reply` is None in a list, where it is not read."""

    id: int
    created_at: datetime
    purpose: str
    provider: str
    model: str | None
    prompt_version: str | None
    run_id: UUID | None
    batch_id: UUID | None
    candidate_id: UUID | None
    error_category: str | None
    fault: str | None
    error: str | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    cost_usd: Decimal | None
    latency_seconds: float | None
    request_hash: str
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls; None: any. `before` is the id above which a page ends: those of earlier pages are left out."""

    run_id: UUID | None = None
    purpose: str | None = None
    provider: str | None = None
    failed: bool = False
    since: datetime | None = None
    before: int | None = None


@dataclass(frozen=True, slots=True)
class CallAverages:
    """What the last calls of a model for a purpose used, each on average; calls that failed are among them.

    `questions` is how many questions the batches of these calls were for, None where they belong to no batch.
    """

    calls: int
    input_tokens: float
    output_tokens: float
    cached_tokens: float
    questions: float | None


@dataclass(frozen=True, slots=True)
class RecentWork:
    """What the last runs with language models did: batches, questions asked for in them, and calls by purpose."""

    runs: int
    batches: int
    questions: int
    calls: dict[str, int]


_COLUMNS = ", ".join(name for name in StoredCall.__dataclass_fields__ if name != "reply")
_CONDITIONS = {
    "run_id": "run_id = :run_id",
    "purpose": "purpose = :purpose",
    "provider": "provider = :provider",
    "since": "created_at >= :since",
    "before": "id < :before",
}


def list_calls(tx: Transaction, chosen: CallFilter, limit: int = 20) -> list[StoredCall]:
    """Calls, newest first, without their replies. The next page begins `before` the last id of this one."""
    given: dict[str, Any] = {name: value for name in _CONDITIONS if (value := getattr(chosen, name)) is not None}
    conditions = [_CONDITIONS[name] for name in given]
    if chosen.failed:
        conditions.append("error_category IS NOT NULL")
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    query = text(f"SELECT {_COLUMNS} FROM llm_calls {where} ORDER BY id DESC LIMIT :limit")  # noqa: S608 - fixed texts
    return [StoredCall(**row._mapping) for row in tx.execute(query, {**given, "limit": limit})]


def get_call(tx: Transaction, call_id: int) -> StoredCall | None:
    """One call with its whole reply, or None when there is no such call."""
    row = tx.execute(
        text(f"SELECT {_COLUMNS}, reply FROM llm_calls WHERE id = :id"),  # noqa: S608 - fixed texts
        {"id": call_id},
    ).first()
    return StoredCall(**row._mapping) if row else None


def recent_work(tx: Transaction, runs: int = 20) -> RecentWork:
    """What the last runs with language models did. What item models made is not counted."""
    ids = [row.id for row in tx.execute(_LAST_RUNS, {"runs": runs})]
    if not ids:
        return RecentWork(0, 0, 0, {})
    batches, questions = tx.execute(_BATCHES, {"ids": ids}).one()
    calls = {row.purpose: row.calls for row in tx.execute(_CALLS, {"ids": ids})}
    return RecentWork(len(ids), int(batches), int(questions), calls)


def averages(tx: Transaction, wanted: Sequence[tuple[str, str, str]], calls: int = 200) -> list[CallAverages | None]:
    """For each wanted (purpose, provider, model) what its last calls used; None where there were none."""
    return [_averages_of(tx, *one, calls) for one in wanted]


def _averages_of(tx: Transaction, purpose: str, provider: str, model: str, calls: int) -> CallAverages | None:
    row = tx.execute(_AVERAGES, {"purpose": purpose, "provider": provider, "model": model, "calls": calls}).one()
    return CallAverages(**row._mapping) if row.calls else None


# Looked for among the last thousand runs: in a bank that item models alone fill it would read all of them.
_LAST_RUNS = text("""
    SELECT r.id FROM (SELECT id, started_at FROM question_generation_runs ORDER BY started_at DESC LIMIT 1000) AS r
    WHERE EXISTS (SELECT 1 FROM question_batches b WHERE b.run_id = r.id AND b.provider <> 'procedural')
    ORDER BY r.started_at DESC LIMIT :runs
""")
_BATCHES = text("""
    SELECT count(*), coalesce(sum(size), 0) FROM question_batches
    WHERE run_id = ANY(:ids) AND completed_at IS NOT NULL AND provider IS DISTINCT FROM 'procedural'
""")
_CALLS = text("""
    SELECT purpose, count(*) AS calls FROM llm_calls
    WHERE run_id = ANY(:ids) AND provider <> 'procedural' GROUP BY purpose
""")
_AVERAGES = text("""
    SELECT count(*) AS calls, coalesce(avg(coalesce(c.input_tokens, 0)), 0)::float8 AS input_tokens,
        coalesce(avg(coalesce(c.output_tokens, 0)), 0)::float8 AS output_tokens,
        coalesce(avg(coalesce(c.cached_tokens, 0)), 0)::float8 AS cached_tokens, avg(b.size)::float8 AS questions
    FROM (SELECT * FROM llm_calls WHERE purpose = :purpose AND provider = :provider AND model = :model
        ORDER BY id DESC LIMIT :calls) AS c
    LEFT JOIN question_batches b ON b.id = c.batch_id
""")
