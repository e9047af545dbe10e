"""The gate in front of one provider: every call to it passes here, whatever stage makes it.

Here: `Gate`, which joins pacing, the in-flight window, the circuit breaker, and the end of a provider whose key or
account does not work; `enter`, which waits in line at one gate or at several. A gate's state outlives a stage. Not
here: retries and the journal (`calls.py`).

Nobody who waits looks for himself: whatever changes calls `Gate.advance`, which lets through from the front of the line
who may go. So the order is kept, one place wakes one call, and a half-open breaker lets exactly one probe through.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.breaker import NEVER_OPENS, CircuitBreaker
from qgen_dagster.generation.limits import Pace, Pool, Window
from qgen_dagster.generation.llm import RateLimits
from qgen_dagster.generation.provider import Fault, ProviderError

# What stops a provider for the rest of the run: no later call can go better.
STOPPING = frozenset({ErrorCategory.BILLING_QUOTA, ErrorCategory.AUTHENTICATION})
# What says that the provider itself is not well.
_ILL = frozenset({ErrorCategory.SERVER_ERROR, ErrorCategory.NETWORK_ERROR})
# Who has failed for so long, probes included, is not waited for: with one probe a minute a run would wait for days.
LONGEST_OUTAGE_SECONDS = 300.0
# A shorter wait is not worth waking up for; and a rounding error must not make a timer that never gets there.
SHORTEST_WAIT = 0.001


@dataclass(frozen=True, slots=True)
class GateLimits:
    """A provider's limits as configured; None where there is none."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_concurrent: int = 50


@dataclass(eq=False, slots=True)
class Turn:
    """A call in line; a patient one stays when the breaker opens. `let_in` gets its passage, or None: look again."""

    pool: Pool
    patient: bool
    let_in: asyncio.Future[Passage | None]


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
        self._clock = clock
        self._sleep = sleep
        self._pace = Pace(limits.requests_per_minute, limits.tokens_per_minute, clock)
        self._window = Window(limits.max_concurrent)
        self._in_flight = 0
        self._line: deque[tuple[Turn, int]] = deque()
        self._hasty = False  # whether anyone in line is not patient
        self._resting: set[asyncio.Future[None]] = set()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = math.inf

    @property
    def ready(self) -> bool:
        """Whether the provider can be called at all right now, if perhaps not at once."""
        return self.stopped_by is None and self.breaker.seconds_until_call() == 0

    def refusal(self) -> ProviderError | None:
        """Why nobody should wait for this provider: it was stopped, or has failed for too long; None: one may wait."""
        if self.stopped_by is not None:
            return ProviderError(self.stopped_by.category, self.stopped_by.message, fault=Fault.BLOCKED)
        pausing = 0 < self.breaker.seconds_until_call() < math.inf  # else one is let through to see how it is
        if pausing and self.breaker.seconds_down() > LONGEST_OUTAGE_SECONDS:
            minutes = self.breaker.seconds_down() / 60
            message = f"{self.provider} has failed for {minutes:.0f} minutes; no call waits for it any longer"
            return ProviderError(ErrorCategory.SERVER_ERROR, message, fault=Fault.BLOCKED)
        return None

    async def rest(self, seconds: float, sleep: Callable[[float], Awaitable[None]]) -> None:
        """A pause before a retry; it ends early when the provider is stopped."""
        stopped: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        napping = asyncio.ensure_future(sleep(seconds))
        self._resting.add(stopped)
        try:
            await asyncio.wait([napping, stopped], return_when=asyncio.FIRST_COMPLETED)
        finally:
            napping.cancel()
            self._resting.discard(stopped)

    def line_up(self, turn: Turn, tokens: int) -> None:
        """A call of about so many tokens joins the line."""
        self._line.append((turn, tokens))
        self._hasty = self._hasty or not turn.patient
        self.advance()

    def advance(self) -> None:
        """Lets through who may go now, sends away who had better look elsewhere, and sets the alarm for the next."""
        while (first := self._first()) is not None:
            turn, tokens = first
            wait = self._wait(tokens)
            if wait > 0:
                self._set_alarm(wait)
                return
            if not turn.pool.take():
                turn.pool.tell_when_free(self.advance)
                return
            self._line.popleft()
            self._let_in(turn, tokens)
        self._set_alarm(math.inf)

    def _first(self) -> tuple[Turn, int] | None:
        if not self.ready:
            self._send_away()
        while self._line and self._line[0][0].let_in.done():
            self._line.popleft()  # cancelled meanwhile, or let in at another gate
        return self._line[0] if self._line else None

    def _wait(self, tokens: int) -> float:
        """Seconds until the first in line may go; infinity when only the end of another call can change that."""
        wait = self.breaker.seconds_until_call()
        if wait > 0:
            return wait
        if self._in_flight >= self._window.size:
            return math.inf
        return self._pace.wait(tokens)

    def _send_away(self) -> None:
        everyone = self.refusal() is not None
        if not everyone and not self._hasty:
            return
        stay: deque[tuple[Turn, int]] = deque()
        for turn, tokens in self._line:
            if turn.let_in.done():
                continue
            if everyone or not turn.patient:
                turn.let_in.set_result(None)
            else:
                stay.append((turn, tokens))
        self._line, self._hasty = stay, False

    def _let_in(self, turn: Turn, tokens: int) -> None:
        self._in_flight += 1
        self._pace.take(tokens)
        turn.let_in.set_result(Passage(self, turn.pool, tokens, self.breaker.started(), self._window.opened()))

    def _set_alarm(self, seconds: float) -> None:
        """Advances again after so long; infinity: not by itself."""
        at = self._clock() + max(seconds, SHORTEST_WAIT)
        if self._alarm is not None and not self._alarm.done():
            if at >= self._alarm_at and seconds != math.inf:
                return
            self._alarm.cancel()
        self._alarm_at = at
        self._alarm = None if seconds == math.inf else asyncio.create_task(self._ring(at - self._clock()))

    async def _ring(self, seconds: float) -> None:
        await self._sleep(seconds)
        self._alarm = None
        self.advance()

    def _stop(self, error: ProviderError) -> None:
        self.stopped_by = self.stopped_by or error
        for resting in self._resting:
            if not resting.done():
                resting.set_result(None)


