"""The sections of the dashboard, in the order of its navigation, and putting them into the app.

A new section is a module with a `SECTION`, named here once.
"""

from __future__ import annotations

from fastapi import FastAPI

from qgen_dagster.api.dashboard import alerts, assets, compare, drills, login, overview, questions, runs
from qgen_dagster.api.dashboard.sessions import LoginNeeded, Sessions, lead_to_login

SECTIONS = (
    overview.SECTION,
    runs.SECTION,
    compare.SECTION,
    questions.SECTION,
    drills.SECTION,
    alerts.SECTION,
)


def install(app: FastAPI) -> None:
    """Gives the app its pages. Its `state.routes` must be there already."""
    app.state.sections = SECTIONS
    app.state.sessions = Sessions()
    for router in (assets.router, login.router, *(section.router for section in SECTIONS)):
        app.include_router(router, include_in_schema=False)
        app.state.routes += router.routes
    app.add_exception_handler(LoginNeeded, lead_to_login)
