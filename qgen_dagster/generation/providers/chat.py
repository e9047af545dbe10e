"""The chat completions format, as OpenAI, xAI and compatible servers speak it: what is sent, what comes back.

Here: `Dialect`, `request_body`, `read_completion`, `read_object`. Pure, and the same for single calls and for the lines
of a batch job. Chat completions rather than OpenAI's responses: one format serves three kinds of provider and every
compatible server, it keeps no state at the provider, and batch jobs take it. Models that speak the other format only
answer with a 404, which becomes a `model_error` that names the model. Not here: the SDK (`chat_client.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qgen_dagster.generation.llm import CallSettings, Completion, Prompt, RateLimits
from qgen_dagster.generation.providers.classify import (
    Caller,
    Usage,
    empty,
    malformed,
    refused,
    status_error,
    truncated,
)
from qgen_dagster.generation.providers.schema import for_openai, for_xai


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a server's format differs. `output_limit` is the name of the parameter that limits output tokens."""

    output_limit: str
    schema: Callable[[Mapping[str, Any]], dict[str, Any]]
    strict_tools: bool  # takes `strict` and `parallel_tool_calls` with a tool
    cache_key: bool  # takes `prompt_cache_key`


OPENAI = Dialect("max_completion_tokens", for_openai, strict_tools=True, cache_key=True)
XAI = Dialect("max_completion_tokens", for_xai, strict_tools=False, cache_key=False)
COMPATIBLE = Dialect("max_tokens", for_openai, strict_tools=False, cache_key=False)


def request_body(prompt: Prompt, settings: CallSettings, dialect: Dialect) -> dict[str, Any]:
    """The body of one request. The system prompt, which many calls share, comes first, so that it can be cached."""
    messages = [{"role": "user", "content": prompt.user}]
    if prompt.system:
        messages.insert(0, {"role": "system", "content": prompt.system})
    body: dict[str, Any] = {
        "model": settings.model,
        "messages": messages,
        dialect.output_limit: settings.max_output_tokens,
    }
    if settings.temperature is not None:
        body["temperature"] = settings.temperature
    if dialect.cache_key and prompt.system:
        # Requests with the same key go to the same machines, so that a shared prefix is found there.
        body["prompt_cache_key"] = hashlib.sha256(prompt.system.encode()).hexdigest()[:32]
    if settings.structured == "json_schema":
        schema = {"name": prompt.schema_name, "strict": True, "schema": dialect.schema(prompt.schema)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif settings.structured == "tool":
        body.update(_tool(prompt, dialect))
    return body


def _tool(prompt: Prompt, dialect: Dialect) -> dict[str, Any]:
    function: dict[str, Any] = {"name": prompt.schema_name, "parameters": dialect.schema(prompt.schema)}
    sent: dict[str, Any] = {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": prompt.schema_name}},
    }
    if dialect.strict_tools:
        function["strict"] = True
        sent["parallel_tool_calls"] = False
    return sent


def read_object(caller: Caller, text: str) -> Mapping[str, Any]:
    """The JSON object of an answer. Raises ProviderError (server_error) for anything else."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise malformed(caller, "the answer is not a JSON object" if text.strip() else "the answer is empty", text)
    return data


def read_completion(caller: Caller, data: Mapping[str, Any], limits: RateLimits | None = None) -> Completion:
    """What a chat completion says. Raises ProviderError where it says nothing that can be used."""
    message, finish = _first_choice(caller, data)
    usage = read_usage(data.get("usage"))
    text = _text_of(message)
    if message.get("refusal"):
        raise refused(caller, str(message["refusal"]), usage)
    if finish == "content_filter":
        raise refused(caller, "stopped by the provider's content filter", usage)
    if finish == "length":
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


def _first_choice(caller: Caller, data: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
    choices = data.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        message = choices[0].get("message")
        if isinstance(message, dict):
            return message, choices[0].get("finish_reason")
    error = data.get("error")
    if error:  # some gateways answer 200 with an error inside
        code = error.get("code") if isinstance(error, dict) else None
        status = code if isinstance(code, int) and 400 <= code < 600 else 500
        raise status_error(caller, status, json.dumps(data))
    raise malformed(caller, "the answer has no choices", json.dumps(data))


def _text_of(message: Mapping[str, Any]) -> str:
    """The text, or the arguments of the tool that the model was told to call."""
    for call in message.get("tool_calls") or ():
        arguments = (call.get("function") or {}).get("arguments") if isinstance(call, dict) else None
        if arguments:
            return arguments if isinstance(arguments, str) else json.dumps(arguments)
    content = message.get("content")
    if isinstance(content, list):  # some servers answer in parts
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def read_usage(usage: object) -> Usage:
    """Tokens of a chat completion.

    xAI leaves reasoning out of `completion_tokens`, though it charges for it; the total tells.
    """
    if not isinstance(usage, dict):
        return Usage()
    sent, made, total = (_count(usage.get(f"{kind}_tokens")) for kind in ("prompt", "completion", "total"))
    if sent is not None and total is not None:
        made = max(made or 0, total - sent)
    details = usage.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    cached = _count(details.get("cached_tokens"))
    if cached is None:
        cached = _count(usage.get("prompt_cache_hit_tokens"))
    return Usage(sent, made, cached, _count(details.get("cache_write_tokens")))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
