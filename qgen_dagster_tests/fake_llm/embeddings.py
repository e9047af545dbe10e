"""Vectors for texts: texts that share words lie near each other, as a real embedding has it.

Not here: any protocol.
"""

from __future__ import annotations

import base64
import zlib
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "gemini-embedding-001": 3072,
}


def dimensions_of(model: str) -> int:
    """How long a model's vectors are unless asked for shorter ones."""
    return DIMENSIONS.get(model, 768)


@lru_cache(maxsize=4096)
def embed(text: str, dimensions: int) -> NDArray[np.float32]:
    """A unit vector made of the text's words and runs of three letters; the same on any machine."""
    words = text.casefold().split()
    joined = f" {' '.join(words)} "
    features = [*words, *(joined[i : i + 3] for i in range(len(joined) - 2))] or [""]
    hashes = np.fromiter((zlib.crc32(f.encode()) for f in features), np.uint32, len(features))
    vector = np.zeros(dimensions, np.float32)
    np.add.at(vector, hashes % dimensions, np.where(hashes & 0x8000_0000, 1.0, -1.0).astype(np.float32))
    norm = float(np.linalg.norm(vector))
    if norm == 0:
        vector[0] = norm = 1.0
    return vector / np.float32(norm)


def as_base64(vector: NDArray[np.float32]) -> str:
    """As OpenAI sends it when asked for base64."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()


def as_numbers(vector: NDArray[np.float32]) -> list[float]:
    """As a JSON list."""
    return [round(value, 7) for value in vector.tolist()]
