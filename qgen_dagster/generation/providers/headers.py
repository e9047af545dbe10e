"""What a provider's response headers say about its limits.

Here: `openai_limits`, `anthropic_limits`, `retry_after`. Pure. Header names are looked up in lower case, so any mapping
that ignores case, or has lower-case names, will do. Google sends no limits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from qgen_dagster.generation.llm import RateLimits


def openai_limits(headers: Mapping[str, str]) -> RateLimits:
    """From `x-ratelimit-…`, which OpenAI, xAI and many compatible servers send."""
    return RateLimits(
        requests=_count(headers.get("x-ratelimit-limit-requests")),
        requests_left=_count(headers.get("x-ratelimit-remaining-requests")),
        tokens=_count(headers.get("x-ratelimit-limit-tokens")),
        tokens_left=_count(headers.get("x-ratelimit-remaining-tokens")),
    )


def anthropic_limits(headers: Mapping[str, str]) -> RateLimits:
    """From `anthropic-ratelimit-…`. Of its several token limits the total is taken, else that of input tokens."""

    def tokens(what: str) -> int | None:
        total = _count(headers.get(f"anthropic-ratelimit-tokens-{what}"))
        return total if total is not None else _count(headers.get(f"anthropic-ratelimit-input-tokens-{what}"))

    return RateLimits(
        requests=_count(headers.get("anthropic-ratelimit-requests-limit")),
        requests_left=_count(headers.get("anthropic-ratelimit-requests-remaining")),
        tokens=tokens("limit"),
        tokens_left=tokens("remaining"),
    )


def retry_after(
    headers: Mapping[str, str], details: Sequence[Mapping[str, Any]] = (), now: float | None = None
) -> float | None:
    """Seconds that the provider wants to be left alone, 0 or more; None where it says nothing that can be read.

    From `retry-after-ms`, `retry-after` (seconds or an HTTP date, seen from `now`, seconds since 1970), or a
    `retryDelay` among Google's error details.
    """
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    if value is not None:
        seconds = _seconds(value)
        return seconds if seconds is not None else _until(value, time.time() if now is None else now)
    for detail in details:
        delay = detail.get("retryDelay")
        if isinstance(delay, str):
            return _seconds(delay.removesuffix("s"))
    return None


def _seconds(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _count(value: str | None) -> int | None:
    number = _seconds(value)
    return int(number) if number is not None else None
