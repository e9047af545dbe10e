"""What the SDK sends for our models: the same as for its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest
from google import genai
from google.genai import types

from qgen_dagster.generation.llm import CallSettings
from qgen_dagster.generation.providers.google_format import call_config
from qgen_dagster.generation.providers.google_models import configuration, message
from qgen_dagster_tests.unit.generation.providers.samples import PROMPT, settings

ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hello"}]}, "finishReason": "STOP"}]}


def _sent(contents: Any, config: Any) -> tuple[Any, Any]:
    """The body that the SDK sends, and its response."""
    bodies: list[bytes] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.content)
        return httpx2.Response(200, json=ANSWER)

    async def call() -> Any:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
            options = types.HttpOptions(base_url="http://models.invalid", httpx_async_client=http)
            client = genai.Client(api_key="any", vertexai=False, http_options=options)
            return await client.aio.models.generate_content(model="m-1", contents=contents, config=config)

    response = asyncio.run(call())
    assert len(bodies) == 1
    return json.loads(bodies[0]), response


@pytest.mark.parametrize(
    "how",
    [settings(), settings(temperature=0.8), settings(structured="tool"), settings(structured="none")],
    ids=["schema", "temperature", "tool", "words"],
)
def test_the_sdk_sends_the_same_as_for_its_own_models(how: CallSettings) -> None:
    fields = call_config(PROMPT, how)
    ours, _ = _sent(message(PROMPT.user), configuration(fields))
    theirs, _ = _sent(PROMPT.user, types.GenerateContentConfig(**fields))
    assert ours == theirs


def test_the_answer_comes_back_as_it_was() -> None:
    _, response = _sent(message(PROMPT.user), configuration(call_config(PROMPT, settings())))
    assert json.loads(response.sdk_http_response.body) == ANSWER
    assert response.candidates is None
