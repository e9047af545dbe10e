"""Candidates: questions that are not in the bank yet, and where each one stands.

Not here: the rules that move them on (`judging/`, `dedup/`), counting a funnel from them (`runs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Float, Row, String, Text, bindparam, func, select, tuple_, union, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.dialects.postgresql import UUID as PGUUID

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import candidates, question_batches, questions, runs
from qgen_dagster.core.funnel import PENDING_STATES, CandidateState, Reason
from qgen_dagster.core.question import Question, content_hash, structure_hash
from qgen_dagster.core.run import RunStatus
from qgen_dagster.core.taxonomy import Stratum


@dataclass(frozen=True, slots=True)
class Candidate:
    """A candidate as its row tells. `requested_difficulty` differs from the question's when it was moved."""

    id: UUID
    run_id: UUID
    batch_id: UUID
    place: int
    question: Question
    requested_difficulty: str
    state: CandidateState
    reason: Reason | None
    content_hash: str
    structure_hash: str | None
    provider: str
    model: str | None
    prompt_version: str | None
    arbiter_score: float | None
    salvage: str | None
    parent_candidate_id: UUID | None
    created_at: datetime

    @property
    def stratum(self) -> Stratum:
        return self.question.stratum

    @property
    def reclassified(self) -> bool:
        return self.requested_difficulty != self.question.difficulty


