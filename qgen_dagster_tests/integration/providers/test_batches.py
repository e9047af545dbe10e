"""Batch jobs through the real SDKs: handed in, found again, waited for, read, cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest

from qgen_dagster.core.error_categories import ErrorCategory as C
from qgen_dagster.generation.llm import Job, JobRequest, JobResult, JobStatus
from qgen_dagster.generation.provider import Fault as Kind
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.registry import BATCH_FAMILIES, BatchCapableClient, open_batch_client
from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.integration.providers.conftest import prompt, settings

T = TypeVar("T")
families = pytest.mark.parametrize("family", BATCH_FAMILIES)
DAY = 24 * 3600


def _with_client(family: str, environment: dict[str, str], use: Callable[[BatchCapableClient], Awaitable[T]]) -> T:
    async def main() -> T:
        client = open_batch_client(family, environment)
        try:
            return await use(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


def _requests(family: str, count: int) -> list[JobRequest]:
    return [JobRequest(f"call-{n}", prompt(n), settings(family)) for n in range(count)]


async def _results(client: BatchCapableClient, job: Job) -> dict[str, JobResult]:
    return {result.id: result async for result in client.results(job.id)}


@families
def test_a_job_is_handed_in_waited_for_and_read(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(batch_delay=3600)

    async def use(client: BatchCapableClient) -> tuple[Job, Job, Job, dict[str, JobResult]]:
        handed_in = await client.submit(_requests(family, 5), label="run-1")
        waiting = await client.poll(handed_in.id)
        await asyncio.to_thread(server.advance, 3700)
        ended = await client.poll(handed_in.id)
        return handed_in, waiting, ended, await _results(client, ended)

    handed_in, waiting, ended, results = _with_client(family, environment, use)
    assert handed_in.id == waiting.id == ended.id
    assert handed_in.status is waiting.status is JobStatus.RUNNING
    assert (ended.status, ended.total, ended.done) == (JobStatus.ENDED, 5, 5)
    assert set(results) == {f"call-{n}" for n in range(5)}
    completions = [result.completion for result in results.values() if result.completion]
    assert len(completions) == 5
    counted = server.stats[family].batch_tokens
    assert sum(c.input_tokens or 0 for c in completions) == counted.input
    assert sum(c.output_tokens or 0 for c in completions) == counted.output
    assert sum(c.cached_tokens or 0 for c in completions) == counted.cached


@families
def test_a_job_whose_id_was_lost_is_found_by_its_label(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    begun = datetime.now(UTC)

    async def use(client: BatchCapableClient) -> tuple[Job, Job | None, Job | None]:
        await client.submit(_requests(family, 1), label="run-1")
        lost = await client.submit(_requests(family, 2), label="run-2")
        await client.submit(_requests(family, 3), label="run-3")
        return lost, await client.find("run-2", since=begun), await client.find("run-4", since=begun)

    lost, found, never = _with_client(family, environment, use)
    assert found is not None
    assert (found.id, found.total) == (lost.id, 2)
    assert never is None


@families
def test_a_job_is_found_among_many(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    async def use(client: BatchCapableClient) -> tuple[Job, Job | None]:
        first = await client.submit(_requests(family, 1), label="run-1")
        for number in range(105):
            await client.submit(_requests(family, 1), label=f"later-{number}")
        return first, await client.find("run-1")

    lost, found = _with_client(family, environment, use)
    assert found is not None
    assert found.id == lost.id
    assert server.stats[family].task("list").calls == 2


@families
def test_jobs_from_before_are_not_looked_at(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    async def use(client: BatchCapableClient) -> Job | None:
        await client.submit(_requests(family, 1), label="run-1")
        return await client.find("run-1", since=datetime.now(UTC) + timedelta(hours=1))

    assert _with_client(family, environment, use) is None


@pytest.mark.parametrize("family", ["openai", "google"])
def test_a_job_that_still_runs_is_found(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(batch_delay=3600)

    async def use(client: BatchCapableClient) -> tuple[Job, Job | None]:
        return await client.submit(_requests(family, 1), label="run-1"), await client.find("run-1")

    lost, found = _with_client(family, environment, use)
    assert found is not None
    assert (found.id, found.status) == (lost.id, JobStatus.RUNNING)


def test_anthropic_cannot_tell_while_a_job_runs_and_says_so(server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(batch_delay=3600)

    async def use(client: BatchCapableClient) -> tuple[Job, ProviderError, Job | None]:
        lost = await client.submit(_requests("anthropic", 1), label="run-1")
        with pytest.raises(ProviderError) as caught:
            await client.find("run-1")
        await asyncio.to_thread(server.advance, 3700)
        return lost, caught.value, await client.find("run-1")

    lost, not_yet, found = _with_client("anthropic", environment, use)
    assert not_yet.retryable
    assert not_yet.retry_after
    assert found is not None
    assert found.id == lost.id


def test_anthropic_refuses_ids_without_room_for_the_label(environment: dict[str, str]) -> None:
    async def use(client: BatchCapableClient) -> None:
        await client.submit([JobRequest("x" * 51, prompt(), settings("anthropic"))], label="run-1")
        await client.submit([JobRequest("x" * 52, prompt(), settings("anthropic"))], label="run-1")

    with pytest.raises(ProviderError, match="at most 51 characters"):
        _with_client("anthropic", environment, use)


def test_google_takes_one_model_per_job(environment: dict[str, str]) -> None:
    requests = [JobRequest(model, prompt(), settings("google", model=model)) for model in ("gemini-a", "gemini-b")]
    with pytest.raises(ProviderError, match="one model, not gemini-a, gemini-b"):
        _with_client("google", environment, lambda client: client.submit(requests, label="run-1"))


@families
def test_a_job_without_requests_is_refused_before_any_call(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    with pytest.raises(ProviderError) as caught:
        _with_client(family, environment, lambda client: client.submit([], label="run-1"))
    assert caught.value.category is C.INVALID_REQUEST
    assert server.stats[family].calls == 0


@families
def test_each_call_of_a_job_ends_on_its_own(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.script(
        Fault("500", calls=(1,), api="batch"),
        Fault("truncated", calls=(2,), api="batch"),
        Fault("empty", calls=(3,), api="batch"),
        Fault("refusal", calls=(4,), api="batch"),
    )

    async def use(client: BatchCapableClient) -> dict[str, JobResult]:
        return await _results(client, await client.submit(_requests(family, 6), label="run-1"))

    results = _with_client(family, environment, use)
    errors = [result.error for result in results.values() if result.error]
    assert {error.fault for error in errors} == {Kind.STATUS, Kind.TRUNCATED, Kind.EMPTY, Kind.REFUSED}
    assert len([result for result in results.values() if result.completion]) == 2
    assert len(results) == 6


@families
def test_what_an_expired_job_did_is_kept(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(batch_delay=60, batch_outcome="expired", batch_done_share=0.5)

    async def use(client: BatchCapableClient) -> tuple[Job, dict[str, JobResult]]:
        job = await client.submit(_requests(family, 6), label="run-1")
        await asyncio.to_thread(server.advance, 2 * DAY)
        job = await client.poll(job.id)
        return job, await _results(client, job)

    job, results = _with_client(family, environment, use)
    assert job.status is JobStatus.EXPIRED
    undone = [result.error for result in results.values() if result.error]
    if family == "google":  # gives no results of an expired job
        assert results == {}
    else:
        assert len([result for result in results.values() if result.completion]) == 3
        assert [(e.fault, e.retryable) for e in undone] == [(Kind.TIMEOUT, True)] * 3


@families
def test_a_cancelled_job_ends_and_cancelling_again_is_no_error(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    server.control(batch_delay=3600)

    async def use(client: BatchCapableClient) -> Job:
        job = await client.submit(_requests(family, 4), label="run-1")
        await client.cancel(job.id)
        await asyncio.to_thread(server.advance, 3700)
        await client.cancel(job.id)
        return await client.poll(job.id)

    assert _with_client(family, environment, use).status is JobStatus.CANCELLED


@families
def test_cancelling_a_job_that_has_ended_changes_nothing(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    async def use(client: BatchCapableClient) -> Job:
        job = await client.submit(_requests(family, 1), label="run-1")
        await client.cancel(job.id)
        return await client.poll(job.id)

    assert _with_client(family, environment, use).status is JobStatus.ENDED


@families
def test_a_job_that_failed_as_a_whole_is_told(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    if family == "anthropic":
        pytest.skip("a message batch cannot fail as a whole")
    server.control(batch_outcome="failed")

    async def use(client: BatchCapableClient) -> Job:
        job = await client.submit(_requests(family, 2), label="run-1")
        return await client.poll(job.id)

    job = _with_client(family, environment, use)
    assert job.status is JobStatus.FAILED
    assert job.message


@families
def test_a_job_that_does_not_exist_is_an_invalid_request(family: str, environment: dict[str, str]) -> None:
    with pytest.raises(ProviderError) as caught:
        _with_client(family, environment, lambda client: client.poll("batches/nothing"))
    assert caught.value.category is C.INVALID_REQUEST


@families
@pytest.mark.parametrize(
    ("kind", "task", "category"),
    [
        ("503", "batch", C.SERVER_ERROR),
        ("429", "poll", C.RATE_LIMIT),
        ("reset", "batch", C.NETWORK_ERROR),
        ("reset", "results", C.NETWORK_ERROR),
        ("malformed_body", "poll", C.SERVER_ERROR),
        ("401", "list", C.AUTHENTICATION),
    ],
)
def test_what_goes_wrong_with_a_call_about_a_job_is_told_apart(
    family: str, kind: str, task: str, category: C, server: FakeLlm, environment: dict[str, str]
) -> None:
    if family == "google" and task == "results":
        task = "poll"  # results come with the job's description
    server.script(Fault(kind, 1.0, task=task))

    async def use(client: BatchCapableClient) -> None:
        job = await client.submit(_requests(family, 2), label="run-1")
        await client.poll(job.id)
        await client.find("run-1")
        await _results(client, job)

    with pytest.raises(ProviderError) as caught:
        _with_client(family, environment, use)
    assert caught.value.category is category, caught.value.message


@families
def test_results_may_be_left_half_read(family: str, environment: dict[str, str]) -> None:
    async def use(client: BatchCapableClient) -> str:
        job = await client.submit(_requests(family, 50), label="run-1")
        async for result in client.results(job.id):
            return result.id
        return ""

    assert _with_client(family, environment, use).startswith("call-")
