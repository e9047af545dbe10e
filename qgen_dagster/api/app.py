"""The app: the API's routes and the dashboard's, keys, limits and errors joined, and the OpenAPI document.

Not here: the routes themselves, listening on an address (`server.py`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi_offline import FastAPIOffline
from pydantic.json_schema import models_json_schema

from qgen_dagster.api import alerts, drills, health, problems, runs, stock
from qgen_dagster.api.dashboard import sections
from qgen_dagster.api.dashboard.pages import error_page
from qgen_dagster.api.limits import BodyLimits, Counting, RequestCounts
from qgen_dagster.api.problems import ProblemDetails
from qgen_dagster.api.security import Doorkeeper
from qgen_dagster.api.sharing import Sharing
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.service_keys import ServiceKey
from qgen_dagster.config.settings import Settings
from qgen_dagster.tracking.admin_schemas import Acknowledgement, Deactivation, MuteEnd, MuteRequest
from qgen_dagster.tracking.run_schemas import QuestionGenerationRunCreate

# Threads that answer at the same time, each with a connection: eight of them took a tenth longer, in each other's way.
THREADS = 4
# Read or written past FastAPI's own machinery.
_SENT = (QuestionGenerationRunCreate, Deactivation, Acknowledgement, MuteRequest, MuteEnd, ProblemDetails)
ABOUT = """
What the pipeline did, and what the bank holds.

Every request under `/v1/admin` needs the header `X-Service-Key`. Errors are problem details (RFC 9457). Dates carry a
zone; rates are 0–1, and null where nothing was measured.
"""
TAGS = [
    {"name": "Runs", "description": "Executions of the pipeline: reported, listed, added up, compared."},
    {"name": "Stock", "description": "How many active questions each stratum has."},
    {"name": "Questions", "description": "The bank."},
    {"name": "Batches", "description": "Questions asked for in one call."},
    {"name": "Drills", "description": "Series of backgammon drills."},
    {"name": "Alerts", "description": "What an operator should look at."},
    {"name": "Health", "description": "For load balancers and monitors."},
]


def create_app(bank: Bank, settings: Settings, keys: Sequence[ServiceKey]) -> FastAPI:
    """The app over an open bank. Without keys it lets everybody in who asks for it by a local name."""
    app = FastAPIOffline(
        title="qgen admin API",
        version=_version(),
        description=ABOUT.strip(),
        openapi_tags=TAGS,
        docs_url="/docs",
        redoc_url=None,
        static_url="/docs/assets",
        separate_input_output_schemas=False,
        redirect_slashes=False,
        lifespan=_limit_threads,
    )
    app.state.bank = bank
    app.state.settings = settings
    app.state.doorkeeper = Doorkeeper(keys)
    app.state.counts = RequestCounts()
    app.state.sharing = Sharing()
    app.state.routes = list(app.routes)
    for router in (runs.router, stock.router, alerts.router, drills.router, health.router):
        app.include_router(router)
        app.state.routes += router.routes
    sections.install(app)
    problems.install(app, error_page)
    app.add_middleware(BodyLimits)
    app.add_middleware(Counting, counts=app.state.counts)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, without a database."""
    return create_app(Bank("postgresql://nowhere/qgen"), Settings(home=Path("nowhere")), ()).openapi()


@asynccontextmanager
async def _limit_threads(_app: FastAPI) -> AsyncIterator[None]:
    import anyio.to_thread

    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=TAGS,
            separate_input_output_schemas=False,
        )
        _, own = models_json_schema(
            [(model, "validation") for model in _SENT], ref_template="#/components/schemas/{model}"
        )
        schemas = document["components"]["schemas"]
        schemas.update(own["$defs"])
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = document
    return app.openapi_schema


def _version() -> str:
    try:
        return version("qgen")
    except PackageNotFoundError:
        return "0"
