"""Counting tokens through the real SDKs, at the providers that count for whoever asks."""

from __future__ import annotations

import asyncio
import json

import pytest

from qgen_dagster.core.error_categories import ErrorCategory as C
from qgen_dagster.generation.llm import TokenCounter
from qgen_dagster.generation.provider import Fault as Kind
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.registry import COUNTING_FAMILIES, VARIABLES, open_client
from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.fake_llm.settings import BAD_KEY
from qgen_dagster_tests.integration.providers.conftest import MODELS, Told

families = pytest.mark.parametrize("family", COUNTING_FAMILIES)
TEXT = "You: 24:2 13:5 8:3 6:5; off 0 " * 20


def _count(family: str, environment: dict[str, str], *, model: str | None = None, seconds: float = 20.0) -> int:
    async def main() -> int:
        client = open_client(family, environment)
        assert isinstance(client, TokenCounter)
        try:
            return await client.count_tokens(TEXT, model or MODELS[family], seconds)
        finally:
            await client.aclose()

    return asyncio.run(main())


def _error(
    family: str, environment: dict[str, str], *, model: str | None = None, seconds: float = 20.0
) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        _count(family, environment, model=model, seconds=seconds)
    assert caught.value.__cause__ is None, "an SDK's exception carries the request with its key"
    return caught.value


@families
def test_the_count_is_the_providers_own_and_free(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    assert _count(family, environment) == len(TEXT) // 4
    stats = server.stats[family]
    assert (stats.calls, stats.task("count").statuses, stats.tokens.input) == (1, {"200": 1}, 0)


@families
@pytest.mark.parametrize(
    ("kind", "category", "fault"),
    [
        ("401", C.AUTHENTICATION, Kind.STATUS),
        ("403", C.AUTHENTICATION, Kind.STATUS),
        ("429", C.RATE_LIMIT, Kind.STATUS),
        ("500", C.SERVER_ERROR, Kind.STATUS),
        ("reset", C.NETWORK_ERROR, Kind.CONNECTION),
        ("timeout", C.NETWORK_ERROR, Kind.TIMEOUT),
        ("malformed_body", C.SERVER_ERROR, Kind.MALFORMED),
        ("html", C.SERVER_ERROR, Kind.MALFORMED),
    ],
)
def test_what_goes_wrong_is_told_apart_and_the_call_made_once(
    family: str, kind: str, category: C, fault: Kind, server: FakeLlm, environment: dict[str, str]
) -> None:
    server.script(Fault(kind, 1.0, task="count", seconds=30.0 if kind == "timeout" else None))
    error = _error(family, environment, seconds=0.5 if kind == "timeout" else 20.0)
    assert (error.category, error.fault) == (category, fault)
    assert server.stats[family].calls == 1


@families
def test_a_retired_model_is_named(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    server.control(retired=[MODELS[family]])
    error = _error(family, environment)
    assert error.category is C.MODEL_ERROR
    assert MODELS[family] in error.message


@families
def test_a_key_is_never_told(family: str, environment: dict[str, str]) -> None:
    keys = {name: BAD_KEY if name.endswith("KEY") else value for name, value in environment.items()}
    error = _error(family, {name: value for name, value in keys.items() if name in VARIABLES})
    assert error.category is C.AUTHENTICATION
    assert BAD_KEY not in error.message


@families
@pytest.mark.parametrize("body", ["{}", '{"input_tokens": "many", "totalTokens": null, "token_ids": 7}', "[]"])
def test_an_answer_without_a_number_is_no_count(family: str, body: str, told: Told) -> None:
    told.body = body.encode()
    assert _error(family, told.environment()).fault is Kind.MALFORMED


@families
def test_only_the_text_is_sent(family: str, told: Told) -> None:
    told.body = b'{"input_tokens": 3, "totalTokens": 3, "token_ids": [{}, {}, {}]}'
    assert _count(family, told.environment()) == 3
    [(path, _, body)] = told.asked
    ends = {
        "anthropic": "/v1/messages/count_tokens",
        "google": f"/models/{MODELS['google']}:countTokens",
        "xai": "/v1/tokenize-text",
    }
    assert path.endswith(ends[family])
    sent = {"anthropic": {"model", "messages"}, "google": {"contents"}, "xai": {"model", "text"}}
    assert set(json.loads(body)) == sent[family]
