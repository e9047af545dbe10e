"""Runs in this process that the Dagster UI takes for its own: success, failure, interruption, death, resumption."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError

from qgen_dagster.core.errors import BillingError, ConfigurationError, ExitCode
from qgen_dagster.defs.attempts import PROCESS_TAG, close_dead_run, latest_attempt, qgen_run_id, this_process
from qgen_dagster.defs.instance import open_instance
from qgen_dagster.defs.interrupts import stop_on_interrupt, terminal
from qgen_dagster.defs.launch import NothingToResume, resume_run, run_job
from qgen_dagster.defs.ranges import range_keys, range_tags, register_strata, strata_range
from qgen_dagster.defs.watch import LaunchResult, causes
from qgen_dagster_tests.support.ui import Ui, webserver_and_daemon

from .toy_switches import KEYS, Switches

Launch = Callable[..., LaunchResult]


@pytest.fixture
def launch(instance: dg.DagsterInstance, toy_workspace: Path, switches: Switches) -> Launch:
    """Run the toy chain over all strata, unless told otherwise."""
    register_strata(instance, KEYS)

    def go(**arguments: Any) -> LaunchResult:
        if "partition_key" not in arguments:
            arguments.setdefault("partition_range", strata_range(instance, KEYS))
        return run_job("toy_chain", instance=instance, workspace=toy_workspace, **arguments)

    return go


def event_types(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    events = (entry.dagster_event for entry in instance.all_logs(run_id))
    return [event.event_type_value for event in events if event]


def materialized(instance: dg.DagsterInstance, run_id: str, asset: str) -> dict[str | None, dict[str, object]]:
    """The metadata of each partition of the asset that the run materialised."""
    events = (entry.dagster_event for entry in instance.all_logs(run_id))
    found = [
        event.step_materialization_data.materialization for event in events if event and event.is_step_materialization
    ]
    return {
        one.partition: {label: value.value for label, value in one.metadata.items()}
        for one in found
        if one.asset_key == dg.AssetKey(asset)
    }


# ── a run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_run_materialises_the_plan_once_and_every_stratum(
    launch: Launch, instance: dg.DagsterInstance, switches: Switches
) -> None:
    result = launch()
    assert (result.success, result.status, result.error) == (True, "SUCCESS", None)
    assert switches.steps() == ["inventory", "plan", "batches", "judged", "stored"]
    assert list(materialized(instance, result.run_id, "plan")) == [None]
    batches = materialized(instance, result.run_id, "batches")
    assert batches == {key: {"all": len(KEYS), "made": len(key)} for key in KEYS}


def test_a_run_over_one_stratum_leaves_the_others_alone(launch: Launch, instance: dg.DagsterInstance) -> None:
    result = launch(partition_key="math__hard")
    assert list(materialized(instance, result.run_id, "stored")) == ["math__hard"]


def test_the_run_is_recorded_with_its_id_tags_config_and_code_location(
    launch: Launch, instance: dg.DagsterInstance, switches: Switches
) -> None:
    run_id = str(uuid4())
    config = {"ops": {"plan": {"config": {"count": 7}}}}
    assert launch(run_id=run_id, tags={"qgen/by": "test"}, run_config=config).run_id == run_id
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.job_name == "toy_chain"
    assert run.run_config == config
    assert run.remote_job_origin is not None
    assert run.remote_job_origin.location_name == "qgen"
    assert {"qgen/by": "test", "toy": "yes", "dagster/code_location": "qgen"}.items() <= run.tags.items()
    assert "plan 7" in switches.notes()


def test_a_typed_run_config_is_taken_too(launch: Launch, switches: Switches) -> None:
    from .toy_location import ToyConfig

    assert launch(run_config=dg.RunConfig(ops={"plan": ToyConfig(count=3)})).success
    assert "plan 3" in switches.notes()


def test_other_definitions_may_stand_in_for_those_of_the_workspace(launch: Launch) -> None:
    from .toy_location import Bank, defs

    opened: list[str] = []

    class Other(Bank):
        def setup_for_execution(self, context: dg.InitResourceContext) -> None:
            opened.append("other")

    replaced = dg.Definitions.merge(dg.Definitions(assets=defs.assets, jobs=defs.jobs, resources={"bank": Other()}))
    assert launch(definitions=replaced).success
    assert opened == ["other"]


def test_a_resource_is_opened_once_for_the_whole_run_and_closed_also_on_failure(
    launch: Launch, switches: Switches
) -> None:
    switches.on("billing")
    assert not launch().success
    assert [note for note in switches.notes() if note in ("open", "close")] == ["open", "close"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"partition_key": "cooking__easy"}, "Not registered as partitions: cooking__easy"),
        ({"partition_range": ("verbal__easy", "math__easy")}, "was registered before"),
        ({"partition_range": ("math__easy", "math__hard"), "partition_key": "math__easy"}, "not both"),
        ({"run_config": {"ops": {"plan": {"config": {"count": "many"}}}}}, "refuses its configuration"),
    ],
)
def test_what_cannot_run_is_refused_before_anything_is_recorded(
    launch: Launch, instance: dg.DagsterInstance, arguments: dict[str, Any], message: str
) -> None:
    before = instance.get_runs_count()
    with pytest.raises(ConfigurationError, match=message):
        launch(**arguments)
    assert instance.get_runs_count() == before


def test_an_unknown_job_is_refused_with_the_known_ones(instance: dg.DagsterInstance, toy_workspace: Path) -> None:
    with pytest.raises(ConfigurationError, match="toy_chain"):
        run_job("auto_ballance", instance=instance, workspace=toy_workspace)


# ── failure ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_exception_of_a_failed_step_comes_back_with_its_causes(launch: Launch, switches: Switches) -> None:
    switches.on("billing")
    result = launch()
    assert (result.status, result.failed_steps, result.interrupted) == ("FAILURE", ("judged",), False)
    assert [type(exc) for exc in causes(result.error)] == [BillingError, ConnectionError]
    assert result.expected_error is not None
    assert result.expected_error.exit_code is ExitCode.BILLING


def test_a_blocking_check_that_fails_stops_the_chain(launch: Launch, switches: Switches) -> None:
    switches.on("unsound")
    result = launch()
    assert not result.success
    assert result.failed_steps == ("judged_judged_is_sound",)
    assert "stored" not in switches.steps()


def test_a_resource_that_cannot_be_opened_fails_the_run_with_its_exception(
    launch: Launch, instance: dg.DagsterInstance
) -> None:
    from .toy_location import Bank, defs

    class Closed(Bank):
        def setup_for_execution(self, context: dg.InitResourceContext) -> None:
            raise BillingError("no bank")

    replaced = dg.Definitions.merge(dg.Definitions(assets=defs.assets, jobs=defs.jobs, resources={"bank": Closed()}))
    result = launch(definitions=replaced)
    assert result.status == "FAILURE"
    assert isinstance(result.expected_error, BillingError)


# ── resuming ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_run_is_resumed_with_the_steps_that_are_missing(
    launch: Launch, instance: dg.DagsterInstance, toy_workspace: Path, switches: Switches
) -> None:
    switches.on("billing")
    first = launch(tags={"qgen/by": "test"})
    switches.off("billing")
    switches.forget()
    second = resume_run(first.run_id, instance=instance, workspace=toy_workspace)
    assert second.success
    assert switches.steps() == ["judged", "stored"]
    run = instance.get_run_by_id(second.run_id)
    assert run is not None
    assert (run.parent_run_id, run.root_run_id) == (first.run_id, first.run_id)
    assert {"dagster/is_resume_retry": "true", "qgen/by": "test"}.items() <= run.tags.items()
    assert "dagster/failure_reason" not in run.tags
    assert sorted(str(key) for key in materialized(instance, second.run_id, "stored")) == sorted(KEYS)


def test_our_run_is_its_first_attempt_and_resuming_goes_on_with_the_last(
    launch: Launch, instance: dg.DagsterInstance, toy_workspace: Path, switches: Switches
) -> None:
    switches.on("billing")
    first = launch()
    second = resume_run(first.run_id, instance=instance, workspace=toy_workspace)
    switches.off("billing")
    third = resume_run(first.run_id, instance=instance, workspace=toy_workspace)
    run = instance.get_run_by_id(third.run_id)
    assert run is not None
    assert run.parent_run_id == second.run_id
    assert qgen_run_id(instance, run) == first.run_id
    assert latest_attempt(instance, first.run_id).run_id == third.run_id
    with pytest.raises(NothingToResume):
        resume_run(first.run_id, instance=instance, workspace=toy_workspace)


@pytest.mark.parametrize(
    ("tags", "goes_on"),
    [
        ({"dagster/is_resume_retry": "true"}, True),
        ({"dagster/is_asset_resume_retry": "true"}, True),
        ({"dagster/step_selection": "stored"}, True),
        ({}, False),
    ],
)
def test_only_an_attempt_that_goes_on_with_another_is_the_same_run_of_ours(
    instance: dg.DagsterInstance, tags: dict[str, str], goes_on: bool
) -> None:
    from .toy_location import defs

    job = defs.resolve_job_def("toy_chain")
    first = instance.create_run_for_job(job)
    lineage = {"dagster/parent_run_id": first.run_id, "dagster/root_run_id": first.run_id}
    again = instance.create_run_for_job(
        job, parent_run_id=first.run_id, root_run_id=first.run_id, tags={**tags, **lineage}
    )
    assert qgen_run_id(instance, again) == (first.run_id if goes_on else again.run_id)
    assert latest_attempt(instance, first.run_id).run_id == (again.run_id if goes_on else first.run_id)


def test_an_unknown_run_cannot_be_resumed_or_closed(instance: dg.DagsterInstance) -> None:
    for act in (
        lambda: resume_run(str(uuid4()), instance=instance),
        lambda: close_dead_run(instance, str(uuid4()), reason="gone"),
    ):
        with pytest.raises(ConfigurationError, match="knows no run"):
            act()


# ── interruption and death, in a process of its own ───────────────────────────────────────────────────────────────────

CHILD = """
import sys
from pathlib import Path
from qgen_dagster.defs.instance import open_instance
from qgen_dagster.defs.interrupts import terminal
from qgen_dagster.defs.launch import run_job
from qgen_dagster.defs.ranges import strata_range
home, url, workspace, run_id = sys.argv[1:]
with open_instance(Path(home), url) as instance, terminal() as real:
    keys = instance.get_dynamic_partitions("strata")
    result = run_job("toy_chain", instance=instance, workspace=Path(workspace), run_id=run_id,
                     partition_range=strata_range(instance, keys))
    print(result.status, result.interrupted, file=real.stdout)
