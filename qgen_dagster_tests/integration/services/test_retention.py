"""Old history goes and nothing that it added up to: statistics, questions and their pages are the same afterwards."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.run_days import Period
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.services import retention
from qgen_dagster.services.admin_reads import read_question
from qgen_dagster.services.retention import count_old, cutoff, prune
from qgen_dagster.services.run_reports import report
from qgen_dagster.services.run_statistics import compare_versions, run_stats, timeseries
from qgen_dagster.tracking.run_schemas import QuestionGenerationRunCreate
from qgen_dagster_tests.support.api import a_run
from qgen_dagster_tests.support.chain import run_chain, work_for

NOW = datetime(2026, 6, 20, 12, tzinfo=UTC)
BEFORE = cutoff(NOW, 90)  # 22 March
MATH = {"types": ("math",), "difficulties": ("easy",)}


def told(bank: Bank, at: datetime, **changes: Any) -> UUID:
    """A run that ended, ten minutes after it began."""
    times = {"started_at": at.isoformat(), "completed_at": (at + timedelta(minutes=10)).isoformat()}
    done = QuestionGenerationRunCreate.model_validate({**a_run(), **times, **changes})
    return report(bank, done).id


def a_history(bank: Bank, runs: int = 60) -> list[UUID]:
    """Runs of half a year up to June, no two alike."""
    rng = random.Random(7)
    made = []
    for n in range(runs):
        at = datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(hours=rng.randrange(24 * 165))
        approved = rng.randrange(30, 47)
        provider = rng.choice(["openai", "google"])
        seconds = rng.randrange(60, 600) + rng.random()
        more = {
            "questions_approved": approved,
            "questions_rejected": 50 - approved,
            "questions_inserted": approved - 2,
            "duration_seconds": seconds,
            "avg_arbiter_score": rng.random() * 0.2 + 0.7,
            "min_arbiter_score": 0.5,
            "max_arbiter_score": 0.95,
            "status": rng.choice(["success", "failed", "partial_failure"]),
            "exit_code": None,
            "prompt_version": rng.choice(["1.0", "2.0"]),
            "environment": rng.choice(["production", "staging"]),
            "provider_metrics": {provider: {"generated": 50, "api_calls": 20, "approved": approved, "evaluated": 50}},
            "error_summary": {"by_category": {"rate_limit": n % 3}},
            "funnel": {
                "total": {"requested": 50},
                "strata": {"math__easy": {"requested": 50, "generated": 50, "inserted": approved - 2}},
            },
            **({"cost_usd": 0.5, "input_tokens": 1000, "output_tokens": n} if n % 4 else {}),
        }
        made.append(told(bank, at, **more))
    return made


def answers(bank: Bank) -> list[Any]:
    """What statistics say of all of it, of parts of it, day by day, and of two prompt versions."""
    whole = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    staging = Period(whole.since, whole.until, "staging")
    early = Period(datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC))
    found: list[Any] = []
    for period in (whole, staging, early):
        found += [run_stats(bank, period, NOW), timeseries(bank, period, "day", NOW)]
        found.append(compare_versions(bank, period, ["1.0", "2.0"], NOW))
    return [json.loads(one.model_dump_json()) for one in found]


def same(a: Any, b: Any) -> bool:
    """Equal, but for the last digits of sums that were added in another order."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == pytest.approx(b, rel=1e-9, abs=1e-9) if isinstance(a, float) and b is not None else bool(a == b)


