"""The circuit breaker: when it opens, how it is tried, when it closes. The clock is a number that the test moves."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.generation.breaker import NEVER_OPENS, BreakerState, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(clock)


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(breaker.started())


def succeed(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.succeeded(breaker.started())


def test_it_is_closed_at_first_and_lets_every_call_through(breaker: CircuitBreaker) -> None:
    assert breaker.state is BreakerState.CLOSED
    assert breaker.seconds_until_call() == 0
    assert breaker.seconds_down() == 0


def test_five_failures_in_a_row_open_it(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker)
    assert breaker.state is BreakerState.OPEN
    assert breaker.seconds_until_call() == 60


def test_a_success_in_between_starts_the_row_anew(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    succeed(breaker)
    fail(breaker, 3)
    assert breaker.state is BreakerState.CLOSED


def test_five_of_the_last_ten_open_it_though_never_five_in_a_row(breaker: CircuitBreaker) -> None:
    for _ in range(4):
        fail(breaker)
        succeed(breaker)
    succeed(breaker)
    assert breaker.state is BreakerState.CLOSED
    fail(breaker)
    assert breaker.state is BreakerState.OPEN


def test_half_of_fewer_than_ten_says_too_little(breaker: CircuitBreaker) -> None:
    for _ in range(4):
        fail(breaker)
        succeed(breaker)
    assert breaker.state is BreakerState.CLOSED


def test_failures_that_are_more_than_ten_calls_ago_do_not_count(breaker: CircuitBreaker) -> None:
    fail(breaker, 4)
    succeed(breaker, 10)
    fail(breaker, 4)
    assert breaker.state is BreakerState.CLOSED


def test_after_a_minute_one_call_may_try_and_only_one(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 59.9
    assert breaker.state is BreakerState.OPEN
    assert breaker.seconds_until_call() == pytest.approx(0.1)
    clock.now += 0.2
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.seconds_until_call() == 0
    breaker.started()
    assert breaker.seconds_until_call() == math.inf


def test_two_probes_that_succeed_close_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 60
    succeed(breaker)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.seconds_down() == 60
    succeed(breaker)
    assert breaker.state is BreakerState.CLOSED
    assert breaker.seconds_down() == 0


def test_a_probe_that_fails_starts_another_minute(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 60
    succeed(breaker)
    fail(breaker)
    assert breaker.seconds_until_call() == 60
    clock.now += 60
    succeed(breaker)
    assert breaker.state is BreakerState.HALF_OPEN, "the success before the failure no longer counts"


def test_how_long_it_is_down_counts_from_the_first_opening(breaker: CircuitBreaker, clock: Clock) -> None:
    clock.now = 0.0
    fail(breaker, 5)
    for _ in range(3):
        clock.now += 60
        fail(breaker)
    assert breaker.seconds_down() == 180


def test_a_probe_that_says_nothing_makes_room_for_the_next(breaker: CircuitBreaker, clock: Clock) -> None:
    fail(breaker, 5)
    clock.now += 60
    breaker.abandoned(breaker.started())
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.seconds_until_call() == 0


@pytest.mark.parametrize("end", ["succeeded", "failed", "abandoned"])
def test_a_call_from_before_it_opened_says_nothing_and_is_not_the_probe(
    breaker: CircuitBreaker, clock: Clock, end: str
) -> None:
    late = breaker.started()
    fail(breaker, 5)
    clock.now += 60
    probe = breaker.started()
    getattr(breaker, end)(late)
    assert breaker.seconds_until_call() == math.inf, "the probe is still under way"
    breaker.succeeded(probe)
    assert breaker.state is BreakerState.HALF_OPEN
    getattr(breaker, end)(late)
    assert breaker.state is BreakerState.HALF_OPEN


def test_after_closing_it_counts_from_nothing(breaker: CircuitBreaker, clock: Clock) -> None:
    succeed(breaker, 5)
    fail(breaker, 5)
    clock.now += 60
    succeed(breaker, 2)
    fail(breaker, 4)
    assert breaker.state is BreakerState.CLOSED


def test_one_that_never_opens_never_does(clock: Clock) -> None:
    breaker = CircuitBreaker(clock, NEVER_OPENS)
    fail(breaker, 1_000)
    assert breaker.state is BreakerState.CLOSED


@given(st.lists(st.tuples(st.sampled_from(["start", "succeeded", "failed", "abandoned", "wait"]), st.integers(0, 99))))
def test_whatever_happens_at_most_one_probe_is_under_way_and_none_while_it_is_open(
    steps: list[tuple[str, int]],
) -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock)
    under_way: list[tuple[int, bool]] = []  # marks, and whether the call is a probe
    for what, number in steps:
        if what == "start" and breaker.seconds_until_call() == 0:
            probe = breaker.state is BreakerState.HALF_OPEN
            assert not (probe and any(is_probe for _, is_probe in under_way))
            under_way.append((breaker.started(), probe))
        elif what == "wait":
            clock.now += number
        elif what != "start" and under_way:
            mark, _ = under_way.pop(number % len(under_way))
            getattr(breaker, what)(mark)
        if breaker.state is BreakerState.OPEN:
            assert 0 < breaker.seconds_until_call() <= 60
        if breaker.state is BreakerState.CLOSED:
            assert breaker.seconds_until_call() == breaker.seconds_down() == 0
    clock.now += 60
    for mark, _ in under_way:
        breaker.abandoned(mark)
    assert breaker.seconds_until_call() == 0, "it never locks up"
