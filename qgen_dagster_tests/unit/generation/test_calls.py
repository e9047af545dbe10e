"""Calls that are paid for once: the journal, retries, budgets, cancellation. The time is virtual.

Other routes: `test_failover.py`. Many calls at once: `test_calls_under_load.py`.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster_tests.support.virtual_time import VirtualLoop, run_virtual
from qgen_dagster_tests.unit.generation.toys import (
    MemoryLog,
    Purse,
    Toy,
    always,
    answers_after,
    caller_for,
    gate_for,
    in_turn,
    named,
    no_money,
    rate_limited,
    server_error,
)

# -- journal --------------------------------------------------------------------------------------------------------


def test_a_stored_reply_is_never_asked_for_again() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy, log = Toy(answers_after(1)), MemoryLog()
        caller = caller_for(loop, log)
        first = await caller.call(named(), [toy.route()])
        assert await caller.call(named(), [toy.route(gate_for(loop))]) is first
        assert toy.sent == log.entries == 1

    run_virtual(work)


def test_every_attempt_is_written_exactly_once_and_before_anyone_goes_on() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy, log = Toy(in_turn(server_error(), rate_limited(5), "fine", seconds=1)), MemoryLog(seconds=0.5)
        reply = await caller_for(loop, log).call(named(), [toy.route(gate_for(loop))])
        assert (reply.text, log.written) == ("fine", ["call 0"])
        assert [error.category.value for _, error, _ in log.errors] == ["server_error", "rate_limit"]
        # Each attempt a second and its writing half of one; pauses of 1 s and, as the provider wished, 5 s.
        assert loop.time() == pytest.approx(3 * 1.5 + 1 + 5)

    run_virtual(work)


def test_a_failed_call_that_was_paid_for_is_written_with_its_price() -> None:
    async def work(loop: VirtualLoop) -> None:
        cut = ProviderError(ErrorCategory.INVALID_REQUEST, "cut", input_tokens=300, output_tokens=20)
        toy, log = Toy(in_turn(cut)), MemoryLog()
        with pytest.raises(ProviderError):
            await caller_for(loop, log).call(named(), [toy.route()])
        assert log.errors == [("toy", cut, Decimal("0.3"))]

    run_virtual(work)


def test_a_journal_that_fails_fails_the_call_and_leaves_nothing_behind() -> None:
    async def work(loop: VirtualLoop) -> None:
        purse, gate = Purse(Decimal(9)), gate_for(loop, 1)
        log = MemoryLog(broken=OSError("disk full"))
        caller = caller_for(loop, log, at_once=1, budget=purse)
        for behaviour in (answers_after(1), always(server_error)):
            with pytest.raises(OSError, match="disk full"):
                await caller.call(named(), [Toy(behaviour).route(gate, usd=Decimal(1))])
        log.broken = None
        await caller.call(named(), [Toy(answers_after(1)).route(gate, usd=Decimal(1))])
        assert purse.aside == 0

    run_virtual(work)


# -- retries --------------------------------------------------------------------------------------------------------


def test_errors_that_may_pass_are_tried_three_times_again_with_growing_pauses() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy = Toy(always(server_error))
        with pytest.raises(ProviderError, match="503"):
            await caller_for(loop).call(named(), [toy.route(gate_for(loop))])
        assert toy.sent_at == [0, 1, 3, 7]

    run_virtual(work)


def test_a_rate_limit_is_waited_out_for_longer_where_nobody_else_can_be_asked() -> None:
    """Limits per minute take up to a minute to pass; four tries within seven seconds would lose the call."""

    async def work(loop: VirtualLoop) -> None:
        async def busy_for_a_minute(toy: Toy) -> Reply:
            if loop.time() < 60:
                raise rate_limited()
            return toy.reply()

        toy = Toy(busy_for_a_minute)
        await caller_for(loop).call(named(), [toy.route(gate_for(loop))])
        assert toy.sent_at == [0, 1, 3, 7, 15, 31, 63]

    run_virtual(work)


def test_a_rate_limit_turns_to_another_route_after_the_usual_tries() -> None:
    async def work(loop: VirtualLoop) -> None:
        full, other = Toy(always(rate_limited)), Toy(answers_after(0), "other")
        reply = await caller_for(loop).call(named(), [full.route(gate_for(loop)), other.route(gate_for(loop))])
        assert reply.provider == "other"
        assert full.sent == 4

    run_virtual(work)


def test_a_provider_whose_only_alternative_was_stopped_is_waited_for_like_one_alone() -> None:
    async def work(loop: VirtualLoop) -> None:
        broke, full = Toy(always(no_money)), Toy(in_turn(*[rate_limited()] * 6, "fine"))
        broke_gate = gate_for(loop)
        caller = caller_for(loop)
        with pytest.raises(ProviderError, match="insufficient_quota"):
            await caller.call(named(0), [broke.route(broke_gate)])
        await caller.call(named(1), [full.route(gate_for(loop)), broke.route(broke_gate)])
        assert (full.sent, broke.sent) == (7, 1)

    run_virtual(work)


def test_a_wish_for_a_pause_is_taken_at_its_word_until_it_has_proved_too_short() -> None:
    async def work(loop: VirtualLoop) -> None:
        toy = Toy(always(lambda: rate_limited(1.0)))
        with pytest.raises(ProviderError):
            await caller_for(loop).call(named(), [toy.route(gate_for(loop))])
        pauses = [after - before for before, after in zip(toy.sent_at, toy.sent_at[1:], strict=False)]
        assert pauses == pytest.approx([1, 1, 1, 2, 4, 8, 16, 32])

    run_virtual(work)


@pytest.mark.parametrize(
    ("retry_after", "alone", "waited"),
    [(60.0, True, True), (300.0, True, True), (301.0, True, False), (60.0, False, True), (61.0, False, False)],
)
def test_a_wish_for_a_long_pause_is_granted_only_where_nobody_else_can_be_asked_and_never_for_hours(
    retry_after: float, alone: bool, waited: bool
) -> None:
    async def work(loop: VirtualLoop) -> None:
        toy = Toy(in_turn(rate_limited(retry_after), "fine", seconds=0))
        routes = [toy.route(gate_for(loop))] + ([] if alone else [Toy(answers_after(0)).route(gate_for(loop))])
        try:
            await caller_for(loop).call(named(), routes)
        except ProviderError:
            assert alone
            assert not waited
        assert toy.sent == (2 if waited else 1)
        assert loop.time() == (retry_after if waited else 0)

    run_virtual(work)


def test_a_call_that_pauses_before_a_retry_holds_no_place() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate = gate_for(loop, 1)
        caller = caller_for(loop, at_once=1)
        moody, quick = Toy(in_turn(rate_limited(100), "fine", seconds=0)), Toy(answers_after(1))
        slow = asyncio.create_task(caller.call(named(0), [moody.route(gate)]))
        await asyncio.gather(*(caller.call(named(i), [quick.route(gate)]) for i in range(1, 11)))
        assert loop.time() == 10
        await slow
        assert loop.time() == 100

    run_virtual(work)


# -- budgets --------------------------------------------------------------------------------------------------------


def test_a_spent_budget_ends_a_call_before_it_is_sent_even_where_a_cheaper_route_would_fit() -> None:
    async def work(loop: VirtualLoop) -> None:
        purse = Purse(Decimal("1.5"))
        dear, cheap = Toy(answers_after(1), "dear"), Toy(answers_after(1), "cheap")
        caller = caller_for(loop, budget=purse)
        routes = [dear.route(gate_for(loop), usd=Decimal(2)), cheap.route(gate_for(loop), usd=Decimal(1))]
        with pytest.raises(ProviderError, match="budget") as blocked:
            await caller.call(named(), routes)
        assert not blocked.value.was_sent
        assert dear.sent == cheap.sent == purse.aside == 0
        assert (await caller.call(named(), routes[1:])).provider == "cheap"

    run_virtual(work)


def test_what_a_call_set_aside_is_released_only_when_the_journal_has_what_it_cost() -> None:
    async def work(loop: VirtualLoop) -> None:
        purse, log = Purse(Decimal(9)), MemoryLog(seconds=5)

        async def behave(toy: Toy) -> Reply:
            await asyncio.sleep(1)
            return toy.reply(cost=Decimal("0.25"), tokens=70)

        asking = asyncio.create_task(
            caller_for(loop, log, budget=purse).call(named(), [Toy(behave).route(usd=Decimal(2))])
        )
        await asyncio.sleep(3)
        assert (purse.aside, purse.spent) == (2, 0)
        await asking
        assert (purse.aside, purse.spent, purse.tokens) == (0, Decimal("0.25"), 70)

    run_virtual(work)


# -- cancellation ---------------------------------------------------------------------------------------------------


def test_a_reply_that_has_arrived_is_written_though_its_call_is_cancelled() -> None:
    async def work(loop: VirtualLoop) -> None:
        log = MemoryLog(seconds=10)
        caller = caller_for(loop, log)
        asking = asyncio.create_task(caller.call(named(), [Toy(answers_after(1)).route(gate_for(loop))]))
        await asyncio.sleep(5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert asking.cancelled()
        assert log.entries == 0
        await caller.settled()
        assert log.written == ["call 0"]

    run_virtual(work)


def test_a_reply_that_could_not_be_written_is_not_lost_in_silence() -> None:
    async def work(loop: VirtualLoop) -> None:
        log = MemoryLog(seconds=10, broken=OSError("disk full"))
        caller = caller_for(loop, log)
        asking = asyncio.create_task(caller.call(named(), [Toy(answers_after(1)).route()]))
        await asyncio.sleep(5)
        asking.cancel()
        with pytest.raises(OSError, match="disk full"):
            await caller.settled()

    run_virtual(work)


def test_cancelling_everything_leaves_nothing_running_and_every_place_free() -> None:
    async def work(loop: VirtualLoop) -> None:
        gate, purse = gate_for(loop, 5, requests=120), Purse(Decimal(1_000))
        caller = caller_for(loop, at_once=8, budget=purse)
        toy = Toy(in_turn("a", rate_limited(50), server_error(), "b", seconds=2))
        asking = [asyncio.create_task(caller.call(named(i), [toy.route(gate, usd=Decimal(1))])) for i in range(100)]
        await asyncio.sleep(11)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        await caller.settled()
        assert purse.aside == 0
        assert toy.busy == 0
        quick = Toy(answers_after(0.1))
        await asyncio.gather(*(caller.call(named(200 + i), [quick.route(usd=Decimal(1))]) for i in range(8)))
        assert quick.most == 8

    run_virtual(work)


def test_a_caller_serves_several_stages_of_one_loop() -> None:
    loop = VirtualLoop()
    caller = caller_for(loop, at_once=2)
    gate, toy = gate_for(loop, 2, requests=600), Toy(answers_after(1))

    async def stage(number: int) -> None:
        await asyncio.gather(*(caller.call(named(10 * number + i), [toy.route(gate)]) for i in range(10)))

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        for number in range(3):
            runner.run(stage(number))
            runner.run(caller.settled())
    assert toy.sent == 30
    assert toy.most == 2
