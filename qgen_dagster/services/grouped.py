"""Many small pieces of work that arrive at once, done together: one thread, one transaction.

Here: `Grouped`. While one group is being handled the next one gathers, so a single piece waits for nobody and a hundred
wait once. Not here: what is done with a group (the journal, the steps of judging).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")
TURNS = 4


class Grouped(Generic[T, R]):
    """Hands whatever has gathered to `handle`, in a thread, one group at a time. For one event loop."""

    def __init__(self, handle: Callable[[Sequence[T]], Sequence[R]]) -> None:
        self._handle = handle
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def do(self, piece: T) -> R:
        """The piece's result. Raises what `handle` raises, for every piece of the group."""
        done: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((piece, done))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                # What has arrived at the same moment may join; a loop that has nothing else to do is back at once.
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                group, self._waiting = self._waiting, []
                await self._do_group(group)
        finally:
            self._worker = None

    async def _do_group(self, group: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await asyncio.to_thread(self._handle, [piece for piece, _ in group])
            if len(results) != len(group):
                raise RuntimeError(f"{len(group)} pieces of work came back as {len(results)}")
        except Exception as error:
            for _, done in group:
                if not done.done():
                    done.set_exception(error)
        else:
            for (_, done), result in zip(group, results, strict=True):
                if not done.done():
                    done.set_result(result)
