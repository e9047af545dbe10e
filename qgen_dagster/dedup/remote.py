"""An embedder that asks somebody else for its vectors, and remembers the last ones.

Here: `RemoteEmbedder`. Not here: asking (`services/embedding.py` hands it in), providers (`generation/providers/`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

from qgen_dagster.dedup.embedder import EmbedderDown, Vectors

# As the provider documents them; the length of other models is found by asking.
KNOWN_DIMENSIONS = {"text-embedding-3-small": 1_536, "text-embedding-3-large": 3_072, "text-embedding-ada-002": 1_536}
REMEMBERED = 2_048  # texts; a chunk of candidates is embedded ahead of the transaction that compares it
MAX_CHARACTERS = 6_000  # models take about 8,000 tokens; what comes later cannot make two questions less near
_NO_WORDS = "no words"  # an empty text is refused

# Texts → one row per text, float32, of any length but all of the same. Raises EmbedderDown.
Ask = Callable[[Sequence[str]], Vectors]


class RemoteEmbedder:
    """Unit vectors from a model elsewhere. The length of its vectors is part of its name, so a bank never mixes two.

    May be used from several threads: one asks at a time.
    """

    def __init__(self, provider: str, model: str, ask: Ask, *, dimensions: int | None = None) -> None:
        self._model = f"{provider}:{model}"
        self._ask = ask
        self._dimensions = dimensions or (KNOWN_DIMENSIONS.get(model) if provider == "openai" else None)
        self._remembered: OrderedDict[str, Vectors] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def name(self) -> str:
        """Raises EmbedderDown where the length of its vectors is not known and cannot be asked."""
        return f"{self._model}@{self.dimensions}"

    @property
    def dimensions(self) -> int:
        """Asks once where it is not known. Raises EmbedderDown."""
        with self._lock:
            if self._dimensions is None:
                self._dimensions = int(self._ask(["length"]).shape[1])
            return self._dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, float32, each of length 1; equal texts are asked for once. Raises EmbedderDown."""
        import numpy as np

        with self._lock:
            sent = [text[:MAX_CHARACTERS] or _NO_WORDS for text in texts]
            found = {text: self._remembered[text] for text in sent if text in self._remembered}
            missing = list(dict.fromkeys(text for text in sent if text not in found))
            if missing:
                found |= zip(missing, self._unit_vectors(missing), strict=True)
            self._remember(found)
        if not sent:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.stack([found[text] for text in sent])

    def _unit_vectors(self, texts: Sequence[str]) -> Vectors:
        import numpy as np

        vectors = self._ask(texts)
        if vectors.shape != (len(texts), self.dimensions):
            raise EmbedderDown(
                f"{self._model} gave {len(vectors)} vectors of {vectors.shape[1]} numbers for {len(texts)} texts; "
                f"{self.dimensions} numbers each were expected",
                hint="Is it still the same model? If not, give it another name in QGEN_EMBEDDER.",
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not (lengths > 0).all():
            raise EmbedderDown(f"{self._model} gave a vector of zeros")
        return np.asarray(vectors / lengths, dtype=np.float32)

    def _remember(self, found: dict[str, Vectors]) -> None:
        self._remembered.update(found)
        for text in found:
            self._remembered.move_to_end(text)
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
