"""OpenAI: single calls, and batch jobs at half the price.

Here: `OpenAiClient`. A batch job is a file of requests; its label is in the job's metadata. Not here: the format of a
request (`chat.py`), single calls (`chat_client.py`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import Completion, Job, JobRequest, JobResult, JobStatus
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.batches import (
    CALL_SECONDS,
    PAGE,
    SEARCH_LIMIT,
    UPLOAD_SECONDS,
    BatchLimits,
    check_size,
    created_before,
    read_page,
)
from qgen_dagster.generation.providers.chat import OPENAI, read_completion, read_object, request_body
from qgen_dagster.generation.providers.chat_client import ChatClient
from qgen_dagster.generation.providers.classify import Caller, malformed, not_done, one_line, status_error
from qgen_dagster.generation.providers.sdk import lines_of, translated

if TYPE_CHECKING:
    import openai

NAME = "openai"
BASE_URL = "https://api.openai.com/v1"
LABEL = "qgen_label"
LIMITS = BatchLimits(requests=50_000, megabytes=200)

_STATUS = {
    "completed": JobStatus.ENDED,
    "expired": JobStatus.EXPIRED,
    "cancelled": JobStatus.CANCELLED,
    "failed": JobStatus.FAILED,
}


class OpenAiClient(ChatClient):
    """OpenAI's API: an `LlmClient` and an `LlmBatchClient`."""

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        super().__init__(NAME, OPENAI, api_key=api_key, base_url=base_url, own_account=True)

    async def submit(self, requests: Sequence[JobRequest], *, label: str) -> Job:
        """Uploads the requests, then makes the job. An upload whose job was not made costs nothing."""
        lines = [_line(request) for request in requests]
        content = b"".join(lines)
        check_size(self._caller(), LIMITS, len(lines), len(content))
        upload = self._sdk.files.with_raw_response.create(file=(f"{label}.jsonl", content), purpose="batch")
        file = await self._object(upload, seconds=UPLOAD_SECONDS)
        job = self._sdk.batches.with_raw_response.create(
            input_file_id=_id_of(self._caller(), file),
            endpoint="/v1/chat/completions",
            completion_window="24h",
            metadata={LABEL: label},
        )
        return read_job(self._caller(), await self._object(job))

    async def find(self, label: str, *, since: datetime | None = None) -> Job | None:
        """Looks through the newest jobs."""
        last: str | openai.Omit = self._omit
        for _ in range(0, SEARCH_LIMIT, PAGE):
            page = await self._object(self._sdk.batches.with_raw_response.list(limit=PAGE, after=last))
            batches = read_page(self._caller(), page)
            for batch in batches:
                if created_before(batch.get("created_at"), since):
                    return None
                metadata = batch.get("metadata")
                if isinstance(metadata, dict) and metadata.get(LABEL) == label:
                    return read_job(self._caller(), batch)
            if not page.get("has_more") or not batches:
                break
            last = _id_of(self._caller(), batches[-1])
        return None

    async def poll(self, job_id: str) -> Job:
        """One request."""
        return read_job(self._caller(), await self._batch(job_id))

    async def results(self, job_id: str) -> AsyncIterator[JobResult]:
        """What was answered comes from one file, errors and calls that were not made from another; both streamed."""
        batch = await self._batch(job_id)
        for file_id in (batch.get("output_file_id"), batch.get("error_file_id")):
            if file_id:
                async for line in self._lines(file_id):
                    yield read_line(self._caller(), read_object(self._caller(), line))

    async def cancel(self, job_id: str) -> None:
        """Does nothing to a job that is over."""
        try:
            await self._object(self._sdk.batches.with_raw_response.cancel(job_id))
        except ProviderError as error:
            if error.category is not ErrorCategory.INVALID_REQUEST and error.category is not ErrorCategory.SERVER_ERROR:
                raise
            if (await self.poll(job_id)).status is JobStatus.RUNNING:
                raise

    async def _lines(self, file_id: str) -> AsyncGenerator[str, None]:
        async with translated(self._caller(), self._translate):
            # The time limit is that between two pieces of the stream.
            streamed = self._sdk.files.with_streaming_response.content(file_id, timeout=CALL_SECONDS)
            async with streamed as response:
                async for line in lines_of(response.iter_bytes()):
                    yield line

    async def _batch(self, job_id: str) -> Mapping[str, Any]:
        return await self._object(self._sdk.batches.with_raw_response.retrieve(job_id))


def _line(request: JobRequest) -> bytes:
    body = request_body(request.prompt, request.settings, OPENAI)
    sent = {"custom_id": request.id, "method": "POST", "url": "/v1/chat/completions", "body": body}
    return json.dumps(sent).encode() + b"\n"  # ASCII: no character in it ends a line but the last


def _id_of(caller: Caller, data: Mapping[str, Any]) -> str:
    found = data.get("id")
    if not isinstance(found, str) or not found:
        raise malformed(caller, "an answer without an id", json.dumps(data))
    return found


def read_job(caller: Caller, batch: Mapping[str, Any]) -> Job:
    """A batch job as the API describes it."""
    counts = batch.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    errors = batch.get("errors")
    problems = errors.get("data") if isinstance(errors, dict) else None
    problem = problems[0] if isinstance(problems, list) and problems and isinstance(problems[0], dict) else {}
    said = problem.get("message") or problem.get("code")
    return Job(
        id=_id_of(caller, batch),
        status=_STATUS.get(str(batch.get("status")), JobStatus.RUNNING),
        total=counts.get("total") or 0,
        done=(counts.get("completed") or 0) + (counts.get("failed") or 0),
        message=one_line(str(said)) if said else None,
    )


def read_line(caller: Caller, line: Mapping[str, Any]) -> JobResult:
    """One line of a result file: an answer, an error of the call, or a call that was not made."""
    request_id = str(line.get("custom_id"))
    try:
        response = line.get("response")
        if isinstance(response, dict) and response.get("status_code") is not None:
            return JobResult(request_id, completion=_answer(caller, response))
        error = line.get("error")
        code = str(error.get("code")) if isinstance(error, dict) else ""
        if code in ("batch_expired", "batch_cancelled"):
            raise not_done(caller, expired=code == "batch_expired")
        raise status_error(caller, 500, json.dumps({"error": error}))
    except ProviderError as error:
        return JobResult(request_id, error=error)


def _answer(caller: Caller, response: Mapping[str, Any]) -> Completion:
    body = response.get("body")
    body = body if isinstance(body, dict) else {}
    if response["status_code"] != 200:
        raise status_error(caller, int(response["status_code"]), json.dumps(body))
    return read_completion(replace(caller, model=body.get("model")), body)
