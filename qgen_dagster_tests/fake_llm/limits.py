"""Rate limits: true ones, when they are switched on, and what the headers say of them in any case.

Here: `Limiter`, `Standing`. Not here: how a provider names its headers (`openai_wire.py` and its neighbours).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .settings import Settings

# What the headers state where no limit is enforced: more than any test can reach.
STATED_REQUESTS = 30_000
STATED_TOKENS = 300_000_000


class Bucket:
    """A token bucket: `rate` a second, at most `capacity` at once."""

    def __init__(self, rate: float, capacity: float, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.capacity = capacity
        self._clock = clock
        self._at = clock()
        self.level = capacity

    def refill(self) -> None:
        now = self._clock()
        self.level = min(self.capacity, self.level + (now - self._at) * self.rate)
        self._at = now

    def wait(self, amount: float) -> float:
        """Seconds until so much is there; 0 when it is."""
        self.refill()
        # A request larger than the bucket passes when the bucket is full, or it never would.
        return max(0.0, (min(amount, self.capacity) - self.level) / self.rate)

    def take(self, amount: float) -> None:
        self.level = max(0.0, self.level - amount)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a provider's limits stand, per minute; `wait` > 0 says that the call is refused, `what` why."""

    requests: int
    requests_left: int
    tokens: int
    tokens_left: int
    requests_reset: float
    tokens_reset: float
    wait: float = 0.0
    what: str = "requests"


class Limiter:
    """One provider's limits."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._enforced = settings.rate is not None
        self._tokens_enforced = settings.tokens_per_minute is not None
        rate = settings.rate or STATED_REQUESTS / 60
        capacity = (settings.burst or max(1.0, rate)) if self._enforced else STATED_REQUESTS
        tokens = settings.tokens_per_minute or STATED_TOKENS
        self._requests = Bucket(rate, capacity, clock)
        self._tokens = Bucket(tokens / 60, tokens, clock)

    def admit(self, tokens: int) -> Standing:
        """Lets a call of so many tokens pass, or says how long it has to wait."""
        waits = {"requests": self._requests.wait(1), "tokens": self._tokens.wait(tokens)}
        refused = (self._enforced and waits["requests"] > 0) or (self._tokens_enforced and waits["tokens"] > 0)
        if not refused:
            self._requests.take(1)
            self._tokens.take(tokens)
            return self._standing()
        what = max(waits, key=waits.__getitem__)
        return self._standing(waits[what], what)

    def _standing(self, wait: float = 0.0, what: str = "requests") -> Standing:
        requests, tokens = self._requests, self._tokens
        return Standing(
            requests=round(requests.rate * 60),
            requests_left=int(requests.level),
            tokens=round(tokens.rate * 60),
            tokens_left=int(tokens.level),
            requests_reset=(requests.capacity - requests.level) / requests.rate,
            tokens_reset=(tokens.capacity - tokens.level) / tokens.rate,
            wait=wait,
            what=what,
        )


def whole_seconds(wait: float) -> int:
    """A wait as Retry-After says it: whole seconds, at least one."""
    return max(1, math.ceil(wait))