"""


@pytest.fixture
def sleeper(
    instance: dg.DagsterInstance, dagster_home: Path, database: str, toy_workspace: Path, switches: Switches
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process whose run is in the middle of a step, and the run's id."""
    register_strata(instance, KEYS)
    switches.on("sleep")
    run_id = str(uuid4())
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", CHILD, str(dagster_home), database, str(toy_workspace), run_id],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: "asleep" in switches.notes())
    yield process, run_id
    process.kill()
    process.communicate()


def wait_until(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


def ends(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    over = ("PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED")
    return [kind for kind in event_types(instance, run_id) if kind in over]


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGINT, signal.SIGINT], [signal.SIGTERM]])
def test_a_signal_ends_the_run_as_canceled_once_and_it_can_be_resumed(
    instance: dg.DagsterInstance,
    toy_workspace: Path,
    sleeper: tuple[subprocess.Popen[str], str],
    switches: Switches,
    signals: list[signal.Signals],
) -> None:
    process, run_id = sleeper
    for number in signals:  # to the whole group, as a terminal does
        os.killpg(process.pid, number)
        time.sleep(0.02)
    output, complaints = process.communicate(timeout=30)
    assert (output, complaints, process.returncode) == ("CANCELED True\n", "", 0)
    assert ends(instance, run_id) == ["PIPELINE_CANCELED"]
    assert switches.notes()[-1] == "close"
    switches.off("sleep")
    assert resume_run(run_id, instance=instance, workspace=toy_workspace).success


