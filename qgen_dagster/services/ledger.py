"""The engine's ledger for questions: batches and candidates to their tables.

Not here: replies (`journal.py`), when the engine calls it (`generation/engine.py`), the SQL (`bank/`).
"""

from __future__ import annotations

from uuid import UUID

from qgen_dagster.bank import batches as batch_rows
from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.batches import BatchResult
from qgen_dagster.bank.candidates import NewCandidate
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.question import Question
from qgen_dagster.generation.engine import BatchOutcome, BatchTask
from qgen_dagster.generation.provider import Reply


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
        provider=outcome.items[-1][1].provider if outcome.items else None,
        error_category=outcome.error.category.value if outcome.error else None,
        error=outcome.error.message if outcome.error else None,
    )
