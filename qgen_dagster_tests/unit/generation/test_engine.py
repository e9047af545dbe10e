"""The batch engine: retries, refills, isolation, cancellation, resuming from stored replies. No clock, no waiting."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.generation.calls import Call, Caller, RetryPolicy, Route
from qgen_dagster.generation.engine import BatchEngine, BatchOutcome, BatchTask, Delivery
from qgen_dagster.generation.jobs import Jobs, run_all
from qgen_dagster.generation.provider import ProviderError, Reply


@dataclass
class Memory:
    """A ledger and a journal that remember everything."""

    replies: dict[str, Reply] = field(default_factory=dict)
    errors: list[ProviderError] = field(default_factory=list)
    outcomes: dict[UUID, BatchOutcome[str]] = field(default_factory=dict)
    started_batches: list[UUID] = field(default_factory=list)

    def started(self, task: BatchTask[str]) -> None:
        self.started_batches.append(task.id)

    def finished(self, task: BatchTask[str], outcome: BatchOutcome[str]) -> None:
        self.outcomes[task.id] = outcome

    async def stored(self, call: Call) -> Reply | None:
        return self.replies.get(call.digest)

    async def replied(self, call: Call, reply: Reply, seconds: float) -> None:
        self.replies[call.digest] = reply

    async def failed(
        self, call: Call, route: Route, error: ProviderError, cost_usd: Decimal | None, seconds: float
    ) -> None:
        self.errors.append(error)


Ask = Callable[[int, int], Awaitable[Reply]]


@dataclass(frozen=True)
class Batch:
    """A batch before it has a caller."""

    ask: Ask
    size: int = 5
    id: UUID = field(default_factory=uuid4)

    def task(self, caller: Caller) -> BatchTask[str]:
        """Replies are words separated by spaces; `!` marks an invalid one, `.` the end of all there is."""

        async def ask(missing: int, call: int) -> Reply:
            route = Route(provider="fake", model=None, send=lambda: self.ask(missing, call))
            return await caller.call(Call("generate", f"{self.id}/{missing}/{call}"), [route])

        def read(reply: Reply, missing: int, call: int) -> Delivery[str]:
            if reply.text == "garbage":
                raise ProviderError(ErrorCategory.PARSE_ERROR, "not JSON")
            words = reply.text.split()
            good = [w for w in words if w not in ("!", ".")]
            return Delivery(good, [w for w in words if w == "!"], saturated="." in words)

        return BatchTask(self.id, "group", self.size, ask, read, lambda word: word)


def task(ask: Ask, size: int = 5) -> Batch:
    return Batch(ask, size)


def script(*steps: str | ProviderError) -> tuple[Ask, list[tuple[int, int]]]:
    """An `ask` that follows the steps, and the list of (missing, call) that it was asked with."""
    asked: list[tuple[int, int]] = []

    async def ask(missing: int, call: int) -> Reply:
        asked.append((missing, call))
        step = steps[min(len(asked), len(steps)) - 1]
        if isinstance(step, ProviderError):
            raise step
        return Reply(text=step, provider="fake")

    return ask, asked


def run(
    memory: Memory,
    *batches: Batch,
    slept: list[float] | None = None,
    concurrency: int = 4,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    naps = slept if slept is not None else []

    async def sleep(seconds: float) -> None:
        naps.append(seconds)

    async def everything() -> None:
        caller = Caller(memory, max_concurrent=concurrency, clock=lambda: 0.0, sleep=sleep, rng=random.Random(1))
        engine: BatchEngine[str] = BatchEngine(memory)
        jobs = Jobs(engine.jobs([batch.task(caller) for batch in batches]))
        await run_all(jobs, concurrency, should_stop)

    asyncio.run(everything())


SERVER_ERROR = ProviderError(ErrorCategory.SERVER_ERROR, "503")


def test_a_full_reply_completes_the_batch_in_one_call() -> None:
    ask, asked = script("a b c d e")
    memory = Memory()
    run(memory, one := task(ask))
    assert [item for item, _ in memory.outcomes[one.id].items] == ["a", "b", "c", "d", "e"]
    assert asked == [(5, 1)]


def test_only_what_is_missing_is_asked_for_again() -> None:
    ask, asked = script("a b !", "c", "d e")
    memory = Memory()
    run(memory, one := task(ask))
    assert asked == [(5, 1), (3, 2), (2, 3)]
    assert memory.outcomes[one.id].invalid == 1
    assert memory.outcomes[one.id].status is BatchStatus.COMPLETED


def test_repeated_items_within_a_batch_count_once() -> None:
    ask, asked = script("a a b b c", "d e")
    run(Memory(), task(ask))
    assert asked == [(5, 1), (2, 2)]


def test_more_than_was_asked_for_is_cut() -> None:
    ask, _ = script("a b c d e f g")
    memory = Memory()
    run(memory, one := task(ask))
    assert len(memory.outcomes[one.id].items) == 5


def test_retryable_errors_are_retried_three_times_with_growing_pauses() -> None:
    ask, asked = script(SERVER_ERROR)
    memory, slept = Memory(), list[float]()
    run(memory, one := task(ask), slept=slept)
    assert len(asked) == 4
    assert [0.75 * 2**i <= pause <= 1.25 * 2**i for i, pause in enumerate(slept)] == [True] * 3
    assert memory.outcomes[one.id].status is BatchStatus.FAILED
    assert memory.outcomes[one.id].error is SERVER_ERROR
    assert len(memory.errors) == 4


def test_errors_that_time_cannot_heal_are_not_retried() -> None:
    for category in (ErrorCategory.AUTHENTICATION, ErrorCategory.BILLING_QUOTA, ErrorCategory.INVALID_REQUEST):
        ask, asked = script(ProviderError(category, "no"))
        run(Memory(), task(ask))
        assert len(asked) == 1


def test_the_provider_s_own_wish_for_a_pause_is_honoured() -> None:
    ask, _ = script(ProviderError(ErrorCategory.RATE_LIMIT, "429", retry_after=17.0), "a b c d e")
    slept: list[float] = []
    run(Memory(), task(ask), slept=slept)
    assert slept == [17.0]


def test_an_unreadable_reply_is_kept_and_asked_for_again() -> None:
    ask, asked = script("garbage", "a b c d e")
    memory = Memory()
    run(memory, one := task(ask))
    assert len(memory.replies) == 2
    assert len(asked) == 2
    assert memory.outcomes[one.id].status is BatchStatus.COMPLETED


def test_a_provider_that_has_nothing_more_is_not_asked_again() -> None:
    ask, asked = script("a b .")
    memory = Memory()
    run(memory, one := task(ask))
    assert len(asked) == 1
    assert memory.outcomes[one.id].saturated
    assert memory.outcomes[one.id].status is BatchStatus.COMPLETED


def test_a_failing_batch_does_not_stop_the_others() -> None:
    bad, _ = script(SERVER_ERROR)
    good, _ = script("a b c d e")
    memory = Memory()
    tasks = [task(bad if i == 2 else good) for i in range(5)]
    run(memory, *tasks)
    statuses = [memory.outcomes[t.id].status for t in tasks]
    assert statuses.count(BatchStatus.COMPLETED) == 4
    assert statuses[2] is BatchStatus.FAILED


def test_a_reply_that_was_stored_before_a_restart_is_not_paid_for_again() -> None:
    ask, asked = script("a b", "c d e")
    memory = Memory()
    first = task(ask)
    run(memory, first)
    memory.outcomes.clear()
    run(memory, first)
    assert len(asked) == 2
    assert [item for item, _ in memory.outcomes[first.id].items] == ["a", "b", "c", "d", "e"]


@given(st.integers(1, 8), st.integers(0, 30))
def test_never_more_calls_at_a_time_than_allowed(concurrency: int, batches: int) -> None:
    busy = most = 0

    async def ask(missing: int, call: int) -> Reply:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        busy -= 1
        return Reply(text="a b c d e", provider="fake")

    memory = Memory()
    run(memory, *[task(ask) for _ in range(batches)], concurrency=concurrency)
    assert most <= concurrency
    assert len(memory.outcomes) == batches


def test_a_stop_request_ends_calls_in_flight_and_keeps_what_is_finished() -> None:
    stopped = False
    cancelled: list[bool] = []

    async def quick(missing: int, call: int) -> Reply:
        return Reply(text="a b c d e", provider="fake")

    async def hangs(missing: int, call: int) -> Reply:
        nonlocal stopped
        stopped = True
        try:
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise
        raise AssertionError

    memory = Memory()
    done, never = task(quick), task(hangs)
    with pytest.raises(RunInterrupted):
        run(memory, done, never, task(quick), concurrency=1, should_stop=lambda: stopped)
    assert cancelled == [True]
    assert list(memory.outcomes) == [done.id]


def test_a_ledger_that_fails_stops_everything() -> None:
    class Broken(Memory):
        async def replied(self, call: Call, reply: Reply, seconds: float) -> None:
            raise OSError("disk full")

    ask, asked = script("a b c d e")
    with pytest.raises(OSError, match="disk full"):
        run(Broken(), *[task(ask) for _ in range(20)], concurrency=1)
    assert len(asked) == 1


@given(st.integers(1, 40), st.none() | st.floats(0, 500), st.integers())
def test_a_pause_is_never_longer_than_the_cap_unless_the_provider_wishes(
    retry: int, retry_after: float | None, seed: int
) -> None:
    policy = RetryPolicy()
    pause = policy.delay(retry, random.Random(seed), retry_after)
    assert (retry_after or 0.0) <= pause <= max(policy.cap * (1 + policy.jitter), retry_after or 0.0)
