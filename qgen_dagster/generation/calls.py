"""Calls that are paid for once: looked up in the journal, tried again where that can help, written down on arrival.

Here: `Caller`, `Call`, `Route`, the `CallLog` and `Budget` that they need, `RetryPolicy`. Every stage makes its calls
here, so all share one bounded pool and the gates of the providers. Not here: gates (`gate.py`), batches (`engine.py`),
what is sent (`providers/`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.gate import Gate, Passage, enter, free_gate
from qgen_dagster.generation.limits import Pool
from qgen_dagster.generation.llm import CallSettings, Prompt
from qgen_dagster.generation.provider import Fault, ProviderError, Reply


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When and how often to try again. Times in seconds; `jitter` 0.25 means ±25 %.

    A provider that only says "not so fast" is not failing. Where nobody else can be asked, it is waited for longer:
    `rate_limit_retries` times, and up to `longest_wait` at a time if that is its wish.
    """

    max_retries: int = 3
    base: float = 1.0
    factor: float = 2.0
    cap: float = 60.0
    jitter: float = 0.25
    rate_limit_retries: int = 8
    longest_wait: float = 300.0

    def delay(self, retry: int, rng: random.Random, retry_after: float | None = None) -> float:
        """Seconds before the `retry`-th retry (from 1); never less than the provider asked for.

        Its wish is taken at its word at first; a call that is rejected again and again waits longer than that.
        """
        doublings = retry - 1 if retry_after is None else retry - 3
        backoff = min(self.cap, self.base * self.factor**doublings)
        jittered = backoff * (1 + rng.uniform(-self.jitter, self.jitter))
        return max(jittered, retry_after or 0.0)

    def allows(self, retry: int, error: ProviderError, *, alone: bool) -> bool:
        """Whether the `retry`-th retry (from 1) makes sense after the error; `alone`: nobody else can be asked."""
        patient = alone and error.category is ErrorCategory.RATE_LIMIT
        most = max(self.rate_limit_retries, self.max_retries) if patient else self.max_retries
        longest = max(self.longest_wait, self.cap) if alone else self.cap
        return error.retryable and retry <= most and (error.retry_after or 0.0) <= longest


@dataclass(frozen=True, slots=True)
class Call:
    """A call as the journal knows it. `digest` (SHA-256, hex) names it, the same after a restart."""

    purpose: str
    digest: str
    batch_id: UUID | None = None
    candidate_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """The same call as part of a provider's batch job; `worst_usd` is at the price there."""

    prompt: Prompt
    settings: CallSettings
    worst_tokens: int
    worst_usd: Decimal | None
    keep_partial: bool = False


@dataclass(frozen=True)
class Route:
    """One way to get the call answered: whom to ask and how. `worst_tokens` and `worst_usd` bound what it can cost.

    `usd_of` prices a call that failed after it was paid for; `offer` is None where no batch job can have the call.
    """

    provider: str
    model: str | None
    send: Callable[[], Awaitable[Reply]]
    gate: Gate | None = None
    tokens: int = 0  # about what it will use, for pacing
    worst_tokens: int = 0
    worst_usd: Callable[[], Decimal | None] = lambda: None  # asked only where the call is sent
    usd_of: Callable[[ProviderError], Decimal | None] = lambda error: None
    prompt_version: str | None = None
    offer: Callable[[], Offer] | None = None


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

    async def reserve(self, usd: Decimal | None, tokens: int) -> None:
        """Sets the worst case of a call aside. Waits while calls under way may yet leave room for it.

        Raises ProviderError with `Fault.BLOCKED` when it does not fit.
        """

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        """Replaces what was set aside by what the call really cost."""


class NoBudget:
    """Nothing is limited."""

    async def reserve(self, usd: Decimal | None, tokens: int) -> None:
        """Always fits."""

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        """Nothing to keep."""


