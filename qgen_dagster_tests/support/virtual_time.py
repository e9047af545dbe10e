"""An event loop whose time is made up: hours pass in milliseconds, in the order in which they would.

Here: `run_virtual` and `VirtualLoop`. When nothing is ready to run, the loop's clock jumps to the next timer; when
there is no timer either, everything waits for ever, and the loop says so instead of hanging. For code without threads
or sockets.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Hang(AssertionError):
    """Every task waits for something that will never happen."""


class _NoWaiting(selectors.DefaultSelector):
    """Looks for input without waiting; the time that it would have waited is handed on."""

    def __init__(self, passed: Callable[[float], None]) -> None:
        super().__init__()
        self._passed = passed

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Hang("every task waits, and no timer is set")
        self._passed(max(0.0, timeout))
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with its own clock. `steps` counts its turns, so that a busy loop can be told from waiting."""

    def __init__(self, start: float = 0.0, max_steps: int = 1_000_000) -> None:
        self._now = start
        self.steps = 0
        self._max_steps = max_steps
        super().__init__(_NoWaiting(self._pass))

    def time(self) -> float:
        """Seconds since the start, made up."""
        return self._now

    def _pass(self, seconds: float) -> None:
        self._now += seconds
        self.steps += 1
        if self.steps > self._max_steps:
            raise Hang(f"still busy after {self._max_steps:,} turns of the loop, at {self._now:g} s")


def run_virtual(work: Callable[[VirtualLoop], Coroutine[Any, Any, T]], start: float = 0.0) -> T:
    """Runs `work` to its end; fails when it leaves a task behind. `start`: what the clock shows, at most a million."""
    loop = VirtualLoop(start)

    async def whole() -> T:
        result = await work(loop)
        await asyncio.sleep(0)  # what has just been cancelled ends in the next turn
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"
        return result

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(whole())
