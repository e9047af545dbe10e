"""What stands around every route: the size of bodies, headers of answers, and counting requests.

Not here: keys (`security.py`), reading a body (`bodies.py`), how errors look (`problems.py`).
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qgen_dagster.api.problems import Problem

MAX_BODY_BYTES = 1_000_000
_HEARD_OUT_BYTES = 8 * MAX_BODY_BYTES
_NOSNIFF, _NOT_KEPT = (b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")
_WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass
class RequestCounts:
    """Requests by route and status, and the seconds they took by route."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    seconds: Counter[tuple[str, str]] = field(default_factory=Counter)


class BodyLimits:
    """Refuses bodies that are too large (413), whatever their length is said to be."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http" or scope["method"] not in _WITH_BODY:
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        body = None if _number(length) > _HEARD_OUT_BYTES else await _read(receive)
        if body is None:
            await _too_large().response()(scope, receive, send)
            return
        await self._app(scope, _replaying(body, receive), send)


class Counting:
    """Counts requests by the template of their route, for /metrics; has no answer taken for another type, nor kept.

    Kept only where it says so itself.
    """

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 500

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                told = any(name == b"cache-control" for name, _ in message["headers"])
                message["headers"] = [*message["headers"], _NOSNIFF, *([] if told else [_NOT_KEPT])]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = str(getattr(scope.get("route"), "path", "(none)"))
            method = scope["method"] if route != "(none)" else "(any)"
            self._counts.requests[method, route, status] += 1
            self._counts.seconds[method, route] += time.perf_counter() - begun  # type: ignore[assignment]


def _number(length: str) -> int:
    return int(length[:20]) if length.isascii() and length.isdigit() else 0


def _too_large() -> Problem:
    return Problem(413, f"The body is larger than {MAX_BODY_BYTES:,} bytes.", headers={"Connection": "close"})


async def _read(receive: Receive) -> bytes | None:
    """The whole body, or None when it is too large, whatever its length was said to be.

    One that is somewhat too large is heard to its end: who is cut off while sending may never read the answer.
    """
    chunks: list[bytes] = []
    size = 0
    while size <= _HEARD_OUT_BYTES:
        message = await receive()
        body = message.get("body", b"")
        size += len(body)
        if size <= MAX_BODY_BYTES:
            chunks.append(body)
        if not message.get("more_body", False):
            break
    return b"".join(chunks) if size <= MAX_BODY_BYTES else None


def _replaying(body: bytes, receive: Receive) -> Receive:
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
