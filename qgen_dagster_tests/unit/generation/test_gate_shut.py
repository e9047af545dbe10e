"""A gate that is shut: by its breaker for a while, or because the provider was stopped. The time is virtual."""

from __future__ import annotations

import asyncio

import pytest

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.breaker import BreakerState
from qgen_dagster.generation.gate import LONGEST_OUTAGE_SECONDS, enter
from qgen_dagster.generation.limits import Pool
from qgen_dagster.generation.provider import Fault
from qgen_dagster_tests.support.virtual_time import VirtualLoop, run_virtual
from qgen_dagster_tests.unit.generation.toys import (
    gate_for,
    no_money,
    opened_breaker,
    rate_limited,
    server_error,
    through,
)

# -- the breaker ----------------------------------------------------------------------------------------------------


def test_an_open_breaker_sends_the_hasty_away_at_once_and_keeps_the_patient() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate, pool = gate_for(loop, 5), Pool(100)
        first = [await enter([(gate, 0)], pool, patient=True) for _ in range(5)]
        hasty = [asyncio.create_task(enter([(gate, 0)], pool, patient=False)) for _ in range(50)]
        patient = [asyncio.create_task(enter([(gate, 0)], pool, patient=True)) for _ in range(2)]
        await asyncio.sleep(1)
        for passage in first:
            assert passage is not None
            passage.failed(server_error(), None)
        for passage in first:
            assert passage is not None
            passage.close()
        assert await asyncio.gather(*hasty) == [None] * 50
        assert loop.time() == 1.0
        assert not gate.ready
        for task in patient:
            passage = await task
            assert passage is not None
            assert loop.time() == pytest.approx(61.0, abs=0.01)
            passage.answered(None, None)
            passage.close()

    run_virtual(work)


@pytest.mark.parametrize("start", [0.0, 12_345.678, 1e6])
def test_a_half_open_breaker_lets_exactly_one_of_many_through_at_a_time(start: float) -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop, 500)
        await opened_breaker(gate)
        probing, done = 0, 0

        async def call() -> None:
            nonlocal probing, done
            async with through(gate) as passage:
                is_probe = gate.breaker.state is BreakerState.HALF_OPEN
                probing += is_probe
                assert probing <= 1
                await asyncio.sleep(1)
                probing -= is_probe
                passage.answered(None, None)
                done += 1

        await asyncio.gather(*(call() for _ in range(200)))
        assert done == 200
        assert loop.time() - start == pytest.approx(60 + 1 + 1 + 1, abs=0.1), "two probes, then all the others at once"
        assert loop.steps < 200, "nobody looks again and again"

    run_virtual(work, start)


@pytest.mark.parametrize("end", ["cancelled", "rejected"])
def test_a_probe_that_says_nothing_is_followed_by_the_next_at_once(end: str) -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop)
        await opened_breaker(gate)
        entered = [asyncio.create_task(enter([(gate, 0)], Pool(99), patient=True)) for _ in range(10)]
        await asyncio.sleep(70)
        assert [task.done() for task in entered] == [True] + [False] * 9
        probe = await entered[0]
        assert probe is not None
        if end == "rejected":
            probe.failed(rate_limited(), None)
        probe.close()
        await asyncio.sleep(0)
        assert [task.done() for task in entered] == [True, True] + [False] * 8
        for task in entered[1:]:
            passage = await task
            assert passage is not None
            passage.answered(None, None)
            passage.close()

    run_virtual(work)


def test_after_a_failed_probe_all_wait_another_minute() -> None:
    async def work(loop: VirtualLoop) -> list[float]:
        gate = gate_for(loop)
        await opened_breaker(gate)
        times = []

        async def call() -> None:
            async with through(gate) as passage:
                times.append(loop.time())
                await asyncio.sleep(1)
                passage.failed(server_error(), None) if len(times) == 1 else passage.answered(None, None)

        await asyncio.gather(*(call() for _ in range(20)))
        return times

    times = run_virtual(work)
    assert [round(time) for time in times[:4]] == [60, 121, 122, 123]


