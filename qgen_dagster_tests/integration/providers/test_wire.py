"""What really goes over the wire, and answers that no provider should give."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from qgen_dagster.core.error_categories import ErrorCategory as C
from qgen_dagster.generation.llm import Completion
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.generation.providers.registry import FAMILIES, open_client
from qgen_dagster_tests.integration.providers.conftest import Told, prompt, settings

CHAT = {
    "choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
}
GOOD: dict[str, Any] = {
    "anthropic": {"content": [{"type": "text", "text": "hello"}], "stop_reason": "end_turn", "usage": {}},
    "google": {"candidates": [{"content": {"parts": [{"text": "hello"}]}, "finishReason": "STOP"}]},
}
families = pytest.mark.parametrize("family", FAMILIES)


def _complete(family: str, told: Told, **changes: object) -> Completion:
    async def main() -> Completion:
        client = open_client(family, told.environment())
        try:
            return await client.complete(prompt(), settings(family, **changes))
        finally:
            await client.aclose()

    return asyncio.run(main())


def _answer_well(family: str, told: Told) -> None:
    told.body = json.dumps(GOOD.get(family, CHAT)).encode()


@families
def test_the_temperature_reaches_the_model(family: str, told: Told) -> None:
    _answer_well(family, told)
    _complete(family, told, temperature=0.25)
    _complete(family, told)
    bodies = [json.loads(body) for _, _, body in told.asked]
    with_it, without = (body.get("generationConfig", body) for body in bodies)
    assert with_it["temperature"] == 0.25
    assert "temperature" not in without


@families
def test_what_is_for_openai_goes_to_openai_only(family: str, told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-private")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-private")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-admin-private")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-env-private")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-gateway: gateway-private\nAuthorization: Bearer header-private")
    _answer_well(family, told)
    _complete(family, told)
    ((_, headers, _),) = told.asked
    if family == "openai":
        assert headers["openai-organization"] == "org-private"
    else:
        assert "private" not in json.dumps(headers)


@families
def test_the_key_of_the_given_environment_counts_not_that_of_the_process(
    family: str, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "XAI_API_KEY"):
        monkeypatch.setenv(name, "of-the-process")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    for name in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    _answer_well(family, told)
    _complete(family, told)
    ((_, headers, _),) = told.asked
    assert "of-the-process" not in json.dumps(headers)


STRANGE = [
    b"",
    b"null",
    b"[]",
    b'"hello"',
    b'{"choices": ',
    b"\xff\xfe\x00",
    b"[" * 50_000,
    b"<html>Welcome</html>",
    b"data: {}",
]


def _errors(family: str, told: Told, bodies: list[bytes]) -> list[ProviderError]:
    """What the server's answer with each of the bodies becomes."""

    async def main() -> list[ProviderError]:
        client = open_client(family, told.environment())
        errors = []
        for told.body in bodies:
            with pytest.raises(ProviderError) as caught:
                await client.complete(prompt(), settings(family))
            errors.append(caught.value)
        await client.aclose()
        return errors

    return asyncio.run(main())


@families
@pytest.mark.parametrize("content_type", ["application/json", "text/html", "text/event-stream"])
def test_a_good_status_with_a_strange_body_blames_the_server(family: str, content_type: str, told: Told) -> None:
    told.headers = {"content-type": content_type}
    for body, error in zip(STRANGE, _errors(family, told, STRANGE), strict=True):
        assert (error.category, error.fault) == (C.SERVER_ERROR, Fault.MALFORMED), body[:20]


@families
def test_a_bad_status_with_a_strange_body_counts_as_the_status(family: str, told: Told) -> None:
    told.status = 503
    for body, error in zip(STRANGE, _errors(family, told, STRANGE), strict=True):
        assert error.category is C.SERVER_ERROR, body[:20]


@families
def test_a_body_that_is_not_packed_as_it_says_is_an_error(family: str, told: Told) -> None:
    told.headers = {"content-type": "application/json", "content-encoding": "gzip"}
    told.body = b"not gzip"
    with pytest.raises(ProviderError) as caught:
        _complete(family, told)
    assert caught.value.retryable


@families
def test_a_body_that_is_shorter_than_it_says_is_a_broken_connection(family: str, told: Told) -> None:
    _answer_well(family, told)
    told.headers = {"content-type": "application/json", "content-length": "100000"}
    with pytest.raises(ProviderError) as caught:
        _complete(family, told, timeout_seconds=5.0)
    assert caught.value.category is C.NETWORK_ERROR


@families
def test_a_password_in_the_address_is_not_shown(family: str, told: Told) -> None:
    told.status, told.body = (
        500,
        json.dumps({"error": {"message": f"see {told.url.replace('//', '//me:pw@')}"}}).encode(),
    )
    with pytest.raises(ProviderError) as caught:
        _complete(family, told)
    assert "pw@" not in caught.value.message
