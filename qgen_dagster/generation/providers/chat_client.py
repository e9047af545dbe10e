"""Clients on OpenAI's SDK, for every provider that speaks its format.

Here: `SdkClient`, `ChatClient`. Not here: the format (`chat.py`), batch jobs and which provider is where (`openai.py`,
`xai.py`, `openai_compatible.py`), embeddings (`embeddings.py`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from qgen_dagster.config.addresses import checked_key
from qgen_dagster.generation.llm import CallSettings, Completion, Prompt
from qgen_dagster.generation.providers.batches import CALL_SECONDS
from qgen_dagster.generation.providers.chat import Dialect, read_completion, read_object, request_body
from qgen_dagster.generation.providers.classify import Caller
from qgen_dagster.generation.providers.headers import openai_limits
from qgen_dagster.generation.providers.sdk import (
    checked_url,
    host_of,
    http_client,
    made_once,
    sdk_required,
    stainless_errors,
)

if TYPE_CHECKING:
    import openai


class _RawAnswer(Protocol):
    """What the SDK gives for a call `with_raw_response`."""

    @property
    def text(self) -> str: ...


class SdkClient:
    """OpenAI's SDK with one connection pool. Use it within one event loop, and close it there."""

    def __init__(self, name: str, *, api_key: str, base_url: str, own_account: bool = False) -> None:
        """`own_account`: this is OpenAI itself, so that organisation, project and headers that the environment has
        for it are sent. Raises ConfigurationError: no SDK, a key or address that cannot be one.
        """
        self.name = name
        self._secrets = (checked_key(f"the key of {name}", api_key),)
        self._host = host_of(checked_url(f"the base URL of {name}", base_url))
        with sdk_required(name, "openai"):
            import openai
        self._translate = stainless_errors(openai)
        self._omit = openai.omit
        make = openai.AsyncOpenAI if own_account else _without_environment()
        self._sdk = make(api_key=self._secrets[0], base_url=base_url, max_retries=0, http_client=http_client())

    async def aclose(self) -> None:
        """Closes its connections. Calls in flight fail. May be called twice."""
        await self._sdk.close()

    async def _object(self, call: Awaitable[_RawAnswer], seconds: float = CALL_SECONDS) -> Mapping[str, Any]:
        """The JSON object that a call about a job answers with. Raises ProviderError."""
        raw = await made_once(call, self._caller(), seconds, self._translate)
        return read_object(self._caller(), raw.text)

    def _caller(self, model: str | None = None) -> Caller:
        return Caller(self.name, self._host, model, self._secrets)


class ChatClient(SdkClient):
    """One provider that speaks chat completions: an `LlmClient`."""

    def __init__(self, name: str, dialect: Dialect, *, api_key: str, base_url: str, own_account: bool = False) -> None:
        super().__init__(name, api_key=api_key, base_url=base_url, own_account=own_account)
        self._dialect = dialect

    async def complete(self, prompt: Prompt, settings: CallSettings) -> Completion:
        """One call, made once. Raises ProviderError."""
        caller = self._caller(settings.model)
        body = request_body(prompt, settings, self._dialect)
        # What the SDK takes by name it walks through part by part, a quarter of the CPU time of a call.
        call = self._sdk.chat.completions.with_raw_response.create(model=settings.model, messages=(), extra_body=body)
        raw = await made_once(call, caller, settings.timeout_seconds, self._translate)
        return read_completion(caller, read_object(caller, raw.text), openai_limits(raw.headers))


def _without_environment() -> type[openai.AsyncOpenAI]:
    """The SDK's client without what the environment says about an account at OpenAI.

    Another provider must not see the organisation, or headers that are meant for OpenAI or a gateway to it.
    """
    import openai

    class Elsewhere(openai.AsyncOpenAI):
        @property
        def default_headers(self) -> dict[str, str | openai.Omit]:
            return {"Accept": "application/json", "Content-Type": "application/json", "User-Agent": self.user_agent}

    return Elsewhere
