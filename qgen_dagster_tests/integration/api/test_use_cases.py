"""The seven questions of the specification, each answered by one request and by one command, on a known history."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from qgen_dagster.cli.main import app
from qgen_dagster_tests.support.api import RUNS, Api
from qgen_dagster_tests.support.history import FAILED, FLAGS, INSERTED, PERIOD, RUNS_IN_ALL, tell


@pytest.fixture
def history(api: Api) -> list[dict[str, Any]]:
    return tell(api)


def asked(api: Api, what: str, query: Any = None) -> dict[str, Any]:
    answer = api.get(f"{RUNS}/{what}", {**PERIOD, **(query or {})})
    assert answer.status == 200, answer.content
    return dict(answer.json)


@pytest.fixture
def qgen(bank_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    monkeypatch.setenv("QGEN_HOME", str(tmp_path))
    monkeypatch.setenv("QGEN_DATABASE_URL", bank_url)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args: str) -> str:
        result = CliRunner().invoke(app, ["runs", *args])
        assert result.exit_code == 0, result.output
        assert [line for line in result.stdout.splitlines() if len(line) > 80 and "--json" not in args] == []
        return result.stdout

    return run


def told(qgen: Any, *args: str) -> dict[str, Any]:
    return dict(json.loads(qgen(*args, *FLAGS, "--json")))


def test_1_average_arbiter_scores_over_a_period(api: Api, qgen: Any, history: Any) -> None:
    points = {p["start"][:10]: p["average_score"] for p in asked(api, "timeseries")["points"]}
    assert len(points) == 30
    assert points["2026-03-02"] == pytest.approx(0.7)
    assert points["2026-03-09"] == pytest.approx(0.8)
    assert points["2026-03-20"] is None
    trend = next(t for t in told(qgen, "trend")["trends"] if t["metric"] == "avg_arbiter_score")
    assert trend["direction"] == "improving"
    assert asked(api, "stats")["scores"]["average"] == pytest.approx(0.75)
    assert "improving" in qgen("trend", *FLAGS)


def test_2_the_provider_with_the_highest_approval_rate(api: Api, qgen: Any, history: Any) -> None:
    providers = asked(api, "stats")["providers"]
    assert [p["provider"] for p in providers] == ["beta", "alpha"]
    assert providers[0]["approval_rate"] == pytest.approx((15 + 19) / 40)
    assert providers[1]["approval_rate"] == pytest.approx((20 + 26) / 60)
    assert told(qgen, "stats")["providers"] == providers
    assert "85.0%" in qgen("stats", *FLAGS)


def test_3_runs_that_failed_through_rate_limits(api: Api, qgen: Any, history: Any) -> None:
    week = {"since": "2026-03-04T00:00:00Z", "until": "2026-03-11T00:00:00Z"}
    expected = [{"category": "rate_limit", "severity": "high", "errors": 12, "runs": 3, "failed_runs": FAILED}]
    assert asked(api, "stats", week)["errors"] == expected
    assert told(qgen, "failures")["errors"] == expected
    assert "rate_limit" in qgen("failures", *FLAGS)


def test_4_api_calls_per_inserted_question(api: Api, qgen: Any, history: Any) -> None:
    efficiency = asked(api, "stats")["efficiency"]
    assert efficiency["api_calls_per_inserted"] == pytest.approx(RUNS_IN_ALL * 30 / INSERTED)
    assert efficiency["cost_usd_per_inserted"] == pytest.approx(RUNS_IN_ALL * 0.5 / INSERTED)
    assert told(qgen, "cost")["efficiency"] == efficiency
    assert "calls per inserted  0.86" in qgen("cost", *FLAGS)


def test_5_whether_a_prompt_version_improved_approval(api: Api, qgen: Any, history: Any) -> None:
    found = asked(api, "compare", {"prompt_version": ["2.0", "2.1"]})
    assert [v["approval_rate"] for v in found["versions"]] == [0.7, 0.9]
    [approval, *_] = found["differences"]
    assert approval["difference"] == pytest.approx(0.2)
    assert (approval["more_than_chance"], approval["better"]) == (True, "2.1")
    assert told(qgen, "compare", "2.0", "2.1")["differences"] == found["differences"]
    assert "more than chance: 2.1 is better" in qgen("compare", "2.0", "2.1", *FLAGS)
    assert "more than chance: 2.1 is better" in qgen("compare", "2.0", "2.1")  # the whole history


def test_6_the_duration_of_a_batch_of_fifty(api: Api, qgen: Any, history: Any) -> None:
    found = asked(api, "stats")
    assert found["efficiency"]["seconds_per_50_requested"] == pytest.approx(150)
    assert found["duration_seconds"] == {
        "runs": 20,
        "average": 150.0,
        "p50": 150.0,
        "p90": 200.0,
        "p95": 200.0,
        "p99": 200.0,
    }
    assert told(qgen, "capacity")["duration_seconds"] == found["duration_seconds"]
    assert "2 min 30 s" in qgen("capacity", *FLAGS)


def test_7_three_bad_runs_in_a_row(api: Api, qgen: Any, history: Any) -> None:
    streak = asked(api, "stats")["low_success_streak"]
    assert (streak["length"], streak["alert"]) == (1, False)  # the morning runs between them were good
    assert streak["run_ids"] == [history[-1]["id"]]
    strict = asked(api, "stats", {"success_threshold": 0.95})["low_success_streak"]
    assert (strict["length"], strict["alert"]) == (20, True)
    assert told(qgen, "failures", "--below", "0.95")["low_success_streak"] == strict
    assert "alert: 3 or more" in qgen("failures", "--below", "0.95", *FLAGS)


def test_totals_and_rates_are_weighted_by_volume(api: Api, history: Any) -> None:
    found = asked(api, "stats")
    assert found["runs"] == {"total": 21, "running": 1, "success": 17, "partial_failure": 0, "failed": 3, "killed": 0}
    assert found["totals"]["questions_inserted"] == INSERTED
    assert found["totals"]["cost_usd"] == pytest.approx(10.0)
    assert found["rates"]["overall_success_rate"] == pytest.approx(INSERTED / 1000)
    assert found["rates"]["approval_rate"] == pytest.approx(0.8)
    assert found["rates"]["duplicate_rate"] == 0.0
    assert {p["name"]: p["generated"] for p in found["types"]} == {"math": 600, "logic": 400}
    interval = found["rates"]["approval_interval"]
    assert interval["low"] < 0.8 < interval["high"]


def test_a_period_without_runs_has_no_rates(api: Api, history: Any) -> None:
    found = asked(api, "stats", {"since": "2026-05-01T00:00:00Z", "until": "2026-06-01T00:00:00Z"})
    assert set(found["rates"].values()) == {None}
    assert found["totals"]["cost_usd"] is None
    assert {t["direction"] for t in found["trends"]} == {"not enough data"}


def test_an_environment_and_a_prompt_version_narrow_the_statistics(api: Api, history: Any) -> None:
    assert asked(api, "stats", {"environment": "staging"})["runs"]["total"] == 0
    narrowed = asked(api, "stats", {"prompt_version": "2.0", "environment": "production"})
    assert narrowed["runs"]["total"] == 10
    assert narrowed["rates"]["approval_rate"] == 0.7


def test_hours_add_up_to_days(api: Api, history: Any) -> None:
    hours = asked(api, "timeseries", {"bucket": "hour"})["points"]
    assert len(hours) == 30 * 24
    assert sum(p["runs"] for p in hours) == RUNS_IN_ALL
    assert next(p for p in hours if p["start"].startswith("2026-03-08T20"))["failed_runs"] == 1


def test_statistics_stay_true_when_an_old_run_changes(api: Api, history: Any) -> None:
    before = asked(api, "stats")["totals"]["questions_inserted"]
    late = {**history[0], "questions_inserted": 30, "heartbeat_at": "2026-03-12T00:00:00Z"}
    assert api.post(RUNS, late).json["outcome"] == "updated"
    assert asked(api, "stats")["totals"]["questions_inserted"] == before - 5
    with api.bank.begin() as tx:
        tx.exec_driver_sql("DELETE FROM question_generation_runs WHERE prompt_version = '2.1'")
    assert asked(api, "stats")["totals"]["questions_inserted"] == 345
