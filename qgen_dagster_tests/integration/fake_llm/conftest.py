"""The server in this process, and the official SDKs pointed at it, their own retries off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import types

from qgen_dagster_tests.fake_llm import FakeLlm, FakeLlmProcess
from qgen_dagster_tests.integration.fake_llm.prompts import SYSTEM

Server = FakeLlm | FakeLlmProcess
Ask = Callable[..., str]
TIMEOUT = 20.0


@pytest.fixture
def server() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


def openai_client(server: Server, mount: str = "OPENAI", key: str = "any", timeout: float = TIMEOUT) -> openai.OpenAI:
    return openai.OpenAI(base_url=server.env[f"{mount}_BASE_URL"], api_key=key, max_retries=0, timeout=timeout)


def anthropic_client(server: Server, key: str = "any", timeout: float = TIMEOUT) -> anthropic.Anthropic:
    return anthropic.Anthropic(base_url=server.env["ANTHROPIC_BASE_URL"], api_key=key, max_retries=0, timeout=timeout)


def google_client(server: Server, key: str = "any", timeout: float = TIMEOUT) -> genai.Client:
    options = types.HttpOptions(base_url=server.env["GOOGLE_GEMINI_BASE_URL"], timeout=int(timeout * 1000))
    return genai.Client(api_key=key, http_options=options)


def chat(client: openai.OpenAI, user: str, model: str = "gpt-4.1", **more: Any) -> Any:
    """One chat completion."""
    messages: Any = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": user}]
    return client.chat.completions.create(model=model, messages=messages, **more)


def message(client: anthropic.Anthropic, user: str, model: str = "claude-sonnet-5", **more: Any) -> Any:
    """One message, the system prompt marked for the cache."""
    system: Any = [{"type": "text", "text": SYSTEM, "cache_control": {"type": "ephemeral"}}]
    settings: dict[str, Any] = {"max_tokens": 8_000, "system": system, **more}
    return client.messages.create(model=model, messages=[{"role": "user", "content": user}], **settings)


def content(client: genai.Client, user: str, model: str = "gemini-2.5-flash", **config: Any) -> Any:
    """One generateContent."""
    chosen = types.GenerateContentConfig(system_instruction=SYSTEM, **config)
    return client.models.generate_content(model=model, contents=user, config=chosen)


@pytest.fixture
def ask(server: FakeLlm) -> Ask:
    """The text that a provider's model answers to a prompt, asked through its own SDK."""

    def answered(user: str, provider: str = "openai") -> str:
        if provider == "anthropic":
            reply = message(anthropic_client(server), user)
            return "".join(block.text for block in reply.content)
        if provider == "google":
            return content(google_client(server), user).text or ""
        models = {"openai": ("OPENAI", "gpt-4.1"), "xai": ("XAI", "grok-4.5")}
        mount, model = models.get(provider, ("QGEN_OPENAI_COMPATIBLE", "local-model"))
        return chat(openai_client(server, mount), user, model).choices[0].message.content or ""

    return answered
