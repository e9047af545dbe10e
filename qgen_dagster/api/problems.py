"""Every error as problem details (RFC 9457), or, for a browser, as a page.

Here: `Problem` and the handlers that turn whatever goes wrong into one. A problem never repeats what was sent, and
never shows what went on inside. Not here: what the errors mean (`core/errors.py`, the services), how a page looks
(`dashboard/`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.routing import Match

from qgen_dagster.core.errors import DatabaseError, QgenError
from qgen_dagster.services.run_reports import ReportConflict, ReportRefused
from qgen_dagster.services.run_statistics import PeriodRefused

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
log = logging.getLogger("qgen_dagster.api")


class FieldError(BaseModel):
    """What is wrong with one part of a request."""

    where: str = Field(examples=["body.questions_requested"])
    message: str = Field(examples=["Input should be greater than or equal to 0"])


class ProblemDetails(BaseModel):
    """An error (RFC 9457). `type` is about:blank: the status says what kind it is."""

    type: str = "about:blank"
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str | None = None
    errors: list[FieldError] | None = None


class Problem(Exception):
    """Ends a request with problem details."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[FieldError] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = list(errors)[:MAX_ERRORS] if errors else None
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The answer."""
        details = ProblemDetails(
            title=HTTPStatus(self.status).phrase, status=self.status, detail=self.detail, errors=self.errors
        )
        content = to_json(details.model_dump(exclude_none=True))
        return Response(content, self.status, headers=self.headers, media_type=MEDIA_TYPE)


PageOf = Callable[[Request, Problem], Response | None]


def install(app: FastAPI, page_of: PageOf) -> None:
    """Has every error of the app answered as a problem: as the page that `page_of` makes of it, if any, or as JSON."""
    app.state.page_of = page_of
    handlers: dict[Any, Any] = {
        Problem: _problem,
        RequestValidationError: _invalid,
        HTTPException: _http,
        QgenError: _known,
        Exception: _unexpected,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def described(errors: Sequence[Any], prefix: tuple[str, ...] = ()) -> list[FieldError]:
    """Pydantic's errors as ours, without the input."""
    return [
        FieldError(
            where=".".join(str(part) for part in (*prefix, *error["loc"]))[:200],
            message=str(error["msg"]).removeprefix("Value error, ")[:500],
        )
        for error in errors[:MAX_ERRORS]
    ]


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route can end with, for the OpenAPI document."""
    documented = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": documented} for status in statuses}


def _told(request: Request, problem: Problem) -> Response:
    page_of: PageOf = request.app.state.page_of
    return page_of(request, problem) or problem.response()


async def _problem(request: Request, error: Problem) -> Response:
    return _told(request, error)


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    return _told(request, Problem(422, "The request does not fit.", errors=described(error.errors())))


async def _http(request: Request, error: HTTPException) -> Response:
    texts = {404: "There is nothing at this address.", 405: "This address does not take this method."}
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request))
    detail = texts.get(error.status_code, str(error.detail))
    return _told(request, Problem(error.status_code, detail, headers=headers))


def _methods(request: Request) -> list[str]:
    """What the address takes: each of its methods is a route of its own, and the router knows only the first."""
    fitting = [route for route in request.app.state.routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in fitting for method in getattr(route, "methods", None) or ()})


async def _known(request: Request, error: QgenError) -> Response:
    return _told(request, _as_problem(error))


def _as_problem(error: QgenError) -> Problem:
    if isinstance(error, ReportConflict):
        return Problem(409, str(error))
    if isinstance(error, ReportRefused | PeriodRefused):
        return Problem(422, str(error))
    log.error("request failed: %s", error.message)
    if isinstance(error, DatabaseError):
        text = "The database does not answer at the moment; nothing was stored."
        return Problem(503, text, headers={"Retry-After": "5"})
    return Problem(500, "This server is not set up right; its log says how.")


async def _unexpected(request: Request, _error: Exception) -> Response:
    return _told(request, Problem(500, "This is a bug in qgen; the server's log has more."))
