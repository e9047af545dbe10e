"""A run as others report it and read it: the shapes of the admin API, with their checks.

Here: `QuestionGenerationRunCreate` (what a reporter sends), `…Summary` (a line of a list), `…Read` (everything about
one run). Not here: statistics over many runs (`stats_schemas.py`), the columns themselves (`bank/tables.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from qgen_dagster.core.error_categories import Severity
from qgen_dagster.core.funnel import Loss
from qgen_dagster.core.question import PRINTABLE
from qgen_dagster.core.run import RunKind, RunStatus

MAX_COUNT = 1_000_000_000
MAX_NAMES = 200
MAX_STRATA = 2_000
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
_RATE_TOLERANCE = 0.01


def _whole(value: object) -> object:
    """JSON knows one kind of number: 5.0 is 5."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


WHOLE = BeforeValidator(_whole)  # after the limits, or they would not be told in the JSON schema
Count = Annotated[int, Field(ge=0, le=MAX_COUNT), WHOLE]
Tokens = Annotated[int, Field(ge=0, le=10**15), WHOLE]
Rate = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=10**9, allow_inf_nan=False)]
Dollars = Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False)]


def _text(longest: int) -> StringConstraints:
    return StringConstraints(min_length=1, max_length=longest, pattern=PRINTABLE)


def _named(longest: int, most: int) -> Any:
    """A breakdown: at most `most` names, none longer than `longest`."""

    def as_json_schema(schema: dict[str, Any]) -> None:
        # Pydantic's own form leaves open what names that do not fit may hold.
        for pattern, value in schema.pop("patternProperties", {}).items():
            schema["propertyNames"] = {"pattern": pattern, "minLength": 1, "maxLength": longest}
            schema["additionalProperties"] = value

    return Field(max_length=most, json_schema_extra=as_json_schema)


Name = Annotated[str, _text(60)]
StratumName = Annotated[str, _text(130)]
Version = Annotated[str, _text(50)]
Text = Annotated[str, StringConstraints(max_length=4_000, pattern=PRINTABLE)]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ProviderMetrics(_Closed):
    """What one provider did in a run. Null: not measured. Evaluated, approved and inserted are of what it generated."""

    generated: Count = 0
    api_calls: Count = 0
    failures: Count = 0
    evaluated: Count | None = None
    approved: Count | None = None
    inserted: Count | None = None
    avg_arbiter_score: Rate | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    cost_usd: Dollars | None = None
    unpriced_calls: Count | None = None
    unpriced_models: Annotated[list[Annotated[str, _text(120)]], Field(max_length=MAX_NAMES)] = []
    latency_p50_seconds: Seconds | None = None
    latency_p95_seconds: Seconds | None = None


class ErrorSummary(_Closed):
    """Failed calls by category (`rate_limit`, `billing_quota`, …) and severity."""

    by_category: Annotated[dict[Name, Count], _named(60, MAX_NAMES)] = {}
    by_severity: dict[Severity, Count] = {}
    critical_count: Count = 0


class FunnelCounts(_Closed):
    """Where requested questions went: requested = inserted + losses + pending, moves between difficulties apart."""

    requested: Count = 0
    generated: Count = 0
    inserted: Count = 0
    pending: Count = 0
    losses: dict[Loss, Count] = {}
    duplicates: Count = 0
    salvaged: Count = 0
    reclassified_in: Count = 0
    reclassified_out: Count = 0


class FunnelDocument(_Closed):
    """The funnel of the run, and of each stratum by its key (`math__hard`)."""

    total: FunnelCounts
    strata: Annotated[dict[StratumName, FunnelCounts], _named(130, MAX_STRATA)] = {}


