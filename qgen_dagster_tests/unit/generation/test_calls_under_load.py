"""Many calls at once: how near they come to what the provider bears, and that nothing is lost whatever happens.

The time is virtual, so these are properties of the algorithm, not of the machine. The goals are those of the project.
"""

from __future__ import annotations

import asyncio
import gc
import math
import random
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.calls import RetryPolicy
from qgen_dagster.generation.gate import Gate
from qgen_dagster.generation.provider import Fault, ProviderError, Reply
from qgen_dagster_tests.support.virtual_time import VirtualLoop, run_virtual
from qgen_dagster_tests.unit.generation.toys import (
    Behaviour,
    MemoryLog,
    Purse,
    Toy,
    answers_after,
    caller_for,
    gate_for,
    named,
    no_money,
    not_understood,
    rate_limited,
    server_error,
)

MANY = 4_000


@dataclass
class Load:
    """How it went: seconds, calls sent, and how many of them were rejected; calls that were given up."""

    seconds: float
    sent: int
    rejected: int
    given_up: int


def put_load_on(
    behave: Callable[[random.Random], Behaviour],
    *,
    calls: int,
    at_once: int,
    requests_per_minute: int | None = None,
    seed: int = 1,
) -> Load:
    """Makes the calls as a stage does, twice as many jobs open as calls may be in flight."""

    async def work(loop: VirtualLoop) -> Load:
        rng = random.Random(seed)
        log, toy = MemoryLog(), Toy(behave(rng))
        gate = gate_for(loop, at_once, requests=requests_per_minute)
        caller = caller_for(loop, log, at_once, RetryPolicy(), rng=rng)
        numbers, given_up = iter(range(calls)), 0

        async def job() -> None:
            nonlocal given_up
            for number in numbers:
                try:
                    await caller.call(named(number), [toy.route(gate)])
                except ProviderError:
                    given_up += 1

        await asyncio.gather(*(job() for _ in range(2 * at_once)))
        assert toy.most <= at_once
        rejected = sum(error.category is ErrorCategory.RATE_LIMIT for _, error, _ in log.errors)
        return Load(loop.time(), toy.sent, rejected, given_up)

    return run_virtual(work)


def a_true_limit(a_second: float, latency: float) -> Callable[[random.Random], Behaviour]:
    """A server with a token bucket of one second, reached after up to 50 ms of network."""

    def make(rng: random.Random) -> Behaviour:
        level, at = a_second, 0.0

        async def behave(toy: Toy) -> Reply:
            nonlocal level, at
            await asyncio.sleep(rng.uniform(0, 0.05))
            now = asyncio.get_running_loop().time()
            level, at = min(a_second, level + (now - at) * a_second), now
            if level < 1:
                raise rate_limited(max(1, math.ceil((1 - level) / a_second)))
            level -= 1
            await asyncio.sleep(latency)
            return toy.reply()

        return behave

    return make


def moody(share: float, latency: float, retry_after: float) -> Callable[[random.Random], Behaviour]:
    """A server that rejects a share of the calls at any speed."""

    def make(rng: random.Random) -> Behaviour:
        async def behave(toy: Toy) -> Reply:
            if rng.random() < share:
                await asyncio.sleep(0.005)
                raise rate_limited(retry_after)
            await asyncio.sleep(latency)
            return toy.reply()

        return behave

    return make


# -- speed ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [50, 200])
def test_a_configured_limit_is_used_to_a_tenth_with_hardly_a_rejection(at_once: int) -> None:
    load = put_load_on(a_true_limit(100, 0.2), calls=2_000, at_once=at_once, requests_per_minute=6_000)
    assert load.seconds < 1.10 * 2_000 / 100
    assert load.rejected < 0.01 * load.sent
    assert load.given_up == 0


@pytest.mark.parametrize("at_once", [50, 200])
def test_a_limit_that_nobody_told_us_is_found_and_costs_no_call(at_once: int) -> None:
    load = put_load_on(a_true_limit(100, 0.2), calls=2_000, at_once=at_once)
    assert load.seconds < 1.10 * 2_000 / 100
    assert load.rejected < 0.25 * load.sent
    assert load.given_up == 0


def test_a_limit_of_half_of_what_was_configured_is_found_and_costs_no_call() -> None:
    load = put_load_on(a_true_limit(50, 0.2), calls=1_000, at_once=50, requests_per_minute=6_000)
    assert load.seconds < 1.15 * 1_000 / 50
    assert load.given_up == 0


@pytest.mark.parametrize("seed", range(10))
def test_one_reply_in_ten_rejected_costs_no_more_than_it_must(seed: int) -> None:
    load = put_load_on(moody(0.1, 0.2, retry_after=1), calls=500, at_once=50, seed=seed)
    assert load.seconds < 2.6 * 500 / 50 * 0.2
    assert load.given_up == 0


def test_rejections_that_have_nothing_to_do_with_speed_do_not_slow_a_long_run_down() -> None:
    load = put_load_on(moody(0.1, 0.2, retry_after=1), calls=10_000, at_once=50)
    assert load.seconds < 1.3 * 10_000 / 50 * 0.2
    assert load.given_up == 0


@pytest.mark.parametrize("latency", [0.2, 1.0])
def test_without_faults_no_place_is_ever_idle(latency: float) -> None:
    load = put_load_on(lambda rng: answers_after(latency), calls=1_000, at_once=50)
    assert load.seconds == pytest.approx(1_000 / 50 * latency)


