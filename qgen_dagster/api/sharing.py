"""One computation for all who ask the same at the same time.

A dashboard that is open on twenty screens asks for the same statistics twenty times. Not a cache: an answer is never
older than its question. Not here: the computations (`services/`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

from fastapi.concurrency import run_in_threadpool

T = TypeVar("T")


class Sharing:
    """Computations under way by key, and those that begin when these have ended.

    Who comes while a computation is running must not get its result: what was stored in between would be missing. So
    all who come in that time share the next one.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[object]] = {}
        self._next: dict[Hashable, asyncio.Task[object]] = {}

    async def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The result of a computation that began after this call; `compute` must be the same for the same key."""
        if key in self._next:
            task = self._next[key]
        elif key in self._running:
            task = self._next[key] = asyncio.create_task(self._after(self._running[key], key, compute))
        else:
            task = self._running[key] = asyncio.create_task(self._run(key, compute))
        # Shielded: one who goes away must not take the others' answer along.
        return cast(T, await asyncio.shield(task))

    async def _after(self, running: asyncio.Task[object], key: Hashable, compute: Callable[[], T]) -> object:
        await asyncio.wait([running])
        self._running[key] = self._next.pop(key)
        return await self._run(key, compute)

    async def _run(self, key: Hashable, compute: Callable[[], T]) -> object:
        try:
            return await run_in_threadpool(compute)
        finally:
            del self._running[key]
