"""Runs: one row each in `question_generation_runs`, and the counts that its numbers come from.

Not here: turning counts into metrics (`tracking/metrics.py`), liveness (`locks.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Text, bindparam, case, cast, distinct, func, select, update
from sqlalchemy.dialects.postgresql import insert

from qgen_dagster.bank.batches import UNFINISHED
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import RUN_COLUMNS, candidates, llm_calls, question_batches, runs
from qgen_dagster.core.funnel import PENDING_STATES, CandidateState, Funnel, Loss, Reason, loss_of
from qgen_dagster.core.run import RunKind, RunStatus
from qgen_dagster.core.taxonomy import Stratum


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Calls of one run to one provider. None where nothing was measured; `cost_usd`: where no call had a price.

    `unpriced_calls` were answered, or used tokens, by a model that has no price (`unpriced_models`). Latencies are
    seconds of all calls, failed ones too; those of batch jobs have none.
    """

    provider: str
    calls: int
    failures: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: Decimal | None
    unpriced_calls: int = 0
    unpriced_models: tuple[str, ...] = ()
    latency_p50_seconds: float | None = None
    latency_p95_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class ScoreCounts:
    """What the arbiter said in one run: how many were judged, and their scores (None where none was scored)."""

    evaluated: int
    rejected: int
    average: float | None
    lowest: float | None
    highest: float | None


@dataclass(frozen=True, slots=True)
class ProviderOutcome:
    """Candidates of one provider in one run, and the arbiter's average score of them (None where none was scored)."""

    generated: int
    evaluated: int = 0
    approved: int = 0
    inserted: int = 0
    average_score: float | None = None


def create_run(tx: Transaction, run_id: UUID, started_at: datetime, values: Mapping[str, Any]) -> bool:
    """Writes the row as `running`; an existing row of that id is opened again instead. True when it is new."""
    row = {"id": run_id, "started_at": started_at, "status": RunStatus.RUNNING.value, "questions_requested": 0}
    created = tx.execute(
        insert(runs).values({**row, **values}).on_conflict_do_nothing(index_elements=["id"]).returning(runs.c.id)
    ).scalar()
    if created is None:
        reopened = {"status": RunStatus.RUNNING.value, "completed_at": None, "exit_code": None, "error": None}
        life = {key: values[key] for key in ("host", "pid", "heartbeat_at") if key in values}
        tx.execute(update(runs).where(runs.c.id == run_id).values(**reopened, **life))
    return created is not None


def update_run(tx: Transaction, run_id: UUID, values: Mapping[str, Any], *, only_running: bool = False) -> bool:
    """Writes columns of a run's row; with `only_running`, a row that is closed already stays as it is."""
    query = update(runs).where(runs.c.id == run_id)
    if only_running:
        query = query.where(runs.c.status == RunStatus.RUNNING.value)
    return tx.execute(query.values(**values)).rowcount == 1


def get_run(tx: Transaction, run_id: UUID) -> dict[str, Any] | None:
    """All columns of a run, or None when there is no such run."""
    row = tx.execute(_RUN, {"run_id": run_id}).first()
    return dict(row._mapping) if row else None


