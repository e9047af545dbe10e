"""OpenAI's protocol: chat completions, embeddings, models; and who speaks it too (xAI, compatible servers).

Here: `OpenAiWire`. Not here: the Responses API (`openai_responses.py`), files and batch jobs (`openai_batches.py`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .batches import JobBook
from .call import Answer, Call, Usage, WireError
from .desk import Desk
from .embeddings import as_base64, as_numbers, dimensions_of, embed
from .faults import Fault
from .limits import Standing
from .models import check_parameters, exists, listed
from .openai_batches import OpenAiBatches
from .openai_responses import read_response_call, write_response
from .schemas import check_strict
from .transport import Reply, Request
from .usage import tokens_of

REFUSAL = "I'm sorry, but I can't help with that request."


class OpenAiWire:
    """Serves one provider that speaks OpenAI's protocol. Batch jobs are OpenAI's alone."""

    def __init__(self, provider: str, desk: Desk, book: JobBook) -> None:
        self.provider = provider
        self._desk = desk
        self._batches = OpenAiBatches(self, desk, book) if provider == "openai" else None

    async def handle(self, request: Request, path: str) -> Reply:
        """Answers a request; `path` is what follows the provider's mount."""
        key = request.headers.get("authorization", "").removeprefix("Bearer ").strip() or None
        route = path.removeprefix("/v1")
        try:
            if request.method == "POST" and route in ("/chat/completions", "/responses"):
                return await self._model_call(key, route, read_body(request))
            if request.method == "POST" and route == "/embeddings":
                return await self._embed(key, read_body(request))
            if request.method == "POST" and route == "/tokenize-text" and self.provider == "xai":
                asked = read_body(request)
                return await self._desk.service_call(self, key, "count", lambda: self._tokenize(asked))
            if request.method == "GET" and route.startswith("/models"):
                name = route.removeprefix("/models").strip("/")
                return await self._desk.service_call(self, key, "models", lambda: self._models(name))
            if self._batches:
                return await self._batches.handle(request, route, key)
            raise WireError("not_found", f"Invalid URL ({request.method} {path})")
        except WireError as error:
            return self._desk.refuse(self, error, key)

    def headers(self, standing: Standing | None) -> dict[str, str]:
        """Rate limits as OpenAI and xAI state them; compatible servers state none."""
        if self.provider == "compatible":
            return {}
        headers = {"x-request-id": f"req_{uuid4().hex}", "openai-version": "2020-10-01", "openai-processing-ms": "1"}
        if standing:
            headers |= {
                "x-ratelimit-limit-requests": str(standing.requests),
                "x-ratelimit-remaining-requests": str(standing.requests_left),
                "x-ratelimit-reset-requests": span(standing.requests_reset),
                "x-ratelimit-limit-tokens": str(standing.tokens),
                "x-ratelimit-remaining-tokens": str(standing.tokens_left),
                "x-ratelimit-reset-tokens": span(standing.tokens_reset),
            }
        return headers

    def run_item(self, endpoint: str, body: Mapping[str, Any], fault: Fault | None) -> dict[str, Any]:
        """Answers one request of a batch job. Raises WireError."""
        if endpoint == "/v1/embeddings":
            model, texts = self._read_embed(body)
            self._check_model(model)
            tokens = sum(map(tokens_of, texts))
            self._desk.recorders[self.provider].embedded(model, "\n".join(texts), tokens)
            return self._embeddings(model, texts, body)
        call = self.read(endpoint.removeprefix("/v1"), body)
        self._check(call, body)
        answer = self._desk.compose(call, fault)
        self._desk.count_answer(call, answer, batch=True)
        return self.write(endpoint.removeprefix("/v1"), call, answer)

    def read(self, route: str, body: Mapping[str, Any]) -> Call:
        """A request to a model, whichever endpoint it came to."""
        return (read_response_call if route == "/responses" else read_chat_call)(self.provider, body)

    def write(self, route: str, call: Call, answer: Answer) -> dict[str, Any]:
        """The reply to it."""
        return (write_response if route == "/responses" else write_chat)(call, answer)

    async def _model_call(self, key: str | None, route: str, body: Mapping[str, Any]) -> Reply:
        call = self.read(route, body)
        return await self._desk.model_call(
            self, key, call, lambda: self._check(call, body), lambda c, answer: self.write(route, c, answer)
        )

    def _check_model(self, model: str) -> None:
        if not exists(self.provider, model, self._desk.settings.retired):
            raise WireError("no_model", model=model)

    def _check(self, call: Call, body: Mapping[str, Any]) -> None:
        if not call.model:
            raise WireError("invalid", "you must provide a model parameter")
        self._check_model(call.model)
        if body.get("stream"):
            raise WireError("invalid", "This server does not stream.", param="stream")
        check_parameters(self.provider, call.model, body)
        for name, schema, where in _schemas(body):
            check_strict(name, schema, where)

    async def _embed(self, key: str | None, body: Mapping[str, Any]) -> Reply:
        model, texts = self._read_embed(body)
        return await self._desk.embed_call(
            self, key, model, texts, lambda: self._check_model(model), lambda: self._embeddings(model, texts, body)
        )

    def _read_embed(self, body: Mapping[str, Any]) -> tuple[str, list[str]]:
        given = body.get("input")
        texts = [given] if isinstance(given, str) else given
        if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and t for t in texts):
            raise WireError("invalid", "'$.input' is invalid. Please check the API reference.", param="input")
        return str(body.get("model", "")), texts

    def _embeddings(self, model: str, texts: list[str], body: Mapping[str, Any]) -> dict[str, Any]:
        size = body.get("dimensions") or dimensions_of(model)
        write = as_base64 if body.get("encoding_format") == "base64" else as_numbers
        data = [{"object": "embedding", "index": i, "embedding": write(embed(t, size))} for i, t in enumerate(texts)]
        tokens = sum(map(tokens_of, texts))
        return {
            "object": "list",
            "data": data,
            "model": model,
            "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
        }

    def _tokenize(self, body: Mapping[str, Any]) -> Reply:
        """xAI's alone: a text cut into tokens."""
        model, given = str(body.get("model", "")), body.get("text")
        if not isinstance(given, str) or set(body) != {"model", "text"}:
            raise WireError("invalid", "Failed to deserialize the JSON body into the target type")
        self._check_model(model)
        cut = [given[4 * n : 4 * n + 4] for n in range(tokens_of(given))]
        tokens = [
            {"token_id": n, "string_token": piece, "token_bytes": list(piece.encode())} for n, piece in enumerate(cut)
        ]
        return Reply.of(200, {"token_ids": tokens})

    def _models(self, name: str) -> Reply:
        retired = self._desk.settings.retired
        if name:
            if not exists(self.provider, name, retired):
                raise WireError("no_model", f"The model '{name}' does not exist", param="model")
            return Reply.of(200, self._model(name))
        return Reply.of(200, {"object": "list", "data": [self._model(m) for m in listed(self.provider, retired)]})

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": self.provider}


