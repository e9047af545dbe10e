"""What an operator can choose for one run, checked. The CLI, Dagster's run config and the run's row agree on it.

Not here: settings of the whole process (`config/settings.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.batch import DEFAULT_BATCH_SIZE, MAX_BATCH_SIZE
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.inventory import DEFAULT_TARGET_PER_STRATUM, Thresholds
from qgen_dagster.core.plan import MAX_QUESTIONS_PER_RUN
from qgen_dagster.core.question import PRINTABLE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

DEFAULT_MIN_SCORE = 0.7
DEFAULT_MAX_CONCURRENT = 10
DEFAULT_MAX_ROUNDS = 10
MAX_TARGET = 1_000_000
_LONGEST_SHOWN = 80  # of a refused value
Options = TypeVar("Options", bound=BaseModel)


class RunOptions(BaseModel):
    """Everything that shapes one run. The defaults fill deficits up to the target, one round, without a budget.

    `count` None means: as much as there is deficit, at most `QGEN_QUESTIONS_PER_RUN` unless `fill`. `evenly` spreads a
    count over the chosen strata whatever their stock. The three
    thresholds are None where alerting.yaml decides. `asynchronous` False makes one call at a time. `provider` None
    leaves the choice to generators.yaml and the keys of the environment. Budgets count calls of all stages.

    `mode` batch: calls that are many and can wait go into batch jobs at half the price. What such a job does not bring
    is asked for online, but with `batch_only`: then a batch of questions fails, and a candidate waits to be resumed.
    Calls that follow from single replies (refills, second arbiters, salvage, comparisons) are made online either way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Annotated[int, Field(ge=1, le=MAX_QUESTIONS_PER_RUN)] | None = None
    target_per_stratum: Annotated[int, Field(ge=1, le=MAX_TARGET)] = DEFAULT_TARGET_PER_STRATUM
    healthy_threshold: Annotated[int, Field(ge=0, le=MAX_TARGET)] | None = None
    warning_threshold: Annotated[int, Field(ge=0, le=MAX_TARGET)] | None = None
    critical_threshold: Annotated[int, Field(ge=0, le=MAX_TARGET)] | None = None
    evenly: bool = False
    skip_inventory_alerts: bool = False
    skip_preflight: bool = False
    alerting_config: str | None = None
    types: tuple[str, ...] = ()
    difficulties: tuple[str, ...] = ()
    asynchronous: bool = True
    provider: Literal["procedural", "openai", "anthropic", "google", "xai", "openai_compatible"] | None = None
    provider_tier: Literal["primary", "fallback", "balanced"] = "primary"
    mode: Literal["online", "batch"] = "online"
    batch_only: bool = False
    batch_size: Annotated[int, Field(ge=1, le=MAX_BATCH_SIZE)] = DEFAULT_BATCH_SIZE
    max_concurrent: Annotated[int, Field(ge=1, le=500)] = DEFAULT_MAX_CONCURRENT
    min_score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = DEFAULT_MIN_SCORE
    fill: bool = False
    max_rounds: Annotated[int, Field(ge=1, le=100)] = DEFAULT_MAX_ROUNDS
    budget_usd: Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)] | None = None
    budget_tokens: Annotated[int, Field(ge=0, le=10**12)] | None = None
    triggered_by: Annotated[str, Field(min_length=1, max_length=50, pattern=PRINTABLE)] = "manual"
    seed: Annotated[str, Field(min_length=1, max_length=100, pattern=PRINTABLE)] | None = None

    @property
    def concurrency(self) -> int:
        return self.max_concurrent if self.asynchronous else 1

    @property
    def alerting_file(self) -> Path | None:
        return typed_path(self.alerting_config) if self.alerting_config else None

    def thresholds(self, configured: Thresholds) -> Thresholds:
        """The configured thresholds with this run's own in their place. Raises ConfigurationError if out of order."""
        own = (self.healthy_threshold, self.warning_threshold, self.critical_threshold)
        theirs = (configured.healthy_min, configured.warning_min, configured.critical_min)
        healthy, warning, critical = (t if o is None else o for o, t in zip(own, theirs, strict=True))
        return Thresholds(healthy, warning, critical)


def make_options(**values: object) -> RunOptions:
    """RunOptions, with a ConfigurationError that names the option instead of pydantic's own error."""
    return checked_options(RunOptions, values)


def checked_options(model: type[Options], values: Mapping[str, object]) -> Options:
    """The options, or a ConfigurationError that names the flag."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for e in error.errors():
            name = str(e["loc"][0]).replace("_", "-") if e["loc"] else "options"
            lines.append(f"--{name}: {_problem(e)}")
        raise ConfigurationError("\n".join(lines)) from error


def _problem(error: ErrorDetails) -> str:
    given = error["input"]
    if error["type"] == "string_unicode":
        return "is not valid UTF-8 text"
    if error["type"] == "string_pattern_mismatch" and error["ctx"]["pattern"] == PRINTABLE:
        return "holds a control character"
    shown = repr(given) if len(repr(given)) <= _LONGEST_SHOWN else f"{len(str(given)):,} characters"
    return f"{error['msg']}, got {shown}"
