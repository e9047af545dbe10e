"""POST /generation-runs: a run is made once and only goes forward, whatever arrives how often and in which order."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.services.recovery import close_dead_runs, unfinished_runs
from qgen_dagster_tests.support.api import RUNS, Api, a_run, running


def stored(api: Api, run_id: str) -> dict[str, Any]:
    answer = api.get(f"{RUNS}/{run_id}")
    assert answer.status == 200, answer.content
    return dict(answer.json)


def test_a_new_run_is_created_and_can_be_read_where_the_answer_says(api: Api) -> None:
    answer = api.post(RUNS, a_run())
    assert (answer.status, answer.json["outcome"]) == (201, "created")
    found = api.get(answer.headers["location"])
    assert found.json["questions_inserted"] == 45
    assert found.json["overall_success_rate"] == 0.9
    assert found.json["duration_seconds"] == 250.0


def test_a_run_without_an_id_gets_one(api: Api) -> None:
    report = a_run()
    del report["id"]
    first, second = api.post(RUNS, report), api.post(RUNS, report)
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]


def test_the_same_report_sent_again_changes_nothing(api: Api) -> None:
    report = a_run(cost_usd=0.1234567, provider_metrics={"openai": {"generated": 50, "cost_usd": 0.1}})
    assert api.post(RUNS, report).status == 201
    before = stored(api, report["id"])
    again = api.post(RUNS, report)
    assert (again.status, again.json["outcome"]) == (200, "unchanged")
    assert stored(api, report["id"]) == before


def test_a_run_goes_from_running_to_ended(api: Api) -> None:
    begun = running(environment="production", prompt_version="2.1")
    assert api.post(RUNS, begun).status == 201
    done = api.post(RUNS, a_run(id=begun["id"]))
    assert (done.status, done.json) == (200, {"id": begun["id"], "status": "success", "outcome": "updated"})
    run = stored(api, begun["id"])
    assert run["questions_inserted"] == 45
    assert (run["environment"], run["prompt_version"]) == ("production", "2.1")


def test_a_run_that_has_ended_never_runs_again(api: Api) -> None:
    done = a_run()
    api.post(RUNS, done)
    late = api.post(RUNS, running(id=done["id"], heartbeat_at="2026-03-02T00:00:00Z"))
    assert (late.status, late.json["outcome"], late.json["status"]) == (200, "unchanged", "success")
    assert stored(api, done["id"])["status"] == "success"


def test_of_two_heartbeats_the_later_one_counts_whichever_comes_first(api: Api) -> None:
    begun = running()
    later = {**begun, "questions_generated": 20, "heartbeat_at": "2026-03-01T02:02:00Z"}
    earlier = {**begun, "questions_generated": 10, "heartbeat_at": "2026-03-01T02:01:00Z"}
    assert [api.post(RUNS, report).json["outcome"] for report in (later, earlier)] == ["created", "unchanged"]
    assert stored(api, begun["id"])["questions_generated"] == 20


def test_an_ended_run_told_otherwise_at_the_same_moment_is_a_conflict(api: Api) -> None:
    done = a_run()
    api.post(RUNS, done)
    answer = api.post(RUNS, {**done, "total_api_calls": 31})
    assert answer.status == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert stored(api, done["id"])["total_api_calls"] == 30


def test_an_ended_run_that_was_resumed_is_told_anew_by_a_later_report(api: Api) -> None:
    done = a_run(status="partial_failure", exit_code=1)
    api.post(RUNS, done)
    resumed = api.post(RUNS, a_run(id=done["id"], completed_at="2026-03-01T05:00:00Z"))
    assert resumed.json["outcome"] == "updated"
    assert api.post(RUNS, done).json["outcome"] == "unchanged"
    assert stored(api, done["id"])["status"] == "success"


def test_another_start_under_the_same_id_is_a_conflict(api: Api) -> None:
    begun = running()
    api.post(RUNS, begun)
    assert api.post(RUNS, {**begun, "started_at": "2026-03-01T03:00:00Z"}).status == 409


def test_an_update_that_does_not_fit_what_is_known_is_refused_whole(api: Api) -> None:
    begun = running(min_arbiter_score=0.8)
    api.post(RUNS, begun)
    answer = api.post(RUNS, a_run(id=begun["id"], max_arbiter_score=0.5))
    assert answer.status == 422
    assert "min ≤ avg ≤ max" in answer.json["detail"]
    assert stored(api, begun["id"])["status"] == "running"


def test_an_unknown_parent_is_refused(api: Api) -> None:
    answer = api.post(RUNS, a_run(parent_run_id=str(uuid4())))
    assert answer.status == 422
    assert "parent_run_id" in answer.json["detail"]


def test_later_rounds_are_shown_with_the_first(api: Api) -> None:
    first = a_run()
    second = a_run(parent_run_id=first["id"], round=2)
    for report in (first, second):
        api.post(RUNS, report)
    assert stored(api, first["id"])["later_rounds"] == [second["id"]]


def test_twenty_reports_of_one_run_at_once_make_it_once(api: Api) -> None:
    report = a_run()
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: api.post(RUNS, report), range(20)))
    assert Counter(a.status for a in answers) == {201: 1, 200: 19}
    assert Counter(a.json["outcome"] for a in answers) == {"created": 1, "unchanged": 19}
    assert api.get(RUNS).json["total"] == 1


@pytest.mark.parametrize("end", ["success", "failed"])
def test_start_heartbeats_and_end_at_once_leave_the_end(api: Api, end: str) -> None:
    begun = running()
    beats = [{**begun, "questions_generated": n, "heartbeat_at": f"2026-03-01T02:01:{n:02}Z"} for n in range(18)]
    done = a_run(id=begun["id"], status=end, exit_code=None)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda report: api.post(RUNS, report), [begun, *beats, done]))
    assert {a.status for a in answers} <= {200, 201}
    assert sum(a.status == 201 for a in answers) == 1
    run = stored(api, begun["id"])
    assert (run["status"], run["questions_inserted"]) == (end, 45)


def test_nothing_that_a_refused_report_says_is_stored(api: Api) -> None:
    assert api.post(RUNS, a_run(questions_inserted=60)).status == 422
    with api.bank.begin() as tx:
        assert tx.execute(text("SELECT count(*) FROM question_generation_runs")).scalar_one() == 0


def test_a_run_reported_from_elsewhere_is_not_taken_for_a_dead_one_of_this_machine(api: Api) -> None:
    begun, killed = running(), a_run(status="killed", exit_code=2, funnel={"total": {"requested": 50, "pending": 5}})
    for report in (begun, killed):
        assert api.post(RUNS, report).status == 201
    assert close_dead_runs(api.bank) == []
    assert unfinished_runs(api.bank) == []
    assert stored(api, begun["id"])["status"] == "running"