class Passage:
    """One call on its way; says how it ended. It holds a place in flight until it is closed."""

    def __init__(self, gate: Gate, pool: Pool, expected_tokens: int, breaker_mark: int, window_mark: int) -> None:
        self.gate = gate
        self._pool = pool
        self._expected_tokens = expected_tokens
        self._breaker_mark = breaker_mark
        self._window_mark = window_mark
        self._told = False

    def answered(self, used_tokens: int | None, limits: RateLimits | None) -> None:
        """The provider replied."""
        self._told = True
        gate = self.gate
        gate.breaker.succeeded(self._breaker_mark)
        gate._window.ended(self._window_mark, rejected=False)
        self._settle(used_tokens)
        if limits is not None:
            gate._pace.learn(limits.requests, limits.tokens)

    def failed(self, error: ProviderError, used_tokens: int | None) -> None:
        """The call was made and brought no usable reply."""
        self._told = True
        gate = self.gate
        self._settle(used_tokens)
        if error.category is ErrorCategory.RATE_LIMIT:
            gate._window.ended(self._window_mark, rejected=True)
            gate.breaker.abandoned(self._breaker_mark)
        elif error.category in _ILL:
            gate.breaker.failed(self._breaker_mark)
        else:  # it answered, if not what was hoped for
            gate._window.ended(self._window_mark, rejected=False)
            gate.breaker.succeeded(self._breaker_mark)
        if error.category in STOPPING:
            gate._stop(error)

    def _settle(self, used_tokens: int | None) -> None:
        if used_tokens is not None:
            self.gate._pace.settle(self._expected_tokens, used_tokens)

    def close(self) -> None:
        """The call is over, also when it was cancelled or never sent."""
        if not self._told:
            self.gate.breaker.abandoned(self._breaker_mark)
        self.gate._in_flight -= 1
        self._pool.give_back()
        self.gate.advance()


async def enter(gates: Sequence[tuple[Gate, int]], pool: Pool, *, patient: bool) -> Passage | None:
    """Waits in line at every gate, with about how many tokens the call will use there; the first to let it in has it.

    None when the call had better look again where to go: a gate refuses or, unless `patient`, its breaker opened.
    """
    turn = Turn(pool, patient, asyncio.get_running_loop().create_future())
    try:
        for gate, tokens in gates:
            gate.line_up(turn, tokens)
        return await turn.let_in
    except asyncio.CancelledError:
        turn.let_in.cancel()
        if not turn.let_in.cancelled() and (passage := turn.let_in.result()) is not None:
            passage.close()  # it was let in at that very moment
        raise
    finally:
        for gate, _ in gates:
            gate.advance()  # it may have waited at the head of another line


def free_gate(provider: str, clock: Callable[[], float]) -> Gate:
    """A gate for a single call to what has no limits: only the pool counts."""
    return Gate(provider, GateLimits(max_concurrent=1), clock=clock, breaker=CircuitBreaker(clock, NEVER_OPENS))
