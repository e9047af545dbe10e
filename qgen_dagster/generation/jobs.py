"""Running many jobs side by side, where a job may bring others that go first.

Here: `Jobs` and `run_all`. Not here: what the jobs do (batches, judging), how many calls are in flight (`gate.py`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from qgen_dagster.core.errors import RunInterrupted

Job = Callable[[], Coroutine[Any, Any, None]]
STOP_POLL_SECONDS = 0.1


class Jobs:
    """What is to be done, in order. `put_first` lets what a job has brought about go before what was there."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self._queue = deque(jobs)

    def __bool__(self) -> bool:
        return bool(self._queue)

    def put_first(self, jobs: Iterable[Job]) -> None:
        """Adds jobs before all others, in their order."""
        self._queue.extendleft(reversed(list(jobs)))

    def put_last(self, jobs: Iterable[Job]) -> None:
        """Adds jobs after all others."""
        self._queue.extend(jobs)

    def pop(self) -> Job:
        """The next job."""
        return self._queue.popleft()


async def run_all(jobs: Jobs, max_open: int, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Runs all jobs and those that they add, at most `max_open` at a time; the first exception stops the others.

    Raises that exception, or RunInterrupted when `should_stop` says so. However it ends, nothing is left running.
    """
    crew = _Crew(jobs, max_open)
    watch = asyncio.create_task(_watch_for_stop(should_stop))
    try:
        crew.pump()
        over: list[asyncio.Future[Any]] = [crew.over, watch]
        await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        if not crew.over.done():
            raise RunInterrupted("the run was stopped on request", hint="What it made is kept. Go on: qgen resume")
        await crew.over
    finally:
        watch.cancel()
        await crew.dismiss()
        await asyncio.gather(watch, return_exceptions=True)


class _Crew:
    """The jobs under way. `over` is done when none is left, or fails with the first that failed."""

    def __init__(self, jobs: Jobs, max_open: int) -> None:
        self._jobs = jobs
        self._max_open = max_open
        self._under_way: set[asyncio.Task[None]] = set()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def pump(self) -> None:
        """Starts as many jobs as may be open."""
        while self._jobs and len(self._under_way) < self._max_open and not self.over.done():
            task = asyncio.get_running_loop().create_task(self._jobs.pop()())
            self._under_way.add(task)
            task.add_done_callback(self._ended)
        if not self._under_way and not self.over.done():
            self.over.set_result(None)

    async def dismiss(self) -> None:
        """Cancels what is under way and waits for it."""
        if not self.over.done():
            self.over.cancel()
        tasks = list(self._under_way)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self.over.done():
            self.over.set_exception(error)
        self.pump()


async def _watch_for_stop(should_stop: Callable[[], bool]) -> None:
    while not should_stop():  # noqa: ASYNC110 - asked from outside the loop, by a signal handler
        await asyncio.sleep(STOP_POLL_SECONDS)