def list_runs(
    tx: Transaction,
    *,
    statuses: Sequence[RunStatus] = (),
    kind: RunKind | None = None,
    parent_run_id: UUID | None = None,
    limit: int = 20,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Runs, newest first. `parent_run_id` selects a run's later rounds."""
    query = select(*RUN_COLUMNS).order_by(runs.c.started_at.desc(), runs.c.id).limit(limit).offset(offset)
    if statuses:
        query = query.where(runs.c.status.in_([status.value for status in statuses]))
    if kind is not None:
        query = query.where(runs.c.kind == kind.value)
    if parent_run_id is not None:
        query = query.where(runs.c.parent_run_id == parent_run_id)
    return [dict(row._mapping) for row in tx.execute(query)]


def find_run_ids(tx: Transaction, prefix: str) -> list[UUID]:
    """The ids that begin with `prefix`, at most a handful: for commands that take a shortened id."""
    text_id = cast(runs.c.id, Text)
    return list(tx.execute(select(runs.c.id).where(text_id.startswith(prefix, autoescape=True)).limit(5)).scalars())


def unfinished_run_ids(tx: Transaction) -> list[UUID]:
    """Runs of questions that ended with work left (batches or candidates), newest first."""
    batches_left = (
        select(question_batches.c.id)
        .where(question_batches.c.run_id == runs.c.id, question_batches.c.status.in_(UNFINISHED))
        .exists()
    )
    candidates_left = (
        select(candidates.c.id)
        .where(candidates.c.run_id == runs.c.id, candidates.c.state.in_([s.value for s in PENDING_STATES]))
        .exists()
    )
    query = (
        select(runs.c.id)
        .where(
            ~runs.c.reported,
            runs.c.kind == RunKind.QUESTIONS.value,
            batches_left | candidates_left | (runs.c.status == RunStatus.KILLED.value),
        )
        .order_by(runs.c.started_at.desc())
    )
    return list(tx.execute(query).scalars())


def stratum_funnels(tx: Transaction, run_id: UUID) -> dict[Stratum, Funnel]:
    """Where every requested question of the run went, per stratum."""
    counts: dict[Stratum, _Counts] = {}
    for stratum, requested, delivered, lost, saturated, waiting in _batch_counts(tx, run_id):
        c = counts.setdefault(stratum, _Counts())
        c.requested, c.generated, c.pending = requested, delivered, waiting
        c.lose(Loss.NOT_GENERATED, lost)
        c.lose(Loss.SATURATED, saturated)
    for asked, stands, state, reason, salvage, number in _candidate_counts(tx, run_id):
        here = counts.setdefault(stands, _Counts())
        here.add(state, reason, number, salvaged=salvage is not None)
        if asked != stands:
            here.reclassified_in += number
            counts.setdefault(asked, _Counts()).reclassified_out += number
    return {stratum: c.funnel() for stratum, c in counts.items()}


def call_counts(tx: Transaction, run_id: UUID) -> list[CallCounts]:
    """Calls, failures, tokens, cost and latency per provider; for any purpose, embeddings too."""
    rows = tx.execute(_CALLS, {"run_id": run_id})
    return [CallCounts(**{**row._mapping, "unpriced_models": tuple(row.unpriced_models or ())}) for row in rows]


def error_counts(tx: Transaction, run_id: UUID) -> dict[str, int]:
    """Failed calls per error category."""
    rows = tx.execute(
        select(llm_calls.c.error_category, func.count())
        .where(llm_calls.c.run_id == run_id, llm_calls.c.error_category.is_not(None))
        .group_by(llm_calls.c.error_category)
    )
    return {str(category): count for category, count in rows}


def provider_outcomes(tx: Transaction, run_id: UUID) -> dict[str, ProviderOutcome]:
    """What became of each provider's candidates; what salvage made of one counts in its place."""
    rows = tx.execute(_OUTCOMES, {"run_id": run_id})
    return {provider: ProviderOutcome(*counts) for provider, *counts in rows}


def score_counts(tx: Transaction, run_id: UUID) -> ScoreCounts:
    """How the judge found the run's candidates."""
    row = tx.execute(_SCORES, {"run_id": run_id}).one()
    return ScoreCounts(*row)


@dataclass(slots=True)
class _Counts:
    requested: int = 0
    generated: int = 0
    inserted: int = 0
    pending: int = 0
    salvaged: int = 0
    reclassified_in: int = 0
    reclassified_out: int = 0
    losses: dict[Loss, int] | None = None

    def lose(self, loss: Loss, number: int) -> None:
        self.losses = self.losses or {}
        if number:
            self.losses[loss] = self.losses.get(loss, 0) + number

    def add(self, state: CandidateState, reason: Reason | None, number: int, *, salvaged: bool) -> None:
        if state in PENDING_STATES:
            self.pending += number
        elif state is CandidateState.INSERTED:
            self.inserted += number
            self.salvaged += number if salvaged else 0
        else:
            loss = loss_of(state, reason)
            if loss is not None:
                self.lose(loss, number)

    def funnel(self) -> Funnel:
        return Funnel(
            requested=self.requested,
            generated=self.generated,
            inserted=self.inserted,
            pending=self.pending,
            losses=dict(self.losses or {}),
            salvaged=self.salvaged,
            reclassified_in=self.reclassified_in,
            reclassified_out=self.reclassified_out,
        )


def _batch_counts(tx: Transaction, run_id: UUID) -> list[tuple[Stratum, int, int, int, int, int]]:
    rows = tx.execute(_BATCHES, {"run_id": run_id})
    return [(Stratum(t, d), *map(int, numbers)) for t, d, *numbers in rows]  # type: ignore[misc]


def _candidate_counts(
    tx: Transaction, run_id: UUID
) -> list[tuple[Stratum, Stratum, CandidateState, Reason | None, str | None, int]]:
    rows = tx.execute(_CANDIDATES, {"run_id": run_id})
    return [
        (
            Stratum(question_type, asked),
            Stratum(question_type, stands),
            CandidateState(state),
            Reason(reason) if reason else None,
            salvage,
            number,
        )
        for question_type, asked, stands, state, reason, salvage, number in rows
    ]


# Made once: every stage of every run asks them, and putting one together takes longer than the server needs.
_ID = bindparam("run_id", type_=runs.c.id.type)
_RUN = select(*RUN_COLUMNS).where(runs.c.id == _ID)


def _calls_query() -> Select[Any]:
    c = llm_calls.c
    used = (func.coalesce(c.input_tokens, 0) + func.coalesce(c.output_tokens, 0)) > 0
    # Item models have no name and no price; a call that was refused cost nothing.
    unpriced = c.cost_usd.is_(None) & c.model.is_not(None) & (used | c.reply.is_not(None))
    seconds = c.latency_seconds
    return (
        select(
            c.provider,
            func.count().label("calls"),
            func.count().filter(c.error_category.is_not(None)).label("failures"),
            func.sum(c.input_tokens).label("input_tokens"),
            func.sum(c.output_tokens).label("output_tokens"),
            func.sum(c.cost_usd).label("cost_usd"),
            func.count().filter(unpriced).label("unpriced_calls"),
            func.array_agg(distinct(c.model)).filter(unpriced).label("unpriced_models"),
            func.percentile_cont(0.5).within_group(seconds).label("latency_p50_seconds"),
            func.percentile_cont(0.95).within_group(seconds).label("latency_p95_seconds"),
        )
        .where(c.run_id == _ID)
        .group_by(c.provider)
        .order_by(c.provider)
    )


def _outcomes_query() -> Select[Any]:
    c = candidates.c
    current = c.state != CandidateState.SUPERSEDED.value
    judged = current & (c.state != CandidateState.GENERATED.value)
    return (
        select(
            c.provider,
            func.count().filter(c.parent_candidate_id.is_(None)),
            func.count().filter(judged),
            func.count().filter(judged & (c.state != CandidateState.REJECTED.value)),
            func.count().filter(c.state == CandidateState.INSERTED.value),
            func.avg(c.arbiter_score).filter(current),
        )
        .where(c.run_id == _ID)
        .group_by(c.provider)
    )


def _scores_query() -> Select[Any]:
    c = candidates.c
    return select(
        func.count().filter(c.state != CandidateState.GENERATED.value),
        func.count().filter(c.state == CandidateState.REJECTED.value),
        func.avg(c.arbiter_score),
        func.min(c.arbiter_score),
        func.max(c.arbiter_score),
    ).where(c.run_id == _ID, c.state != CandidateState.SUPERSEDED.value)


def _batches_query() -> Select[Any]:
    b = question_batches.c
    unfinished = b.status.in_(UNFINISHED)
    missing = b.size - b.delivered

    def total(condition: Any, value: Any) -> Any:
        return func.coalesce(func.sum(case((condition, value), else_=0)), 0)

    return (
        select(
            b.question_type,
            b.difficulty,
            func.sum(b.size),
            total(~unfinished, b.delivered),
            total(~unfinished & ~b.saturated, missing),
            total(~unfinished & b.saturated, missing),
            total(unfinished, b.size),
        )
        .where(b.run_id == _ID)
        .group_by(b.question_type, b.difficulty)
    )


def _candidates_query() -> Select[Any]:
    c = candidates.c
    kind = (c.question_type, c.requested_difficulty, c.difficulty, c.state, c.reason, c.salvage)
    return (
        select(*kind, func.count()).where(c.run_id == _ID, c.state != CandidateState.SUPERSEDED.value).group_by(*kind)
    )


_CALLS, _OUTCOMES, _SCORES = _calls_query(), _outcomes_query(), _scores_query()
_BATCHES, _CANDIDATES = _batches_query(), _candidates_query()
