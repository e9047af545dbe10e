"""What all clients share around an SDK: loading it, its connections, its time limit, its exceptions.

Here: `sdk_required`, `http_client`, `made_once`, `translated`, `lines_of`, `stainless_errors`, `checked_url`. An SDK is
imported only by the client that uses it, when the client is made. Not here: what a status means (`classify.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

from qgen_dagster.config.addresses import http_address
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.classify import Caller, connection_error, malformed, status_error, timeout_error

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
INSTALL_HINT = 'pip install "qgen[llm]"'
CONNECT_SECONDS = 10.0
# More connections than any pool of calls asks for: waiting is the limiter's business, not the connection pool's.
MAX_CONNECTIONS = 1_000

# From an exception of an SDK to ours; None for one that is no SDK's, which then is a bug and passes.
Translate = Callable[[Caller, Exception], ProviderError | None]


@contextmanager
def sdk_required(provider: str, package: str) -> Iterator[None]:
    """Around the import of an SDK. Raises ConfigurationError where it is not installed."""
    try:
        yield
    except ImportError as error:
        message = f"provider {provider} needs the package {package}: {error}"
        raise ConfigurationError(message, hint=INSTALL_HINT) from error


def http_client() -> httpx2.AsyncClient:
    """A connection pool for one client, within one event loop. The caller closes it.

    It never times out by itself between bytes: `made_once` limits a call as a whole, so that a server that sends one
    byte now and then is not waited for for ever.
    """
    with sdk_required("of language models", "aiohttp"):
        import httpx2

        from qgen_dagster.generation.providers.connections import AiohttpTransport, tls

    return httpx2.AsyncClient(
        # The library reads the environment's proxies only where it makes the transport itself.
        transport=None if getproxies() else AiohttpTransport(),
        verify=tls(),
        timeout=httpx2.Timeout(None, connect=CONNECT_SECONDS),
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
        follow_redirects=True,
    )


async def made_once(call: Awaitable[T], caller: Caller, seconds: float, translate: Translate) -> T:
    """The call's result. Raises ProviderError after `seconds`, or what `translate` makes of an exception.

    The SDK's exception is dropped, since it carries the request with its key.
    """
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        raise timeout_error(caller, seconds) from None
    except Exception as error:
        ours = translate(caller, error)
        if ours is None:
            raise
        raise ours from None


@asynccontextmanager
async def translated(caller: Caller, translate: Translate) -> AsyncIterator[None]:
    """Around a stream of results: an SDK's exceptions become ProviderError."""
    try:
        yield
    except Exception as error:
        ours = translate(caller, error)
        if ours is None:
            raise
        raise ours from None


async def lines_of(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """The lines that are not blank, split at line feeds only: JSON may hold characters that end lines elsewhere."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line.decode()
    if rest.strip():
        yield rest.decode()


def stainless_errors(sdk: Any) -> Translate:
    """For the SDKs of OpenAI and Anthropic, whose exceptions have the same names and attributes."""

    def translate(caller: Caller, error: Exception) -> ProviderError | None:
        if isinstance(error, sdk.APITimeoutError):
            return timeout_error(caller, CONNECT_SECONDS)
        if isinstance(error, sdk.APIConnectionError):
            return connection_error(caller, error.__cause__)
        if isinstance(error, sdk.APIStatusError):
            return status_error(caller, error.status_code, error.response.text, error.response.headers)
        if isinstance(error, sdk.APIError):
            return malformed(caller, f"an answer that the SDK cannot read: {error.message}")
        return transport_error(caller, error)

    return translate


def transport_error(caller: Caller, error: Exception) -> ProviderError | None:
    """For what the HTTP library and reading JSON raise, where an SDK lets it through."""
    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return timeout_error(caller, CONNECT_SECONDS)
    if isinstance(error, httpx2.DecodingError):
        return malformed(caller, f"an answer that cannot be decoded: {error}")
    if isinstance(error, httpx2.HTTPError):
        return connection_error(caller, error)
    if isinstance(error, (json.JSONDecodeError, UnicodeDecodeError, RecursionError)):
        return malformed(caller, f"an answer that the SDK cannot read: {error}")
    return None


def checked_url(name: str, value: str) -> str:
    """The URL. Raises ConfigurationError for one that is no http address."""
    http_address(name, value.strip(), hint="It looks like http://localhost:11434/v1.")
    return value.strip()


def host_of(url: str) -> str:
    """Host and port of a URL, without user name and password, for messages."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname or "")
