"""Google's SDK against the server: generateContent, structured output, functions, embeddings, models, errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import errors, types

from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.integration.fake_llm.conftest import content, google_client
from qgen_dagster_tests.integration.fake_llm.prompts import SCHEMA, SYSTEM, generate, questions_of

HELD: dict[str, Any] = {"response_mime_type": "application/json", "response_json_schema": SCHEMA}


def test_content_brings_the_questions_asked_for(server: FakeLlm) -> None:
    reply = content(google_client(server), generate(3))
    assert len(questions_of(reply.text)) == 3
    assert reply.candidates[0].finish_reason == types.FinishReason.STOP


def test_content_is_held_to_a_schema(server: FakeLlm) -> None:
    reply = content(google_client(server), "Task: solve\n", **HELD)
    assert json.loads(reply.text).keys() == SCHEMA["properties"].keys()
    with pytest.raises(errors.ClientError, match="mime type"):
        content(google_client(server), "hello", response_json_schema=SCHEMA)


def test_a_function_is_called(server: FakeLlm) -> None:
    declaration = types.FunctionDeclaration(name="solution", parameters_json_schema=SCHEMA)
    calling = types.FunctionCallingConfig(mode=types.FunctionCallingConfigMode.ANY)
    reply = content(
        google_client(server),
        "Task: solve\n",
        tools=[types.Tool(function_declarations=[declaration])],
        tool_config=types.ToolConfig(function_calling_config=calling),
    )
    assert reply.function_calls[0].name == "solution"
    assert reply.function_calls[0].args["answer"] == "NONE"


def test_usage_is_told_with_what_was_cached_and_thought(server: FakeLlm) -> None:
    server.control(reasoning_tokens=30)
    first, second = (content(google_client(server), "hello").usage_metadata for _ in range(2))
    assert first.cached_content_token_count is None
    assert second.cached_content_token_count == len(SYSTEM) // 4
    assert second.prompt_token_count == len(SYSTEM) // 4 + 1
    assert second.thoughts_token_count == 30
    assert second.total_token_count == second.prompt_token_count + second.candidates_token_count + 30


def test_tokens_are_counted_as_content_would_be_billed_and_nothing_is(server: FakeLlm) -> None:
    client = google_client(server)
    counted = client.models.count_tokens(model="gemini-2.5-flash", contents="hello there, count me")
    assert server.stats["google"].tokens.input == 0
    billed = client.models.generate_content(model="gemini-2.5-flash", contents="hello there, count me")
    assert billed.usage_metadata is not None
    assert counted.total_tokens == billed.usage_metadata.prompt_token_count
    with pytest.raises(errors.ClientError, match="gemini-no-such"):
        client.models.count_tokens(model="gemini-no-such", contents="hello")


def test_content_over_its_limit_is_cut(server: FakeLlm) -> None:
    reply = content(google_client(server), generate(5), max_output_tokens=40)
    assert reply.candidates[0].finish_reason == types.FinishReason.MAX_TOKENS
    assert reply.usage_metadata.candidates_token_count == 40


def test_refusals_take_the_two_forms_that_google_has(server: FakeLlm) -> None:
    server.script("refusal:1")
    replies = [content(google_client(server), generate()) for _ in range(2)]
    blocked = [reply for reply in replies if reply.prompt_feedback]
    stopped = [reply for reply in replies if reply.candidates]
    assert blocked[0].prompt_feedback.block_reason == types.BlockedReason.PROHIBITED_CONTENT
    assert stopped[0].candidates[0].finish_reason == types.FinishReason.SAFETY
    assert [reply.text for reply in replies] == [None, None]


def test_texts_are_embedded(server: FakeLlm) -> None:
    config = types.EmbedContentConfig(output_dimensionality=128)
    client = google_client(server)  # kept by name: the SDK closes a client that nobody holds
    reply = client.models.embed_content(model="gemini-embedding-001", contents=["one text", "another"], config=config)
    assert [len(e.values or ()) for e in reply.embeddings or ()] == [128, 128]
    assert server.stats["google"].embedding_tokens == 2 + 1


def test_models_are_listed_and_looked_up(server: FakeLlm) -> None:
    client = google_client(server)
    assert "models/gemini-2.5-flash" in [model.name for model in client.models.list()]
    assert client.models.get(model="gemini-2.5-pro").name == "models/gemini-2.5-pro"
    for call in (lambda: client.models.get(model="gemini-no-such"), lambda: content(client, "hi", "gemini-no-such")):
        with pytest.raises(errors.ClientError, match="gemini-no-such") as caught:
            call()
        assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("key", "code", "status", "words"),
    [
        ("bad-key", 400, "INVALID_ARGUMENT", "API_KEY_INVALID"),
        ("no-money", 429, "RESOURCE_EXHAUSTED", "prepayment credits"),
        ("no-rights", 403, "PERMISSION_DENIED", "denied"),
    ],
)
def test_a_key_that_will_not_do_gets_googles_own_error(
    server: FakeLlm, key: str, code: int, status: str, words: str
) -> None:
    with pytest.raises(errors.ClientError, match=words) as caught:
        content(google_client(server, key), "hello")
    assert (caught.value.code, caught.value.status) == (code, status)


@pytest.mark.parametrize(
    ("kind", "code", "status", "expected"),
    [
        ("400", 400, "INVALID_ARGUMENT", errors.ClientError),
        ("403", 403, "PERMISSION_DENIED", errors.ClientError),
        ("404", 404, "NOT_FOUND", errors.ClientError),
        ("409", 409, "ABORTED", errors.ClientError),
        ("429", 429, "RESOURCE_EXHAUSTED", errors.ClientError),
        ("quota", 429, "RESOURCE_EXHAUSTED", errors.ClientError),
        ("500", 500, "INTERNAL", errors.ServerError),
        ("502", 502, "Bad Gateway", errors.ServerError),
        ("503", 503, "UNAVAILABLE", errors.ServerError),
    ],
)
def test_each_status_is_the_sdks_own_exception(
    server: FakeLlm, kind: str, code: int, status: str, expected: type[errors.APIError]
) -> None:
    server.script(Fault(kind, calls=(1,)))
    with pytest.raises(expected) as caught:
        content(google_client(server), "hello")
    assert (caught.value.code, caught.value.status) == (code, status)
    assert content(google_client(server), "hello").text


def test_a_429_says_in_its_body_when_to_come_back(server: FakeLlm) -> None:
    server.script(Fault("429", share=1, retry_after=4))
    with pytest.raises(errors.ClientError) as caught:
        content(google_client(server), "hello")
    details = caught.value.details["error"]["details"]
    assert [d["retryDelay"] for d in details if d["@type"].endswith("RetryInfo")] == ["4s"]
    # Google has no Retry-After header.
    assert "retry-after" not in caught.value.response.headers


def test_a_reply_cut_off_is_no_reply(server: FakeLlm) -> None:
    server.script("reset:@1")
    with pytest.raises(Exception, match=r"incomplete|closed|peer"):
        content(google_client(server), "hello")
    assert content(google_client(server), "hello").text
