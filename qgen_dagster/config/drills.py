"""The curriculum of drills: principles and methodologies as an operator's YAML file (`drills.yaml` ships).

Here: the file's model and its checks. Not here: how a methodology becomes a drill (`drills/design.py`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from qgen_dagster.config.loading import load_yaml
from qgen_dagster.core.drills import AnswerFormat, Asks, Label, Line, Phase, Tier

ROUNDING = 1e-9  # 0.3 × 10 is a little less than 3 in floating point
PACKAGED_CURRICULUM = Path(__file__).with_name("drills.yaml")


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Principle(_Frozen):
    """A sentence to remember, and the phases in which it may be taught."""

    text: Line
    phases: tuple[Phase, ...] = Field(min_length=1)


class Methodology(_Frozen):
    """A kind of task. `text` is for people and for language models."""

    tier: Tier
    format: AnswerFormat
    asks: Asks
    text: Line


class Curriculum(_Frozen):
    """drills.yaml."""

    max_methodology_share: float = Field(default=0.30, gt=0, le=1)
    min_methodologies: int = Field(default=4, ge=1)
    max_tier_share: float = Field(default=0.40, gt=0, le=1)
    principles: Mapping[Label, Principle] = Field(min_length=1)
    methodologies: Mapping[Label, Methodology] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_feasible(self) -> Self:
        if len(self.methodologies) < self.min_methodologies:
            raise ValueError(f"methodologies: {len(self.methodologies)} named, {self.min_methodologies} are the least")
        if len(self.methodologies) * self.max_methodology_share < 1:
            raise ValueError("max_methodology_share: too small for so few methodologies to make up a series")
        return self

    def most_of_a_methodology(self, drills: int) -> int:
        """How many of so many drills may be of one methodology; one at least, or nothing could be made."""
        return max(1, int(drills * self.max_methodology_share + ROUNDING))

    def most_of_a_tier(self, drills: int) -> int:
        """The same for a tier, rounded up: five drills over three tiers need two of some. The whole for a lone tier."""
        tiers = len({methodology.tier for methodology in self.methodologies.values()})
        return drills if tiers * self.max_tier_share < 1 else math.ceil(drills * self.max_tier_share - ROUNDING)

    def taught_in(self, phase: Phase) -> tuple[str, ...]:
        """The principles of a phase."""
        return tuple(name for name, principle in self.principles.items() if phase in principle.phases)


def load_curriculum(path: Path) -> Curriculum:
    """Raises ConfigurationError naming file, line and key."""
    return load_yaml(path, Curriculum)


@cache
def packaged_curriculum() -> Curriculum:
    """The curriculum that ships with qgen, read once."""
    return load_curriculum(PACKAGED_CURRICULUM)
