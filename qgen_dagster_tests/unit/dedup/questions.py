"""Questions for the tests of deduplication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgen_dagster.core.question import Option, Question, Stimulus


def question(
    stem: str,
    options: Sequence[str] = ("12", "15", "8", "120"),
    *,
    stimulus: str | None = None,
    question_type: str = "math",
    difficulty: str = "easy",
    answer: int = 0,
    structure: dict[str, Any] | None = None,
) -> Question:
    return Question(
        question_type=question_type,
        difficulty=difficulty,
        sub_type="test",
        stem=stem,
        stimulus=Stimulus(text=stimulus) if stimulus else None,
        options=tuple(Option(text=text) for text in options),
        answer=answer,
        explanation="as computed",
        item_model="a_model" if structure is not None else None,
        structure=structure,
    )
