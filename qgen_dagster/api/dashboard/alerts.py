"""The list of alerts, and saying that somebody knows of one."""

from __future__ import annotations

from typing import get_args
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from qgen_dagster.api.alerts import AlertQuery
from qgen_dagster.api.dashboard.forms import WriteForm, checked, given_in
from qgen_dagster.api.dashboard.pages import Section, pager, render
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.problems import Problem
from qgen_dagster.api.runs import bank_of, check_page, now
from qgen_dagster.services import admin_reads, alert_desk
from qgen_dagster.tracking.admin_schemas import Acknowledgement, AlertState

router = APIRouter()
SECTION = Section("Alerts", "/alerts", router)
PAGE_SIZE = 25


@router.get("/alerts")
def list_alerts(request: Request, session: Visit) -> Response:
    """Alerts, newest first."""
    given = given_in(request, lists=frozenset({"state"}))
    query = checked(AlertQuery, {**given, "page_size": PAGE_SIZE})
    equal = {name: getattr(query, name) for name in ("severity", "rule", "subject")}
    offset = check_page(query.page, PAGE_SIZE)
    states = sorted(set(query.state))
    found = admin_reads.find_alerts(bank_of(request), equal, states, limit=PAGE_SIZE, offset=offset)
    return render(
        request,
        session,
        "alerts.html",
        alerts=found.rows,
        pager=pager(request, query.page, PAGE_SIZE, found.total, is_exact=found.is_exact),
        given=given,
        query=request.url.query,
        states=get_args(AlertState),
        strata={stratum.key: stratum for stratum in request.app.state.settings.taxonomy.strata},
    )


@router.post("/alerts/{alert_id}/acknowledge")
def acknowledge(request: Request, alert_id: UUID, form: WriteForm) -> Response:
    """Says that somebody knows, who and perhaps why; then shows the list again as it was."""
    told = checked(Acknowledgement, {name: value for name, value in form.items() if value or name != "reason"})
    bank = bank_of(request)
    if admin_reads.read_alert(bank, alert_id) is None:
        raise Problem(404, "There is no such alert.")
    alert_desk.acknowledge(bank, [alert_id], told.actor, now, reason=told.reason)
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/alerts{query}#alert-{alert_id}", 303)
