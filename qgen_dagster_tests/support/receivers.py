"""Servers that take reports badly, on real sockets: silent, refusing, answering nonsense, dying at the wrong time.

Not here: the real one (`api.py`).
"""

from __future__ import annotations

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    """A running server, and what it was sent."""

    port: int
    bodies: list[bytes] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


Handle = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def receiving(handle: Handle) -> Iterator[Receiver]:
    """A server that does so with every POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.bodies.append(body)
            receiver.keys.append(self.headers["X-Service-Key"])
            handle(self, body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that went away is part of the test."""

    server = Server(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status: int, body: bytes = b"{}", **headers: str) -> Handle:
    """Always this answer."""

    def handle(request: BaseHTTPRequestHandler, _: bytes) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return handle


def nonsense(request: BaseHTTPRequestHandler, _: bytes) -> None:
    """Bytes that are no HTTP."""
    request.wfile.write(b"\x00\xff\xfe not http\r\n\r\n")
    request.close_connection = True


def silent(until: threading.Event) -> Handle:
    """Takes the report and says nothing until then."""

    def handle(request: BaseHTTPRequestHandler, _: bytes) -> None:
        until.wait(60)
        request.close_connection = True

    return handle


def dying_before_the_answer(port: int, key: str, deaths: int = 1) -> Handle:
    """Has the real server do what is asked, and breaks off before it says so; `deaths` times, then it answers."""
    died = []

    def handle(request: BaseHTTPRequestHandler, body: bytes) -> None:
        real = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        real.request("POST", request.path, body, {"Content-Type": "application/json", "X-Service-Key": key})
        answer = real.getresponse()
        content = answer.read()
        real.close()
        if len(died) < deaths:
            died.append(answer.status)
            request.connection.shutdown(socket.SHUT_RDWR)
            request.close_connection = True
            return
        answering(answer.status, content)(request, body)

    return handle


def nobody() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
