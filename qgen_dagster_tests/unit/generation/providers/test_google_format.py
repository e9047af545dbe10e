"""Gemini's format: what is sent, and what an answer says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.llm import Job, JobStatus
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.providers.classify import Caller, Usage
from qgen_dagster.generation.providers.google_format import (
    call_config,
    inlined_responses,
    job_status,
    read_completion,
    read_job,
    read_result,
    read_usage,
)
from qgen_dagster_tests.unit.generation.providers.samples import PROMPT, SCHEMA, TEXT, settings

CALLER = Caller("google", "generativelanguage.googleapis.com", "m-1")
USAGE = {
    "promptTokenCount": 1_200,
    "candidatesTokenCount": 80,
    "thoughtsTokenCount": 300,
    "cachedContentTokenCount": 1_000,
    "totalTokenCount": 1_580,
}


def _answer(*parts: dict[str, Any], finish: str = "STOP", **more: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0}
    return {"candidates": [candidate], "usageMetadata": USAGE, "modelVersion": "m-1-001", **more}


def _error(answer: dict[str, Any]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read_completion(CALLER, answer)
    return caught.value


def test_the_sdk_makes_no_call_of_its_own_accord() -> None:
    config = call_config(PROMPT, settings())
    assert config["automatic_function_calling"] == {"disable": True}
    assert config["automatic_continuation"] is False


def test_the_schema_is_sent_as_json_schema() -> None:
    config = call_config(PROMPT, settings())
    assert config["response_mime_type"] == "application/json"
    assert config["response_json_schema"] == SCHEMA
    assert (config["system_instruction"], config["max_output_tokens"]) == (PROMPT.system, 500)
    assert "temperature" not in config


def test_a_tool_is_forced_where_the_model_has_no_schemas() -> None:
    config = call_config(PROMPT, settings(structured="tool", temperature=0.8))
    assert config["tools"] == [{"function_declarations": [{"name": "comparison", "parameters_json_schema": SCHEMA}]}]
    assert config["tool_config"]["function_calling_config"]["mode"] == "ANY"
    assert config["temperature"] == 0.8
    assert "response_json_schema" not in config


def test_the_prompt_alone_holds_the_model_where_it_must() -> None:
    assert not {"tools", "response_mime_type"} & set(call_config(PROMPT, settings(structured="none")))


def test_an_answer_is_text_model_and_all_tokens_with_thoughts_as_output() -> None:
    completion = read_completion(CALLER, _answer({"text": "hm", "thought": True}, {"text": TEXT}))
    assert (completion.text, completion.model) == (TEXT, "m-1-001")
    assert (completion.input_tokens, completion.output_tokens, completion.cached_tokens) == (1_200, 380, 1_000)


def test_missing_counts_are_nothing_or_unknown() -> None:
    assert read_usage({"promptTokenCount": 10}) == Usage(10, 0)
    assert read_usage({}) == read_usage(None) == Usage()


def test_the_arguments_of_the_tool_are_the_text() -> None:
    text = read_completion(CALLER, _answer({"functionCall": {"name": "comparison", "args": {"same": False}}})).text
    assert json.loads(text) == {"same": False}


@pytest.mark.parametrize("finish", ["SAFETY", "RECITATION", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "IMAGE_SAFETY"])
def test_a_filtered_reply_is_refused(finish: str) -> None:
    error = _error(_answer(finish=finish))
    assert (error.category, error.fault, error.output_tokens) == (ErrorCategory.MODEL_ERROR, Fault.REFUSED, 380)


def test_a_blocked_prompt_is_refused() -> None:
    error = _error({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 9}})
    assert (error.fault, error.input_tokens) == (Fault.REFUSED, 9)
    assert "PROHIBITED_CONTENT" in error.message


@pytest.mark.parametrize("finish", ["MAX_TOKENS", "CONTINUATION"])
def test_what_came_before_the_output_limit_is_kept(finish: str) -> None:
    error = _error(_answer({"text": "{"}, finish=finish))
    assert (error.fault, error.partial, error.output_tokens) == (Fault.TRUNCATED, "{", 380)


@pytest.mark.parametrize("answer", [_answer(), _answer({"text": " "}), {"usageMetadata": USAGE}])
def test_a_reply_without_text_is_an_error_that_is_tried_again(answer: dict[str, Any]) -> None:
    error = _error(answer)
    assert (error.fault, error.retryable) == (Fault.EMPTY, True)


def test_a_malformed_call_of_the_tool_can_be_tried_again() -> None:
    error = _error(_answer(finish="MALFORMED_FUNCTION_CALL"))
    assert (error.category, error.fault, error.retryable) == (ErrorCategory.PARSE_ERROR, Fault.MALFORMED, True)


def test_an_account_that_is_limited_is_no_fault_of_the_model() -> None:
    assert _error(_answer(finish="PUP_LIMITED_DISABLED")).category is ErrorCategory.AUTHENTICATION


def test_an_answer_of_another_shape_blames_the_server() -> None:
    assert _error({"choices": []}).fault is Fault.MALFORMED


def _job(state: str, **more: Any) -> dict[str, Any]:
    stats = {"requestCount": "3", "successfulRequestCount": "1", "failedRequestCount": "1", "pendingRequestCount": "1"}
    return {"name": "batches/b1", "metadata": {"state": state, "batchStats": stats, **more}}


def test_a_job_says_how_many_calls_are_done() -> None:
    assert read_job(_job("BATCH_STATE_RUNNING")) == Job("batches/b1", JobStatus.RUNNING, total=3, done=2)


def test_a_job_that_failed_says_why() -> None:
    job = read_job({**_job("BATCH_STATE_FAILED"), "error": {"code": 3, "message": "bad\nrequest"}})
    assert (job.status, job.message) == (JobStatus.FAILED, "bad request")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("BATCH_STATE_PENDING", JobStatus.RUNNING),
        ("BATCH_STATE_SUCCEEDED", JobStatus.ENDED),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", JobStatus.ENDED),
        ("JOB_STATE_CANCELLING", JobStatus.RUNNING),
        ("BATCH_STATE_CANCELLED", JobStatus.CANCELLED),
        ("BATCH_STATE_EXPIRED", JobStatus.EXPIRED),
        ("", JobStatus.RUNNING),
    ],
)
def test_a_jobs_state_has_one_meaning(state: str, status: JobStatus) -> None:
    assert job_status(state) is status


def test_answers_of_a_batch_are_found_by_the_id_that_was_sent_along() -> None:
    items = [
        {"metadata": {"id": "q-1"}, "response": _answer({"text": TEXT})},
        {"metadata": {"id": "q-2"}, "error": {"code": 8, "message": "Resource exhausted"}},
        {"metadata": {"id": "q-3"}},
    ]
    job = _job("BATCH_STATE_SUCCEEDED", output={"inlinedResponses": {"inlinedResponses": items}})
    good, exhausted, nothing = (read_result(CALLER, item) for item in inlined_responses(job))
    assert good.completion is not None
    assert (good.id, good.completion.text) == ("q-1", TEXT)
    assert exhausted.error is not None
    assert (exhausted.id, exhausted.error.category) == ("q-2", ErrorCategory.RATE_LIMIT)
    assert nothing.error is not None
    assert nothing.error.category is ErrorCategory.SERVER_ERROR


def test_a_job_without_answers_has_none() -> None:
    assert inlined_responses(_job("BATCH_STATE_EXPIRED")) == []
