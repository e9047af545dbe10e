"""Candidates in the database, with the run and batch that they need."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import func

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import candidates, question_batches, runs
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.question import Question, content_hash, structure_hash


def add_candidate(tx: Transaction, question: Question, state: CandidateState = CandidateState.APPROVED) -> UUID:
    """A candidate of a run of its own."""
    run_id, batch_id, candidate_id = uuid4(), uuid4(), uuid4()
    stratum = {"question_type": question.question_type, "difficulty": question.difficulty}
    tx.execute(runs.insert().values(id=run_id, started_at=func.now(), status="running", questions_requested=1))
    tx.execute(
        question_batches.insert().values(id=batch_id, run_id=run_id, index=0, size=1, seed="s", delivered=1, **stratum)
    )
    tx.execute(
        candidates.insert().values(
            id=candidate_id,
            run_id=run_id,
            batch_id=batch_id,
            place=0,
            requested_difficulty=question.difficulty,
            state=state.value,
            content=question.model_dump(mode="json"),
            content_hash=content_hash(question),
            structure_hash=structure_hash(question),
            provider="test",
            **stratum,
        )
    )
    return candidate_id


def set_state(tx: Transaction, candidate_id: UUID, state: CandidateState) -> None:
    tx.execute(candidates.update().where(candidates.c.id == candidate_id).values(state=state.value))
