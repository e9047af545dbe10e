"""OpenAI's SDK against the server: chat, responses, tools, embeddings, models, errors, headers."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.integration.fake_llm.conftest import chat, openai_client
from qgen_dagster_tests.integration.fake_llm.prompts import SCHEMA, SYSTEM, generate, questions_of, solve

HELD = {"type": "json_schema", "json_schema": {"name": "solution", "strict": True, "schema": SCHEMA}}
TOOL: Any = {"type": "function", "function": {"name": "solution", "strict": True, "parameters": SCHEMA}}


def test_a_chat_brings_the_questions_asked_for(server: FakeLlm) -> None:
    reply = chat(openai_client(server), generate(count=4))
    assert len(questions_of(reply.choices[0].message.content)) == 4
    assert reply.choices[0].finish_reason == "stop"


def test_a_chat_is_held_to_a_schema(server: FakeLlm) -> None:
    question = questions_of(chat(openai_client(server), generate(1)).choices[0].message.content)[0]
    reply = chat(openai_client(server), solve(question), response_format=HELD)
    assert json.loads(reply.choices[0].message.content).keys() == SCHEMA["properties"].keys()


def test_a_schema_that_is_not_strict_is_refused(server: FakeLlm) -> None:
    loose = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "object"}}}
    with pytest.raises(openai.BadRequestError, match="additionalProperties") as caught:
        chat(openai_client(server), "hello", response_format=loose)
    assert caught.value.code == "invalid_json_schema"


@pytest.mark.parametrize(
    ("choice", "reason"),
    [({"type": "function", "function": {"name": "solution"}}, "stop"), ("required", "tool_calls")],
)
def test_a_tool_is_called(server: FakeLlm, choice: Any, reason: str) -> None:
    reply = chat(openai_client(server), "Task: solve\n", tools=[TOOL], tool_choice=choice)
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "solution"
    assert json.loads(call.function.arguments)["answer"] == "NONE"
    assert reply.choices[0].finish_reason == reason


def test_a_response_brings_the_questions_asked_for(server: FakeLlm) -> None:
    reply = openai_client(server).responses.create(model="gpt-6-luna", instructions=SYSTEM, input=generate(2))
    assert len(questions_of(reply.output_text)) == 2
    assert reply.status == "completed"


def test_a_response_over_its_limit_is_incomplete(server: FakeLlm) -> None:
    reply = openai_client(server).responses.create(model="gpt-4.1", input=generate(5), max_output_tokens=50)
    assert reply.status == "incomplete"
    assert reply.incomplete_details is not None
    assert reply.incomplete_details.reason == "max_output_tokens"
    assert reply.usage is not None
    assert reply.usage.output_tokens == 50


def test_a_chat_over_its_limit_is_cut(server: FakeLlm) -> None:
    reply = chat(openai_client(server), generate(5), max_completion_tokens=50)
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 50


def test_the_second_call_reads_the_system_prompt_from_the_cache(server: FakeLlm) -> None:
    first, second = (chat(openai_client(server), f"hello {n}").usage for n in range(2))
    assert first.prompt_tokens_details.cached_tokens == 0
    assert second.prompt_tokens_details.cached_tokens == len(SYSTEM) // 4 // 128 * 128
    assert second.prompt_tokens == (len(SYSTEM) // 4) + (len("hello 1") // 4)


def test_reasoning_is_part_of_what_openai_counts_and_beside_what_xai_counts(server: FakeLlm) -> None:
    server.control(reasoning_tokens=100)
    ours = chat(openai_client(server), "hello").usage
    theirs = chat(openai_client(server, "XAI"), "hello", "grok-4.5").usage
    assert ours.completion_tokens - theirs.completion_tokens == 100
    assert ours.total_tokens == theirs.total_tokens
    assert theirs.completion_tokens_details.reasoning_tokens == 100


def test_replies_state_the_rate_limits(server: FakeLlm) -> None:
    raw = openai_client(server).chat.completions.with_raw_response.create(
        model="gpt-4.1", messages=[{"role": "user", "content": "hello"}]
    )
    assert int(raw.headers["x-ratelimit-limit-requests"]) > int(raw.headers["x-ratelimit-remaining-requests"]) > 0
    assert "x-ratelimit-remaining-tokens" in raw.headers


def test_embeddings_lie_near_for_texts_that_share_words(server: FakeLlm) -> None:
    texts = ["What is 15% of 80?", "How much is 15% of 80?", "Name the capital of Peru."]
    reply = openai_client(server).embeddings.create(model="text-embedding-3-small", input=texts)
    one, like, other = (item.embedding for item in reply.data)
    assert len(one) == 1536
    assert _dot(one, one) == pytest.approx(1, abs=1e-5)
    assert _dot(one, like) > _dot(one, other) + 0.3
    assert reply.usage.prompt_tokens == sum(len(text) // 4 for text in texts)


def test_embeddings_come_as_numbers_and_as_short_as_asked(server: FakeLlm) -> None:
    reply = openai_client(server).embeddings.create(
        model="text-embedding-3-large", input="a text", dimensions=64, encoding_format="float"
    )
    assert len(reply.data[0].embedding) == 64


def test_models_are_listed_and_looked_up(server: FakeLlm) -> None:
    client = openai_client(server)
    assert "gpt-4.1" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-6-luna").id == "gpt-6-luna"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-no-such")


@pytest.mark.parametrize("model", ["gpt-no-such", "claude-sonnet-5", "gpt-4.1-old"])
def test_a_model_that_does_not_exist_is_404(server: FakeLlm, model: str) -> None:
    server.control(retired=["gpt-4.1-old"])
    with pytest.raises(openai.NotFoundError) as caught:
        chat(openai_client(server), "hello", model)
    assert caught.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("key", "expected", "code"),
    [
        ("bad-key", openai.AuthenticationError, "invalid_api_key"),
        ("no-money", openai.RateLimitError, "insufficient_quota"),
        ("no-rights", openai.PermissionDeniedError, "model_not_found"),
    ],
)
def test_a_key_that_will_not_do_gets_openais_own_error(
    server: FakeLlm, key: str, expected: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(expected) as caught:
        chat(openai_client(server, key=key), "hello")
    assert caught.value.code == code


def test_only_named_keys_are_good_where_keys_are_named(server: FakeLlm) -> None:
    server.control(keys=["mine"])
    assert chat(openai_client(server, key="mine"), "hello")
    with pytest.raises(openai.AuthenticationError):
        chat(openai_client(server, key="yours"), "hello")


@pytest.mark.parametrize(
    ("key", "expected", "words"),
    [
        ("bad-key", openai.BadRequestError, "Incorrect API key provided"),
        ("no-money", openai.PermissionDeniedError, "used all available credits"),
    ],
)
def test_xai_answers_with_statuses_and_bodies_of_its_own(
    server: FakeLlm, key: str, expected: type[openai.APIStatusError], words: str
) -> None:
    with pytest.raises(expected) as caught:
        chat(openai_client(server, "XAI", key), "hello", "grok-4.5")
    assert words in str(caught.value.body)  # a plain string; the SDK's message leaves it out
    assert server.stats["xai"].calls == 1
    assert server.stats["openai"].calls == 0


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("400", openai.BadRequestError),
        ("401", openai.AuthenticationError),
        ("403", openai.PermissionDeniedError),
        ("404", openai.NotFoundError),
        ("408", openai.APIStatusError),
        ("409", openai.ConflictError),
        ("413", openai.APIStatusError),
        ("422", openai.UnprocessableEntityError),
        ("429", openai.RateLimitError),
        ("500", openai.InternalServerError),
        ("502", openai.InternalServerError),
        ("503", openai.InternalServerError),
        ("quota", openai.RateLimitError),
        ("reset", openai.APIConnectionError),
        ("malformed_body", json.JSONDecodeError),
    ],
)
def test_each_fault_is_the_sdks_own_exception(server: FakeLlm, kind: str, expected: type[Exception]) -> None:
    server.script(Fault(kind, calls=(1,)))
    with pytest.raises(expected):
        chat(openai_client(server), "hello")
    assert chat(openai_client(server), "hello").choices


def test_a_429_says_when_to_come_back(server: FakeLlm) -> None:
    server.script(Fault("429", share=1, retry_after=7))
    with pytest.raises(openai.RateLimitError) as caught:
        chat(openai_client(server), "hello")
    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.headers["x-ratelimit-remaining-requests"] == "0"
    assert caught.value.code == "rate_limit_exceeded"


def test_a_call_that_hangs_times_out(server: FakeLlm) -> None:
    server.script("timeout:@1")
    with pytest.raises(openai.APITimeoutError):
        chat(openai_client(server, timeout=1.0), "hello")
    assert chat(openai_client(server), "hello").choices


def test_a_reply_that_drips_arrives_in_the_end(server: FakeLlm) -> None:
    server.script(Fault("drip", share=1, seconds=0.3))
    assert chat(openai_client(server), "hello").choices


def test_refusals_take_the_two_forms_that_openai_has(server: FakeLlm) -> None:
    server.script("refusal:1")
    replies = [chat(openai_client(server), generate()).choices[0] for _ in range(2)]
    assert {reply.finish_reason for reply in replies} == {"stop", "content_filter"}
    assert {bool(reply.message.refusal) for reply in replies} == {True, False}
    assert not any(reply.message.content for reply in replies)


@pytest.mark.parametrize(
    ("model", "more", "param"),
    [("o3", {"temperature": 0.2}, "temperature"), ("gpt-5-mini", {"max_tokens": 100}, "max_tokens")],
)
def test_models_that_reason_refuse_what_they_do_not_take(
    server: FakeLlm, model: str, more: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError, match="nsupported") as caught:
        chat(openai_client(server), "hello", model, **more)
    assert caught.value.param == param


def test_a_compatible_server_takes_any_model_and_states_no_limits(server: FakeLlm) -> None:
    raw = openai_client(server, "QGEN_OPENAI_COMPATIBLE").chat.completions.with_raw_response.create(
        model="qwen3:8b", messages=[{"role": "user", "content": generate(1)}]
    )
    assert not [name for name in raw.headers if name.startswith("x-ratelimit")]
    assert raw.parse().model == "qwen3:8b"
    with pytest.raises(openai.AuthenticationError) as caught:
        chat(openai_client(server, "QGEN_OPENAI_COMPATIBLE", "bad-key"), "hello", "qwen3:8b")
    assert caught.value.body == "Unauthorized"


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
