"""Lists: filtered, sorted, a page at a time, always in the same order."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from qgen_dagster.config.settings import Settings
from qgen_dagster.services import run_reports
from qgen_dagster.tracking.admin_schemas import QuestionRead
from qgen_dagster.tracking.run_schemas import QuestionGenerationRunCreate, QuestionGenerationRunRead, RunPage
from qgen_dagster_tests.support.api import READER, RUNS, Api, a_run, an_alert, running
from qgen_dagster_tests.support.chain import run_chain, work_for

ADMIN = "/v1/admin"


@pytest.fixture
def nine(api: Api) -> list[dict[str, Any]]:
    """Nine runs, an hour apart; every third one has neither duration, rate nor cost yet."""
    reports = []
    for n in range(9):
        start = f"2026-03-01T0{n}:00:00Z"
        if n % 3 == 2:
            reports.append(running(started_at=start, environment="staging", triggered_by="manual"))
            continue
        reports.append(
            a_run(
                started_at=start,
                completed_at=f"2026-03-01T0{n}:0{n % 2 + 1}:00Z",
                questions_inserted=45 if n % 2 else 20,
                cost_usd=1.0 if n % 2 else 2.0,
                prompt_version="2.1",
                environment="production",
                provider_metrics={"openai" if n % 2 else "anthropic": {"generated": 50}},
                type_metrics={"math" if n < 5 else "logic": 50},
            )
        )
    for report in reports:
        assert api.post(RUNS, report).status == 201
    return reports


def ids(api: Api, **query: Any) -> list[str]:
    answer = api.get(RUNS, query)
    assert answer.status == 200, answer.content
    return [run["id"] for run in answer.json["runs"]]


def test_the_newest_run_comes_first(api: Api, nine: list[dict[str, Any]]) -> None:
    assert ids(api) == [report["id"] for report in reversed(nine)]
    assert ids(api, order="asc") == [report["id"] for report in nine]


@pytest.mark.parametrize("sort", ["duration", "success_rate", "cost"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_runs_without_the_value_come_last_whichever_way(api: Api, nine: list[Any], sort: str, order: str) -> None:
    column = {"duration": "duration_seconds", "success_rate": "overall_success_rate", "cost": "cost_usd"}[sort]
    values = [run[column] for run in api.get(RUNS, {"sort": sort, "order": order}).json["runs"]]
    known = [value for value in values if value is not None]
    assert values == [*known, None, None, None]
    assert known == sorted(known, reverse=order == "desc")


@pytest.mark.parametrize("sort", ["started_at", "duration", "success_rate", "cost"])
@pytest.mark.parametrize("size", [1, 2, 4, 5, 7, 9])
def test_pages_follow_each_other_without_gap_or_repetition(api: Api, nine: list[Any], sort: str, size: int) -> None:
    whole = ids(api, sort=sort)
    last = -(-len(whole) // size)
    assert [run for page in range(1, last + 1) for run in ids(api, sort=sort, page=page, page_size=size)] == whole
    page = api.get(RUNS, {"page": last, "page_size": size}).json
    assert (page["pages"], page["total"], page["total_is_exact"]) == (last, 9, True)


def test_a_list_counts_one_step_past_its_page(api: Api, nine: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_reports, "COUNTED_AHEAD", 4)
    pages = [api.get(RUNS, {"page": page, "page_size": 2}).json for page in (1, 2, 3, 4)]
    counted = [(page["total"], page["total_is_exact"]) for page in pages]
    assert counted == [(4, False), (8, False), (8, False), (9, True)]


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ({"status": "running"}, [8, 5, 2]),
        ({"status": ["running", "success"]}, [8, 7, 6, 5, 4, 3, 2, 1, 0]),
        ({"environment": "staging"}, [8, 5, 2]),
        ({"since": "2026-03-01T03:00:00Z", "until": "2026-03-01T05:00:00Z"}, [4, 3]),
        ({"since": "2026-03-01T04:00:00+01:00", "until": "2026-03-01T06:00:00+01:00"}, [4, 3]),
        ({"min_success_rate": 0.5}, [7, 3, 1]),
        ({"max_success_rate": 0.5}, [6, 4, 0]),
        ({"min_success_rate": 0.4, "max_success_rate": 0.4}, [6, 4, 0]),
        ({"provider": "openai"}, [7, 3, 1]),
        ({"question_type": "logic"}, [7, 6]),
        ({"prompt_version": "2.1", "provider": "anthropic"}, [6, 4, 0]),
        ({"triggered_by": "manual"}, [8, 5, 2]),
        ({"provider": "nobody"}, []),
    ],
)
def test_filters_choose(api: Api, nine: list[dict[str, Any]], query: dict[str, Any], chosen: list[int]) -> None:
    assert ids(api, **query) == [nine[n]["id"] for n in chosen]


def test_a_list_shows_numbers_and_no_breakdowns(api: Api, nine: list[Any]) -> None:
    content = api.get(RUNS).content
    assert RunPage.model_validate_json(content).total == 9
    assert b"provider_metrics" not in content


def test_a_page_beyond_the_last_is_not_found(api: Api, nine: list[Any]) -> None:
    assert api.get(RUNS, {"page": 2, "page_size": 9}).status == 404
    assert api.get(RUNS, {"provider": "nobody"}).status == 200


def test_a_run_of_the_pipeline_is_told_whole_and_its_losses_add_up(api: Api, settings: Settings) -> None:
    run_id = run_chain(work_for(api.bank, settings, count=12))
    found = api.get(f"{RUNS}/{run_id}")
    run = QuestionGenerationRunRead.model_validate_json(found.content)
    losses = run.losses
    stages = (losses.generation, losses.evaluation, losses.deduplication, losses.insertion)
    assert sum(stage.lost for stage in stages) == losses.total == run.questions_requested - run.questions_inserted
    assert run.funnel is not None
    assert run.funnel.total.requested == 12
    assert run.provider_metrics is not None
    assert run.provider_metrics["procedural"].inserted == run.questions_inserted
    # What the pipeline records, a reporter may send.
    told = found.json
    names = set(QuestionGenerationRunCreate.model_fields)
    again = api.post(RUNS, {name: value for name, value in told.items() if name in names})
    assert (again.status, again.json["outcome"]) == (200, "unchanged")


def test_percentages_of_a_run_that_asked_for_nothing_are_null(api: Api) -> None:
    zeros = dict.fromkeys(("questions_generated", "questions_evaluated", "questions_approved"), 0)
    rest = dict.fromkeys(("questions_rejected", "duplicates_found", "exact_duplicates", "questions_inserted"), 0)
    report = a_run(questions_requested=0, **zeros, **rest)
    assert api.post(RUNS, report).status == 201
    run = api.get(f"{RUNS}/{report['id']}").json
    assert run["losses"]["total"] == 0
    assert run["losses"]["generation"] == {"lost": 0, "of_requested": None, "of_reached": None}
    assert run["overall_success_rate"] is None


def test_stock_and_its_history(api: Api, settings: Settings) -> None:
    run_chain(work_for(api.bank, settings, count=6, types=("math",)))
    stock = api.get(f"{ADMIN}/inventory", {"target_per_stratum": 3}).json
    assert len(stock["strata"]) == 18
    assert stock["total"] == sum(s["current_count"] for s in stock["strata"]) > 0
    assert stock["total_deficit"] == sum(s["deficit"] for s in stock["strata"])
    assert api.get(f"{ADMIN}/inventory/history").json == {"snapshots": [], "complete": True}


def test_questions_are_searched_filtered_and_deactivated(api: Api, settings: Settings) -> None:
    run_id = run_chain(work_for(api.bank, settings, count=6, types=("math",)))
    page = api.get(f"{ADMIN}/questions", {"run_id": run_id, "active": "true"}).json
    first = page["questions"][0]
    word = first["stem"][2:20]
    found = api.get(f"{ADMIN}/questions", {"search": word.upper(), "question_type": "math"}).json
    assert first["id"] in [q["id"] for q in found["questions"]]
    assert api.get(f"{ADMIN}/questions", {"search": "%"}).json["total"] <= page["total"]
    address = f"{ADMIN}/questions/{first['id']}"
    done = api.post(f"{address}/deactivate", {"reason": "two answers are right", "actor": "reviewer"})
    assert (done.status, done.json["changed"], done.json["question"]["is_active"]) == (200, True, False)
    again = api.post(f"{address}/deactivate", {"reason": "another", "actor": "somebody"}).json
    assert (again["changed"], again["question"]["deactivated_by"]) == (False, "reviewer")
    inactive = api.get(f"{ADMIN}/questions", {"active": "false"}).json
    assert [q["id"] for q in inactive["questions"]] == [first["id"]]


def test_a_question_is_told_with_its_history(api: Api, settings: Settings) -> None:
    run_id = run_chain(work_for(api.bank, settings, count=3, types=("logic",)))
    chosen = api.get(f"{ADMIN}/questions").json["questions"][0]["id"]
    question = QuestionRead.model_validate_json(api.get(f"{ADMIN}/questions/{chosen}").content)
    assert str(question.run_id) == str(run_id)
    assert question.history[0].state == "inserted"
    assert question.history[0].judgement is not None
    assert [call.purpose for call in question.calls] == ["generate"]


def test_batches_by_run_and_status(api: Api, settings: Settings) -> None:
    run_id = run_chain(work_for(api.bank, settings, count=7, types=("math",), difficulties=("easy",)))
    batches = api.get(f"{ADMIN}/batches", {"run_id": run_id, "status": "completed"}).json["batches"]
    assert sum(batch["size"] for batch in batches) >= 7
    assert api.get(f"{ADMIN}/batches", {"status": ["pending", "generating"]}).json["total"] == 0
    assert api.get(f"{ADMIN}/batches/{batches[0]['id']}").json == batches[0]


def test_alerts_by_state(api: Api) -> None:
    alert = an_alert(api.bank)
    assert [a["id"] for a in api.get(f"{ADMIN}/alerts", {"state": "open"}).json["alerts"]] == [alert]
    assert api.get(f"{ADMIN}/alerts", {"state": "resolved"}).json["total"] == 0
    assert api.get(f"{ADMIN}/alerts/{alert}").json["details"] == {"count": 3}


def test_an_alert_is_acknowledged_once_and_by_a_writer(api: Api) -> None:
    place = f"{ADMIN}/alerts/{an_alert(api.bank)}/acknowledge"
    assert api.post(place, {"actor": "duty"}, key=READER.key).status == 403
    first, second = (api.post(place, {"actor": "duty"}).json for _ in range(2))
    assert (first["changed"], first["alert"]["state"], first["alert"]["acknowledged_by"]) == (
        True,
        "acknowledged",
        "duty",
    )
    assert (first["alert"]["acknowledged_reason"], second["changed"]) == (None, False)
    known = api.post(
        f"{ADMIN}/alerts/{an_alert(api.bank, subject='a')}/acknowledge", {"actor": "duty", "reason": "on it"}
    )
    assert known.json["alert"]["acknowledged_reason"] == "on it"
    assert api.post(f"{ADMIN}/alerts/{uuid4()}/acknowledge", {"actor": "duty"}).status == 404
    assert api.get(f"{ADMIN}/alerts/{first['alert']['id']}").json["deliveries"] == []


def test_a_mute_is_made_listed_and_ended_by_a_writer(api: Api) -> None:
    place, wanted = f"{ADMIN}/alert-mutes", {"hours": 8, "actor": "duty", "rule": "stock", "reason": "moving house"}
    assert api.post(place, wanted, key=READER.key).status == 403
    assert api.post(place, {**wanted, "rule": "weather"}).status == 422
    made = api.post(place, wanted)
    assert (made.status, made.json["rule"], made.json["created_by"]) == (201, "stock", "duty")
    assert [mute["id"] for mute in api.get(place).json["mutes"]] == [made.json["id"]]
    ended = api.post(f"{place}/{made.json['id']}/end", {"actor": "duty"})
    assert ended.json["ended_by"] == "duty"
    assert api.get(place).json["mutes"] == []
    assert api.post(f"{place}/{uuid4()}/end", {"actor": "duty"}).status == 404


def test_metrics_for_prometheus_count_stock_runs_alerts_and_requests(api: Api, settings: Settings) -> None:
    run_chain(work_for(api.bank, settings, count=3, types=("math",)))
    an_alert(api.bank)
    api.get(f"{RUNS}/17")
    lines = api.get("/metrics").content.decode().splitlines()
    assert 'qgen_alerts_unresolved{severity="critical"} 1' in lines
    assert 'qgen_runs_last_30_days{status="success"} 1' in lines
    assert any(line.startswith('qgen_questions_active{stratum="math__easy"} ') for line in lines)
    route = 'method="GET",route="/v1/admin/generation-runs/{run_id}",status="422"'
    assert f"qgen_http_requests_total{{{route}}} 1" in lines
    samples = [line for line in lines if not line.startswith("#")]
    assert all(float(line.rpartition(" ")[2]) >= 0 for line in samples)
