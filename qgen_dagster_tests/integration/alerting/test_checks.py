"""Checks on a real bank: one message however many check, an end to what hangs, nothing lost when the database goes."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, text

from qgen_dagster.bank import alerts as alert_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.locks import hold_claims
from qgen_dagster.bank.operations_tables import report_outbox
from qgen_dagster.bank.tables import llm_calls
from qgen_dagster.core.alert import Change
from qgen_dagster.core.errors import DatabaseError
from qgen_dagster.core.inventory import analyze_inventory
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.alert_desk import acknowledge, end_mute, find_alerts, mute, mutes, open_ids
from qgen_dagster.services.alert_runs import close_hanging_runs, tell_failure
from qgen_dagster.services.alerts import InventoryAlertManager
from qgen_dagster.services.recovery import close_dead_runs
from qgen_dagster_tests.support.channels import Webhook

from .conftest import Desk
from .test_month import run_at

CHECK = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.services.alert_desk import check_now
url, channel = sys.argv[1:]
settings = Settings(home=Path("/nowhere"), database_url=url, alert_environment={"QGEN_ALERT_URLS": channel})
bank = Bank(url)
sys.stdin.readline()
done = check_now(bank, settings)
print(int(done.stock.message_id is not None))
"""


def test_twenty_processes_that_check_at_once_send_one_message(desk: Desk, hook: Webhook) -> None:
    command = [sys.executable, "-c", CHECK, str(desk.settings.database_url), hook.url]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(20)]
    for process in processes:  # all are ready before the first one begins
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=240)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 20
    assert sorted(said) == ["0"] * 19 + ["1"]
    desk.now = datetime.now(UTC) + timedelta(hours=1)
    desk.tried()  # what a busy machine could not deliver in time
    assert hook.titles == ["qgen: critical: 18 strata"]
    with desk.bank.begin() as tx:
        assert tx.execute(text("SELECT count(*) FROM alerts")).scalar_one() == 18


