"""The rubric: four criteria, their weights, and the score that they make.

Not here: who scores (rules here for procedural items; an LLM arbiter for the others), and what a score leads to
(`verdict.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pydantic import BaseModel, ConfigDict, Field

from qgen_dagster.core.question import Question
from qgen_dagster.judging.rules import Flaw

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"clarity": 0.30, "validity": 0.40, "formatting": 0.20, "creativity": 0.10}
)
VERSION = "rules-1"
MAX_STEM_WORDS = 150
_CLARITY_RULES = frozenset({"thin_explanation", "absolute_terms"})
_COST_OF_A_FLAW = 0.25


class Scores(BaseModel):
    """One score per criterion, 0–1; None where it was not measured."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    clarity: float | None = Field(default=None, ge=0, le=1)
    validity: float | None = Field(default=None, ge=0, le=1)
    formatting: float | None = Field(default=None, ge=0, le=1)
    creativity: float | None = Field(default=None, ge=0, le=1)

    def overall(self) -> float | None:
        """The weighted mean of what was measured; None when nothing was."""
        measured = {name: value for name in WEIGHTS if (value := getattr(self, name)) is not None}
        weight = sum(WEIGHTS[name] for name in measured)
        return sum(WEIGHTS[name] * value for name, value in measured.items()) / weight if weight else None


def score_by_rules(question: Question, flaws: list[Flaw], *, key_proved: bool) -> Scores:
    """The rubric of a procedural item, computed from what can be checked.

    Validity is what the independent solver proves. Creativity cannot be computed, so it is left unmeasured and its
    weight goes to the others, rather than invented.
    """
    clarity_flaws = [f for f in flaws if f.rule in _CLARITY_RULES]
    formatting_flaws = [f for f in flaws if f.rule not in _CLARITY_RULES]
    too_long = len(question.stem.split()) > MAX_STEM_WORDS
    return Scores(
        clarity=_less(len(clarity_flaws) + too_long),
        validity=1.0 if key_proved else 0.0,
        formatting=_less(len(formatting_flaws)),
    )


def _less(faults: int) -> float:
    return max(0.0, 1.0 - _COST_OF_A_FLAW * faults)
