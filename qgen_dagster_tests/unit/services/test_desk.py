"""The desk opens a provider's client when it is first needed, and nobody who has a client waits for that."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from qgen_dagster.config.llm import load_llm_config
from qgen_dagster.generation.llm import CallSettings, Completion, Prompt
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.prompts.schemas import COMPARISON
from qgen_dagster.generation.provider import Reply
from qgen_dagster.services import desk as module
from qgen_dagster.services.desk import Desk

CONFIG = load_llm_config()
OF_OPENAI = next(name for name, entry in CONFIG.models.models.items() if entry.provider == "openai")
OF_ANTHROPIC = next(name for name, entry in CONFIG.models.models.items() if entry.provider == "anthropic")
PROMPT = VersionedPrompt("", "Which?", "comparison", COMPARISON, "test/1")


class Client:
    """Answers at once, and says that it did."""

    def __init__(self, name: str, answered: threading.Event) -> None:
        self.name = name
        self._answered = answered

    async def complete(self, prompt: Prompt, settings: CallSettings) -> Completion:
        self._answered.set()
        return Completion("yes", settings.model)

    async def aclose(self) -> None:
        """Nothing to close."""


async def answer(desk: Desk, model: str) -> Reply:
    return await desk.route(model, PROMPT, temperature=0.0, output_tokens=10, timeout_seconds=5.0).send()


def make_desk() -> Desk:
    return Desk(CONFIG, {}, timer=lambda: 0.0, on_close=lambda close: None)


def test_a_provider_answers_while_another_ones_sdk_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    in_time: list[bool] = []

    def open_client(provider: str, environment: Mapping[str, str]) -> Any:
        if provider == "anthropic":  # its SDK takes as long as the other one's answer
            in_time.append(answered.wait(10))
        return Client(provider, answered)

    monkeypatch.setattr(module, "open_client", open_client)

    async def both() -> list[Reply]:
        desk = make_desk()
        return await asyncio.gather(answer(desk, OF_OPENAI), answer(desk, OF_ANTHROPIC))

    assert [reply.provider for reply in asyncio.run(both())] == ["openai", "anthropic"]
    assert in_time == [True]


def test_a_client_is_opened_once_however_many_calls_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: Counter[str] = Counter()

    def open_client(provider: str, environment: Mapping[str, str]) -> Any:
        opened[provider] += 1
        return Client(provider, threading.Event())

    monkeypatch.setattr(module, "open_client", open_client)

    async def many() -> None:
        desk = make_desk()
        await asyncio.gather(*(answer(desk, model) for model in [OF_OPENAI, OF_ANTHROPIC] * 5))

    asyncio.run(many())
    assert opened == {"openai": 1, "anthropic": 1}
