"""Routes of alerts under `/v1/admin`: what is wrong, who knows, what is kept quiet.

Not here: raising alerts (`services/alerts.py`), stock itself (`stock.py`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import Field

from qgen_dagster.api.bodies import FilterText, answer, body_of, takes
from qgen_dagster.api.problems import Problem, responses
from qgen_dagster.api.runs import COMMON, bank_of, check_page, now
from qgen_dagster.api.security import Reader, Writer
from qgen_dagster.api.stock import PageQuery, page_answer
from qgen_dagster.services import admin_reads, alert_desk
from qgen_dagster.tracking.admin_schemas import (
    Acknowledged,
    Acknowledgement,
    AlertPage,
    AlertRead,
    AlertState,
    AlertSummary,
    MuteEnd,
    MuteList,
    MuteRead,
    MuteRequest,
)

router = APIRouter(prefix="/v1/admin", tags=["Alerts"])


class AlertQuery(PageQuery):
    """Parameters of the list of alerts."""

    state: list[AlertState] = Field(default=[], max_length=10, description="May be repeated.")
    severity: FilterText | None = None
    rule: FilterText | None = None
    subject: FilterText | None = None


@router.get("/alerts", response_model=AlertPage, responses=responses(404, *COMMON))
def list_alerts(request: Request, query: Annotated[AlertQuery, Query()], _who: Reader) -> Response:
    """List alerts, newest first; `?state=open` are those that nobody has dealt with."""
    equal = {name: getattr(query, name) for name in ("severity", "rule", "subject")}
    offset = check_page(query.page, query.page_size)
    states = sorted(set(query.state))
    found = admin_reads.find_alerts(bank_of(request), equal, states, limit=query.page_size, offset=offset)
    return page_answer("alerts", found, query)


@router.get("/alerts/{alert_id}", response_model=AlertRead, responses=responses(404, *COMMON))
def read_alert(request: Request, alert_id: UUID, _who: Reader) -> Response:
    """One alert, with where its messages went."""
    row = admin_reads.read_alert(bank_of(request), alert_id)
    if row is None:
        raise Problem(404, "There is no such alert.")
    return answer({name: row[name] for name in AlertRead.model_fields})


@router.post(
    "/alerts/{alert_id}/acknowledge",
    response_model=Acknowledged,
    openapi_extra=takes(Acknowledgement),
    responses=responses(400, 404, 413, 415, *COMMON),
)
def acknowledge_alert(
    request: Request,
    alert_id: UUID,
    _who: Writer,
    told: Annotated[Acknowledgement, Depends(body_of(Acknowledgement))],
) -> Response:
    """Say that somebody knows. It is not told again unless it gets worse; its end is told."""
    bank = bank_of(request)
    changed = alert_desk.acknowledge(bank, [alert_id], told.actor.strip(), now, reason=told.reason)
    row = admin_reads.read_alert(bank, alert_id)
    if row is None:
        raise Problem(404, "There is no such alert.")
    alert = {name: row[name] for name in AlertSummary.model_fields}
    return answer({"changed": bool(changed), "alert": alert})


@router.get("/alert-mutes", response_model=MuteList, responses=responses(*COMMON))
def list_mutes(request: Request, _who: Reader) -> Response:
    """What is kept quiet now, the longest first."""
    return answer({"mutes": alert_desk.mutes(bank_of(request), now)})


@router.post(
    "/alert-mutes",
    response_model=MuteRead,
    status_code=201,
    openapi_extra=takes(MuteRequest),
    responses=responses(400, 413, 415, *COMMON),
)
def add_mute(request: Request, _who: Writer, told: Annotated[MuteRequest, Depends(body_of(MuteRequest))]) -> Response:
    """Keep quiet about a rule, a subject, or everything. What is still wrong afterwards is told then."""
    made = alert_desk.mute(
        bank_of(request),
        until=now() + timedelta(hours=told.hours),
        who=told.actor.strip(),
        rule=told.rule,
        subject=told.subject,
        reason=told.reason,
        clock=now,
    )
    return answer(made, 201)


@router.post(
    "/alert-mutes/{mute_id}/end",
    response_model=MuteRead,
    openapi_extra=takes(MuteEnd),
    responses=responses(400, 404, 413, 415, *COMMON),
)
def end_mute(
    request: Request, mute_id: UUID, _who: Writer, told: Annotated[MuteEnd, Depends(body_of(MuteEnd))]
) -> Response:
    """End a mute early. One that is over stays as it is."""
    row = alert_desk.end_mute(bank_of(request), mute_id, told.actor.strip(), now)
    if row is None:
        raise Problem(404, "There is no such mute.")
    return answer(row)
