"""Pacing the calls to one provider: requests and tokens per minute, and how many may be in flight.

Here: `Pace` (two token buckets) and `Window` (additive increase, multiplicative decrease on 429), pure but for the
clock handed in. Not here: waiting (`gate.py`), retries (`calls.py`).

Pacing on the client keeps rejections under a percent, where retrying alone gets every seventh call rejected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# Start a little slower than allowed: requests arrive less evenly than they leave.
HEADROOM = 0.97
BURST_SECONDS = 1.0


class Bucket:
    """A token bucket that may go into debt: `reserve` says how long to wait until the debt is paid."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rate = per_minute * HEADROOM / 60
        self._level = self._capacity
        self._at = clock()

    @property
    def _capacity(self) -> float:
        return max(1.0, self._rate * BURST_SECONDS)

    def reserve(self, amount: float) -> float:
        """Takes `amount`; returns the seconds to wait before using it."""
        self._refill()
        self._level -= amount
        return max(0.0, -self._level / self._rate)

    def give_back(self, amount: float) -> None:
        """Returns what was not used (or, negative, takes what was used beyond)."""
        self._refill()
        self._level = min(self._capacity, self._level + amount)

    def lower_to(self, per_minute: float) -> None:
        """Takes over a limit that the provider states, when it is lower than the configured one."""
        rate = per_minute * HEADROOM / 60
        if 0 < rate < self._rate:
            self._refill()
            self._rate = rate
            self._level = min(self._level, self._capacity)

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._rate)
        self._at = now


@dataclass(slots=True)
class Pace:
    """Requests and tokens per minute; None where there is no limit."""

    requests: Bucket | None = None
    tokens: Bucket | None = None

    def reserve(self, tokens: float) -> float:
        """Reserves one request of about so many tokens; returns the seconds to wait before sending it."""
        waits = [self.requests.reserve(1)] if self.requests else []
        waits += [self.tokens.reserve(tokens)] if self.tokens else []
        return max(waits, default=0.0)

    def settle(self, reserved: float, used: float) -> None:
        """Corrects a reservation by what the call really used."""
        if self.tokens:
            self.tokens.give_back(reserved - used)

    def learn(self, requests: int | None, tokens: int | None) -> None:
        """Takes over the provider's own limits where they are lower than the configured ones."""
        if self.requests and requests:
            self.requests.lower_to(requests)
        if self.tokens and tokens:
            self.tokens.lower_to(tokens)


class Window:
    """How many calls may be in flight: a little more after each success, fewer after a 429, never under a floor.

    A rejection counts once per window: the calls that were sent before the last cut say nothing about it. Only a 429
    makes it smaller; a provider that is broken is the breaker's matter.
    """

    CUT = 0.8
    FLOOR_SHARE = 0.25

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._size = float(most)
        self._epoch = 0

    @property
    def size(self) -> int:
        return max(1, int(self._size))

    def opened(self) -> int:
        """A call is sent; returns the mark to hand back when it ends."""
        return self._epoch

    def accepted(self) -> None:
        """A call was answered."""
        self._size = min(self._most, self._size + 1 / self._size)

    def rejected(self, mark: int) -> None:
        """A call was answered with 429."""
        if mark == self._epoch:
            self._epoch += 1
            self._size = max(1.0, self._most * self.FLOOR_SHARE, self._size * self.CUT)
