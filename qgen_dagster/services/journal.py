"""The journal as the calls of a run use it: replies found again, every call written before anyone goes on.

Here: `Journal`, a `CallLog` on the bank. Calls that begin or end at the same moment share one transaction. Not here: the
SQL (`bank/journal.py`), making calls (`generation/calls.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from qgen_dagster.bank import journal
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.journal import JournalEntry
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster.services.grouped import Grouped

MAX_ERROR_CHARS = 1_000


class Journal:
    """Reads and writes the calls of one run. For one event loop."""

    def __init__(self, bank: Bank, run_id: UUID | None) -> None:
        self._bank = bank
        self._run_id = run_id
        self._reading = Grouped(self._find)
        self._writing = Grouped(self._record)

    async def stored(self, call: Call) -> Reply | None:
        """The reply that the journal holds for this call."""
        entry = await self._reading.do(call.digest)
        if entry is None or entry.reply is None:
            return None
        return Reply(
            text=entry.reply,
            provider=entry.provider,
            model=entry.model,
            prompt_version=entry.prompt_version,
            input_tokens=entry.input_tokens,
            output_tokens=entry.output_tokens,
            cached_tokens=entry.cached_tokens,
            cost_usd=entry.cost_usd,
        )

    async def replied(self, call: Call, reply: Reply, seconds: float) -> None:
        """Writes the reply."""
        await self._writing.do(
            JournalEntry(
                run_id=self._run_id,
                batch_id=call.batch_id,
                candidate_id=call.candidate_id,
                purpose=call.purpose,
                provider=reply.provider,
                request_hash=call.digest,
                model=reply.model,
                prompt_version=reply.prompt_version,
                reply=reply.text,
                input_tokens=reply.input_tokens,
                output_tokens=reply.output_tokens,
                cached_tokens=reply.cached_tokens,
                cost_usd=reply.cost_usd,
                latency_seconds=seconds,
            )
        )

    async def failed(
        self, call: Call, route: Route, error: ProviderError, cost_usd: Decimal | None, seconds: float
    ) -> None:
        """Writes the failed call; one that was never sent is none."""
        if not error.was_sent:
            return
        await self._writing.do(
            JournalEntry(
                run_id=self._run_id,
                batch_id=call.batch_id,
                candidate_id=call.candidate_id,
                purpose=call.purpose,
                provider=route.provider,
                request_hash=call.digest,
                model=route.model,
                prompt_version=route.prompt_version,
                error_category=error.category.value,
                fault=error.fault.value,
                error=error.message[:MAX_ERROR_CHARS],
                input_tokens=error.input_tokens,
                output_tokens=error.output_tokens,
                cost_usd=cost_usd,
                latency_seconds=seconds,
            )
        )

    def _find(self, digests: Sequence[str]) -> list[JournalEntry | None]:
        with self._bank.begin() as tx:
            found = journal.find_replies(tx, digests)
        return [found.get(digest) for digest in digests]

    def _record(self, entries: Sequence[JournalEntry]) -> list[None]:
        with self._bank.begin() as tx:
            journal.record_calls(tx, entries)
        return [None] * len(entries)
