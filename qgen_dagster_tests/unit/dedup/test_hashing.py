from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.dedup.hashing import HashingEmbedder

PROGRAM = """
import hashlib
from qgen_dagster.dedup.hashing import HashingEmbedder
texts = ["Anna is older than Ben", "", "Größe 12 × 3 → ?", "🦉 owl"]
print(hashlib.sha256(HashingEmbedder().embed(texts).tobytes()).hexdigest())
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_vectors_are_the_same_in_every_process(hash_seed: str) -> None:
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": hash_seed}
    ).stdout.split()
    here = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "3"}
    ).stdout.split()
    assert printed == here


@given(st.lists(st.text(max_size=60), max_size=8))
def test_every_text_gets_a_vector_of_length_one(texts: list[str]) -> None:
    embedder = HashingEmbedder(64)
    vectors = embedder.embed(texts)
    assert vectors.shape == (len(texts), 64)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_a_vector_does_not_depend_on_the_texts_beside_it(texts: list[str]) -> None:
    embedder = HashingEmbedder(64)
    together = embedder.embed(texts)
    for text, vector in zip(texts, together, strict=True):
        assert np.allclose(embedder.embed([text])[0], vector, atol=1e-6)


def test_a_batch_larger_than_a_chunk_keeps_its_order() -> None:
    texts = [f"text number {i}" for i in range(1_200)]
    vectors = HashingEmbedder(64).embed(texts)
    assert np.allclose(vectors[1_100], HashingEmbedder(64).embed([texts[1_100]])[0], atol=1e-6)


def test_texts_that_share_most_words_are_nearer_than_unrelated_ones() -> None:
    a, b, c = HashingEmbedder().embed(["how far is the red car", "how far is the blue car", "name the capital"])
    assert a @ b > 0.6 > 0.3 > a @ c


def test_spacing_between_words_does_not_matter() -> None:
    a, b = HashingEmbedder().embed(["two  words\n", "two words"])
    assert a @ b == pytest.approx(1, abs=1e-6)


def test_the_name_tells_dimensions_and_version() -> None:
    assert HashingEmbedder(384).name == "hashing-384-v1"
