"""Calls that are paid for once: looked up in the journal, tried again where that can help, written down on arrival.

Here: `Caller`, `Call`, `Route`, the `CallLog` and `Budget` that they need, `RetryPolicy`. Every stage makes its calls
here, so all share one bounded pool and the gates of the providers. Not here: gates (`gate.py`), batches (`engine.py`),
what is sent (`providers/`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.gate import Gate
from qgen_dagster.generation.provider import Fault, ProviderError, Reply


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often to try again. Times in seconds; `jitter` 0.25 means ±25 %."""

    max_retries: int = 3
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
class Call:
    """A call as the journal knows it. `digest` (SHA-256, hex) names it, the same after a restart."""

    purpose: str
    digest: str
    batch_id: UUID | None = None
    candidate_id: UUID | None = None


@dataclass(frozen=True)
class Route:
    """One way to get the call answered: whom to ask and how. `worst_tokens` and `worst_usd` bound what it can cost.

    `usd_of` prices a call that failed after it was paid for, from tokens in and out.
    """

    provider: str
    model: str | None
    send: Callable[[], Awaitable[Reply]]
    gate: Gate | None = None
    tokens: int = 0  # about what it will use, for pacing
    worst_tokens: int = 0
    worst_usd: Decimal | None = None
    usd_of: Callable[[int | None, int | None], Decimal | None] = lambda tokens_in, tokens_out: None
    prompt_version: str | None = None


class CallLog(Protocol):
    """The journal. What it was given is on disk when it returns."""

    async def stored(self, call: Call) -> Reply | None:
        """The reply that this call got before a restart."""

    async def replied(self, call: Call, reply: Reply, seconds: float) -> None:
        """A reply has arrived."""

    async def failed(
        self, call: Call, route: Route, error: ProviderError, cost_usd: Decimal | None, seconds: float
    ) -> None:
        """A call was made and brought no usable reply."""


class Budget(Protocol):
    """What may be spent."""

    def reserve(self, usd: Decimal | None, tokens: int) -> None:
        """Sets the worst case of a call aside. Raises ProviderError with `Fault.BLOCKED` when it does not fit."""

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        """Replaces what was set aside by what the call really cost."""


class NoBudget:
    """Nothing is limited."""

    def reserve(self, usd: Decimal | None, tokens: int) -> None:
        """Always fits."""

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        """Nothing to keep."""


@dataclass
class _Attempts:
    """What has been tried for one call."""

    retries: dict[int, int] = field(default_factory=dict)
    given_up: set[int] = field(default_factory=set)
    last: ProviderError | None = None


class Caller:
    """Makes the calls of one process, at most `max_concurrent` at a time over all providers."""

    def __init__(
        self,
        log: CallLog,
        *,
        max_concurrent: int,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        rng: random.Random | None = None,
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.max_concurrent = max_concurrent
        self._log = log
        self._pool = asyncio.Semaphore(max_concurrent)
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._retry = retry or RetryPolicy()
        self._budget = budget or NoBudget()
        self._writing: set[asyncio.Future[None]] = set()

    async def call(self, call: Call, routes: Sequence[Route]) -> Reply:
        """The call's reply, from the journal or from the first route that can give one.

        An error that may pass is tried again on its route, with backoff; one that will not, or an open breaker, turns
        to the next route at once. Raises ProviderError, the last one met, when no route is left.
        """
        stored = await self._log.stored(call)
        if stored is not None:
            return stored
        attempts = _Attempts()
        while True:
            place = self._choose(routes, attempts)
            if place is None:
                raise attempts.last or ProviderError(
                    ErrorCategory.INVALID_REQUEST, "no provider is configured for this call", fault=Fault.BLOCKED
                )
            others = any(i not in attempts.given_up and i != place for i in range(len(routes)))
            try:
                return await self._attempt(call, routes[place], patient=not others)
            except ProviderError as error:
                await self._after(error, place, attempts, others=others)

    async def settled(self) -> None:
        """Waits until every reply that has arrived is on disk; for the end of a cancelled stage."""
        await asyncio.gather(*self._writing, return_exceptions=True)

    @staticmethod
    def _choose(routes: Sequence[Route], attempts: _Attempts) -> int | None:
        """The first route that is ready; else the first that may become so."""
        open_ = [i for i in range(len(routes)) if i not in attempts.given_up]
        ready = [i for i in open_ if (gate := routes[i].gate) is None or gate.ready]
        return next(iter(ready or open_), None)

    async def _after(self, error: ProviderError, place: int, attempts: _Attempts, *, others: bool) -> None:
        if error.fault is Fault.BLOCKED:
            # A stopped provider or a spent budget stays so; an open breaker turns to another route, and `_choose` sees.
            if error.category is not ErrorCategory.SERVER_ERROR:
                attempts.given_up.add(place)
                attempts.last = attempts.last or error
            return
        attempts.last = error
        tries = attempts.retries[place] = attempts.retries.get(place, 0) + 1
        if not error.retryable or tries > self._retry.max_retries:
            attempts.given_up.add(place)
            return
        await self._sleep(self._retry.delay(tries, self._rng, error.retry_after))

    async def _attempt(self, call: Call, route: Route, *, patient: bool) -> Reply:
        if route.gate is None:
            async with self._pool:
                return await self._send(call, route)
        async with route.gate.admitted(route.tokens, patient=patient) as passage, self._pool:
            try:
                reply = await self._send(call, route)
            except ProviderError as error:
                if error.fault is not Fault.BLOCKED:
                    passage.failed(error)
                raise
            passage.answered((reply.input_tokens or 0) + (reply.output_tokens or 0), reply.limits)
            return reply

    async def _send(self, call: Call, route: Route) -> Reply:
        self._budget.reserve(route.worst_usd, route.worst_tokens)
        usd, tokens = None, 0
        begun = self._clock()
        try:
            reply = await route.send()
            usd, tokens = reply.cost_usd, (reply.input_tokens or 0) + (reply.output_tokens or 0)
        except ProviderError as error:
            usd = route.usd_of(error.input_tokens, error.output_tokens)
            tokens = (error.input_tokens or 0) + (error.output_tokens or 0)
            await self._write(self._log.failed(call, route, error, usd, self._clock() - begun))
            raise
        finally:
            self._budget.settle(route.worst_usd, route.worst_tokens, usd, tokens)
        await self._write(self._log.replied(call, reply, self._clock() - begun))
        return reply

    async def _write(self, writing: Awaitable[None]) -> None:
        # What has arrived is paid for: a cancellation now must neither undo its writing nor outrun it.
        future = asyncio.ensure_future(writing)
        self._writing.add(future)
        future.add_done_callback(self._writing.discard)
        await asyncio.shield(future)
