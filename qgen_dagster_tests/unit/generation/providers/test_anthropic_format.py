"""Anthropic's messages format: what is sent, and what an answer says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import JobResult
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.providers.anthropic_format import (
    read_completion,
    read_result,
    read_usage,
    request_body,
)
from qgen_dagster.generation.providers.classify import Caller, Usage
from qgen_dagster_tests.unit.generation.providers.samples import PROMPT, SCHEMA, TEXT, settings

CALLER = Caller("anthropic", "api.anthropic.com", "m-1")
USAGE = {
    "input_tokens": 100,
    "cache_read_input_tokens": 1_000,
    "cache_creation_input_tokens": 50,
    "output_tokens": 80,
}


def _answer(*content: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "model": "m-1-2026",
        "content": list(content),
        "stop_reason": stop,
        "usage": USAGE,
        **more,
    }


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _error(answer: dict[str, Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read_completion(CALLER, answer)
    return caught.value


def test_the_system_prompt_is_marked_to_be_cached() -> None:
    body = request_body(PROMPT, settings())
    assert body["system"] == [{"type": "text", "text": PROMPT.system, "cache_control": {"type": "ephemeral"}}]
    assert body["messages"] == [{"role": "user", "content": PROMPT.user}]
    assert body["max_tokens"] == 500


def test_an_empty_system_prompt_is_left_out() -> None:
    assert "system" not in request_body(replace(PROMPT, system=""), settings())


def test_the_schema_goes_into_the_output_format() -> None:
    body = request_body(PROMPT, settings())
    output = body["output_config"]["format"]
    assert output["type"] == "json_schema"
    assert output["schema"]["properties"]["reason"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}
    assert not {"tools", "temperature"} & set(body)


def test_a_tool_is_forced_where_the_model_has_no_schemas() -> None:
    body = request_body(PROMPT, settings(structured="tool", temperature=0.3))
    assert body["tools"][0]["input_schema"] == SCHEMA
    assert body["tool_choice"] == {"type": "tool", "name": "comparison", "disable_parallel_tool_use": True}
    assert body["temperature"] == 0.3
    assert "output_config" not in body


def test_the_prompt_alone_holds_the_model_where_it_must() -> None:
    assert set(request_body(PROMPT, settings(structured="none"))) == {"model", "max_tokens", "messages", "system"}


def test_an_answer_is_text_model_and_all_tokens() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    completion = read_completion(CALLER, _answer(thought, _text(TEXT[:10]), _text(TEXT[10:])))
    assert (completion.text, completion.model) == (TEXT, "m-1-2026")
    assert (completion.input_tokens, completion.output_tokens) == (1_150, 80)
    assert (completion.cached_tokens, completion.cache_write_tokens) == (1_000, 50)


def test_tokens_are_counted_where_nothing_is_cached() -> None:
    assert read_usage({"input_tokens": 10, "output_tokens": 5}) == Usage(10, 5)
    assert read_usage(None) == Usage()


def test_the_input_of_the_tool_is_the_text() -> None:
    block = {"type": "tool_use", "id": "t", "name": "comparison", "input": {"same": True, "reason": "déjà vu"}}
    text = read_completion(CALLER, _answer(block, stop="tool_use")).text
    assert json.loads(text) == {"same": True, "reason": "déjà vu"}


@pytest.mark.parametrize("content", [[], [{"type": "text", "text": " "}], [{"type": "thinking", "thinking": "hm"}]])
def test_a_reply_without_text_is_an_error_that_is_tried_again(content: list[dict[str, Any]]) -> None:
    error = _error(_answer(*content))
    assert (error.fault, error.retryable, error.input_tokens) == (Fault.EMPTY, True, 1_150)


def test_a_refusal_is_no_text() -> None:
    error = _error(_answer(_text("I cannot"), stop="refusal"))
    assert (error.category, error.fault) == (ErrorCategory.MODEL_ERROR, Fault.REFUSED)


@pytest.mark.parametrize("stop", ["max_tokens", "model_context_window_exceeded"])
def test_what_came_before_the_output_limit_is_kept(stop: str) -> None:
    error = _error(_answer(_text("{"), stop=stop))
    assert (error.fault, error.partial, error.output_tokens) == (Fault.TRUNCATED, "{", 80)


def test_an_answer_without_content_blames_the_server() -> None:
    assert _error({"type": "message"}).fault is Fault.MALFORMED


def _result(result: dict[str, Any]) -> JobResult:
    line = {"custom_id": "tag-q-1", "result": result}
    return read_result(Caller("anthropic"), line, without_tag=lambda custom_id: custom_id.removeprefix("tag-"))


def test_a_message_of_a_batch_is_read_like_an_answer() -> None:
    result = _result({"type": "succeeded", "message": _answer(_text(TEXT))})
    assert result.completion is not None
    assert (result.id, result.completion.text, result.completion.model) == ("q-1", TEXT, "m-1-2026")


@pytest.mark.parametrize(
    ("kind", "category"),
    [
        ("invalid_request_error", ErrorCategory.INVALID_REQUEST),
        ("authentication_error", ErrorCategory.AUTHENTICATION),
        ("billing_error", ErrorCategory.BILLING_QUOTA),
        ("overloaded_error", ErrorCategory.SERVER_ERROR),
        ("rate_limit_error", ErrorCategory.RATE_LIMIT),
        ("something_new", ErrorCategory.SERVER_ERROR),
    ],
)
def test_an_error_in_a_batch_is_told_apart_like_any_other(kind: str, category: ErrorCategory) -> None:
    inner = {"type": "error", "error": {"type": kind, "message": "why"}, "request_id": "r"}
    error = _result({"type": "errored", "error": inner}).error
    assert error is not None
    assert error.category is category
    assert "why" in error.message


@pytest.mark.parametrize(("kind", "fault"), [("expired", Fault.TIMEOUT), ("canceled", Fault.BLOCKED)])
def test_calls_that_a_batch_did_not_make_are_told(kind: str, fault: Fault) -> None:
    error = _result({"type": kind}).error
    assert error is not None
    assert error.fault is fault


@pytest.mark.parametrize("result", [{}, {"type": "succeeded"}, {"type": "errored", "error": "odd"}])
def test_a_line_of_any_other_shape_is_an_error_of_that_call(result: dict[str, Any]) -> None:
    assert _result(result).error is not None
