"""An embedder on this machine: a model of the library sentence-transformers, from a folder or from its cache.

The library and the model are loaded at the first text. Nothing is downloaded unless asked (`find_model`). Not here:
the thresholds for its vectors (`config/dedup.yaml`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.dedup.embedder import EmbedderDown, Vectors

PACKAGE = "sentence_transformers"
INSTALL_HINT = 'pip install "qgen[embeddings]"'
BATCH = 64  # texts at a time in the model
_OWNER = "sentence-transformers"  # whose models may be named without their owner
# Other forms of the same weights, and what does not change a vector.
_OTHER_FORMS = ("onnx/*", "openvino/*", "*.h5", "*.ot", "*.msgpack", "*.md", ".*", "*/.*")
_BLOCK = 1 << 20


class SentenceEmbedder:
    """Sentence vectors of a local model. `folder` holds the model as the library saves it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def name(self) -> str:
        """The folder's name and a hash of its files: another model in the same folder has another name."""
        return f"sentence-transformers:{_model_name(self._folder)[:60]}@{_fingerprint(self._folder)}"

    @property
    def dimensions(self) -> int:
        """Loads the model. Raises EmbedderDown."""
        return self._model[1]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, float32, each of length 1. Raises EmbedderDown."""
        import numpy as np

        model, dimensions = self._model
        if not texts:
            return np.zeros((0, dimensions), dtype=np.float32)
        try:
            found = model.encode(
                list(texts),
                batch_size=BATCH,
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        except (RuntimeError, MemoryError, ValueError) as error:
            raise EmbedderDown(f"{self.name} failed: {_one_line(error)}") from error
        return np.asarray(found, dtype=np.float32)

    @cached_property
    def _model(self) -> tuple[Any, int]:
        _stay_offline()
        try:
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            logging.disable_progress_bar()  # it would draw over the progress of the run
            model = SentenceTransformer(str(self._folder), local_files_only=True)
            return model, int(model.encode(["length"], show_progress_bar=False).shape[1])
        except (ImportError, OSError, RuntimeError, ValueError, KeyError) as error:
            hint = "Is it a folder that sentence-transformers has saved? qgen doctor looks at it."
            raise EmbedderDown(
                f"the model in {self._folder} cannot be loaded: {_one_line(error)}", hint=hint
            ) from error


def find_model(given: str, *, download: bool = False) -> Path:
    """The folder of a model: `given` itself, or what the library's cache has under that name.

    With `download` a model that is not there is fetched into the cache. Raises ConfigurationError: the library is not
    installed, or there is no such model.
    """
    if find_spec(PACKAGE) is None:
        raise ConfigurationError("QGEN_EMBEDDER: sentence-transformers is not installed", hint=INSTALL_HINT)
    folder = typed_path(given)
    if folder.is_dir():
        if not any((folder / name).is_file() for name in ("modules.json", "config.json")):
            raise ConfigurationError(f"QGEN_EMBEDDER: {folder} holds no model of sentence-transformers")
        return folder.absolute()
    if given.startswith((".", "/", "~")):
        raise ConfigurationError(f"QGEN_EMBEDDER: there is no folder {folder}")
    return _cached(given if "/" in given else f"{_OWNER}/{given}", download=download)


def _cached(model: str, *, download: bool) -> Path:
    if not download:
        _stay_offline()
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(model, local_files_only=not download, ignore_patterns=list(_OTHER_FORMS)))
    except Exception as error:  # of many kinds: no cache, no network, no such model, no right to it
        if download:
            message, hint = f"QGEN_EMBEDDER: {model} cannot be downloaded: {_one_line(error)}", None
        else:
            message = f"QGEN_EMBEDDER: the model {model} is not on this machine"
            hint = "Name its folder, or fetch it: qgen embeddings rebuild --download"
        raise ConfigurationError(message, hint=hint) from error


def _stay_offline() -> None:
    """Read by the library when it is imported: it must not look for newer files of a model that is here."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def _model_name(folder: Path) -> str:
    """The model's name; in the cache the folder itself is named after a revision."""
    owner = next((part for part in reversed(folder.parts) if part.startswith("models--")), None)
    return owner.split("--")[-1] if owner else folder.name


def _fingerprint(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()[:12]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(fnmatch(path.relative_to(folder).as_posix(), form) for form in _OTHER_FORMS):
            yield path


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
