"""Embeddings from OpenAI or a compatible server.

Here: `EmbeddingClient`, `Embeddings`, `portions`. Not here: the embedder that deduplication uses, with its name and its
unit vectors (`dedup/`).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qgen_dagster.generation.providers.chat import read_object
from qgen_dagster.generation.providers.chat_client import SdkClient
from qgen_dagster.generation.providers.classify import Caller, malformed
from qgen_dagster.generation.providers.sdk import made_once

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# OpenAI takes 2,048 texts and 300,000 tokens at a time; a character is at most about one token.
MAX_TEXTS = 512
MAX_CHARACTERS = 250_000
TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One row per text, float32, as the model gave it. `tokens` is what is charged, None where the server is silent."""

    vectors: NDArray[np.float32]
    tokens: int | None


class EmbeddingClient(SdkClient):
    """Embeds texts. Use it within one event loop, and close it there."""

    async def embed(
        self,
        texts: Sequence[str],
        model: str,
        *,
        dimensions: int | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Embeddings:
        """The texts' vectors, in their order; many texts in several calls, each made once. Raises ProviderError.

        `dimensions` shortens the vectors where the model can do that.
        """
        import numpy as np

        parts: list[Embeddings] = []
        for some in portions(texts):
            parts.append(await self._embed(some, model, dimensions, timeout_seconds))
        if not parts:
            return Embeddings(np.zeros((0, dimensions or 0), dtype=np.float32), 0)
        if len({part.vectors.shape[1] for part in parts}) > 1:
            raise malformed(self._caller(model), "vectors of different lengths")
        counted = [part.tokens for part in parts if part.tokens is not None]
        return Embeddings(np.concatenate([p.vectors for p in parts]), sum(counted) if counted else None)

    async def _embed(self, texts: Sequence[str], model: str, dimensions: int | None, seconds: float) -> Embeddings:
        caller = self._caller(model)
        extra: dict[str, Any] = {} if dimensions is None else {"dimensions": dimensions}
        call = self._sdk.embeddings.with_raw_response.create(
            input=list(texts), model=model, encoding_format="base64", **extra
        )
        raw = await made_once(call, caller, seconds, self._translate)
        return read_embeddings(caller, read_object(caller, raw.text), len(texts))


def read_embeddings(caller: Caller, data: Mapping[str, Any], count: int) -> Embeddings:
    """The vectors of an answer in the order of the texts, packed in base64 or as lists. Raises ProviderError."""
    import numpy as np

    rows = data.get("data")
    if not isinstance(rows, list) or len(rows) != count:
        raise malformed(caller, f"{len(rows) if isinstance(rows, list) else 'no'} vectors for {count} texts")
    try:
        ordered = sorted(rows, key=lambda row: int(row["index"]))
        vectors = np.stack([_vector(row["embedding"]) for row in ordered])
    except (KeyError, TypeError, ValueError) as error:
        raise malformed(caller, f"vectors that cannot be read: {error}") from None
    if not vectors.shape[1] or not np.isfinite(vectors).all():
        raise malformed(caller, "vectors that are empty or not finite")
    usage = data.get("usage")
    tokens = usage.get("prompt_tokens") if isinstance(usage, dict) else None
    return Embeddings(vectors, tokens if isinstance(tokens, int) else None)


def _vector(value: object) -> NDArray[np.float32]:
    import numpy as np

    if isinstance(value, str):
        return np.frombuffer(base64.b64decode(value, validate=True), dtype="<f4").astype(np.float32)
    vector = np.asarray(value, dtype=np.float32)
    if vector.ndim != 1:
        raise ValueError("not a list of numbers")
    return vector


def portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in order, cut where a call would become too large; a text that is too large alone goes alone."""
    start = size = 0
    for place, text in enumerate(texts):
        if place > start and (place - start == MAX_TEXTS or size + len(text) > MAX_CHARACTERS):
            yield texts[start:place]
            start, size = place, 0
        size += len(text)
    if start < len(texts):
        yield texts[start:]
