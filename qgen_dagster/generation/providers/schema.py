"""JSON schemas in the form that each provider takes.

Here: `for_openai`, `for_xai`, `for_anthropic`, `for_google`. Pure. A keyword that a provider refuses goes into the
description, so that the model reads it all the same; whether a reply keeps to it is checked when it is parsed. Not
here: the schemas themselves (`prompts/`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHAPE = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref", "$defs"}
)
_WORDS = frozenset({"title", "description"})


@dataclass(frozen=True, slots=True)
class _Form:
    """What a provider takes: which keywords, whether `type` may be a list, and up to which `minItems`."""

    keep: frozenset[str]
    type_lists: bool
    largest_min_items: int | None = None


_OPENAI = _Form(
    _SHAPE | _WORDS | {"const", "minItems", "maxItems", "minimum", "maximum", "multipleOf", "pattern", "format"},
    type_lists=True,
)
_XAI = _Form(_SHAPE | _WORDS | {"const"}, type_lists=False)
_ANTHROPIC = _Form(_SHAPE | _WORDS | {"const", "format", "minItems"}, type_lists=False, largest_min_items=1)
_GOOGLE = _Form(
    _SHAPE | _WORDS | {"format", "minItems", "maxItems", "minimum", "maximum", "prefixItems", "oneOf"},
    type_lists=True,
)


def for_openai(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For strict structured output of OpenAI and of compatible servers: bounds stay, lengths of strings do not."""
    return _convert(schema, _OPENAI)


def for_xai(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For xAI: no bounds, and `anyOf` where a value may be null."""
    return _convert(schema, _XAI)


def for_anthropic(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For Anthropic: no bounds but `minItems` 0 or 1, and `anyOf` where a value may be null."""
    return _convert(schema, _ANTHROPIC)


def for_google(schema: Mapping[str, Any]) -> dict[str, Any]:
    """For Gemini's `responseJsonSchema`: no `const`, no patterns."""
    return _convert(schema, _GOOGLE)


def _convert(node: Mapping[str, Any], form: _Form) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    dropped: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: _convert(part, form) for name, part in value.items()}
        elif key == "items":
            kept[key] = _convert(value, form)
        elif key in ("anyOf", "oneOf", "prefixItems") and key in form.keep:
            kept[key] = [_convert(part, form) for part in value]
        elif key == "const" and key not in form.keep:
            kept["enum"] = [value]
        elif key not in form.keep or (key == "minItems" and value > (form.largest_min_items or value)):
            dropped[key] = value
        else:
            kept[key] = value
    if dropped:
        said = ", ".join(f"{key}: {json.dumps(value)}" for key, value in dropped.items())
        kept["description"] = " ".join(filter(None, (kept.get("description"), f"({said})")))
    return kept if form.type_lists else _spread_types(kept)


def _spread_types(node: dict[str, Any]) -> dict[str, Any]:
    """`"type": ["string", "null"]` as `anyOf`; what belongs to the value stays with the branch that is not null."""
    types = node.get("type")
    if not isinstance(types, list):
        return node
    outside: dict[str, Any] = {key: node[key] for key in ("title", "description") if key in node}
    inside = {key: value for key, value in node.items() if key not in outside and key != "type"}
    branches = [{"type": kind} if kind == "null" else {"type": kind, **inside} for kind in types]
    return {**outside, "anyOf": branches}
