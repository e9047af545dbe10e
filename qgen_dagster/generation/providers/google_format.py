"""Gemini's generateContent format: what is sent, what comes back.

Here: `call_config`, `read_completion`, `read_count`, `read_job`, `read_result`. Pure, and the same for single calls
and for batches. Not here: the SDK (`google.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import CallSettings, Completion, Job, JobResult, JobStatus, Prompt
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.classify import (
    Caller,
    Usage,
    empty,
    malformed,
    one_line,
    refused,
    status_error,
    truncated,
    unreadable,
)
from qgen_dagster.generation.providers.schema import for_google

_REFUSED = {
    "SAFETY": "safety",
    "RECITATION": "recitation of a source",
    "LANGUAGE": "a language it does not support",
    "BLOCKLIST": "a blocked term",
    "PROHIBITED_CONTENT": "prohibited content",
    "SPII": "personal data",
    "ESCALATION": "an escalation rule",
    "MODEL_ARMOR": "Model Armor",
}
_TRUNCATED = ("MAX_TOKENS", "CONTINUATION")
_BAD_OUTPUT = ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE")

_STATUS = {
    "SUCCEEDED": JobStatus.ENDED,
    "PARTIALLY_SUCCEEDED": JobStatus.ENDED,
    "EXPIRED": JobStatus.EXPIRED,
    "CANCELLED": JobStatus.CANCELLED,
    "FAILED": JobStatus.FAILED,
}
# Errors within a batch carry gRPC's codes.
_HTTP_OF_GRPC = {3: 400, 4: 504, 5: 404, 7: 403, 8: 429, 9: 400, 10: 409, 13: 500, 14: 503, 16: 401}


def call_config(prompt: Prompt, settings: CallSettings) -> dict[str, Any]:
    """The fields of the SDK's `GenerateContentConfig`. What calls share comes first; Gemini caches it by itself."""
    config: dict[str, Any] = {
        "max_output_tokens": settings.max_output_tokens,
        # Both make calls of their own accord, which would be paid for unseen.
        "automatic_function_calling": {"disable": True},
        "automatic_continuation": False,
    }
    if prompt.system:
        config["system_instruction"] = prompt.system
    if settings.temperature is not None:
        config["temperature"] = settings.temperature
    if settings.structured == "json_schema":
        config["response_mime_type"] = "application/json"
        config["response_json_schema"] = for_google(prompt.schema)
    elif settings.structured == "tool":
        function = {"name": prompt.schema_name, "parameters_json_schema": for_google(prompt.schema)}
        config["tools"] = [{"function_declarations": [function]}]
        config["tool_config"] = {
            "function_calling_config": {"mode": "ANY", "allowed_function_names": [prompt.schema_name]}
        }
    return config


def read_completion(caller: Caller, data: Mapping[str, Any]) -> Completion:
    """What a response says. Raises ProviderError where it says nothing that can be used."""
    usage = read_usage(data.get("usageMetadata"))
    candidates = data.get("candidates")
    candidate = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(candidate, dict):
        feedback = data.get("promptFeedback")
        if isinstance(feedback, dict) and feedback.get("blockReason"):
            raise refused(caller, f"prompt blocked, {feedback['blockReason']}", usage)
        if "usageMetadata" in data:
            raise empty(caller, usage)
        raise malformed(caller, "the answer has no candidates", json.dumps(data))
    text = _text_of(candidate.get("content"))
    _check_finish(caller, str(candidate.get("finishReason", "")), text, usage)
    if not text.strip():
        raise empty(caller, usage)
    return Completion(
        text=text,
        model=str(data.get("modelVersion") or caller.model),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cached_tokens,
    )


def _check_finish(caller: Caller, finish: str, text: str, usage: Usage) -> None:
    if finish in _REFUSED or finish.startswith("IMAGE_"):
        raise refused(caller, _REFUSED.get(finish, finish), usage)
    if finish in _TRUNCATED:
        raise truncated(caller, text, usage)
    if finish in _BAD_OUTPUT:
        raise unreadable(caller, f"the model's output is no valid call of the tool ({finish})", text, usage)
    if finish == "PUP_LIMITED_DISABLED":
        message = f"{caller}: the account is limited or disabled for breach of the usage policy"
        raise ProviderError(ErrorCategory.AUTHENTICATION, message)


def _text_of(content: object) -> str:
    """The text, or the arguments of the tool that the model was told to call; thoughts are neither."""
    parts = content.get("parts") if isinstance(content, dict) else None
    found = [part for part in parts or () if isinstance(part, dict) and not part.get("thought")]
    for part in found:
        call = part.get("functionCall")
        if isinstance(call, dict) and call.get("args"):
            return json.dumps(call["args"], ensure_ascii=False)
    return "".join(str(part.get("text") or "") for part in found)


def read_usage(usage: object) -> Usage:
    """Tokens of a response. Thoughts are charged as output."""
    if not isinstance(usage, dict):
        return Usage()
    sent, made = usage.get("promptTokenCount"), usage.get("candidatesTokenCount")
    thoughts, tools = usage.get("thoughtsTokenCount") or 0, usage.get("toolUsePromptTokenCount") or 0
    return Usage(
        input_tokens=sent + tools if isinstance(sent, int) else None,
        output_tokens=(made or 0) + thoughts if sent is not None or made is not None else None,
        cached_tokens=usage.get("cachedContentTokenCount"),
    )


def read_count(caller: Caller, data: Mapping[str, Any]) -> int:
    """The tokens of a prompt that was only counted. Raises ProviderError."""
    tokens = data.get("totalTokens")
    if not isinstance(tokens, int):
        raise malformed(caller, "the answer has no count of tokens", json.dumps(data))
    return tokens


# -- batches --------------------------------------------------------------------------------------------------------


def read_job(data: Mapping[str, Any]) -> Job:
    """A batch job, as the API describes it: an operation with the batch in its metadata."""
    batch = data.get("metadata")
    batch = batch if isinstance(batch, dict) else {}
    stats = batch.get("batchStats")
    stats = stats if isinstance(stats, dict) else {}
    total = int(stats.get("requestCount") or 0)
    done = int(stats.get("successfulRequestCount") or 0) + int(stats.get("failedRequestCount") or 0)
    error = data.get("error")
    message = error.get("message") if isinstance(error, dict) else None
    return Job(
        id=str(data.get("name")),
        status=job_status(str(batch.get("state", ""))),
        total=total,
        done=done,
        message=one_line(str(message)) if message else None,
    )


def job_status(state: str) -> JobStatus:
    """From `BATCH_STATE_…` of the API or `JOB_STATE_…` of the SDK."""
    return _STATUS.get(state.partition("_STATE_")[2], JobStatus.RUNNING)


def inlined_responses(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The answers within a batch job's description; none before it has ended, nor of one that expired."""
    found: Any = data
    for key in ("metadata", "output", "inlinedResponses", "inlinedResponses"):
        found = found.get(key) if isinstance(found, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def read_result(caller: Caller, item: Mapping[str, Any]) -> JobResult:
    """One answer of a batch: a response or an error, with the id that was sent along."""
    metadata = item.get("metadata")
    request_id = str(metadata.get("id") if isinstance(metadata, dict) else None)
    try:
        response = item.get("response")
        if isinstance(response, dict):
            return JobResult(request_id, completion=read_completion(caller, response))
        error = item.get("error")
        error = error if isinstance(error, dict) else {}
        status = _HTTP_OF_GRPC.get(error.get("code", 0), 500)
        raise status_error(caller, status, json.dumps({"error": error}))
    except ProviderError as error:
        return JobResult(request_id, error=error)
