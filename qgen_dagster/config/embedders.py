"""Which embedder finds near questions: the value of QGEN_EMBEDDER, read and checked.

Not here: the embedders (`dedup/`), keys and folders behind them (`services/embedding.py`).
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from qgen_dagster.core.errors import ConfigurationError

HASHING, OPENAI, COMPATIBLE, SENTENCES = "hashing", "openai", "openai_compatible", "sentence-transformers"
KINDS = (HASHING, OPENAI, COMPATIBLE, SENTENCES)
DEFAULT_MODEL = "text-embedding-3-small"
MAX_DIMENSIONS = 16_000  # of pgvector's half vectors
_LONGEST_MODEL = 80  # leaves room in the name of the space for its length and for the version of the rules
_EXAMPLES = (
    "Like hashing, openai, openai:text-embedding-3-large@1024, openai_compatible:nomic-embed-text or "
    "sentence-transformers:/path/to/model."
)


@dataclass(frozen=True, slots=True)
class EmbedderChoice:
    """An embedder as configured. `dimensions`: how long its vectors shall be; None: as the model makes them."""

    kind: str = HASHING
    model: str = ""
    dimensions: int | None = None

    @property
    def remote(self) -> bool:
        """Whether a provider is asked for vectors."""
        return self.kind in (OPENAI, COMPATIBLE)

    def __str__(self) -> str:
        length = f"@{self.dimensions}" if self.dimensions else ""
        return f"{self.kind}:{self.model}{length}" if self.model else self.kind


def parse_embedder(text: str) -> EmbedderChoice:
    """The embedder that `KIND` or `KIND:MODEL` or `KIND:MODEL@LENGTH` names. Raises ConfigurationError."""
    kind, _, model = (part.strip() for part in text.strip().partition(":"))
    if kind not in KINDS:
        close = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"Did you mean {close[0]}?" if close else _EXAMPLES
        raise ConfigurationError(f"QGEN_EMBEDDER: there is no embedder {kind!r}", hint=hint)
    if kind == HASHING:
        if model:
            raise ConfigurationError(f"QGEN_EMBEDDER: hashing has no models, got {model!r}", hint=_EXAMPLES)
        return EmbedderChoice()
    if kind == SENTENCES:
        if not model:
            raise ConfigurationError(f"QGEN_EMBEDDER: {kind} needs a folder or the name of a model", hint=_EXAMPLES)
        return EmbedderChoice(kind, model)
    return _remote(kind, model)


def _remote(kind: str, model: str) -> EmbedderChoice:
    found = re.fullmatch(r"(.*?)(?:@(\d+))?", model)
    name, length = (found[1], found[2]) if found else (model, None)
    if not name:
        if kind == COMPATIBLE:
            raise ConfigurationError(f"QGEN_EMBEDDER: {kind} needs the name of a model", hint=_EXAMPLES)
        name = DEFAULT_MODEL
    if len(name) > _LONGEST_MODEL:
        raise ConfigurationError(f"QGEN_EMBEDDER: the name of a model has at most {_LONGEST_MODEL} characters")
    dimensions = int(length) if length else None
    if dimensions is not None and not 1 <= dimensions <= MAX_DIMENSIONS:
        raise ConfigurationError(f"QGEN_EMBEDDER: vectors have 1 to {MAX_DIMENSIONS:,} numbers, not {dimensions:,}")
    return EmbedderChoice(kind, name, dimensions)