def test_a_slow_provider_does_not_keep_a_quick_one_waiting() -> None:
    """One pool for both; the slow one is paced to one call a second and has hundreds in line."""

    async def work(loop: VirtualLoop) -> None:
        slow, quick = Toy(answers_after(1), "slow"), Toy(answers_after(0.1), "quick")
        gates = gate_for(loop, requests=62), gate_for(loop)
        caller = caller_for(loop, at_once=10)
        behind = [asyncio.create_task(caller.call(named(i), [slow.route(gates[0])])) for i in range(300)]
        await asyncio.gather(*(caller.call(named(1_000 + i), [quick.route(gates[1])]) for i in range(1_000)))
        assert loop.time() < 1.15 * 1_000 / 10 * 0.1
        await asyncio.gather(*behind)

    run_virtual(work)


# -- memory ---------------------------------------------------------------------------------------------------------


def test_thousands_of_calls_in_line_take_a_few_kilobytes_each_and_leave_nothing() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy, gates = Toy(answers_after(1)), [gate_for(loop, requests=6_000), gate_for(loop)]
        caller = caller_for(loop, MemoryLog())

        async def line_up_and_give_up() -> None:
            asking = {
                asyncio.create_task(caller.call(named(0), [toy.route(gate) for gate in gates])) for _ in range(MANY)
            }
            await asyncio.sleep(0.5)
            assert (tracemalloc.get_traced_memory()[0] - before) / MANY < 8_000
            for task in asking:
                task.cancel()
            await asyncio.wait(asking)

        before = tracemalloc.get_traced_memory()[0]
        await line_up_and_give_up()
        gc.collect()
        assert (tracemalloc.get_traced_memory()[0] - before) / MANY < 500

    tracemalloc.start()
    try:
        run_virtual(work)
    finally:
        tracemalloc.stop()


def test_thousands_of_calls_that_wait_for_a_breaker_do_not_look_again_and_again() -> None:
    async def work(loop: VirtualLoop) -> None:
        async def down_twice(toy: Toy) -> Reply:
            await asyncio.sleep(0.2)
            if loop.time() < 70 or 100 < loop.time() < 130:
                raise server_error()
            return toy.reply()

        toy, gates = Toy(down_twice), [gate_for(loop), gate_for(loop)]
        caller = caller_for(loop, MemoryLog(), at_once=100)
        routes = [toy.route(gate) for gate in gates]
        await asyncio.gather(*(caller.call(named(i), routes) for i in range(MANY)))
        assert loop.steps < 3 * MANY

    run_virtual(work)


# -- whatever happens -----------------------------------------------------------------------------------------------

ERRORS: tuple[Callable[[], ProviderError], ...] = (
    rate_limited,
    lambda: rate_limited(30),
    server_error,
    server_error,
    not_understood,
    lambda: ProviderError(ErrorCategory.MODEL_ERROR, "empty", fault=Fault.EMPTY, output_tokens=5),
)


def unpredictable(rng: random.Random, trouble: float) -> Behaviour:
    async def behave(toy: Toy) -> Reply:
        await asyncio.sleep(rng.choice([0, 0.1, 1, 40]))
        if rng.random() < trouble:
            raise no_money() if rng.random() < 0.01 else rng.choice(ERRORS)()
        return toy.reply(cost=Decimal("0.1"), tokens=rng.randint(1, 500))

    return behave


@given(st.integers(0, 100_000), st.sampled_from([0.0, 0.1, 0.5, 0.95]), st.booleans())
def test_every_call_ends_is_written_once_per_attempt_and_leaves_nothing_set_aside(
    seed: int, trouble: float, cancelling: bool
) -> None:
    rng = random.Random(seed)

    async def work(loop: VirtualLoop) -> None:
        at_once = rng.randint(1, 10)
        log, purse = MemoryLog(seconds=rng.choice([0, 0.01, 3])), Purse(Decimal(rng.choice([5, 1_000])))
        caller = caller_for(loop, log, at_once=at_once, retry=RetryPolicy(), rng=random.Random(seed), budget=purse)
        most = {name: rng.randint(1, 12) for name in "ab"}
        gates: dict[str, Gate | None] = {
            name: gate_for(loop, most[name], requests=rng.choice([None, 60, 6_000]), tokens=rng.choice([None, 9_000]))
            for name in "ab"
        }
        gates["free"] = None
        toys = {name: Toy(unpredictable(rng, trouble), name) for name in gates}

        async def one(number: int) -> None:
            await asyncio.sleep(rng.uniform(0, 60))
            names = rng.sample(sorted(gates), rng.randint(1, 3))
            routes = [toys[name].route(gates[name], tokens=rng.randint(0, 400), usd=Decimal("0.2")) for name in names]
            try:
                await caller.call(named(number), routes)
            except ProviderError:
                return

        tasks = [asyncio.create_task(one(number)) for number in range(60)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(rng.uniform(0, 20))
            if cancelling:
                rng.choice(tasks).cancel()
        await caller.settled()
        assert not [task.exception() for task in tasks if not task.cancelled() and task.exception()]
        assert sum(toy.most for toy in toys.values()) <= 3 * at_once
        assert max(toy.most for toy in toys.values()) <= at_once
        assert all(toys[name].most <= most[name] for name in "ab")
        assert log.entries == sum(toy.ended for toy in toys.values())
        assert len(set(log.written)) == len(log.written)
        assert purse.aside == 0
        assert purse.spent <= purse.most
        assert loop.time() < 2 * 3_600
        assert loop.steps < 20_000

    run_virtual(work)
