"""Single calls through the real SDKs to a local server that speaks every provider's protocol."""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from qgen_dagster.core.error_categories import ErrorCategory as C
from qgen_dagster.generation.llm import Completion, LlmClient
from qgen_dagster.generation.provider import Fault as Kind
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.registry import FAMILIES, open_client
from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.fake_llm.settings import BAD_KEY, NO_MONEY_KEY, NO_RIGHTS_KEY
from qgen_dagster_tests.integration.providers.conftest import MODELS, at_server, prompt, settings

T = TypeVar("T")
families = pytest.mark.parametrize("family", FAMILIES)


def _with_client(family: str, environment: dict[str, str], use: Callable[[LlmClient], Awaitable[T]]) -> T:
    async def main() -> T:
        client = open_client(family, environment)
        try:
            return await use(client)
        finally:
            await client.aclose()

    return asyncio.run(main())


def _complete(family: str, environment: dict[str, str], **changes: object) -> Completion:
    return _with_client(family, environment, lambda client: client.complete(prompt(), settings(family, **changes)))


def _error(family: str, environment: dict[str, str], **changes: object) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        _complete(family, environment, **changes)
    assert caught.value.__cause__ is None, "an SDK's exception carries the request with its key"
    return caught.value


@families
def test_a_reply_and_its_tokens_are_what_the_server_sent(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    server.control(reasoning_tokens=40)

    async def use(client: LlmClient) -> list[Completion]:
        return [await client.complete(prompt(number), settings(family)) for number in (1, 2, 3)]

    completions = _with_client(family, environment, use)
    assert set(json.loads(completions[0].text)) == {"same", "reason"}
    assert completions[0].model.startswith(MODELS[family].partition("-")[0])
    counted = server.stats[at_server(family)].tokens
    assert sum(c.input_tokens or 0 for c in completions) == counted.input
    assert sum(c.output_tokens or 0 for c in completions) == counted.output
    assert sum(c.cached_tokens or 0 for c in completions) == counted.cached
    assert sum(c.cache_write_tokens or 0 for c in completions) == counted.cache_write


@pytest.mark.parametrize("family", ["openai", "anthropic", "google", "xai"])
def test_a_shared_system_prompt_is_read_from_the_cache(family: str, environment: dict[str, str]) -> None:
    async def use(client: LlmClient) -> list[Completion]:
        return [await client.complete(prompt(number), settings(family)) for number in (1, 2)]

    first, second = _with_client(family, environment, use)
    assert not first.cached_tokens
    assert (second.cached_tokens or 0) > 1_000


@families
@pytest.mark.parametrize("structured", ["json_schema", "tool", "none"])
def test_every_way_to_hold_the_model_gives_the_same_text(
    family: str, structured: str, environment: dict[str, str]
) -> None:
    completion = _complete(family, environment, structured=structured)
    assert set(json.loads(completion.text)) == {"same", "reason"}


@pytest.mark.parametrize("family", ["openai", "anthropic", "xai"])
def test_limits_are_read_from_the_headers(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(rate=50, tokens_per_minute=1_000_000)
    limits = _complete(family, environment).limits
    assert limits.requests == 3_000
    assert limits.tokens == 1_000_000
    assert limits.requests_left is not None
    assert limits.tokens_left is not None
    assert limits.tokens_left < 1_000_000


@families
@pytest.mark.parametrize(
    ("kind", "category", "fault"),
    [
        ("400", C.INVALID_REQUEST, Kind.STATUS),
        ("401", C.AUTHENTICATION, Kind.STATUS),
        ("403", C.AUTHENTICATION, Kind.STATUS),
        ("404", C.MODEL_ERROR, Kind.STATUS),
        ("408", C.NETWORK_ERROR, Kind.TIMEOUT),
        ("409", C.SERVER_ERROR, Kind.STATUS),
        ("413", C.INVALID_REQUEST, Kind.STATUS),
        ("422", C.INVALID_REQUEST, Kind.STATUS),
        ("429", C.RATE_LIMIT, Kind.STATUS),
        ("500", C.SERVER_ERROR, Kind.STATUS),
        ("502", C.SERVER_ERROR, Kind.STATUS),
        ("503", C.SERVER_ERROR, Kind.STATUS),
        ("529", C.SERVER_ERROR, Kind.STATUS),
        ("quota", C.BILLING_QUOTA, Kind.STATUS),
        ("reset", C.NETWORK_ERROR, Kind.CONNECTION),
        ("timeout", C.NETWORK_ERROR, Kind.TIMEOUT),
        ("drip", C.NETWORK_ERROR, Kind.TIMEOUT),
        ("malformed_body", C.SERVER_ERROR, Kind.MALFORMED),
        ("html", C.SERVER_ERROR, Kind.MALFORMED),
        ("empty", C.MODEL_ERROR, Kind.EMPTY),
        ("truncated", C.PARSE_ERROR, Kind.TRUNCATED),
        ("refusal", C.MODEL_ERROR, Kind.REFUSED),
    ],
)
def test_what_goes_wrong_is_told_apart_and_the_call_made_once(
    family: str, kind: str, category: C, fault: Kind, server: FakeLlm, environment: dict[str, str]
) -> None:
    server.script(Fault(kind, 1.0, seconds=30.0 if kind in ("timeout", "drip") else None))
    slow = kind in ("timeout", "drip")
    error = _error(family, environment, timeout_seconds=0.4 if slow else 20.0)
    assert (error.category, error.fault) == (category, fault), error.message
    assert server.stats[at_server(family)].calls == 1
    assert error.message.isprintable()
    assert len(error.message) <= 300
    assert "fake-key" not in error.message


@families
@pytest.mark.parametrize("kind", ["empty", "truncated", "refusal"])
def test_tokens_of_a_useless_reply_are_counted(
    family: str, kind: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    server.script(Fault(kind, 1.0))
    error = _error(family, environment)
    counted = server.stats[at_server(family)].tokens
    assert (error.input_tokens, error.output_tokens) == (counted.input, counted.output)
    if kind == "truncated":
        assert error.partial


@families
def test_the_time_to_wait_is_the_servers(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.script(Fault("429", 1.0, retry_after=7))
    assert _error(family, environment).retry_after == 7.0


@pytest.mark.parametrize("family", ["openai", "anthropic", "google", "xai"])
@pytest.mark.parametrize(
    ("key", "category"),
    [(BAD_KEY, C.AUTHENTICATION), (NO_MONEY_KEY, C.BILLING_QUOTA), (NO_RIGHTS_KEY, C.AUTHENTICATION)],
)
def test_a_key_that_will_not_do_says_why(family: str, key: str, category: C, environment: dict[str, str]) -> None:
    name = {"google": "GEMINI_API_KEY"}.get(family, f"{family.upper()}_API_KEY")
    error = _error(family, {**environment, name: key})
    assert (error.category, error.retryable) == (category, False), error.message
    assert key not in error.message


@families
def test_a_model_that_was_retired_is_named(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(retired=[MODELS[family]])
    error = _error(family, environment)
    assert (error.category, error.retryable) == (C.MODEL_ERROR, False)
    assert MODELS[family] in error.message


@families
def test_a_server_that_is_not_there_is_a_connection_error(family: str, environment: dict[str, str]) -> None:
    nowhere = {name: value for name, value in environment.items() if not name.endswith("URL")}
    for name in environment:
        if name.endswith("URL"):
            nowhere[name] = "http://user:secret@127.0.0.1:9/v1"
    error = _error(family, nowhere)
    assert (error.category, error.fault) == (C.NETWORK_ERROR, Kind.CONNECTION)
    assert "127.0.0.1:9" in error.message
    assert "secret" not in error.message


def test_a_compatible_server_needs_no_key(environment: dict[str, str]) -> None:
    del environment["QGEN_OPENAI_COMPATIBLE_API_KEY"]
    assert _complete("openai_compatible", environment).text


@families
def test_calls_that_are_cancelled_leave_nothing_hanging(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    async def use(client: LlmClient) -> int:
        server.hold()
        calls = [asyncio.create_task(client.complete(prompt(n), settings(family))) for n in range(30)]
        while (await asyncio.to_thread(lambda: server.stats))[at_server(family)].in_flight < 30:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for call in calls:
            call.cancel()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended)
        server.release()
        good = await asyncio.gather(*(client.complete(prompt(n), settings(family)) for n in range(30)))
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return len(good)

    assert _with_client(family, environment, use) == 30


@families
def test_closing_twice_is_closing_once_and_leaves_no_connection_open(family: str, environment: dict[str, str]) -> None:
    async def main() -> None:
        client = open_client(family, environment)
        await asyncio.gather(*(client.complete(prompt(n), settings(family)) for n in range(5)))
        await client.aclose()
        await client.aclose()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        asyncio.run(main())
        gc.collect()


@families
def test_closing_ends_the_calls_in_flight(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    async def main() -> None:
        client = open_client(family, environment)
        server.hold()
        call = asyncio.create_task(client.complete(prompt(), settings(family)))
        while not (await asyncio.to_thread(lambda: server.stats))[at_server(family)].in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await client.aclose()
        with pytest.raises(ProviderError) as caught:
            await call
        assert caught.value.fault is Kind.CONNECTION

    asyncio.run(main())


@families
def test_every_event_loop_gets_a_client_of_its_own(family: str, environment: dict[str, str]) -> None:
    texts = [_complete(family, environment).text for _ in range(3)]
    assert len(set(texts)) == 1


@families
def test_a_hundred_calls_at_once_are_a_hundred_replies(
    family: str, server: FakeLlm, environment: dict[str, str]
) -> None:
    async def use(client: LlmClient) -> list[Completion]:
        return await asyncio.gather(*(client.complete(prompt(n), settings(family)) for n in range(100)))

    assert len(_with_client(family, environment, use)) == 100
    assert server.stats[at_server(family)].distinct == 100
