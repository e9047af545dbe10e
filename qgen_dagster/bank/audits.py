"""What audits of the bank found: which question was looked at, what its solvers said, and what became of it.

Here: the questions that are due, the record of each, and taking one out without emptying its stratum. Not here: who
solves (`services/bank_audit.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, literal, select, tuple_, update

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.locks import lock_stratum_stock
from qgen_dagster.bank.operations_tables import question_audits
from qgen_dagster.bank.questions import StoredQuestion, deactivate_question, stored_question
from qgen_dagster.bank.tables import questions
from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.core.taxonomy import Stratum


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One question as an audit left it. `evidence` is judging.solving.Solution, or why there is none."""

    question_id: UUID
    finding: AuditFinding
    action: AuditAction
    evidence: Mapping[str, Any]


def due_questions(
    tx: Transaction, strata: Sequence[Stratum], limit: int, *, with_item_model: bool = False
) -> list[StoredQuestion]:
    """Active questions, those that nobody has ever checked first, then the longest unchecked.

    `with_item_model`: only those that an item model has made, which can be solved without a language model.
    """
    query = select(questions).where(
        questions.c.is_active, tuple_(questions.c.question_type, questions.c.difficulty).in_(list(strata))
    )
    if with_item_model:
        query = query.where(questions.c.content["item_model"].as_string().is_not(None))
    query = query.order_by(questions.c.audited_at.nulls_first(), questions.c.id).limit(limit)
    return [stored_question(row) for row in tx.execute(query)]


def take_out(tx: Transaction, stored: StoredQuestion, *, floor: int, actor: str, reason: str) -> bool:
    """Deactivates the question unless its stratum would then hold fewer than `floor`; False when it stays.

    Others that take questions out of the same stratum wait until this transaction ends, so that two do not both count
    the last one above the floor.
    """
    stratum = stored.question.stratum
    lock_stratum_stock(tx, stratum)
    active = tx.execute(
        select(func.count())
        .select_from(questions)
        .where(
            questions.c.is_active,
            questions.c.question_type == stratum.question_type,
            questions.c.difficulty == stratum.difficulty,
        )
    ).scalar_one()
    return active > floor and deactivate_question(tx, stored.id, actor=actor, reason=reason)


def record_audits(tx: Transaction, run_id: UUID, at: datetime, records: Sequence[AuditRecord]) -> None:
    """Keeps what was found; a question whose key was proved counts as verified at this moment."""
    if not records:
        return
    rows = [
        {
            "question_id": record.question_id,
            "run_id": run_id,
            "audited_at": at,
            "finding": record.finding.value,
            "action": record.action.value,
            "evidence": dict(record.evidence),
        }
        for record in records
    ]
    tx.execute(insert(question_audits), rows)
    proved = [record.question_id for record in records if record.finding is AuditFinding.PROVED]
    looked_at = [record.question_id for record in records]
    tx.execute(update(questions).where(questions.c.id.in_(looked_at)).values(audited_at=literal(at)))
    tx.execute(update(questions).where(questions.c.id.in_(proved)).values(verified_at=literal(at)))


def audit_counts(tx: Transaction, run_id: UUID) -> dict[tuple[AuditFinding, AuditAction], int]:
    """How many questions an audit left in which way; empty for a run that is no audit."""
    query = (
        select(question_audits.c.finding, question_audits.c.action, func.count())
        .where(question_audits.c.run_id == run_id)
        .group_by(question_audits.c.finding, question_audits.c.action)
    )
    return {(AuditFinding(finding), AuditAction(action)): count for finding, action, count in tx.execute(query)}


def wanting(tx: Transaction, run_id: UUID, limit: int) -> list[AuditRecord]:
    """The questions that an audit took out or would have, in the order in which they were looked at."""
    query = (
        select(question_audits)
        .where(question_audits.c.run_id == run_id, question_audits.c.action != AuditAction.KEPT.value)
        .order_by(question_audits.c.id)
        .limit(limit)
    )
    return [
        AuditRecord(row.question_id, AuditFinding(row.finding), AuditAction(row.action), row.evidence)
        for row in tx.execute(query)
    ]
