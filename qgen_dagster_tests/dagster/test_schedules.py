"""The nightly schedule: what it requests, and when it does not."""

from __future__ import annotations

import dagster as dg

from qgen_dagster.definitions import defs
from qgen_dagster.defs.ranges import STRATA
from qgen_dagster.defs.resources import run_config
from qgen_dagster.defs.schedules import nightly_auto_balance
from qgen_dagster_tests.support.balancing import Balancing


def tick(balancing: Balancing) -> dg.RunRequest | dg.SkipReason:
    context = dg.build_schedule_context(instance=balancing.instance, repository_def=defs.get_repository_def())
    answer = nightly_auto_balance(context)
    assert isinstance(answer, dg.RunRequest | dg.SkipReason)
    return answer


def begun(balancing: Balancing, job: str, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    return balancing.instance.create_run_for_job(defs.resolve_job_def(job), status=status)


def test_the_night_fills_all_strata_registering_those_that_are_new(balancing: Balancing) -> None:
    request = tick(balancing)
    assert isinstance(request, dg.RunRequest)
    assert balancing.instance.get_dynamic_partitions(STRATA) == balancing.keys
    assert request.run_config == run_config(fill=True, triggered_by="scheduler")
    assert request.tags["dagster/asset_partition_range_start"] == balancing.keys[0]
    assert request.tags["dagster/asset_partition_range_end"] == balancing.keys[-1]


def test_what_the_night_requests_can_be_run(balancing: Balancing) -> None:
    request = tick(balancing)
    assert isinstance(request, dg.RunRequest)
    config = run_config(**request.run_config["resources"]["run"]["config"], target_per_stratum=1)
    run = defs.resolve_job_def("auto_balance").execute_in_process(
        instance=balancing.instance, tags=dict(request.tags), run_config=config
    )
    assert run.success
    assert balancing.active() == dict.fromkeys(balancing.keys, 1)


def test_the_night_is_skipped_while_a_run_is_under_way(balancing: Balancing) -> None:
    running = begun(balancing, "auto_balance", dg.DagsterRunStatus.STARTED)
    answer = tick(balancing)
    assert isinstance(answer, dg.SkipReason)
    assert running.run_id in str(answer.skip_message)


def test_neither_ended_runs_nor_other_jobs_hold_up_the_night(balancing: Balancing) -> None:
    begun(balancing, "auto_balance", dg.DagsterRunStatus.FAILURE)
    begun(balancing, "generate_stratum", dg.DagsterRunStatus.STARTED)
    assert isinstance(tick(balancing), dg.RunRequest)
