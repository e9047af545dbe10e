"""Reading what is sent and writing what is answered, as JSON.

Bodies are checked strictly: a number in quotes is no number, an unknown field is refused. Not here: the shapes
themselves (`tracking/run_schemas.py`, the routes' modules), limits (`limits.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, StringConstraints, ValidationError, WithJsonSchema

from qgen_dagster.api.problems import Problem, described
from qgen_dagster.core.question import PRINTABLE

M = TypeVar("M", bound=BaseModel)
_RFC3339 = re.compile(r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$", re.ASCII)


def body_of(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency that reads the body as `model`.

    Raises Problem: 415 for another type, 400 for what is no JSON, 422 for what does not fit.
    """

    async def read(request: Request) -> M:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise Problem(415, "The body must be application/json.", headers={"Accept": "application/json"})
        try:
            return model.model_validate_json(await request.body(), strict=True)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            if found[0]["type"] == "json_invalid":
                raise Problem(400, "The body is not valid JSON.") from None
            raise Problem(422, "The body does not fit.", errors=described(found, ("body",))) from None

    return read


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI extra that says that a route takes `model`, which `body_of` reads."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """The content as JSON: models, rows, ids and dates as they are. Nothing is checked again on the way out."""
    if isinstance(content, BaseModel):
        return Response(content.model_dump_json(), status, headers=headers, media_type="application/json")
    text = json.dumps(content, default=_plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Response(text, status, headers=headers, media_type="application/json")


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _rfc3339(value: object) -> object:
    if not isinstance(value, str):
        return value
    # A + that nobody escaped arrives as a blank.
    value = re.sub(r" (?=\d\d:\d\d$)", "+", value)
    if not _RFC3339.match(value):
        raise ValueError("must be a date and time with a zone, such as 2026-03-01T00:00:00Z")
    return value


When = Annotated[AwareDatetime, BeforeValidator(_rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})]
FilterText = Annotated[str, StringConstraints(min_length=1, max_length=130, pattern=PRINTABLE)]
