"""The batch engine: many batches at once, each on its own, none lost.

Here: keeping what a short reply did bring and asking again only for the missing ones. It knows neither questions nor
drills: a `BatchTask` says how to ask and how to read the answer, a `Ledger` keeps the results. Not here: a single call
with its retries and its journal (`calls.py`), running many at once (`jobs.py`), providers, SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.generation.jobs import Job
from qgen_dagster.generation.provider import ProviderError, Reply

T = TypeVar("T")
MAX_REFILLS = 3


@dataclass(frozen=True, slots=True)
class Delivery(Generic[T]):
    """What a reply holds: items, one sentence per invalid item, and whether there is nothing more to get."""

    items: Sequence[T]
    problems: Sequence[str] = ()
    saturated: bool = False


@dataclass(frozen=True)
class BatchTask(Generic[T]):
    """One batch to run. `ask` and `read` get how many items are missing, and the number of the call (from 1)."""

    id: UUID
    group: str
    size: int
    ask: Callable[[int, int], Awaitable[Reply]]  # raises ProviderError, when trying again has not helped
    read: Callable[[Reply, int, int], Delivery[T]]  # raises ProviderError (parse_error)
    identity: Callable[[T], Hashable]  # equal for two items that say the same


@dataclass(slots=True)
class BatchOutcome(Generic[T]):
    """How a batch ended: each accepted item with the reply that brought it."""

    items: list[tuple[T, Reply]] = field(default_factory=list)
    calls: int = 0
    invalid: int = 0
    saturated: bool = False
    error: ProviderError | None = None

    @property
    def status(self) -> BatchStatus:
        return BatchStatus.COMPLETED if self.items or self.saturated else BatchStatus.FAILED


class Ledger(Protocol[T]):
    """Where the engine keeps what it must not lose. Called from worker threads, one call at a time per batch."""

    def started(self, task: BatchTask[T]) -> None:
        """The batch's first call is about to be made."""

    def finished(self, task: BatchTask[T], outcome: BatchOutcome[T]) -> None:
        """The batch is over; its items and its end are on disk, together, when this returns."""


class BatchEngine(Generic[T]):
    """Makes jobs of batches; `jobs.py` runs them. How many calls are in flight is the caller's matter."""

    def __init__(
        self,
        ledger: Ledger[T],
        *,
        max_refills: int = MAX_REFILLS,
        on_finished: Callable[[BatchTask[T], BatchOutcome[T]], None] = lambda task, outcome: None,
    ) -> None:
        self._ledger = ledger
        self._max_refills = max_refills
        self._on_finished = on_finished

    def jobs(self, tasks: Iterable[BatchTask[T]]) -> list[Job]:
        """A job per batch, which runs it to its end. A failing batch fails nobody else; a failing ledger raises."""
        return [partial(self.run, task) for task in tasks]

    async def run(self, task: BatchTask[T]) -> None:
        """Runs a batch to its end, as a job of its own does."""
        outcome: BatchOutcome[T] = BatchOutcome()
        await asyncio.to_thread(self._ledger.started, task)
        while len(outcome.items) < task.size and not outcome.saturated and outcome.calls <= self._max_refills:
            missing = task.size - len(outcome.items)
            outcome.calls += 1
            try:
                reply = await task.ask(missing, outcome.calls)
            except ProviderError as error:
                outcome.error = error
                break
            try:
                self._accept(task, outcome, reply, task.read(reply, missing, outcome.calls))
            except ProviderError as error:
                outcome.error = error  # an unreadable reply is asked for again, like a short one
        await asyncio.to_thread(self._ledger.finished, task, outcome)
        self._on_finished(task, outcome)

    @staticmethod
    def _accept(task: BatchTask[T], outcome: BatchOutcome[T], reply: Reply, delivery: Delivery[T]) -> None:
        outcome.invalid += len(delivery.problems)
        outcome.saturated = delivery.saturated
        seen = {task.identity(item) for item, _ in outcome.items}
        for item in delivery.items:
            identity = task.identity(item)
            if identity not in seen and len(outcome.items) < task.size:
                seen.add(identity)
                outcome.items.append((item, reply))
