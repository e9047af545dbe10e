"""Intervals, differences and trends, against published values and by their rules."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.tracking.statistics import (
    Mean,
    Proportion,
    design_effect,
    difference_of_means,
    difference_of_proportions,
    t95,
    trend,
    weighted_mean,
    wilson,
)

# Newcombe (1998), Statistics in Medicine 17: 857-872 (one proportion) and 873-890 (two), methods 3 and 10.
WILSON = [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)]
NEWCOMBE = [(56, 70, 48, 80, 0.0524, 0.3339), (9, 10, 3, 10, 0.1705, 0.8090), (10, 10, 0, 10, 0.6075, 1.0)]


@pytest.mark.parametrize(("successes", "trials", "low", "high"), WILSON)
def test_wilson_s_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    interval = wilson(successes / trials, trials)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(("a", "m", "b", "n", "low", "high"), NEWCOMBE)
def test_newcombe_s_interval_is_the_published_one(a: int, m: int, b: int, n: int, low: float, high: float) -> None:
    found = difference_of_proportions(Proportion(b, n), Proportion(a, m))
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=6e-5)
    assert found.more_than_chance is True


@given(successes=st.integers(0, 1_000), more=st.integers(0, 1_000), effect=st.floats(1, 50))
def test_an_interval_holds_its_rate_and_stays_between_0_and_1(successes: int, more: int, effect: float) -> None:
    proportion = Proportion(successes, successes + more, effect)
    interval = proportion.interval
    if successes + more == 0:
        assert interval is None
    else:
        assert interval is not None
        assert 0 <= interval.low <= (proportion.value or 0) + 1e-12
        assert (proportion.value or 0) - 1e-12 <= interval.high <= 1


def test_nothing_tried_tells_nothing() -> None:
    found = difference_of_proportions(Proportion(0, 0), Proportion(5, 10))
    assert (found.value, found.interval, found.more_than_chance) == (None, None, None)


def test_runs_that_differ_much_widen_the_interval() -> None:
    # Two runs of 50: all right and half right, against both three quarters right.
    apart = design_effect(75, 100, 50**2 + 25**2, 50 * 50 + 25 * 50, 2 * 50**2, 2)
    alike = design_effect(75, 100, 2 * 37.5**2, 2 * 37.5 * 50, 2 * 50**2, 2)
    assert (alike, apart) == (1.0, pytest.approx(12.5 / 0.75 * 2, rel=0.3))
    narrow, wide = Proportion(75, 100, alike).interval, Proportion(75, 100, apart).interval
    assert narrow is not None
    assert wide is not None
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_a_difference_that_single_runs_explain_is_no_more_than_chance() -> None:
    first = Proportion(700, 1_000)
    assert difference_of_proportions(first, Proportion(760, 1_000)).more_than_chance is True
    assert difference_of_proportions(first, Proportion(760, 1_000, design_effect=10)).more_than_chance is False


def test_a_mean_of_equal_weights_is_the_plain_mean_with_its_usual_error() -> None:
    values = [0.6, 0.7, 0.8, 0.9]
    found = weighted_mean(4, sum(values), 4, sum(values), sum(v * v for v in values), 4)
    assert found is not None
    assert found.value == pytest.approx(0.75)
    deviation = math.sqrt(sum((v - 0.75) ** 2 for v in values) / 3)
    assert found.error == pytest.approx(deviation / 2)
    assert found.interval is not None
    assert found.interval.high - found.value == pytest.approx(3.182 * deviation / 2)


def test_one_run_tells_a_mean_but_no_interval() -> None:
    found = weighted_mean(50, 40, 2_500, 2_000, 1_600, 1)
    assert found is not None
    assert (found.value, found.interval) == (0.8, None)
    assert weighted_mean(0, 0, 0, 0, 0, 0) is None
    assert difference_of_means(found, Mean(0.9, 0.01, 9)).more_than_chance is None


def test_means_that_differ_by_more_than_their_errors() -> None:
    assert difference_of_means(Mean(0.7, 0.01, 20), Mean(0.8, 0.01, 20)).more_than_chance is True
    assert difference_of_means(Mean(0.7, 0.1, 20), Mean(0.8, 0.1, 20)).more_than_chance is False
    assert difference_of_means(Mean(0.7, 0.0, 5), Mean(0.7, 0.0, 5)).more_than_chance is False


def test_student_s_quantiles() -> None:
    assert t95(1) == 12.706
    assert t95(30) == 2.042
    assert t95(1_000) == pytest.approx(1.96, abs=1e-3)


RISING = [(float(day), 0.7 + 0.01 * day, 50.0) for day in range(10)]
WOBBLING = [(float(day), 0.8 + (0.05 if day % 2 else -0.05), 50.0) for day in range(10)]


def test_a_series_that_rises_improves_where_more_is_better() -> None:
    found = trend(RISING, higher_is_better=True, smallest=0.02)
    assert (found.direction, found.points) == ("improving", 10)
    assert found.change == pytest.approx(0.09)
    assert trend(RISING, higher_is_better=False, smallest=0.02).direction == "declining"


def test_a_series_that_wobbles_or_hardly_moves_is_stable() -> None:
    assert trend(WOBBLING, higher_is_better=True, smallest=0.001).direction == "stable"
    assert trend(RISING, higher_is_better=True, smallest=0.5).direction == "stable"


def test_few_points_are_not_enough_data() -> None:
    assert trend(RISING[:4], higher_is_better=True, smallest=0.0).direction == "not enough data"
    weightless = [(x, y, 0.0) for x, y, _ in RISING]
    assert trend(weightless, higher_is_better=True, smallest=0.0).direction == "not enough data"
    same_day = [(1.0, y, w) for _, y, w in RISING]
    assert trend(same_day, higher_is_better=True, smallest=0.0).direction == "not enough data"


def test_a_day_of_little_weight_does_not_turn_a_trend() -> None:
    outlier = [*RISING[:-1], (9.0, 0.0, 0.001)]
    assert trend(outlier, higher_is_better=True, smallest=0.02).direction == "improving"
