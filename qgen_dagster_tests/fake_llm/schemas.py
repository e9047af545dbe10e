"""What the providers demand of a JSON schema before they hold a model to it.

Here: `check_strict` (OpenAI and those who follow it) and `check_anthropic`. Not here: checking a reply; the model is
always held to nothing but its own habits.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .call import WireError

_ANTHROPIC_REFUSES = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}


def check_strict(name: str, schema: Mapping[str, Any], where: str = "response_format") -> None:
    """Every object closed, every property required. Raises WireError."""
    problem = _strict_problem(json.dumps(schema))
    if problem:
        message = f"Invalid schema for {where} '{name}': {problem}"
        code = "invalid_function_parameters" if where == "function" else "invalid_json_schema"
        raise WireError("invalid", message, param=where, code=code)


def check_anthropic(schema: Mapping[str, Any]) -> None:
    """Every object closed, no bounds. Raises WireError."""
    problem = _anthropic_problem(json.dumps(schema))
    if problem:
        raise WireError("invalid", f"output_config.format.schema: {problem}")


@lru_cache(maxsize=256)
def _strict_problem(text: str) -> str | None:
    for path, node in _nodes(json.loads(text), ()):
        if "object" in _types(node):
            if node.get("additionalProperties") is not False:
                return f"In context={path}, 'additionalProperties' is required to be supplied and to be false."
            missing = sorted(set(node.get("properties", {})) - set(node.get("required", ())))
            if missing:
                return (
                    f"In context={path}, 'required' is required to be supplied and to be an array including every key "
                    f"in properties. Missing '{missing[0]}'."
                )
    return None


@lru_cache(maxsize=256)
def _anthropic_problem(text: str) -> str | None:
    for _, node in _nodes(json.loads(text), ()):
        for kind in _types(node):
            if kind == "object" and node.get("additionalProperties") is not False:
                return "For 'object' type, 'additionalProperties' must be explicitly set to false"
            refused = sorted(name for name in _ANTHROPIC_REFUSES.get(kind, ()) if name in node)
            if len(refused) == 1:
                return f"For '{kind}' type, property '{refused[0]}' is not supported"
            if refused:
                return f"For '{kind}' type, properties {', '.join(refused)} are not supported"
            if kind == "array" and node.get("minItems", 0) not in (0, 1):
                return "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    return None


def _types(node: Mapping[str, Any]) -> list[str]:
    kind = node.get("type", [])
    return [kind] if isinstance(kind, str) else list(kind)


def _nodes(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every schema within a schema, with the path to it."""
    if not isinstance(node, dict):
        return
    yield path, node
    for group in ("properties", "$defs", "definitions"):
        for name, child in node.get(group, {}).items():
            yield from _nodes(child, (*path, group, name))
    yield from _nodes(node.get("items"), (*path, "items"))
    for group in ("anyOf", "oneOf", "allOf"):
        for place, child in enumerate(node.get(group, [])):
            yield from _nodes(child, (*path, group, str(place)))