def test_terminating_the_run_in_the_ui_stops_the_process(
    instance: dg.DagsterInstance, sleeper: tuple[subprocess.Popen[str], str]
) -> None:
    process, run_id = sleeper
    run = instance.get_run_by_id(run_id)
    assert run is not None
    instance.report_run_canceling(run)  # all that the webserver can do for a run that it did not launch
    assert process.communicate(timeout=30)[0] == "CANCELED True\n"
    assert ends(instance, run_id) == ["PIPELINE_CANCELED"]


def test_a_killed_run_is_closed_once_and_goes_on_where_it_was(
    instance: dg.DagsterInstance,
    toy_workspace: Path,
    sleeper: tuple[subprocess.Popen[str], str],
    switches: Switches,
) -> None:
    process, run_id = sleeper
    process.kill()
    process.wait()
    with pytest.raises(ConfigurationError, match="has not ended"):
        resume_run(run_id, instance=instance, workspace=toy_workspace)
    assert close_dead_run(instance, run_id, reason="Its process is gone.")
    assert not close_dead_run(instance, run_id, reason="Its process is gone.")
    assert ends(instance, run_id) == ["PIPELINE_FAILURE"]
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags["dagster/will_retry"] == "false"  # the daemon leaves it to us
    switches.off("sleep")
    switches.forget()
    assert resume_run(run_id, instance=instance, workspace=toy_workspace).success
    assert switches.steps() == ["judged", "stored"]


