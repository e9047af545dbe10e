"""The gate in front of a provider: who is let through, how fast, in which order, and that no place is ever lost.

The time is virtual. Breakers and stopped providers: `test_gate_shut.py`.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.gate import Gate, GateLimits, enter
from qgen_dagster.generation.limits import BURST_SECONDS, HEADROOM, Pool
from qgen_dagster.generation.provider import Fault, ProviderError, RateLimits
from qgen_dagster_tests.support.virtual_time import VirtualLoop, run_virtual
from qgen_dagster_tests.unit.generation.toys import gate_for, no_money, rate_limited, server_error, through

# -- places in flight -----------------------------------------------------------------------------------------------


def test_calls_are_let_through_in_the_order_in_which_they_came() -> None:
    async def work(loop: VirtualLoop) -> list[int]:
        gate, order, rng = gate_for(loop, 3), list[int](), random.Random(1)

        async def call(number: int) -> None:
            async with through(gate) as passage:
                order.append(number)
                await asyncio.sleep(rng.random())
                passage.answered(None, None)

        await asyncio.gather(*(call(number) for number in range(100)))
        return order

    assert run_virtual(work) == list(range(100))


def test_the_order_holds_while_the_window_shrinks() -> None:
    async def work(loop: VirtualLoop) -> list[int]:
        gate, order, rng = gate_for(loop, 40), list[int](), random.Random(1)

        async def call(number: int) -> None:
            async with through(gate) as passage:
                order.append(number)
                await asyncio.sleep(rng.random())
                if number % 2:
                    passage.failed(rate_limited(), None)

        await asyncio.gather(*(call(number) for number in range(500)))
        return order

    assert run_virtual(work) == list(range(500))


def test_many_rejections_leave_fewer_in_flight_and_server_errors_do_not() -> None:
    def most_in_flight(error: Callable[[], ProviderError]) -> int:
        async def work(loop: VirtualLoop) -> int:
            gate, busy, most = gate_for(loop, 40), 0, 0

            async def call(number: int) -> None:
                nonlocal busy, most
                async with through(gate) as passage:
                    busy += 1
                    most = max(most, busy) if number > 1_500 else 0
                    await asyncio.sleep(1)
                    busy -= 1
                    # Every third fails: too many rejections, not enough failures for the breaker.
                    passage.failed(error(), None) if number % 3 == 0 else passage.answered(None, None)

            await asyncio.gather(*(call(number) for number in range(2_000)))
            return most

        return run_virtual(work)

    assert most_in_flight(rate_limited) < 20
    assert most_in_flight(server_error) == 40


def test_who_is_cancelled_in_line_takes_no_place() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop, 1)
        async with through(gate):
            waiting = [asyncio.create_task(enter([(gate, 0)], Pool(9), patient=True)) for _ in range(3)]
            await asyncio.sleep(1)
            for task in waiting[:2]:
                task.cancel()
            await asyncio.sleep(1)
        passage = await waiting[2]
        assert passage is not None
        passage.close()

    run_virtual(work)


def test_who_is_cancelled_the_moment_it_is_let_in_passes_the_place_on() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate, pool = gate_for(loop, 1), Pool(1)
        first = await enter([(gate, 0)], pool, patient=True)
        assert first is not None
        unlucky = asyncio.create_task(enter([(gate, 0)], pool, patient=True))
        lucky = asyncio.create_task(enter([(gate, 0)], pool, patient=True))
        await asyncio.sleep(0)
        first.close()  # lets `unlucky` in, which does not know yet
        unlucky.cancel()
        passage = await lucky
        assert passage is not None
        passage.close()
        assert unlucky.cancelled()

    run_virtual(work)


def test_two_gates_share_a_full_pool_by_turns() -> None:
    async def work(loop: VirtualLoop) -> str:
        pool, order = Pool(1), list[str]()
        gates = [gate_for(loop, 50, name=name) for name in "ab"]

        async def call(gate: Gate) -> None:
            async with through(gate, pool=pool):
                order.append(gate.provider)
                await asyncio.sleep(1)

        await asyncio.gather(*(call(gate) for gate in gates for _ in range(20)))
        return "".join(order)

    order = run_virtual(work)
    assert order.count("a") == order.count("b") == 20
    assert "aaa" not in order
    assert "bbb" not in order[:38]


# -- pacing ---------------------------------------------------------------------------------------------------------


@given(
    rpm=st.integers(1, 30_000),
    most=st.integers(1, 60),
    pool_size=st.integers(1, 60),
    calls=st.integers(1, 120),
    seed=st.integers(0, 10),
)
def test_over_any_span_no_more_is_sent_than_the_pace_and_one_burst(
    rpm: int, most: int, pool_size: int, calls: int, seed: int
) -> None:
    async def work(loop: VirtualLoop) -> list[float]:
        gate, pool, rng = gate_for(loop, most, requests=rpm), Pool(pool_size), random.Random(seed)
        sent: list[float] = []

        async def call() -> None:
            await asyncio.sleep(rng.choice([0, 0, rng.uniform(0, 5)]))
            async with through(gate, pool=pool):
                sent.append(loop.time())
                await asyncio.sleep(rng.choice([0, 0.01, 10]))  # now and then all places are taken for long

        await asyncio.gather(*(call() for _ in range(calls)))
        return sent

    sent = run_virtual(work, start=1e6)
    rate = rpm * HEADROOM / 60
    burst = max(1.0, rate * BURST_SECONDS)
    for i, first in enumerate(sent):
        for j in range(i, len(sent)):
            assert j - i + 1 <= rate * (sent[j] - first) + burst + 1e-3


def test_a_call_that_waits_for_its_pace_holds_no_place_of_the_pool() -> None:
    async def work(loop: VirtualLoop) -> float:
        pool = Pool(2)
        slow, quick = gate_for(loop, requests=6), gate_for(loop)

        async def call(gate: Gate) -> float:
            async with through(gate, pool=pool):
                await asyncio.sleep(0.1)
            return loop.time()

        others = [asyncio.create_task(call(slow)) for _ in range(10)]
        done = await asyncio.gather(*(call(quick) for _ in range(20)))
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        return max(done)

    assert run_virtual(work) < 1.5


def test_tokens_are_paced_by_what_calls_really_use() -> None:
    def seconds(used: int | None) -> float:
        async def work(loop: VirtualLoop) -> float:
            gate = gate_for(loop, tokens=int(60_000 / HEADROOM))
            for _ in range(20):
                async with through(gate, tokens=1_000) as passage:
                    passage.answered(used, None)
            return loop.time()

        return run_virtual(work)

    assert seconds(1_000) == pytest.approx(19, abs=0.2)
    assert seconds(100) == pytest.approx(1.9, abs=0.2)
    assert seconds(2_000) == pytest.approx(38, abs=1.1)
    assert seconds(None) == seconds(1_000), "where the provider does not say, what was expected stands"


def test_a_failed_call_s_tokens_count_as_the_provider_says() -> None:
    async def work(loop: VirtualLoop) -> float:
        gate = gate_for(loop, tokens=int(60_000 / HEADROOM))
        cut = ProviderError(ErrorCategory.PARSE_ERROR, "cut", fault=Fault.TRUNCATED, output_tokens=10)
        for _ in range(20):
            async with through(gate, tokens=1_000) as passage:
                passage.failed(cut, 10)
        return loop.time()

    assert run_virtual(work) < 1


def test_a_lower_limit_in_the_headers_slows_even_those_who_wait_already() -> None:
    async def work(loop: VirtualLoop) -> float:
        gate = gate_for(loop, requests=6_000)

        async def call() -> None:
            async with through(gate) as passage:
                await asyncio.sleep(0.1)
                passage.answered(None, RateLimits(requests=600))

        await asyncio.gather(*(call() for _ in range(300)))
        return loop.time()

    assert run_virtual(work) > 15


# -- loops, endings -------------------------------------------------------------------------------------------------


def test_a_gate_serves_one_loop_after_the_other_even_after_one_that_broke_off() -> None:
    loop = VirtualLoop()

    def present_loop() -> VirtualLoop:
        return loop

    gate = Gate("toy", GateLimits(requests_per_minute=600, max_concurrent=2), clock=lambda: loop.time())

    async def call() -> None:
        async with through(gate):
            await asyncio.sleep(0.1)

    async def many(broken_off: bool) -> int:
        tasks = [asyncio.create_task(call()) for _ in range(30)]
        await (asyncio.sleep(0.3) if broken_off else asyncio.gather(*tasks))
        return sum(task.done() for task in tasks)

    for broken_off in (True, False, True, False):
        with asyncio.Runner(loop_factory=present_loop) as runner:
            assert (runner.run(many(broken_off)) == 30) is not broken_off
        loop = VirtualLoop(loop.time())


@given(st.integers(0, 10_000))
def test_whatever_happens_nothing_hangs_and_every_place_is_given_back(seed: int) -> None:
    """Two gates, a small pool, random ends and cancellations: at the end all is as at the start."""
    rng = random.Random(seed)

    async def work(loop: VirtualLoop) -> None:
        size = rng.randint(1, 6)
        pool = Pool(size)
        gates = [gate_for(loop, rng.randint(1, 8), requests=rng.choice([None, 60, 6_000]), name=name) for name in "ab"]
        busy = dict.fromkeys(gates, 0)

        async def call() -> None:
            await asyncio.sleep(rng.uniform(0, 3))
            wanted = rng.sample(gates, rng.randint(1, 2))
            passage = await enter([(gate, 0) for gate in wanted], pool, patient=rng.random() < 0.7)
            if passage is None:
                return
            gate = passage.gate
            busy[gate] += 1
            try:
                assert gate in wanted
                assert sum(busy.values()) <= size
                assert busy[gate] <= 8
                await asyncio.sleep(rng.choice([0, 0.1, 1, 70]))
                error = rng.choice([None, None, rate_limited(), server_error(), server_error()])
                if rng.random() < 0.02:
                    error = no_money()
                passage.answered(None, None) if error is None else passage.failed(error, None)
            finally:
                busy[gate] -= 1
                passage.close()

        tasks = [asyncio.create_task(call()) for _ in range(80)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(rng.choice([0, 0.05, 5]))
            if rng.random() < 0.3:
                rng.choice(tasks).cancel()
        assert not [task for task in tasks if not task.cancelled() and task.exception()]
        assert sum(pool.take() for _ in range(size + 1)) == size
        for gate in gates:
            if gate.stopped_by is None and gate.breaker.seconds_until_call() != math.inf:
                await asyncio.sleep(gate.breaker.seconds_until_call())
                async with through(gate) as passage:
                    passage.answered(None, None)

    run_virtual(work)
