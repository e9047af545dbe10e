"""What the batch APIs have in common.

Here: `BatchLimits`, `check_size`, `created_before`, `read_page`, time limits. Not here: any provider's own way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.classify import Caller, malformed

# A call about a job, and handing one in, which sends everything at once. In seconds.
CALL_SECONDS = 60.0
UPLOAD_SECONDS = 600.0
# How many jobs are looked at for a label when no time bounds the search, and how many at a time.
SEARCH_LIMIT = 1_000
PAGE = 100
# By how much a provider's clock may be behind ours.
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much a provider takes in one job."""

    requests: int
    megabytes: int


def check_size(caller: Caller, limits: BatchLimits, requests: int, size: int) -> None:
    """Raises ProviderError (invalid_request) for a job without requests or with more than the provider takes."""
    if requests == 0:
        raise ProviderError(ErrorCategory.INVALID_REQUEST, f"{caller}: a batch job needs requests")
    if requests > limits.requests or size > limits.megabytes * 1_000_000:
        raise ProviderError(
            ErrorCategory.INVALID_REQUEST,
            f"{caller}: a batch job of {requests} requests and {size / 1e6:.1f} MB is too large; "
            f"at most {limits.requests} and {limits.megabytes} MB",
        )


def created_before(created: object, since: datetime | None) -> bool:
    """Whether a job is older than `since`, for certain. Its time is in seconds since 1970, or as in RFC 3339."""
    if since is None:
        return False
    if isinstance(created, (int, float)):
        moment = datetime.fromtimestamp(created, UTC)
    elif isinstance(created, str):
        try:
            moment = datetime.fromisoformat(created)
        except ValueError:
            return False
    else:
        return False
    return moment.tzinfo is not None and moment < since - CLOCK_SKEW


def read_page(caller: Caller, page: Mapping[str, Any], key: str = "data") -> list[Mapping[str, Any]]:
    """The jobs of a page. Raises ProviderError for a page without a list: none found must be certain."""
    jobs = page.get(key)
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        raise malformed(caller, "a list of jobs that is none", json.dumps(page))
    return jobs
