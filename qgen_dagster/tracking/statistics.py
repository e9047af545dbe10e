"""How sure a number is, whether two differ by more than chance, and where a series is going; pure.

Here: intervals (95 %), differences, trends, each with its rule in words. Not here: counting (`bank/run_days.py`), and
which numbers are looked at (`tracking/summary.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Z95 = 1.959963984540054
# Two-sided 95 % quantiles of Student's t by degrees of freedom; beyond the last, the normal's is close enough.
_T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131),
    *(2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
MIN_TREND_POINTS = 5

Direction = Literal["improving", "declining", "stable", "not enough data"]


@dataclass(frozen=True, slots=True)
class Interval:
    """The 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Proportion:
    """`successes` of `trials`; `design_effect` ≥ 1 says by how much the spread between runs widens the interval."""

    successes: float
    trials: float
    design_effect: float = 1.0

    @property
    def value(self) -> float | None:
        return self.successes / self.trials if self.trials > 0 else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's score interval over trials / design effect; None without trials."""
        if self.trials <= 0:
            return None
        return wilson(self.successes / self.trials, self.trials / self.design_effect)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over runs, weighted; `error` is its standard error, None where fewer than two runs tell it."""

    value: float
    error: float | None
    runs: int

    @property
    def interval(self) -> Interval | None:
        if self.error is None:
            return None
        reach = t95(self.runs - 1) * self.error
        return Interval(self.value - reach, self.value + reach)


@dataclass(frozen=True, slots=True)
class Difference:
    """Second minus first. `more_than_chance` is None where there is not enough to tell."""

    value: float | None
    interval: Interval | None

    @property
    def more_than_chance(self) -> bool | None:
        if self.interval is None:
            return None
        return self.interval.low > 0 or self.interval.high < 0


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a series is going. `change` is the fitted change over the whole period, in the metric's own unit."""

    direction: Direction
    change: float | None
    points: int


def t95(degrees: int) -> float:
    """The two-sided 95 % quantile of Student's t."""
    return _T95[degrees - 1] if 1 <= degrees <= len(_T95) else Z95


def wilson(rate: float, trials: float) -> Interval:
    """Wilson's score interval of a rate seen in `trials` trials (above 0; may be a fraction)."""
    z2 = Z95**2
    centre = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    reach = Z95 / (1 + z2 / trials) * math.sqrt(rate * (1 - rate) / trials + z2 / (4 * trials**2))
    return Interval(max(0.0, centre - reach), min(1.0, centre + reach))


def design_effect(part: float, whole: float, part2: float, product: float, whole2: float, runs: int) -> float:
    """By how much part / whole varies more between runs than chance alone explains; at least 1.

    From sums over the runs: of the parts, the wholes, part², part × whole and whole². Questions of one run share
    prompt, model and day, so they are not independent; a ratio estimator's variance over the binomial one corrects it.
    """
    if runs < 2 or whole <= 0:
        return 1.0
    rate = part / whole
    binomial = rate * (1 - rate) / whole
    squares = part2 - 2 * rate * product + rate**2 * whole2
    between = runs / (runs - 1) * max(0.0, squares) / whole**2
    return max(1.0, between / binomial) if binomial > 0 else 1.0


def weighted_mean(weight: float, total: float, weight2: float, total2: float, square2: float, runs: int) -> Mean | None:
    """The mean of runs' values, each weighted, with its standard error as a ratio estimator; None without weight.

    From sums over the runs: w, w·x, w², w²·x and w²·x².
    """
    if weight <= 0:
        return None
    value = total / weight
    if runs < 2:
        return Mean(value, None, runs)
    squares = max(0.0, square2 - 2 * value * total2 + value**2 * weight2)
    return Mean(value, math.sqrt(runs / (runs - 1) * squares) / weight, runs)


def difference_of_proportions(first: Proportion, second: Proportion) -> Difference:
    """Newcombe's hybrid interval from the two Wilson intervals."""
    a, b = first.interval, second.interval
    if a is None or b is None or first.value is None or second.value is None:
        return Difference(None, None)
    value = second.value - first.value
    low = value - math.hypot(second.value - b.low, a.high - first.value)
    high = value + math.hypot(b.high - second.value, first.value - a.low)
    return Difference(value, Interval(low, high))


def difference_of_means(first: Mean | None, second: Mean | None) -> Difference:
    """Welch's interval from the two standard errors."""
    if first is None or second is None:
        return Difference(None, None)
    value = second.value - first.value
    if first.error is None or second.error is None:
        return Difference(value, None)
    error = math.hypot(first.error, second.error)
    reach = t95(_welch_degrees(first, second)) * error
    return Difference(value, Interval(value - reach, value + reach))


def trend(points: Sequence[tuple[float, float, float]], *, higher_is_better: bool, smallest: float) -> Trend:
    """The trend of (time, value, weight) points by weighted least squares.

    Not enough data: fewer than five points with weight, or no weight on two different times. Stable: the slope is not
    different from 0 at 95 %, or its change over the period is below `smallest`.
    """
    used = [(x, y, w) for x, y, w in points if w > 0]
    if len(used) < MIN_TREND_POINTS:
        return Trend("not enough data", None, len(used))
    weight = sum(w for _, _, w in used)
    x_mean = sum(x * w for x, _, w in used) / weight
    y_mean = sum(y * w for _, y, w in used) / weight
    x_square = sum(w * (x - x_mean) ** 2 for x, _, w in used)
    if x_square <= 0:
        return Trend("not enough data", None, len(used))
    slope = sum(w * (x - x_mean) * (y - y_mean) for x, y, w in used) / x_square
    residual = sum(w * (y - y_mean - slope * (x - x_mean)) ** 2 for x, y, w in used)
    error = math.sqrt(max(0.0, residual) / (len(used) - 2) / x_square)
    change = slope * (max(x for x, _, _ in used) - min(x for x, _, _ in used))
    if abs(slope) <= t95(len(used) - 2) * error or abs(change) < smallest:
        return Trend("stable", change, len(used))
    return Trend("improving" if (change > 0) == higher_is_better else "declining", change, len(used))


def _welch_degrees(first: Mean, second: Mean) -> int:
    a, b = (first.error or 0.0) ** 2, (second.error or 0.0) ** 2
    if a + b == 0:
        return max(1, first.runs + second.runs - 2)
    degrees = (a + b) ** 2 / (a**2 / (first.runs - 1) + b**2 / (second.runs - 1))
    return max(1, int(degrees))