class _Scalars(BaseModel):
    """The columns that a list shows."""

    started_at: AwareDatetime
    completed_at: AwareDatetime | None = None
    duration_seconds: Seconds | None = None
    status: RunStatus
    exit_code: Annotated[int, Field(ge=0, le=6), WHOLE] | None = None
    questions_requested: Count
    questions_generated: Count = 0
    generation_failures: Count = 0
    generation_success_rate: Rate | None = None
    questions_evaluated: Count = 0
    questions_approved: Count = 0
    questions_rejected: Count = 0
    approval_rate: Rate | None = None
    avg_arbiter_score: Rate | None = None
    min_arbiter_score: Rate | None = None
    max_arbiter_score: Rate | None = None
    duplicates_found: Count = 0
    exact_duplicates: Count = 0
    semantic_duplicates: Count = 0
    duplicate_rate: Rate | None = None
    questions_inserted: Count = 0
    insertion_failures: Count = 0
    overall_success_rate: Rate | None = None
    total_errors: Count = 0
    total_api_calls: Count = 0
    prompt_version: Version | None = None
    arbiter_config_version: Version | None = None
    min_arbiter_score_threshold: Rate | None = None
    environment: Annotated[str, _text(20)] | None = None
    triggered_by: Version | None = None
    cost_usd: Dollars | None = None
    input_tokens: Tokens | None = None
    output_tokens: Tokens | None = None
    unpriced_calls: Count = 0
    parent_run_id: UUID | None = None
    round: Annotated[int, Field(ge=1, le=10_000), WHOLE] = 1
    heartbeat_at: AwareDatetime | None = None
    stop_reason: Text | None = None


class _Breakdowns(BaseModel):
    """The columns that only one run's own page shows."""

    provider_metrics: Annotated[dict[Name, ProviderMetrics], _named(60, MAX_NAMES)] | None = None
    type_metrics: Annotated[dict[Name, Count], _named(60, MAX_NAMES)] | None = None
    difficulty_metrics: Annotated[dict[Name, Count], _named(60, MAX_NAMES)] | None = None
    error_summary: ErrorSummary | None = None
    funnel: FunnelDocument | None = None
    host: Annotated[str, _text(255)] | None = None
    pid: Annotated[int, Field(ge=0, le=2**31 - 1), WHOLE] | None = None
    error: Text | None = None


EXAMPLE: dict[str, Any] = {
    "id": "3f2a91c0-5d7e-4b1a-9c62-0e8f4d1b7a55",
    "started_at": "2026-03-01T02:00:00Z",
    "completed_at": "2026-03-01T02:04:10Z",
    "duration_seconds": 250.0,
    "status": "success",
    "exit_code": 0,
    "questions_requested": 50,
    "questions_generated": 50,
    "questions_evaluated": 50,
    "questions_approved": 46,
    "questions_rejected": 4,
    "approval_rate": 0.92,
    "avg_arbiter_score": 0.86,
    "min_arbiter_score": 0.55,
    "max_arbiter_score": 0.97,
    "duplicates_found": 1,
    "exact_duplicates": 1,
    "questions_inserted": 45,
    "overall_success_rate": 0.9,
    "total_api_calls": 31,
    "provider_metrics": {
        "openai": {"generated": 50, "api_calls": 31, "evaluated": 50, "approved": 46, "inserted": 45, "cost_usd": 0.42}
    },
    "type_metrics": {"math": 20, "logic": 30},
    "difficulty_metrics": {"easy": 25, "hard": 25},
    "error_summary": {"by_category": {"rate_limit": 1}, "by_severity": {"high": 1}, "critical_count": 0},
    "prompt_version": "2.1",
    "environment": "production",
    "triggered_by": "scheduler",
    "cost_usd": 0.42,
}