PAGE = 500  # candidates that are in memory at once, of a stage that may have many thousands to go through
_AGE = (candidates.c.created_at, candidates.c.batch_id, candidates.c.place, candidates.c.id)
# What a `Candidate` tells, and not what judges and comparisons have said at length.
_STORED = select(*(candidates.c["content" if name == "question" else name] for name in Candidate.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class NewCandidate:
    """What a provider delivered for one place of a batch, or what salvage made of another candidate."""

    place: int
    question: Question
    provider: str
    model: str | None = None
    prompt_version: str | None = None
    salvage: str | None = None
    parent_candidate_id: UUID | None = None


def add_candidates(
    tx: Transaction, run_id: UUID, batch_id: UUID, new: Iterable[NewCandidate], requested_difficulty: str
) -> list[UUID]:
    """Writes candidates that wait for the judge; a place that is held already keeps its candidate."""
    rows = [_new_row(run_id, batch_id, candidate, requested_difficulty) for candidate in new]
    if not rows:
        return []
    statement = insert(candidates).on_conflict_do_nothing().returning(candidates.c.id)
    return list(tx.execute(statement, rows).scalars())


def in_state(
    tx: Transaction,
    state: CandidateState,
    strata: Sequence[Stratum],
    run_ids: Sequence[UUID],
    *,
    limit: int | None = None,
    after: Candidate | None = None,
) -> list[Candidate]:
    """The candidates of the given runs and strata that are in one state, oldest first; `limit` of those `after` one."""
    query = _STORED.where(
        candidates.c.state == state.value,
        tuple_(candidates.c.question_type, candidates.c.difficulty).in_(list(strata)),
        candidates.c.run_id.in_(run_ids),
    )
    if after is not None:
        query = query.where(tuple_(*_AGE) > tuple_(after.created_at, after.batch_id, after.place, after.id))
    return [_stored(row) for row in tx.execute(query.order_by(*_AGE).limit(limit))]


def pages_in_state(
    begin: Callable[[], AbstractContextManager[Transaction]],
    state: CandidateState,
    strata: Sequence[Stratum],
    run_ids: Sequence[UUID],
) -> Iterator[list[Candidate]]:
    """The same in pages, for a run may have many thousands. `begin` gives the transaction that a page is read in.

    Each candidate comes once: what is done with a page may move its candidates on or leave them in the state.
    """
    last: Candidate | None = None
    while True:
        with begin() as tx:
            page = in_state(tx, state, strata, run_ids, limit=PAGE, after=last)
        if page:
            yield page
        if len(page) < PAGE:
            return
        last = page[-1]


def waiting_of_batch(tx: Transaction, batch_id: UUID) -> list[Candidate]:
    """The candidates of one batch that wait for the judge."""
    query = _STORED.where(candidates.c.batch_id == batch_id, candidates.c.state == CandidateState.GENERATED.value)
    return [_stored(row) for row in tx.execute(query.order_by(candidates.c.place))]


def samples(
    tx: Transaction, run_ids: Sequence[UUID], strata: Sequence[Stratum], states: Sequence[CandidateState], limit: int
) -> dict[Stratum, list[Question]]:
    """A few questions of the runs in the given states per stratum, the first places of the first batches."""
    place = (
        func.row_number()
        .over(
            partition_by=(candidates.c.question_type, candidates.c.difficulty),
            order_by=(candidates.c.created_at, candidates.c.batch_id, candidates.c.place),
        )
        .label("nth")
    )
    ranked = (
        select(candidates.c.id, place)
        .where(
            candidates.c.run_id.in_(run_ids),
            tuple_(candidates.c.question_type, candidates.c.difficulty).in_(list(strata)),
            candidates.c.state.in_([state.value for state in states]),
        )
        .subquery()
    )
    query = (
        select(candidates.c.content)
        .join(ranked, ranked.c.id == candidates.c.id)
        .where(ranked.c.nth <= limit)
        .order_by(ranked.c.nth)
    )
    found: dict[Stratum, list[Question]] = {}
    for content in tx.execute(query).scalars():
        question = Question.model_validate(content)
        found.setdefault(question.stratum, []).append(question)
    return found


def count_passed_judge(tx: Transaction, run_id: UUID, finding: str) -> tuple[int, int]:
    """How many candidates of a run got past the judge, and how many of those with this finding about their key."""
    passed = (
        CandidateState.APPROVED,
        CandidateState.UNIQUE,
        CandidateState.INSERTED,
        CandidateState.SURPLUS,
        CandidateState.DUPLICATE,
        CandidateState.FAILED,
    )
    found = candidates.c.judgement["solution"]["finding"].astext == finding
    row = tx.execute(
        select(func.count(), func.count().filter(found)).where(
            candidates.c.run_id == run_id, candidates.c.state.in_([state.value for state in passed])
        )
    ).one()
    return row[0], row[1]


def runs_with_pending(tx: Transaction, strata: Sequence[Stratum]) -> list[UUID]:
    """Runs that have ended and left candidates of these strata waiting."""
    query = (
        select(candidates.c.run_id)
        .join(runs, runs.c.id == candidates.c.run_id)
        .where(
            candidates.c.state.in_([state.value for state in PENDING_STATES]),
            tuple_(candidates.c.question_type, candidates.c.difficulty).in_(list(strata)),
            runs.c.status != RunStatus.RUNNING.value,
        )
        .distinct()
    )
    return list(tx.execute(query).scalars())


@dataclass(frozen=True, slots=True)
class Move:
    """A candidate's step to another state. Fields left None keep what the row has, `reason` apart."""

    candidate_id: UUID
    expected: CandidateState
    state: CandidateState
    reason: Reason | None = None
    difficulty: str | None = None  # where it stands from now on
    arbiter_score: float | None = None
    judgement: dict[str, Any] | None = None
    duplicate_check: dict[str, Any] | None = None
    question_id: UUID | None = None
    question: Question | None = None
    error: str | None = None


def strata_in_state(tx: Transaction, state: CandidateState, run_ids: Sequence[UUID]) -> set[Stratum]:
    """The strata in which the runs have candidates in the state."""
    query = (
        select(candidates.c.question_type, candidates.c.difficulty)
        .where(candidates.c.state == state.value, candidates.c.run_id.in_(run_ids))
        .distinct()
    )
    return {Stratum(question_type, difficulty) for question_type, difficulty in tx.execute(query)}


def move_candidates(tx: Transaction, moves: Sequence[Move]) -> None:
    """Moves candidates on, each only if it still is in the state that it is expected in."""
    if moves:
        tx.execute(_MOVE, [_move_values(move) for move in moves])


def _keep(column: str, type_: Any) -> Any:
    return func.coalesce(bindparam(f"new_{column}", type_=type_), candidates.c[column])


_MOVE = (
    update(candidates)
    .where(candidates.c.id == bindparam("candidate_id"), candidates.c.state == bindparam("expected"))
    .values(
        state=bindparam("new_state"),
        reason=bindparam("new_reason"),
        updated_at=func.now(),
        difficulty=_keep("difficulty", String),
        arbiter_score=_keep("arbiter_score", Float),
        judgement=_keep("judgement", JSONB(none_as_null=True)),
        duplicate_check=_keep("duplicate_check", JSONB(none_as_null=True)),
        question_id=_keep("question_id", PGUUID(as_uuid=True)),
        content=_keep("content", JSONB(none_as_null=True)),
        error=_keep("error", Text),
    )
)


def _move_values(move: Move) -> dict[str, Any]:
    return {
        "candidate_id": move.candidate_id,
        "expected": move.expected.value,
        "new_state": move.state.value,
        "new_reason": move.reason.value if move.reason else None,
        "new_difficulty": move.difficulty,
        "new_arbiter_score": move.arbiter_score,
        "new_judgement": move.judgement,
        "new_duplicate_check": move.duplicate_check,
        "new_question_id": move.question_id,
        "new_content": move.question.model_dump(mode="json") if move.question else None,
        "new_error": move.error,
    }


def duplicate_checks(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What the duplicate check of each candidate said."""
    query = select(candidates.c.id, candidates.c.duplicate_check).where(
        candidates.c.id.in_(ids), candidates.c.duplicate_check.is_not(None)
    )
    return {row.id: row.duplicate_check for row in tx.execute(query)}


def questions_by_id(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, Question]:
    """Questions of the bank and of candidates, whichever an id belongs to."""
    query = union(
        select(questions.c.id, questions.c.content).where(questions.c.id.in_(ids)),
        select(candidates.c.id, candidates.c.content).where(candidates.c.id.in_(ids)),
    )
    return {row.id: Question.model_validate(row.content) for row in tx.execute(query)}


def taken_fingerprints(tx: Transaction, structure_hashes: Sequence[str], content_hashes: Sequence[str]) -> set[str]:
    """Which of the given structure and content hashes the bank or any candidate already has."""
    found: set[str] = set()
    for column, hashes in (("structure_hash", structure_hashes), ("content_hash", content_hashes)):
        if hashes:
            query = union(
                select(questions.c[column]).where(questions.c[column].in_(hashes)),
                select(candidates.c[column]).where(candidates.c[column].in_(hashes)),
            )
            found.update(tx.execute(query).scalars())
    return found


def recent_yields(tx: Transaction, strata: Sequence[Stratum], places: int = 100) -> Mapping[Stratum, float]:
    """Sound questions per requested one over about the last `places` of each stratum; unmeasured strata missing.

    Surplus counts as sound: it was good enough to insert. Batches that a provider never answered count as asked.
    """
    recent = (
        select(
            question_batches.c.id,
            question_batches.c.question_type,
            question_batches.c.difficulty,
            question_batches.c.size,
            func.sum(question_batches.c.size)
            .over(
                partition_by=(question_batches.c.question_type, question_batches.c.difficulty),
                order_by=(question_batches.c.completed_at.desc(), question_batches.c.id),
            )
            .label("places"),
        )
        .where(
            question_batches.c.completed_at.is_not(None),
            tuple_(question_batches.c.question_type, question_batches.c.difficulty).in_(list(strata)),
        )
        .subquery()
    )
    sound = (
        select(candidates.c.batch_id, func.count().label("sound"))
        .where(candidates.c.state.in_([CandidateState.INSERTED.value, CandidateState.SURPLUS.value]))
        .group_by(candidates.c.batch_id)
        .subquery()
    )
    rows = tx.execute(
        select(
            recent.c.question_type,
            recent.c.difficulty,
            func.coalesce(func.sum(sound.c.sound), 0),
            func.sum(recent.c.size),
        )
        .select_from(recent.outerjoin(sound, sound.c.batch_id == recent.c.id))
        .where(recent.c.places - recent.c.size < places)
        .group_by(recent.c.question_type, recent.c.difficulty)
    )
    return {Stratum(t, d): float(good) / float(asked) for t, d, good, asked in rows}


def count_salvaged(tx: Transaction, run_id: UUID, salvage: str) -> int:
    """How many candidates of the run were made by one kind of salvage."""
    query = select(func.count()).where(candidates.c.run_id == run_id, candidates.c.salvage == salvage)
    return tx.execute(query).scalar_one()


def _new_row(run_id: UUID, batch_id: UUID, new: NewCandidate, requested_difficulty: str) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "run_id": run_id,
        "batch_id": batch_id,
        "place": new.place,
        "question_type": new.question.question_type,
        "difficulty": new.question.difficulty,
        "requested_difficulty": requested_difficulty,
        "state": CandidateState.GENERATED.value,
        "content": new.question.model_dump(mode="json"),
        "content_hash": content_hash(new.question),
        "structure_hash": structure_hash(new.question),
        "provider": new.provider,
        "model": new.model,
        "prompt_version": new.prompt_version,
        "salvage": new.salvage,
        "parent_candidate_id": new.parent_candidate_id,
    }


def _stored(row: Row[Any]) -> Candidate:
    m = row._mapping
    return Candidate(
        id=m["id"],
        run_id=m["run_id"],
        batch_id=m["batch_id"],
        place=m["place"],
        question=Question.model_validate(m["content"]),
        requested_difficulty=m["requested_difficulty"],
        state=CandidateState(m["state"]),
        reason=Reason(m["reason"]) if m["reason"] else None,
        content_hash=m["content_hash"],
        structure_hash=m["structure_hash"],
        provider=m["provider"],
        model=m["model"],
        prompt_version=m["prompt_version"],
        arbiter_score=m["arbiter_score"],
        salvage=m["salvage"],
        parent_candidate_id=m["parent_candidate_id"],
        created_at=m["created_at"],
    )
