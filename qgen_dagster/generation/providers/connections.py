"""Connections for many calls at a time.

Here: `SpreadTransport`, `tls`. Imports httpx2, so it is itself imported only where a client is made. Not here: the
clients' time limits and errors (`sdk.py`).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from functools import cache

import httpx2

# Requests that a pool has at a time before the next pool is used.
PER_POOL = 4


class SpreadTransport(httpx2.AsyncBaseTransport):
    """Connection pools of a few connections each, as many as are needed; requests go to the first that has room.

    The library probes every idle connection of a pool, by a system call, whenever a request of that pool begins or
    ends. With fifty calls at a time in one pool that was a fifth of a call's CPU time.
    """

    def __init__(self, make: Callable[[], httpx2.AsyncBaseTransport]) -> None:
        """`make` opens a pool."""
        self._make = make
        self._pools: list[httpx2.AsyncBaseTransport] = []
        self._busy: list[int] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response; its pool has room again once it is closed."""
        place = self._place()
        self._busy[place] += 1
        try:
            response = await self._pools[place].handle_async_request(request)
        except BaseException:
            self._busy[place] -= 1
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101 - what an asynchronous transport gives
        response.stream = _Watched(response.stream, lambda: self._left(place))
        return response

    async def aclose(self) -> None:
        """Closes all pools."""
        for pool in self._pools:
            await pool.aclose()

    def _place(self) -> int:
        for place, busy in enumerate(self._busy):
            if busy < PER_POOL:
                return place
        self._pools.append(self._make())
        self._busy.append(0)
        return len(self._pools) - 1

    def _left(self, place: int) -> None:
        self._busy[place] -= 1


class _Watched(httpx2.AsyncByteStream):
    """A body that says once when it is closed."""

    def __init__(self, stream: httpx2.AsyncByteStream, closed: Callable[[], None]) -> None:
        self._stream = stream
        self._closed: Callable[[], None] | None = closed

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        closed, self._closed = self._closed, None
        try:
            await self._stream.aclose()
        finally:
            if closed is not None:
                closed()


@cache
def tls() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes long enough to do it once for all clients."""
    return httpx2.create_ssl_context()
