"""The circuit breaker of one provider: after too many failures it is left alone for a while, then tried with care.

Here: `CircuitBreaker`, pure but for the clock handed in. Not here: which errors count (`gate.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class BreakerState(StrEnum):
    """Closed lets calls through, open lets none, half-open lets single probes through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When to open and when to close again; the values are those of the facts on systems of this kind."""

    consecutive_failures: int = 5
    window: int = 10
    failure_share: float = 0.5
    recovery_seconds: float = 60.0
    successes_to_close: int = 2


class CircuitBreaker:
    """Opens at five failures in a row or half of the last ten; after a minute two probes must succeed."""

    def __init__(self, clock: Callable[[], float], policy: BreakerPolicy | None = None) -> None:
        self._clock = clock
        self._policy = policy or BreakerPolicy()
        self._recent: deque[bool] = deque(maxlen=self._policy.window)
        self._row = 0
        self._opened_at: float | None = None
        self._probing = False
        self._probe_successes = 0

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self.seconds_until_probe() > 0 else BreakerState.HALF_OPEN

    def seconds_until_probe(self) -> float:
        """How long calls must wait; 0 when one may be tried now (in the half-open state: one at a time)."""
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._policy.recovery_seconds - self._clock())

    def may_call(self) -> bool:
        """Whether a call may start now; call `started` if it does."""
        state = self.state
        return state is BreakerState.CLOSED or (state is BreakerState.HALF_OPEN and not self._probing)

    def started(self) -> None:
        """A call starts."""
        self._probing = self._opened_at is not None

    def abandoned(self) -> None:
        """The call under way ended without saying anything about the provider's health."""
        self._probing = False

    def succeeded(self) -> None:
        """A call was answered."""
        self._probing = False
        self._row = 0
        self._recent.append(True)
        if self._opened_at is not None and self.state is BreakerState.HALF_OPEN:
            self._probe_successes += 1
            if self._probe_successes >= self._policy.successes_to_close:
                self._close()

    def failed(self) -> None:
        """A call failed in a way that says the provider is not well."""
        self._probing = False
        self._row += 1
        self._recent.append(False)
        if self._opened_at is not None:
            # Calls that were in flight when it opened say nothing new; a failed probe starts the pause again.
            if self.state is BreakerState.HALF_OPEN:
                self._open()
        elif self._row >= self._policy.consecutive_failures or self._mostly_failing():
            self._open()

    def _mostly_failing(self) -> bool:
        full = len(self._recent) == self._policy.window
        return full and self._recent.count(False) >= self._policy.failure_share * self._policy.window

    def _open(self) -> None:
        self._opened_at = self._clock()
        self._probe_successes = 0

    def _close(self) -> None:
        self._opened_at = None
        self._row = 0
        self._recent.clear()
