"""Many HTTP clients in one process, for `api.py`: as little work per request as can be. Not a benchmark."""

from __future__ import annotations

import asyncio
import json
import sys
import time

CLIENTS = 20
KEY = "benchmark-key-0123456789"


async def main() -> None:
    wanted = json.load(sys.stdin)
    requests = [framed(*request, wanted["cookie"]) for request in wanted["requests"]]
    shares = [requests[n::CLIENTS] for n in range(CLIENTS)]
    begun = time.perf_counter()
    jobs = (client(wanted["port"], share, wanted["pace"], n / CLIENTS) for n, share in enumerate(shares))
    seconds = [second for found in await asyncio.gather(*jobs) for second in found]
    json.dump({"seconds": seconds, "whole": time.perf_counter() - begun}, sys.stdout)


async def client(port: int, requests: list[bytes], pace: float, offset: float) -> list[float]:
    """Asks one after the other on one connection, every `pace` seconds; seconds from the due time to the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    begun = time.perf_counter() + offset * pace
    seconds = []
    for number, request in enumerate(requests):
        due = begun + number * pace if pace else time.perf_counter()
        if due > time.perf_counter():
            await asyncio.sleep(due - time.perf_counter())
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0])
        content = await reader.readexactly(length)
        seconds.append(time.perf_counter() - due)
        assert head[9:12] in (b"200", b"201"), head + content
    writer.close()
    return seconds


def framed(method: str, path: str, body: str, cookie: str) -> bytes:
    """The request as it goes over the wire; the cookie is for the dashboard's pages."""
    sent = body.encode()
    about = f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n" if sent else ""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Service-Key: {KEY}\r\nCookie: {cookie}\r\n{about}\r\n"
    return head.encode() + sent


if __name__ == "__main__":
    asyncio.run(main())
