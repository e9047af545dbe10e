"""Batch jobs: their life from handing in to their end, the same for every provider.

Here: `Job`, `JobBook`. Not here: how a provider names states and writes results (`openai_batches.py` and its
neighbours).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from .call import WireError
from .desk import Desk

VALIDATING_SHARE = 0.1  # of the time that a job takes

Phase = Literal["validating", "running", "cancelling", "completed", "expired", "cancelled", "failed"]
FINAL: frozenset[Phase] = frozenset({"completed", "expired", "cancelled", "failed"})


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a job; `run` answers it, as the provider's own body, or raises WireError."""

    id: str
    run: Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Result:
    """One request's end: a body, an error, or neither where the job ended before its turn."""

    id: str
    body: dict[str, Any] | None = None
    error: WireError | None = None


@dataclass
class Job:
    """A job. Times are seconds since the epoch, by the book's clock."""

    id: str
    provider: str
    items: Sequence[Item]
    created: float
    due: float
    expires: float
    outcome: Literal["completed", "expired", "failed"]
    done_share: float
    about: dict[str, Any]
    problems: list[dict[str, Any]] = field(default_factory=list)
    cancelled: float | None = None
    ended: float | None = None
    results: list[Result] | None = None

    def phase(self, now: float) -> Phase:
        """Where the job stands."""
        if self.problems or (self.outcome == "failed" and now >= self.due):
            return "failed"
        if self.cancelled is not None:
            return "cancelled" if self.results is not None else "cancelling"
        if now >= min(self.due, self.expires):
            return "expired" if self.outcome == "expired" or self.expires < self.due else "completed"
        return "validating" if self._progress(now) < VALIDATING_SHARE else "running"

    def answered_by(self, now: float) -> int:
        """How many requests are answered by then."""
        phase = self.phase(now)
        if phase == "completed":
            return len(self.items)
        if phase in ("expired", "cancelled", "cancelling"):
            return int(len(self.items) * self.done_share)
        return 0 if phase == "failed" else int(len(self.items) * self._progress(now))

    def _progress(self, now: float) -> float:
        length = self.due - self.created
        return (now - self.created) / length if length > 0 else 1.0


class JobBook:
    """All jobs. `advance` moves its clock on, so that nobody has to wait for a day to pass."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._jobs: dict[str, Job] = {}
        self._ahead = 0.0

    @property
    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves the clock of all jobs on."""
        self._ahead += seconds

    def open(self, provider: str, prefix: str, items: Sequence[Item], lifetime: float, about: dict[str, Any]) -> Job:
        """Takes a job in. It expires after `lifetime` seconds, whatever the settings say."""
        settings = self._desk.settings
        now = self.now
        job = Job(
            id=f"{prefix}{uuid4().hex[:24]}",
            provider=provider,
            items=items,
            created=now,
            due=now + settings.batch_delay,
            expires=now + lifetime,
            outcome=settings.batch_outcome,
            done_share=settings.batch_done_share,
            about=about,
        )
        self._jobs[job.id] = job
        self._desk.recorders[provider].stats.jobs += 1
        return job

    def get(self, provider: str, job_id: str) -> Job:
        """The job, brought up to now. Raises WireError (not_found)."""
        job = self._jobs.get(job_id)
        if job is None or job.provider != provider:
            raise WireError("not_found", f"No batch found with id '{job_id}'.")
        self._settle(job)
        return job

    def of(self, provider: str) -> list[Job]:
        """The provider's jobs, the newest first."""
        jobs = [job for job in self._jobs.values() if job.provider == provider]
        for job in jobs:
            self._settle(job)
        return jobs[::-1]

    def cancel(self, provider: str, job_id: str) -> Job:
        """Asks a job to stop; it has stopped when it is looked at next."""
        job = self.get(provider, job_id)
        if job.phase(self.now) not in FINAL:
            job.cancelled = self.now
        return job

    def remove(self, provider: str, job_id: str) -> None:
        """Forgets a job. Raises WireError (not_found)."""
        self.get(provider, job_id)
        del self._jobs[job_id]

    def settle(self) -> None:
        """Brings all jobs up to now, so that the stats count what is billed."""
        for job in self._jobs.values():
            self._settle(job)

    def _settle(self, job: Job) -> None:
        now = self.now
        if job.results is not None or not (job.phase(now) in FINAL or job.cancelled is not None):
            return
        answered = job.answered_by(now)
        job.results = [self._run(job, item) if n < answered else Result(item.id) for n, item in enumerate(job.items)]
        job.ended = now

    def _run(self, job: Job, item: Item) -> Result:
        try:
            return Result(item.id, body=item.run())
        except WireError as error:
            return Result(item.id, error=error)