class _Tries:
    """What has been tried for one call, and where it may still be tried. Routes go by their place in the list."""

    def __init__(self, routes: Sequence[Route], clock: Callable[[], float]) -> None:
        self.gates = [route.gate or free_gate(route.provider, clock) for route in routes]
        self._open = list(range(len(routes)))
        self._failures = [0] * len(routes)
        self._last: ProviderError | None = None

    def choose(self) -> tuple[list[int], bool]:
        """The first route that is ready, and False; else all that may become so, and True, for it must be waited.

        Raises ProviderError, the last one met, when no route is left.
        """
        self._drop_refused()
        if not self._open:
            raise self._last or ProviderError(
                ErrorCategory.INVALID_REQUEST, "no provider is configured for this call", fault=Fault.BLOCKED
            )
        ready = [place for place in self._open if self.gates[place].ready]
        return (ready[:1], False) if ready else (list(self._open), True)

    def failed(self, place: int, error: ProviderError, policy: RetryPolicy, rng: random.Random) -> float:
        """Takes note of an error; returns the pause before the next try, 0 where that is on another route.

        Raises the error when the call was not sent for want of budget.
        """
        if not error.was_sent:
            raise error  # a spent budget ends the call: that a cheaper model would still fit is not what was asked for
        self._last = error
        self._failures[place] += 1
        self._drop_refused()
        alone = not set(self._open) - {place}
        if place in self._open and policy.allows(self._failures[place], error, alone=alone):
            return policy.delay(self._failures[place], rng, error.retry_after)
        self._open = [other for other in self._open if other != place]
        return 0.0

    def _drop_refused(self) -> None:
        for place in list(self._open):
            refusal = self.gates[place].refusal()
            if refusal is not None:
                self._open.remove(place)
                self._last = self._last or refusal


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
        self._pool = Pool(max_concurrent)
        self._clock = clock
        self._sleep = sleep
        self._rng = rng or random.Random()
        self._retry = retry or RetryPolicy()
        self._budget = budget or NoBudget()
        self._writing: set[asyncio.Future[None]] = set()

    async def call(self, call: Call, routes: Sequence[Route]) -> Reply:
        """The call's reply, from the journal or from the first route that can give one.

        An error that may pass is tried again on its route, with backoff; one that will not, an open breaker or a
        stopped provider turns to the next route at once. Raises ProviderError, the last one met, when no route is left.
        """
        stored = await self._log.stored(call)
        if stored is not None:
            return stored
        tries = _Tries(routes, self._clock)
        while True:
            place, passage = await self._let_in(routes, tries)
            try:
                return await self._send(call, routes[place], passage)
            except ProviderError as error:
                pause = tries.failed(place, error, self._retry, self._rng)
            finally:
                passage.close()
            if pause > 0:
                await tries.gates[place].rest(pause, self._sleep)

    async def settled(self) -> None:
        """Waits until every reply that has arrived is on disk; for the end of a cancelled stage.

        Raises what the log raises: then a reply that was paid for is lost.
        """
        for outcome in await asyncio.gather(*self._writing, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    async def _let_in(self, routes: Sequence[Route], tries: _Tries) -> tuple[int, Passage]:
        while True:
            places, patient = tries.choose()
            gates = [(tries.gates[place], routes[place].tokens) for place in places]
            passage = await enter(gates, self._pool, patient=patient)
            if passage is not None:
                return next(place for place in places if tries.gates[place] is passage.gate), passage

    async def _send(self, call: Call, route: Route, passage: Passage) -> Reply:
        worst_usd = route.worst_usd()
        await self._budget.reserve(worst_usd, route.worst_tokens)
        usd, tokens = None, None
        begun = self._clock()
        try:
            reply = await route.send()
            usd, tokens = reply.cost_usd, _used_tokens(reply)
            passage.answered(tokens, reply.limits)
            await self._write(self._log.replied(call, reply, self._clock() - begun))
        except ProviderError as error:
            if error.was_sent:
                usd, tokens = route.usd_of(error), _used_tokens(error)
                passage.failed(error, tokens)
                await self._write(self._log.failed(call, route, error, usd, self._clock() - begun))
            raise
        finally:
            # Only now that the journal has it: who adds up what is written and what is set aside misses nothing.
            self._budget.settle(worst_usd, route.worst_tokens, usd, tokens or 0)
        return reply

    async def _write(self, writing: Awaitable[None]) -> None:
        # What has arrived is paid for: a cancellation now must neither undo its writing nor outrun it.
        future = asyncio.ensure_future(writing)
        self._writing.add(future)
        future.add_done_callback(self._writing.discard)
        await asyncio.shield(future)


def _used_tokens(outcome: Reply | ProviderError) -> int | None:
    """Tokens in and out together; None where the provider did not say."""
    if outcome.input_tokens is None and outcome.output_tokens is None:
        return None
    return (outcome.input_tokens or 0) + (outcome.output_tokens or 0)
