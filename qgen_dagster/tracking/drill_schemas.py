"""Drill series and their drills as the admin API tells them.

Not here: the pieces of a drill (`core/drills.py`), questions and runs (`admin_schemas.py`, `run_schemas.py`).
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.drills import Drill, DrillVerdict, Phase, SeriesStatus, SeriesVerdict
from qgen_dagster.tracking.admin_schemas import Paged


class PositionCost(BaseModel):
    """Positions that were loaded and their tokens in prompts, beside the fixed maximum that they replace.

    `measured_tokens` is what the calls for drills were sent in all, as the providers report it; null before any was.
    """

    positions: int
    tokens: int
    fixed_positions: int
    fixed_tokens: int
    counted_with: str
    measured_calls: int
    measured_tokens: int | None


class DrillSeriesSummary(BaseModel):
    """A series in a list. `missing` are planned drills that are not there; `run_id` is the latest run on it."""

    id: UUID
    run_id: UUID | None
    title: str
    status: SeriesStatus
    verification: SeriesVerdict
    checked_with: str | None
    target_drill_count: int
    planned_drill_count: int
    drills: int
    missing: int
    batches: int
    batches_completed: int
    batches_failed: int
    phases: list[Phase]
    seed: int
    batch_size: int
    position_cost: PositionCost
    warning: str | None
    created_at: datetime
    completed_at: datetime | None


class DrillSeriesPage(Paged):
    """A page of series, newest first."""

    series: list[DrillSeriesSummary]


class DrillBatchRead(BaseModel):
    """A batch: `delivered` of `size` drills are there. `attempt` rises when what is missing is asked for again."""

    index: int
    size: int
    status: BatchStatus
    attempt: int
    calls: int
    delivered: int
    invalid: int
    error_category: str | None
    error: str | None


class DrillSeriesRead(DrillSeriesSummary):
    """A series with its batches and what has to be looked at. `progress` is `Generated 15/25 drills (batch 3/5)`."""

    progress: str
    batch_list: list[DrillBatchRead]
    review: list[str]


class DrillPosition(BaseModel):
    """Where a drill is played: GNU Backgammon's ids, the roll, pips, and the board in words and as SVG."""

    gnubg_position_id: str
    gnubg_match_id: str
    phase: Phase
    dice: str
    pips_on_roll: int
    pips_opponent: int
    board: str
    board_svg: str
    source: str


class DrillMaker(BaseModel):
    """Who designed a drill."""

    provider: str
    model: str | None
    prompt_version: str | None


class DrillCheckRead(BaseModel):
    """What the check of a drill found; `equity_loss` is what the play that it teaches gives away."""

    verdict: DrillVerdict
    equity_loss: float | None
    problems: list[str]
    checked_with: str | None


class DrillRead(Drill):
    """A drill with its place (`index`, from 0), its position, who made it, and its check."""

    index: int
    batch: int
    position: DrillPosition
    made_by: DrillMaker
    check: DrillCheckRead | None


class DrillList(BaseModel):
    """All drills of a series, in order; at most 50."""

    series: UUID
    drills: list[DrillRead]
