"""Stock levels, deficits and priorities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.inventory import StockLevel, Thresholds, analyze_inventory, stock_level
from qgen_dagster.core.taxonomy import Stratum

EASY, HARD = Stratum("math", "easy"), Stratum("math", "hard")


@pytest.mark.parametrize(
    ("count", "level"),
    [
        (50, StockLevel.HEALTHY),
        (49, StockLevel.LOW),
        (20, StockLevel.LOW),
        (19, StockLevel.WARNING),
        (5, StockLevel.WARNING),
        (4, StockLevel.CRITICAL),
        (0, StockLevel.CRITICAL),
    ],
)
def test_each_level_begins_at_its_threshold(count: int, level: StockLevel) -> None:
    assert stock_level(count, Thresholds()) is level


@given(st.integers(0, 1_000), st.integers(1, 500))
def test_deficit_and_priority_follow_the_definition(count: int, target: int) -> None:
    stock = analyze_inventory({EASY: count}, [EASY], target_per_stratum=target).strata[0]
    assert stock.deficit == max(0, target - count)
    assert stock.fill_priority == min(1.0, stock.deficit / target)


def test_a_stratum_that_nobody_counted_is_empty() -> None:
    analysis = analyze_inventory({EASY: 7}, [EASY, HARD])
    assert [s.current_count for s in analysis.strata] == [7, 0]
    assert analysis.total == 7
    assert analysis.total_deficit == 43 + 50
    assert [s.stratum for s in analysis.critical_strata] == [HARD]


def test_equal_priorities_keep_the_order_of_the_taxonomy() -> None:
    order = [Stratum("b", "x"), Stratum("a", "x"), Stratum("c", "x")]
    analysis = analyze_inventory({order[2]: 1}, order)
    assert [s.stratum for s in analysis.strata_by_priority] == order


@pytest.mark.parametrize("numbers", [(10, 20, 5), (50, 20, 30), (50, 20, -1)])
def test_thresholds_out_of_order_are_refused(numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ConfigurationError, match="out of order"):
        Thresholds(*numbers)


def test_a_target_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        analyze_inventory({}, [EASY], target_per_stratum=0)
