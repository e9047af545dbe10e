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

from sqlalchemy import JSON, String, bindparam, column, func, select
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
        tx.execute(_ADD, {"entries": [_given(entry) for entry in entries]})


def _given(entry: JournalEntry) -> dict[str, Any]:
    """The entry as JSON; what is no number goes as text."""
    values = {name: getattr(entry, name) for name in _FIELDS}
    return {name: value if isinstance(value, int | float | None) else str(value) for name, value in values.items()}


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


_FIELDS = tuple(JournalEntry.__dataclass_fields__)
# All entries are one value, so that they are one statement however many there are.
_GIVEN = (
    func.json_to_recordset(bindparam("entries", type_=JSON))
    .table_valued(*(column(name, llm_calls.c[name].type) for name in _FIELDS), name="given")
    .render_derived(with_types=True)
)
_ADD = insert(llm_calls).from_select(
    _FIELDS,
    select(
        *(
            func.coalesce(
                select(candidates.c.run_id).where(candidates.c.id == _GIVEN.c.candidate_id).scalar_subquery(),
                select(runs.c.id).where(runs.c.id == _GIVEN.c.run_id).scalar_subquery(),
            )
            if name == "run_id"
            else _GIVEN.c[name]
            for name in _FIELDS
        )
    ),
)
_ENTRIES = select(*(llm_calls.c[name] for name in _FIELDS))
_REPLIES = _ENTRIES.where(
    llm_calls.c.request_hash == func.any(bindparam("hashes", type_=ARRAY(String))), llm_calls.c.reply.is_not(None)
).order_by(llm_calls.c.id)
