"""The HTTP connections of all clients: kept and used again, closed when left, through the environment's proxy."""

from __future__ import annotations

import asyncio
import datetime
import gzip
import ipaddress
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest

from qgen_dagster.generation.providers.connections import tls
from qgen_dagster.generation.providers.sdk import http_client

YES = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\nset-cookie: kept=1\r\n\r\nyes"


class _Server:
    """Answers every request with the same bytes, then closes if told so; knows what it was sent."""

    def __init__(self, answer: bytes, *, then_close: bool) -> None:
        self._answer = answer
        self._then_close = then_close
        self.connections = 0
        self.left = asyncio.Event()
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head)
                writer.write(self._answer)
                await writer.drain()
                if self._then_close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            self.left.set()
        finally:
            writer.close()


@asynccontextmanager
async def _serving(
    answer: bytes, *, then_close: bool = False, certificate: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[_Server, str]]:
    told = _Server(answer, then_close=then_close)
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0, ssl=certificate)
    port = server.sockets[0].getsockname()[1]
    try:
        yield told, f"{'https' if certificate else 'http'}://127.0.0.1:{port}/"
    finally:
        server.close()


def test_calls_one_after_the_other_use_one_connection() -> None:
    async def check() -> None:
        async with _serving(YES) as (server, url), http_client() as client:
            for _ in range(20):
                assert (await client.get(url)).text == "yes"
            assert (len(server.requests), server.connections) == (20, 1)

    asyncio.run(check())


def test_the_server_is_sent_what_the_request_says_and_nothing_else() -> None:
    async def check() -> list[bytes]:
        async with _serving(YES) as (server, url), http_client() as client:
            request = httpx2.Request("GET", url + "a%2Fb?c=%7E", headers={"x-one": "1", "host": "named.invalid"})
            await client.send(request)
            client.cookies.clear()
            await client.send(request)
            return server.requests

    for head in asyncio.run(check()):
        first, *headers = head.decode().rstrip().split("\r\n")
        assert first == "GET /a%2Fb?c=%7E HTTP/1.1"
        assert {header.split(":")[0].lower() for header in headers} == {"x-one", "host"}


def test_a_packed_body_is_unpacked() -> None:
    body = gzip.compress(b"yes")
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n"

    async def check() -> str:
        async with _serving(head.encode() + body) as (_, url), http_client() as client:
            return (await client.get(url)).text

    assert asyncio.run(check()) == "yes"


@pytest.mark.parametrize(
    ("answer", "then_close", "error"),
    [
        (b"", True, httpx2.RemoteProtocolError),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", True, httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nyes", True, httpx2.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nyes", False, httpx2.ReadTimeout),
        (b"", False, httpx2.ReadTimeout),
    ],
)
def test_what_breaks_is_told_in_the_words_of_the_http_library(
    answer: bytes, then_close: bool, error: type[Exception]
) -> None:
    async def check() -> None:
        async with _serving(answer, then_close=then_close) as (_, url), http_client() as client:
            with pytest.raises(error):
                await client.get(url, timeout=httpx2.Timeout(None, read=0.2))

    asyncio.run(check())


def test_a_server_that_is_not_there_is_a_connect_error() -> None:
    async def check() -> None:
        async with _serving(YES) as (_, url):
            pass
        async with http_client() as client:
            with pytest.raises(httpx2.ConnectError):
                await client.get(url)

    asyncio.run(check())


def test_a_response_that_is_left_half_read_closes_its_connection() -> None:
    async def check() -> None:
        endless = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nyes"
        async with _serving(endless) as (server, url), http_client() as client:
            async with client.stream("GET", url) as response:
                async for chunk in response.aiter_bytes():
                    assert chunk == b"yes"
                    break
            await asyncio.wait_for(server.left.wait(), 10)

    asyncio.run(check())


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's certificate for 127.0.0.1, signed by itself, and the file of it."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a server of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, key_file = tmp_path / "server.pem", tmp_path / "server.key"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key_file)
    return context, file


@pytest.fixture
def fresh_trust() -> Iterator[Callable[[], None]]:
    """The trusted certificates are read again within and after the test."""
    tls.cache_clear()
    yield tls.cache_clear
    tls.cache_clear()


def test_only_a_trusted_certificate_will_do(
    certificate: tuple[ssl.SSLContext, Path], fresh_trust: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    context, file = certificate

    async def ask() -> str:
        async with _serving(YES, certificate=context) as (_, url), http_client() as client:
            return (await client.get(url)).text

    with pytest.raises(httpx2.ConnectError, match="certificate"):
        asyncio.run(ask())
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    fresh_trust()
    assert asyncio.run(ask()) == "yes"


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
