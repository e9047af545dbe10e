"""What a provider of questions is, and how a call to one can fail.

Here: `Provider`, `BatchRequest`, `Reply`, `Parsed`, `ProviderError`. Not here: any single provider
(`providers/`, one file each), retries and concurrency (`engine.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from qgen_dagster.core.error_categories import RETRYABLE, ErrorCategory
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum


class ProviderError(Exception):
    """A call that brought no reply. `retry_after` is the provider's own wish, in seconds."""

    def __init__(self, category: ErrorCategory, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        return self.category in RETRYABLE


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What a provider is asked for: `size` questions of one stratum, in the `call`-th call of a batch (from 1).

    `first_place` numbers the first question asked for within its run and stratum, so that kinds of questions can be
    rotated over batches; `seed` makes a procedural reply reproducible.
    """

    stratum: Stratum
    size: int
    seed: str
    first_place: int
    call: int = 1


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back, as text, before anything was made of it. Costs in USD; None where nothing is charged or known."""

    text: str
    provider: str
    model: str | None = None
    prompt_version: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a reply holds: valid questions, one sentence per invalid one, and whether there is nothing more to get."""

    questions: Sequence[Question]
    problems: Sequence[str] = ()
    saturated: bool = False


class Provider(Protocol):
    """Makes questions. One small contract, one file each."""

    @property
    def name(self) -> str:
        """Its name in configuration, rows and metrics."""
        ...

    def can_serve(self, stratum: Stratum) -> bool:
        """Whether it makes questions of this stratum at all."""
        ...

    async def generate(self, request: BatchRequest) -> Reply:
        """One call. Raises ProviderError."""
        ...

    def parse(self, reply: Reply, request: BatchRequest) -> Parsed:
        """The questions of a reply, also of one that was stored long ago. Raises ProviderError (parse_error)."""
        ...
