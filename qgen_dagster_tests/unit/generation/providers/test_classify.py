"""From an HTTP answer to a category, a fault and one clear line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.error_categories import ErrorCategory as C
from qgen_dagster.generation.provider import Fault
from qgen_dagster.generation.providers.classify import (
    MAX_MESSAGE,
    Caller,
    Usage,
    connection_error,
    empty,
    malformed,
    not_done,
    one_line,
    read_error,
    refused,
    status_error,
    timeout_error,
    truncated,
)

KEY = "sk-live-0123456789"
CALLER = Caller("openai", "api.openai.com", "gpt-x", (KEY,))
GOOGLE = Caller("google", "generativelanguage.googleapis.com", "gemini-x")


def _openai(message: str, code: str | None = None, kind: str = "invalid_request_error") -> str:
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def _anthropic(kind: str, message: str, **details: str) -> str:
    return json.dumps({"type": "error", "error": {"type": kind, "message": message, "details": details or None}})


def _google(code: int, status: str, message: str, *details: dict[str, object]) -> str:
    return json.dumps({"error": {"code": code, "status": status, "message": message, "details": list(details)}})


PLAN = "You exceeded your current quota, please check your plan and billing details."
PER_DAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
PER_MINUTE = {"violations": [{"quotaId": "GenerateRequestsPerMinutePerProjectPerModel"}]}


@pytest.mark.parametrize(
    ("status", "body", "category", "fault"),
    [
        # OpenAI
        (429, _openai(PLAN, "insufficient_quota", "insufficient_quota"), C.BILLING_QUOTA, Fault.STATUS),
        (429, _openai("Your account is not active", "billing_not_active"), C.BILLING_QUOTA, Fault.STATUS),
        (429, _openai("Rate limit reached for gpt-x", "rate_limit_exceeded", "requests"), C.RATE_LIMIT, Fault.STATUS),
        (401, _openai("Incorrect API key provided: sk-ab*xyz.", "invalid_api_key"), C.AUTHENTICATION, Fault.STATUS),
        (403, _openai("Project has no access to model gpt-x", "model_not_found"), C.AUTHENTICATION, Fault.STATUS),
        (404, _openai("The model `gpt-x` does not exist", "model_not_found"), C.MODEL_ERROR, Fault.STATUS),
        (400, _openai("Unsupported value: 'temperature'", "unsupported_value"), C.INVALID_REQUEST, Fault.STATUS),
        (400, _openai("maximum context length", "context_length_exceeded"), C.INVALID_REQUEST, Fault.STATUS),
        (400, _openai("Rejected by our safety system", "content_policy_violation"), C.MODEL_ERROR, Fault.REFUSED),
        (500, _openai("The server had an error", None, "server_error"), C.SERVER_ERROR, Fault.STATUS),
        # Anthropic
        (
            400,
            _anthropic("invalid_request_error", "Your credit balance is too low to access the Anthropic API."),
            C.BILLING_QUOTA,
            Fault.STATUS,
        ),
        (402, _anthropic("billing_error", "Payment is due"), C.BILLING_QUOTA, Fault.STATUS),
        (
            429,
            _anthropic("rate_limit_error", "Limit reached", error_code="enforced_spend_limit_reached"),
            C.BILLING_QUOTA,
            Fault.STATUS,
        ),
        (401, _anthropic("authentication_error", "invalid x-api-key"), C.AUTHENTICATION, Fault.STATUS),
        (403, _anthropic("permission_error", "Your key may not use this"), C.AUTHENTICATION, Fault.STATUS),
        (404, _anthropic("not_found_error", "model: claude-x"), C.MODEL_ERROR, Fault.STATUS),
        (413, _anthropic("request_too_large", "Request too large"), C.INVALID_REQUEST, Fault.STATUS),
        (529, _anthropic("overloaded_error", "Overloaded"), C.SERVER_ERROR, Fault.STATUS),
        # Google: its rate limits speak of plan and billing, too
        (429, _google(429, "RESOURCE_EXHAUSTED", PLAN, PER_MINUTE), C.RATE_LIMIT, Fault.STATUS),
        (429, _google(429, "RESOURCE_EXHAUSTED", PLAN, PER_DAY), C.BILLING_QUOTA, Fault.STATUS),
        (
            400,
            _google(400, "FAILED_PRECONDITION", "Please enable billing on your project."),
            C.BILLING_QUOTA,
            Fault.STATUS,
        ),
        (
            403,
            _google(403, "PERMISSION_DENIED", "Billing is off", {"reason": "BILLING_DISABLED"}),
            C.BILLING_QUOTA,
            Fault.STATUS,
        ),
        (
            400,
            _google(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}),
            C.AUTHENTICATION,
            Fault.STATUS,
        ),
        (403, _google(403, "PERMISSION_DENIED", "API has not been used"), C.AUTHENTICATION, Fault.STATUS),
        (404, _google(404, "NOT_FOUND", "models/gemini-x is not found"), C.MODEL_ERROR, Fault.STATUS),
        (503, _google(503, "UNAVAILABLE", "The model is overloaded."), C.SERVER_ERROR, Fault.STATUS),
        # xAI: error is a sentence; a bad key is a 400
        (400, json.dumps({"code": "x", "error": "Incorrect API key provided: ab"}), C.AUTHENTICATION, Fault.STATUS),
        (429, json.dumps({"code": "x", "error": "used all available credits"}), C.BILLING_QUOTA, Fault.STATUS),
        (403, json.dumps({"code": "x", "error": "Content violates usage guidelines."}), C.MODEL_ERROR, Fault.REFUSED),
        # compatible servers
        (404, json.dumps({"object": "error", "message": "The model `q` does not exist."}), C.MODEL_ERROR, Fault.STATUS),
        (404, "<html><h1>Not Found</h1></html>", C.MODEL_ERROR, Fault.STATUS),
        (422, json.dumps({"detail": [{"msg": "field required"}]}), C.INVALID_REQUEST, Fault.STATUS),
        # any server
        (408, "", C.NETWORK_ERROR, Fault.TIMEOUT),
        (409, "", C.SERVER_ERROR, Fault.STATUS),
        (502, "<html>Bad gateway</html>", C.SERVER_ERROR, Fault.STATUS),
        (504, "upstream timeout", C.SERVER_ERROR, Fault.STATUS),
        (302, "", C.SERVER_ERROR, Fault.MALFORMED),
    ],
)
def test_status_and_body_tell_the_category(status: int, body: str, category: C, fault: Fault) -> None:
    error = status_error(CALLER, status, body)
    assert (error.category, error.fault) == (category, fault)


def test_only_errors_that_may_pass_are_tried_again() -> None:
    tried_again = {status: status_error(CALLER, status, "").retryable for status in (400, 401, 402, 403, 404, 422)}
    assert not any(tried_again.values())
    assert all(status_error(CALLER, status, "").retryable for status in (408, 409, 429, 500, 502, 503, 504, 529))


def test_a_model_that_does_not_exist_is_named_and_not_tried_again() -> None:
    error = status_error(GOOGLE, 404, "")
    assert not error.retryable
    assert error.message == "google gemini-x: no model 'gemini-x' at generativelanguage.googleapis.com (404)"


def test_a_key_without_rights_to_a_model_is_said_to_be_that() -> None:
    error = status_error(CALLER, 403, _openai("no access", "model_not_found"))
    assert error.message == "openai gpt-x: the key has no right to this (model 'gpt-x') (403): no access"


def test_a_batch_job_that_does_not_exist_is_no_missing_model() -> None:
    error = status_error(Caller("openai"), 404, _openai("No batch found with id 'batch_1'"))
    assert error.category is C.INVALID_REQUEST


def test_the_time_to_wait_goes_with_every_status() -> None:
    assert status_error(CALLER, 503, "", {"retry-after": "7"}).retry_after == 7.0
    waits = status_error(GOOGLE, 429, _google(429, "RESOURCE_EXHAUSTED", PLAN, {"retryDelay": "12s"}))
    assert waits.retry_after == 12.0


def test_the_message_is_one_line_without_the_key() -> None:
    error = status_error(CALLER, 401, _openai(f"Bad key {KEY}\n or sk-other-key-123456 \t Bearer abcdefgh12345678"))
    assert error.message == "openai gpt-x: the key was not accepted (401): Bad key … or sk-… Bearer …"


def test_a_connection_error_names_the_host_but_no_password() -> None:
    error = connection_error(CALLER, "https://user:secret@api.openai.com/?key=abc refused")
    assert error.message == "openai gpt-x: no connection with api.openai.com: https://api.openai.com/?key=… refused"
    assert (error.category, error.fault, error.retryable) == (C.NETWORK_ERROR, Fault.CONNECTION, True)


@given(st.text(max_size=2_000))
def test_no_body_makes_a_message_of_more_than_a_line(body: str) -> None:
    for text in (body, json.dumps({"error": {"message": body}}), json.dumps(body)):
        message = status_error(CALLER, 500, text).message
        assert len(message) <= MAX_MESSAGE
        assert message.isprintable()


@given(st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)))
def test_no_error_body_of_any_shape_is_a_crash(body: object) -> None:
    for shape in (
        body,
        {"error": body},
        [{"error": body}],
        {"error": {"details": body, "message": body, "code": body}},
    ):
        assert status_error(CALLER, 418, json.dumps(shape)).category in C


def test_a_web_page_says_nothing() -> None:
    assert read_error("<!doctype html><title>502</title>").message == ""


def test_what_a_useless_reply_cost_is_kept() -> None:
    usage = Usage(input_tokens=900, output_tokens=400)
    cut = truncated(CALLER, '{"questions": [', usage)
    assert (cut.category, cut.fault, cut.partial) == (C.PARSE_ERROR, Fault.TRUNCATED, '{"questions": [')
    for error in (cut, empty(CALLER, usage), refused(CALLER, "I cannot", usage)):
        assert (error.input_tokens, error.output_tokens) == (900, 400)


def test_an_empty_reply_is_tried_again_and_a_refusal_is_not() -> None:
    assert empty(CALLER, Usage()).retryable
    assert not refused(CALLER, "I cannot help with that").retryable


def test_an_answer_that_is_no_json_blames_the_server() -> None:
    error = malformed(CALLER, "the answer is not a JSON object", "<html>\n Gateway </html>")
    assert (error.category, error.fault, error.retryable) == (C.SERVER_ERROR, Fault.MALFORMED, True)
    assert "<html>" in error.message


def test_calls_of_a_batch_that_were_not_made_can_be_made_again() -> None:
    assert not_done(CALLER, expired=True).fault is Fault.TIMEOUT
    assert not_done(CALLER, expired=False).fault is Fault.BLOCKED
    assert not_done(CALLER, expired=True).retryable


def test_time_ran_out() -> None:
    error = timeout_error(CALLER, 1.5)
    assert (error.category, error.fault) == (C.NETWORK_ERROR, Fault.TIMEOUT)
    assert error.message == "openai gpt-x: no complete answer within 1.5 s"


def test_a_caller_does_not_show_its_key() -> None:
    assert KEY not in repr(CALLER)


def test_long_messages_are_cut() -> None:
    assert one_line("word " * 200).endswith("…")
