"""Embeddings through the real SDK."""

from __future__ import annotations

import asyncio
import base64
import json

import numpy as np
import pytest

from qgen_dagster.core.error_categories import ErrorCategory as C
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.embeddings import MAX_TEXTS, Embeddings
from qgen_dagster.generation.providers.registry import EMBEDDING_FAMILIES, open_embedding_client
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.integration.providers.conftest import Told, at_server

MODEL = "text-embedding-3-small"
families = pytest.mark.parametrize("family", EMBEDDING_FAMILIES)


def _embed(family: str, environment: dict[str, str], texts: list[str], dimensions: int | None = None) -> Embeddings:
    async def main() -> Embeddings:
        client = open_embedding_client(family, environment)
        try:
            return await client.embed(texts, MODEL, dimensions=dimensions)
        finally:
            await client.aclose()

    return asyncio.run(main())


@families
def test_each_text_has_a_row_in_its_order(family: str, server: FakeLlm, environment: dict[str, str]) -> None:
    found = _embed(family, environment, ["one", "two", "one"])
    assert found.vectors.shape == (3, 1_536)
    assert found.vectors.dtype == np.float32
    assert np.array_equal(found.vectors[0], found.vectors[2])
    assert not np.array_equal(found.vectors[0], found.vectors[1])
    assert found.tokens == server.stats[at_server(family)].embedding_tokens


def test_many_texts_go_in_several_calls(server: FakeLlm, environment: dict[str, str]) -> None:
    texts = [f"text {n}" for n in range(MAX_TEXTS + 1)]
    found = _embed("openai", environment, texts, dimensions=8)
    assert found.vectors.shape == (MAX_TEXTS + 1, 8)
    assert server.stats["openai"].task("embed").calls == 2
    alone = _embed("openai", environment, texts[-1:], dimensions=8)
    assert np.array_equal(found.vectors[-1], alone.vectors[0])


def test_no_texts_are_no_call(server: FakeLlm, environment: dict[str, str]) -> None:
    assert _embed("openai", environment, []).vectors.shape == (0, 0)
    assert server.stats["openai"].calls == 0


def test_an_error_is_told_apart_like_any_other(server: FakeLlm, environment: dict[str, str]) -> None:
    server.script("401:1")
    with pytest.raises(ProviderError) as caught:
        _embed("openai", environment, ["one"])
    assert caught.value.category is C.AUTHENTICATION


def _row(index: int, embedding: object) -> dict[str, object]:
    return {"object": "embedding", "index": index, "embedding": embedding}


def test_rows_in_another_order_and_in_either_packing_are_put_right(told: Told) -> None:
    packed = base64.b64encode(np.array([3, 4], dtype="<f4").tobytes()).decode()
    told.body = json.dumps({"data": [_row(1, packed), _row(0, [1.0, 2.0])]}).encode()
    found = _embed("openai_compatible", told.environment(), ["a", "b"])
    assert found.vectors.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.tokens is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        [_row(0, [1.0])],
        [_row(0, [1.0]), {"index": 1}],
        [_row(0, [1.0]), _row(1, [1.0, 2.0])],
        [_row(0, [1.0]), _row(1, ["x"])],
        [_row(0, [1.0]), _row(1, 5)],
        [_row(0, []), _row(1, [])],
        [_row(0, [1.0]), _row(1, [float("inf")])],
        [_row(0, "AAA"), _row(1, "AAA")],
    ],
)
def test_vectors_that_cannot_be_used_blame_the_server(data: object, told: Told) -> None:
    told.body = json.dumps({"data": data}).encode()
    with pytest.raises(ProviderError) as caught:
        _embed("openai", told.environment(), ["a", "b"])
    assert caught.value.category is C.SERVER_ERROR
