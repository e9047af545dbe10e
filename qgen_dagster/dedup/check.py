"""What goes into a duplicate check and what comes out.

Here: `Checked`, `DuplicateCheck` (stored with the candidate), `Decision`. Not here: how it is decided (`find.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from qgen_dagster.core.funnel import Reason
from qgen_dagster.core.question import Question, content_hash, structure_hash

if TYPE_CHECKING:
    from qgen_dagster.bank.vectors import Entry


class Rule(StrEnum):
    """What decided. GREY alone decides nothing: an arbiter or a person does."""

    EXACT = "exact"
    STRUCTURAL = "structural"
    SEMANTIC = "semantic"
    GREY = "grey"
    DISTINCT = "distinct"


_REASONS = {Rule.EXACT: Reason.EXACT, Rule.STRUCTURAL: Reason.STRUCTURAL, Rule.SEMANTIC: Reason.SEMANTIC}


@dataclass(frozen=True, slots=True)
class Checked:
    """A candidate to be checked."""

    candidate_id: UUID
    question: Question
    content_hash: str
    structure_hash: str | None

    @classmethod
    def of(cls, candidate_id: UUID, question: Question) -> Checked:
        return cls(candidate_id, question, content_hash(question), structure_hash(question))


class DuplicateCheck(BaseModel):
    """What is stored with a decision (candidates.duplicate_check).

    `nearest_*` is the question that decided; for DISTINCT the nearest of those that share answer and quantities (and
    words, where there are no quantities), or None where there is none. `doubts` says why GREY is not SEMANTIC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Rule
    nearest_id: UUID | None = None
    nearest_kind: Literal["question", "candidate"] | None = None
    cosine: float | None = None
    jaccard: float | None = None
    answers_agree: bool | None = None
    numbers_agree: bool | None = None
    names_agree: bool | None = None
    doubts: tuple[str, ...] = ()
    embedder: str | None = None
    decided_by: str | None = None  # who settled a grey one, and why


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome for one candidate. `entry` is its vector and key, to be stored if it is kept."""

    candidate_id: UUID
    check: DuplicateCheck
    entry: Entry | None = field(default=None, compare=False)

    @property
    def rule(self) -> Rule:
        return self.check.rule

    @property
    def reason(self) -> Reason | None:
        """Why it is a duplicate; None when it is none, or not decided."""
        return _REASONS.get(self.rule)