def test_a_call_that_times_out_after_the_breaker_opened_does_not_open_it_again() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop)
        late = await enter([(gate, 0)], Pool(9), patient=True)
        assert late is not None
        await opened_breaker(gate)
        await asyncio.sleep(60)
        for _ in range(2):
            async with through(gate) as probe:
                late.failed(server_error(), None)
                probe.answered(None, None)
        late.close()
        assert gate.breaker.state is BreakerState.CLOSED

    run_virtual(work)


def test_of_two_gates_that_are_shut_the_first_to_open_gets_the_call() -> None:
    async def work(loop: VirtualLoop) -> None:
        later, sooner = gate_for(loop, name="later"), gate_for(loop, name="sooner")
        await opened_breaker(sooner)
        await asyncio.sleep(10)
        await opened_breaker(later)
        async with through(later, sooner) as passage:
            assert passage.gate is sooner
            assert loop.time() == pytest.approx(60, abs=0.01)
        assert later.breaker.state is BreakerState.OPEN

    run_virtual(work)


def test_a_provider_that_fails_for_minutes_is_no_longer_waited_for() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop)
        await opened_breaker(gate)
        probes = 0

        async def call() -> bool:
            nonlocal probes
            passage = await enter([(gate, 0)], Pool(99), patient=True)
            if passage is None:
                return False
            probes += 1
            await asyncio.sleep(1)
            passage.failed(server_error(), None)
            passage.close()
            return True

        assert sum(await asyncio.gather(*(call() for _ in range(200)))) == probes == 5
        assert LONGEST_OUTAGE_SECONDS < loop.time() < LONGEST_OUTAGE_SECONDS + 30
        refusal = gate.refusal()
        assert refusal is not None
        assert (refusal.category, refusal.fault) == (ErrorCategory.SERVER_ERROR, Fault.BLOCKED)
        assert "5 minutes" in refusal.message
        await asyncio.sleep(61)
        assert gate.ready, "whoever comes later may still try how it is"
        assert gate.refusal() is None
        for _ in range(2):
            async with through(gate) as passage:
                passage.answered(None, None)
        assert gate.breaker.state is BreakerState.CLOSED

    run_virtual(work)


# -- a stopped provider ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["window", "pace", "pool", "breaker"])
def test_all_who_wait_for_a_provider_that_is_stopped_are_told_at_once(where: str) -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop, 2 if where == "window" else 99, requests=1 if where == "pace" else None)
        pool = Pool(1 if where == "pool" else 99)
        first = await enter([(gate, 0)], pool, patient=True)
        assert first is not None
        if where == "breaker":
            await opened_breaker(gate)
        waiting = [asyncio.create_task(enter([(gate, 0)], pool, patient=True)) for _ in range(30)]
        await asyncio.sleep(5)
        already = [passage for task in waiting if task.done() and (passage := task.result())]
        first.failed(no_money(), None)
        first.close()
        await asyncio.sleep(0)
        assert all(task.done() for task in waiting)
        assert [task.result() for task in waiting if task.result() not in already] == [None] * (30 - len(already))
        assert loop.time() == 5
        refusal = gate.refusal()
        assert refusal is not None
        assert (refusal.category, refusal.fault) == (ErrorCategory.BILLING_QUOTA, Fault.BLOCKED)
        for passage in already:
            passage.close()

    run_virtual(work)


def test_a_pause_ends_when_the_provider_is_stopped() -> None:
    async def work(loop: VirtualLoop) -> float:
        gate = gate_for(loop)
        resting = asyncio.create_task(gate.rest(1_000, asyncio.sleep))
        await asyncio.sleep(3)
        async with through(gate) as passage:
            passage.failed(no_money(), None)
        await resting
        return loop.time()

    assert run_virtual(work) == 3
