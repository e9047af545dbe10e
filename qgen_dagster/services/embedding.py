"""The embedder that the settings choose, ready to use; calls to a provider go the way of all calls.

Here: `check_embedder`, `open_embedder`. A provider's vectors are asked for through the journal's caller: paced, tried
again, within the budget, and each call on record with what it cost. Not here: the embedders themselves (`dedup/`),
embedding a bank anew (`reembedding.py`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from qgen_dagster.config.embedders import HASHING, SENTENCES, EmbedderChoice
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.dedup.embedder import Embedder, EmbedderDown, Vectors
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.gate import Gate, GateLimits
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster.services.calls import EMBED, Calls, digest_of

if TYPE_CHECKING:
    from qgen_dagster.generation.prices import Prices
    from qgen_dagster.generation.providers.embeddings import EmbeddingClient

AT_ONCE = 4  # calls for vectors at the same time
TIMEOUT_SECONDS = 60.0
CHARS_PER_TOKEN = 3  # fewer than real text has, since it bounds costs


def check_embedder(settings: Settings) -> None:
    """Raises ConfigurationError when the chosen embedder lacks a key, a library or a model. Asks nobody."""
    choice = settings.embedder
    if choice.kind == SENTENCES:
        from qgen_dagster.dedup.sentences import find_model

        find_model(choice.model)
    elif choice.remote:
        _require_sdk(choice)
        from qgen_dagster.generation.providers.registry import missing

        needed = missing(choice.kind, settings.provider_environment)
        if needed:
            raise ConfigurationError(f"QGEN_EMBEDDER: {choice} needs {needed}", hint="It is not set.")


def open_embedder(settings: Settings, calls: Callable[[], Calls]) -> Embedder:
    """The chosen embedder; `calls` is what a provider's vectors are asked for with, opened at the first text.

    Raises ConfigurationError as `check_embedder` does.
    """
    choice = settings.embedder
    if choice.kind == HASHING:
        from qgen_dagster.dedup.hashing import HashingEmbedder

        return HashingEmbedder()
    check_embedder(settings)
    if choice.kind == SENTENCES:
        from qgen_dagster.dedup.sentences import SentenceEmbedder, find_model

        return SentenceEmbedder(find_model(choice.model))
    from qgen_dagster.dedup.remote import RemoteEmbedder

    return RemoteEmbedder(choice.kind, choice.model, _Asking(settings, calls), dimensions=choice.dimensions)


class _Asking:
    """Asks a provider for vectors, in portions as large as it takes them."""

    def __init__(self, settings: Settings, calls: Callable[[], Calls]) -> None:
        self._choice = settings.embedder
        self._settings = settings
        self._calls = calls
        self._client: EmbeddingClient | None = None
        self._gate = Gate(self._choice.kind, GateLimits(max_concurrent=AT_ONCE), clock=time.monotonic)
        self._prices: Prices | None = None

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """One row per text. Raises EmbedderDown."""
        import numpy as np

        from qgen_dagster.generation.providers.embeddings import portions

        calls = self._calls()

        async def ask_all() -> list[Vectors | BaseException]:
            asked = (self._ask(calls, some) for some in portions(texts))
            return await asyncio.gather(*asked, return_exceptions=True)

        found = calls.run(ask_all())
        parts: list[Vectors] = []
        for part in found:
            if isinstance(part, ProviderError):
                hint = "What waits for it goes on later: qgen resume. Does it answer? qgen doctor --live"
                raise EmbedderDown(f"no vectors: {part.message}", hint=hint, category=part.category) from part
            if isinstance(part, BaseException):
                raise part
            parts.append(part)
        if len({part.shape[1] for part in parts}) > 1:
            raise EmbedderDown(f"{self._choice} gave vectors of different lengths")
        return np.concatenate(parts)

    async def _ask(self, calls: Calls, texts: Sequence[str]) -> Vectors:
        arrived: list[Vectors] = []
        choice, client = self._choice, self._opened(calls)

        async def send() -> Reply:
            made = await client.embed(
                texts, choice.model, dimensions=choice.dimensions, timeout_seconds=TIMEOUT_SECONDS
            )
            arrived[:] = [made.vectors]
            # The journal says what came, not the numbers: they are in the bank, and too many to keep twice.
            text = f"{len(texts)} vectors of {made.vectors.shape[1]} numbers"
            return Reply(
                text=text,
                provider=choice.kind,
                model=choice.model,
                input_tokens=made.tokens,
                output_tokens=None if made.tokens is None else 0,
                cost_usd=None if made.tokens is None else self._usd(made.tokens),
            )

        tokens = sum(len(text) for text in texts) // CHARS_PER_TOKEN + len(texts)
        route = Route(
            provider=choice.kind,
            model=choice.model,
            send=send,
            gate=self._gate,
            tokens=tokens,
            worst_tokens=tokens,
            worst_usd=lambda: self._usd(tokens),
        )
        # A name of its own for every call: a reply of the journal would bring no vectors.
        await calls.caller.call(Call(EMBED, digest_of(EMBED, uuid4())), [route])
        return arrived[0]

    def _opened(self, calls: Calls) -> EmbeddingClient:
        if self._client is None:
            from qgen_dagster.generation.providers.registry import open_embedding_client

            self._client = open_embedding_client(self._choice.kind, self._settings.provider_environment)
            calls.on_close(self._client.aclose)
        return self._client

    def _usd(self, tokens: int) -> Decimal | None:
        if self._prices is None:
            from qgen_dagster.services.desk import price_table

            self._prices = price_table(self._settings.llm)
        return self._prices.cost(self._choice.kind, self._choice.model, input_tokens=tokens, output_tokens=0)


def _require_sdk(choice: EmbedderChoice) -> None:
    from importlib.util import find_spec

    if find_spec("openai") is None:
        from qgen_dagster.generation.providers.sdk import INSTALL_HINT

        raise ConfigurationError(f"QGEN_EMBEDDER: {choice} needs the package openai", hint=INSTALL_HINT)