class QuestionGenerationRunCreate(_Scalars, _Breakdowns):
    """A report about a run: that it is running, or how it ended.

    With an `id` the report may be sent again, and later reports of the same id update the run. Dates carry a zone and
    lie between 2000 and 2100. Counts narrow from stage to stage: requested ≥ generated ≥ evaluated ≥ approved +
    rejected, and approved ≥ duplicates + inserted. `completed_at` belongs to an ended run only. Duration and overall
    success rate are computed where they are missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [EXAMPLE]})

    id: UUID | None = None

    @model_validator(mode="after")
    def _times_fit(self) -> QuestionGenerationRunCreate:
        for name in ("started_at", "completed_at", "heartbeat_at"):
            moment = getattr(self, name)
            if moment is not None and not EARLIEST <= moment < LATEST:
                raise ValueError(f"{name} must lie between 2000 and 2100")
        running = self.status is RunStatus.RUNNING
        if running and (self.completed_at is not None or self.exit_code is not None):
            raise ValueError("a run that is running has neither completed_at nor exit_code")
        if not running and self.completed_at is None:
            raise ValueError(f"a run that ended as {self.status.value} needs completed_at")
        if self.completed_at is not None and self.completed_at < self.started_at:
            raise ValueError("completed_at must not be before started_at")
        return self

    @model_validator(mode="after")
    def _no_own_parent(self) -> QuestionGenerationRunCreate:
        if self.id is not None and self.id == self.parent_run_id:
            raise ValueError("a run cannot be its own parent")
        return self

    @model_validator(mode="after")
    def _scores_in_order(self) -> QuestionGenerationRunCreate:
        scores = [s for s in (self.min_arbiter_score, self.avg_arbiter_score, self.max_arbiter_score) if s is not None]
        # An average of equal scores may miss them by a rounding.
        if any(a > b + 1e-9 for a, b in pairwise(scores)):
            raise ValueError("arbiter scores must satisfy min ≤ avg ≤ max")
        return self

    @model_validator(mode="after")
    def _counts_narrow(self) -> QuestionGenerationRunCreate:
        steps = (
            ("questions_generated", self.questions_generated, "questions_requested", self.questions_requested),
            ("questions_evaluated", self.questions_evaluated, "questions_generated", self.questions_generated),
            (
                "questions_approved + questions_rejected",
                self.questions_approved + self.questions_rejected,
                "questions_evaluated",
                self.questions_evaluated,
            ),
            (
                "questions_inserted + duplicates_found",
                self.questions_inserted + self.duplicates_found,
                "questions_approved",
                self.questions_approved,
            ),
            (
                "exact_duplicates + semantic_duplicates",
                self.exact_duplicates + self.semantic_duplicates,
                "duplicates_found",
                self.duplicates_found,
            ),
        )
        for inner, count, outer, limit in steps:
            if count > limit:
                raise ValueError(f"{inner} ({count}) must not be more than {outer} ({limit})")
        return self

    @model_validator(mode="after")
    def _rate_fits(self) -> QuestionGenerationRunCreate:
        if self.overall_success_rate is not None and self.questions_requested:
            counted = self.questions_inserted / self.questions_requested
            if abs(counted - self.overall_success_rate) > _RATE_TOLERANCE:
                raise ValueError(
                    f"overall_success_rate ({self.overall_success_rate}) is not questions_inserted / "
                    f"questions_requested ({counted:.3f})"
                )
        return self


class QuestionGenerationRunSummary(_Scalars):
    """A run in a list: its numbers, without the breakdowns. The runs of drill series have no questions to count."""

    id: UUID
    kind: RunKind = RunKind.QUESTIONS
    created_at: AwareDatetime


class StageLoss(BaseModel):
    """What a stage lost: how many, and as a share (0–1) of what was requested and of what reached the stage."""

    lost: int
    of_requested: float | None
    of_reached: float | None


class StageLosses(BaseModel):
    """Losses per stage; together they are requested − inserted.

    A run that has not ended, or left candidates waiting, shows those as not yet through the stage they wait for.
    """

    generation: StageLoss
    evaluation: StageLoss
    deduplication: StageLoss
    insertion: StageLoss
    total: int
    inserted_share: float | None


class QuestionGenerationRunRead(_Scalars, _Breakdowns):
    """Everything about a run."""

    id: UUID
    kind: RunKind = RunKind.QUESTIONS
    created_at: AwareDatetime
    losses: StageLosses
    later_rounds: list[UUID] = []


class RunPage(BaseModel):
    """A page of runs. Where counting stopped at `total` (10,000 or 1,000), `total_is_exact` is false."""

    runs: list[QuestionGenerationRunSummary]
    page: int
    page_size: int
    pages: int
    total: int
    total_is_exact: bool


class Reported(BaseModel):
    """What became of a report. `unchanged`: the same or an older report than what is known already."""

    id: UUID
    status: RunStatus
    outcome: Literal["created", "updated", "unchanged"]


BREAKDOWNS = tuple(_Breakdowns.model_fields)
SCALARS = tuple(_Scalars.model_fields)


def stage_losses(requested: int, generated: int, approved: int, duplicates: int, inserted: int) -> StageLosses:
    """What each stage lost, from the counts of a run; pure. The four add up to requested − inserted exactly."""
    reached = (requested, generated, approved, approved - duplicates, inserted)
    lost = [before - after for before, after in pairwise(reached)]
    shown = [
        StageLoss(lost=n, of_requested=_share(n, requested), of_reached=_share(n, before))
        for n, before in zip(lost, reached, strict=False)
    ]
    return StageLosses(
        generation=shown[0],
        evaluation=shown[1],
        deduplication=shown[2],
        insertion=shown[3],
        total=requested - inserted,
        inserted_share=_share(inserted, requested),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None
