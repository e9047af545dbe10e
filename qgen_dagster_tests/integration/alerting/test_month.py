"""A month of night duty: 720 hourly checks over a scripted stock and scripted runs tell exactly what they should."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import insert

from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.tables import runs
from qgen_dagster.services.alert_desk import acknowledge, mute, open_ids
from qgen_dagster_tests.support.channels import Webhook

from .conftest import START, Desk

# Hour of the month: what the stock becomes.
STOCK: dict[int, dict[str, int]] = {
    30: {"math__hard": 18},  # a warning
    33: {"math__hard": 4},  # gets critical
    40: {"math__hard": 60},  # recovers
    100: {"logic__easy": 19},
    101: {"logic__easy": 21},  # swings about the threshold for a day, hour by hour
    **{hour: {"logic__easy": 19 if hour % 2 == 0 else 21} for hour in range(102, 126)},
    126: {"logic__easy": 50},
    200: {"verbal__easy": 3, "verbal__medium": 12, "verbal__hard": 2},
    230: {"verbal__easy": 50, "verbal__medium": 50, "verbal__hard": 50},
    300: {"spatial__easy": 10},  # while muted
    320: {"spatial__easy": 50},  # and over before the mute ends: never told
    310: {"spatial__hard": 1},  # still so when the mute ends
    400: {"spatial__hard": 50},
    500: {"memory__easy": 15},  # acknowledged at 501
    520: {"memory__easy": 2},  # gets worse: told again
    540: {"memory__easy": 50},
}
MUTED = (299, 330)
EXPECTED = [
    (30, "qgen: warning: math__hard"),
    (33, "qgen: critical: math__hard"),
    (40, "qgen: recovered: math__hard"),
    (72, "qgen: warning: failed run"),
    # The swing: each hour is a cooldown of its own.
    *((hour, f"qgen: {'warning' if hour % 2 == 0 else 'recovered'}: logic__easy") for hour in range(100, 126)),
    (200, "qgen: critical: 2 strata; warning: verbal__medium"),
    (230, "qgen: recovered: 3 strata"),
    (330, "qgen: critical: spatial__hard"),
    (400, "qgen: recovered: spatial__hard"),
    (434, "qgen: critical: runs succeed too rarely"),
    (458, "qgen: recovered: runs succeed too rarely"),
    (482, "qgen: critical: provider refuses; warning: failed run"),
    (500, "qgen: warning: memory__easy"),
    (506, "qgen: recovered: provider refuses"),
    (520, "qgen: critical: memory__easy"),
    (540, "qgen: recovered: memory__easy"),
    (614, "qgen: critical: no runs"),
    (650, "qgen: recovered: no runs"),
]


def run_at(bank: Bank, started: datetime, **changes: Any) -> None:
    """A run of ten minutes; 50 asked for and inserted unless told otherwise."""
    values = {
        "id": uuid4(),
        "started_at": started,
        "completed_at": started + timedelta(minutes=10),
        "created_at": started,
        "status": "success",
        "exit_code": 0,
        "questions_requested": 50,
        "questions_inserted": 50,
        "overall_success_rate": 1.0,
        "total_api_calls": 20,
        "stop_reason": "finished",
        **changes,
    }
    with bank.begin() as tx:
        tx.execute(insert(runs).values(values))


def nightly(desk: Desk, hour: int) -> None:
    """The night's run, at two o'clock; which ones go wrong is part of the story."""
    day, clock = divmod(hour, 24)
    if clock != 2 or 25 <= day <= 26:  # nobody ran anything on two nights
        return
    started = desk.now - timedelta(minutes=30)
    poor = {"status": "partial_failure", "exit_code": 1, "questions_inserted": 10, "overall_success_rate": 0.2}
    waits = {**poor, "overall_success_rate": 0.0, "stop_reason": "waits for 2 batch jobs"}
    special: dict[int, dict[str, Any]] = {
        10: waits,  # no failure: it goes on when its jobs have ended
        11: waits,
        12: waits,
        16: poor,
        17: poor,
        18: poor,  # the third in a row
        20: {
            "status": "failed",
            "exit_code": 5,
            "questions_inserted": 0,
            "overall_success_rate": None,
            "error": "no credit",
            "error_summary": {"by_category": {"billing_quota": 3}},
        },
    }
    run_at(desk.bank, started, **special.get(day, {}))


def test_a_month_of_checks_tells_exactly_what_it_should(desk: Desk, hook: Webhook) -> None:
    told: list[tuple[int, str]] = []
    for hour in range(720):
        desk.now = START + timedelta(hours=hour)
        if hour == 72:
            run_at(desk.bank, desk.now - timedelta(minutes=20), status="failed", exit_code=2, error="disk full")
        nightly(desk, hour)
        if hour == 501:
            acknowledge(desk.bank, open_ids(desk.bank), "duty", lambda: desk.now)
        if hour == MUTED[0]:
            end = START + timedelta(hours=MUTED[1])
            mute(desk.bank, until=end, who="duty", rule="stock", clock=lambda: desk.now)
        reports = (desk.check(**STOCK.get(hour, {})), desk.check_runs())
        told += [(hour, report.title) for report in reports if report.title]
        desk.tried()
    assert told == sorted(EXPECTED)
    assert hook.titles == [title for _, title in told]
