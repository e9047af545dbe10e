"""What calls cost: the operator's table, the snapshot that ships, and what is not known."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.generation import prices
from qgen_dagster.generation.prices import Price, Prices, read_prices

TABLE = read_prices(
    {
        "m-1": {"input": 2, "cached_input": "0.2", "cache_write": 2.5, "output": 10},
        "m-2": [
            {"input": 1, "output": 4},
            {"input": "0.5", "output": 2, "since": "2026-06-01"},
            {"input": 3, "output": 12, "since": date(2026, 1, 1)},
        ],
        "xai/shared": {"input": 7, "output": 7},
        "shared": {"input": 1, "output": 1},
    }
)
PRICES = Prices(TABLE)
DAY = date(2026, 3, 1)


def _cost(model: str, provider: str = "openai", sent: int = 1_000_000, made: int = 0, **more: Any) -> Decimal | None:
    return PRICES.cost(provider, model, input_tokens=sent, output_tokens=made, on=more.pop("on", DAY), **more)


def test_input_and_output_cost_what_the_table_says() -> None:
    assert _cost("m-1", sent=1_000, made=100) == Decimal("0.003")


def test_cached_and_written_tokens_are_part_of_the_input_and_have_their_own_price() -> None:
    cost = _cost("m-1", sent=1_000_000, cached_tokens=600_000, cache_write_tokens=300_000)
    assert cost == Decimal("0.1") * 2 + Decimal("0.6") * Decimal("0.2") + Decimal("0.3") * Decimal("2.5")


def test_cached_tokens_cost_as_input_where_the_table_has_no_price_for_them() -> None:
    assert _cost("m-2", cached_tokens=500_000, cache_write_tokens=500_000) == _cost("m-2")


def test_a_batch_job_costs_half() -> None:
    assert _cost("m-1", made=1_000, batch=True) == (_cost("m-1", made=1_000) or 0) / 2


@pytest.mark.parametrize(
    ("on", "usd"), [(date(2025, 12, 31), 1), (date(2026, 1, 1), 3), (date(2026, 5, 31), 3), (date(2026, 6, 1), "0.5")]
)
def test_the_latest_price_that_is_in_force_counts(on: date, usd: Any) -> None:
    assert _cost("m-2", on=on) == Decimal(usd)


def test_a_price_that_begins_later_is_no_price_yet() -> None:
    prices = Prices({"m": [Price(Decimal(1), Decimal(1), since=date(2026, 1, 1))]})
    assert prices.cost("xai", "m", input_tokens=1, output_tokens=1, on=date(2025, 1, 1)) is None


def test_a_dated_name_has_the_price_of_the_name_without_date() -> None:
    assert _cost("m-1-2026-02-03") == _cost("m-1-20260203") == _cost("m-1")
    assert _cost("m-1-mini", provider="openai_compatible") is None


def test_a_price_for_one_provider_counts_before_that_for_all() -> None:
    assert _cost("shared", provider="xai") == 7
    assert _cost("shared", provider="openai_compatible") == 1


def test_what_nobody_has_a_price_for_is_unpriced() -> None:
    assert _cost("no-such-model") is None
    assert _cost("gpt-5-mini", provider="openai_compatible") is None


def test_a_call_whose_tokens_are_not_known_is_unpriced() -> None:
    assert PRICES.cost("openai", "m-1", input_tokens=None, output_tokens=5) is None
    assert PRICES.cost("openai", "m-1", input_tokens=5, output_tokens=None) is None


@pytest.mark.parametrize(
    ("provider", "model", "usd"),
    [
        ("openai", "gpt-5-mini", "2.25"),
        ("openai", "gpt-5-mini-2025-08-07", "2.25"),
        ("anthropic", "claude-haiku-4-5", "6"),
        ("google", "gemini-2.5-flash", "2.8"),
        ("xai", "grok-4", "18"),
    ],
)
def test_the_snapshot_knows_the_usual_models(provider: str, model: str, usd: str) -> None:
    assert _cost(model, provider=provider, made=1_000_000) == Decimal(usd)


def test_the_operators_table_counts_before_the_snapshot() -> None:
    own = Prices(read_prices({"gpt-5-mini": {"input": 1, "output": 1}}))
    assert own.cost("openai", "gpt-5-mini", input_tokens=1_000_000, output_tokens=0) == 1


def test_the_snapshots_batch_price_is_half_or_what_it_says() -> None:
    half = (_cost("gpt-5-mini", made=1_000_000) or 0) / 2
    assert _cost("gpt-5-mini", made=1_000_000, batch=True) == half
    # Google gives no discount on what is cached; the snapshot knows since the middle of October 2026.
    online, batch = (
        _cost("gemini-2.5-flash", provider="google", cached_tokens=900_000, batch=batch, on=date(2026, 11, 1))
        for batch in (False, True)
    )
    assert (online, batch) == (Decimal("0.057"), Decimal("0.042"))


def test_without_the_package_only_the_table_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    prices._flat_price.cache_clear()
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert _cost("gpt-5-mini") is None
    assert _cost("m-1") == 2
    prices._flat_price.cache_clear()


def test_the_short_way_gives_what_the_package_says_to_the_last_digit() -> None:
    for provider, model in (("openai", "gpt-6.1-terra"), ("anthropic", "claude-sonnet-5-5"), ("xai", "grok-4.7")):
        for sent in (1, 5_000, 199_999, 271_999, 272_000, 1_000_000):  # prices rise with long prompts
            for batch in (False, True):
                tokens = (sent, 700, sent // 2, sent // 10)
                found = prices._look_up(provider, model, tokens, batch, DAY)
                assert found is not None
                assert prices._from_snapshot(provider, model, tokens, batch, DAY) == found[0]


def test_the_worst_case_writes_all_of_the_prompt_to_the_cache() -> None:
    worst = PRICES.worst_case("openai", "m-1", input_tokens=1_000_000, max_output_tokens=1_000_000, on=DAY)
    assert worst == Decimal("12.5")
    anthropic = PRICES.worst_case("anthropic", "claude-haiku-4-5", input_tokens=1_000_000, max_output_tokens=0)
    assert anthropic == Decimal("1.25")
    assert PRICES.worst_case("openai", "no-such-model", input_tokens=1, max_output_tokens=1) is None


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**5), st.booleans())
def test_no_call_costs_more_than_its_worst_case(sent: int, cached: int, written: int, made: int, batch: bool) -> None:
    for provider, model in (("openai", "m-1"), ("openai", "m-2"), ("anthropic", "claude-haiku-4-5")):
        cost = _cost(
            model, provider, sent=sent, made=made, cached_tokens=cached, cache_write_tokens=written, batch=batch
        )
        worst = PRICES.worst_case(provider, model, input_tokens=sent, max_output_tokens=made, batch=batch, on=DAY)
        assert cost is not None
        assert worst is not None
        assert 0 <= cost <= worst


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"input": 1}, "price of m: needs input and output"),
        ({"input": 1, "output": "much"}, "price of m: output: 'much' is not an amount"),
        ({"input": -1, "output": 1}, "price of m: input: -1 is not an amount"),
        ({"input": True, "output": 1}, "price of m: input: True is not an amount"),
        ({"input": float("nan"), "output": 1}, "price of m: input: nan is not an amount"),
        ({"input": 1, "output": 1, "cached": 1}, "price of m: unknown key cached"),
        ({"input": 1, "output": 1, "since": "soon"}, "price of m: since: 'soon' is not a day"),
        (3, "price of m: needs input and output"),
    ],
)
def test_a_price_that_cannot_be_read_says_where(entry: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read_prices({"m": entry})
    assert caught.value.message.startswith(said)
