"""Limits and waiting times in response headers."""

from __future__ import annotations

import pytest

from qgen_dagster.generation.llm import RateLimits
from qgen_dagster.generation.providers.headers import anthropic_limits, openai_limits, retry_after

NOON = 1_767_268_800.0  # 2026-01-01 12:00:00 UTC


def test_openai_says_what_is_left_of_requests_and_tokens() -> None:
    headers = {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-requests": "4999",
        "x-ratelimit-limit-tokens": "2000000",
        "x-ratelimit-remaining-tokens": "1998800",
        "x-ratelimit-reset-requests": "12ms",
    }
    assert openai_limits(headers) == RateLimits(5000, 4999, 2_000_000, 1_998_800)


def test_anthropics_total_of_tokens_counts_before_its_input_tokens() -> None:
    headers = {
        "anthropic-ratelimit-requests-limit": "50",
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-remaining": "39000",
        "anthropic-ratelimit-input-tokens-limit": "30000",
    }
    assert anthropic_limits(headers) == RateLimits(50, 49, 40_000, 39_000)


def test_anthropics_input_tokens_count_where_there_is_no_total() -> None:
    headers = {
        "anthropic-ratelimit-input-tokens-limit": "30000",
        "anthropic-ratelimit-input-tokens-remaining": "0",
    }
    assert anthropic_limits(headers) == RateLimits(tokens=30_000, tokens_left=0)


@pytest.mark.parametrize("limits", [openai_limits, anthropic_limits])
def test_a_server_that_says_nothing_or_nonsense_has_no_known_limits(limits: object) -> None:
    nonsense = {"x-ratelimit-limit-requests": "many", "anthropic-ratelimit-requests-limit": "nan"}
    assert callable(limits)
    assert limits({}) == limits(nonsense) == RateLimits()


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "1500", "retry-after": "2"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
    ],
)
def test_the_time_to_wait_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=NOON) == seconds


def test_google_puts_the_time_to_wait_into_the_error() -> None:
    details = [
        {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.5s"},
    ]
    assert retry_after({}, details) == 34.5
    assert retry_after({"retry-after": "3"}, details) == 3.0
