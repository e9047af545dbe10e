"""Who looks at the dashboard: sessions, and the cookie that names one.

A service key opens a session; the cookie holds nothing but a random name for it. Sessions live in this process's
memory: they end by themselves, by logging out, and with the server. Not here: the page to log in (`login.py`), keys
(`../security.py`).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from qgen_dagster.api.problems import Problem
from qgen_dagster.api.security import Doorkeeper, Visitor

COOKIE = "qgen_session"
SECONDS = 12 * 3600
MAX_SESSIONS = 1_000
LOGIN = "/login"


@dataclass(frozen=True, slots=True)
class Session:
    """A visitor, the token that their forms must carry, and when they must log in again (on the server's clock)."""

    visitor: Visitor
    form_token: str
    ends_at: float


class LoginNeeded(Exception):
    """Ends a request of somebody who is not logged in."""


class Sessions:
    """Open sessions by the digest of their cookie. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[bytes, Session] = {}
        self._lock = threading.Lock()
        self._local_token = secrets.token_urlsafe(32)

    def open(self, visitor: Visitor) -> str:
        """A new session; the value of its cookie. The oldest session makes room where there are too many."""
        name = secrets.token_urlsafe(32)
        session = Session(visitor, secrets.token_urlsafe(32), self._clock() + SECONDS)
        with self._lock:
            self._open = {digest: s for digest, s in self._open.items() if s.ends_at > self._clock()}
            while len(self._open) >= MAX_SESSIONS:
                del self._open[next(iter(self._open))]
            self._open[_digest(name)] = session
        return name

    def find(self, name: str | None) -> Session | None:
        """The open session of a cookie's value."""
        with self._lock:
            session = self._open.get(_digest(name)) if name else None
        return session if session is not None and session.ends_at > self._clock() else None

    def close(self, name: str | None) -> None:
        """Ends a session, if it is one."""
        with self._lock:
            self._open.pop(_digest(name or ""), None)

    def local(self, visitor: Visitor) -> Session:
        """The session of whoever sits at this machine, on a server without keys."""
        return Session(visitor, self._local_token, float("inf"))


async def visit(request: Request) -> Session:
    """The session of the request. Raises LoginNeeded, or Problem 403 where only local names are answered."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    sessions: Sessions = request.app.state.sessions
    if not doorkeeper.asks_for_keys:
        return sessions.local(doorkeeper.identify(None, address_of(request), request.headers.get("host", "")))
    found = sessions.find(request.cookies.get(COOKIE))
    if found is None:
        raise LoginNeeded
    return found


async def visit_to_write(session: Annotated[Session, Depends(visit)]) -> Session:
    """As `visit`. Raises Problem 403 for a key that may only read."""
    if not session.visitor.may("write"):
        raise Problem(403, "Your key may only read.")
    return session


Visit = Annotated[Session, Depends(visit)]
WritingVisit = Annotated[Session, Depends(visit_to_write)]


def address_of(request: Request) -> str:
    """Who is connected."""
    return request.client.host if request.client else ""


async def lead_to_login(request: Request, _error: Exception) -> Response:
    """To the login page, and back here afterwards."""
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Refresh": "true"})
    if request.method != "GET":
        return RedirectResponse(LOGIN, 303)
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("sec-fetch-site") == "cross-site":
        # The cookie does not come along with a link on another site; going here from here, it does.
        return HTMLResponse('<!doctype html><meta http-equiv="refresh" content="0"><title>qgen</title>')
    return RedirectResponse(f"{LOGIN}?next={quote(here, safe='')}" if here != "/" else LOGIN, 303)


def _digest(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", errors="replace")).digest()
