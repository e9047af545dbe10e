"""The journal: every reply of a provider, written the moment it arrives.

A resumed run finds its replies here and does not pay for them again. Not here: making calls (`generation/`), reading it
as an operator does (`call_list.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import String, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import candidates, llm_calls, runs


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One call: either a reply or an error. `latency_seconds` is wall-clock time of the call."""

    run_id: UUID | None
    batch_id: UUID | None
    purpose: str
    provider: str
    request_hash: str
    model: str | None = None
    prompt_version: str | None = None
    candidate_id: UUID | None = None
    reply: str | None = None
    error_category: str | None = None
    fault: str | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: Decimal | None = None
    latency_seconds: float | None = None


def record_calls(tx: Transaction, entries: Sequence[JournalEntry]) -> None:
    """Adds calls, in order.

    A call about a candidate is one of the candidate's run: a stage that is started by itself works for several that
    have ended, and may have no run of its own.
    """
    if entries:
        tx.execute(_ADD, [_row(entry) for entry in entries])


def _row(entry: JournalEntry) -> dict[str, Any]:
    given = {name: getattr(entry, name) for name in JournalEntry.__dataclass_fields__ if name != "run_id"}
    return given | {"given_run": entry.run_id, "given_candidate": entry.candidate_id}


def spent(tx: Transaction, *, run_id: UUID | None = None, since: datetime | None = None) -> tuple[Decimal, int]:
    """USD and tokens of the calls of a run, or of all calls since a time; calls without a price count 0 USD."""
    tokens = func.coalesce(llm_calls.c.input_tokens, 0) + func.coalesce(llm_calls.c.output_tokens, 0)
    query = select(func.coalesce(func.sum(llm_calls.c.cost_usd), 0), func.coalesce(func.sum(tokens), 0))
    if run_id is not None:
        query = query.where(llm_calls.c.run_id == run_id)
    if since is not None:
        query = query.where(llm_calls.c.created_at >= since)
    usd, counted = tx.execute(query).one()
    return Decimal(usd), int(counted)


def input_tokens(tx: Transaction, batch_ids: Sequence[UUID]) -> tuple[int, int | None]:
    """How many calls of these batches tell what they were sent, and the input tokens that they tell in all."""
    query = select(func.count(llm_calls.c.input_tokens), func.sum(llm_calls.c.input_tokens))
    calls, tokens = tx.execute(query.where(llm_calls.c.batch_id.in_(list(batch_ids)))).one()
    return calls, tokens


def find_replies(tx: Transaction, request_hashes: Sequence[str]) -> dict[str, JournalEntry]:
    """The replies that these very requests got before, by their hashes; the first where one got several."""
    rows = tx.execute(_REPLIES, {"hashes": list(request_hashes)})
    found: dict[str, JournalEntry] = {}
    for row in rows:
        found.setdefault(row.request_hash, JournalEntry(**row._mapping))
    return found


def replies_about(tx: Transaction, candidate_ids: Sequence[UUID]) -> dict[str, JournalEntry]:
    """The replies that calls about these candidates got, by the hashes of the requests."""
    query = _ENTRIES.where(llm_calls.c.candidate_id.in_(list(candidate_ids)), llm_calls.c.reply.is_not(None))
    found: dict[str, JournalEntry] = {}
    for row in tx.execute(query.order_by(llm_calls.c.id)):
        found.setdefault(row.request_hash, JournalEntry(**row._mapping))
    return found


_ADD = insert(llm_calls).values(
    run_id=func.coalesce(
        select(candidates.c.run_id).where(candidates.c.id == bindparam("given_candidate")).scalar_subquery(),
        select(runs.c.id).where(runs.c.id == bindparam("given_run")).scalar_subquery(),
    )
)
_ENTRIES = select(*(llm_calls.c[name] for name in JournalEntry.__dataclass_fields__))
_REPLIES = _ENTRIES.where(
    llm_calls.c.request_hash == func.any(bindparam("hashes", type_=ARRAY(String))), llm_calls.c.reply.is_not(None)
).order_by(llm_calls.c.id)