def count(bank: Bank, table: str) -> int:
    with bank.begin() as tx:
        return int(tx.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def moved_back(bank: Bank, days: int = 365) -> None:
    """Everything that there is happened so many days earlier."""
    columns = {
        "question_generation_runs": ("started_at", "completed_at", "heartbeat_at"),
        "llm_calls": ("created_at",),
        "generation_plans": ("created_at",),
    }
    with bank.begin() as tx:
        for table, names in columns.items():
            sets = ", ".join(f"{name} = {name} - interval '{days} days'" for name in names)
            tx.execute(text(f"UPDATE {table} SET {sets}"))


@pytest.mark.parametrize("summed_up", [True, False])
def test_statistics_say_the_same_before_and_after(bank: Bank, summed_up: bool) -> None:
    runs = a_history(bank)
    before = answers(bank)
    if not summed_up:
        with bank.begin() as tx:
            tx.execute(text("DELETE FROM run_days"))
    gone = prune(bank, BEFORE)
    assert 10 < gone["runs"] < len(runs)
    assert count(bank, "question_generation_runs") == len(runs) - gone["runs"]
    assert same(answers(bank), before)
    with bank.begin() as tx:
        tx.execute(text("DELETE FROM run_days"))  # they are made anew from what is there
    assert same(answers(bank), before)


def test_a_report_that_comes_after_its_day_was_pruned_is_added_to_it(bank: Bank) -> None:
    a_history(bank)
    period = Period(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
    before = run_stats(bank, period, NOW)
    prune(bank, BEFORE)
    with bank.begin() as tx:
        [day] = tx.execute(text("SELECT min(day) FROM pruned_run_days")).one()
    told(bank, datetime.combine(day, datetime.min.time(), tzinfo=UTC), questions_inserted=40)
    after = run_stats(bank, period, NOW)
    assert after.runs.total == before.runs.total + 1
    assert after.totals.questions_inserted == before.totals.questions_inserted + 40
    assert after.duration_seconds.runs == before.duration_seconds.runs + 1
    assert prune(bank, BEFORE)["runs"] == 1  # and goes in its turn, with the day's sums kept
    assert same(json.loads(run_stats(bank, period, NOW).model_dump_json()), json.loads(after.model_dump_json()))


def test_a_stopped_purge_goes_on_where_it_was(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    a_history(bank, 30)
    monkeypatch.setattr(retention, "RUNS_AT_ONCE", 3)
    before, wanted = answers(bank), count_old(bank, BEFORE)["runs"]
    steps: list[int] = []
    first = prune(bank, BEFORE, tell=lambda gone: steps.append(gone["runs"]), should_stop=lambda: bool(steps))
    assert (first["runs"], steps) == (3, [3])
    assert same(answers(bank), before)
    assert prune(bank, BEFORE)["runs"] == wanted - 3
    assert same(answers(bank), before)
    assert not any(prune(bank, BEFORE).values())


def test_what_is_counted_is_what_goes(bank: Bank, settings: Settings) -> None:
    run_chain(work_for(bank, settings, count=12, **MATH))
    moved_back(bank)
    with bank.begin() as tx:  # the questions of one batch were never inserted
        of_batch = "SELECT c.id FROM candidates c JOIN question_batches b ON b.id = c.batch_id WHERE b.index = 1"
        tx.execute(text(f"DELETE FROM questions WHERE candidate_id IN ({of_batch})"))
    counted = count_old(bank, BEFORE)
    assert (counted["runs"], counted["candidates"], counted["batches"], counted["calls"]) == (1, 5, 1, 1)
    assert counted["plans"] == 1
    assert prune(bank, BEFORE) == counted
    assert not any(count_old(bank, BEFORE).values())


def test_a_question_in_the_bank_keeps_all_that_its_page_shows(bank: Bank, settings: Settings) -> None:
    work = work_for(bank, settings, count=5, **MATH)
    run_chain(work)
    moved_back(bank)
    with bank.begin() as tx:
        ids = list(tx.execute(text("SELECT id FROM questions")).scalars())
        # One of them was made by salvage of another candidate.
        [child] = tx.execute(text("SELECT candidate_id FROM questions LIMIT 1")).one()
        parent = uuid4()
        tx.execute(
            text(
                "INSERT INTO candidates (id, run_id, batch_id, place, question_type, difficulty, requested_difficulty,"
                " state, content, content_hash, provider) SELECT :parent, run_id, batch_id, place, question_type,"
                " difficulty, requested_difficulty, 'superseded', content, 'x', provider FROM candidates WHERE id = :id"
            ),
            {"parent": parent, "id": child},
        )
        tx.execute(
            text("UPDATE candidates SET parent_candidate_id = :parent WHERE id = :id"), {"parent": parent, "id": child}
        )
        inactive = "UPDATE questions SET is_active = false, deactivated_at = now() WHERE candidate_id <> :id"
        tx.execute(text(inactive), {"id": child})
    pages = {id_: read_question(bank, id_) for id_ in ids}
    assert max(len(page["history"]) for page in pages.values() if page) == 2
    gone = prune(bank, BEFORE)
    assert (gone["runs"], gone["candidates"], gone["calls"]) == (1, 0, 0)
    assert count(bank, "question_generation_runs") == 0
    assert {id_: read_question(bank, id_) for id_ in ids} == pages
    assert count(bank, "candidate_embeddings") == 0
    assert count(bank, "question_embeddings") == 5


@pytest.mark.parametrize(
    "busy",
    [
        "UPDATE question_generation_runs SET status = 'running', completed_at = NULL",
        "UPDATE candidates SET state = 'generated'",
        "UPDATE candidates SET state = 'unique'",
        "UPDATE question_batches SET status = 'pending'",
        "INSERT INTO llm_jobs (run_id, provider, model, purpose, label, state, calls)"
        " SELECT id, 'openai', 'm', 'solve', 'x', 'running', '{}' FROM question_generation_runs",
    ],
    ids=["running", "candidate to judge", "candidate to insert", "batch", "batch job"],
)
def test_a_run_that_has_something_left_to_do_stays_whole(bank: Bank, settings: Settings, busy: str) -> None:
    run_chain(work_for(bank, settings, count=5, **MATH))
    moved_back(bank)
    with bank.begin() as tx:
        tx.execute(text(busy))
    assert not any(count_old(bank, BEFORE).values())
    assert not any(prune(bank, BEFORE).values())
    assert (count(bank, "candidates"), count(bank, "llm_calls"), count(bank, "generation_plans")) == (5, 1, 1)


def test_a_run_that_somebody_changes_at_this_moment_is_passed_over(bank: Bank) -> None:
    first, second = told(bank, BEFORE - timedelta(days=3)), told(bank, BEFORE - timedelta(days=2))
    with bank.begin() as other:
        other.execute(text("SELECT 1 FROM question_generation_runs WHERE id = :id FOR UPDATE"), {"id": first})
        assert prune(bank, BEFORE)["runs"] == 1
    with bank.begin() as tx:
        assert tx.execute(text("SELECT id FROM question_generation_runs")).scalars().all() == [first]
    assert second != first
    assert prune(bank, BEFORE)["runs"] == 1


def test_days_go_as_a_whole(bank: Bank) -> None:
    told(bank, BEFORE - timedelta(minutes=15))
    over_midnight = told(bank, BEFORE - timedelta(minutes=5))
    told(bank, BEFORE)
    assert prune(bank, BEFORE)["runs"] == 1
    assert over_midnight is not None
    assert count(bank, "question_generation_runs") == 2
    assert cutoff(NOW, 90) == datetime(2026, 3, 22, tzinfo=UTC)
    with pytest.raises(ConfigurationError):
        cutoff(NOW, 0)
    with pytest.raises(ConfigurationError):
        cutoff(NOW, 10**6)


def test_old_snapshots_alerts_reports_and_calls_go_too(bank: Bank) -> None:
    long_ago, lately = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    run_id = told(bank, lately)
    snapshot = (
        "INSERT INTO inventory_snapshots (taken_at, target_per_stratum, thresholds, total, total_deficit, counts)"
        " VALUES (:at, 50, '{}', :n, 0, '{}')"
    )
    columns = "rule, subject, severity, message, state, resolved_at"
    alert = f"INSERT INTO alerts ({columns}) VALUES ('r', :n, 'critical', 'm', :s, :at)"
    call = "INSERT INTO llm_calls (purpose, provider, request_hash, created_at) VALUES ('check', 'x', 'y', :at)"
    with bank.begin() as tx:
        for n in range(30):
            tx.execute(text(snapshot), {"at": long_ago + timedelta(hours=n), "n": n})
        for n, state, at in (("1", "resolved", long_ago), ("2", "resolved", lately), ("3", "open", None)):
            tx.execute(text(alert), {"at": at, "n": n, "s": state})
        for at in (long_ago, lately):
            tx.execute(text(call), {"at": at})
        for run, delivered in ((uuid4(), long_ago), (run_id, long_ago), (uuid4(), None)):
            tx.execute(
                text("INSERT INTO report_outbox (run_id, payload, delivered_at) VALUES (:run, '{}', :at)"),
                {"run": run, "at": delivered},
            )
    gone = prune(bank, BEFORE)
    assert gone["snapshots"] == 28
    with bank.begin() as tx:  # the last of each day
        assert tx.execute(text("SELECT total FROM inventory_snapshots ORDER BY 1")).scalars().all() == [23, 29]
    assert (gone["resolved alerts"], gone["calls of no run"], gone["delivered reports"]) == (1, 1, 1)
    assert (count(bank, "alerts"), count(bank, "llm_calls"), count(bank, "report_outbox")) == (2, 1, 2)


def test_later_rounds_stay_when_the_first_goes(bank: Bank) -> None:
    first = told(bank, BEFORE - timedelta(days=3))
    second = told(bank, BEFORE + timedelta(days=3), parent_run_id=str(first), round=2)
    period = Period(BEFORE - timedelta(days=10), BEFORE + timedelta(days=10))
    before = run_stats(bank, period, NOW)
    assert prune(bank, BEFORE)["runs"] == 1
    assert run_stats(bank, period, NOW) == before
    with bank.begin() as tx:
        assert tx.execute(text("SELECT id, parent_run_id FROM question_generation_runs")).all() == [(second, None)]
