"""The built-in embedder: hashed character n-grams. No download, no model, the same on every machine.

It sees the surface: texts of one template are near, a free paraphrase is not (benchmarks/README.md has the figures).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qgen_dagster.dedup.embedder import Vectors

SMALLEST, LARGEST = 3, 5
_BASE = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SPACE = 32
_CHUNK = 32  # texts at a time: bounds memory, and what fits a processor's cache is faster too


class HashingEmbedder:
    """Counts of the n-grams (3 to 5 characters, inside words with their edges), dampened, hashed with signs."""

    def __init__(self, dimensions: int = 256) -> None:
        self._dimensions = dimensions

    @property
    def name(self) -> str:
        return f"hashing-{self._dimensions}-v1"

    @property
    def dimensions(self) -> int:
        return self._dimensions

    def embed(self, texts: Sequence[str]) -> Vectors:
        chunks = [self._embed_chunk(texts[i : i + _CHUNK]) for i in range(0, len(texts), _CHUNK)]
        return np.concatenate(chunks) if chunks else np.zeros((0, self._dimensions), dtype=np.float32)

    def _embed_chunk(self, texts: Sequence[str]) -> Vectors:
        points, owner = _code_points(texts)
        rows, grams = _grams(points, owner)
        rows, grams, counts = _count(rows, grams)
        hashed = _mix(grams)
        buckets = (hashed % np.uint64(self._dimensions)).astype(np.int64)
        signs = np.where(hashed >> np.uint64(63), 1.0, -1.0)
        weights = signs * (1.0 + np.log(counts))
        size = len(texts) * self._dimensions
        summed = np.bincount(rows * self._dimensions + buckets, weights=weights, minlength=size)
        return _unit_length(summed.reshape(len(texts), self._dimensions).astype(np.float32))


def _code_points(texts: Sequence[str]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """All characters in one array, words apart by one space, and which text each belongs to."""
    padded = [f" {' '.join(text.split())} " for text in texts]
    joined = "".join(padded).encode("utf-32-le", errors="replace")
    lengths = np.fromiter((len(text) for text in padded), dtype=np.int64, count=len(padded))
    return np.frombuffer(joined, dtype="<u4").astype(np.uint64), np.repeat(np.arange(len(texts)), lengths)


def _grams(points: NDArray[np.uint64], owner: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """The n-grams of every size as polynomial hashes, each with its text. None reaches over a space or a text."""
    spaces = np.concatenate([[0], np.cumsum(points == _SPACE)])
    rows, grams = [], []
    with np.errstate(over="ignore"):
        for size in range(SMALLEST, LARGEST + 1):
            count = len(points) - size + 1
            if count <= 0:
                continue
            value = np.full(count, size, dtype=np.uint64)
            for offset in range(size):
                value = value * _BASE + points[offset : offset + count]
            inner_spaces = spaces[size - 1 : size - 1 + count] - spaces[1 : 1 + count]
            kept = (inner_spaces == 0) & (owner[:count] == owner[size - 1 :])
            rows.append(owner[:count][kept])
            grams.append(value[kept])
    if not rows:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    return np.concatenate(rows), np.concatenate(grams)


def _count(
    rows: NDArray[np.int64], grams: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]:
    """Each different n-gram of each text once, with how often it occurs."""
    with np.errstate(over="ignore"):
        keys = _mix(grams) ^ (_mix(rows.astype(np.uint64)) * _BASE)
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    return rows[first], grams[first], counts


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """splitmix64: spreads every bit of the input over the whole output."""
    with np.errstate(over="ignore"):
        mixed = (values ^ (values >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        return np.asarray(mixed ^ (mixed >> np.uint64(31)), dtype=np.uint64)


def _unit_length(vectors: Vectors) -> Vectors:
    """Vectors of length 1. A text without any n-gram gets a fixed one, so that a cosine always exists."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[lengths[:, 0] == 0, 0] = 1.0
    return np.asarray(vectors / np.where(lengths == 0, 1.0, lengths), dtype=np.float32)
