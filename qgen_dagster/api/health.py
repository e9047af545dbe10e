"""`/healthz`, `/readyz` and `/metrics`.

Not here: counting requests (`limits.py`), what the numbers are (`services/health.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel

from qgen_dagster.api.bodies import answer
from qgen_dagster.api.limits import RequestCounts
from qgen_dagster.api.problems import responses
from qgen_dagster.api.runs import bank_of, now
from qgen_dagster.api.security import Reader
from qgen_dagster.services import health

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
router = APIRouter(tags=["Health"])
Sample = tuple[dict[str, str], float]


class Health(BaseModel):
    """All is well."""

    status: Literal["ok"]


@router.get("/healthz", response_model=Health)
async def healthz() -> Response:
    """Whether this process answers. Needs no key."""
    return answer({"status": "ok"})


@router.get("/readyz", response_model=Health, responses=responses(503))
def readyz(request: Request) -> Response:
    """Whether the database answers and has the right schema. Needs no key; says no more than yes or no."""
    health.check(bank_of(request))
    return answer({"status": "ok"})


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **responses(401, 403, 429, 503)},
)
def metrics(request: Request, _who: Reader) -> Response:
    """Stock, runs, alerts and requests, for Prometheus."""
    found = health.gauges(bank_of(request), request.app.state.settings, now())
    counts: RequestCounts = request.app.state.counts
    lines = [*_gauges(found), *_requests(counts)]
    return Response("\n".join(lines) + "\n", media_type=PROMETHEUS)


def _gauges(found: health.Gauges) -> Iterator[str]:
    yield from _family(
        "qgen_questions_active",
        "gauge",
        "Active questions by stratum.",
        [({"stratum": key}, count) for key, count in found.active.items()],
    )
    yield from _family(
        "qgen_questions_missing",
        "gauge",
        "Questions missing to the target by stratum.",
        [({"stratum": key}, count) for key, count in found.missing.items()],
    )
    yield from _family(
        "qgen_runs_last_30_days",
        "gauge",
        "Runs that started in the last 30 days by status.",
        [({"status": status}, count) for status, count in found.runs.items()],
    )
    yield from _family(
        "qgen_inserted_last_30_days", "gauge", "Questions inserted in the last 30 days.", [({}, found.inserted)]
    )
    yield from _family(
        "qgen_cost_usd_last_30_days", "gauge", "What these runs cost, as far as known.", [({}, found.cost_usd)]
    )
    yield from _family(
        "qgen_low_success_streak", "gauge", "Newest runs in a row below half success.", [({}, found.streak)]
    )
    yield from _family(
        "qgen_alerts_unresolved",
        "gauge",
        "Alerts that are not resolved by severity.",
        [({"severity": severity}, count) for severity, count in found.alerts.items()],
    )


def _requests(counts: RequestCounts) -> Iterator[str]:
    yield from _family(
        "qgen_http_requests_total",
        "counter",
        "Requests by method, route and status.",
        [({"method": m, "route": r, "status": str(s)}, n) for (m, r, s), n in sorted(counts.requests.items())],
    )
    yield from _family(
        "qgen_http_request_seconds_total",
        "counter",
        "Seconds that requests took by method and route.",
        [({"method": m, "route": r}, n) for (m, r), n in sorted(counts.seconds.items())],
    )


def _family(name: str, kind: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {about}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        inside = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        yield f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
