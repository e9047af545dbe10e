"""What an operator does in the Dagster UI, through its API, with real processes: run, backfill, re-execute, schedule.

The tests build on each other's bank but not on each other's strata.
"""

from __future__ import annotations

import os
import signal

import pytest
from sqlalchemy import text

from qgen_dagster_tests.support.ui import wait_until

from .conftest import REPOSITORY, Installation

pytestmark = pytest.mark.e2e

SCHEDULE = {**REPOSITORY, "scheduleName": "nightly_auto_balance"}
FULL_DISK = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON questions FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
"""


def test_the_chain_launched_without_a_partition_fills_all_strata(installation: Installation) -> None:
    run_id = installation.launch("auto_balance", target_per_stratum=1)
    assert installation.end_of(run_id) == "SUCCESS"
    assert installation.active() == dict.fromkeys(installation.keys, 1)
    shown = installation.run(run_id)
    partitions = {m["partition"] for m in shown["assetMaterializations"] if m["assetKey"]["path"] == ["question_bank"]}
    assert partitions == set(installation.keys)
    tags = {tag["key"]: tag["value"] for tag in shown["tags"]}
    assert tags["dagster/asset_partition_range_start"] == installation.keys[0]
    assert tags["dagster/asset_partition_range_end"] == installation.keys[-1]


def test_one_stratum_is_materialised_from_its_partition(installation: Installation) -> None:
    run_id = installation.launch("generate_stratum", {"dagster/partition": "logic__hard"}, count=3)
    assert installation.end_of(run_id) == "SUCCESS"
    assert installation.active()["logic__hard"] == 4
    assert str(installation.rows()[0]["id"]) == run_id


def test_a_failed_run_goes_on_from_failure(installation: Installation) -> None:
    with installation.bank.begin() as tx:
        tx.execute(text(FULL_DISK))
    failed = installation.launch("generate_stratum", {"dagster/partition": "memory__easy"}, count=4)
    assert installation.end_of(failed) == "FAILURE"
    row = installation.rows()[0]
    assert (row["status"], row["exit_code"]) == ("failed", 4)
    assert "out of resources" in row["error"]
    with installation.bank.begin() as tx:
        tx.execute(text("DROP FUNCTION full_disk CASCADE"))

    again = str(installation.ui.re_execute(failed, "FROM_FAILURE")["runId"])
    assert installation.end_of(again) == "SUCCESS"
    assert next(step["stepKey"] for step in installation.run(again)["stepStats"]) == "question_bank"
    assert installation.active()["memory__easy"] == 5
    row = installation.rows()[0]
    assert (str(row["id"]), row["status"], row["questions_inserted"]) == (failed, "success", 4)


def test_a_backfill_of_several_strata_makes_a_run_for_each(installation: Installation) -> None:
    strata = ["verbal__easy", "verbal__hard"]
    answer = installation.ui.ask(
        """mutation($p: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $p) {
             __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }""",
        p={
            "assetSelection": [
                {"path": [asset]}
                for asset in ("generated_batches", "judged_questions", "deduplicated_questions", "question_bank")
            ],
            "partitionNames": strata,
            "runConfigData": {"resources": {"run": {"config": {"target_per_stratum": 3}}}},
            "title": "two strata",
        },
    )["launchPartitionBackfill"]
    assert answer["__typename"] == "LaunchBackfillSuccess", answer
    backfill = answer["backfillId"]

    def status() -> str:
        shown = installation.ui.ask(
            "query($b: String!) { partitionBackfillOrError(backfillId: $b) { ... on PartitionBackfill { status } } }",
            b=backfill,
        )
        return str(shown["partitionBackfillOrError"]["status"])

    wait_until(lambda: status().startswith(("COMPLETED", "FAILED", "CANCELED")), pause=1)
    assert status() == "COMPLETED_SUCCESS"
    assert {key: installation.active()[key] for key in strata} == dict.fromkeys(strata, 3)
    runs = installation.attempts("dagster/backfill", backfill)
    assert [run["status"] for run in runs] == ["SUCCESS", "SUCCESS"]


def test_the_night_can_be_looked_at_and_switched_on_and_off(installation: Installation) -> None:
    answer = installation.ui.ask(
        """mutation($s: ScheduleSelector!) { scheduleDryRun(selectorData: $s, timestamp: 1800000000) { __typename
             ... on DryRunInstigationTick { evaluationResult { skipReason error { message }
               runRequests { jobName runConfigYaml tags { key value } } } } } }""",
        s=SCHEDULE,
    )["scheduleDryRun"]
    assert answer["evaluationResult"]["error"] is None
    [request] = answer["evaluationResult"]["runRequests"]
    assert request["jobName"] == "auto_balance"
    assert "fill: true" in request["runConfigYaml"]
    assert {"key": "dagster/asset_partition_range_end", "value": installation.keys[-1]} in request["tags"]

    started = installation.ui.ask(
        """mutation($s: ScheduleSelector!) { startSchedule(scheduleSelector: $s) {
             ... on ScheduleStateResult { scheduleState { id status } } ... on PythonError { message } } }""",
        s=SCHEDULE,
    )["startSchedule"]["scheduleState"]
    assert started["status"] == "RUNNING"
    stopped = installation.ui.ask(
        """mutation($id: String!) { stopRunningSchedule(id: $id) {
             ... on ScheduleStateResult { scheduleState { status } } ... on PythonError { message } } }""",
        id=started["id"],
    )["stopRunningSchedule"]["scheduleState"]
    assert stopped["status"] == "STOPPED"


def test_a_run_whose_process_is_killed_is_closed_and_retried_by_the_daemon(installation: Installation) -> None:
    with installation.bank.begin() as tx:
        tx.execute(text("LOCK TABLE questions IN EXCLUSIVE MODE"))  # so that the run waits where it would insert
        killed = installation.launch("generate_stratum", {"dagster/partition": "spatial__easy"}, count=2)
        wait_until(lambda: bool(installation.row(killed)))
        os.kill(int(installation.row(killed)["pid"]), signal.SIGKILL)
    wait_until(
        lambda: installation.row(killed)["status"] == "success",
        pause=1,
        found=lambda: (installation.row(killed), installation.run(killed), installation.history(killed)),
    )
    assert installation.row(killed)["questions_inserted"] == 2
    assert installation.run(killed)["status"] == "FAILURE"
    [again] = installation.attempts("dagster/parent_run_id", killed)
    assert installation.end_of(again["runId"]) == "SUCCESS"
