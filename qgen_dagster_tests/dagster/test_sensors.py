"""The sensors: dead runs are closed and left to retry, fills go on in rounds, plans fan out over strata once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG
from sqlalchemy import text

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.core.question import Question
from qgen_dagster.definitions import defs
from qgen_dagster.defs import sensors
from qgen_dagster.defs.attempts import CLI, LAUNCHED_BY_TAG, PROCESS_TAG, ask_again_for_retries, this_process
from qgen_dagster.defs.launch import run_job
from qgen_dagster.defs.ranges import STRATA
from qgen_dagster.defs.resources import PARENT_RUN_TAG, PLAN_TAG, ROUND_TAG, STRATUM_TAG, run_config
from qgen_dagster.generation.provider import BatchRequest, ErrorCategory, ProviderError
from qgen_dagster.services import work as work_module
from qgen_dagster.services.run_reporter import tell
from qgen_dagster_tests.support.balancing import Balancing
from qgen_dagster_tests.support.chain import with_script
from qgen_dagster_tests.support.receivers import answering, receiving

GONE = f"{this_process().rsplit('/', 2)[0]}/{2**22 + 1}/1.00"  # beyond the largest pid of this machine
MATH_EASY = {"types": ["math"], "difficulties": ["easy"]}


def status(balancing: Balancing, run_id: str) -> dg.DagsterRunStatus:
    run = balancing.instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


# ── dead runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def look_for_dead_runs(balancing: Balancing) -> str:
    context = dg.build_sensor_context(instance=balancing.instance, definitions=defs)
    answer = sensors.dead_runs(context)
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def begun(balancing: Balancing, process: str = GONE, **tags: str) -> str:
    """A run that Dagster takes for under way."""
    job = defs.resolve_job_def("auto_balance")
    tags[PROCESS_TAG] = process
    run = balancing.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    return run.run_id


def recorded(balancing: Balancing, run_id: str) -> None:
    """The row that the run would have, which nobody holds."""
    with balancing.bank.begin() as tx:
        run_rows.create_run(tx, UUID(run_id), work_module.now(), {"environment": "development"})


def test_a_run_whose_process_is_gone_is_closed_as_killed_and_failed(balancing: Balancing) -> None:
    run_id = begun(balancing)
    recorded(balancing, run_id)
    assert look_for_dead_runs(balancing) == "closed 1 dead runs"
    with balancing.bank.begin() as tx:
        row = run_rows.get_run(tx, UUID(run_id))
    assert row is not None
    assert (row["status"], row["exit_code"]) == ("killed", 2)
    assert status(balancing, run_id) is dg.DagsterRunStatus.FAILURE
    assert look_for_dead_runs(balancing) == "no dead runs"


def test_a_dead_run_may_be_retried_by_the_daemon(balancing: Balancing) -> None:
    run_id = begun(balancing)
    recorded(balancing, run_id)
    look_for_dead_runs(balancing)
    run = balancing.instance.get_run_by_id(run_id)
    assert run is not None
    assert "dagster/max_retries" not in run.tags
    assert run.tags["dagster/will_retry"] == "true"


def failures(balancing: Balancing, run_id: str) -> int:
    return len(balancing.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE))


def test_a_retry_that_dagster_promised_and_forgot_is_asked_for_again(balancing: Balancing) -> None:
    run_id = begun(balancing)
    look_for_dead_runs(balancing)
    soon, later, too_late = (work_module.now() + timedelta(seconds=n) for n in (20, 120, 7_200))
    assert ask_again_for_retries(balancing.instance, soon) == []
    assert ask_again_for_retries(balancing.instance, too_late) == []
    assert failures(balancing, run_id) == 1
    assert ask_again_for_retries(balancing.instance, later) == [run_id]
    assert failures(balancing, run_id) == 2  # what the retrying daemon looks for

    balancing.instance.add_run_tags(run_id, {AUTO_RETRY_RUN_ID_TAG: "the retry"})
    assert ask_again_for_retries(balancing.instance, later) == []


def test_a_dead_run_of_the_command_line_is_left_to_its_operator(balancing: Balancing) -> None:
    run_id = begun(balancing, **{"dagster/max_retries": "0", LAUNCHED_BY_TAG: CLI})
    assert look_for_dead_runs(balancing) == "closed 1 dead runs"
    run = balancing.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.tags.get("dagster/will_retry") != "true"


def test_a_run_that_died_before_it_had_a_row_is_closed_too(balancing: Balancing) -> None:
    run_id = begun(balancing)
    assert look_for_dead_runs(balancing) == "closed 1 dead runs"
    assert status(balancing, run_id) is dg.DagsterRunStatus.FAILURE


@pytest.mark.parametrize("process", [this_process(), "another-machine/1/1.00"], ids=["this process", "elsewhere"])
def test_a_run_that_may_be_alive_is_left_alone(balancing: Balancing, process: str) -> None:
    run_id = begun(balancing, process)
    assert look_for_dead_runs(balancing) == "no dead runs"
    assert status(balancing, run_id) is dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize("under_way", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING])
def test_a_retry_that_dagster_has_begun_by_itself_is_left_alone(
    balancing: Balancing, under_way: dg.DagsterRunStatus
) -> None:
    """Dagster's code server may notice a killed run before the sensor does."""
    killed = begun(balancing)
    recorded(balancing, killed)
    run = balancing.instance.get_run_by_id(killed)
    assert run is not None
    balancing.instance.report_run_failed(run, "Run execution process unexpectedly exited")
    lineage = {"dagster/parent_run_id": killed, "dagster/root_run_id": killed, "dagster/is_resume_retry": "true"}
    retry = balancing.instance.create_run_for_job(
        defs.resolve_job_def("auto_balance"),
        status=under_way,
        tags=lineage,
        parent_run_id=killed,
        root_run_id=killed,
    )
    assert look_for_dead_runs(balancing) == "closed 1 dead runs"  # its row
    assert status(balancing, retry.run_id) is under_way


