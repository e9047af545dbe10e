"""The list of alerts."""

from __future__ import annotations

from typing import get_args

from fastapi import APIRouter, Request
from fastapi.responses import Response

from qgen_dagster.api.alerts import AlertQuery
from qgen_dagster.api.dashboard.forms import checked, given_in
from qgen_dagster.api.dashboard.pages import Section, pager, render
from qgen_dagster.api.dashboard.sessions import Visit
from qgen_dagster.api.runs import bank_of, check_page
from qgen_dagster.services import admin_reads
from qgen_dagster.tracking.admin_schemas import AlertState

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
        states=get_args(AlertState),
        strata={stratum.key: stratum for stratum in request.app.state.settings.taxonomy.strata},
    )
