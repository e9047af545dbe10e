"""The OpenAPI document as Markdown, for `generate.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]


def reference(document: Schema) -> str:
    """Every route by tag, then every shape."""
    return "\n".join([*_routes(document), "## Shapes", "", *_shapes(document)])


def _routes(document: Schema) -> Iterator[str]:
    for tag in document["tags"]:
        yield from (f"## {tag['name']}", "", tag["description"], "")
        for path, methods in document["paths"].items():
            for method, route in methods.items():
                if tag["name"] in route.get("tags", ()):
                    yield from _route(document, f"{method.upper()} {path}", route)


def _route(document: Schema, title: str, route: Schema) -> Iterator[str]:
    yield from (f"### {title}", "", route["description"], "")
    parameters = route.get("parameters", ())
    if parameters:
        yield from ("| parameter | type | meaning |", "|---|---|---|")
        yield from (_parameter(parameter) for parameter in parameters)
        yield ""
    body = route.get("requestBody")
    if body:
        name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        yield from (f"Body: {_link(name)}, for example:", "", "```json")
        example = document["components"]["schemas"][name]["examples"][0]
        yield from (json.dumps(example, indent=2, ensure_ascii=False), "```", "")
    answers = ", ".join(f"{status} {_answer(answer)}".rstrip() for status, answer in sorted(route["responses"].items()))
    yield from (f"Answers: {answers}", "")


def _parameter(parameter: Schema) -> str:
    schema = parameter["schema"]
    default = schema.get("default")
    notes = [parameter.get("description", schema.get("description", ""))]
    if parameter.get("required"):
        notes.append("Required.")
    if default not in (None, []):
        notes.append(f"Default {default}.")
    kind = _type(schema).removesuffix(" or null")
    return f"| `{parameter['name']}` | {kind} | {' '.join(note for note in notes if note)} |"


def _answer(answer: Schema) -> str:
    for kind, content in answer.get("content", {}).items():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if kind == "application/json" and name:
            return _link(name)
    return ""


def _shapes(document: Schema) -> Iterator[str]:
    for name, schema in sorted(document["components"]["schemas"].items()):
        yield from (f"### {name}", "")
        if schema.get("description"):
            yield from (" ".join(schema["description"].split()), "")
        if "enum" in schema:
            yield from (f"One of {_values(schema['enum'])}.", "")
            continue
        required = schema.get("required", ())
        yield from ("| field | type | |", "|---|---|---|")
        for field, about in schema.get("properties", {}).items():
            note = "required" if field in required else ""
            yield f"| `{field}` | {_type(about)} | {note} |"
        yield ""


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        return _link(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(_type(part) for part in schema["anyOf"])
    if "enum" in schema or "const" in schema:
        return _values(schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        of = schema.get("additionalProperties")
        return f"object of {_type(of)}" if isinstance(of, dict) else "object"
    return {"date-time": "time", "uuid": "id"}.get(schema.get("format", ""), kind) + _range(schema)


def _range(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f" {low:,}–{high:,}"
    if low is not None:
        return f" from {low:,}"
    longest = schema.get("maxLength")
    return f" up to {longest:,} characters" if longest else ""


def _values(values: list[Any]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
