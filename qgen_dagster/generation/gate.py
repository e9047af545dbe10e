"""The gate in front of one provider: every call to it passes here, whatever stage makes it.

Here: `Gate`, which joins pacing, the in-flight window, the circuit breaker, and the end of a provider whose key or
account does not work. Its state outlives a stage. Not here: retries and the journal (`calls.py`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.breaker import CircuitBreaker
from qgen_dagster.generation.limits import Bucket, Pace, Window
from qgen_dagster.generation.llm import RateLimits
from qgen_dagster.generation.provider import Fault, ProviderError

# What stops a provider for the rest of the run: no later call can go better.
STOPPING = frozenset({ErrorCategory.BILLING_QUOTA, ErrorCategory.AUTHENTICATION})
# What says that the provider itself is not well.
_ILL = frozenset({ErrorCategory.SERVER_ERROR, ErrorCategory.NETWORK_ERROR})


@dataclass(frozen=True, slots=True)
class GateLimits:
    """A provider's limits as configured; None where there is none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_concurrent: int = 50


class Gate:
    """Lets calls to one provider through, as many and as fast as it bears. For one event loop at a time."""

    def __init__(
        self,
        provider: str,
        limits: GateLimits,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.provider = provider
        self.breaker = breaker or CircuitBreaker(clock)
        self.stopped_by: ProviderError | None = None
        self._sleep = sleep
        requests, tokens = limits.requests_per_minute, limits.tokens_per_minute
        self._pace = Pace(Bucket(requests, clock) if requests else None, Bucket(tokens, clock) if tokens else None)
        self._window = Window(limits.max_concurrent)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def ready(self) -> bool:
        """Whether the provider can be called at all right now, if perhaps not at once."""
        return self.stopped_by is None and self.breaker.may_call()

    @asynccontextmanager
    async def admitted(self, tokens: int, *, patient: bool) -> AsyncIterator[Passage]:
        """Waits for its turn, then holds one place in flight. `tokens`: about what the call will use.

        Raises ProviderError with `Fault.BLOCKED` when the provider is stopped, or its breaker is open and the caller is
        not `patient` because it has somewhere else to go.
        """
        await self._take_place(patient)
        passage = Passage(self, tokens, self._window.opened())
        try:
            wait = self._pace.reserve(tokens)
            if wait > 0:
                await self._sleep(wait)
            yield passage
        finally:
            self._in_flight -= 1
            passage.close()
            self._wake()

    async def _take_place(self, patient: bool) -> None:
        while True:
            if self.stopped_by is not None:
                raise ProviderError(self.stopped_by.category, self.stopped_by.message, fault=Fault.BLOCKED)
            if not self.breaker.may_call():
                if not patient:
                    raise self._open_error()
                await self._pause()
            elif self._in_flight >= self._window.size:
                await self._queue_up()
            else:
                self._in_flight += 1
                self.breaker.started()
                return

    def _open_error(self) -> ProviderError:
        message = f"{self.provider} failed too often; it is left alone for a while"
        return ProviderError(ErrorCategory.SERVER_ERROR, message, fault=Fault.BLOCKED)

    async def _pause(self) -> None:
        pause = self.breaker.seconds_until_probe()
        if pause > 0:
            await self._sleep(pause)
        else:
            await self._queue_up()  # somebody else is the probe

    async def _queue_up(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._wake()  # it was our turn: pass it on
            raise

    def _wake(self) -> None:
        # All look again while something is out of the ordinary; else one place was freed for one call.
        many = self.stopped_by is not None or not self.breaker.may_call()
        free = len(self._waiting) if many else max(1, self._window.size - self._in_flight)
        while self._waiting and free > 0:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


class Passage:
    """One call on its way; says how it ended."""

    def __init__(self, gate: Gate, reserved: int, mark: int) -> None:
        self._gate = gate
        self._reserved = reserved
        self._mark = mark
        self._told = False

    def answered(self, used_tokens: int | None, limits: RateLimits | None) -> None:
        """The provider replied."""
        gate = self._gate
        self._told = True
        gate.breaker.succeeded()
        gate._window.accepted()
        if used_tokens is not None:
            gate._pace.settle(self._reserved, used_tokens)
        if limits is not None:
            gate._pace.learn(limits.requests, limits.tokens)

    def failed(self, error: ProviderError) -> None:
        """The call brought no usable reply."""
        gate = self._gate
        self._told = True
        if error.category in STOPPING:
            gate.stopped_by = gate.stopped_by or error
        if error.category is ErrorCategory.RATE_LIMIT:
            gate._window.rejected(self._mark)
            gate.breaker.abandoned()
        elif error.category in _ILL:
            gate.breaker.failed()
        else:
            gate.breaker.succeeded()  # it answered, if not what was hoped for

    def close(self) -> None:
        """The call is over, also when it was cancelled."""
        if not self._told:
            self._gate.breaker.abandoned()
