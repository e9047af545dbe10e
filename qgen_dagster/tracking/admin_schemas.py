"""Stock, questions, batches and alerts as the admin API tells them.

Not here: runs (`run_schemas.py`) and statistics over them (`stats_schemas.py`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from qgen_dagster.core.alert import MAX_MUTE_HOURS, RuleName
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.inventory import StockLevel
from qgen_dagster.core.question import Question

# One line, and something left of it when the blanks are taken away.
_SAYS_SOMETHING = r"^[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x1f\x7f]*$"
AlertState = Literal["open", "acknowledged", "resolved"]


class Paged(BaseModel):
    """A page. `total` stops counting at 10,000: then `total_is_exact` is false."""

    page: int
    page_size: int
    pages: int
    total: int
    total_is_exact: bool


class StratumStock(BaseModel):
    """One stratum's stock of active questions. `fill_priority` 0–1: higher is more urgent."""

    key: str
    question_type: str
    difficulty: str
    current_count: int
    target_count: int
    deficit: int
    fill_priority: float
    level: StockLevel


class Levels(BaseModel):
    """The smallest count of each level; below `critical` a stratum is critical."""

    healthy: int
    warning: int
    critical: int


class InventoryRead(BaseModel):
    """The stock of every stratum of the taxonomy, in its order."""

    total: int
    total_deficit: int
    target_per_stratum: int
    thresholds: Levels
    strata_below_target: list[str]
    critical_strata: list[str]
    strata: list[StratumStock]


class SnapshotRead(BaseModel):
    """The stock at one time: active questions per stratum."""

    taken_at: datetime
    target_per_stratum: int
    total: int
    total_deficit: int
    counts: dict[str, int]


class SnapshotList(BaseModel):
    """Stock over time, newest first; `complete` is false when there are older ones in the period."""

    snapshots: list[SnapshotRead]
    complete: bool


class QuestionSummary(BaseModel):
    """A question in a list."""

    id: UUID
    question_type: str
    difficulty: str
    sub_type: str
    stem: str
    is_active: bool
    source: str
    provider: str | None
    model: str | None
    prompt_version: str | None
    arbiter_score: float | None
    run_id: UUID | None
    created_at: datetime
    verified_at: datetime | None
    deactivated_at: datetime | None
    deactivated_by: str | None
    deactivated_reason: str | None


class QuestionPage(Paged):
    """A page of questions, newest first."""

    questions: list[QuestionSummary]


class CandidateRead(BaseModel):
    """What became of a candidate: the arbiter's scores and the solvers' answers, the nearest question and the rule."""

    id: UUID
    batch_id: UUID
    run_id: UUID
    state: CandidateState
    reason: str | None
    requested_difficulty: str
    difficulty: str
    provider: str
    model: str | None
    prompt_version: str | None
    arbiter_score: float | None
    judgement: dict[str, Any] | None
    duplicate_check: dict[str, Any] | None
    salvage: str | None
    created_at: datetime


class CallRead(BaseModel):
    """A provider call that had a part in a question. Null cost: not priced."""

    id: int
    purpose: str
    provider: str
    model: str | None
    prompt_version: str | None
    error_category: str | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    latency_seconds: float | None
    created_at: datetime


class QuestionRead(QuestionSummary):
    """A question with its content and its whole history, the candidate that became it first."""

    content: Question
    history: list[CandidateRead]
    calls: list[CallRead]


class Deactivation(BaseModel):
    """Why a question is taken out of the inventory, and who says so."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"reason": "two answers are right", "actor": "reviewer@example.org"}]},
    )

    reason: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=_SAYS_SOMETHING)]
    actor: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_SAYS_SOMETHING)]


class Deactivated(BaseModel):
    """The question afterwards; `changed` is false when it was inactive before."""

    changed: bool
    question: QuestionSummary


class BatchRead(BaseModel):
    """A batch: up to so many questions of one stratum asked for in one call."""

    id: UUID
    run_id: UUID
    question_type: str
    difficulty: str
    index: int
    size: int
    status: BatchStatus
    calls: int
    delivered: int
    invalid: int
    saturated: bool
    provider: str | None
    error_category: str | None
    error: str | None
    created_at: datetime
    completed_at: datetime | None


class BatchPage(Paged):
    """A page of batches, newest first."""

    batches: list[BatchRead]


class AlertSummary(BaseModel):
    """An alert: the rule that raised it and what it is about (a stratum key, a run id, an error category).

    `told_severity` is what the channels were told last; null: nothing, or that it is over.
    """

    id: UUID
    rule: str
    subject: str
    severity: str
    state: AlertState
    message: str
    details: dict[str, Any] | None
    run_id: UUID | None
    opened_at: datetime
    told_severity: str | None
    last_sent_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledged_reason: str | None
    resolved_at: datetime | None


class DeliveryRead(BaseModel):
    """A message about an alert on its way to one channel. `history` has the last attempts, oldest first."""

    message_id: UUID
    title: str
    created_at: datetime
    channel: str
    state: Literal["pending", "delivered", "failed"]
    attempts: int
    next_attempt_at: datetime
    last_attempt_at: datetime | None
    delivered_at: datetime | None
    error: str | None
    history: list[dict[str, Any]]


class AlertRead(AlertSummary):
    """An alert with where its messages went, newest first."""

    deliveries: list[DeliveryRead]


class AlertPage(Paged):
    """A page of alerts, newest first."""

    alerts: list[AlertSummary]


_Actor = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=_SAYS_SOMETHING)]
_Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=_SAYS_SOMETHING)]


class Acknowledgement(BaseModel):
    """Who knows of an alert, and what there is to say about it."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"actor": "duty@example.org"}]}
    )

    actor: _Actor
    reason: _Reason | None = None


class Acknowledged(BaseModel):
    """The alert afterwards; `changed` is false when it was not open."""

    changed: bool
    alert: AlertSummary


class MuteRequest(BaseModel):
    """What is kept quiet, for how many hours, and who says so. Without `rule` and `subject`: everything."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"hours": 8, "actor": "duty@example.org", "rule": "stock"}]},
    )

    hours: Annotated[float, Field(ge=0.01, le=MAX_MUTE_HOURS, allow_inf_nan=False)]
    actor: _Actor
    rule: RuleName | None = None
    subject: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_SAYS_SOMETHING)] | None = None
    reason: _Reason | None = None


class MuteEnd(BaseModel):
    """Who ends a mute early."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"actor": "duty@example.org"}]}
    )

    actor: _Actor


class MuteRead(BaseModel):
    """What is kept quiet, or was until `ended_at`."""

    id: UUID
    rule: str | None
    subject: str | None
    muted_until: datetime
    created_at: datetime
    created_by: str
    reason: str | None
    ended_at: datetime | None
    ended_by: str | None


class MuteList(BaseModel):
    """What is kept quiet now, the longest first."""

    mutes: list[MuteRead]
