from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from qgen_dagster.dedup.embedder import EmbedderDown, Vectors
from qgen_dagster.dedup.remote import MAX_CHARACTERS, REMEMBERED, RemoteEmbedder


class Model:
    """Vectors made of a text's length; notes what it was asked."""

    def __init__(self, numbers: int = 3) -> None:
        self.numbers = numbers
        self.asked: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.asked.append(list(texts))
        return np.array([[len(text), *range(1, self.numbers)] for text in texts], dtype=np.float32)


def embedder(model: Model, **more: int) -> RemoteEmbedder:
    return RemoteEmbedder("openai_compatible", "m", model, **more)


def test_vectors_have_length_one_and_the_order_of_the_texts() -> None:
    found = embedder(Model()).embed(["a", "long", "a"])
    assert found.shape == (3, 3)
    assert found.dtype == np.float32
    assert np.allclose((found**2).sum(axis=1), 1)
    assert np.array_equal(found[0], found[2])
    assert not np.array_equal(found[0], found[1])


def test_a_text_is_asked_for_once() -> None:
    model = Model()
    it = embedder(model, dimensions=3)
    it.embed(["a", "b", "a"])
    it.embed(["b", "c"])
    assert model.asked == [["a", "b"], ["c"]]


def test_only_the_last_texts_are_remembered() -> None:
    model = Model()
    it = embedder(model, dimensions=3)
    it.embed(["old"])
    it.embed([str(n) for n in range(REMEMBERED)])
    it.embed(["old"])
    assert model.asked[-1] == ["old"]


def test_more_texts_at_once_than_are_remembered_are_all_embedded() -> None:
    assert embedder(Model()).embed([str(n) for n in range(REMEMBERED + 1)]).shape == (REMEMBERED + 1, 3)


def test_the_name_holds_the_length_of_the_vectors() -> None:
    assert embedder(Model(5)).name == "openai_compatible:m@5"
    assert RemoteEmbedder("openai", "text-embedding-3-small", Model()).name == "openai:text-embedding-3-small@1536"
    assert RemoteEmbedder("openai", "text-embedding-3-large", Model(), dimensions=256).name.endswith("@256")


def test_a_length_that_is_known_is_not_asked_for() -> None:
    model = Model()
    assert RemoteEmbedder("openai", "text-embedding-3-small", model).dimensions == 1_536
    assert embedder(model, dimensions=7).dimensions == 7
    assert model.asked == []


def test_a_model_that_gives_other_vectors_than_before_is_down() -> None:
    model = Model()
    it = embedder(model)
    it.embed(["a"])
    model.numbers = 4
    with pytest.raises(EmbedderDown, match="3 numbers each"):
        it.embed(["b"])


def test_a_vector_without_direction_is_no_vector() -> None:
    it = RemoteEmbedder("openai_compatible", "m", lambda texts: np.zeros((len(texts), 3), dtype=np.float32))
    with pytest.raises(EmbedderDown, match="zeros"):
        it.embed(["a"])


def test_what_a_model_would_refuse_is_not_sent() -> None:
    model = Model()
    embedder(model, dimensions=3).embed(["", "x" * (MAX_CHARACTERS + 5)])
    assert [len(text) for text in model.asked[0]] == [len("no words"), MAX_CHARACTERS]


def test_no_texts_are_no_question() -> None:
    model = Model()
    assert embedder(model, dimensions=3).embed([]).shape == (0, 3)
    assert model.asked == []
