"""Anthropic: single calls, message batches at half the price, counting tokens.

Here: `AnthropicClient`. Not here: the format of a request and of a reply (`anthropic_format.py`).

A message batch carries no name. So every request's id begins with a tag that is made from the label, and `find` looks
for it in the results of batches that have ended. One that still runs shows no ids: then `find` says that it cannot be
told yet, since handing in anew would pay twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from qgen_dagster.config.addresses import checked_key
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import CallSettings, Completion, Job, JobRequest, JobResult, JobStatus, Prompt
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.providers.anthropic_format import (
    read_completion,
    read_count,
    read_job,
    read_result,
    request_body,
)
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
from qgen_dagster.generation.providers.chat import read_object
from qgen_dagster.generation.providers.classify import Caller
from qgen_dagster.generation.providers.headers import anthropic_limits
from qgen_dagster.generation.providers.sdk import (
    checked_url,
    host_of,
    http_client,
    lines_of,
    made_once,
    sdk_required,
    stainless_errors,
    translated,
)

if TYPE_CHECKING:
    import anthropic

NAME = "anthropic"
BASE_URL = "https://api.anthropic.com"
LIMITS = BatchLimits(requests=100_000, megabytes=256)
MAX_CUSTOM_ID = 64
TAG_LENGTH = 12
ASK_AGAIN_SECONDS = 60.0


class _RawAnswer(Protocol):
    """What the SDK gives for a call `with_raw_response`."""

    async def text(self) -> str: ...


class AnthropicClient:
    """Anthropic's API: an `LlmClient`, a `TokenCounter` and an `LlmBatchClient`.

    Use it within one event loop, and close it there.
    """

    name = NAME

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        """Raises ConfigurationError: no SDK, a key or address that cannot be one."""
        self._secrets = (checked_key(f"the key of {NAME}", api_key),)
        self._host = host_of(checked_url(f"the base URL of {NAME}", base_url))
        with sdk_required(NAME, "anthropic"):
            import anthropic
        self._translate = stainless_errors(anthropic)
        self._omit = anthropic.omit
        self._sdk = anthropic.AsyncAnthropic(
            api_key=self._secrets[0],
            base_url=base_url,
            max_retries=0,
            http_client=http_client(),
            open_telemetry=False,
        )

    async def complete(self, prompt: Prompt, settings: CallSettings) -> Completion:
        """One call, made once. Raises ProviderError."""
        caller = self._caller(settings.model)
        body = request_body(prompt, settings)
        # The SDK has no parameter for it any more, but models that take a temperature still exist.
        extra = {"temperature": body.pop("temperature")} if "temperature" in body else None
        # Without a time limit of its own the SDK refuses calls that might take over ten minutes.
        seconds = settings.timeout_seconds
        call = self._sdk.messages.with_raw_response.create(**body, extra_body=extra, timeout=seconds)
        raw = await made_once(call, caller, seconds, self._translate)
        return read_completion(caller, read_object(caller, await raw.text()), anthropic_limits(raw.headers))

    async def count_tokens(self, text: str, model: str, timeout_seconds: float) -> int:
        """What the text takes as a user's message, without any system prompt. Raises ProviderError."""
        caller = self._caller(model)
        messages: list[Any] = [{"role": "user", "content": text}]
        call = self._sdk.messages.with_raw_response.count_tokens(model=model, messages=messages)
        raw = await made_once(call, caller, timeout_seconds, self._translate)
        return read_count(caller, read_object(caller, await raw.text()))

    async def aclose(self) -> None:
        """Closes its connections. Calls in flight fail. May be called twice."""
        await self._sdk.close()

    async def submit(self, requests: Sequence[JobRequest], *, label: str) -> Job:
        """One request with everything. Raises ProviderError, also for ids of more than 51 characters: see `find`."""
        sent: list[Any] = [
            {"custom_id": self._tagged(label, request.id), "params": request_body(request.prompt, request.settings)}
            for request in requests
        ]
        check_size(self._caller(), LIMITS, len(sent), len(json.dumps(sent)))
        call = self._sdk.messages.batches.with_raw_response.create(requests=sent)
        return read_job(self._caller(), await self._object(call, seconds=UPLOAD_SECONDS))

    async def find(self, label: str, *, since: datetime | None = None) -> Job | None:
        """Looks at the ids in the results of the newest batches.

        Raises a retryable ProviderError when a batch that might be the one is still running.
        """
        running = 0
        async for batch in self._newest(since):
            job = read_job(self._caller(), batch)
            if job.status is JobStatus.RUNNING:
                running += 1
            elif batch.get("results_url") and await self._is_labelled(job.id, label):
                return job
        if running:
            raise ProviderError(
                ErrorCategory.SERVER_ERROR,
                f"{NAME}: whether the batch job arrived cannot be told while {running} of the account's are running",
                fault=Fault.BLOCKED,
                retry_after=ASK_AGAIN_SECONDS,
            )
        return None

    async def poll(self, job_id: str) -> Job:
        """One request."""
        call = self._sdk.messages.batches.with_raw_response.retrieve(job_id)
        return read_job(self._caller(), await self._object(call))

    async def results(self, job_id: str) -> AsyncIterator[JobResult]:
        """Streamed, in any order. Raises ProviderError, also when results are no longer kept (after 29 days)."""
        async for line in self._lines(job_id):
            yield read_result(self._caller(), line, without_tag=_without_tag)

    async def cancel(self, job_id: str) -> None:
        """Does nothing to a job that is over."""
        if (await self.poll(job_id)).status is JobStatus.RUNNING:
            await self._object(self._sdk.messages.batches.with_raw_response.cancel(job_id))

    async def _newest(self, since: datetime | None) -> AsyncIterator[Mapping[str, Any]]:
        last: str | anthropic.Omit = self._omit
        for _ in range(0, SEARCH_LIMIT, PAGE):
            page = await self._object(self._sdk.messages.batches.with_raw_response.list(limit=PAGE, after_id=last))
            batches = read_page(self._caller(), page)
            for batch in batches:
                if created_before(batch.get("created_at"), since):
                    return
                yield batch
            if not page.get("has_more") or not batches:
                return
            last = str(page.get("last_id") or batches[-1].get("id"))

    async def _is_labelled(self, job_id: str, label: str) -> bool:
        lines = self._lines(job_id)
        try:
            async for line in lines:
                return str(line.get("custom_id")).startswith(f"{_tag(label)}-")
            return False
        finally:
            await lines.aclose()

    async def _lines(self, job_id: str) -> AsyncGenerator[Mapping[str, Any], None]:
        caller, batches = self._caller(), self._sdk.messages.batches
        batch = await self._object(batches.with_raw_response.retrieve(job_id))
        if not batch.get("results_url"):
            what = "are no longer kept" if batch.get("archived_at") else "are not there yet"
            raise ProviderError(ErrorCategory.INVALID_REQUEST, f"{caller}: results of {job_id} {what}")
        async with translated(caller, self._translate):
            # The time limit is that between two pieces of the stream.
            streamed = batches.with_streaming_response.results(job_id, timeout=CALL_SECONDS)
            async with streamed as response:
                async for line in lines_of(response.iter_bytes()):
                    yield read_object(caller, line)

    def _tagged(self, label: str, request_id: str) -> str:
        room = MAX_CUSTOM_ID - TAG_LENGTH - 1
        if len(request_id) > room:
            message = f"{NAME}: the request id {request_id!r} is too long; at most {room} characters"
            raise ProviderError(ErrorCategory.INVALID_REQUEST, message)
        return f"{_tag(label)}-{request_id}"

    async def _object(self, call: Awaitable[_RawAnswer], seconds: float = CALL_SECONDS) -> Mapping[str, Any]:
        raw = await made_once(call, self._caller(), seconds, self._translate)
        return read_object(self._caller(), await raw.text())

    def _caller(self, model: str | None = None) -> Caller:
        return Caller(NAME, self._host, model, self._secrets)


def _tag(label: str) -> str:
    return hashlib.sha256(label.encode()).hexdigest()[:TAG_LENGTH]


def _without_tag(custom_id: str) -> str:
    return custom_id[TAG_LENGTH + 1 :]
