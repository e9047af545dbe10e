"""Who asks the same at the same time shares a computation, but never one that began before the question."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from qgen_dagster.api.sharing import Sharing


class Counter:
    """A computation that waits until it is let go, and counts how often it was made."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = threading.Semaphore(0)

    def __call__(self) -> int:
        self.begun += 1
        mine = self.begun
        self.gate.acquire()
        return mine


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - set by a thread
        await asyncio.sleep(0)


def test_those_who_come_meanwhile_share_the_next_one() -> None:
    async def scene() -> list[int]:
        sharing, compute = Sharing(), Counter()
        first = asyncio.create_task(sharing.get("key", compute))
        await until(lambda: compute.begun == 1)
        others = [asyncio.create_task(sharing.get("key", compute)) for _ in range(19)]
        await asyncio.sleep(0)
        compute.gate.release(2)
        return [await first, *await asyncio.gather(*others)]

    assert asyncio.run(scene()) == [1, *[2] * 19]


def test_different_questions_are_computed_apart_and_nothing_is_kept() -> None:
    async def scene() -> list[int]:
        sharing, compute = Sharing(), Counter()
        compute.gate.release(3)
        one = await sharing.get("a", compute)
        return [one, await sharing.get("b", compute), await sharing.get("a", compute)]

    assert asyncio.run(scene()) == [1, 2, 3]


def test_an_error_is_shared_and_the_next_one_tries_again() -> None:
    async def scene() -> int:
        sharing = Sharing()

        def broken() -> int:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            await sharing.get("key", broken)
        return await sharing.get("key", lambda: 7)

    assert asyncio.run(scene()) == 7


def test_one_who_goes_away_does_not_take_the_answer_along() -> None:
    async def scene() -> int:
        sharing, compute = Sharing(), Counter()
        first = asyncio.create_task(sharing.get("key", compute))
        await until(lambda: compute.begun == 1)
        leaving, staying = (asyncio.create_task(sharing.get("key", compute)) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        compute.gate.release(2)
        await first
        return await staying

    assert asyncio.run(scene()) == 2
