"""How a page comes about: template, navigation, headers; and the page of an error.

Not here: which pages there are (`sections.py`), who may see them (`sessions.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qgen_dagster.api.dashboard.assets import asset_url
from qgen_dagster.api.dashboard.charts import share_bar
from qgen_dagster.api.dashboard.links import dagster_link
from qgen_dagster.api.dashboard.sessions import COOKIE, Session, Sessions
from qgen_dagster.api.dashboard.wording import FILTERS, plural
from qgen_dagster.api.problems import Problem
from qgen_dagster.api.sharing import Sharing
from qgen_dagster.config.settings import Settings

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY"}
T = TypeVar("T")
FOR_MACHINES = ("/v1", "/metrics", "/healthz", "/readyz", "/openapi.json", "/docs")


@dataclass(frozen=True)
class Section:
    """A part of the dashboard: its name in the navigation, where it begins, and its routes."""

    title: str
    path: str
    router: APIRouter


@dataclass(frozen=True)
class Pager:
    """Where a list's page stands; addresses of the pages before and after it, where there are any."""

    page: int
    pages: int
    total: int
    is_exact: bool
    before: str | None
    after: str | None


def render(
    request: Request,
    session: Session | None,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **content: Any,
) -> Response:
    """A template as an answer."""
    settings: Settings = request.app.state.settings
    html = (
        _environment()
        .get_template(template)
        .render(
            session=session,
            sections=request.app.state.sections,
            here=request.url.path,
            has_keys=request.app.state.doorkeeper.asks_for_keys,
            dagster=dagster_link(settings.dagster_url, request.url.hostname or ""),
            **content,
        )
    )
    return HTMLResponse(html, status, headers={**HEADERS, **(headers or {})})


async def shared(request: Request, key: Hashable, compute: Callable[[], T]) -> T:
    """What many screens ask for at once is computed once, and never before it was asked for."""
    sharing: Sharing = request.app.state.sharing
    return await sharing.get(("dashboard", key), compute)


def error_page(request: Request, problem: Problem) -> Response | None:
    """The problem as a page, for who asks for pages; None for a program."""
    path = request.url.path
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or any(path == start or path.startswith(f"{start}/") for start in FOR_MACHINES):
        return None
    sessions: Sessions = request.app.state.sessions
    return render(
        request,
        sessions.find(request.cookies.get(COOKIE)),
        "error.html",
        status=problem.status,
        headers=problem.headers,
        title=HTTPStatus(problem.status).phrase,
        problem=problem,
    )


def pager(request: Request, page: int, size: int, total: int, *, is_exact: bool) -> Pager:
    """The pager of the list at this address. Raises Problem 404 for a page beyond the last."""
    pages = max(1, -(-total // size))
    if page > pages:
        raise Problem(404, f"There are {plural(pages, 'page')}.")
    return Pager(
        page=page,
        pages=pages,
        total=total,
        is_exact=is_exact,
        before=_page_address(request, page - 1) if page > 1 else None,
        after=_page_address(request, page + 1) if page < pages else None,
    )


def _page_address(request: Request, page: int) -> str:
    kept = [(name, value) for name, value in request.query_params.multi_items() if value and name != "page"]
    return f"{request.url.path}?{urlencode([*kept, ('page', page)])}"


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(FILTERS)
    made.globals.update(asset=asset_url, plural=plural, link_to=link_to, share_bar=share_bar)
    return made


def link_to(path: str, **query: object) -> str:
    """An address of ours with a query."""
    return f"{path}?{urlencode(query)}"
