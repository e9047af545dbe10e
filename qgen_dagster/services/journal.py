"""The journal as the calls of a run use it: replies found again, every call written before anyone goes on.

Here: `Journal`, a `CallLog` on the bank. Calls that end at the same moment share one transaction. Not here: the SQL
(`bank/journal.py`), making calls (`generation/calls.py`).
"""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID

from qgen_dagster.bank import journal
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.journal import JournalEntry
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.provider import ProviderError, Reply

MAX_ERROR_CHARS = 1_000


class Journal:
    """Reads and writes the calls of one run. For one event loop."""

    def __init__(self, bank: Bank, run_id: UUID | None) -> None:
        self._bank = bank
        self._run_id = run_id
        self._queue: list[tuple[JournalEntry, asyncio.Future[None]]] = []
        self._flushing = False

    async def stored(self, call: Call) -> Reply | None:
        """The reply that the journal holds for this call."""
        entry = await asyncio.to_thread(self._find, call.digest)
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
        await self._write(
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
        await self._write(
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

    def _find(self, digest: str) -> JournalEntry | None:
        with self._bank.begin() as tx:
            return journal.find_reply(tx, digest)

    async def _write(self, entry: JournalEntry) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((entry, written))
        if not self._flushing:
            self._flushing = True
            try:
                await self._flush()
            finally:
                self._flushing = False
        await written

    async def _flush(self) -> None:
        """Writes what is queued, and what is queued meanwhile, until nothing is left."""
        while self._queue:
            batch, self._queue = self._queue, []
            try:
                await asyncio.to_thread(self._record, [entry for entry, _ in batch])
            except Exception as error:
                for _, written in batch:
                    written.set_exception(error)
            else:
                for _, written in batch:
                    written.set_result(None)

    def _record(self, entries: list[JournalEntry]) -> None:
        with self._bank.begin() as tx:
            journal.record_calls(tx, entries)
