"""A known history of runs: ten days in March 2026 with two runs each, and what must come out of it.

Days 1–5 ran prompt version 2.0 (35 of 50 approved), days 6–10 version 2.1 (45 of 50). `alpha` generated 30 questions of
each run and `beta` 20; of alpha's 20 (2.0) or 26 (2.1) were approved, of beta's 15 or 19. The evening run of days 8–10
failed after rate limits with 10 of 50 inserted; all other runs inserted what was approved, in 100 s (2.0) or 200 s.
"""

from __future__ import annotations

from typing import Any

from qgen_dagster_tests.support.api import RUNS, Api, a_run

SINCE, UNTIL = "2026-03-01T00:00:00Z", "2026-03-31T00:00:00Z"
PERIOD = {"since": SINCE, "until": UNTIL}
FLAGS = ("--since", "2026-03-01", "--until", "2026-03-31")
RUNS_IN_ALL, FAILED = 20, 3
INSERTED = 10 * 35 + 7 * 45 + 3 * 10


def known_history() -> list[dict[str, Any]]:
    """The reports, oldest first."""
    return [_report(day, hour) for day in range(1, 11) for hour in (2, 20)]


def tell(api: Api) -> list[dict[str, Any]]:
    """Reports the history and one run that is still running; returns the reports."""
    history = known_history()
    for report in history:
        assert api.post(RUNS, report).status == 201
    running = {"started_at": "2026-03-11T02:00:00Z", "status": "running", "questions_requested": 50}
    assert api.post(RUNS, running).status == 201
    return history


def _report(day: int, hour: int) -> dict[str, Any]:
    old = day <= 5
    failed = hour == 20 and day >= 8
    approved = 35 if old else 45
    inserted = 10 if failed else approved
    by_alpha, by_beta = (20, 15) if old else (26, 19)
    seconds = 100 if old else 200
    return a_run(
        started_at=f"2026-03-{day:02}T{hour:02}:00:00Z",
        completed_at=f"2026-03-{day:02}T{hour:02}:{seconds // 60:02}:{seconds % 60:02}Z",
        status="failed" if failed else "success",
        exit_code=2 if failed else 0,
        questions_approved=approved,
        questions_rejected=50 - approved,
        duplicates_found=0,
        exact_duplicates=0,
        questions_inserted=inserted,
        approval_rate=approved / 50,
        avg_arbiter_score=0.7 if old else 0.8,
        min_arbiter_score=0.5,
        max_arbiter_score=0.9,
        total_api_calls=30,
        total_errors=4 if failed else 0,
        cost_usd=0.5,
        input_tokens=1000,
        output_tokens=500,
        prompt_version="2.0" if old else "2.1",
        environment="production",
        triggered_by="scheduler",
        provider_metrics={
            "alpha": _provider(30, by_alpha, 20, 0.4, failures=4 if failed else 0),
            "beta": _provider(20, by_beta, 10, 0.1),
        },
        type_metrics={"math": 30, "logic": 20},
        error_summary={
            "by_category": {"rate_limit": 4} if failed else {},
            "by_severity": {"high": 4} if failed else {},
            "critical_count": 0,
        },
    )


def _provider(generated: int, approved: int, calls: int, cost: float, failures: int = 0) -> dict[str, Any]:
    return {
        "generated": generated,
        "evaluated": generated,
        "approved": approved,
        "inserted": approved,
        "api_calls": calls,
        "failures": failures,
        "cost_usd": cost,
    }
