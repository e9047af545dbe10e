"""What a report may say; and losses that add up."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qgen_dagster.tracking.run_schemas import (
    EXAMPLE,
    QuestionGenerationRunCreate,
    stage_losses,
)


def test_the_documented_example_is_sound() -> None:
    assert QuestionGenerationRunCreate.model_validate(EXAMPLE).questions_inserted == 45


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"completed_at": None}, "needs completed_at"),
        ({"completed_at": "2026-03-01T01:00:00Z"}, "must not be before"),
        ({"status": "running"}, "neither completed_at nor exit_code"),
        ({"started_at": "1999-12-31T23:59:59Z"}, "between 2000 and 2100"),
        ({"max_arbiter_score": 0.5}, "min ≤ avg ≤ max"),
        ({"questions_generated": 51}, "must not be more than questions_requested"),
        ({"exact_duplicates": 2}, "must not be more than duplicates_found"),
        ({"overall_success_rate": 0.5}, "is not questions_inserted"),
        ({"parent_run_id": EXAMPLE["id"]}, "its own parent"),
    ],
)
def test_fields_must_fit_together(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        QuestionGenerationRunCreate.model_validate({**EXAMPLE, **changes})


def test_an_average_may_miss_equal_scores_by_a_rounding() -> None:
    scores = {"min_arbiter_score": 0.7, "avg_arbiter_score": 0.7000000000000001, "max_arbiter_score": 0.7}
    assert QuestionGenerationRunCreate.model_validate({**EXAMPLE, **scores})


@given(st.lists(st.integers(0, 10_000), min_size=5, max_size=5))
def test_the_losses_of_the_stages_are_what_was_requested_and_not_inserted(counts: list[int]) -> None:
    requested, generated, approved, taken, inserted = sorted(counts, reverse=True)
    losses = stage_losses(requested, generated, approved, approved - taken, inserted)
    stages = (losses.generation, losses.evaluation, losses.deduplication, losses.insertion)
    assert sum(stage.lost for stage in stages) == losses.total == requested - inserted
    assert all(stage.lost >= 0 for stage in stages)
    assert (losses.inserted_share is None) == (requested == 0)
