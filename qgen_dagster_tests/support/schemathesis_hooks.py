"""What the OpenAPI document cannot say about sound requests: fields that must fit together.

Schemathesis makes requests from the document alone. Those that are meant to be sound are brought into line here, so
that their refusal counts as a finding; those that are meant to be wrong are left alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import schemathesis
from schemathesis.generation import GenerationMode

COUNTS = (
    *("questions_requested", "questions_generated", "questions_evaluated", "questions_approved"),
    *("questions_rejected", "duplicates_found", "exact_duplicates", "semantic_duplicates", "questions_inserted"),
)
TIMES = ("started_at", "completed_at", "heartbeat_at")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Brings a request that is meant to be sound into line."""
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    if isinstance(case.query, dict):
        if case.operation.path.endswith("/timeseries"):
            case.query.pop("since", None)  # so that the period is 30 days, and not too long to be cut into hours
        fit_query(case.query)
    if isinstance(case.body, dict) and "started_at" in case.body:
        fit_report(case.body)


def fit_query(query: dict[str, Any]) -> None:
    """A period that does not end before it begins, rates in order, two different versions."""
    if "since" in query and "until" in query and moment(query["since"]) > moment(query["until"]):
        query["since"], query["until"] = query["until"], query["since"]
    low, high = query.get("min_success_rate"), query.get("max_success_rate")
    if low is not None and high is not None and float(low) > float(high):
        query["min_success_rate"], query["max_success_rate"] = high, low
    versions = query.get("prompt_version")
    if isinstance(versions, list) and len(set(versions)) < len(versions):
        query["prompt_version"] = [f"{version}{place}"[-130:] for place, version in enumerate(versions)]


def fit_report(report: dict[str, Any]) -> None:
    """Times in this century and in order, counts that narrow, scores in order, a rate that fits."""
    for name in TIMES:
        if isinstance(report.get(name), str):
            report[name] = "2026-03-01T02:00:00" + report[name][19:].lstrip("0123456789.")
            if moment(report[name]) is None:
                report[name] = "2026-03-01T02:00:00Z"
    if report.get("completed_at") is not None:
        report["completed_at"] = report["started_at"]
    report.pop("parent_run_id", None)
    if report.get("status") == "running":
        report.pop("completed_at", None)
        report.pop("exit_code", None)
    else:
        report["completed_at"] = report["started_at"]
    for name in COUNTS:
        if name in report:
            report[name] = 0
    scores = sorted(report[n] for n in SCORES if report.get(n) is not None)
    for name, score in zip([n for n in SCORES if report.get(n) is not None], scores, strict=True):
        report[name] = score
    report.pop("overall_success_rate", None)


SCORES = ("min_arbiter_score", "avg_arbiter_score", "max_arbiter_score")


def moment(text: str) -> Any:
    """The time that a text means, or None."""
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None
