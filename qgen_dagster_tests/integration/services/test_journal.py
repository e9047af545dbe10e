"""The journal of calls on a real database: nothing lost, nothing twice, many calls in one transaction."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import DatabaseError
from qgen_dagster.generation.calls import Call, Caller, Route
from qgen_dagster.generation.gate import Gate, GateLimits
from qgen_dagster.generation.provider import Fault, ProviderError, Reply
from qgen_dagster.services.journal import Journal


def call(number: int = 0) -> Call:
    return Call("generate", f"{number:064x}")


def reply(words: str = "words") -> Reply:
    return Reply(
        text=words,
        provider="toy",
        model="toy-1",
        prompt_version="v1",
        input_tokens=10,
        output_tokens=20,
        cached_tokens=5,
        cost_usd=Decimal("0.001234"),
    )


def route(send: Any = None) -> Route:
    return Route(provider="toy", model="toy-1", send=send, prompt_version="v1")


def rows(bank: Bank) -> list[Any]:
    with bank.begin() as tx:
        return list(tx.execute(text("SELECT * FROM llm_calls ORDER BY id")))


class CountingBank:
    """The bank, and how often it was used. `hold` keeps transactions waiting, `broken` makes them fail."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self.transactions = 0
        self.hold = threading.Event()
        self.hold.set()
        self.broken = False

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self.transactions += 1
        assert self.hold.wait(60)
        if self.broken:
            raise DatabaseError("the database cannot be reached")
        with self._bank.begin() as tx:
            yield tx

    session = begin


@pytest.fixture
def counting(bank: Bank) -> CountingBank:
    return CountingBank(bank)


@pytest.fixture
def journal(counting: CountingBank) -> Journal:
    return Journal(counting, None)  # type: ignore[arg-type]


