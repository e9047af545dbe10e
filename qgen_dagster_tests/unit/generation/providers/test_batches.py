"""What the batch APIs have in common: sizes, pages, times, descriptions of jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import Job, JobStatus
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers import anthropic_format, openai
from qgen_dagster.generation.providers.batches import BatchLimits, check_size, created_before, read_page
from qgen_dagster.generation.providers.classify import Caller
from qgen_dagster.generation.providers.sdk import lines_of

CALLER = Caller("openai")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("requests", "size"), [(0, 0), (11, 100), (1, 2_000_001)])
def test_a_job_of_a_size_that_the_provider_does_not_take_is_refused(requests: int, size: int) -> None:
    with pytest.raises(ProviderError) as caught:
        check_size(CALLER, BatchLimits(requests=10, megabytes=2), requests, size)
    assert caught.value.category is ErrorCategory.INVALID_REQUEST
    check_size(CALLER, BatchLimits(requests=10, megabytes=2), 10, 2_000_000)


@pytest.mark.parametrize(
    ("created", "before"),
    [
        (NOON.timestamp() - 3_600, True),
        (NOON.timestamp() - 60, False),  # clocks differ
        ("2026-01-01T11:00:00.123456789Z", True),
        ("2026-01-01T13:30:00+02:00", True),
        ("2026-01-01T12:00:01Z", False),
        ("2026-01-01T11:00:00", False),
        ("yesterday", False),
        (None, False),
    ],
)
def test_only_a_job_that_is_older_for_certain_ends_the_search(created: object, before: bool) -> None:
    assert created_before(created, NOON) is before
    assert not created_before(created, None)


@pytest.mark.parametrize("page", [{}, {"data": None}, {"data": [1]}, {"data": {}}])
def test_a_page_without_a_list_is_no_page_without_jobs(page: dict[str, Any]) -> None:
    with pytest.raises(ProviderError) as caught:
        read_page(CALLER, page)
    assert caught.value.retryable
    assert read_page(CALLER, {"data": []}) == []


def _openai(status: str, **more: Any) -> dict[str, Any]:
    return {"id": "batch_1", "status": status, "request_counts": {"total": 5, "completed": 2, "failed": 1}, **more}


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        ("validating", JobStatus.RUNNING),
        ("in_progress", JobStatus.RUNNING),
        ("finalizing", JobStatus.RUNNING),
        ("cancelling", JobStatus.RUNNING),
        ("completed", JobStatus.ENDED),
        ("expired", JobStatus.EXPIRED),
        ("cancelled", JobStatus.CANCELLED),
        ("failed", JobStatus.FAILED),
    ],
)
def test_openais_states_have_one_meaning(status: str, meaning: JobStatus) -> None:
    assert openai.read_job(CALLER, _openai(status)) == Job("batch_1", meaning, total=5, done=3)


def test_openais_job_that_failed_says_why() -> None:
    errors = {"data": [{"code": "model_not_found", "message": "The model\n`m` does not exist", "line": 1}]}
    assert openai.read_job(CALLER, _openai("failed", errors=errors)).message == "The model `m` does not exist"


def _anthropic(status: str, *, cancelled: str | None = None, **counts: int) -> dict[str, Any]:
    tallies = {"processing": 0, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0, **counts}
    return {"id": "b1", "processing_status": status, "cancel_initiated_at": cancelled, "request_counts": tallies}


@pytest.mark.parametrize(
    ("batch", "job"),
    [
        (_anthropic("in_progress", processing=4), Job("b1", JobStatus.RUNNING, total=4)),
        (_anthropic("canceling", processing=3, cancelled="2026-01-01T00:00:00Z"), Job("b1", JobStatus.RUNNING, 3)),
        (_anthropic("ended", succeeded=3, errored=1), Job("b1", JobStatus.ENDED, 4, 4)),
        (_anthropic("ended", succeeded=3, expired=1), Job("b1", JobStatus.EXPIRED, 4, 4)),
        (
            _anthropic("ended", succeeded=1, canceled=1, cancelled="2026-01-01T00:00:00Z"),
            Job("b1", JobStatus.CANCELLED, 2, 2),
        ),
    ],
)
def test_anthropics_states_have_one_meaning(batch: dict[str, Any], job: Job) -> None:
    assert anthropic_format.read_job(CALLER, batch) == job


@pytest.mark.parametrize("read", [openai.read_job, anthropic_format.read_job])
def test_a_job_without_an_id_is_no_job(read: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        read(CALLER, {"error": "odd"})
    assert caught.value.category is ErrorCategory.SERVER_ERROR


@given(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]))), st.integers(1, 9))
def test_lines_are_the_same_however_they_arrive(lines: list[str], size: int) -> None:
    data = "\n".join(lines).encode()

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(data), size):
            yield data[start : start + size]

    async def read() -> list[str]:
        return [line async for line in lines_of(chunks())]

    assert asyncio.run(read()) == [line for line in lines if line.encode().strip()]
