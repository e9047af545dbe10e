"""What a run may spend: per run and per day, in USD and in tokens, checked before each call with its worst case.

Here: `RunBudget` and what counts as spent, batch jobs under way with their worst case. Not here: prices
(`generation/prices.py`), asking before a call (`generation/calls.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank import journal
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.generation.calls import Budget, NoBudget
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.services.options import RunOptions

REFRESH_SECONDS = 10.0  # how soon the spending of other processes counts


@dataclass
class Limit:
    """One limit: `most` of what `spent` counts. `reserved` is what the calls under way may cost."""

    name: str  # as the operator knows it
    unit: str
    most: Decimal
    read_spent: Callable[[], Decimal]
    own: Decimal = field(default_factory=Decimal)  # what this process has spent since the last reading
    read: Decimal | None = None
    reserved: Decimal = field(default_factory=Decimal)
    settled: Decimal = field(default_factory=Decimal)  # what this process has spent since it began
    largest: Decimal = field(default_factory=Decimal)  # worst case of a call so far

    @property
    def spent(self) -> Decimal:
        if self.read is None:
            self.refresh()
        return (self.read or Decimal()) + self.own

    def refresh(self) -> None:
        """Reads anew what has been spent, by whomever."""
        self.read, self.own = self.read_spent(), Decimal()

    def fits(self, amount: Decimal) -> bool:
        """Whether a call of this worst case may be made."""
        return self.spent + self.reserved + amount <= self.most


class RunBudget:
    """Lets a call through only if even its worst case keeps every limit."""

    def __init__(self, limits: Sequence[Limit], timer: Callable[[], float]) -> None:
        self._limits = limits
        self._timer = timer
        self._read_at = timer()
        self._waiting: list[asyncio.Future[None]] = []
        self.closed = False  # whether nothing is let through any more
        self.exhausted: str | None = None  # which limit ended the spending

    async def reserve(self, usd: Decimal | None, tokens: int) -> None:
        """Sets the worst case aside, if need be after calls under way have cost less than theirs.

        Raises ProviderError (blocked) when it does not fit whatever those will cost, or has no price.
        """
        while True:
            self._look_around()
            if self.closed:
                raise self._blocked(self.exhausted or "the budget is spent")
            full = next((limit for limit in self._limits if not limit.fits(_amount(limit, usd, tokens))), None)
            if any(limit.unit == "USD" and usd is None for limit in self._limits):
                raise self._blocked("a model has no price, so no budget in USD can be kept; give it one in models.yaml")
            if full is None:
                break
            if full.reserved <= 0 or full.spent + _amount(full, usd, tokens) > full.most:
                raise self._blocked(f"{full.name} of {full.most:,f} {full.unit} is spent")
            await self._settlement()
        for limit in self._limits:
            amount = _amount(limit, usd, tokens)
            limit.reserved += amount
            limit.largest = max(limit.largest, amount)

    def has_room(self, usd: Decimal | None, tokens: int) -> bool:
        """Whether `reserve` would set this aside now."""
        if usd is None and any(limit.unit == "USD" for limit in self._limits):
            return False
        return all(limit.fits(_amount(limit, usd, tokens)) for limit in self._limits)

    def affords(self, pieces: int, over: int, guess: tuple[Decimal, int]) -> bool:
        """Whether so many pieces of work can be expected to be paid for to their end.

        Each counts as much as this process has spent for each of those that are `over`; as `guess`, USD and tokens,
        while none is. Room is left for the worst case of a call.
        """
        return all(
            limit.spent + pieces * (limit.settled / over if over else _amount(limit, *guess)) + limit.largest
            <= limit.most
            for limit in self._limits
        )

    def close(self, why: str) -> None:
        """Lets nothing through any more: what is left of the nearest limit is of no use."""
        nearest = min(self._limits, key=lambda limit: 1 - limit.spent / limit.most if limit.most else Decimal())
        left = f"{max(nearest.most - nearest.spent, Decimal()).normalize():f}"
        self.closed = True
        self.exhausted = self.exhausted or (
            f"what is left of {nearest.name} of {nearest.most:,f} {nearest.unit} ({left}) {why}"
        )

    def refresh(self) -> None:
        """Reads anew what has been spent: a batch job that is over cost less than its worst case."""
        for limit in self._limits:
            limit.refresh()

    def settle(self, reserved_usd: Decimal | None, reserved_tokens: int, usd: Decimal | None, tokens: int) -> None:
        """Replaces what was set aside by what the call cost."""
        for limit in self._limits:
            limit.reserved -= _amount(limit, reserved_usd, reserved_tokens)
            limit.own += _amount(limit, usd, tokens)
            limit.settled += _amount(limit, usd, tokens)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def _settlement(self) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await future

    def _look_around(self) -> None:
        """Reads now and then what other processes have spent."""
        if self._timer() - self._read_at > REFRESH_SECONDS:
            self._read_at = self._timer()
            self.refresh()

    def _blocked(self, message: str) -> ProviderError:
        self.exhausted = self.exhausted or message
        return ProviderError(ErrorCategory.BUDGET, message, fault=Fault.BLOCKED)


def make_budget(
    bank: Bank, settings: Settings, options: RunOptions, run_id: UUID, clock: Callable[[], datetime]
) -> Budget:
    """The budget of a run, with what it and the day have spent so far; no budget where none is set."""
    import time

    def spent(unit: str, *, of_run: bool) -> Callable[[], Decimal]:
        def read() -> Decimal:
            day = clock().replace(hour=0, minute=0, second=0, microsecond=0)
            with bank.begin() as tx:
                usd, tokens = journal.spent(tx, run_id=run_id) if of_run else journal.spent(tx, since=day)
                recent = day - job_rows.LONGEST_JOB
                jobs = job_rows.reserved(tx, run_id=run_id) if of_run else job_rows.reserved(tx, since=recent)
            return usd + jobs[0] if unit == "USD" else Decimal(tokens + jobs[1])

        return read

    wanted = (
        ("the run's budget", "USD", options.budget_usd, True),
        ("the run's budget", "tokens", options.budget_tokens, True),
        ("the day's budget", "USD", settings.budget_usd_per_day, False),
        ("the day's budget", "tokens", settings.budget_tokens_per_day, False),
    )
    limits = [
        Limit(name, unit, Decimal(most), spent(unit, of_run=of_run))
        for name, unit, most, of_run in wanted
        if most is not None
    ]
    return RunBudget(limits, time.monotonic) if limits else NoBudget()


def _amount(limit: Limit, usd: Decimal | None, tokens: int) -> Decimal:
    return (usd or Decimal()) if limit.unit == "USD" else Decimal(tokens)