def test_a_database_that_goes_away_in_the_middle_of_a_check_leaves_nothing_half_done(
    desk: Desk, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_told = alert_rows.note_told

    def gone(tx: Any, *arguments: Any) -> None:
        note_told(tx, *arguments)
        tx.exec_driver_sql("SELECT pg_terminate_backend(pg_backend_pid())")

    with monkeypatch.context() as patch:
        patch.setattr(alert_rows, "note_told", gone)
        with pytest.raises(DatabaseError):
            desk.check(math__hard=1)
    assert find_alerts(desk.bank, [], [], 10, 0) == []
    assert [notice.subject for notice in desk.check().sent] == ["math__hard"]
    desk.tried()
    assert len(hook.titles) == 1


def test_a_thousand_strata_at_once_are_one_message_that_can_be_read(desk: Desk, hook: Webhook) -> None:
    strata = [Stratum(f"type_{number}", "easy") for number in range(1_000)]
    manager = InventoryAlertManager(desk.alerting)
    report = manager.check_and_alert(analyze_inventory({}, strata))
    assert len(report.sent) == 1_000
    desk.tried()
    assert hook.titles == ["qgen: critical: 1,000 strata"]
    message = hook.received[0]["message"]
    assert "… and 980 more: qgen alerts list" in message
    assert len(message) < 4_000
    desk.later(hours=2)
    again = manager.check_and_alert(analyze_inventory(dict.fromkeys(strata, 7), strata))
    assert {notice.change for notice in again.sent} == {Change.BETTER}


def test_a_check_of_some_strata_says_nothing_about_the_others(desk: Desk, hook: Webhook) -> None:
    desk.check(math__hard=1, logic__easy=1)
    some = desk.analysis().restrict([desk.settings.taxonomy.stratum("math__easy")])
    desk.later(hours=2)
    assert InventoryAlertManager(desk.alerting).check_and_alert(some).by_subject() == {}
    assert len(open_ids(desk.bank)) == 2


def test_what_is_acknowledged_tells_only_its_end(desk: Desk, hook: Webhook) -> None:
    desk.check(math__hard=12)
    acknowledge(desk.bank, open_ids(desk.bank), "duty", lambda: desk.now)
    desk.later(hours=5)
    assert desk.check().by_subject() == {"math__hard": "acknowledged"}
    [row] = find_alerts(desk.bank, [], [], 10, 0)
    assert (row["state"], row["acknowledged_by"]) == ("acknowledged", "duty")
    [over] = desk.check(math__hard=50).sent
    assert (over.change, over.text) == (Change.RECOVERED, "math__hard has recovered: 50 of 50")
    [row] = find_alerts(desk.bank, [], [], 10, 0)
    assert (row["state"], row["resolved_at"]) == ("resolved", desk.now)


def test_a_mute_can_be_ended_early(desk: Desk, hook: Webhook) -> None:
    made = mute(desk.bank, until=desk.now + timedelta(days=1), who="duty", clock=lambda: desk.now)
    assert desk.check(math__hard=1).by_subject() == {"math__hard": "muted until 2026-03-02 00:00 UTC"}
    assert len(mutes(desk.bank, lambda: desk.now)) == 1
    assert end_mute(desk.bank, made["id"], "duty", lambda: desk.now)
    assert desk.check().by_subject() == {"math__hard": "sent"}


# ── runs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def running(desk: Desk) -> UUID:
    """A row that says running since now."""
    run_id = uuid4()
    values = {"heartbeat_at": desk.now, "host": "here", "pid": 4711, "created_at": desk.now}
    with desk.bank.begin() as tx:
        run_rows.create_run(tx, run_id, desk.now, values)
    return run_id


def row_of(desk: Desk, run_id: UUID) -> dict[str, Any]:
    with desk.bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
    assert row is not None
    return row


def test_a_run_that_hangs_is_closed_as_failed_and_told_once(desk: Desk, hook: Webhook) -> None:
    run_id = running(desk)
    with hold_claims(desk.bank) as claims:
        assert claims.claim_run(run_id)
        desk.later(minutes=59)
        assert desk.check_runs().sent == ()
        desk.later(minutes=2)
        [told] = desk.check_runs().sent
    assert told.text.startswith(f"run {str(run_id)[:8]} showed no sign of life and was closed: no sign of life for 61")
    row = row_of(desk, run_id)
    assert (row["status"], row["exit_code"]) == ("failed", 2)
    assert "pid 4711 on here" in row["error"]
    desk.later(hours=5)
    assert desk.check_runs().sent == ()
    assert close_dead_runs(desk.bank, lambda: desk.now) == []


def test_a_run_that_makes_calls_does_not_hang(desk: Desk, hook: Webhook) -> None:
    run_id = running(desk)
    with hold_claims(desk.bank) as claims:
        claims.claim_run(run_id)
        desk.later(minutes=50)
        with desk.bank.begin() as tx:
            call = {"run_id": run_id, "purpose": "generate", "provider": "p", "request_hash": "h"}
            tx.execute(insert(llm_calls).values(**call, created_at=desk.now))
        desk.later(minutes=50)
        assert close_hanging_runs(desk.bank, desk.now, timedelta(minutes=60)) == []


def test_a_killed_run_is_left_to_whoever_closes_it_and_told_then(desk: Desk, hook: Webhook) -> None:
    run_id = running(desk)  # nobody holds its lock
    desk.later(minutes=90)
    assert desk.check_runs().sent == ()
    assert row_of(desk, run_id)["status"] == "running"
    assert close_dead_runs(desk.bank, lambda: desk.now) == [run_id]
    [told] = desk.check_runs().sent
    assert "was killed" in told.text
    assert desk.check_runs().sent == ()


def test_a_failure_that_dagster_saw_and_one_on_record_are_one_alert(desk: Desk, hook: Webhook) -> None:
    run_at(desk.bank, desk.now - timedelta(hours=1), status="failed", exit_code=2, error="disk full")
    [row] = find_runs(desk)
    assert len(tell_failure(desk.alerting, row, "auto_balance: it failed").sent) == 1
    assert desk.check_runs().sent == ()


def test_a_failure_without_a_row_is_told_once_and_not_lost_in_a_cooldown(desk: Desk, hook: Webhook) -> None:
    assert len(tell_failure(desk.alerting, uuid4(), "auto_balance: could not start").sent) == 1
    held = tell_failure(desk.alerting, uuid4(), "auto_balance: could not start again")
    assert (held.sent, held.waits) == ((), True)
    desk.later(minutes=30)
    assert desk.check_runs().sent == ()
    desk.later(minutes=31)
    [told] = desk.check_runs().sent
    assert "could not start again" in told.text
    desk.later(hours=3)
    assert desk.check_runs().sent == ()


def test_what_was_stopped_on_request_is_no_failure(desk: Desk, hook: Webhook) -> None:
    run_at(desk.bank, desk.now - timedelta(hours=1), status="failed", exit_code=1, stop_reason="interrupted")
    assert desk.check_runs().sent == ()


def test_reports_that_cannot_be_handed_in_are_told_and_so_is_the_end(desk: Desk, hook: Webhook) -> None:
    with desk.bank.begin() as tx:
        tx.execute(insert(report_outbox).values(run_id=uuid4(), payload={}, created_at=desk.now))
    desk.later(minutes=61)
    [told] = desk.check_runs().sent
    assert told.text == "1 reports cannot be handed in; the oldest waits since 2026-03-01 00:00 UTC"
    with desk.bank.begin() as tx:
        tx.execute(text("UPDATE report_outbox SET delivered_at = now()"))
    desk.later(minutes=61)
    [over] = desk.check_runs().sent
    assert over.change is Change.RECOVERED


def test_falling_quality_rising_cost_and_duplicates_are_seen_over_the_days(desk: Desk, hook: Webhook) -> None:
    rules = desk.config.run_rules
    cost = rules.cost.model_copy(update={"per_question_usd": 0.05, "per_day_usd": 1.0})
    desk.config = desk.config.model_copy(update={"run_rules": rules.model_copy(update={"cost": cost})})
    old = {"questions_evaluated": 100, "questions_approved": 90, "avg_arbiter_score": 0.9, "duplicates_found": 0}
    new = {"questions_evaluated": 100, "questions_approved": 60, "avg_arbiter_score": 0.8, "duplicates_found": 30}
    run_at(desk.bank, desk.now - timedelta(days=10), **old, cost_usd=0.5)
    run_at(desk.bank, desk.now - timedelta(hours=5), **new, cost_usd=5, reported=True)
    run_at(desk.bank, desk.now + timedelta(minutes=5), **new, cost_usd=5, reported=True)
    desk.later(hours=1)
    texts = {(n.rule, n.subject): n.text for n in desk.check_runs().sent}
    assert texts == {
        (
            "quality_drop",
            "approval_rate",
        ): "the approval rate fell from 0.90 to 0.60 (the last 7 days against those before)",
        (
            "quality_drop",
            "arbiter_score",
        ): "the arbiter's mean score fell from 0.90 to 0.80 (the last 7 days against those before)",
        ("cost", "day 2026-03-01"): "$5.00 spent on 2026-03-01 (UTC), more than $1.00",
        ("cost", "per question"): "an inserted question cost $0.1000 over the last days, more than $0.0500",
        (
            "duplicates",
            "runs",
        ): "50% of the approved questions of the last 7 days were in the bank already: its strata fill up",
    }


def find_runs(desk: Desk) -> list[UUID]:
    with desk.bank.begin() as tx:
        return [row["id"] for row in run_rows.list_runs(tx)]
