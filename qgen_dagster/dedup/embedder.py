"""What an embedder is.

Here: the protocol and the error of one that is down. Not here: any embedder (`hashing.py`, `remote.py`,
`sentences.py`), which one is used (`services/embedding.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import ExitCode, QgenError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
else:
    Vectors = Any


class EmbedderDown(QgenError):
    """The embedder gave no vectors. Candidates stay pending: nothing unchecked is inserted.

    `category` says why, where a provider was asked.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.PARTIAL_FAILURE

    def __init__(self, message: str, *, hint: str | None = None, category: ErrorCategory | None = None) -> None:
        super().__init__(message, hint=hint)
        self.category = category


class Embedder(Protocol):
    """Turns texts into unit vectors.

    `name` includes the version: it changes whenever the same text would give another vector.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One row per text, float32, each of length 1. Raises EmbedderDown."""
        ...
