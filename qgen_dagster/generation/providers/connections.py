"""Connections for many calls at a time: aiohttp's, beneath the HTTP library of the SDKs.

Here: `AiohttpTransport`, `tls`. Imports aiohttp and httpx2, so it is itself imported only where a client is made. Not
here: the clients' time limits and errors (`sdk.py`).
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache

import aiohttp
import httpx2
from yarl import URL

KEEP_ALIVE_SECONDS = 5.0
LONGEST_HEADER = 65_536  # bytes
# What aiohttp would add of its own accord; the request has what the SDK wants it to have.
_ADDED = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """As many connections as there are requests at a time, kept for the next ones. For one event loop.

    aiohttp reads and writes HTTP in C. The library's own transport does so in Python, looks at each of its connections
    whenever a request begins or ends, and took twice the CPU time for a call.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response, its body still to be read. Raises httpx2.TransportError."""
        body = await request.aread()
        with _translated():
            response = await self._opened().request(
                request.method,
                # A user name in it is in the headers already, where the library has put it.
                URL(str(request.url), encoded=True).with_user(None),
                headers=request.headers.multi_items(),
                data=body or None,
                allow_redirects=False,
                timeout=_timeout(request),
            )
        return httpx2.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            extensions={"reason_phrase": (response.reason or "").encode("latin-1", "replace")},
        )

    async def aclose(self) -> None:
        """Closes all connections."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:  # only a running loop can have one
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=tls(), keepalive_timeout=KEEP_ALIVE_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_ADDED,
                auto_decompress=False,
                max_line_size=LONGEST_HEADER,
                max_field_size=LONGEST_HEADER,
            )
        return self._session


class _Body(httpx2.AsyncByteStream):
    """A body as it arrives. Read to its end it leaves the connection to other requests; closed before, it ends it."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._response.content.iter_any():
                yield chunk

    async def aclose(self) -> None:
        self._response.close()


def _timeout(request: httpx2.Request) -> aiohttp.ClientTimeout:
    seconds = request.extensions.get("timeout", {})
    return aiohttp.ClientTimeout(sock_connect=seconds.get("connect"), sock_read=seconds.get("read"))


@contextmanager
def _translated() -> Iterator[None]:
    """aiohttp's exceptions as the HTTP library's, which the SDKs know."""
    try:
        yield
    except aiohttp.ConnectionTimeoutError as error:
        raise httpx2.ConnectTimeout(str(error)) from error
    except TimeoutError as error:
        raise httpx2.ReadTimeout(str(error)) from error
    except aiohttp.ClientConnectorError as error:
        raise httpx2.ConnectError(str(error.__cause__ or error)) from error
    except aiohttp.ClientResponseError as error:
        raise httpx2.RemoteProtocolError(error.message) from error
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError) as error:
        raise httpx2.RemoteProtocolError(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise httpx2.ReadError(str(error)) from error


@cache
def tls() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes long enough to do it once for all clients."""
    return httpx2.create_ssl_context()