def test_a_row_without_a_dagster_run_is_closed_all_the_same(balancing: Balancing) -> None:
    recorded(balancing, str(uuid4()))
    assert look_for_dead_runs(balancing) == "closed 1 dead runs"


# ── strata ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_strata_can_be_chosen_before_the_first_run(balancing: Balancing) -> None:
    said = [
        str(answer.skip_message)
        for _ in range(2)
        if isinstance(answer := sensors.new_strata(dg.build_sensor_context(instance=balancing.instance)), dg.SkipReason)
    ]
    assert balancing.instance.get_dynamic_partitions(STRATA) == balancing.keys
    assert said[0].startswith("registered pattern__easy, ")
    assert said[1] == "no new strata"


# ── rounds ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def after(balancing: Balancing, run_id: str, sensor: dg.SensorDefinition) -> object:
    """What the sensor answers to the success of the run."""
    run = balancing.instance.get_run_by_id(run_id)
    assert run is not None
    [event] = [
        entry.dagster_event
        for entry in balancing.instance.all_logs(run_id)
        if entry.dagster_event and entry.dagster_event.event_type_value == "PIPELINE_SUCCESS"
    ]
    with dg.build_run_status_sensor_context(
        sensor.name, event, balancing.instance, run, repository_def=defs.get_repository_def()
    ) as context:
        return sensor(context)


