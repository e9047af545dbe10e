"""Anthropic's protocol: messages, counting their tokens, models. Not here: message batches (`anthropic_batches.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from .anthropic_batches import AnthropicBatches
from .batches import JobBook
from .call import Answer, Call, WireError
from .desk import Desk
from .faults import Fault
from .limits import Standing
from .models import check_parameters, exists, listed
from .schemas import check_anthropic
from .transport import Reply, Request
from .usage import tokens_of

# What may be asked for when tokens are only counted: not how much may be answered, nor at what temperature.
_COUNTED = frozenset(
    {"messages", "model", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control", "speed"}
)
_REFUSAL = {"type": "refusal", "category": None, "explanation": None}


class AnthropicWire:
    """Serves Anthropic's API."""

    provider = "anthropic"

    def __init__(self, desk: Desk, book: JobBook) -> None:
        self._desk = desk
        self._batches = AnthropicBatches(self, desk, book)

    async def handle(self, request: Request, path: str) -> Reply:
        """Answers a request; `path` is what follows the provider's mount."""
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        key = request.headers.get("x-api-key") or bearer or None
        try:
            if request.method == "POST" and path == "/v1/messages":
                return await self._message(key, read_body(request))
            if request.method == "POST" and path == "/v1/messages/count_tokens":
                asked = read_body(request)
                return await self._desk.service_call(self, key, "count", lambda: self._count(asked))
            if path.startswith("/v1/messages/batches"):
                return await self._batches.handle(request, path.removeprefix("/v1/messages/batches"), key)
            if request.method == "GET" and path.startswith("/v1/models"):
                name = path.removeprefix("/v1/models").strip("/")
                return await self._desk.service_call(self, key, "models", lambda: self._models(name))
            raise WireError("not_found")
        except WireError as error:
            return self._desk.refuse(self, error, key)

    def headers(self, standing: Standing | None) -> dict[str, str]:
        """Rate limits as Anthropic states them."""
        headers = {"request-id": f"req_{uuid4().hex[:24]}", "anthropic-organization-id": "org-fake"}
        if standing is None:
            return headers
        stated = {
            "requests": (standing.requests, standing.requests_left, standing.requests_reset),
            "tokens": (standing.tokens, standing.tokens_left, standing.tokens_reset),
            "input-tokens": (standing.tokens, standing.tokens_left, standing.tokens_reset),
        }
        for name, (limit, left, reset) in stated.items():
            headers[f"anthropic-ratelimit-{name}-limit"] = str(limit)
            headers[f"anthropic-ratelimit-{name}-remaining"] = str(left)
            headers[f"anthropic-ratelimit-{name}-reset"] = stamp(datetime.now(UTC) + timedelta(seconds=reset))
        return headers

    def read(self, body: Mapping[str, Any]) -> Call:
        """A message's request. Raises WireError."""
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise WireError("invalid", "messages: at least one message is required")
        system = _blocks(body.get("system"))
        marked = [i for i, block in enumerate(system) if block.get("cache_control")]
        cacheable = "\n".join(block["text"] for block in system[: marked[-1] + 1]) if marked else None
        whole = "\n".join(block["text"] for block in system)
        tools = body.get("tools") or []
        choice = body.get("tool_choice") or {"type": "auto"}
        forced = choice.get("name") if choice.get("type") == "tool" else None
        tool = forced or (tools[0]["name"] if tools and choice.get("type") != "none" else None)
        held = (body.get("output_config") or {}).get("format")
        return Call(
            provider=self.provider,
            model=str(body.get("model", "")),
            system=whole,
            user="\n".join(block["text"] for message in messages for block in _blocks(message.get("content"))),
            max_tokens=body.get("max_tokens"),
            output="tool" if tool else "schema" if held else "text",
            tool=tool,
            forced_tool=forced is not None,
            # Marked at the top of the request, the cache reaches as far as it can.
            cacheable=cacheable or (whole if body.get("cache_control") else None),
        )

    def check(self, call: Call, body: Mapping[str, Any]) -> None:
        """Raises WireError for what Anthropic refuses."""
        if not call.model:
            raise WireError("invalid", "model: Field required")
        if not isinstance(call.max_tokens, int) or call.max_tokens < 1:
            raise WireError("invalid", "max_tokens: Field required")
        if not exists(self.provider, call.model, self._desk.settings.retired):
            raise WireError("no_model", model=call.model)
        if body.get("stream"):
            raise WireError("invalid", "stream: this server does not stream")
        check_parameters(self.provider, call.model, body)
        held = (body.get("output_config") or {}).get("format")
        if held:
            check_anthropic(held.get("schema") or {})

    def run_item(self, body: Mapping[str, Any], fault: Fault | None) -> dict[str, Any]:
        """Answers one request of a message batch. Raises WireError."""
        call = self.read(body)
        self.check(call, body)
        answer = self._desk.compose(call, fault)
        self._desk.count_answer(call, answer, batch=True)
        return write_message(call, answer, tier="batch")

    async def _message(self, key: str | None, body: Mapping[str, Any]) -> Reply:
        call = self.read(body)
        return await self._desk.model_call(self, key, call, lambda: self.check(call, body), write_message)

    def _count(self, body: Mapping[str, Any]) -> Reply:
        """As many tokens as such a message would be billed for."""
        for name in body:
            if name not in _COUNTED:
                raise WireError("invalid", f"{name}: Extra inputs are not permitted")
        call = self.read(body)
        if not call.model:
            raise WireError("invalid", "model: Field required")
        if not exists(self.provider, call.model, self._desk.settings.retired):
            raise WireError("no_model", model=call.model)
        return Reply.of(200, {"input_tokens": tokens_of(call.system) + tokens_of(call.user)})

    def _models(self, name: str) -> Reply:
        retired = self._desk.settings.retired
        if name:
            if not exists(self.provider, name, retired):
                raise WireError("no_model", f"model: {name}")
            return Reply.of(200, _model(name))
        data = [_model(model) for model in listed(self.provider, retired)]
        ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
        return Reply.of(200, {"data": data, "has_more": False, **ends})