async def until(holds: Any) -> None:
    for _ in range(2_000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it never came about")


def test_a_reply_is_found_again_as_it_was(journal: Journal) -> None:
    async def work() -> None:
        assert await journal.stored(call()) is None
        await journal.replied(call(), reply(), 0.25)
        assert await journal.stored(call()) == reply()

    asyncio.run(work())


def test_a_failed_call_is_kept_with_its_price_and_is_no_reply(bank: Bank, journal: Journal) -> None:
    async def work() -> None:
        error = ProviderError(
            ErrorCategory.PARSE_ERROR, "cut", fault=Fault.TRUNCATED, input_tokens=10, output_tokens=500
        )
        await journal.failed(call(), route(), error, Decimal("0.5"), 2.0)
        assert await journal.stored(call()) is None

    asyncio.run(work())
    (row,) = rows(bank)
    assert (row.provider, row.model, row.prompt_version) == ("toy", "toy-1", "v1")
    assert (row.error_category, row.fault, row.error) == ("parse_error", "truncated", "cut")
    assert (row.input_tokens, row.output_tokens, row.cost_usd) == (10, 500, Decimal("0.5"))
    assert row.reply is None


def test_a_call_that_was_never_sent_leaves_no_entry(bank: Bank, journal: Journal) -> None:
    blocked = ProviderError(ErrorCategory.BILLING_QUOTA, "stopped", fault=Fault.BLOCKED)
    asyncio.run(journal.failed(call(), route(), blocked, None, 0.0))
    assert rows(bank) == []


def test_of_two_replies_to_one_request_the_first_counts(journal: Journal) -> None:
    async def work() -> None:
        await journal.replied(call(), reply("first"), 1.0)
        await journal.replied(call(), reply("second"), 1.0)
        found = await journal.stored(call())
        assert found is not None
        assert found.text == "first"

    asyncio.run(work())


@pytest.mark.parametrize("odd", ["a\x00b", "half a pair: \ud83d.", "\ufffd é 🂡 \x1b[31m", ""])
def test_a_reply_with_characters_that_no_database_keeps_is_kept_without_them(journal: Journal, odd: str) -> None:
    async def work() -> None:
        await journal.replied(call(), reply(odd), 1.0)
        found = await journal.stored(call())
        assert found is not None
        assert found.text == odd.replace("\x00", "\ufffd").replace("\ud83d", "\ufffd")
        await journal.failed(call(1), route(), ProviderError(ErrorCategory.MODEL_ERROR, odd), None, 1.0)

    asyncio.run(work())


def test_calls_that_end_together_share_a_few_transactions_and_each_is_written_once(
    bank: Bank, counting: CountingBank, journal: Journal
) -> None:
    async def work() -> None:
        await asyncio.gather(*(journal.stored(call(i)) for i in range(500)))
        assert counting.transactions < 20
        await asyncio.gather(*(journal.replied(call(i), reply(f"reply {i}"), 1.0) for i in range(500)))
        assert counting.transactions < 40

    asyncio.run(work())
    assert Counter(row.reply for row in rows(bank)) == Counter(f"reply {i}" for i in range(500))


def test_nobody_waits_for_calls_that_end_later(counting: CountingBank, journal: Journal) -> None:
    """Under steady traffic there is always another entry; the first one's caller goes on all the same."""

    async def work() -> None:
        ended = list[int]()

        async def write(number: int) -> None:
            await journal.replied(call(number), reply(), 1.0)
            ended.append(number)

        traffic = list[asyncio.Task[None]]()
        for number in range(300):
            traffic.append(asyncio.create_task(write(number)))
            await asyncio.sleep(0.001)
        behind = 300 - len(ended)
        assert 0 in ended[:50]
        assert behind < 200
        await asyncio.gather(*traffic)
        assert ended == sorted(ended)

    asyncio.run(work())


def test_a_failing_database_fails_every_waiting_call_and_the_next_one_tries_anew(
    bank: Bank, counting: CountingBank, journal: Journal
) -> None:
    async def work() -> None:
        counting.hold.clear()
        counting.broken = True
        writing = [asyncio.create_task(journal.replied(call(i), reply(), 1.0)) for i in range(100)]
        reading = [asyncio.create_task(journal.stored(call(i))) for i in range(100)]
        await until(lambda: counting.transactions == 2)
        counting.hold.set()
        outcomes = await asyncio.gather(*writing, *reading, return_exceptions=True)
        assert all(isinstance(outcome, DatabaseError) for outcome in outcomes)
        counting.broken = False
        await journal.replied(call(7), reply(), 1.0)
        assert await journal.stored(call(7)) is not None

    asyncio.run(work())
    assert len(rows(bank)) == 1


@pytest.mark.parametrize("when", ["waiting", "being written"])
def test_a_cancelled_writer_loses_neither_its_entry_nor_its_neighbours(
    bank: Bank, counting: CountingBank, journal: Journal, when: str
) -> None:
    async def work() -> None:
        counting.hold.clear()
        first = asyncio.create_task(journal.replied(call(0), reply("first"), 1.0))
        await until(lambda: counting.transactions == 1)
        others = [asyncio.create_task(journal.replied(call(i), reply(f"other {i}"), 1.0)) for i in range(1, 5)]
        await asyncio.sleep(0)
        cancelled = first if when == "being written" else others[0]
        cancelled.cancel()
        await asyncio.sleep(0)
        assert cancelled.cancelled()
        counting.hold.set()
        await asyncio.gather(first, *others, return_exceptions=True)

    asyncio.run(work())
    assert {row.reply for row in rows(bank)} == {"first", *(f"other {i}" for i in range(1, 5))}


def test_a_stage_that_is_cancelled_finds_every_reply_that_had_arrived(bank: Bank, counting: CountingBank) -> None:
    """As in a run: calls through the caller, the stage is cancelled, then `settled` in the same loop."""
    arrived = list[int]()
    caller = Caller(Journal(counting, None), max_concurrent=20, clock=time.monotonic)  # type: ignore[arg-type]
    gate = Gate("toy", GateLimits(max_concurrent=20), clock=time.monotonic)

    def asking(number: int) -> Route:
        async def send() -> Reply:
            await asyncio.sleep(0.001 * (number % 7))
            arrived.append(number)
            return reply(f"reply {number}")

        return Route(provider="toy", model="toy-1", send=send, gate=gate)

    async def stage() -> None:
        everything = [asyncio.create_task(caller.call(call(i), [asking(i)])) for i in range(400)]
        await until(lambda: len(arrived) > 100)
        for task in everything:
            task.cancel()
        await asyncio.gather(*everything, return_exceptions=True)

    with asyncio.Runner() as runner:
        runner.run(stage())
        runner.run(caller.settled())
        assert {row.reply for row in rows(bank)} == {f"reply {i}" for i in arrived}
        runner.run(rest_of_it(caller, asking))
    assert sorted(arrived) == list(range(400)), "what was stored was not asked for again"


async def rest_of_it(caller: Caller, asking: Any) -> None:
    await asyncio.gather(*(caller.call(call(i), [asking(i)]) for i in range(400)))
