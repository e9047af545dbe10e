"""What an operator can choose for a drill series, checked. The CLI and Dagster's run config agree on it.

Here: `SeriesOptions` (what is planned) and `BuildOptions` (how it is made). Not here: planning (`plan_drills.py`),
building (`build_drills.py`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qgen_dagster.core.batch import MAX_BATCH_SIZE
from qgen_dagster.core.drills import DEFAULT_DRILLS, Phase, check_drill_count, parse_phases
from qgen_dagster.core.question import PRINTABLE
from qgen_dagster.drills.library import MAX_POSITIONS_PER_PHASE
from qgen_dagster.drills.planner import BATCH_SIZE
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT, checked_options

MAX_SEED = 2**53  # what JSON keeps exactly


class SeriesOptions(BaseModel):
    """What a series is about. `seed` None draws one; `title` None makes one from the phases."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: int = DEFAULT_DRILLS
    phases: tuple[str, ...] = tuple(Phase)
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=200, pattern=PRINTABLE)] | None = None
    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)] = BATCH_SIZE
    max_positions_per_phase: Annotated[int, Field(ge=1, le=1_000)] = MAX_POSITIONS_PER_PHASE


class BuildOptions(BaseModel):
    """How a series is made. `retry` asks again for the drills that earlier attempts did not bring."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retry: bool = False
    provider: Literal["procedural", "openai", "anthropic", "google", "xai", "openai_compatible"] | None = None
    provider_tier: Literal["primary", "fallback", "balanced"] = "primary"
    skip_preflight: bool = False
    max_concurrent: Annotated[int, Field(ge=1, le=500)] = DEFAULT_MAX_CONCURRENT
    budget_usd: Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    budget_tokens: Annotated[int, Field(ge=0, le=10**12)] | None = None
    triggered_by: Annotated[str, Field(min_length=1, max_length=50)] = "manual"


def make_series_options(**values: object) -> SeriesOptions:
    """SeriesOptions, with a ConfigurationError that names the option."""
    options = checked_options(SeriesOptions, values)
    check_drill_count(options.count)
    return options.model_copy(update={"phases": parse_phases(options.phases)})


def make_build_options(**values: object) -> BuildOptions:
    """BuildOptions, with a ConfigurationError that names the option."""
    return checked_options(BuildOptions, values)
