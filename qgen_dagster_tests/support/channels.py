"""Channels to send alerts to: a webhook's receiver and a mail server, on real sockets, that can be told to misbehave.

Not here: what must hold (`integration/alerting/`).
"""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


@dataclass
class Webhook:
    """A receiver of JSON. `answers`: statuses for the next requests, then 200; `hang` holds each request until set."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    received: list[dict[str, Any]] = field(default_factory=list)
    asked: int = 0
    hang: threading.Event | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        """Its address for apprise, with a secret in its path."""
        return f"json://127.0.0.1:{self.port}/hook-s3cr3t-token"

    @property
    def titles(self) -> list[str]:
        with self.lock:
            return [body["title"] for body in self.received]


@contextmanager
def webhook() -> Iterator[Webhook]:
    """A receiver on a free port."""
    hook = Webhook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with hook.lock:
                hook.asked += 1
                status = hook.answers.pop(0) if hook.answers else 200
                if status == 200:
                    hook.received.append(body)
            if hook.hang is not None:
                hook.hang.wait(30)
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except OSError:
                pass  # whoever asked has gone

        def log_message(self, *arguments: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hook.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hook
    finally:
        if hook.hang is not None:
            hook.hang.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class MailServer:
    """A mail server. `refuse`: what it answers to a recipient in place of OK."""

    port: int = 0
    refuse: str | None = None
    mails: list[EmailMessage] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address for apprise, with a password."""
        return f"mailto://127.0.0.1:{self.port}?from=qgen@example.org&to=duty@example.org"

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        if self.refuse is not None:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None) -> Iterator[MailServer]:
    """A mail server on a free port; with `tls` it speaks STARTTLS and takes nothing without."""
    server = MailServer(free_port())
    options = {"tls_context": tls, "require_starttls": True} if tls else {}
    controller = Controller(server, hostname="127.0.0.1", port=server.port, **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """A port that accepts connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody has reason to trust."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=mail.example.org", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
