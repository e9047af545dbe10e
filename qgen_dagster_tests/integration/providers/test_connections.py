"""The HTTP connections of all clients: few pools, used in turn, through the environment's proxy where there is one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest

from qgen_dagster.generation.providers.connections import PER_POOL, SpreadTransport
from qgen_dagster.generation.providers.sdk import http_client


class _Pools:
    """Makes pools that answer when they may; knows how many requests each has."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.requests: list[int] = []
        self.fail = False

    def make(self) -> httpx2.AsyncBaseTransport:
        place = len(self.requests)
        self.requests.append(0)

        async def answer(request: httpx2.Request) -> httpx2.Response:
            self.requests[place] += 1
            await self.may_answer.wait()
            if self.fail:
                raise httpx2.ConnectError("refused")
            return httpx2.Response(200, stream=httpx2.ByteStream(b"yes"))

        return httpx2.MockTransport(answer)


async def _ask(client: httpx2.AsyncClient, times: int) -> list[httpx2.Response | BaseException]:
    return await asyncio.gather(*(client.get("http://a/") for _ in range(times)), return_exceptions=True)


def test_calls_one_after_the_other_use_one_pool() -> None:
    async def check() -> None:
        pools = _Pools()
        pools.may_answer.set()
        async with httpx2.AsyncClient(transport=SpreadTransport(pools.make)) as client:
            for _ in range(20):
                assert (await client.get("http://a/")).text == "yes"
        assert pools.requests == [20]

    asyncio.run(check())


@pytest.mark.parametrize("fail", [False, True])
def test_calls_at_the_same_time_spread_and_leave_room_behind_however_they_end(fail: bool) -> None:
    async def check() -> None:
        pools = _Pools()
        pools.fail = fail
        async with httpx2.AsyncClient(transport=SpreadTransport(pools.make)) as client:
            asking = asyncio.ensure_future(_ask(client, 10))
            for _ in range(100):  # so often everybody gets a turn
                await asyncio.sleep(0)
            assert pools.requests == [PER_POOL, PER_POOL, 2]
            pools.may_answer.set()
            await asking
            await _ask(client, 3)
        assert pools.requests == [PER_POOL + 3, PER_POOL, 2]

    asyncio.run(check())


@pytest.fixture
def proxy() -> Iterator[str]:
    """A proxy that answers everything itself, with the address that it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.path.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_calls_go_through_the_proxy_of_the_environment(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> str:
        async with http_client() as client:
            return (await client.get("http://models.invalid/v1")).text

    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert asyncio.run(ask()) == "http://models.invalid/v1"