def read_body(request: Request) -> dict[str, Any]:
    """The body, an object. Raises WireError."""
    try:
        body = request.json()
    except ValueError as error:
        raise WireError("invalid", "We could not parse the JSON body of your request.") from error
    if not isinstance(body, dict):
        raise WireError("invalid", "The JSON body of your request must be an object.")
    return body


def read_chat_call(provider: str, body: Mapping[str, Any]) -> Call:
    """A chat completion's request. Raises WireError."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise WireError("invalid", "Invalid 'messages': empty array.", param="messages")
    said = [(m.get("role"), text_of(m.get("content"))) for m in messages if isinstance(m, dict)]
    system = "\n".join(text for role, text in said if role in ("system", "developer"))
    tools = body.get("tools") or []
    choice = body.get("tool_choice", "auto")
    forced = choice["function"]["name"] if isinstance(choice, dict) and "function" in choice else None
    tool = forced or (tools[0]["function"]["name"] if tools and choice != "none" else None)
    held = (body.get("response_format") or {}).get("type") in ("json_schema", "json_object")
    return Call(
        provider=provider,
        model=str(body.get("model", "")),
        system=system,
        user="\n".join(text for role, text in said if role not in ("system", "developer")),
        max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        output="tool" if tool else "schema" if held else "text",
        tool=tool,
        forced_tool=forced is not None,
        cacheable=system,
    )


def text_of(content: Any) -> str:
    """The text of a message: a string, or a list of parts."""
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def write_chat(call: Call, answer: Answer) -> dict[str, Any]:
    """A chat completion. Refusals come as a refusal and, every second time, as cut by the content filter."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": []}
    reason = "length" if answer.truncated else "stop"
    if answer.refused:
        filtered = answer.number % 2 == 0
        message |= {"content": "" if filtered else None, "refusal": None if filtered else REFUSAL}
        reason = "content_filter" if filtered else "stop"
    elif call.output == "tool" and answer.text:
        function = {"name": call.tool, "arguments": answer.text}
        call_id = f"call_{uuid4().hex[:24]}"
        message |= {"content": None, "tool_calls": [{"id": call_id, "type": "function", "function": function}]}
        # A tool that was named in the request ends with "stop", one that the model chose does not.
        reason = "length" if answer.truncated else "stop" if call.forced_tool else "tool_calls"
    return {
        "id": f"chatcmpl-{uuid4().hex[:29]}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": call.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": reason}],
        "usage": _chat_usage(call.provider, answer.usage),
        "service_tier": "default",
        "system_fingerprint": "fp_fake",
    }


def _chat_usage(provider: str, usage: Usage) -> dict[str, Any]:
    # xAI alone leaves reasoning out of completion_tokens; it stands in the total and in the details.
    written = usage.output - usage.reasoning if provider == "xai" else usage.output
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": written,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    }


def _schemas(body: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str]]:
    """The strict schemas of a request, with name and place."""
    found = []
    held = (body.get("response_format") or {}).get("json_schema") or {}
    written = (body.get("text") or {}).get("format") or {}
    for schema, where in ((held, "response_format"), (written, "text.format.schema")):
        if schema.get("strict") and "schema" in schema:
            found.append((schema.get("name", ""), schema["schema"], where))
    for tool in body.get("tools") or []:
        function = tool.get("function", tool)
        if function.get("strict"):
            found.append((function.get("name", ""), function.get("parameters", {}), "function"))
    return found


def span(seconds: float) -> str:
    """A time as OpenAI's headers write it: `120ms`, `1.5s`, `6m0s`."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}m{round(rest)}s" if minutes else f"{rest:.3f}s"
