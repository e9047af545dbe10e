"""Which providers there are, which have a key, and how their clients are made from the environment.

Here: `FAMILIES`, `VARIABLES`, `available`, `missing`, `open_client`, `open_batch_client`, `open_embedding_client`. The
only place that knows the names of variables; nothing here reads the process's environment. A client's module, and with
it its SDK, is imported when the client is made. Not here: which provider serves what (`config/`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.generation.llm import LlmBatchClient, LlmClient
from qgen_dagster.generation.providers.embeddings import EmbeddingClient


class BatchCapableClient(LlmClient, LlmBatchClient, Protocol):
    """A client for single calls and for batch jobs."""


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of provider and the variables of its SDK; of several for the key the first that is set counts."""

    keys: tuple[str, ...]
    base_url: str
    open: Callable[[str, str | None], LlmClient]  # (key, base URL) → client
    open_batches: Callable[[str, str | None], BatchCapableClient] | None = None
    needs_key: bool = True


def _openai(key: str, base_url: str | None) -> BatchCapableClient:
    from qgen_dagster.generation.providers.openai import BASE_URL, OpenAiClient

    return OpenAiClient(api_key=key, base_url=base_url or BASE_URL)


def _anthropic(key: str, base_url: str | None) -> BatchCapableClient:
    from qgen_dagster.generation.providers.anthropic import BASE_URL, AnthropicClient

    return AnthropicClient(api_key=key, base_url=base_url or BASE_URL)


def _google(key: str, base_url: str | None) -> BatchCapableClient:
    from qgen_dagster.generation.providers.google import BASE_URL, GoogleClient

    return GoogleClient(api_key=key, base_url=base_url or BASE_URL)


def _xai(key: str, base_url: str | None) -> LlmClient:
    from qgen_dagster.generation.providers.xai import BASE_URL, XaiClient

    return XaiClient(api_key=key, base_url=base_url or BASE_URL)


def _compatible(key: str, base_url: str | None) -> LlmClient:
    from qgen_dagster.generation.providers.openai_compatible import CompatibleClient

    return CompatibleClient(base_url=base_url or "", api_key=key or None)


_FAMILIES = {
    "openai": Family(("OPENAI_API_KEY",), "OPENAI_BASE_URL", _openai, _openai),
    "anthropic": Family(("ANTHROPIC_API_KEY",), "ANTHROPIC_BASE_URL", _anthropic, _anthropic),
    # Google's SDK takes them in this order.
    "google": Family(("GOOGLE_API_KEY", "GEMINI_API_KEY"), "GOOGLE_GEMINI_BASE_URL", _google, _google),
    "xai": Family(("XAI_API_KEY",), "XAI_BASE_URL", _xai),
    "openai_compatible": Family(
        ("QGEN_OPENAI_COMPATIBLE_API_KEY",), "QGEN_OPENAI_COMPATIBLE_BASE_URL", _compatible, needs_key=False
    ),
}
FAMILIES = tuple(_FAMILIES)
BATCH_FAMILIES = tuple(name for name, family in _FAMILIES.items() if family.open_batches)
COUNTING_FAMILIES = ("anthropic", "google", "xai")  # whose clients are `TokenCounter`s
EMBEDDING_FAMILIES = ("openai", "openai_compatible")
# Every variable that is read here, for whoever prints or checks them.
VARIABLES = tuple(name for family in _FAMILIES.values() for name in (*family.keys, family.base_url))


def available(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The families that can be asked: those with a key, and a compatible server whose address is known."""
    return tuple(name for name in FAMILIES if not missing(name, environment))


def missing(name: str, environment: Mapping[str, str]) -> str | None:
    """The variables without which the family cannot be asked; None when nothing is missing."""
    family = _family(name)
    needed = family.keys if family.needs_key else (family.base_url,)
    return None if any(_get(environment, variable) for variable in needed) else " or ".join(needed)


def open_client(name: str, environment: Mapping[str, str]) -> LlmClient:
    """The family's client. Raises ConfigurationError: unknown family, no key, no SDK."""
    family = _family(name)
    return family.open(*_access(name, environment))


def open_batch_client(name: str, environment: Mapping[str, str]) -> BatchCapableClient:
    """The same client, for batch jobs too. Raises ConfigurationError, also for a family without a batch API."""
    family = _family(name)
    if family.open_batches is None:
        raise ConfigurationError(f"provider {name} has no batch API", hint=f"These have: {', '.join(BATCH_FAMILIES)}.")
    return family.open_batches(*_access(name, environment))


def open_embedding_client(name: str, environment: Mapping[str, str]) -> EmbeddingClient:
    """A client for embeddings. Raises ConfigurationError, also for a family without embeddings."""
    _family(name)
    if name not in EMBEDDING_FAMILIES:
        hint = f"These do: {', '.join(EMBEDDING_FAMILIES)}."
        raise ConfigurationError(f"provider {name} makes no embeddings here", hint=hint)
    key, base_url = _access(name, environment)
    if name == "openai":
        from qgen_dagster.generation.providers.openai import BASE_URL

        return EmbeddingClient(name, api_key=key, base_url=base_url or BASE_URL, own_account=True)
    from qgen_dagster.generation.providers.openai_compatible import NO_KEY

    return EmbeddingClient(name, api_key=key or NO_KEY, base_url=base_url or "")


def _family(name: str) -> Family:
    if name not in _FAMILIES:
        raise ConfigurationError(f"there is no provider {name!r}", hint=f"There are: {', '.join(FAMILIES)}.")
    return _FAMILIES[name]


def _access(name: str, environment: Mapping[str, str]) -> tuple[str, str | None]:
    """Key (may be empty where none is needed) and base URL."""
    needed = missing(name, environment)
    if needed:
        raise ConfigurationError(f"provider {name} needs {needed}", hint="It is not set.")
    family = _family(name)
    key = next((found for found in (_get(environment, key) for key in family.keys) if found), "")
    return key, _get(environment, family.base_url) or None


def _get(environment: Mapping[str, str], name: str) -> str:
    return environment.get(name, "").strip()
