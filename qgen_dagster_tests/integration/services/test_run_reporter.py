"""Runs are told to another installation: whole, in order, once; and whatever that one does, no run suffers."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank import outbox
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.reporting import PATH, Reporting
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import DatabaseError
from qgen_dagster.services import inventory, report_courier, report_delivery
from qgen_dagster.services.balance import balance
from qgen_dagster.services.generate import generate
from qgen_dagster.services.judge import judge
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.recovery import close_dead_runs
from qgen_dagster.services.report_delivery import Delivery, deliver_due
from qgen_dagster.services.run_reporter import RunReporter, tell
from qgen_dagster.services.runs import run_session
from qgen_dagster.services.work import Work, now
from qgen_dagster.tracking.run_schemas import BREAKDOWNS, SCALARS
from qgen_dagster_tests.support import databases
from qgen_dagster_tests.support.api import RUNS, WRITER, Api, serving
from qgen_dagster_tests.support.chain import PlainLauncher, run_chain, work_for
from qgen_dagster_tests.support.receivers import (
    answering,
    dying_before_the_answer,
    nobody,
    nonsense,
    receiving,
    silent,
)

ONE = {"types": ("math",), "difficulties": ("easy",)}
PATIENCE = 60  # seconds until something counts as hanging


@pytest.fixture
def remote(server: EmbeddedServer, template_database: str, settings: Settings) -> Iterator[Api]:
    """Another installation: its own database, and its API on a socket."""
    with databases.copy_of(template_database, server) as name:
        other = Bank(server.url(name))
        with serving(other, settings) as api:
            yield api
        other.close()


def told(settings: Settings, url: str, key: str | None = WRITER.key) -> Settings:
    return replace(settings, reporting=Reporting(url + PATH, key))


def a_run(bank: Bank, settings: Settings, **options: object) -> UUID:
    return run_chain(work_for(bank, settings, **{"count": 5, **ONE, **options}))


def interrupted(work: Work, error: BaseException) -> None:
    """A run that generates, and then this happens."""
    with run_session(work) as session:
        generate(session, inventory.plan_run(work))
        raise error


def row_of(bank: Bank, run_id: UUID) -> dict[str, Any]:
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
    assert row is not None
    return row


def reports(bank: Bank) -> list[dict[str, Any]]:
    with bank.begin() as tx:
        rows = tx.execute(text("SELECT *, payload->>'status' AS says FROM report_outbox ORDER BY number"))
        return [dict(row._mapping) for row in rows]


def flush(bank: Bank, settings: Settings) -> Delivery:
    assert settings.reporting is not None
    return deliver_due(bank, settings.reporting, anyway=True)


def assert_known_there(bank: Bank, remote: Api, run_id: UUID) -> None:
    """The other installation knows of the run what this one does."""
    here, there = row_of(bank, run_id), row_of(remote.bank, run_id)
    same = [name for name in (*SCALARS, *BREAKDOWNS) if name not in ("heartbeat_at", "cost_usd", "parent_run_id")]
    assert {name: there[name] for name in same} == {name: here[name] for name in same}
    assert there["reported"]


def test_a_run_is_told_from_its_start_to_its_end(bank: Bank, settings: Settings, remote: Api) -> None:
    run_id = a_run(bank, told(settings, remote.url))
    said = reports(bank)
    assert said[0]["says"] == "running"
    assert [r["says"] for r in said if r["says"] != "running"] == ["success"]
    assert all(r["delivered_at"] for r in said)
    assert_known_there(bank, remote, run_id)
    assert remote.get(f"{RUNS}/{run_id}").json["funnel"] == row_of(bank, run_id)["funnel"]


def test_the_other_side_sees_the_run_while_it_runs(bank: Bank, settings: Settings, remote: Api) -> None:
    work = work_for(bank, told(settings, remote.url), count=5, **ONE)
    with run_session(work) as session:
        session.begin(5)
        for _ in range(PATIENCE * 20):
            seen = remote.get(f"{RUNS}/{work.run_id}").json
            if "started_at" in seen:
                break
            time.sleep(0.05)
        assert (seen["status"], seen["questions_requested"]) == ("running", 5)
        assert seen["heartbeat_at"] is not None
    assert row_of(remote.bank, work.run_id)["status"] == row_of(bank, work.run_id)["status"] != "running"


def test_without_an_address_nothing_is_told(bank: Bank, settings: Settings) -> None:
    a_run(bank, settings)
    assert reports(bank) == []


def test_nobody_there_costs_the_run_nothing_and_the_reports_come_later_in_order(
    bank: Bank, settings: Settings, remote: Api, caplog: pytest.LogCaptureFixture
) -> None:
    gone = told(settings, nobody())
    with caplog.at_level(logging.WARNING, "qgen_dagster.reports"):
        run_id = a_run(bank, gone)
    assert row_of(bank, run_id)["status"] == "success"
    assert len([r for r in caplog.records if "was not taken" in r.message]) == 1
    kept = reports(bank)
    assert [r["says"] for r in kept][-1] == "success"
    assert not any(r["delivered_at"] for r in kept)
    assert kept[0]["attempts"] > 0
    assert "no answer from 127.0.0.1" in kept[0]["error"]
    assert flush(bank, told(settings, remote.url)).waiting == 0
    times = [r["delivered_at"] for r in reports(bank)]
    assert times == sorted(times)
    assert_known_there(bank, remote, run_id)
    assert flush(bank, told(settings, remote.url)).delivered == 0


def test_after_a_failure_a_pause_is_kept_that_grows(bank: Bank, settings: Settings) -> None:
    gone = told(settings, nobody())
    run_id = a_run(bank, gone)
    times = [now() + timedelta(days=1)]
    assert gone.reporting is not None
    pauses = []
    for _ in range(3):
        deliver_due(bank, gone.reporting, lambda: times[-1])
        with bank.begin() as tx:
            [head, *_] = outbox.list_kept(tx, 10)
        assert head.run_id == run_id
        pauses.append(head.next_attempt_at - times[-1])
        assert deliver_due(bank, gone.reporting, lambda: times[-1]).failed == 0  # not due
        times.append(head.next_attempt_at)
    assert pauses[1] == 2 * pauses[0]
    assert pauses[2] == 2 * pauses[1]
    assert report_delivery.pause_after(10_000) == timedelta(hours=1)


def test_a_server_that_never_answers_does_not_hold_the_run_up(
    bank: Bank, settings: Settings, remote: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_courier, "PATIENCE", 0.1)
    release = threading.Event()
    with receiving(silent(release)) as slow:
        run_id = a_run(bank, told(settings, slow.url))  # with a timeout of ten seconds it would hang here
        assert row_of(bank, run_id)["status"] == "success"
        release.set()
    [courier] = [t for t in threading.enumerate() if t.name == "qgen-reports"] or [None]
    if courier is not None:
        courier.join(PATIENCE)
    assert flush(bank, told(settings, remote.url)).waiting == 0
    assert_known_there(bank, remote, run_id)


def test_an_answer_that_takes_too_long_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_delivery, "TIMEOUT", 0.05)
    release = threading.Event()
    with receiving(silent(release)) as slow:
        answer = report_delivery.send(Reporting(slow.url + PATH), {"id": str(uuid4())})
        release.set()
    assert answer.error is not None
    assert "timed out" in answer.error
    assert answer.refused_after is None


def test_a_wrong_key_is_named_never_shown_and_waits_for_the_right_one(
    bank: Bank, settings: Settings, remote: Api
) -> None:
    wrong = "wrong-key-0123456789-abcdef"
    run_id = a_run(bank, told(settings, remote.url, wrong))
    done = flush(bank, told(settings, remote.url, wrong))
    assert (done.unauthorized, done.delivered, done.refused) == (True, 0, 0)
    [error] = {r["error"] for r in reports(bank) if r["error"]}
    assert error.startswith("401")
    assert "QGEN_SERVICE_KEY" in error
    assert wrong not in str(reports(bank))
    assert flush(bank, told(settings, remote.url)).waiting == 0
    assert_known_there(bank, remote, run_id)


def test_a_report_that_cannot_be_read_there_is_kept_with_the_reason_and_holds_no_other_up(
    bank: Bank, settings: Settings, remote: Api
) -> None:
    gone = told(settings, nobody())
    bad, good = a_run(bank, gone), a_run(bank, gone)
    with bank.begin() as tx:
        tx.execute(
            text(
                "UPDATE report_outbox SET payload = jsonb_set(payload, '{questions_inserted}', '999')"
                " WHERE run_id = :bad AND payload->>'status' = 'success'"
            ),
            {"bad": bad},
        )
    done = flush(bank, told(settings, remote.url))
    assert (done.refused, done.waiting) == (1, 0)
    [kept] = [r for r in reports(bank) if not r["delivered_at"]]
    assert kept["run_id"] == bad
    assert kept["refused_at"] is not None
    assert kept["error"].startswith("422")
    assert "questions_inserted" in kept["error"]
    assert_known_there(bank, remote, good)
    assert flush(bank, told(settings, remote.url)) == Delivery()  # not sent again by itself
    with bank.begin() as tx:
        assert outbox.count_kept(tx) == (0, 1)
        assert outbox.take_back_refusals(tx, now()) == 1
    assert flush(bank, told(settings, remote.url)).refused == 1


@pytest.mark.parametrize(
    "handle",
    [
        answering(500),
        answering(503, Retry_After="7"),
        answering(404, b"<html>no such page</html>"),
        answering(200, b"<html>it works</html>"),
        answering(200, b'{"id": "somebody else", "outcome": "created"}'),
        answering(201, b"[" * 100_000),
        answering(204, b""),
        answering(302, Location="http://127.0.0.1:1/elsewhere"),
        nonsense,
    ],
    ids=["500", "503", "404", "page", "another run", "deep", "empty", "redirect", "not http"],
)
def test_what_is_not_clearly_taken_is_sent_again(bank: Bank, settings: Settings, remote: Api, handle: Any) -> None:
    with receiving(handle) as odd:
        run_id = a_run(bank, told(settings, odd.url))
        assert len(odd.bodies) >= 1
    assert row_of(bank, run_id)["status"] == "success"
    assert not any(r["delivered_at"] or r["refused_at"] for r in reports(bank))
    flush(bank, told(settings, remote.url))
    assert_known_there(bank, remote, run_id)


def test_a_pause_that_the_server_asks_for_is_kept(bank: Bank, settings: Settings) -> None:
    with receiving(answering(429, Retry_After="600")) as busy:
        a_run(bank, told(settings, busy.url))
        before = now()
        flush(bank, told(settings, busy.url))
    with bank.begin() as tx:
        [head, *_] = outbox.list_kept(tx, 1)
    assert head.next_attempt_at - before >= timedelta(seconds=600)


def test_a_server_killed_between_commit_and_answer_has_the_run_once(
    bank: Bank, settings: Settings, remote: Api
) -> None:
    with receiving(dying_before_the_answer(remote.port, WRITER.key, deaths=2)) as dying:
        run_id = a_run(bank, told(settings, dying.url))
        for _ in range(3):
            flush(bank, told(settings, dying.url))
        assert len(dying.bodies) > len(reports(bank))  # some were sent again
    assert all(r["delivered_at"] for r in reports(bank))
    assert remote.get(RUNS).json["total"] == 1
    assert_known_there(bank, remote, run_id)


def test_a_process_killed_between_sending_and_noting_sends_again_and_nothing_is_doubled(
    bank: Bank, settings: Settings, remote: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = a_run(bank, told(settings, nobody()))

    def gone(*_: object) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "delivered", gone)
        with pytest.raises(DatabaseError):
            flush(bank, told(settings, remote.url))
    assert remote.get(RUNS).json["total"] == 1
    assert not any(r["delivered_at"] for r in reports(bank))
    assert flush(bank, told(settings, remote.url)).waiting == 0
    assert remote.get(RUNS).json["total"] == 1
    assert_known_there(bank, remote, run_id)


def test_many_senders_at_once_deliver_each_report_in_order(bank: Bank, settings: Settings, remote: Api) -> None:
    gone = told(settings, nobody())
    runs = [a_run(bank, gone) for _ in range(3)]
    there = told(settings, remote.url)
    senders = [threading.Thread(target=flush, args=(bank, there)) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(PATIENCE)
    flush(bank, there)
    assert all(r["delivered_at"] and r["attempts"] <= 4 for r in reports(bank))
    for run_id in runs:
        mine = [r["delivered_at"] for r in reports(bank) if r["run_id"] == run_id]
        assert mine == sorted(mine)
        assert_known_there(bank, remote, run_id)


def test_signs_of_life_that_were_not_sent_yet_replace_each_other(bank: Bank, settings: Settings) -> None:
    run_id = a_run(bank, settings)
    with bank.begin() as tx:
        for minute in range(5):
            outbox.put(tx, run_id, {"status": "running", "n": minute}, datetime(2026, 3, 1, 2, minute, tzinfo=UTC))
        outbox.put(tx, run_id, {"status": "success"}, datetime(2026, 3, 1, 3, tzinfo=UTC))
    assert [r["payload"] for r in reports(bank)] == [{"status": "running", "n": 4}, {"status": "success"}]


def test_a_running_run_shows_signs_of_life_by_itself(bank: Bank, settings: Settings) -> None:
    times = iter(datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=n) for n in range(10**6))
    reporter = RunReporter(bank, None, lambda: next(times), beat=timedelta(milliseconds=5))
    run_id = uuid4()
    reporter.begin(run_id, {"questions_requested": 5})
    first = row_of(bank, run_id)["heartbeat_at"]
    seen = threading.Event()
    for _ in range(PATIENCE * 20):
        if row_of(bank, run_id)["heartbeat_at"] > first:
            break
        seen.wait(0.05)
    reporter.close()
    reporter.finish()
    row = row_of(bank, run_id)
    assert row["heartbeat_at"] > first
    assert row["status"] != "running"


def test_a_run_that_ends_by_an_exception_is_told_as_it_ended(bank: Bank, settings: Settings, remote: Api) -> None:
    work = work_for(bank, told(settings, remote.url), count=5, **ONE)
    with pytest.raises(RuntimeError):
        interrupted(work, RuntimeError("the roof \x1b[31mfell in"))
    there = row_of(remote.bank, work.run_id)
    assert there["status"] == "failed"
    assert "the roof" in there["error"]
    assert "\x1b" not in there["error"]


def test_a_killed_process_is_told_when_its_row_is_closed(
    bank: Bank, bank_url: str, server: EmbeddedServer, settings: Settings, remote: Api, tmp_path: Path
) -> None:
    server.create_database("reporter_dagster")
    environment = {
        **os.environ,
        "QGEN_HOME": str(tmp_path / "home"),
        "QGEN_DATABASE_URL": bank_url,
        "QGEN_DAGSTER_DATABASE_URL": server.url("reporter_dagster", driver="psycopg2"),
        "QGEN_REPORT_URL": remote.url,
        "QGEN_SERVICE_KEY": WRITER.key,
    }
    doomed = [sys.executable, "-m", "qgen_dagster_tests.support.doomed", "in the middle of judging", "kill"]
    command = [*doomed, str(tmp_path / "calls"), "--", "generate", "--count", "12", "--types", "math", "--seed", "kill"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE * 4, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stdout + ended.stderr
    [run_id] = close_dead_runs(bank)  # knows of no address: that the run was told decides
    assert reports(bank)[-1]["says"] == "killed"
    assert flush(bank, told(settings, remote.url)).waiting == 0
    assert_known_there(bank, remote, run_id)
    there = row_of(remote.bank, run_id)
    assert (there["status"], there["exit_code"]) == ("killed", 2)


def test_a_run_that_went_on_later_is_told_anew(bank: Bank, settings: Settings, remote: Api) -> None:
    there = told(settings, remote.url)
    work = work_for(bank, there, count=5, **ONE)
    with pytest.raises(KeyboardInterrupt):
        interrupted(work, KeyboardInterrupt())
    assert row_of(remote.bank, work.run_id)["status"] == "partial_failure"
    run_chain(work_for(bank, there, work.run_id, count=5, **ONE))
    assert row_of(bank, work.run_id)["status"] == "success"
    assert_known_there(bank, remote, work.run_id)


def test_a_run_whose_leftovers_another_one_finished_is_told_anew(bank: Bank, settings: Settings, remote: Api) -> None:
    there = told(settings, remote.url)
    work = work_for(bank, there, count=5, **ONE)
    with run_session(work) as session:
        generate(session, inventory.plan_run(work))
    before = row_of(remote.bank, work.run_id)
    assert before["questions_evaluated"] == 0
    later = work_for(bank, there, **ONE)
    with run_session(later) as session:
        judge(session, later.strata, session.enter(later.strata))
    assert row_of(remote.bank, work.run_id)["questions_evaluated"] == 5
    assert_known_there(bank, remote, work.run_id)


def test_later_rounds_come_after_the_first_that_they_name(bank: Bank, settings: Settings, remote: Api) -> None:
    gone = told(settings, nobody())
    first = run_chain(work_for(bank, gone, count=3, **ONE))
    second = run_chain(work_for(bank, gone, count=3, **{**ONE, "seed": "y"}), parent_run_id=first, round_=2)
    with bank.begin() as tx:
        for run_id, days in ((first, 1), (second, -1)):
            again = {"id": run_id, "at": now() + timedelta(days=days)}
            tx.execute(text("UPDATE report_outbox SET next_attempt_at = :at WHERE run_id = :id"), again)
        assert outbox.due_runs(tx, now()) == []
    assert flush(bank, told(settings, remote.url)).waiting == 0
    assert row_of(remote.bank, second)["parent_run_id"] == first


def test_a_first_round_that_nobody_there_knows_is_left_out(bank: Bank, settings: Settings, remote: Api) -> None:
    first = a_run(bank, settings)
    second = run_chain(work_for(bank, told(settings, remote.url), count=3, **{**ONE, "seed": "y"}), parent_run_id=first)
    there = row_of(remote.bank, second)
    assert (there["status"], there["parent_run_id"]) == ("success", None)


def test_what_no_report_can_say_is_shown_and_the_run_is_unharmed(bank: Bank, settings: Settings) -> None:
    run_id = a_run(bank, settings)
    with bank.begin() as tx:
        run_rows.update_run(tx, run_id, {"questions_evaluated": 10**6})
        tell(tx, run_id, now())
    [kept] = reports(bank)
    assert kept["refused_at"] is not None
    assert "questions_evaluated" in kept["error"]


def test_an_outbox_that_cannot_be_written_leaves_the_run_as_it_is(
    bank: Bank, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with bank.begin() as tx:
        tx.execute(text("ALTER TABLE report_outbox ADD CONSTRAINT never CHECK (attempts < 0)"))
    run_id = a_run(bank, told(settings, nobody()))
    assert row_of(bank, run_id)["status"] == "success"
    assert "could not be written" in caplog.text


def test_a_report_about_a_run_of_this_very_installation_changes_nothing(bank: Bank, settings: Settings) -> None:
    with serving(bank, settings) as own:
        run_id = a_run(bank, told(settings, own.url))
        row = row_of(bank, run_id)
        assert (row["status"], row["reported"]) == ("success", False)
        later = {"id": str(run_id), "started_at": row["started_at"].isoformat(), "status": "failed"}
        answer = own.post(RUNS, {**later, "completed_at": "2099-01-01T00:00:00Z", "questions_requested": 5})
        assert (answer.status, answer.json["outcome"]) == (200, "unchanged")
        assert row_of(bank, run_id) == row


def test_rounds_of_a_balance_are_all_told(bank: Bank, settings: Settings, remote: Api) -> None:
    there = told(settings, remote.url)
    options = RunOptions.model_validate({"fill": True, "target_per_stratum": 4, **ONE})
    report = balance(bank, there, options, PlainLauncher(bank, there))
    for done in report.rounds:
        assert_known_there(bank, remote, done.run_id)
