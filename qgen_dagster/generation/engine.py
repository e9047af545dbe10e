"""The batch engine: many batches at once, each on its own, none lost.

Here: retries with backoff, keeping what a short reply did bring and asking again only for the missing ones, one bounded
pool, cancellation. It knows neither questions nor drills: a `BatchTask` says how to ask and how to read the answer, a
`Ledger` keeps replies and results. Clock, sleep and randomness are handed in. Not here: providers, SQL.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.generation.provider import ProviderError, Reply

T = TypeVar("T")
STOP_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often to try again. Times in seconds; `jitter` 0.25 means ±25 %.

    `max_retries` bounds retries after errors; `max_refills` bounds asking again for questions that were missing
    from, or invalid in, a reply that did come.
    """

    max_retries: int = 3
    max_refills: int = 3
    base: float = 1.0
    factor: float = 2.0
    cap: float = 60.0
    jitter: float = 0.25

    def delay(self, retry: int, rng: random.Random, retry_after: float | None = None) -> float:
        """Seconds before the `retry`-th retry (from 1); never less than the provider asked for."""
        backoff = min(self.cap, self.base * self.factor ** (retry - 1))
        jittered = backoff * (1 + rng.uniform(-self.jitter, self.jitter))
        return max(jittered, retry_after or 0.0)


@dataclass(frozen=True, slots=True)
class Delivery(Generic[T]):
    """What a reply holds: items, one sentence per invalid item, and whether there is nothing more to get."""

    items: Sequence[T]
    problems: Sequence[str] = ()
    saturated: bool = False


@dataclass(frozen=True)
class BatchTask(Generic[T]):
    """One batch to run. `call` counts its calls from 1; a call is named by `call_id`, the same after a restart."""

    id: UUID
    group: str
    size: int
    provider: str
    ask: Callable[[int, int], Awaitable[Reply]]  # (how many are missing, call) → reply; raises ProviderError
    read: Callable[[Reply, int, int], Delivery[T]]  # (reply, missing, call); raises ProviderError
    call_id: Callable[[int, int], str]
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

    def stored_reply(self, task: BatchTask[T], call_id: str) -> Reply | None:
        """The reply that this call got before a restart."""

    def replied(self, task: BatchTask[T], call_id: str, reply: Reply, seconds: float) -> None:
        """A reply has arrived; it is on disk when this returns."""

    def failed(self, task: BatchTask[T], call_id: str, error: ProviderError, seconds: float) -> None:
        """A call brought no reply."""

    def finished(self, task: BatchTask[T], outcome: BatchOutcome[T]) -> None:
        """The batch is over; its items and its end are on disk, together, when this returns."""


class BatchEngine(Generic[T]):
    """Runs batches, at most `max_concurrent` calls at a time."""

    def __init__(
        self,
        ledger: Ledger[T],
        *,
        max_concurrent: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        retry: RetryPolicy | None = None,
        on_finished: Callable[[BatchTask[T], BatchOutcome[T]], None] = lambda task, outcome: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._ledger = ledger
        self._max_concurrent = max_concurrent
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._retry = retry or RetryPolicy()
        self._on_finished = on_finished
        self._should_stop = should_stop
        self._writing: set[asyncio.Task[None]] = set()

    async def run(self, tasks: Iterable[BatchTask[T]]) -> None:
        """Runs every batch to its end. A failing batch never stops the others; a failing ledger stops all.

        Raises what the ledger raises, and RunInterrupted when `should_stop` says so. Then, and on cancellation, the
        calls in flight are cancelled and nothing is left hanging; finished batches stay finished.
        """
        queue = iter(list(tasks))

        async def work() -> None:
            for task in queue:
                await self._run_batch(task)

        workers = [asyncio.create_task(work()) for _ in range(self._max_concurrent)]
        watch = asyncio.create_task(self._watch_for_stop())
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
            await asyncio.gather(*self._writing, return_exceptions=True)

    async def _watch_for_stop(self) -> None:
        while not self._should_stop():  # noqa: ASYNC110 - asked from outside the loop, by a signal handler
            await asyncio.sleep(STOP_POLL_SECONDS)

    async def _run_batch(self, task: BatchTask[T]) -> None:
        outcome: BatchOutcome[T] = BatchOutcome()
        await asyncio.to_thread(self._ledger.started, task)
        retries = refills = 0
        while len(outcome.items) < task.size and not outcome.saturated:
            missing = task.size - len(outcome.items)
            outcome.calls += 1
            try:
                self._accept(task, outcome, *await self._call(task, missing, outcome.calls))
            except ProviderError as error:
                outcome.error = error
                retries += 1
                if not error.retryable or retries > self._retry.max_retries:
                    break
                await self._sleep(self._retry.delay(retries, self._rng, error.retry_after))
                continue
            refills += 1
            if refills > self._retry.max_refills:
                break
        await asyncio.to_thread(self._ledger.finished, task, outcome)
        self._on_finished(task, outcome)

    async def _call(self, task: BatchTask[T], missing: int, call: int) -> tuple[Reply, Delivery[T]]:
        call_id = task.call_id(missing, call)
        reply = await asyncio.to_thread(self._ledger.stored_reply, task, call_id)
        if reply is None:
            reply = await self._ask(task, missing, call, call_id)
        return reply, task.read(reply, missing, call)

    async def _ask(self, task: BatchTask[T], missing: int, call: int, call_id: str) -> Reply:
        begun = self._clock()
        try:
            reply = await task.ask(missing, call)
        except ProviderError as error:
            await asyncio.to_thread(self._ledger.failed, task, call_id, error, self._clock() - begun)
            raise
        # A reply that has arrived is paid for: a cancellation now must neither undo its writing nor outrun it.
        writing = asyncio.create_task(
            asyncio.to_thread(self._ledger.replied, task, call_id, reply, self._clock() - begun)
        )
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        await asyncio.shield(writing)
        return reply

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