def test_a_run_whose_process_died_before_its_first_step_is_resumed_from_the_start(
    instance: dg.DagsterInstance, toy_workspace: Path, switches: Switches
) -> None:
    from .toy_location import defs

    register_strata(instance, KEYS)
    host = this_process().rsplit("/", 2)[0]
    tags = {"dagster/partition": "math__easy", PROCESS_TAG: f"{host}/{2**22 + 1}/1.00"}  # beyond the largest pid
    run_id = instance.create_run_for_job(defs.resolve_job_def("toy_chain"), tags=tags).run_id
    assert close_dead_run(instance, run_id, reason="Its process is gone.")
    assert resume_run(run_id, instance=instance, workspace=toy_workspace).success
    assert switches.steps() == ["inventory", "plan", "batches", "judged", "stored"]


def test_work_in_a_step_may_end_in_good_order_when_it_is_interrupted() -> None:
    done: list[str] = []

    @dg.op
    def work() -> None:
        with stop_on_interrupt(lambda: done.append("told")) as stop:
            signal.raise_signal(signal.SIGINT)
            done.append("saved what succeeded" if stop.is_set() else "not stopped")
        done.append("never")

    @dg.job(executor_def=dg.in_process_executor)
    def chain() -> None:
        work()

    assert not chain.execute_in_process(raise_on_error=False).success
    assert done == ["told", "saved what succeeded"]


def test_a_second_interrupt_does_not_wait_for_good_order() -> None:
    reached: list[bool] = []

    def work() -> None:
        with stop_on_interrupt() as stop:
            signal.raise_signal(signal.SIGINT)
            reached.append(stop.is_set())
            signal.raise_signal(signal.SIGINT)
            reached.append(False)

    with pytest.raises(DagsterExecutionInterruptedError):
        work()
    assert reached == [True]


def test_the_signal_handlers_are_as_they_were_after_a_run(launch: Launch) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    launch()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_run_may_be_started_in_another_thread(launch: Launch) -> None:
    results: list[LaunchResult] = []
    thread = threading.Thread(target=lambda: results.append(launch()))
    thread.start()
    thread.join()
    assert results[0].success


# ── the terminal ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_quiet_run_prints_nothing_but_the_ui_has_it_all(
    launch: Launch, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    result = launch()
    assert capfd.readouterr() == ("", "")
    events = instance.all_logs(result.run_id)
    assert "a line for the event log" in [entry.user_message for entry in events]
    [capture] = [
        e.dagster_event for e in events if e.dagster_event and e.dagster_event.event_type_value == "LOGS_CAPTURED"
    ]
    manager = instance.compute_log_manager
    key = manager.build_log_key_for_run(result.run_id, capture.logs_captured_data.file_key)
    captured = manager.get_log_data(key)
    assert captured.stdout is not None
    assert captured.stderr is not None
    assert b"a line on standard output" in captured.stdout
    assert b"a line on standard error" in captured.stderr


def test_a_run_that_is_not_quiet_prints_its_events(launch: Launch, capfd: pytest.CaptureFixture[str]) -> None:
    launch(quiet=False)
    assert "RUN_SUCCESS" in capfd.readouterr().err


