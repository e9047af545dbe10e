"""Dagster's old log lines and ticks go; what its assets and checks are made of does not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import InstigatorType, TickData, TickStatus
from sqlalchemy import text

from qgen_dagster.definitions import defs
from qgen_dagster.defs import history
from qgen_dagster.defs.launch import run_job
from qgen_dagster_tests.support.balancing import Balancing

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=90)
LONG_AGO = "interval '200 days'"


def ask(instance: dg.DagsterInstance, statement: str) -> list[tuple[Any, ...]]:
    storage: Any = instance.event_log_storage
    with storage.index_connection() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


def kept_rows(instance: dg.DagsterInstance) -> list[Any]:
    """What must not change: everything with an asset key, how runs began and ended, keys, checks, runs."""
    statements = (
        "SELECT * FROM event_logs WHERE asset_key IS NOT NULL OR dagster_event_type LIKE 'ASSET%' ORDER BY id",
        "SELECT * FROM event_logs WHERE dagster_event_type LIKE 'PIPELINE%' ORDER BY id",
        *(f"SELECT * FROM {table} ORDER BY id" for table in ("asset_keys", "asset_check_executions", "runs")),
        "SELECT * FROM dynamic_partitions ORDER BY id",
    )
    return [ask(instance, statement) for statement in statements]


def test_old_log_lines_go_and_assets_and_checks_stay(balancing: Balancing) -> None:
    assert balancing.auto_balance(types=["math"], target_per_stratum=3).success
    instance = balancing.instance
    ask(instance, f"UPDATE event_logs SET timestamp = timestamp - {LONG_AGO}")
    assert balancing.auto_balance(types=["math"], target_per_stratum=3).success
    before = kept_rows(instance)
    [(lines,)] = ask(instance, "SELECT count(*) FROM event_logs")
    counted = history.count_old(instance, BEFORE)
    assert counted["Dagster log lines"] > 10
    assert history.prune(instance, BEFORE) == counted
    assert kept_rows(instance) == before
    [(left,)] = ask(instance, "SELECT count(*) FROM event_logs")
    assert left == lines - counted["Dagster log lines"]
    assert not any(history.prune(instance, BEFORE).values())

    bank = dg.AssetKey("question_bank")
    assert len(instance.fetch_materializations(bank, limit=200).records) > 0
    assert instance.get_materialized_partitions(bank)
    old, new = reversed(instance.get_runs())
    assert {old.status, new.status} == {dg.DagsterRunStatus.SUCCESS}
    assert instance.get_run_stats(old.run_id).start_time is not None
    assert balancing.auto_balance(types=["math"], target_per_stratum=4).success


def test_lines_of_a_run_that_has_not_ended_stay(balancing: Balancing) -> None:
    instance = balancing.instance
    run = instance.create_run_for_job(defs.resolve_job_def("auto_balance"), status=dg.DagsterRunStatus.STARTED)
    instance.report_engine_event("still here", run)
    ask(instance, f"UPDATE event_logs SET timestamp = timestamp - {LONG_AGO}")
    assert history.count_old(instance, BEFORE)["Dagster log lines"] == 0
    instance.report_run_failed(run)
    assert history.prune(instance, BEFORE)["Dagster log lines"] == 1


def test_a_stopped_purge_goes_on(balancing: Balancing, monkeypatch: pytest.MonkeyPatch) -> None:
    instance = balancing.instance
    run = instance.create_run_for_job(defs.resolve_job_def("auto_balance"), status=dg.DagsterRunStatus.SUCCESS)
    for n in range(10):
        instance.report_engine_event(f"line {n}", run)
    ask(instance, f"UPDATE event_logs SET timestamp = timestamp - {LONG_AGO}")
    monkeypatch.setattr(history, "_IDS_AT_ONCE", 3)
    steps: list[int] = []
    gone = history.prune(
        instance, BEFORE, tell=lambda so_far: steps.append(so_far["Dagster log lines"]), should_stop=lambda: any(steps)
    )
    assert 0 < gone["Dagster log lines"] < 10
    assert gone["Dagster log lines"] + history.prune(instance, BEFORE)["Dagster log lines"] == 10


def test_old_ticks_go_but_the_last_of_each_sensor_stays(balancing: Balancing) -> None:
    instance = balancing.instance
    for sensor in ("dead_runs", "new_strata"):
        for days in (300, 200, 100):
            at = (NOW - timedelta(days=days)).timestamp()
            tick = TickData(
                instigator_origin_id=sensor,
                instigator_name=sensor,
                instigator_type=InstigatorType.SENSOR,
                status=TickStatus.STARTED if days == 300 else TickStatus.SKIPPED,
                timestamp=at,
                selector_id=sensor,
            )
            instance.create_tick(tick)
    assert history.count_old(instance, BEFORE)["Dagster ticks"] == 2
    assert history.prune(instance, BEFORE)["Dagster ticks"] == 2
    statuses = [tick.status for tick in instance.get_ticks("dead_runs", "dead_runs")]
    assert statuses == [TickStatus.SKIPPED, TickStatus.STARTED]


def test_the_job_deletes_in_the_bank_and_in_dagster(balancing: Balancing) -> None:
    assert balancing.generate_stratum("math__easy", count=3).success
    with balancing.bank.begin() as tx:
        back = f"started_at = started_at - {LONG_AGO}, completed_at = completed_at - {LONG_AGO}"
        tx.execute(text(f"UPDATE question_generation_runs SET {back}"))
    ask(balancing.instance, f"UPDATE event_logs SET timestamp = timestamp - {LONG_AGO}")

    def purge(**config: Any) -> tuple[int, int]:
        run_config = {"ops": {"delete_old_history": {"config": config}}} if config else {}
        assert run_job("purge_history", instance=balancing.instance, run_config=run_config).success
        with balancing.bank.begin() as tx:
            runs = tx.execute(text("SELECT count(*) FROM question_generation_runs")).scalar_one()
            questions = tx.execute(text("SELECT count(*) FROM questions")).scalar_one()
        return runs, questions

    assert purge(dry_run=True) == (1, 3)
    assert purge(older_than_days=1_000) == (1, 3)
    assert history.count_old(balancing.instance, BEFORE)["Dagster log lines"] > 0
    assert purge() == (0, 3)
    assert history.count_old(balancing.instance, BEFORE)["Dagster log lines"] == 0


def test_the_schedule_starts_one_purge_at_a_time(balancing: Balancing) -> None:
    from qgen_dagster.defs.schedules import retention

    def tick() -> Any:
        return retention(dg.build_schedule_context(instance=balancing.instance))

    assert isinstance(tick(), dg.RunRequest)
    balancing.instance.create_run_for_job(defs.resolve_job_def("purge_history"), status=dg.DagsterRunStatus.STARTED)
    assert isinstance(tick(), dg.SkipReason)
