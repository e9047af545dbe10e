"""Reading what a browser sends: forms with their token, and queries in which empty fields are left out.

Not here: what a form does, the API's own bodies (`../bodies.py`).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar, get_origin
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from qgen_dagster.api.dashboard.sessions import Session, WritingVisit, visit
from qgen_dagster.api.problems import Problem, described

MAX_FIELDS = 20
TOKEN = "form_token"  # noqa: S105 - the name of a field
KIND = "application/x-www-form-urlencoded"
M = TypeVar("M", bound=BaseModel)


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form. Raises Problem: 415 for another type, 400 for what is no form, 403 from another site."""
    if request.headers.get("sec-fetch-site") == "cross-site":
        raise Problem(403, "This form comes from another site.")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise Problem(415, "This address takes a form.", headers={"Accept": KIND})
    try:
        pairs = parse_qsl((await request.body()).decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise Problem(400, "This is not a form that can be read.") from None
    return {name: value.strip() for name, value in pairs}


async def read_sound_form(request: Request, session: Annotated[Session, Depends(visit)]) -> dict[str, str]:
    """The fields of a form that one of our own pages of this session sent. Raises Problem 403 for any other."""
    form = await read_form(request)
    if not hmac.compare_digest(form.pop(TOKEN, "").encode(), session.form_token.encode()):
        raise Problem(403, "This form is too old. Go back, load the page again, and send it once more.")
    return form


async def _write_form(_session: WritingVisit, form: Annotated[dict[str, str], Depends(read_sound_form)]) -> Any:
    return form


WriteForm = Annotated[dict[str, str], Depends(_write_form)]  # who may not write learns nothing about the form


def query_of(request: Request, model: type[M], changed: Mapping[str, Any] | None = None) -> M:
    """The query as `model`; fields that were left empty are not there. Raises Problem 422 for what does not fit."""
    given = {**given_in(request, lists=_lists(model)), **(changed or {})}
    return checked(model, given)


def checked(model: type[M], values: Mapping[str, Any]) -> M:
    """The values as `model`. Raises Problem 422 for what does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        found = described(error.errors(include_url=False, include_input=False))
        raise Problem(422, "Something here does not fit.", errors=found) from None


def given_in(request: Request, lists: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of the query that are not empty; those in `lists` with all their values."""
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if value.strip() and name in lists:
            values.setdefault(name, []).append(value.strip())
        elif value.strip():
            values[name] = value.strip()
    return values


def _lists(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)
