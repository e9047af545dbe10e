"""Anthropic's messages format: what is sent, what comes back.

Here: `request_body`, `read_completion`, `read_count`, `read_job`, `read_result`. Pure, and the same for single calls
and for message batches. Not here: the SDK (`anthropic.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from qgen_dagster.generation.llm import CallSettings, Completion, Job, JobResult, JobStatus, Prompt, RateLimits
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.classify import (
    Caller,
    Usage,
    empty,
    malformed,
    not_done,
    refused,
    status_error,
    truncated,
)
from qgen_dagster.generation.providers.schema import for_anthropic

# An error within a batch has a type, but no status.
_STATUS_OF_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def request_body(prompt: Prompt, settings: CallSettings) -> dict[str, Any]:
    """The body of one request. What many calls share, the system prompt, is marked to be cached."""
    body: dict[str, Any] = {
        "model": settings.model,
        "max_tokens": settings.max_output_tokens,
        "messages": [{"role": "user", "content": prompt.user}],
    }
    if prompt.system:
        body["system"] = [{"type": "text", "text": prompt.system, "cache_control": {"type": "ephemeral"}}]
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if settings.structured == "json_schema":
        body["output_config"] = {"format": {"type": "json_schema", "schema": for_anthropic(prompt.schema)}}
    elif settings.structured == "tool":
        tool = {
            "name": prompt.schema_name,
            "description": "Takes the answer in the form that was asked for.",
            "input_schema": dict(prompt.schema),
        }
        body["tools"] = [tool]
        body["tool_choice"] = {"type": "tool", "name": prompt.schema_name, "disable_parallel_tool_use": True}
    return body


def read_completion(caller: Caller, data: Mapping[str, Any], limits: RateLimits | None = None) -> Completion:
    """What a message says. Raises ProviderError where it says nothing that can be used."""
    content = data.get("content")
    if not isinstance(content, list):
        raise malformed(caller, "the answer has no content", json.dumps(data))
    usage = read_usage(data.get("usage"))
    text = _text_of(content)
    stop = data.get("stop_reason")
    if stop == "refusal":
        raise refused(caller, text or "stop reason refusal", usage)
    if stop in ("max_tokens", "model_context_window_exceeded"):
        raise truncated(caller, text, usage)
    if not text.strip():
        raise empty(caller, usage)
    return Completion(
        text=text,
        model=str(data.get("model") or caller.model),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        limits=limits or RateLimits(),
    )


def _text_of(content: list[Any]) -> str:
    """The text, or the input of the tool that the model was told to use; thoughts are neither."""
    blocks = [block for block in content if isinstance(block, dict)]
    for block in blocks:
        if block.get("type") == "tool_use" and block.get("input"):
            return json.dumps(block["input"], ensure_ascii=False)
    return "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")


def read_usage(usage: object) -> Usage:
    """Tokens of a message. Anthropic counts what it read from and wrote to its cache apart from `input_tokens`."""
    if not isinstance(usage, dict):
        return Usage()
    fresh, read, written = (
        usage.get(name) for name in ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    )
    total = fresh + (read or 0) + (written or 0) if isinstance(fresh, int) else None
    return Usage(total, usage.get("output_tokens"), read, written)


def read_count(caller: Caller, data: Mapping[str, Any]) -> int:
    """The tokens of a prompt that was only counted. Raises ProviderError."""
    tokens = data.get("input_tokens")
    if not isinstance(tokens, int):
        raise malformed(caller, "the answer has no count of tokens", json.dumps(data))
    return tokens


def read_job(caller: Caller, batch: Mapping[str, Any]) -> Job:
    """A message batch as the API describes it."""
    job_id = batch.get("id")
    if not isinstance(job_id, str) or not job_id:
        raise malformed(caller, "a message batch without an id", json.dumps(batch))
    counts = batch.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    done = sum(counts.get(kind) or 0 for kind in ("succeeded", "errored", "canceled", "expired"))
    return Job(job_id, _status(batch, counts), total=done + (counts.get("processing") or 0), done=done)


def _status(batch: Mapping[str, Any], counts: Mapping[str, Any]) -> JobStatus:
    if batch.get("processing_status") != "ended":
        return JobStatus.RUNNING
    if batch.get("cancel_initiated_at"):
        return JobStatus.CANCELLED
    return JobStatus.EXPIRED if counts.get("expired") else JobStatus.ENDED


def read_result(caller: Caller, line: Mapping[str, Any], *, without_tag: Callable[[str], str]) -> JobResult:
    """One line of a batch's results: a message, an error, or a call that was not made."""
    request_id = without_tag(str(line.get("custom_id")))
    result = line.get("result")
    result = result if isinstance(result, dict) else {}
    kind = result.get("type")
    try:
        if kind == "succeeded":
            message = result.get("message")
            message = message if isinstance(message, dict) else {}
            return JobResult(
                request_id, completion=read_completion(replace(caller, model=message.get("model")), message)
            )
        if kind in ("expired", "canceled"):
            raise not_done(caller, expired=kind == "expired")
        raise _error_of(caller, result.get("error"))
    except ProviderError as error:
        return JobResult(request_id, error=error)


def _error_of(caller: Caller, error: object) -> ProviderError:
    """From `{"type": "error", "error": {"type": …, "message": …}}`."""
    inner = error.get("error") if isinstance(error, dict) else None
    kind = inner.get("type") if isinstance(inner, dict) else None
    status = _STATUS_OF_TYPE.get(str(kind), 500)
    return status_error(caller, status, json.dumps(error if isinstance(error, dict) else {}))
