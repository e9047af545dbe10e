"""When a further round follows, and options that cannot be used."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from qgen_dagster.core.errors import ConfigurationError, ExitCode
from qgen_dagster.core.funnel import Funnel, Loss
from qgen_dagster.core.inventory import Thresholds
from qgen_dagster.core.run import RunStatus
from qgen_dagster.services.balance import RoundReport, next_round
from qgen_dagster.services.options import RunOptions, make_options

PROGRESS = Funnel(requested=10, generated=10, inserted=6, losses={Loss.LOW_SCORE: 4})
STUCK = Funnel(requested=10, losses={Loss.NOT_GENERATED: 10})
SATURATED = Funnel(requested=10, losses={Loss.SATURATED: 10})


def report(funnel: Funnel = PROGRESS, error: str | None = None) -> RoundReport:
    return RoundReport(uuid4(), 1, 10, RunStatus.SUCCESS, funnel, None, 1.0, error, ExitCode.SUCCESS)


@pytest.mark.parametrize(
    ("options", "last", "number", "planned", "spent", "reason"),
    [
        (RunOptions(), report(), 1, 5, 0, "one round was asked for"),
        (RunOptions(fill=True), report(), 1, 5, 0, None),
        (RunOptions(fill=True), report(), 1, 0, 0, "no deficit is left"),
        (RunOptions(fill=True), report(STUCK), 1, 5, 0, "the last round made no progress"),
        (RunOptions(fill=True), report(SATURATED), 1, 5, 0, "saturated: nothing new to be had"),
        (RunOptions(fill=True, max_rounds=3), report(), 3, 5, 0, "3 rounds were allowed"),
        (RunOptions(fill=True, budget_usd=Decimal(2)), report(), 1, 5, 2, "the budget of 2 USD is spent"),
        (RunOptions(fill=True), report(error="the database is gone"), 1, 5, 0, "the database is gone"),
    ],
)
def test_each_round_says_why_it_was_the_last(
    options: RunOptions, last: RoundReport, number: int, planned: int, spent: int, reason: str | None
) -> None:
    assert next_round(options, last, number, planned, Decimal(spent)) == reason


@pytest.mark.parametrize(
    "values",
    [
        {"count": 0},
        {"count": -3},
        {"count": 10**9},
        {"count": "many"},
        {"target_per_stratum": 0},
        {"min_score": 1.5},
        {"min_score": float("nan")},
        {"batch_size": 0},
        {"max_concurrent": 0},
        {"max_rounds": 0},
        {"budget_usd": -1},
        {"budget_usd": float("inf")},
        {"provider_tier": "best"},
        {"triggered_by": ""},
        {"colour": "red"},
    ],
)
def test_options_that_cannot_be_used_are_refused_by_name(values: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="--" + next(iter(values)).replace("_", "-")):
        make_options(**values)


def test_own_thresholds_replace_the_configured_ones_one_by_one() -> None:
    assert RunOptions(warning_threshold=30).thresholds(Thresholds()) == Thresholds(50, 30, 5)
    with pytest.raises(ConfigurationError, match="out of order"):
        RunOptions(healthy_threshold=10).thresholds(Thresholds())


def test_one_call_at_a_time_when_not_asynchronous() -> None:
    assert RunOptions(asynchronous=False, max_concurrent=50).concurrency == 1
