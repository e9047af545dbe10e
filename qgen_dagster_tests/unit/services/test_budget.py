"""What a run may spend: no call is let through whose worst case could overspend, and none waits in vain."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.services.budget import Limit, RunBudget


def budget(most: str, *, unit: str = "USD", already: str = "0") -> tuple[RunBudget, Limit]:
    limit = Limit("the run's budget", unit, Decimal(most), lambda: Decimal(already))
    return RunBudget([limit], lambda: 0.0), limit


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 100)), min_size=1, max_size=30), st.integers(0, 120))
def test_nothing_is_overspent_and_every_call_is_answered(calls: list[tuple[int, int]], most: int) -> None:
    """Each call has a worst case and really costs some per cent of it."""
    spending, limit = budget(str(most))
    outcomes: list[bool] = []

    async def call(worst: int, share: int) -> None:
        usd = Decimal(worst)
        try:
            await spending.reserve(usd, 0)
        except ProviderError:
            outcomes.append(False)
            return
        assert limit.spent + limit.reserved <= most
        await asyncio.sleep(0)
        spending.settle(usd, 0, usd * share / 100, 0)
        outcomes.append(True)

    async def everything() -> None:
        await asyncio.gather(*(call(*one) for one in calls))

    asyncio.run(everything())
    assert len(outcomes) == len(calls)
    assert limit.spent <= most
    assert limit.reserved == 0


def test_a_call_waits_for_those_under_way_when_they_may_leave_room() -> None:
    spending, _ = budget("10")

    async def two() -> list[str]:
        told: list[str] = []
        await spending.reserve(Decimal(8), 0)

        async def second() -> None:
            await spending.reserve(Decimal(5), 0)
            told.append("let in")

        waiting = asyncio.create_task(second())
        await asyncio.sleep(0)
        told.append("first ends")
        spending.settle(Decimal(8), 0, Decimal(1), 0)
        await waiting
        return told

    assert asyncio.run(two()) == ["first ends", "let in"]


def test_a_model_without_a_price_cannot_keep_a_budget_in_usd_but_one_in_tokens() -> None:
    in_usd, _ = budget("10")
    with pytest.raises(ProviderError, match=r"no price.*models\.yaml"):
        asyncio.run(in_usd.reserve(None, 100))
    in_tokens, limit = budget("1000", unit="tokens")
    asyncio.run(in_tokens.reserve(None, 100))
    assert limit.reserved == 100


def test_what_was_spent_before_counts() -> None:
    spending, _ = budget("10", already="9.5")
    with pytest.raises(ProviderError, match="the run's budget of 10 USD is spent") as refused:
        asyncio.run(spending.reserve(Decimal(1), 0))
    assert (refused.value.category, refused.value.fault) == (ErrorCategory.BUDGET, Fault.BLOCKED)
