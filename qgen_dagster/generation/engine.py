"""The batch engine: many batches at once, each on its own, none lost.

Here: keeping what a short reply did bring and asking again only for the missing ones, running batches side by side,
cancellation. It knows neither questions nor drills: a `BatchTask` says how to ask and how to read the answer, a
`Ledger` keeps the results. Not here: a single call with its retries and its journal (`calls.py`), providers, SQL.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.generation.provider import ProviderError, Reply

T = TypeVar("T")
STOP_POLL_SECONDS = 0.1
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
    """Runs batches, at most `max_open` of them at a time. How many calls are in flight is the caller's matter."""

    def __init__(
        self,
        ledger: Ledger[T],
        *,
        max_open: int,
        max_refills: int = MAX_REFILLS,
        on_finished: Callable[[BatchTask[T], BatchOutcome[T]], None] = lambda task, outcome: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ledger = ledger
        self._max_open = max_open
        self._max_refills = max_refills
        self._on_finished = on_finished
        self._should_stop = should_stop

    async def run(self, tasks: Iterable[BatchTask[T]]) -> None:
        """Runs every batch to its end. A failing batch never stops the others; a failing ledger stops all.

        Raises what the ledger raises, and RunInterrupted when `should_stop` says so. Then, and on cancellation, the
        calls in flight are cancelled and nothing is left hanging; finished batches stay finished.
        """
        await run_all([partial(self._run_batch, task) for task in tasks], self._max_open, self._should_stop)

    async def _run_batch(self, task: BatchTask[T]) -> None:
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


async def run_all(
    jobs: Iterable[Callable[[], Awaitable[None]]], max_open: int, should_stop: Callable[[], bool] = lambda: False
) -> None:
    """Runs all jobs, at most `max_open` at a time; the first exception stops the others and is raised.

    Raises RunInterrupted when `should_stop` says so. However it ends, nothing is left running.
    """
    queue = iter(list(jobs))

    async def work() -> None:
        for job in queue:
            await job()

    workers = [asyncio.create_task(work()) for _ in range(max_open)]
    watch = asyncio.create_task(_watch_for_stop(should_stop))
    everything: asyncio.Future[list[None]] = asyncio.gather(*workers)
    try:
        waited: list[asyncio.Future[Any]] = [everything, watch]
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if watch.done():
            raise RunInterrupted("the run was stopped on request", hint="What it made is kept. Go on: qgen resume")
        await everything
    finally:
        for task in (*workers, watch):
            task.cancel()
        await asyncio.gather(*workers, watch, everything, return_exceptions=True)


async def _watch_for_stop(should_stop: Callable[[], bool]) -> None:
    while not should_stop():  # noqa: ASYNC110 - asked from outside the loop, by a signal handler
        await asyncio.sleep(STOP_POLL_SECONDS)
