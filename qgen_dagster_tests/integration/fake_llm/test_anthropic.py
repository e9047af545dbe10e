"""Anthropic's SDK against the server: messages, structured output, tools, caching, models, errors, headers."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.integration.fake_llm.conftest import anthropic_client, message
from qgen_dagster_tests.integration.fake_llm.prompts import SCHEMA, SYSTEM, generate, questions_of

TOOL: Any = {"name": "solution", "input_schema": SCHEMA}


def test_a_message_brings_the_questions_asked_for(server: FakeLlm) -> None:
    reply = message(anthropic_client(server), generate(3))
    assert len(questions_of(reply.content[0].text)) == 3
    assert reply.stop_reason == "end_turn"


def test_a_message_is_held_to_a_schema(server: FakeLlm) -> None:
    held = {"format": {"type": "json_schema", "schema": SCHEMA}}
    reply = message(anthropic_client(server), "Task: solve\n", output_config=held)
    assert json.loads(reply.content[0].text).keys() == SCHEMA["properties"].keys()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minimum": 0, "maximum": 1}, "properties maximum, minimum are not supported"),
        ({"type": "object"}, "additionalProperties"),
        ({"type": "array", "maxItems": 6}, "maxItems"),
    ],
)
def test_a_schema_with_what_anthropic_does_not_support_is_refused(
    server: FakeLlm, change: dict[str, Any], words: str
) -> None:
    schema = {**SCHEMA, "properties": {**SCHEMA["properties"], "confidence": {"type": "number", **change}}}
    held = {"format": {"type": "json_schema", "schema": schema}}
    with pytest.raises(anthropic.BadRequestError, match=words):
        message(anthropic_client(server), "hello", output_config=held)


def test_a_tool_is_used(server: FakeLlm) -> None:
    choice = {"type": "tool", "name": "solution"}
    reply = message(anthropic_client(server), "Task: solve\n", tools=[TOOL], tool_choice=choice)
    assert reply.stop_reason == "tool_use"
    assert reply.content[0].name == "solution"
    assert reply.content[0].input["answer"] == "NONE"


def test_a_marked_system_prompt_is_written_to_the_cache_and_then_read(server: FakeLlm) -> None:
    first, second = (message(anthropic_client(server), "hello there").usage for _ in range(2))
    size = len(SYSTEM) // 4
    assert (first.cache_creation_input_tokens, first.cache_read_input_tokens) == (size, 0)
    assert (second.cache_creation_input_tokens, second.cache_read_input_tokens) == (0, size)
    assert first.input_tokens == second.input_tokens == len("hello there") // 4


def test_what_is_not_marked_is_not_cached(server: FakeLlm) -> None:
    replies = [message(anthropic_client(server), "hello", system=SYSTEM).usage for _ in range(2)]
    assert [usage.cache_read_input_tokens for usage in replies] == [0, 0]
    assert replies[1].input_tokens == len(SYSTEM) // 4 + 1


def test_tokens_are_counted_as_a_message_would_be_billed_and_nothing_is(server: FakeLlm) -> None:
    client, asked = anthropic_client(server), [{"role": "user", "content": "hello there"}]
    counted = client.messages.count_tokens(model="claude-sonnet-5", system=SYSTEM, messages=asked)  # type: ignore[arg-type]
    assert server.stats["anthropic"].tokens.input == 0
    assert counted.input_tokens == message(client, "hello there", system=SYSTEM).usage.input_tokens


@pytest.mark.parametrize(
    ("change", "expected", "words"),
    [
        ({"extra_body": {"max_tokens": 10}}, anthropic.BadRequestError, "max_tokens: Extra inputs are not permitted"),
        ({"messages": []}, anthropic.BadRequestError, "at least one message"),
        ({"model": "claude-no-such"}, anthropic.NotFoundError, "claude-no-such"),
    ],
)
def test_what_cannot_be_counted_is_refused(
    server: FakeLlm, change: dict[str, Any], expected: type[anthropic.APIStatusError], words: str
) -> None:
    asked: dict[str, Any] = {"model": "claude-sonnet-5", "messages": [{"role": "user", "content": "hello"}], **change}
    with pytest.raises(expected, match=words):
        anthropic_client(server).messages.count_tokens(**asked)


def test_a_message_over_its_limit_is_cut(server: FakeLlm) -> None:
    reply = message(anthropic_client(server), generate(5), max_tokens=40)
    assert (reply.stop_reason, reply.usage.output_tokens) == ("max_tokens", 40)


def test_a_refusal_has_no_text(server: FakeLlm) -> None:
    server.script("refusal:1")
    reply = message(anthropic_client(server), generate())
    assert (reply.stop_reason, reply.content, reply.stop_details.type) == ("refusal", [], "refusal")


@pytest.mark.parametrize(("model", "temperature"), [("claude-opus-5", 0.5), ("claude-haiku-4-5", 1.5)])
def test_a_temperature_that_the_model_does_not_take_is_refused(server: FakeLlm, model: str, temperature: float) -> None:
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        message(anthropic_client(server), "hello", model, extra_body={"temperature": temperature})
    assert message(anthropic_client(server), "hello", "claude-haiku-4-5", extra_body={"temperature": 0.5})


@pytest.mark.parametrize(
    ("key", "expected", "words"),
    [
        ("bad-key", anthropic.AuthenticationError, "invalid x-api-key"),
        ("no-money", anthropic.BadRequestError, "credit balance is too low"),
        ("no-rights", anthropic.PermissionDeniedError, "permission"),
    ],
)
def test_a_key_that_will_not_do_gets_anthropics_own_error(
    server: FakeLlm, key: str, expected: type[anthropic.APIStatusError], words: str
) -> None:
    with pytest.raises(expected, match=words):
        message(anthropic_client(server, key), "hello")


@pytest.mark.parametrize(
    ("kind", "expected", "type_"),
    [
        ("400", anthropic.BadRequestError, "invalid_request_error"),
        ("401", anthropic.AuthenticationError, "authentication_error"),
        ("403", anthropic.PermissionDeniedError, "permission_error"),
        ("404", anthropic.NotFoundError, "not_found_error"),
        ("408", anthropic.RequestTimeoutError, "timeout_error"),
        ("409", anthropic.ConflictError, "conflict_error"),
        ("413", anthropic.ContentTooLargeError, "request_too_large"),
        ("422", anthropic.UnprocessableEntityError, "invalid_request_error"),
        ("429", anthropic.RateLimitError, "rate_limit_error"),
        ("500", anthropic.InternalServerError, "api_error"),
        ("502", anthropic.InternalServerError, None),
        ("503", anthropic.ServiceUnavailableError, "api_error"),
        ("529", anthropic.OverloadedError, "overloaded_error"),
        ("quota", anthropic.BadRequestError, "invalid_request_error"),
    ],
)
def test_each_status_is_the_sdks_own_exception(
    server: FakeLlm, kind: str, expected: type[anthropic.APIStatusError], type_: str | None
) -> None:
    server.script(Fault(kind, calls=(1,)))
    with pytest.raises(expected) as caught:
        message(anthropic_client(server), "hello")
    assert caught.value.type == type_
    assert message(anthropic_client(server), "hello").stop_reason == "end_turn"


@pytest.mark.parametrize("kind", ["reset", "timeout"])
def test_a_reply_that_does_not_come_is_a_connection_error(server: FakeLlm, kind: str) -> None:
    server.script(f"{kind}:1")
    with pytest.raises(anthropic.APIConnectionError):
        message(anthropic_client(server, timeout=1.0), "hello")


def test_replies_state_the_rate_limits(server: FakeLlm) -> None:
    raw = anthropic_client(server).messages.with_raw_response.create(
        model="claude-sonnet-5", max_tokens=50, messages=[{"role": "user", "content": "hello"}]
    )
    for name in ("requests", "tokens", "input-tokens"):
        assert int(raw.headers[f"anthropic-ratelimit-{name}-limit"]) > 0
        assert raw.headers[f"anthropic-ratelimit-{name}-reset"].endswith("Z")


def test_a_429_says_when_to_come_back(server: FakeLlm) -> None:
    server.script(Fault("429", share=1, retry_after=3))
    with pytest.raises(anthropic.RateLimitError) as caught:
        message(anthropic_client(server), "hello")
    assert caught.value.response.headers["retry-after"] == "3"


def test_models_are_listed_and_looked_up(server: FakeLlm) -> None:
    client = anthropic_client(server)
    assert "claude-sonnet-5" in [model.id for model in client.models.list()]
    assert client.models.retrieve("claude-opus-5").lifecycle == "active"
    for call in (lambda: client.models.retrieve("claude-no-such"), lambda: message(client, "hello", "claude-no-such")):
        with pytest.raises(anthropic.NotFoundError, match="claude-no-such"):
            call()