def test_progress_reaches_the_terminal_while_a_quiet_run_has_the_streams(
    launch: Launch, switches: Switches, capfd: pytest.CaptureFixture[str]
) -> None:
    from .toy_location import Bank, defs

    with terminal() as real:

        class Speaker(Bank):
            def setup_for_execution(self, context: dg.InitResourceContext) -> None:
                print("not for the terminal")
                print("Generated 5/50 questions (batch 1/10)", file=real.stderr)

        replaced = dg.Definitions.merge(
            dg.Definitions(assets=defs.assets, jobs=defs.jobs, resources={"bank": Speaker()})
        )
        assert launch(definitions=replaced).success
    assert capfd.readouterr() == ("", "Generated 5/50 questions (batch 1/10)\n")


# ── partitions ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def empty_instance(dagster_home: Path, new_database: Callable[[], str]) -> Iterator[dg.DagsterInstance]:
    with open_instance(dagster_home, new_database()) as opened:
        yield opened


def test_strata_keep_the_order_in_which_they_were_registered(empty_instance: dg.DagsterInstance) -> None:
    assert register_strata(empty_instance, ["c__x", "a__x"]) == ["c__x", "a__x"]
    assert register_strata(empty_instance, ["a__x", "b__x", "c__x", "b__x"]) == ["b__x"]
    assert empty_instance.get_dynamic_partitions("strata") == ["c__x", "a__x", "b__x"]
    assert range_keys(empty_instance, "c__x", "b__x") == ["c__x", "a__x", "b__x"]
    assert strata_range(empty_instance, {"b__x", "c__x"}) == ("c__x", "b__x")
    with pytest.raises(ConfigurationError, match="No strata"):
        strata_range(empty_instance, [])
    assert range_tags("c__x", "b__x") == {
        "dagster/asset_partition_range_start": "c__x",
        "dagster/asset_partition_range_end": "b__x",
    }


# ── the UI's processes ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ui(dagster_home: Path, database: str, toy_workspace: Path, switches: Switches, tmp_path: Path) -> Iterator[Ui]:
    environment = {**os.environ, "DAGSTER_HOME": str(dagster_home), "QGEN_DAGSTER_DATABASE_URL": database}
    with webserver_and_daemon(toy_workspace, environment, tmp_path / "processes.log") as up:
        yield up


@pytest.mark.e2e
def test_the_ui_shows_a_run_of_the_command_line_as_its_own_and_re_executes_it(
    ui: Ui, launch: Launch, instance: dg.DagsterInstance, switches: Switches
) -> None:
    switches.on("billing")
    failed = launch()
    switches.off("billing")

    shown = ui.ask(
        """query($r: ID!) { runOrError(runId: $r) { ... on Run {
             jobName status pipelineSnapshotId repositoryOrigin { id } assets { key { path } } } } }""",
        r=failed.run_id,
    )["runOrError"]
    [repository] = ui.ask(
        """{ repositoriesOrError { ... on RepositoryConnection { nodes {
               location { name } origin { id } jobs { name pipelineSnapshotId } } } } }"""
    )["repositoriesOrError"]["nodes"]
    snapshots = {job["name"]: job["pipelineSnapshotId"] for job in repository["jobs"]}
    assert repository["location"]["name"] == "qgen"
    assert shown["status"] == "FAILURE"
    assert shown["repositoryOrigin"]["id"] == repository["origin"]["id"]
    assert shown["pipelineSnapshotId"] == snapshots["toy_chain"]
    [batches] = ui.ask(
        """{ assetNodes(assetKeys: [{path: ["batches"]}]) {
               latestRunForPartition(partition: "math__hard") { runId }
               assetPartitionStatuses { ... on DefaultPartitionStatuses { materializedPartitions } } } }"""
    )["assetNodes"]
    assert batches["latestRunForPartition"]["runId"] == failed.run_id
    assert set(KEYS) <= set(batches["assetPartitionStatuses"]["materializedPartitions"])

    for strategy, steps, same in (
        ("FROM_FAILURE", ["judged", "stored"], True),
        ("FROM_ASSET_FAILURE", ["judged", "stored"], True),
        ("ALL_STEPS", ["inventory", "plan", "batches", "judged", "stored"], False),
    ):
        switches.forget()
        again = ui.re_execute(failed.run_id, strategy)["runId"]
        wait_until(lambda again=again: bool(ends(instance, again)))  # type: ignore[misc]
        assert ends(instance, again) == ["PIPELINE_SUCCESS"]
        assert switches.steps() == steps
        run = instance.get_run_by_id(again)
        assert run is not None
        assert (qgen_run_id(instance, run) == failed.run_id) is same
