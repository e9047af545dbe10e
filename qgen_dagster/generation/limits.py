"""How many calls, and how fast: requests and tokens per minute, how many in flight, and the pool over all providers.

Here: `Pool`, `Bucket` and `Pace` (two token buckets), `Window` (fewer in flight on 429, slowly more again); pure but
for the clock handed in. Not here: waiting (`gate.py`), retries (`calls.py`).

Pacing on the client keeps rejections under a percent, where retrying alone gets every seventh call rejected.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

# A little slower than allowed, and at most half a second's worth at once: requests arrive less evenly than they leave,
# and limits per minute are often enforced by the second.
HEADROOM = 0.97
BURST_SECONDS = 0.5


class Pool:
    """So many calls at a time over all providers. Those who found it full are told in turn when a place is free."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._waiting: OrderedDict[Callable[[], None], None] = OrderedDict()

    def take(self) -> bool:
        """Takes a place if there is one."""
        if not self._free:
            return False
        self._free -= 1
        return True

    def tell_when_free(self, tell: Callable[[], None]) -> None:
        """Calls `tell` once, when there is a place and it is its turn; asking twice does not make it two."""
        self._waiting.setdefault(tell)

    def give_back(self) -> None:
        """A place is free again."""
        self._free += 1
        while self._free and self._waiting:
            tell, _ = self._waiting.popitem(last=False)
            tell()


class Bucket:
    """A token bucket. What is larger than the bucket passes when it is full, and leaves a debt that the next pay."""

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rate = per_minute * HEADROOM / 60
        self._level = self._capacity
        self._at = clock()

    @property
    def _capacity(self) -> float:
        return max(1.0, self._rate * BURST_SECONDS)

    def wait(self, amount: float) -> float:
        """Seconds until so much may be taken; 0 when it may be now."""
        self._refill()
        return max(0.0, (min(amount, self._capacity) - self._level) / self._rate)

    def take(self, amount: float) -> None:
        """Takes it."""
        self._refill()
        self._level -= amount

    def give_back(self, amount: float) -> None:
        """Returns what was not used (or, negative, takes what was used beyond)."""
        self._refill()
        self._level = min(self._capacity, self._level + amount)

    def lower_to(self, per_minute: float) -> None:
        """Takes over a limit that the provider states, when it is lower than the present one."""
        rate = per_minute * HEADROOM / 60
        if 0 < rate < self._rate:
            self._refill()
            self._rate = rate
            self._level = min(self._level, self._capacity)

    def _refill(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._at) * self._rate)
        self._at = now


class Pace:
    """Requests and tokens per minute; no limit where it is None, until the provider states one."""

    def __init__(self, requests: int | None, tokens: int | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._requests = Bucket(requests, clock) if requests else None
        self._tokens = Bucket(tokens, clock) if tokens else None

    def wait(self, tokens: float) -> float:
        """Seconds until a request of about so many tokens may be sent; 0 when it may be now."""
        requests = self._requests.wait(1) if self._requests else 0.0
        return max(requests, self._tokens.wait(tokens) if self._tokens else 0.0)

    def take(self, tokens: float) -> None:
        """A request of about so many tokens is sent."""
        if self._requests:
            self._requests.take(1)
        if self._tokens:
            self._tokens.take(tokens)

    def settle(self, expected: float, used: float) -> None:
        """Corrects what was expected of a request by what it really used."""
        if self._tokens:
            self._tokens.give_back(expected - used)

    def learn(self, requests: int | None, tokens: int | None) -> None:
        """Takes over the provider's own limits where they are lower, or where none is configured."""
        self._requests = self._lowered(self._requests, requests)
        self._tokens = self._lowered(self._tokens, tokens)

    def _lowered(self, bucket: Bucket | None, limit: int | None) -> Bucket | None:
        if not limit:
            return bucket
        if bucket is None:
            return Bucket(limit, self._clock)
        bucket.lower_to(limit)
        return bucket


class Window:
    """How many calls may be in flight: fewer when many are answered with 429, slowly more again, never under a floor.

    It is looked at once a round, when as many calls have ended as may be in flight. A few rejections are no reason to
    go slower: a server may turn away one call in ten at any speed, and a cut for each of them would leave a quarter of
    it. After a cut only calls count that were sent since. Only a 429 makes the window smaller; a provider that is
    broken is the breaker's matter.
    """

    TOLERATED = 0.25  # share of rejections; noise around a tenth rarely gets there in a round
    SMALLEST_ROUND = 20
    DEEPEST_CUT = 0.5  # rejections come back sooner than replies, so at first they seem more than they are
    FLOOR_SHARE = 0.05

    def __init__(self, most: int) -> None:
        self._most = float(most)
        self._size = float(most)
        self._epoch = 0
        self._ended = 0
        self._rejected = 0

    @property
    def size(self) -> int:
        return int(self._size)

    def opened(self) -> int:
        """A call is sent; returns the mark to hand back when it ends."""
        return self._epoch

    def ended(self, mark: int, *, rejected: bool) -> None:
        """A call was answered, with 429 or with anything else."""
        if mark != self._epoch:
            return
        self._ended += 1
        self._rejected += rejected
        if self._ended < max(self._size, self.SMALLEST_ROUND):
            return
        share = self._rejected / self._ended
        if share > self.TOLERATED:
            floor = max(1.0, self._most * self.FLOOR_SHARE)
            self._size = max(floor, self._size * max(self.DEEPEST_CUT, 1 - share))
            self._epoch += 1
        else:
            self._size = min(self._most, self._size + 1)
        self._ended = self._rejected = 0
