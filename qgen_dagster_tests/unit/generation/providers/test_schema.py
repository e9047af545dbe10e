"""Schemas in each provider's form: nothing refused is sent, nothing is lost."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from qgen_dagster.generation.providers.schema import for_anthropic, for_google, for_openai, for_xai

ALL = [for_openai, for_xai, for_anthropic, for_google]
Converter = Callable[[Mapping[str, Any]], dict[str, Any]]

QUESTIONS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["stimulus", "options", "confidence"],
    "properties": {
        "stimulus": {"type": ["string", "null"], "description": "Shown first.", "maxLength": 500},
        "options": {
            "type": "array",
            "minItems": 4,
            "maxItems": 6,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["text"],
                "properties": {"text": {"type": "string", "minLength": 1}},
            },
        },
        "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    },
}


def _keywords(node: object) -> set[str]:
    """Every keyword in the schema; names of properties are none."""
    if isinstance(node, list):
        return set().union(*map(_keywords, node))
    if not isinstance(node, dict):
        return set()
    found = set(node)
    for key, value in node.items():
        if key in ("properties", "$defs"):
            found |= set().union(*map(_keywords, value.values()))
        elif key not in ("enum", "required"):
            found |= _keywords(value)
    return found


@pytest.mark.parametrize(
    ("convert", "refused"),
    [
        (for_openai, {"minLength", "maxLength"}),
        (for_xai, {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}),
        (for_anthropic, {"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"}),
        (for_google, {"minLength", "maxLength"}),
    ],
)
def test_no_keyword_is_sent_that_the_provider_refuses(convert: Converter, refused: set[str]) -> None:
    assert not _keywords(convert(QUESTIONS)) & refused


@pytest.mark.parametrize("convert", ALL)
def test_every_object_stays_strict_and_the_given_schema_unchanged(convert: Converter) -> None:
    before = repr(QUESTIONS)
    sent = convert(QUESTIONS)
    item = sent["properties"]["options"]["items"]
    assert sent["required"] == ["stimulus", "options", "confidence"]
    assert sent["additionalProperties"] is item["additionalProperties"] is False
    assert repr(QUESTIONS) == before


@pytest.mark.parametrize("convert", [for_xai, for_anthropic])
def test_what_is_refused_is_told_to_the_model_in_words(convert: Converter) -> None:
    sent = convert(QUESTIONS)["properties"]
    assert sent["options"]["description"] == "(minItems: 4, maxItems: 6)"
    assert sent["confidence"]["description"] == "(minimum: 0, maximum: 1)"
    assert sent["stimulus"]["description"] == "Shown first. (maxLength: 500)"


def test_bounds_stay_where_they_are_kept_to() -> None:
    for convert in (for_openai, for_google):
        sent = convert(QUESTIONS)["properties"]
        assert (sent["options"]["minItems"], sent["options"]["maxItems"]) == (4, 6)
        assert sent["confidence"] == {"type": "number", "minimum": 0, "maximum": 1}


def test_a_value_that_may_be_null_takes_the_providers_form() -> None:
    listed = {"type": ["string", "null"], "enum": ["a", None]}
    assert for_openai(listed) == listed
    assert for_google(listed)["type"] == ["string", "null"]
    for convert in (for_xai, for_anthropic):
        branches = convert({"type": ["string", "null"], "description": "d"})
        assert branches == {"description": "d", "anyOf": [{"type": "string"}, {"type": "null"}]}


def test_anthropic_takes_a_smallest_number_of_items_of_one_at_most() -> None:
    assert for_anthropic({"type": "array", "items": {"type": "string"}, "minItems": 1})["minItems"] == 1
    assert "minItems" not in for_anthropic({"type": "array", "items": {"type": "string"}, "minItems": 2})


def test_a_constant_is_an_enumeration_of_one_for_google() -> None:
    assert for_google({"const": "math"}) == {"enum": ["math"]}


def test_a_property_may_be_called_like_a_keyword() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}, "minLength": {"type": "integer"}}}
    for convert in ALL:
        assert set(convert(schema)["properties"]) == {"pattern", "minLength"}


def test_definitions_and_references_are_converted_too() -> None:
    schema = {
        "$defs": {"score": {"type": "number", "maximum": 1}},
        "type": "object",
        "properties": {"clarity": {"$ref": "#/$defs/score"}, "kinds": {"anyOf": [{"const": 1}, {"type": "null"}]}},
    }
    sent = for_anthropic(schema)
    assert sent["$defs"]["score"] == {"type": "number", "description": "(maximum: 1)"}
    assert sent["properties"]["clarity"] == {"$ref": "#/$defs/score"}
    assert for_google(schema)["properties"]["kinds"]["anyOf"][0] == {"enum": [1]}


@pytest.mark.parametrize("convert", ALL)
def test_converting_leaves_nothing_that_only_the_garbage_collector_finds(convert: Converter) -> None:
    gc.collect()
    gc.disable()  # it is done for every call, and a run of thousands would grow by what it left
    try:
        for _ in range(100):
            convert(QUESTIONS)
        assert gc.collect() < 100  # other threads may leave a little meanwhile
    finally:
        gc.enable()
