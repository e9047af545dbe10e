"""JSON schemas in the form that each provider takes.

Here: `for_openai`, `for_xai`, `for_anthropic`, `for_google`. Pure. A keyword that a provider refuses goes into the
description, so that the model reads it all the same; whether a reply keeps to it is checked when it is parsed. Not
here: the schemas themselves (`prompts/`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHAPE = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref", "$defs"}
)
_WORDS = frozenset({"title", "description"})
_OPENAI = _SHAPE | _WORDS | {"const", "minItems", "maxItems", "minimum", "maximum", "multipleOf", "pattern", "format"}
_XAI = _SHAPE | _WORDS | {"const"}
_ANTHROPIC = _SHAPE | _WORDS | {"const", "format", "minItems"}
_GOOGLE = _SHAPE | _WORDS | {"format", "minItems", "maxItems", "minimum", "maximum", "prefixItems", "oneOf"}


def for_openai(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For strict structured output of OpenAI and of compatible servers: bounds stay, lengths of strings do not."""
    return _convert(schema, _OPENAI, type_lists=True)


def for_xai(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For xAI: no bounds, and `anyOf` where a value may be null."""
    return _convert(schema, _XAI, type_lists=False)


def for_anthropic(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For Anthropic: no bounds but `minItems` 0 or 1, and `anyOf` where a value may be null."""
    return _convert(schema, _ANTHROPIC, type_lists=False, largest_min_items=1)


def for_google(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For Gemini's `responseJsonSchema`: no `const`, no patterns."""
    return _convert(schema, _GOOGLE, type_lists=True)


def _convert(
    schema: Mapping[str, Any], keep: frozenset[str], *, type_lists: bool, largest_min_items: int | None = None
) -> dict[str, Any]:
    def convert(node: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        dropped: dict[str, Any] = {}
        for key, value in node.items():
            if key in ("properties", "$defs"):
                kept[key] = {name: convert(part) for name, part in value.items()}
            elif key == "items":
                kept[key] = convert(value)
            elif key in ("anyOf", "oneOf", "prefixItems") and key in keep:
                kept[key] = [convert(part) for part in value]
            elif key == "const" and key not in keep:
                kept["enum"] = [value]
            elif key not in keep or (key == "minItems" and value > (largest_min_items or value)):
                dropped[key] = value
            else:
                kept[key] = value
        if dropped:
            said = ", ".join(f"{key}: {json.dumps(value)}" for key, value in dropped.items())
            kept["description"] = " ".join(filter(None, (kept.get("description"), f"({said})")))
        return kept if type_lists else _spread_types(kept)

    return convert(schema)


def _spread_types(node: dict[str, Any]) -> dict[str, Any]:
    """`"type": ["string", "null"]` as `anyOf`; what belongs to the value stays with the branch that is not null."""
    types = node.get("type")
    if not isinstance(types, list):
        return node
    outside: dict[str, Any] = {key: node[key] for key in ("title", "description") if key in node}
    inside = {key: value for key, value in node.items() if key not in outside and key != "type"}
    branches = [{"type": kind} if kind == "null" else {"type": kind, **inside} for kind in types]
    return {**outside, "anyOf": branches}