def read_body(request: Request) -> dict[str, Any]:
    """The body, an object. Raises WireError."""
    try:
        body = request.json()
    except ValueError as error:
        raise WireError("invalid", "The request body is not valid JSON") from error
    if not isinstance(body, dict):
        raise WireError("invalid", "Input should be a valid dictionary")
    return body


def write_message(call: Call, answer: Answer, *, tier: str = "standard") -> dict[str, Any]:
    """A message."""
    usage = answer.usage
    content: list[dict[str, Any]] = [{"type": "text", "text": answer.text, "citations": None}] if answer.text else []
    reason = "max_tokens" if answer.truncated else "end_turn"
    if answer.refused:
        content, reason = [], "refusal"
    elif call.output == "tool" and not answer.truncated and (given := _as_object(answer.text)) is not None:
        content = [{"type": "tool_use", "id": f"toolu_{uuid4().hex[:24]}", "name": call.tool, "input": given}]
        reason = "tool_use"
    return {
        "id": f"msg_{uuid4().hex[:24]}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "stop_details": _REFUSAL if answer.refused else None,
        "usage": {
            # Unlike OpenAI's count, this one leaves out what was read from or written to the cache.
            "input_tokens": usage.input - usage.cached - usage.cache_write,
            "cache_creation_input_tokens": usage.cache_write,
            "cache_read_input_tokens": usage.cached,
            "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_write, "ephemeral_1h_input_tokens": 0},
            "output_tokens": usage.output,
            "output_tokens_details": {"thinking_tokens": usage.reasoning},
            "service_tier": tier,
        },
    }


def stamp(moment: datetime) -> str:
    """RFC 3339, in UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _as_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _blocks(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content or [] if isinstance(block, dict) and isinstance(block.get("text"), str)]


def _model(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": name,
        "display_name": name.replace("-", " ").title(),
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
