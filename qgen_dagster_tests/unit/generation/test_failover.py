"""When a call turns to its next route, and when it waits. The time is virtual."""

from __future__ import annotations

import asyncio

import pytest

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.breaker import BreakerState
from qgen_dagster.generation.provider import Fault, ProviderError, Reply
from qgen_dagster_tests.support.virtual_time import VirtualLoop, run_virtual
from qgen_dagster_tests.unit.generation.toys import (
    Toy,
    always,
    answers_after,
    caller_for,
    down_until,
    gate_for,
    in_turn,
    named,
    no_money,
    not_understood,
    opened_breaker,
    rate_limited,
    server_error,
)


def test_an_error_that_will_not_pass_turns_to_the_next_route_at_once() -> None:
    async def work(loop: VirtualLoop) -> None:
        first, second = Toy(always(not_understood)), Toy(answers_after(1), "second")
        reply = await caller_for(loop).call(named(), [first.route(gate_for(loop)), second.route(gate_for(loop))])
        assert (reply.provider, first.sent, loop.time()) == ("second", 1, 1.0)

    run_virtual(work)


def test_when_every_route_has_failed_the_last_error_is_raised() -> None:
    async def work(loop: VirtualLoop) -> None:
        routes = [Toy(always(not_understood)).route(), Toy(always(server_error)).route()]
        with pytest.raises(ProviderError, match="503"):
            await caller_for(loop).call(named(), routes)

    run_virtual(work)


def test_without_any_route_the_call_is_refused() -> None:
    async def work(loop: VirtualLoop) -> None:
        with pytest.raises(ProviderError, match="no provider") as refused:
            await caller_for(loop).call(named(), [])
        assert not refused.value.was_sent

    run_virtual(work)


def test_calls_that_wait_turn_to_the_other_route_the_moment_the_provider_is_stopped() -> None:
    async def work(loop: VirtualLoop) -> None:
        async def broke_after_three(toy: Toy) -> Reply:
            await asyncio.sleep(1)
            if toy.sent <= 3:
                return toy.reply()
            raise no_money()

        poor, rich = Toy(broke_after_three, "poor"), Toy(answers_after(1), "rich")
        gates = gate_for(loop, 1, name="poor"), gate_for(loop, 100, name="rich")
        caller = caller_for(loop, at_once=200)
        calls = [caller.call(named(i), [poor.route(gates[0]), rich.route(gates[1])]) for i in range(100)]
        replies = await asyncio.gather(*calls)
        assert [reply.provider for reply in replies] == ["poor"] * 3 + ["rich"] * 97
        assert loop.time() == 5.0
        assert poor.sent == 4

    run_virtual(work)


def test_calls_paced_for_long_or_pausing_are_not_sent_to_a_provider_that_was_stopped_meanwhile() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy = Toy(in_turn(rate_limited(200), no_money(), seconds=0))
        gate, caller = gate_for(loop, requests=2), caller_for(loop)
        outcomes = await asyncio.gather(
            *(caller.call(named(i), [toy.route(gate)]) for i in range(30)), return_exceptions=True
        )
        assert toy.sent == 2
        assert loop.time() < 32
        assert all(isinstance(outcome, ProviderError) for outcome in outcomes)
        assert sum(outcome.category is ErrorCategory.BILLING_QUOTA for outcome in outcomes) == 29  # type: ignore[union-attr]
        assert {outcome.fault for outcome in outcomes[2:]} == {Fault.BLOCKED}  # type: ignore[union-attr]

    run_virtual(work)


def test_a_call_that_fails_after_its_provider_was_stopped_does_not_pause_before_it_looks_elsewhere() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate, caller = gate_for(loop), caller_for(loop)
        slow, broke, other = Toy(always(server_error, 5)), Toy(always(no_money, 1)), Toy(answers_after(0), "other")
        asking = asyncio.create_task(caller.call(named(0), [slow.route(gate), other.route()]))
        with pytest.raises(ProviderError):
            await caller.call(named(1), [broke.route(gate)])
        assert (await asking).provider == "other"
        assert loop.time() == 5

    run_virtual(work)


def test_an_open_breaker_turns_to_the_other_route_and_later_calls_come_back() -> None:
    async def work(loop: VirtualLoop) -> list[str]:
        flaky, other = Toy(down_until(100), "flaky"), Toy(answers_after(0.2), "other")
        gates = gate_for(loop, name="flaky"), gate_for(loop, name="other")
        caller, providers = caller_for(loop), list[str]()
        for i in range(60):
            reply = await caller.call(named(i), [flaky.route(gates[0]), other.route(gates[1])])
            providers.append(reply.provider)
            await asyncio.sleep(5)
        assert gates[0].breaker.state is BreakerState.CLOSED
        assert flaky.sent < 5 + 3 + providers.count("flaky")
        return providers

    providers = run_virtual(work)
    back = providers.index("flaky")
    assert set(providers[:back]) == {"other"}
    assert providers.count("flaky") > 20


def test_with_both_breakers_open_calls_wait_for_the_sooner_one_without_spinning() -> None:
    async def work(loop: VirtualLoop) -> None:
        gates = gate_for(loop, name="first"), gate_for(loop, name="second")
        await opened_breaker(gates[1])
        await asyncio.sleep(20)
        await opened_breaker(gates[0])
        first, second = Toy(answers_after(1), "first"), Toy(answers_after(1), "second")
        caller = caller_for(loop)
        replies = await asyncio.gather(
            *(caller.call(named(i), [first.route(gates[0]), second.route(gates[1])]) for i in range(40))
        )
        assert {reply.provider for reply in replies} == {"second"}
        assert loop.time() == pytest.approx(63, abs=0.1)
        assert first.sent == 0
        assert loop.steps < 200

    run_virtual(work)


def test_two_models_of_one_provider_share_its_breaker_and_its_end() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop)
        large, small = Toy(always(server_error)), Toy(always(server_error))
        with pytest.raises(ProviderError):
            await caller_for(loop).call(named(), [large.route(gate), small.route(gate)])
        assert (large.sent, small.sent) == (4, 4)
        assert loop.steps < 100

    run_virtual(work)


def test_a_provider_that_is_down_for_good_does_not_keep_the_run_waiting_for_hours() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy, gate = Toy(always(server_error, 0.2)), gate_for(loop)
        caller = caller_for(loop, at_once=10)
        outcomes = await asyncio.gather(
            *(caller.call(named(i), [toy.route(gate)]) for i in range(500)), return_exceptions=True
        )
        assert all(isinstance(outcome, ProviderError) for outcome in outcomes)
        assert {outcome.category for outcome in outcomes} == {ErrorCategory.SERVER_ERROR}  # type: ignore[union-attr]
        assert loop.time() < 400
        assert toy.sent < 30

    run_virtual(work)


def test_a_provider_that_comes_back_within_minutes_costs_no_call() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy, gate = Toy(down_until(200)), gate_for(loop)
        caller = caller_for(loop, at_once=10)
        await asyncio.gather(*(caller.call(named(i), [toy.route(gate)]) for i in range(500)))
        assert loop.time() < 260

    run_virtual(work)
