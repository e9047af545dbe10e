"""The calls of one run: one event loop, one pool and one journal for all its stages.

Here: `Calls`, and how calls are named. Not here: making a call (`generation/calls.py`), whom to ask (`routing.py`).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from qgen_dagster.bank.engine import Bank
from qgen_dagster.generation.calls import Budget, Call, Caller, NoBudget, RetryPolicy
from qgen_dagster.services.journal import Journal

T = TypeVar("T")
GENERATE = "generate"
SOLVE = "solve"
ARBITRATE = "arbitrate"
COMPARE = "compare"
EMBED = "embed"
DESIGN = "drill"  # a batch of drills
CHECK = "check"  # whether a model answers at all: before a run, and qgen doctor --live
COUNT = "count"  # how many tokens a text has; the reply is the number
PURPOSES = (GENERATE, SOLVE, ARBITRATE, COMPARE, EMBED, DESIGN, CHECK, COUNT)


class Calls:
    """A run's calls. Opens nothing until the first one; `close` leaves nothing behind."""

    def __init__(
        self,
        bank: Bank,
        run_id: UUID | None,
        *,
        max_concurrent: int,
        timer: Callable[[], float],
        retry: RetryPolicy,
        budget: Budget | None = None,
    ) -> None:
        self.max_concurrent = max_concurrent
        self._runner: asyncio.Runner | None = None
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self.budget = budget or NoBudget()
        self.journal = Journal(bank, run_id)
        self.caller = Caller(
            self.journal,
            max_concurrent=max_concurrent,
            clock=timer,
            rng=random.Random(str(run_id)),
            retry=retry,
            budget=self.budget,
        )

    @property
    def max_open(self) -> int:
        """How many jobs may be under way: more than calls, so that one that waits before a retry holds nobody up."""
        return self.max_concurrent if self.max_concurrent == 1 else 2 * self.max_concurrent

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a stage's calls in the run's loop; however it ends, replies that have arrived are on disk.

        From another thread, while the loop is at work, they go in between.
        """
        if self._runner is None:
            self._runner = asyncio.Runner(loop_factory=_loop_factory())
        if self._runner.get_loop().is_running():
            return asyncio.run_coroutine_threadsafe(work, self._runner.get_loop()).result()
        try:
            return self._runner.run(work)
        finally:
            self._runner.run(self.caller.settled())

    def on_close(self, close: Callable[[], Awaitable[None]]) -> None:
        """Something that was opened within the loop and is to be closed there."""
        self._closing.append(close)

    def close(self) -> None:
        """Closes what was opened, all of it, whatever one of them says to that."""
        if self._runner is None:
            return
        try:
            self._runner.run(_closed(self._closing))
        finally:
            self._closing.clear()
            self._runner.close()
            self._runner = None


def digest_of(*parts: object) -> str:
    """SHA-256 (hex) that names a call by what it is for; the same after a restart."""
    return hashlib.sha256(json.dumps(parts, default=str).encode()).hexdigest()


def generation_call(batch_id: UUID, missing: int, number: int) -> Call:
    """The `number`-th call of a batch, for so many questions."""
    return Call(GENERATE, digest_of(GENERATE, batch_id, missing, number), batch_id=batch_id)


def design_call(batch_id: UUID, attempt: int, indices: Sequence[int], number: int) -> Call:
    """The `number`-th call in an attempt at a batch, for the drills with these indices."""
    return Call(DESIGN, digest_of(DESIGN, batch_id, attempt, list(indices), number), batch_id=batch_id)


def regeneration_call(candidate_id: UUID, batch_id: UUID) -> Call:
    """The call for another question in a candidate's place."""
    return Call(GENERATE, digest_of("again", candidate_id), batch_id=batch_id, candidate_id=candidate_id)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed: a call costs it less."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _closed(closing: Sequence[Callable[[], Awaitable[None]]]) -> None:
    await asyncio.gather(*(close() for close in closing), return_exceptions=True)
