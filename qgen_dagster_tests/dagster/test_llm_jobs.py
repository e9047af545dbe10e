"""Runs in batch mode that Dagster has started: they end while their jobs are under way, and the sensor goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import text

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.core.progress import silent
from qgen_dagster.definitions import defs
from qgen_dagster.defs import sensors
from qgen_dagster.defs.attempts import GOES_ON_TAG, LAUNCHED_BY_TAG, latest_attempt, qgen_run_id
from qgen_dagster.defs.going_on import going_on
from qgen_dagster.defs.launch import run_job
from qgen_dagster.defs.launcher import DagsterLauncher
from qgen_dagster.defs.schedules import nightly_auto_balance
from qgen_dagster.services.balance import following_round
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.balancing import Balancing
from qgen_dagster_tests.support.written import with_models

BATCH: dict[str, Any] = {"mode": "batch", "types": ["math"], "difficulties": ["easy"], "count": 5, "evenly": True}
DAY = 24 * 3_600


@pytest.fixture
def llm(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLlm]:
    with FakeLlm(batch_delay=3_600) as running:
        for name, value in running.env.items():
            monkeypatch.setenv(name, value)
        yield running


def by_the_daemon(balancing: Balancing, run_id: str) -> str:
    """The same run as if the daemon had launched it."""
    balancing.instance.add_run_tags(run_id, {LAUNCHED_BY_TAG: "daemon"})
    return run_id


def started(balancing: Balancing, **options: Any) -> str:
    """A run in batch mode that waits now."""
    result = balancing.auto_balance(**{**BATCH, **options})
    assert result.success
    failed = {name for name, passed in balancing.checks(result.run_id).items() if not passed}
    assert failed <= {"coverage"}  # that there is little stock is true
    return by_the_daemon(balancing, result.run_id)


def look(balancing: Balancing) -> list[dg.RunRequest] | str:
    """What the sensor requests, or why nothing."""
    context = dg.build_sensor_context(instance=balancing.instance, definitions=defs)
    answer = sensors.llm_jobs(context)
    if isinstance(answer, dg.SkipReason):
        return str(answer.skip_message)
    assert isinstance(answer, dg.SensorResult)
    return list(answer.run_requests or ())


def execute(balancing: Balancing, request: dg.RunRequest) -> str:
    """What the daemon does with a request."""
    assert request.job_name is not None
    result = run_job(
        request.job_name,
        instance=balancing.instance,
        tags=dict(request.tags),
        run_config=request.run_config,
        assets=request.asset_selection,
    )
    assert result.success
    return by_the_daemon(balancing, result.run_id)


def row_of(balancing: Balancing, run_id: str) -> dict[str, Any]:
    with balancing.bank.begin() as tx:
        row = run_rows.get_run(tx, UUID(run_id))
    assert row is not None
    return row


def requested(balancing: Balancing) -> dg.RunRequest:
    answer = look(balancing)
    assert isinstance(answer, list), answer
    [request] = answer
    return request


def test_a_run_in_batch_mode_is_gone_on_with_until_all_is_in_the_bank(balancing: Balancing, llm: FakeLlm) -> None:
    run_id = started(balancing)
    keys, reasons = [], [row_of(balancing, run_id)["stop_reason"]]
    while reasons[-1] != "finished":
        row = row_of(balancing, run_id)
        assert (row["status"], row["exit_code"]) == ("partial_failure", 1)
        assert look(balancing) == "1 runs wait for batch jobs"
        llm.advance(2 * 3_600)
        request = requested(balancing)
        keys.append(request.run_key)
        attempt = execute(balancing, request)
        assert qgen_run_id(balancing.instance, latest_attempt(balancing.instance, run_id)) == run_id
        assert latest_attempt(balancing.instance, run_id).run_id == attempt
        reasons.append(row_of(balancing, run_id)["stop_reason"])
    assert reasons == ["waits for 1 batch job", "waits for 2 batch jobs", "waits for 1 batch job", "finished"]
    assert len(set(keys)) == 3
    assert look(balancing) == "no run waits"
    assert balancing.active() == {"math__easy": 5}
    assert llm.stats.paid_twice == 0
    assert sum(provider.jobs for provider in llm.stats.providers.values()) == 4
    assert row_of(balancing, run_id)["status"] == "success"
    assert len(balancing.instance.get_runs()) == 4


def test_a_stratum_on_its_own_is_gone_on_with_as_such(balancing: Balancing, llm: FakeLlm) -> None:
    result = balancing.generate_stratum("math__easy", mode="batch", count=5)
    assert result.success
    run_id = by_the_daemon(balancing, result.run_id)
    llm.advance(DAY)
    request = requested(balancing)
    assert (request.job_name, request.tags["dagster/partition"]) == ("generate_stratum", "math__easy")
    execute(balancing, request)
    assert row_of(balancing, run_id)["stop_reason"] == "waits for 2 batch jobs"


def test_chosen_assets_are_gone_on_with_and_no_others(balancing: Balancing, llm: FakeLlm) -> None:
    done = balancing.materialise("generated_batches", key="math__easy", mode="batch", count=5)
    assert done.success
    run = balancing.instance.get_run_by_id(done.run_id)
    assert run is not None
    llm.advance(DAY)
    request = requested(balancing)
    assert (request.job_name, request.asset_selection) == ("generate_stratum", (dg.AssetKey("generated_batches"),))
    execute(balancing, request)
    with balancing.bank.begin() as tx:
        states = tx.execute(text("SELECT DISTINCT state FROM candidates")).scalars().all()
    assert states == ["generated"]
    assert row_of(balancing, done.run_id)["questions_generated"] == 5


def test_runs_of_the_command_line_and_stopped_ones_are_left_to_their_operators(
    balancing: Balancing, llm: FakeLlm
) -> None:
    result = balancing.auto_balance(**BATCH)
    llm.advance(DAY)
    assert look(balancing) == "1 runs wait, left to their operators"
    by_the_daemon(balancing, result.run_id)
    run = balancing.instance.get_run_by_id(result.run_id)
    assert run is not None
    retry = balancing.instance.create_run_for_job(
        defs.resolve_job_def("auto_balance"),
        status=dg.DagsterRunStatus.CANCELED,
        tags=dict(going_on(balancing.instance, run).tags),
    )
    assert latest_attempt(balancing.instance, result.run_id).run_id == retry.run_id
    assert look(balancing) == "1 runs wait, left to their operators"


def test_resuming_a_run_that_ended_waiting_goes_on_with_it_to_its_end(balancing: Balancing, llm: FakeLlm) -> None:
    run_id = started(balancing)
    llm.control(advance=DAY, batch_delay=0)
    launcher = DagsterLauncher(balancing.instance, with_models(balancing.settings, llm), silent)
    assert launcher.resume(UUID(run_id)) is None
    assert row_of(balancing, run_id)["stop_reason"] == "finished"
    assert balancing.active() == {"math__easy": 5}
    assert llm.stats["openai"].jobs == 1


def test_no_round_follows_and_no_night_begins_while_a_run_waits(balancing: Balancing, llm: FakeLlm) -> None:
    run_id = started(balancing, fill=True, count=None, evenly=False, target_per_stratum=5)
    following = following_round(balancing.bank, balancing.settings, UUID(run_id))
    assert following == "the last round waits for 1 batch jobs"
    context = dg.build_schedule_context(instance=balancing.instance, repository_def=defs.get_repository_def())
    answer = nightly_auto_balance(context)
    assert isinstance(answer, dg.SkipReason)
    assert str(answer.skip_message) == f"run {run_id} waits for batch jobs"


def test_executing_everything_again_is_a_new_run_though_dagster_copies_the_tag(
    balancing: Balancing, llm: FakeLlm
) -> None:
    run_id = started(balancing)
    llm.advance(DAY)
    attempt = execute(balancing, requested(balancing))
    run = balancing.instance.get_run_by_id(attempt)
    assert run is not None
    assert run.tags[GOES_ON_TAG] == qgen_run_id(balancing.instance, run) == run_id
    lineage = {"dagster/parent_run_id": attempt, "dagster/root_run_id": attempt}
    again, resumed = (
        balancing.instance.create_run_for_job(
            defs.resolve_job_def("auto_balance"),
            tags={**run.tags, **lineage, **more},
            parent_run_id=attempt,
            root_run_id=attempt,
        )
        for more in ({}, {"dagster/is_resume_retry": "true"})
    )
    assert qgen_run_id(balancing.instance, again) == again.run_id
    assert qgen_run_id(balancing.instance, resumed) == run_id
    assert latest_attempt(balancing.instance, run_id).run_id == resumed.run_id
