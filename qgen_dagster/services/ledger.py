"""The engine's ledger for questions: replies to the journal, batches and candidates to their tables.

Not here: when the engine calls it (`generation/engine.py`), the SQL (`bank/`).
"""

from __future__ import annotations

from uuid import UUID

from qgen_dagster.bank import batches as batch_rows
from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import journal
from qgen_dagster.bank.batches import BatchResult
from qgen_dagster.bank.candidates import NewCandidate
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.journal import JournalEntry
from qgen_dagster.core.question import Question
from qgen_dagster.generation.engine import BatchOutcome, BatchTask
from qgen_dagster.generation.provider import ProviderError, Reply

GENERATE = "generate"


class QuestionLedger:
    """Keeps what a run's batches bring. `difficulties` names each batch's difficulty as asked for."""

    def __init__(self, bank: Bank, run_id: UUID, difficulties: dict[UUID, str]) -> None:
        self._bank = bank
        self._run_id = run_id
        self._difficulties = difficulties

    def started(self, task: BatchTask[Question]) -> None:
        """See `generation.engine.Ledger`."""
        with self._bank.begin() as tx:
            batch_rows.start_batch(tx, task.id)

    def stored_reply(self, task: BatchTask[Question], call_id: str) -> Reply | None:
        """The reply that the journal holds for this call."""
        with self._bank.begin() as tx:
            entry = journal.find_reply(tx, task.id, call_id)
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

    def replied(self, task: BatchTask[Question], call_id: str, reply: Reply, seconds: float) -> None:
        """Writes the reply to the journal, in a transaction of its own."""
        entry = JournalEntry(
            run_id=self._run_id,
            batch_id=task.id,
            purpose=GENERATE,
            provider=reply.provider,
            request_hash=call_id,
            model=reply.model,
            prompt_version=reply.prompt_version,
            reply=reply.text,
            input_tokens=reply.input_tokens,
            output_tokens=reply.output_tokens,
            cached_tokens=reply.cached_tokens,
            cost_usd=reply.cost_usd,
            latency_seconds=seconds,
        )
        with self._bank.begin() as tx:
            journal.record_call(tx, entry)

    def failed(self, task: BatchTask[Question], call_id: str, error: ProviderError, seconds: float) -> None:
        """Writes the failed call to the journal."""
        entry = JournalEntry(
            run_id=self._run_id,
            batch_id=task.id,
            purpose=GENERATE,
            provider=task.provider,
            request_hash=call_id,
            error_category=error.category.value,
            error=error.message,
            latency_seconds=seconds,
        )
        with self._bank.begin() as tx:
            journal.record_call(tx, entry)

    def finished(self, task: BatchTask[Question], outcome: BatchOutcome[Question]) -> None:
        """Writes the batch's candidates and its end in one transaction, unless it had ended before."""
        with self._bank.begin() as tx:
            ended_now = batch_rows.finish_batch(tx, task.id, _result(task, outcome))
            if ended_now:
                new = [_new_candidate(place, *item) for place, item in enumerate(outcome.items)]
                candidate_rows.add_candidates(tx, self._run_id, task.id, new, self._difficulties[task.id])


def _new_candidate(place: int, question: Question, reply: Reply) -> NewCandidate:
    return NewCandidate(
        place=place,
        question=question,
        provider=reply.provider,
        model=reply.model,
        prompt_version=reply.prompt_version,
    )


def _result(task: BatchTask[Question], outcome: BatchOutcome[Question]) -> BatchResult:
    return BatchResult(
        status=outcome.status,
        calls=outcome.calls,
        delivered=len(outcome.items),
        invalid=outcome.invalid,
        saturated=outcome.saturated,
        provider=task.provider,
        error_category=outcome.error.category.value if outcome.error else None,
        error=outcome.error.message if outcome.error else None,
    )
