"""A journal, a budget and a provider made of nothing, and gates, for tests of calls in virtual time.

Here: `MemoryLog`, `Purse`, `Toy` (a provider whose behaviour is a function), errors as providers give them, and
`through`, which holds a passage of a gate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.calls import Call, Caller, RetryPolicy, Route
from qgen_dagster.generation.gate import Gate, GateLimits, Passage, enter
from qgen_dagster.generation.limits import Pool
from qgen_dagster.generation.provider import Fault, ProviderError, Reply
from qgen_dagster_tests.support.virtual_time import VirtualLoop


def rate_limited(retry_after: float | None = None) -> ProviderError:
    return ProviderError(ErrorCategory.RATE_LIMIT, "429", retry_after=retry_after)


def server_error() -> ProviderError:
    return ProviderError(ErrorCategory.SERVER_ERROR, "503")


def no_money() -> ProviderError:
    return ProviderError(ErrorCategory.BILLING_QUOTA, "insufficient_quota")


def not_understood() -> ProviderError:
    return ProviderError(ErrorCategory.INVALID_REQUEST, "400")


@dataclass
class MemoryLog:
    """A journal in memory. Writing takes `seconds`, and fails while `broken` is set."""

    seconds: float = 0.0
    broken: Exception | None = None
    replies: dict[str, Reply] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)  # digests of calls that were answered, in order
    errors: list[tuple[str, ProviderError, Decimal | None]] = field(default_factory=list)

    @property
    def entries(self) -> int:
        return len(self.written) + len(self.errors)

    async def stored(self, call: Call) -> Reply | None:
        return self.replies.get(call.digest)

    async def replied(self, call: Call, reply: Reply, seconds: float) -> None:
        await self._write()
        self.replies[call.digest] = reply
        self.written.append(call.digest)

    async def failed(
        self, call: Call, route: Route, error: ProviderError, cost_usd: Decimal | None, seconds: float
    ) -> None:
        await self._write()
        self.errors.append((route.provider, error, cost_usd))

    async def _write(self) -> None:
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if self.broken:
            raise self.broken


@dataclass
class Purse:
    """A budget in USD. `aside` is what calls under way may cost."""

    most: Decimal
    spent: Decimal = Decimal()
    aside: Decimal = Decimal()
    tokens: int = 0

    async def reserve(self, usd: Decimal | None, tokens: int) -> None:
        assert usd is not None
        if self.spent + self.aside + usd > self.most:
            raise ProviderError(ErrorCategory.BILLING_QUOTA, "the budget is spent", fault=Fault.BLOCKED)
        self.aside += usd

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        assert reserved_usd is not None
        self.aside -= reserved_usd
        self.spent += usd or Decimal()
        self.tokens += tokens


Behaviour = Callable[["Toy"], Awaitable[Reply]]


class Toy:
    """A provider that does what its behaviour says, and counts what it sees."""

    def __init__(self, behave: Behaviour, name: str = "toy") -> None:
        self.name = name
        self.behave = behave
        self.sent_at: list[float] = []
        self.busy = 0
        self.most = 0  # calls at once
        self.ended = 0  # calls that were answered, with whatever

    async def send(self) -> Reply:
        self.sent_at.append(asyncio.get_running_loop().time())
        self.busy += 1
        self.most = max(self.most, self.busy)
        try:
            reply = await self.behave(self)
        except ProviderError:
            self.ended += 1
            raise
        finally:
            self.busy -= 1
        self.ended += 1
        return reply

    @property
    def sent(self) -> int:
        return len(self.sent_at)

    def route(self, gate: Gate | None = None, tokens: int = 0, usd: Decimal | None = None) -> Route:
        return Route(
            provider=self.name,
            model="toy-1",
            send=self.send,
            gate=gate,
            tokens=tokens,
            worst_usd=lambda: usd,
            usd_of=lambda error: None if error.input_tokens is None else Decimal(error.input_tokens) / 1000,
        )

    def reply(self, text: str = "ok", cost: Decimal | None = None, tokens: int | None = None) -> Reply:
        return Reply(text=text, provider=self.name, cost_usd=cost, output_tokens=tokens)


def answers_after(seconds: float) -> Behaviour:
    async def behave(toy: Toy) -> Reply:
        await asyncio.sleep(seconds)
        return toy.reply()

    return behave


def always(error: Callable[[], ProviderError], seconds: float = 0.0) -> Behaviour:
    async def behave(toy: Toy) -> Reply:
        await asyncio.sleep(seconds)
        raise error()

    return behave


def down_until(end: float, seconds: float = 0.2) -> Behaviour:
    """Fails until the loop's clock shows `end`."""

    async def behave(toy: Toy) -> Reply:
        await asyncio.sleep(seconds)
        if asyncio.get_running_loop().time() < end:
            raise server_error()
        return toy.reply()

    return behave


def in_turn(*steps: ProviderError | str, seconds: float = 0.1) -> Behaviour:
    """Follows the steps, one a call; the last one for all that come later."""
    asked = 0

    async def behave(toy: Toy) -> Reply:
        nonlocal asked
        step = steps[min(asked, len(steps) - 1)]
        asked += 1
        await asyncio.sleep(seconds)
        if isinstance(step, ProviderError):
            raise step
        return toy.reply(step)

    return behave


def gate_for(
    loop: VirtualLoop, most: int = 50, *, requests: int | None = None, tokens: int | None = None, name: str = "toy"
) -> Gate:
    return Gate(name, GateLimits(requests, tokens, most), clock=loop.time)


@asynccontextmanager
async def through(
    *gates: Gate, pool: Pool | None = None, patient: bool = True, tokens: int = 0
) -> AsyncIterator[Passage]:
    """Holds a passage; it must be let through."""
    passage = await enter([(gate, tokens) for gate in gates], pool or Pool(10_000), patient=patient)
    assert passage is not None
    try:
        yield passage
    finally:
        passage.close()


async def opened_breaker(gate: Gate) -> None:
    for _ in range(5):
        async with through(gate) as passage:
            passage.failed(server_error(), None)


NO_JITTER = RetryPolicy(jitter=0.0)


def caller_for(
    loop: VirtualLoop, log: MemoryLog | None = None, at_once: int = 50, retry: RetryPolicy = NO_JITTER, **more: object
) -> Caller:
    return Caller(log if log is not None else MemoryLog(), max_concurrent=at_once, clock=loop.time, retry=retry, **more)  # type: ignore[arg-type]


def named(number: int = 0) -> Call:
    return Call("generate", f"call {number}")
