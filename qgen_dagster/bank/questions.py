"""The questions of the bank: inserting, listing, deactivating.

Not here: comparing them (`vectors.py`, `dedup/`), counting the inventory (`inventory.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, Text, cast, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DataError, IntegrityError

from qgen_dagster.bank.candidates import Candidate
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import candidate_embeddings, candidates, questions
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.question import Question, content_hash, structure_hash
from qgen_dagster.core.taxonomy import Stratum


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """A question of the bank as its row tells."""

    id: UUID
    question: Question
    is_active: bool
    source: str
    provider: str | None
    model: str | None
    prompt_version: str | None
    arbiter_score: float | None
    candidate_id: UUID | None
    run_id: UUID | None
    created_at: datetime
    deactivated_at: datetime | None
    deactivated_by: str | None
    deactivated_reason: str | None


def insert_candidates(tx: Transaction, new: Sequence[Candidate]) -> dict[UUID, UUID]:
    """Puts candidates into the bank; returns {candidate id: question id} of those that were not there already.

    Their vectors are to be handed over in the same transaction (`vectors.move_to_bank`).
    """
    if not new:
        return {}
    found = select(candidate_embeddings.c.candidate_id, candidate_embeddings.c.embedder)
    found = found.where(candidate_embeddings.c.candidate_id.in_([candidate.id for candidate in new]))
    spaces = {row.candidate_id: row.embedder for row in tx.execute(found)}
    rows = [
        {
            **_content_columns(candidate.question),
            "content_hash": candidate.content_hash,
            "structure_hash": candidate.structure_hash,
            "provider": candidate.provider,
            "model": candidate.model,
            "prompt_version": candidate.prompt_version,
            "arbiter_score": candidate.arbiter_score,
            "candidate_id": candidate.id,
            "vector_space": spaces.get(candidate.id),
            "run_id": candidate.run_id,
        }
        for candidate in new
    ]
    statement = insert(questions).on_conflict_do_nothing().returning(questions.c.candidate_id, questions.c.id)
    return {row.candidate_id: row.id for row in tx.execute(statement, rows)}


def is_row_refusal(error: Exception) -> bool:
    """Whether the database refused the data of a row, rather than failed: a check, a length, a bad character."""
    return isinstance(error, IntegrityError | DataError)


def import_question(tx: Transaction, question: Question, *, is_active: bool = True) -> UUID | None:
    """Puts a question from outside into the bank; None when an equal question is there already."""
    return tx.execute(
        insert(questions)
        .values(
            **_content_columns(question),
            content_hash=content_hash(question),
            structure_hash=structure_hash(question),
            source="imported",
            audited_at=None,  # nobody here has ever checked its key
            is_active=is_active,
            deactivated_at=None if is_active else func.now(),
        )
        .on_conflict_do_nothing()
        .returning(questions.c.id)
    ).scalar()


def inserted_in_run(tx: Transaction, run_id: UUID, stratum: Stratum) -> int:
    """How many questions of the run, asked for in this stratum, are in the bank."""
    return tx.execute(
        select(func.count())
        .select_from(candidates)
        .where(
            candidates.c.run_id == run_id,
            candidates.c.state == CandidateState.INSERTED.value,
            candidates.c.question_type == stratum.question_type,
            candidates.c.difficulty == stratum.difficulty,
            candidates.c.requested_difficulty == stratum.difficulty,
        )
    ).scalar_one()


def get_question(tx: Transaction, question_id: UUID) -> StoredQuestion | None:
    """One question, or None when there is no such question."""
    row = tx.execute(select(questions).where(questions.c.id == question_id)).first()
    return stored_question(row) if row else None


def list_questions(
    tx: Transaction,
    *,
    strata: Sequence[Stratum] = (),
    active: bool | None = True,
    run_id: UUID | None = None,
    search: str | None = None,
    limit: int = 20,
    offset: int = 0,
) -> list[StoredQuestion]:
    """Questions, newest first. `active=None` lists both; `search` matches part of the stem, case ignored."""
    query = _filtered(strata, active, run_id)
    if search:
        query = query.where(questions.c.stem.icontains(search, autoescape=True))
    query = query.order_by(questions.c.created_at.desc(), questions.c.id).limit(limit).offset(offset)
    return [stored_question(row) for row in tx.execute(query)]


def recent_stems(tx: Transaction, stratum: Stratum, each: int) -> dict[str, list[str]]:
    """The newest stems of a stratum per sub-type, at most `each` of a sub-type."""
    nth = func.row_number().over(partition_by=questions.c.sub_type, order_by=questions.c.created_at.desc())
    ranked = (
        select(questions.c.sub_type, questions.c.stem, nth.label("nth"))
        .where(questions.c.question_type == stratum.question_type, questions.c.difficulty == stratum.difficulty)
        .subquery()
    )
    found: dict[str, list[str]] = {}
    for sub_type, stem in tx.execute(select(ranked.c.sub_type, ranked.c.stem).where(ranked.c.nth <= each)):
        found.setdefault(sub_type, []).append(stem)
    return found


def stream_questions(
    tx: Transaction, *, strata: Sequence[Stratum] = (), active: bool | None = True
) -> Iterator[StoredQuestion]:
    """Every matching question, oldest first, in constant memory."""
    query = _filtered(strata, active, None).order_by(questions.c.created_at, questions.c.id)
    for row in tx.execution_options(yield_per=500).execute(query):
        yield stored_question(row)


def find_question_ids(tx: Transaction, prefix: str) -> list[UUID]:
    """The ids that begin with `prefix`, at most a handful: for commands that take a shortened id."""
    text_id = cast(questions.c.id, Text)
    return list(
        tx.execute(select(questions.c.id).where(text_id.startswith(prefix, autoescape=True)).limit(5)).scalars()
    )


def deactivate_question(tx: Transaction, question_id: UUID, *, actor: str, reason: str) -> bool:
    """Takes a question out of the inventory, saying who and why; False when it was inactive already."""
    changed = tx.execute(
        update(questions)
        .where(questions.c.id == question_id, questions.c.is_active)
        .values(is_active=False, deactivated_at=func.now(), deactivated_by=actor, deactivated_reason=reason)
    )
    return changed.rowcount == 1


def _filtered(strata: Sequence[Stratum], active: bool | None, run_id: UUID | None) -> Select[Any]:
    query = select(questions)
    if strata:
        query = query.where(tuple_(questions.c.question_type, questions.c.difficulty).in_(list(strata)))
    if active is not None:
        query = query.where(questions.c.is_active if active else ~questions.c.is_active)
    if run_id is not None:
        query = query.where(questions.c.run_id == run_id)
    return query


def _content_columns(question: Question) -> dict[str, Any]:
    return {
        "question_type": question.question_type,
        "difficulty": question.difficulty,
        "sub_type": question.sub_type,
        "stem": question.stem,
        "content": question.model_dump(mode="json"),
    }


def stored_question(row: Row[Any]) -> StoredQuestion:
    """A row of the table as a question of the bank."""
    m = row._mapping
    return StoredQuestion(
        id=m["id"],
        question=Question.model_validate(m["content"]),
        is_active=m["is_active"],
        source=m["source"],
        provider=m["provider"],
        model=m["model"],
        prompt_version=m["prompt_version"],
        arbiter_score=m["arbiter_score"],
        candidate_id=m["candidate_id"],
        run_id=m["run_id"],
        created_at=m["created_at"],
        deactivated_at=m["deactivated_at"],
        deactivated_by=m["deactivated_by"],
        deactivated_reason=m["deactivated_reason"],
    )
