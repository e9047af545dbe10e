"""Who may use the API: `X-Service-Key`, scopes, and a limit on failures.

Here: `Doorkeeper` and the dependency that a route names its scope with. Not here: the form of the setting
(`config/service_keys.py`).
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import APIKeyHeader

from qgen_dagster.api.problems import Problem
from qgen_dagster.config.service_keys import Scope, ServiceKey

HEADER = "X-Service-Key"
FAILURES = 20  # wrong keys that one address may send …
WINDOW_SECONDS = 60.0  # … in this time, before it is told to wait
MAX_ADDRESSES = 10_000
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_LONGEST_KEY = 1_000

_header = APIKeyHeader(
    name=HEADER, scheme_name="ServiceKey", description="A key of QGEN_SERVICE_KEYS.", auto_error=False
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who was let in."""

    name: str
    scope: Scope

    def may(self, scope: Scope) -> bool:
        """Whether their key is good for that; `write` includes `read`."""
        return scope == "read" or self.scope == "write"


class Doorkeeper:
    """Knows the keys. Without keys (`--insecure-local`) it lets in whoever asks for this machine by a local name."""

    def __init__(
        self, keys: Sequence[ServiceKey], clock: Callable[[], float] = time.monotonic, failures: int = FAILURES
    ) -> None:
        self._keys = [(key.key.encode(), key) for key in keys]
        self._clock = clock
        self._most = failures
        self._failures: dict[str, list[float]] = {}

    @property
    def asks_for_keys(self) -> bool:
        return bool(self._keys)

    def admit(self, scope: Scope, given: str | None, address: str, host: str) -> str:
        """The name of who asks. Raises Problem: 401 for a missing or wrong key, 403 for a scope, 429 for too many."""
        visitor = self.identify(given, address, host)
        if not visitor.may(scope):
            raise Problem(403, "This key may only read.")
        return visitor.name

    def identify(self, given: str | None, address: str, host: str) -> Visitor:
        """Who asks, by their key. Raises Problem: 401 for a missing or wrong key, 429 for too many, 403 without keys.

        Only failures count against the limit: a right key is always let in, so that nobody can lock others out.
        """
        if not self._keys:
            # A page of another site that has pointed its own name at 127.0.0.1 is no local caller.
            if host.rpartition(":")[0] not in LOCAL_HOSTS and host not in LOCAL_HOSTS:
                raise Problem(403, "Without keys this server answers only under a local name.")
            return Visitor("local", "write")
        found = self._find(given)
        if found is None:
            raise self._refusal(address)
        return Visitor(found.name, found.scope)

    def _find(self, given: str | None) -> ServiceKey | None:
        # Starlette hands headers over as Latin-1; every key is compared, so that time tells nothing.
        sent = (given or "").encode("latin-1", errors="replace")[:_LONGEST_KEY]
        matches = [key for secret, key in self._keys if hmac.compare_digest(secret, sent)]
        return matches[0] if matches else None

    def _refusal(self, address: str) -> Problem:
        now = self._clock()
        recent = [at for at in self._failures.pop(address, []) if now - at < WINDOW_SECONDS]
        if len(self._failures) >= MAX_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        if len(recent) >= self._most:
            self._failures[address] = recent
            wait = max(1, round(WINDOW_SECONDS - (now - recent[0])))
            return Problem(429, "Too many wrong keys; wait.", headers={"Retry-After": str(wait)})
        self._failures[address] = [*recent, now]
        return Problem(401, f"A valid {HEADER} is needed.", headers={"WWW-Authenticate": "ApiKey"})


def _admitting(scope: Scope) -> Callable[..., Any]:
    async def admit(request: Request, key: Annotated[str | None, Security(_header)]) -> str:
        doorkeeper: Doorkeeper = request.app.state.doorkeeper
        address = request.client.host if request.client else ""
        return doorkeeper.admit(scope, key, address, request.headers.get("host", ""))

    return admit


Reader = Annotated[str, Security(_admitting("read"))]
Writer = Annotated[str, Security(_admitting("write"))]
