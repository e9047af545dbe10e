"""What a provider of questions is, and how a call to one can fail.

Here: `Provider`, `BatchRequest`, `Reply`, `RateLimits`, `Parsed`, `ProviderError` and `Fault`. Not here: any single
provider (`providers/`, one file each), retries and concurrency (`calls.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from qgen_dagster.core.error_categories import RETRYABLE, ErrorCategory
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum

if TYPE_CHECKING:
    from qgen_dagster.generation.calls import Route


class Fault(StrEnum):
    """How a call failed, seen from outside; the category says whose fault it is."""

    STATUS = "status"  # the provider answered with an error
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    EMPTY = "empty"  # a reply without text
    REFUSED = "refused"  # the model declined
    TRUNCATED = "truncated"  # cut at the output limit
    MALFORMED = "malformed"  # not what the output contract says
    BLOCKED = "blocked"  # not sent: the breaker is open, the budget spent, the provider stopped


class ProviderError(Exception):
    """A call that brought no usable reply. `retry_after` is the provider's own wish, in seconds.

    The tokens are what it cost all the same, where the provider says so; `partial` is the text
    of a truncated or malformed reply.
    """

    def __init__(
        self,
        category: ErrorCategory,
        message: str,
        *,
        fault: Fault = Fault.STATUS,
        retry_after: float | None = None,
        input_tokens: int | None = None,
        output_tokens: int | None = None,
        cached_tokens: int | None = None,
        cache_write_tokens: int | None = None,
        partial: str | None = None,
    ) -> None:
        super().__init__(message)
        self.category = category
        self.message = message
        self.fault = fault
        self.retry_after = retry_after
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens
        self.cached_tokens = cached_tokens
        self.cache_write_tokens = cache_write_tokens
        self.partial = partial

    @property
    def was_sent(self) -> bool:
        """Whether the provider was asked at all."""
        return self.fault is not Fault.BLOCKED

    @property
    def retryable(self) -> bool:
        return self.category in RETRYABLE or self.fault is Fault.EMPTY


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What a provider is asked for: `size` questions of one stratum, in the `call`-th call of a batch (from 1).

    `first_place` numbers the first question asked for within its run and stratum, so that kinds of questions can be
    rotated over batches; `seed` makes a procedural reply reproducible. `instead_of` is a rejected question that one
    is to be made in the place of, and `feedback` what was said against it.
    """

    stratum: Stratum
    size: int
    seed: str
    first_place: int
    call: int = 1
    instead_of: Question | None = None
    feedback: str = ""


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What a provider's headers say of its limits per minute; None where they say nothing."""

    requests: int | None = None
    requests_left: int | None = None
    tokens: int | None = None
    tokens_left: int | None = None


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
    limits: RateLimits | None = None


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

    def routes(self, request: BatchRequest) -> Sequence[Route]:
        """Whom to ask for the batch, in order."""
        ...

    def parse(self, reply: Reply, request: BatchRequest) -> Parsed:
        """The questions of a reply, also of one that was stored long ago. Raises ProviderError (parse_error)."""
        ...
