"""OpenAI's Responses API: reading a request and writing a response. Not here: the rest of the protocol."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .call import Answer, Call, WireError


def read_response_call(provider: str, body: Mapping[str, Any]) -> Call:
    """A response's request. Raises WireError."""
    given = body.get("input")
    items = [{"role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not items:
        raise WireError("invalid", "Missing required parameter: 'input'.", param="input")
    said = [(item.get("role", "user"), _text_of(item.get("content"))) for item in items if isinstance(item, dict)]
    system = "\n".join([body.get("instructions") or "", *(t for r, t in said if r in ("system", "developer"))]).strip()
    tools = [tool for tool in body.get("tools") or [] if tool.get("type") == "function"]
    choice = body.get("tool_choice", "auto")
    forced = choice.get("name") if isinstance(choice, dict) else None
    tool = forced or (tools[0]["name"] if tools and choice != "none" else None)
    held = ((body.get("text") or {}).get("format") or {}).get("type") in ("json_schema", "json_object")
    return Call(
        provider=provider,
        model=str(body.get("model", "")),
        system=system,
        user="\n".join(text for role, text in said if role not in ("system", "developer")),
        max_tokens=body.get("max_output_tokens"),
        output="tool" if tool else "schema" if held else "text",
        tool=tool,
        forced_tool=forced is not None,
        cacheable=system,
    )


def write_response(call: Call, answer: Answer) -> dict[str, Any]:
    """A response. Refusals come as a refusal and, every second time, as cut by the content filter."""
    filtered = answer.refused and answer.number % 2 == 0
    complete = not answer.truncated and not filtered
    incomplete = None if complete else {"reason": "max_output_tokens" if answer.truncated else "content_filter"}
    usage = answer.usage
    return {
        "id": f"resp_{uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "completed" if complete else "incomplete",
        "error": None,
        "incomplete_details": incomplete,
        "instructions": None,
        "max_output_tokens": call.max_tokens,
        "model": call.model,
        "output": _output(call, answer, "completed" if complete else "incomplete", filtered),
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": usage.input,
            "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": 0},
            "output_tokens": usage.output,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
            "total_tokens": usage.input + usage.output,
        },
        "metadata": {},
    }


def _output(call: Call, answer: Answer, status: str, filtered: bool) -> list[dict[str, Any]]:
    if call.output == "tool" and answer.text and not answer.refused:
        return [
            {
                "type": "function_call",
                "id": f"fc_{uuid4().hex}",
                "call_id": f"call_{uuid4().hex[:24]}",
                "name": call.tool,
                "arguments": answer.text,
                "status": status,
            }
        ]
    content: list[dict[str, Any]] = [{"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}]
    if answer.refused:
        refusal = "I'm sorry, but I can't help with that request."
        content = [] if filtered else [{"type": "refusal", "refusal": refusal}]
    return [{"type": "message", "id": f"msg_{uuid4().hex}", "role": "assistant", "status": status, "content": content}]


def _text_of(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
