"""The chat completions format: what is sent, and what an answer says."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import RateLimits
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.providers.chat import (
    COMPATIBLE,
    OPENAI,
    XAI,
    read_completion,
    read_object,
    read_usage,
    request_body,
)
from qgen_dagster.generation.providers.classify import Caller, Usage
from qgen_dagster.generation.providers.openai import read_line
from qgen_dagster_tests.unit.generation.providers.samples import PROMPT, SCHEMA, TEXT, settings

CALLER = Caller("openai", "api.openai.com", "m-1")
USAGE = {"prompt_tokens": 1_200, "completion_tokens": 80, "total_tokens": 1_280}


def _answer(message: dict[str, Any], finish: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", **message}}
    return {"id": "c", "object": "chat.completion", "model": "m-1-2026", "choices": [choice], "usage": USAGE, **more}


def _error(answer: dict[str, Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read_completion(CALLER, answer)
    return caught.value


def test_what_calls_share_comes_first() -> None:
    roles = [message["role"] for message in request_body(PROMPT, settings(), OPENAI)["messages"]]
    assert roles == ["system", "user"]


def test_openai_is_held_to_the_strict_schema() -> None:
    assert request_body(PROMPT, settings(), OPENAI)["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "comparison", "strict": True, "schema": SCHEMA},
    }


def test_requests_with_the_same_system_prompt_have_the_same_cache_key() -> None:
    keys = [
        request_body(prompt, settings(), OPENAI)["prompt_cache_key"]
        for prompt in (PROMPT, replace(PROMPT, user="other"), replace(PROMPT, system="other"))
    ]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize("dialect", [XAI, COMPATIBLE])
def test_other_servers_get_no_parameter_that_only_openai_has(dialect: Any) -> None:
    for structured in ("json_schema", "tool", "none"):
        body = request_body(PROMPT, settings(structured=structured), dialect)
        assert not {"prompt_cache_key", "parallel_tool_calls"} & set(body)
        assert '"strict"' not in json.dumps(body.get("tools", []))


def test_the_output_limit_has_the_name_that_the_server_knows() -> None:
    assert request_body(PROMPT, settings(), OPENAI)["max_completion_tokens"] == 500
    assert request_body(PROMPT, settings(), XAI)["max_completion_tokens"] == 500
    compatible = request_body(PROMPT, settings(), COMPATIBLE)
    assert compatible["max_tokens"] == 500
    assert "max_completion_tokens" not in compatible


def test_a_temperature_is_sent_only_where_one_is_wanted() -> None:
    assert "temperature" not in request_body(PROMPT, settings(), OPENAI)
    assert request_body(PROMPT, settings(temperature=0.0), OPENAI)["temperature"] == 0.0


def test_a_tool_is_forced_where_the_model_has_no_schemas() -> None:
    body = request_body(PROMPT, settings(structured="tool"), OPENAI)
    assert body["tools"][0]["function"] == {"name": "comparison", "parameters": SCHEMA, "strict": True}
    assert body["tool_choice"] == {"type": "function", "function": {"name": "comparison"}}
    assert "response_format" not in body


def test_nothing_holds_the_model_where_the_prompt_alone_must_do() -> None:
    body = request_body(PROMPT, settings(structured="none"), COMPATIBLE)
    assert set(body) == {"model", "messages", "max_tokens"}


def test_xai_gets_any_of_where_a_value_may_be_null() -> None:
    schema = request_body(PROMPT, settings(), XAI)["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["reason"] == {"anyOf": [{"type": "string"}, {"type": "null"}]}


def test_an_answer_is_text_model_tokens_and_limits() -> None:
    limits = RateLimits(requests=100)
    details = {"prompt_tokens_details": {"cached_tokens": 1_024, "cache_write_tokens": 100}}
    completion = read_completion(CALLER, _answer({"content": TEXT}, usage={**USAGE, **details}), limits)
    assert (completion.text, completion.model, completion.limits) == (TEXT, "m-1-2026", limits)
    assert (completion.input_tokens, completion.output_tokens) == (1_200, 80)
    assert (completion.cached_tokens, completion.cache_write_tokens) == (1_024, 100)


def test_the_arguments_of_the_tool_are_the_text() -> None:
    call = {"id": "t", "type": "function", "function": {"name": "comparison", "arguments": TEXT}}
    answer = _answer({"content": None, "tool_calls": [call]}, "tool_calls")
    assert read_completion(CALLER, answer).text == TEXT


def test_text_counts_where_the_model_used_no_tool() -> None:
    assert read_completion(CALLER, _answer({"content": TEXT, "tool_calls": None})).text == TEXT


def test_text_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": TEXT[:10]}, {"type": "text", "text": TEXT[10:]}]
    assert read_completion(CALLER, _answer({"content": parts})).text == TEXT


def test_a_server_that_counts_no_tokens_is_no_error() -> None:
    completion = read_completion(CALLER, _answer({"content": TEXT}, usage=None))
    assert completion.input_tokens is completion.output_tokens is completion.cached_tokens is None


def test_reasoning_that_is_counted_only_in_the_total_is_output() -> None:
    xai = {"prompt_tokens": 30, "completion_tokens": 10, "total_tokens": 340}
    assert read_usage(xai) == Usage(input_tokens=30, output_tokens=310)


@pytest.mark.parametrize("content", ["", " \n", None])
def test_a_reply_without_text_is_an_error_that_is_tried_again(content: str | None) -> None:
    error = _error(_answer({"content": content}))
    assert (error.fault, error.retryable, error.output_tokens) == (Fault.EMPTY, True, 80)


def test_a_refusal_is_told_in_the_models_words() -> None:
    error = _error(_answer({"content": None, "refusal": "I'm sorry, I can't."}))
    assert (error.category, error.fault) == (ErrorCategory.MODEL_ERROR, Fault.REFUSED)
    assert "I'm sorry, I can't." in error.message


def test_a_content_filter_refuses_too() -> None:
    assert _error(_answer({"content": "half"}, "content_filter")).fault is Fault.REFUSED


def test_what_came_before_the_output_limit_is_kept() -> None:
    error = _error(_answer({"content": TEXT[:12]}, "length"))
    assert (error.category, error.fault) == (ErrorCategory.PARSE_ERROR, Fault.TRUNCATED)
    assert (error.partial, error.input_tokens, error.output_tokens) == (TEXT[:12], 1_200, 80)


def test_all_output_spent_on_thinking_is_a_truncated_reply_not_an_empty_one() -> None:
    assert _error(_answer({"content": ""}, "length")).fault is Fault.TRUNCATED


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{}]}, {"choices": [{"message": None}]}])
def test_an_answer_without_choices_blames_the_server(answer: dict[str, Any]) -> None:
    error = _error(answer)
    assert (error.category, error.fault) == (ErrorCategory.SERVER_ERROR, Fault.MALFORMED)


def test_an_error_inside_a_good_answer_counts_as_what_it_says() -> None:
    assert _error({"error": {"code": 429, "message": "slow down"}}).category is ErrorCategory.RATE_LIMIT
    assert _error({"error": {"message": "upstream failed"}}).category is ErrorCategory.SERVER_ERROR


@pytest.mark.parametrize("text", ["", "<html>", "[1]", "null", '{"a": ', "[" * 100_000])
def test_an_answer_that_is_no_object_blames_the_server(text: str) -> None:
    with pytest.raises(ProviderError) as caught:
        read_object(CALLER, text)
    assert (caught.value.category, caught.value.fault) == (ErrorCategory.SERVER_ERROR, Fault.MALFORMED)


def _line(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"id": "b", "custom_id": "q-1", "response": {"status_code": status, "body": body}, "error": None}


def test_a_line_of_a_batch_is_read_like_an_answer() -> None:
    result = read_line(Caller("openai"), _line(200, _answer({"content": TEXT})))
    assert result.id == "q-1"
    assert result.completion is not None
    assert result.completion.text == TEXT


def test_an_error_in_a_line_of_a_batch_is_told_apart_like_any_other() -> None:
    body = {"error": {"message": "The model `m` does not exist", "code": "model_not_found"}}
    result = read_line(Caller("openai"), _line(404, body))
    assert result.error is not None
    assert result.error.category is ErrorCategory.MODEL_ERROR
    cut = read_line(Caller("openai"), _line(200, _answer({"content": "{"}, "length")))
    assert cut.error is not None
    assert cut.error.fault is Fault.TRUNCATED


@pytest.mark.parametrize(("code", "fault"), [("batch_expired", Fault.TIMEOUT), ("batch_cancelled", Fault.BLOCKED)])
def test_calls_that_a_batch_did_not_make_are_told(code: str, fault: Fault) -> None:
    line = {"custom_id": "q-2", "response": None, "error": {"code": code, "message": "not executed"}}
    result = read_line(Caller("openai"), line)
    assert result.error is not None
    assert (result.id, result.error.fault, result.error.retryable) == ("q-2", fault, True)
