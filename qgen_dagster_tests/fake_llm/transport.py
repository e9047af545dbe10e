"""A small HTTP/1.1 server on asyncio: just enough, and with the wire in its own hand.

Here: parsing requests, writing replies, and the ways in which a delivery can go wrong (cut off, dripping, never
coming), for which a framework has no words. Not here: any route.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Literal, cast
from urllib.parse import parse_qs, unquote

import httptools

Delivery = Literal["whole", "reset", "drip", "hang"]
DRIP_SECONDS = 0.1  # between two pieces


@dataclass(slots=True)
class Request:
    """A request as it came. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


@dataclass(slots=True)
class Reply:
    """What is sent, and how. `seconds` is how long a drip or a hang lasts; None hangs until the client goes."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delivery: Delivery = "whole"
    seconds: float | None = None

    @classmethod
    def of(cls, status: int, body: Any, headers: dict[str, str] | None = None) -> Reply:
        """A reply with a JSON body."""
        return cls(status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), headers or {})

    def head(self) -> bytes:
        """Status line and headers."""
        lines = [f"HTTP/1.1 {self.status} {_reason(self.status)}", f"content-type: {self.content_type}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines.append(f"content-length: {len(self.body)}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


Handler = Callable[[Request], Awaitable[Reply]]


class Connection(asyncio.Protocol):
    """One client's connection; answers its requests in their order."""

    def __init__(self, handler: Handler, open_connections: set[Connection]) -> None:
        self._handler = handler
        self._open = open_connections
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._closed = asyncio.Event()
        self._previous: asyncio.Task[None] | None = None
        self._start()

    def _start(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.cut()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._closed.set()

    # What the parser calls.

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        path, _, query = self._url.decode("latin-1").partition("?")
        request = Request(
            method=self._parser.get_method().decode(),
            path=unquote(path),
            query={name: values[-1] for name, values in parse_qs(query).items()},
            headers=self._headers,
            body=b"".join(self._body),
        )
        keep_alive = self._parser.should_keep_alive()
        self._start()
        self._previous = asyncio.get_running_loop().create_task(self._answer(request, keep_alive, self._previous))

    async def _answer(self, request: Request, keep_alive: bool, previous: asyncio.Task[None] | None) -> None:
        reply = await self._handler(request)
        if previous:
            await previous
        if not self._closed.is_set():
            await self._deliver(reply)
        if not keep_alive and self._transport:
            self._transport.close()

    async def _deliver(self, reply: Reply) -> None:
        if reply.delivery == "hang":
            await self._wait(reply.seconds)
            self.cut()
        elif reply.delivery == "reset":
            self._write(reply.head() + reply.body[: len(reply.body) // 2])
            # The half must have left before the connection breaks, or it would be lost too.
            await asyncio.sleep(0.01)
            self.cut()
        elif reply.delivery == "drip":
            self._write(reply.head())
            await self._drip(reply.body, reply.seconds or 5.0)
        else:
            self._write(reply.head() + reply.body)

    async def _drip(self, body: bytes, seconds: float) -> None:
        pieces = max(2, round(seconds / DRIP_SECONDS))
        size = max(1, len(body) // pieces)
        for start in range(0, len(body), size):
            self._write(body[start : start + size])
            await self._wait(DRIP_SECONDS)

    async def _wait(self, seconds: float | None) -> None:
        """Until that time has passed or the client has gone."""
        try:
            await asyncio.wait_for(self._closed.wait(), seconds)
        except TimeoutError:
            return

    def _write(self, data: bytes) -> None:
        if self._transport and not self._transport.is_closing():
            self._transport.write(data)

    def cut(self) -> None:
        """Breaks the connection off (a TCP reset, where something is unread)."""
        if self._transport:
            self._transport.abort()


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded" if status == 529 else "Unknown"
