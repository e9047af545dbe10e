"""The embedder on this machine: finding and loading a model's folder.

Where the library is not installed a small stand-in takes its place, so that what is asked of it is under test too; a
real model is used where one is named: TEST_SENTENCE_MODEL=/path/to/folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.dedup.embedder import EmbedderDown
from qgen_dagster.dedup.sentences import SentenceEmbedder, find_model

MODULES = ("sentence_transformers", "huggingface_hub", "transformers")
LIBRARY = """
import numpy as np

class SentenceTransformer:
    def __init__(self, path, local_files_only=False):
        assert local_files_only, "it would look for newer files"
        self.factor = float(open(path + "/model.safetensors").read())

    def encode(self, texts, batch_size=32, normalize_embeddings=False, convert_to_numpy=True, show_progress_bar=None):
        assert show_progress_bar is False
        if any("boom" in text for text in texts):
            raise RuntimeError("out of\\nmemory")
        rows = np.array([[len(text) * self.factor, 1.0] for text in texts])
        return rows / np.linalg.norm(rows, axis=1, keepdims=True) if normalize_embeddings else rows
"""
HUB = """
import os

def snapshot_download(repo, local_files_only=False, ignore_patterns=()):
    folder = os.path.join(os.environ["STAND_IN_CACHE"], "models--" + repo.replace("/", "--"), "snapshots", "0a1b2c")
    if os.path.isdir(folder):
        return folder
    if local_files_only:
        raise FileNotFoundError("Cannot find an appropriate cached snapshot folder")
    os.makedirs(folder)
    for name, text in (("modules.json", "[]"), ("model.safetensors", "1")):
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)
    return folder
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A stand-in for the library; its cache is empty."""
    place = tmp_path / "library"
    for package, content in (
        ("sentence_transformers", LIBRARY),
        ("huggingface_hub", HUB),
        ("transformers", ""),
        ("transformers/utils", ""),
        ("transformers/utils/logging", "def disable_progress_bar(): pass"),
    ):
        (place / package).mkdir(parents=True)
        (place / package / "__init__.py").write_text(content)
    for name in list(sys.modules):
        if name.split(".")[0] in MODULES:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(place)
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    yield
    for name in list(sys.modules):
        if name.split(".")[0] in MODULES:
            del sys.modules[name]


def a_model(folder: Path, weights: str = "2") -> Path:
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    (folder / "model.safetensors").write_text(weights)
    return folder


@pytest.mark.usefixtures("library")
def test_a_folder_gives_vectors_of_length_one(tmp_path: Path) -> None:
    it = SentenceEmbedder(find_model(str(a_model(tmp_path / "mini"))))
    found = it.embed(["a", "longer"])
    assert found.shape == (2, 2)
    assert found.dtype == np.float32
    assert np.allclose((found**2).sum(axis=1), 1)
    assert it.dimensions == 2
    assert it.embed([]).shape == (0, 2)


@pytest.mark.usefixtures("library")
def test_its_name_changes_with_the_model_and_not_with_what_makes_no_vectors(tmp_path: Path) -> None:
    folder = a_model(tmp_path / "mini")
    first = SentenceEmbedder(folder).name
    assert first.startswith("sentence-transformers:mini@")
    (folder / "README.md").write_text("words")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.onnx").write_text("the same in another form")
    (folder / ".gitattributes").write_text("x")
    assert SentenceEmbedder(folder).name == first
    (folder / "model.safetensors").write_text("3")
    assert SentenceEmbedder(folder).name != first


@pytest.mark.usefixtures("library")
def test_a_name_is_looked_up_in_the_cache_and_downloaded_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not on this machine") as caught:
        find_model("all-MiniLM-L6-v2")
    assert "--download" in (caught.value.hint or "")
    fetched = find_model("all-MiniLM-L6-v2", download=True)
    assert find_model("all-MiniLM-L6-v2") == fetched
    assert SentenceEmbedder(fetched).name.startswith("sentence-transformers:all-MiniLM-L6-v2@")


@pytest.mark.usefixtures("library")
def test_a_folder_that_is_not_there_or_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no folder"):
        find_model(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="holds no model"):
        find_model(str(tmp_path / "empty"))


@pytest.mark.usefixtures("library")
def test_a_model_that_cannot_be_loaded_or_fails_is_down(tmp_path: Path) -> None:
    with pytest.raises(EmbedderDown, match="cannot be loaded"):
        SentenceEmbedder(a_model(tmp_path / "broken", "no number")).embed(["a"])
    with pytest.raises(EmbedderDown, match="out of memory"):
        SentenceEmbedder(a_model(tmp_path / "mini")).embed(["boom"])


@pytest.mark.skipif(find_spec("sentence_transformers") is not None, reason="the library is installed")
def test_without_the_library_it_says_how_to_install_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not installed") as caught:
        find_model(str(tmp_path))
    assert "qgen[embeddings]" in (caught.value.hint or "")


@pytest.mark.skipif(not os.environ.get("TEST_SENTENCE_MODEL"), reason="TEST_SENTENCE_MODEL names no folder")
def test_a_real_model_finds_a_paraphrase_nearer_than_another_question() -> None:
    it = SentenceEmbedder(find_model(os.environ["TEST_SENTENCE_MODEL"]))
    base, paraphrase, other = it.embed(
        ["a train travels 240 km in 3 hours", "240 km by rail took 3 hours", "the painter mixed red and blue"]
    )
    assert base @ paraphrase > 0.6 > base @ other
