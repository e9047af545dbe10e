"""Google's Gemini API: single calls, batch jobs at half the price, counting tokens.

Here: `GoogleClient`. A batch job's label is its display name; requests go with it, and answers come back within its
description. Not here: the format of a request and of a reply (`google_format.py`), how the SDK is given it
(`google_models.py`).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from qgen_dagster.config.addresses import checked_key
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import CallSettings, Completion, Job, JobRequest, JobResult, JobStatus, Prompt
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
from qgen_dagster.generation.providers.chat import read_object
from qgen_dagster.generation.providers.classify import Caller, malformed, status_error
from qgen_dagster.generation.providers.google_format import (
    call_config,
    inlined_responses,
    read_completion,
    read_count,
    read_job,
    read_result,
)
from qgen_dagster.generation.providers.sdk import (
    Translate,
    checked_url,
    host_of,
    http_client,
    made_once,
    sdk_required,
    transport_error,
)

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
NAME = "google"
BASE_URL = "https://generativelanguage.googleapis.com"
LIMITS = BatchLimits(requests=50_000, megabytes=20)  # for requests that go with the job

# Where the body of an answer goes for a caller that asks for it.
_bodies: ContextVar[list[str] | None] = ContextVar("bodies", default=None)


class GoogleClient:
    """Google's API: an `LlmClient`, a `TokenCounter` and an `LlmBatchClient`.

    Use it within one event loop, and close it there.
    """

    name = NAME

    def __init__(self, *, api_key: str, base_url: str = BASE_URL) -> None:
        """Raises ConfigurationError: no SDK, a key or address that cannot be one."""
        self._secrets = (checked_key(f"the key of {NAME}", api_key),)
        self._host = host_of(checked_url(f"the base URL of {NAME}", base_url))
        with sdk_required(NAME, "google-genai"):
            import httpx2
            from google import genai
            from google.genai import errors, types

            from qgen_dagster.generation.providers import google_models
            from qgen_dagster.generation.providers.connections import tls
        self._types = types
        self._models = google_models
        self._translate = _translate_with(errors)
        # An HTTP client of our own: the SDK would take another library where that is installed, one that tries again.
        self._http = http_client()
        self._http.event_hooks = {"response": [_keep_body]}
        self._unused = httpx2.Client(verify=tls())
        self._sdk = genai.Client(
            api_key=self._secrets[0],
            vertexai=False,
            http_options=types.HttpOptions(base_url=base_url, httpx_async_client=self._http, httpx_client=self._unused),
        )

    async def complete(self, prompt: Prompt, settings: CallSettings) -> Completion:
        """One call, made once. Raises ProviderError."""
        caller = self._caller(settings.model)
        config = self._models.configuration(call_config(prompt, settings))
        contents = self._models.message(prompt.user)
        call = self._sdk.aio.models.generate_content(model=settings.model, contents=contents, config=config)
        response = await made_once(call, caller, settings.timeout_seconds, self._translate)
        raw = response.sdk_http_response
        return read_completion(caller, read_object(caller, (raw.body if raw else None) or ""))

    async def count_tokens(self, text: str, model: str, timeout_seconds: float) -> int:
        """What the text takes as a user's turn, without any instruction. Raises ProviderError."""
        call = self._sdk.aio.models.count_tokens(model=model, contents=text)
        return read_count(self._caller(model), await self._body_of(call, timeout_seconds, model))

    async def aclose(self) -> None:
        """Closes its connections. Calls in flight fail. May be called twice."""
        self._unused.close()
        await self._http.aclose()

    async def submit(self, requests: Sequence[JobRequest], *, label: str) -> Job:
        """One request with everything. All must be for one model."""
        models = {request.settings.model for request in requests}
        if len(models) > 1:
            message = f"{NAME}: a batch job is for one model, not {', '.join(sorted(models))}"
            raise ProviderError(ErrorCategory.INVALID_REQUEST, message)
        sent = [_inlined(request) for request in requests]
        check_size(self._caller(), LIMITS, len(sent), len(json.dumps(sent)))
        source = self._types.BatchJobSource(inlined_requests=[self._types.InlinedRequest(**one) for one in sent])
        config = self._types.CreateBatchJobConfig(display_name=label)
        call = self._sdk.aio.batches.create(model=models.pop(), src=source, config=config)
        return read_job(await self._body_of(call, seconds=UPLOAD_SECONDS))

    async def find(self, label: str, *, since: datetime | None = None) -> Job | None:
        """Looks through the newest jobs."""

        token: str | None = None
        for _ in range(0, SEARCH_LIMIT, PAGE):
            config = self._types.ListBatchJobsConfig(page_size=PAGE, page_token=token)
            page = await self._body_of(self._sdk.aio.batches.list(config=config))
            # A page without jobs has no list.
            for job in read_page(self._caller(), {"operations": [], **page}, "operations"):
                batch = job.get("metadata")
                batch = batch if isinstance(batch, dict) else {}
                if created_before(batch.get("createTime"), since):
                    return None
                if batch.get("displayName") == label:
                    return read_job(job)
            token = page.get("nextPageToken")
            if not token:
                break
        return None

    async def poll(self, job_id: str) -> Job:
        """One request."""
        return read_job(await self._description(job_id))

    async def results(self, job_id: str) -> AsyncIterator[JobResult]:
        """All at once, with the job's description."""
        description = await self._description(job_id)
        batch = description.get("metadata")
        model = str(batch.get("model", "")).removeprefix("models/") if isinstance(batch, dict) else ""
        for item in inlined_responses(description):
            yield read_result(self._caller(model or None), item)

    async def cancel(self, job_id: str) -> None:
        """Does nothing to a job that is over."""
        if (await self.poll(job_id)).status is JobStatus.RUNNING:
            await self._ask(self._sdk.aio.batches.cancel(name=job_id))

    async def _description(self, job_id: str) -> Mapping[str, Any]:
        return await self._body_of(self._sdk.aio.batches.get(name=job_id))

    async def _body_of(
        self, call: Awaitable[object], seconds: float = CALL_SECONDS, model: str | None = None
    ) -> Mapping[str, Any]:
        """The answer as it came: the SDK drops the counts of a job and the reason of a failure."""
        bodies: list[str] = []
        token = _bodies.set(bodies)
        try:
            await self._ask(call, seconds, model)
        finally:
            _bodies.reset(token)
        return read_object(self._caller(model), bodies[-1] if bodies else "")

    async def _ask(self, call: Awaitable[T], seconds: float = CALL_SECONDS, model: str | None = None) -> T:
        return await made_once(call, self._caller(model), seconds, self._translate)

    def _caller(self, model: str | None = None) -> Caller:
        return Caller(NAME, self._host, model, self._secrets)


async def _keep_body(response: httpx2.Response) -> None:
    bodies = _bodies.get()
    if bodies is not None:
        await response.aread()
        bodies.append(response.text)


def _inlined(request: JobRequest) -> dict[str, Any]:
    config = call_config(request.prompt, request.settings)
    # They steer the SDK, not the model, and a batch is not the SDK's to answer.
    del config["automatic_function_calling"], config["automatic_continuation"]
    return {"contents": request.prompt.user, "config": config, "metadata": {"id": request.id}}


def _translate_with(errors: Any) -> Translate:
    from pydantic import ValidationError

    def translate(caller: Caller, error: Exception) -> ProviderError | None:
        if isinstance(error, errors.APIError):
            response = error.response
            return status_error(caller, error.code, response.text, response.headers)
        if isinstance(error, ValidationError):
            return malformed(caller, f"an answer that the SDK cannot read: {error}")
        return transport_error(caller, error)

    return translate