@contextmanager
def half_of_it(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A provider that fails every second batch."""

    def script(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if (request.first_place // 5) % 2:
            raise ProviderError(ErrorCategory.INVALID_REQUEST, "400")
        return questions

    make_work = work_module.make_work
    with monkeypatch.context() as patch:
        patch.setattr(work_module, "make_work", lambda *a, **k: with_script(make_work(*a, **k), script)[0])
        yield


def launched_by_daemon(balancing: Balancing, run_id: str) -> str:
    """The same run as if the daemon had launched it."""
    balancing.instance.add_run_tags(run_id, {LAUNCHED_BY_TAG: "daemon"})
    return run_id


def first_round(balancing: Balancing, monkeypatch: pytest.MonkeyPatch, **options: object) -> str:
    with half_of_it(monkeypatch):
        result = balancing.auto_balance(target_per_stratum=10, **MATH_EASY, **{"fill": True, **options})
    assert balancing.active() == {"math__easy": 5}
    return launched_by_daemon(balancing, result.run_id)


def test_a_fill_with_deficit_left_goes_on_with_the_next_round(
    balancing: Balancing, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = first_round(balancing, monkeypatch)
    request = after(balancing, first, sensors.fill_rounds)
    assert isinstance(request, dg.RunRequest)
    assert request.run_key == f"{first}:2"
    assert (request.tags[PARENT_RUN_TAG], request.tags[ROUND_TAG]) == (first, "2")
    assert request.run_config == run_config(fill=True, target_per_stratum=10, **MATH_EASY)

    second = run_job(
        "auto_balance", instance=balancing.instance, tags=dict(request.tags), run_config=request.run_config
    )
    assert balancing.active() == {"math__easy": 10}
    with balancing.bank.begin() as tx:
        row = run_rows.get_run(tx, UUID(second.run_id))
    assert row is not None
    assert (row["round"], str(row["parent_run_id"])) == (2, first)
    over = after(balancing, launched_by_daemon(balancing, second.run_id), sensors.fill_rounds)
    assert isinstance(over, dg.SkipReason)
    assert over.skip_message == "no deficit is left"


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"fill": False}, "one round was asked for"), ({"max_rounds": 1}, "1 rounds were allowed")],
)
def test_rounds_end_by_the_rules_of_the_command_line(
    balancing: Balancing, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], reason: str
) -> None:
    answer = after(balancing, first_round(balancing, monkeypatch, **options), sensors.fill_rounds)
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message == reason


def test_the_budget_counts_what_all_rounds_cost(balancing: Balancing, monkeypatch: pytest.MonkeyPatch) -> None:
    first = first_round(balancing, monkeypatch, budget_usd=1.0)
    second = uuid4()
    with balancing.bank.begin() as tx:
        tx.execute(text("UPDATE question_generation_runs SET cost_usd = :cost"), {"cost": Decimal("0.9")})
        row = run_rows.get_run(tx, UUID(first))
        assert row is not None
        copied = {k: v for k, v in row.items() if k not in ("id", "started_at")}
        later = {**copied, "parent_run_id": UUID(first), "round": 2, "cost_usd": Decimal("0.2")}
        run_rows.create_run(tx, second, row["started_at"], later)
    from qgen_dagster.services.balance import following_round

    assert following_round(balancing.bank, balancing.settings, second) == "the budget of 1.0 USD is spent"


def test_the_command_line_runs_its_rounds_itself(balancing: Balancing, monkeypatch: pytest.MonkeyPatch) -> None:
    with half_of_it(monkeypatch):
        result = balancing.auto_balance(target_per_stratum=10, fill=True, **MATH_EASY)
    answer = after(balancing, result.run_id, sensors.fill_rounds)
    assert isinstance(answer, dg.SkipReason)
    assert answer.skip_message == "the command line runs its rounds itself"


# ── fan-out ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_fans_out_into_one_run_per_planned_stratum_once(balancing: Balancing) -> None:
    options = {"types": ["math"], "count": 5}
    planned = run_job("plan_fan_out", instance=balancing.instance, run_config=run_config(**options))
    assert planned.success, planned.error
    answers = [after(balancing, planned.run_id, sensors.fan_out) for _ in range(2)]
    for answer in answers:
        assert isinstance(answer, dg.SensorResult)
        requests = answer.run_requests or []
        assert [r.partition_key for r in requests] == ["math__easy", "math__medium", "math__hard"]
        assert [r.run_key for r in requests] == [f"{planned.run_id}:{r.partition_key}" for r in requests]
        assert all(r.tags[PLAN_TAG] == planned.run_id and r.tags[STRATUM_TAG] == r.partition_key for r in requests)


def test_the_runs_of_a_fan_out_share_the_plan(balancing: Balancing) -> None:
    planned = run_job("plan_fan_out", instance=balancing.instance, run_config=run_config(types=["math"], count=5))
    answer = after(balancing, planned.run_id, sensors.fan_out)
    assert isinstance(answer, dg.SensorResult)
    for request in answer.run_requests or []:
        done = run_job(
            "generate_stratum",
            instance=balancing.instance,
            partition_key=request.partition_key,
            run_config=request.run_config,
            tags=dict(request.tags),
        )
        assert done.success, done.error
    assert balancing.active() == {"math__easy": 2, "math__medium": 2, "math__hard": 1}


# ── late reports ──────────────────────────────────────────────────────────────────────────────────────────────────────


def send_late_reports(balancing: Balancing) -> str:
    answer = sensors.late_reports(dg.build_sensor_context(instance=balancing.instance, definitions=defs))
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message)


def test_late_reports_are_sent_when_somebody_is_there(balancing: Balancing, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "QGEN_REPORT_URL" in send_late_reports(balancing)
    with receiving(answering(503)) as busy:
        monkeypatch.setenv("QGEN_REPORT_URL", busy.url)
        assert send_late_reports(balancing) == "nothing to report"
        run_id = uuid4()
        with balancing.bank.begin() as tx:
            run_rows.create_run(tx, run_id, work_module.now(), {})
            tell(tx, run_id, work_module.now())
        assert send_late_reports(balancing) == "0 reports delivered, 0 refused, 1 wait"
        assert len(busy.bodies) == 1
    said = f'{{"id": "{run_id}", "status": "running", "outcome": "created"}}'.encode()
    with receiving(answering(201, said)) as there, balancing.bank.begin() as tx:
        monkeypatch.setenv("QGEN_REPORT_URL", there.url)
        tx.execute(text("UPDATE report_outbox SET next_attempt_at = now()"))
        tx.commit()
        assert send_late_reports(balancing) == "1 reports delivered, 0 refused, 0 wait"
