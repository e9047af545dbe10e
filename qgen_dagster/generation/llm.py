"""What a language model's client is: one prompt in, one completion out; and many at once through a batch API.

Here: `Prompt`, `CallSettings`, `Completion`, `LlmClient`, `TokenCounter`, `LlmBatchClient`. Not here: any single
provider (`providers/`, one file each), when and how often to call (`calls.py`), what the prompts say (`prompts/`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Protocol, runtime_checkable

from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.provider import RateLimits as RateLimits

StructuredOutput = Literal["json_schema", "tool", "none"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent. `system` is the same for many calls, so that a provider can cache it; `user` is what differs.

    `schema` is a strict JSON schema (every property required, no additional ones), named `schema_name`.
    """

    system: str
    user: str
    schema_name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallSettings:
    """How it is sent. `structured` says how the model is held to the schema; `none` leaves it to the prompt's words.

    `temperature` None leaves the model's own; some models take no other.
    """

    model: str
    max_output_tokens: int
    timeout_seconds: float = 60.0
    temperature: float | None = None
    structured: StructuredOutput = "json_schema"


@dataclass(frozen=True, slots=True)
class Completion:
    """What came back. `input_tokens` counts all of the prompt, the `cached_tokens` among them.

    So are the `cache_write_tokens`, which the provider put into its cache and may charge more for.
    """

    text: str
    model: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    limits: RateLimits = field(default_factory=RateLimits)
    cache_write_tokens: int | None = None


class LlmClient(Protocol):
    """One provider's API behind its own SDK, whose retries are off."""

    @property
    def name(self) -> str:
        """The provider's name in configuration, rows and metrics."""
        ...

    async def complete(self, prompt: Prompt, settings: CallSettings) -> Completion:
        """One call, made once. Raises ProviderError, also for an empty, refused or truncated reply."""
        ...

    async def aclose(self) -> None:
        """Closes its connections."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """A client whose provider counts tokens with the model's own tokenizer, free of charge."""

    async def count_tokens(self, text: str, model: str, timeout_seconds: float) -> int:
        """The tokens of the text as a prompt, with the few that the provider puts around it. Raises ProviderError."""
        ...


class JobStatus(StrEnum):
    """Where a batch job stands. The last four are final; EXPIRED and CANCELLED may have partial results."""

    RUNNING = "running"
    ENDED = "ended"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Job:
    """A provider's batch job. `message` says why it failed."""

    id: str
    status: JobStatus
    total: int = 0
    done: int = 0
    message: str | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """One call of a batch job; `id` (at most 64 of A–Z, a–z, 0–9, _ and -) comes back with its result."""

    id: str
    prompt: Prompt
    settings: CallSettings


@dataclass(frozen=True, slots=True)
class JobResult:
    """One call's end: a completion or an error."""

    id: str
    completion: Completion | None = None
    error: ProviderError | None = None


class LlmBatchClient(Protocol):
    """A provider's batch API: half the price, within a day."""

    async def submit(self, requests: Sequence[JobRequest], *, label: str) -> Job:
        """Hands in a job; `label` is stored with it at the provider, so that `find` finds it. Raises ProviderError."""
        ...

    async def find(self, label: str, *, since: datetime | None = None) -> Job | None:
        """The job handed in under the label, if it arrived: for a submission whose answer was lost.

        `since` (with a time zone) is when it was handed in, at the earliest; older jobs are not looked at. Raises
        ProviderError, a retryable one with `retry_after` where it cannot be told yet: then ask again later, and hand
        nothing in anew.
        """
        ...

    async def poll(self, job_id: str) -> Job:
        """Where the job stands. Raises ProviderError."""
        ...

    def results(self, job_id: str) -> AsyncIterator[JobResult]:
        """What the ended job brought, in any order, also of an expired one. Raises ProviderError."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Asks for the job to be stopped; what it has done is kept."""
        ...
