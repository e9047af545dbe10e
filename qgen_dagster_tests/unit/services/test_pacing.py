"""Batches under a budget: as many at a time as it is expected to pay for to their end, and each is begun once."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.generation.calls import Route
from qgen_dagster.generation.jobs import Job, Jobs
from qgen_dagster.services.budget import Limit, RunBudget
from qgen_dagster.services.pacing import Pacing, first_guess

GUESS = (Decimal(10), 0)


class Bench:
    """Batches that are begun here and end when the test says so. None of them runs."""

    def __init__(self, most: int, *, batches: int, guess: tuple[Decimal, int] = GUESS) -> None:
        self.limit = Limit("the run's budget", "USD", Decimal(most), Decimal)
        self.budget = RunBudget([self.limit], lambda: 0.0)
        self.jobs = Jobs()
        self.pacing = Pacing(self.jobs, self.budget, guess)
        self.begun = 0
        self.pacing.add([self._job()] * batches)
        self.look()

    def _job(self) -> Job:
        async def never() -> None:
            raise AssertionError

        return never

    def look(self) -> None:
        """Takes what was let go."""
        while self.jobs:
            self.jobs.pop()
            self.begun += 1

    def end_one(self, usd: int) -> None:
        """One of those under way has cost so much."""
        self.budget.settle(Decimal(), 0, Decimal(usd), 0)
        self.pacing.over()
        self.look()


def test_as_many_begin_as_the_guess_allows() -> None:
    assert Bench(100, batches=50).begun == 10
    assert Bench(10_000, batches=50).begun == 50


def test_one_begins_even_where_the_guess_is_above_the_budget() -> None:
    assert Bench(1, batches=50).begun == 1


def test_what_the_first_ones_cost_decides_about_the_others() -> None:
    bench = Bench(100, batches=50)
    bench.end_one(1)
    assert bench.begun == 50  # 49 more at 1 USD each
    bench = Bench(100, batches=50)
    bench.end_one(60)
    assert bench.begun == 10


def test_a_rest_that_pays_for_no_batch_is_not_spent_and_this_is_said() -> None:
    bench = Bench(10, batches=3)
    bench.end_one(6)
    assert bench.budget.exhausted == (
        "what is left of the run's budget of 10 USD (4) would not pay for another batch and its judging"
    )
    assert bench.begun == 3  # each is told so when it asks


@given(most=st.integers(1, 60), batches=st.integers(1, 40), costs=st.lists(st.integers(0, 20), min_size=40))
def test_every_batch_is_begun_once_and_none_beside_others_before_its_money_is_there(
    most: int, batches: int, costs: list[int]
) -> None:
    bench = Bench(most, batches=batches)
    for ended, usd in enumerate(costs[:batches], start=1):
        before = bench.begun
        bench.end_one(usd)
        under_way = bench.begun - ended
        if bench.begun > before and under_way > 1 and not bench.budget.exhausted:
            assert bench.limit.spent + under_way * bench.limit.settled / ended <= most
    assert bench.begun == batches


def test_the_first_guess_takes_each_call_of_a_batch_at_its_worst() -> None:
    async def send() -> object:
        raise AssertionError

    routes = [
        Route("openai", "m", send, worst_tokens=tokens, worst_usd=lambda usd=usd: usd)  # type: ignore[arg-type, misc]
        for tokens, usd in ((1_000, Decimal("0.01")), (3_000, None))
    ]
    assert first_guess(routes, 5) == (Decimal("0.26"), 78_000)
    assert first_guess([], 5) == (Decimal(), 0)
