"""The circuit breaker of one provider: after too many failures it is left alone for a while, then tried with care.

Here: `CircuitBreaker`, pure but for the clock handed in. Not here: which errors count (`gate.py`).
"""

from __future__ import annotations

import math
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


NEVER_OPENS = BreakerPolicy(consecutive_failures=10**9, failure_share=2.0)


class CircuitBreaker:
    """Opens at five failures in a row or half of the last ten; after a minute two probes must succeed.

    `started` gives each call a mark, to be handed back with its end. A call that started before the breaker last opened
    or closed says nothing about the provider's health now, and is not the probe: its end is ignored.
    """

    def __init__(self, clock: Callable[[], float], policy: BreakerPolicy | None = None) -> None:
        self._clock = clock
        self._policy = policy or BreakerPolicy()
        self._recent: deque[bool] = deque(maxlen=self._policy.window)
        self._row = 0
        self._opened_at: float | None = None
        self._down_since: float | None = None
        self._epoch = 0
        self._probing = False
        self._probe_successes = 0

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._seconds_left(self._opened_at) > 0 else BreakerState.HALF_OPEN

    def seconds_until_call(self) -> float:
        """How long a call must wait: 0 when one may start now, infinity while another one is the probe."""
        if self._opened_at is None:
            return 0.0
        return math.inf if self._probing else self._seconds_left(self._opened_at)

    def seconds_down(self) -> float:
        """For how long it has not been closed; 0 when it is."""
        return 0.0 if self._down_since is None else self._clock() - self._down_since

    def started(self) -> int:
        """A call starts; returns its mark."""
        self._probing = self._opened_at is not None
        return self._epoch

    def abandoned(self, mark: int) -> None:
        """The call ended without saying anything about the provider's health."""
        if mark == self._epoch:
            self._probing = False

    def succeeded(self, mark: int) -> None:
        """The call was answered."""
        if mark != self._epoch:
            return
        self._probing = False
        self._row = 0
        self._recent.append(True)
        if self._opened_at is not None:
            self._probe_successes += 1
            if self._probe_successes >= self._policy.successes_to_close:
                self._turn(None)

    def failed(self, mark: int) -> None:
        """The call failed in a way that says the provider is not well."""
        if mark != self._epoch:
            return
        self._row += 1
        self._recent.append(False)
        if self._opened_at is not None or self._row >= self._policy.consecutive_failures or self._mostly_failing():
            self._turn(self._clock())

    def _seconds_left(self, opened_at: float) -> float:
        return max(0.0, opened_at + self._policy.recovery_seconds - self._clock())

    def _mostly_failing(self) -> bool:
        full = len(self._recent) == self._policy.window
        return full and self._recent.count(False) >= self._policy.failure_share * self._policy.window

    def _turn(self, opened_at: float | None) -> None:
        """Opens (again), or closes where `opened_at` is None."""
        self._opened_at = opened_at
        if opened_at is None or self._down_since is None:
            self._down_since = opened_at
        self._epoch += 1
        self._probing = False
        self._probe_successes = 0
        self._row = 0
        self._recent.clear()
