"""What an embedder is.

Here: the protocol and the error of one that is down. Not here: any embedder (`hashing.py`; others sit beside it).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from qgen_dagster.core.errors import ExitCode, QgenError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
else:
    Vectors = Any


class EmbedderDown(QgenError):
    """The embedder gave no vectors. Candidates stay pending: nothing unchecked is inserted."""

    exit_code: ClassVar[ExitCode] = ExitCode.PARTIAL_FAILURE


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
