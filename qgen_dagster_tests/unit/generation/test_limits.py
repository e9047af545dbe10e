"""Pacing, the window and the pool. The clock is a number that the test moves."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.generation.limits import BURST_SECONDS, HEADROOM, Bucket, Pace, Pool, Window


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def take_in_time(bucket: Bucket, clock: Clock, amount: float) -> float:
    """Waits as long as the bucket says, takes, and returns when."""
    while (wait := bucket.wait(amount)) > 0:
        clock.now += max(wait, 1e-6)
    bucket.take(amount)
    return clock.now


# -- the bucket -----------------------------------------------------------------------------------------------------


def test_half_a_second_s_worth_may_go_at_once_and_the_rest_at_the_rate() -> None:
    clock = Clock()
    bucket = Bucket(12_000 / HEADROOM, clock)  # two hundred a second
    times = [take_in_time(bucket, clock, 1) for _ in range(100 + 200)]
    assert times[99] == 1_000.0
    assert times[100] == pytest.approx(1_000.005)
    assert times[-1] == pytest.approx(1_001.0)


def test_less_than_one_a_second_still_lets_the_first_go_at_once() -> None:
    clock = Clock()
    bucket = Bucket(6, clock)
    assert bucket.wait(1) == 0
    bucket.take(1)
    assert bucket.wait(1) == pytest.approx(10 / HEADROOM)


def test_looking_takes_nothing() -> None:
    bucket = Bucket(60, Clock())
    assert [bucket.wait(1) for _ in range(10)] == [0] * 10


def test_a_call_larger_than_the_bucket_goes_when_it_is_full_and_the_next_one_pays() -> None:
    clock = Clock()
    bucket = Bucket(60_000 / HEADROOM, clock)  # a thousand a second
    assert bucket.wait(4_000) == 0
    bucket.take(4_000)
    assert bucket.wait(1_000) == pytest.approx(4.0)


def test_what_was_not_used_is_given_back_but_never_more_than_the_bucket_holds() -> None:
    clock = Clock()
    bucket = Bucket(60_000 / HEADROOM, clock)
    bucket.take(2_500)
    bucket.give_back(2_500)
    assert bucket.wait(500) == 0
    bucket.give_back(1_000_000)
    bucket.take(500)
    assert bucket.wait(500) == pytest.approx(0.5)


def test_what_was_used_beyond_is_taken_afterwards() -> None:
    bucket = Bucket(60_000 / HEADROOM, Clock())
    bucket.take(500)
    bucket.give_back(-2_500)
    assert bucket.wait(500) == pytest.approx(3.0)


def test_a_stated_limit_counts_when_it_is_lower_and_at_once() -> None:
    bucket = Bucket(60_000 / HEADROOM, Clock())
    bucket.lower_to(600_000)
    bucket.take(500)
    assert bucket.wait(1) == pytest.approx(0.001)
    bucket.lower_to(60)
    assert bucket.wait(1) == pytest.approx(1 / HEADROOM)


@pytest.mark.parametrize("stated", [0, -1])
def test_a_stated_limit_of_nothing_is_not_believed(stated: float) -> None:
    bucket = Bucket(60_000 / HEADROOM, Clock())
    bucket.lower_to(stated)
    bucket.take(500)
    assert bucket.wait(1) == pytest.approx(0.001)


@given(per_minute=st.floats(1, 1e6), steps=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 5_000)), max_size=60))
def test_over_any_span_no_more_goes_than_the_rate_and_one_burst(
    per_minute: float, steps: list[tuple[float, float]]
) -> None:
    """Calls come after random pauses, in random sizes; one that is larger than the bucket is a burst of its own."""
    clock = Clock()
    bucket = Bucket(per_minute, clock)
    rate = per_minute * HEADROOM / 60
    taken: list[tuple[float, float]] = []
    for pause, amount in steps:
        clock.now += pause
        taken.append((take_in_time(bucket, clock, amount), amount))
    for first in range(len(taken)):
        total = largest = 0.0
        for time, amount in taken[first:]:
            total += amount
            largest = max(largest, amount)
            burst = max(1.0, rate * BURST_SECONDS, largest)
            assert total <= (rate * (time - taken[first][0]) + burst) * 1.001 + 0.001


# -- requests and tokens together -----------------------------------------------------------------------------------


def test_without_limits_nobody_waits() -> None:
    pace = Pace(None, None, Clock())
    for _ in range(1_000):
        assert pace.wait(1_000_000) == 0
        pace.take(1_000_000)
    pace.settle(10, 20)


def test_the_tighter_of_requests_and_tokens_decides() -> None:
    clock = Clock()
    pace = Pace(60, 60_000, clock)
    pace.take(970)
    assert pace.wait(10) == pytest.approx(1 / HEADROOM)
    clock.now += 100
    pace.take(9_700)
    assert pace.wait(970) == pytest.approx(10.0)


def test_a_provider_that_states_a_limit_where_none_is_configured_is_believed() -> None:
    pace = Pace(None, None, Clock())
    pace.learn(60, None)
    pace.take(1_000_000)
    assert pace.wait(1_000_000) == pytest.approx(1 / HEADROOM)
    pace.learn(None, 60_000)
    pace.take(9_700)
    assert pace.wait(970) == pytest.approx(10.0)


def test_a_provider_that_states_more_than_is_configured_changes_nothing() -> None:
    pace = Pace(60, None, Clock())
    pace.learn(6_000, None)
    pace.take(0)
    assert pace.wait(0) == pytest.approx(1 / HEADROOM)


# -- how many in flight ---------------------------------------------------------------------------------------------


def let_end(window: Window, calls: int, share: float, rng: random.Random) -> None:
    for _ in range(calls):
        window.ended(window.opened(), rejected=rng.random() < share)


def test_one_rejection_in_ten_hardly_makes_the_window_smaller() -> None:
    window, rng = Window(50), random.Random(1)
    sizes = []
    for _ in range(200):
        let_end(window, 50, 0.1, rng)
        sizes.append(window.size)
    assert sum(sizes) / len(sizes) > 45


def test_many_rejections_halve_it_at_most_once_a_round_down_to_a_floor() -> None:
    window, rng = Window(100), random.Random(1)
    let_end(window, 99, 1.0, rng)
    assert window.size == 100
    let_end(window, 1, 1.0, rng)
    assert window.size == 50
    let_end(window, 1_000, 1.0, rng)
    assert window.size == 5


def test_even_a_window_of_one_keeps_one() -> None:
    window = Window(1)
    let_end(window, 1_000, 1.0, random.Random(1))
    assert window.size == 1


def test_it_is_cut_to_about_what_the_provider_bears() -> None:
    window = Window(100)
    let_end(window, 100, 0.4, random.Random(1))
    assert 50 <= window.size <= 70


def test_calls_from_before_a_cut_do_not_cut_again() -> None:
    window = Window(100)
    marks = [window.opened() for _ in range(200)]
    for mark in marks:
        window.ended(mark, rejected=True)
    assert window.size == 50


def test_it_grows_back_by_one_a_round_and_no_further_than_configured() -> None:
    window, rng = Window(40), random.Random(1)
    let_end(window, 40, 1.0, rng)
    assert window.size == 20
    let_end(window, 20, 0.0, rng)
    assert window.size == 21
    let_end(window, 5_000, 0.0, rng)
    assert window.size == 40


@given(st.integers(1, 300), st.lists(st.booleans(), max_size=500), st.integers(1, 40))
def test_it_stays_between_its_floor_and_what_is_configured(most: int, rejections: list[bool], lag: int) -> None:
    window = Window(most)
    marks: list[int] = []
    for rejected in rejections:
        marks.append(window.opened())
        if len(marks) >= lag:
            window.ended(marks.pop(0), rejected=rejected)
        assert max(1, int(most * Window.FLOOR_SHARE)) <= window.size <= most


# -- the pool -------------------------------------------------------------------------------------------------------


def test_who_finds_the_pool_full_is_told_in_turn_one_for_each_place() -> None:
    pool, told = Pool(1), list[str]()
    assert pool.take()
    assert not pool.take()

    def wants(name: str) -> None:
        def tell() -> None:
            assert pool.take()
            told.append(name)

        pool.tell_when_free(tell)

    for name in "abc":
        wants(name)
    pool.give_back()
    assert told == ["a"]
    pool.give_back()
    pool.give_back()
    assert told == ["a", "b", "c"]


def test_a_place_that_the_one_told_no_longer_wants_goes_to_the_next() -> None:
    pool, told = Pool(1), list[str]()
    pool.take()
    pool.tell_when_free(lambda: told.append("not any more"))
    pool.tell_when_free(lambda: told.append("yes") if pool.take() else None)
    pool.give_back()
    assert told == ["not any more", "yes"]


def test_asking_twice_does_not_make_it_two() -> None:
    pool, told = Pool(1), list[int]()
    pool.take()

    def tell() -> None:
        told.append(1)

    pool.tell_when_free(tell)
    pool.tell_when_free(tell)
    pool.give_back()
    assert told == [1]
