"""Logging in with a service key, and out.

The key comes in a POST and is kept nowhere. Wrong ones count with those of the API. Not here: sessions (`sessions.py`).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from qgen_dagster.api.dashboard.forms import read_form, read_sound_form
from qgen_dagster.api.dashboard.pages import render
from qgen_dagster.api.dashboard.sessions import COOKIE, LOGIN, SECONDS, Sessions, address_of
from qgen_dagster.api.problems import Problem
from qgen_dagster.api.security import Doorkeeper

router = APIRouter()
Form = Annotated[dict[str, str], Depends(read_form)]
SoundForm = Annotated[dict[str, str], Depends(read_sound_form)]


@router.get(LOGIN)
def login_page(request: Request) -> Response:
    """The page that asks for a key."""
    sessions: Sessions = request.app.state.sessions
    after = _local(request.query_params.get("next", "/"))
    if not request.app.state.doorkeeper.asks_for_keys or sessions.find(request.cookies.get(COOKIE)):
        return RedirectResponse(after, 303)
    return render(request, None, "login.html", after=after, problem=None)


@router.post(LOGIN)
def log_in(request: Request, form: Form) -> Response:
    """A right key opens a session; a wrong one gets the page again."""
    doorkeeper: Doorkeeper = request.app.state.doorkeeper
    after = _local(form.get("next", "/"))
    try:
        visitor = doorkeeper.identify(form.get("key"), address_of(request), request.headers.get("host", ""))
    except Problem as problem:
        wait = {name: value for name, value in problem.headers.items() if name == "Retry-After"}
        return render(request, None, "login.html", status=problem.status, headers=wait, after=after, problem=problem)
    sessions: Sessions = request.app.state.sessions
    sessions.close(request.cookies.get(COOKIE))
    answer = RedirectResponse(after, 303)
    # A proxy before us may speak https; believing it can only make the cookie stricter.
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    answer.set_cookie(
        COOKIE, sessions.open(visitor), max_age=SECONDS, httponly=True, samesite="strict", secure=secure, path="/"
    )
    return answer


@router.post("/logout")
def log_out(request: Request, _form: SoundForm) -> Response:
    """Ends the session."""
    sessions: Sessions = request.app.state.sessions
    sessions.close(request.cookies.get(COOKIE))
    answer = RedirectResponse(LOGIN, 303)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


def _local(path: str) -> str:
    """The path, if it leads nowhere but to a page of ours."""
    sound = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and "\\" not in path
    return path if sound and len(path) < 2_000 else "/"
