"""How many batches are under way at once where a budget limits the run.

A question that was paid for and then cannot be judged is money lost. So a batch is begun only when the budget can be
expected to pay for it to its end, judging included, beside those that are under way. Not here: the budget itself
(`budget.py`), what a batch does (`generate.py`, `judge_written.py`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from qgen_dagster.generation.calls import Route
from qgen_dagster.generation.jobs import Job, Jobs
from qgen_dagster.judging.panel import SOLVERS
from qgen_dagster.services.budget import RunBudget

ARBITERS = 2


class Pacing:
    """Lets batches go in their order, as many at a time as the budget is expected to pay for.

    What a batch costs is measured on those that are over. Until one is, each counts as `guess`, USD and tokens.
    """

    def __init__(self, jobs: Jobs, budget: RunBudget, guess: tuple[Decimal, int]) -> None:
        self._jobs = jobs
        self._budget = budget
        self._guess = guess
        self._waiting: deque[Job] = deque()
        self._under_way = 0
        self._over = 0

    def add(self, batches: Sequence[Job]) -> None:
        """Batches that are to be made."""
        self._waiting.extend(batches)
        self._let_go()

    def over(self) -> None:
        """A batch has been made and judged, or has failed."""
        self._under_way -= 1
        self._over += 1
        self._let_go()

    def _let_go(self) -> None:
        while self._waiting and self._may_go():
            self._under_way += 1
            self._jobs.put_last([self._waiting.popleft()])

    def _may_go(self) -> bool:
        if self._budget.affords(self._under_way + 1, self._over, self._guess):
            return True
        if self._over and not self._under_way:
            self._budget.close("would not pay for another batch and its judging")
        if self._budget.closed:
            return True  # to be told so
        return not self._under_way  # the very first one shows what one costs


def first_guess(routes: Sequence[Route], batch_size: int) -> tuple[Decimal, int]:
    """USD and tokens of a batch, as if each call about it could cost what asking for the questions can at most."""
    calls = 1 + batch_size * (SOLVERS + ARBITERS)
    usd = max((route.worst_usd() or Decimal() for route in routes), default=Decimal())
    return calls * usd, calls * max((route.worst_tokens for route in routes), default=0)
