"""The journal as the calls of a run use it: replies found again, every call written before anyone goes on.

Here: `Journal`, a `CallLog` on the bank; what an entry says. Calls that begin or end at the same moment are looked up,
or written, together. Not here: the SQL (`bank/journal.py`), making calls (`generation/calls.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from qgen_dagster.bank import journal
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.journal import JournalEntry
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster.services.grouped import Grouped

MAX_ERROR_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked, and with which prompt."""

    provider: str
    model: str | None
    prompt_version: str | None


class Journal:
    """Reads and writes the calls of one run. For one event loop."""

    def __init__(self, bank: Bank, run_id: UUID | None) -> None:
        self._bank = bank
        # Whose calls these are. A stage that is started by itself has no run of its own and works for the one whose
        # candidates it moves on (`RunSession.enter`).
        self.run_id = run_id
        self._reading = Grouped(self._find)
        self._writing = Grouped(self._record)
        self._withheld: dict[str, ProviderError] = {}

    def withhold(self, digest: str, error: ProviderError) -> None:
        """From now on this call is not made; whoever asks for it gets the error, unless there is a reply."""
        self._withheld[digest] = error

    async def stored(self, call: Call) -> Reply | None:
        """The reply that the journal holds for this call. Raises ProviderError for a call that is not to be made."""
        entry = await self._reading.do(call.digest)
        found = reply_of(entry) if entry is not None else None
        if found is None and call.digest in self._withheld:
            raise self._withheld[call.digest]
        return found

    async def replied(self, call: Call, reply: Reply, seconds: float) -> None:
        """Writes the reply."""
        await self._writing.do(reply_entry(self.run_id, call, reply, seconds))

    async def failed(
        self, call: Call, route: Route, error: ProviderError, cost_usd: Decimal | None, seconds: float
    ) -> None:
        """Writes the failed call; one that was never sent is none."""
        if error.was_sent:
            asked = Asked(route.provider, route.model, route.prompt_version)
            await self._writing.do(error_entry(self.run_id, call, asked, error, cost_usd, seconds))

    # The event loop keeps the interpreter busy, and a thread waits for its turn after each answer of the database. So
    # both of these are one statement, without a transaction around it that would make it three.

    def _find(self, digests: Sequence[str]) -> list[JournalEntry | None]:
        with self._bank.session() as tx:
            found = journal.find_replies(tx, digests)
        return [found.get(digest) for digest in digests]

    def _record(self, entries: Sequence[JournalEntry]) -> list[None]:
        with self._bank.session() as tx:
            journal.record_calls(tx, entries)
        return [None] * len(entries)


def reply_of(entry: JournalEntry) -> Reply | None:
    """The reply that an entry holds, if it holds one."""
    if entry.reply is None:
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


def reply_entry(run_id: UUID | None, call: Call, reply: Reply, seconds: float | None) -> JournalEntry:
    """The entry of a call that brought a reply; `seconds` is None where nobody waited for it."""
    return JournalEntry(
        run_id=run_id,
        batch_id=call.batch_id,
        candidate_id=call.candidate_id,
        purpose=call.purpose,
        provider=reply.provider,
        request_hash=call.digest,
        model=reply.model,
        prompt_version=reply.prompt_version,
        reply=_storable(reply.text),
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
        cached_tokens=reply.cached_tokens,
        cost_usd=reply.cost_usd,
        latency_seconds=seconds,
    )


def error_entry(
    run_id: UUID | None, call: Call, asked: Asked, error: ProviderError, cost_usd: Decimal | None, seconds: float | None
) -> JournalEntry:
    """The entry of a call that brought none."""
    return JournalEntry(
        run_id=run_id,
        batch_id=call.batch_id,
        candidate_id=call.candidate_id,
        purpose=call.purpose,
        provider=asked.provider,
        request_hash=call.digest,
        model=asked.model,
        prompt_version=asked.prompt_version,
        error_category=error.category.value,
        fault=error.fault.value,
        error=_storable(error.message[:MAX_ERROR_CHARS]),
        input_tokens=error.input_tokens,
        output_tokens=error.output_tokens,
        cached_tokens=error.cached_tokens,
        cost_usd=cost_usd,
        latency_seconds=seconds,
    )


def _storable(text: str) -> str:
    """The text with U+FFFD for what PostgreSQL does not keep, NUL and halves of surrogate pairs.

    One such character would fail the transaction, and with it every call of the group.
    """
    return text.replace("\x00", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
