"""Cutting into batches and asking for more than is wanted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.batch import MAX_BATCH_SIZE, MIN_YIELD, cut_batches, questions_to_request
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.taxonomy import Stratum

HARD = Stratum("math", "hard")


@given(st.integers(0, 5_000), st.integers(1, MAX_BATCH_SIZE))
def test_batches_add_up_and_only_the_last_is_smaller(count: int, size: int) -> None:
    batches = cut_batches(HARD, count, size)
    assert sum(b.size for b in batches) == count
    assert all(b.size == size for b in batches[:-1])
    assert [b.index for b in batches] == list(range(len(batches)))


def test_twenty_five_questions_make_five_batches_of_five() -> None:
    assert [b.size for b in cut_batches(HARD, 25)] == [5, 5, 5, 5, 5]


@pytest.mark.parametrize(("count", "size"), [(5, 0), (5, MAX_BATCH_SIZE + 1), (-1, 5)])
def test_impossible_numbers_are_refused(count: int, size: int) -> None:
    with pytest.raises(ConfigurationError):
        cut_batches(HARD, count, size)


@given(st.integers(0, 10_000), st.none() | st.floats(0, 1))
def test_never_less_than_wanted_is_asked_for_and_never_more_than_four_times(
    wanted: int, expected_yield: float | None
) -> None:
    asked = questions_to_request(wanted, expected_yield)
    assert wanted <= asked <= wanted / MIN_YIELD


def test_a_yield_of_half_asks_for_twice_as_many() -> None:
    assert questions_to_request(10, 0.5) == 20
