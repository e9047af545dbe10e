"""The alert sensors on a real instance: told once, cheap when nothing changes, calm when something is away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import text

from qgen_dagster.core.question import Question
from qgen_dagster.definitions import defs
from qgen_dagster.defs import alert_sensors
from qgen_dagster.generation.provider import BatchRequest, ErrorCategory, ProviderError
from qgen_dagster.services import work as work_module
from qgen_dagster_tests.support.balancing import Balancing
from qgen_dagster_tests.support.chain import with_script
from qgen_dagster_tests.support.channels import Webhook, webhook


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook() as started:
        monkeypatch.setenv("QGEN_ALERT_URLS", started.url + "?rto=30&cto=30")
        yield started


def tick(balancing: Balancing, sensor: dg.SensorDefinition, cursor: str | None = None) -> tuple[str, str | None]:
    """What the sensor says, and its cursor afterwards."""
    context = dg.build_sensor_context(instance=balancing.instance, definitions=defs, cursor=cursor)
    answer = sensor(context)
    assert isinstance(answer, dg.SkipReason)
    return str(answer.skip_message), context.cursor


def test_low_stock_is_told_once_and_then_only_counted(balancing: Balancing, hook: Webhook) -> None:
    said, cursor = tick(balancing, alert_sensors.inventory_alerts)
    assert said == "qgen: critical: 18 strata: 1 delivered"
    assert hook.titles == ["qgen: critical: 18 strata"]
    assert "Nothing: the schedule nightly_auto_balance is off" in hook.received[0]["message"]
    said, again = tick(balancing, alert_sensors.inventory_alerts, cursor)
    assert (said, again) == ("nothing has changed", cursor)


def test_a_change_of_a_level_is_looked_at_at_once(balancing: Balancing, hook: Webhook) -> None:
    _, cursor = tick(balancing, alert_sensors.inventory_alerts)
    balancing.auto_balance(types=["math"], difficulties=["easy"], count=50, skip_inventory_alerts=True)
    said, cursor = tick(balancing, alert_sensors.inventory_alerts, cursor)
    assert said.startswith("nothing to tell")  # its recovery waits for the cooldown
    assert json.loads(str(cursor))["waits"] is True


def test_a_whole_run_ends_with_a_look_at_the_stock_unless_it_is_told_not_to(
    balancing: Balancing, hook: Webhook
) -> None:
    assert balancing.auto_balance(types=["math"], count=1, skip_inventory_alerts=True).success
    assert hook.titles == []
    assert balancing.auto_balance(types=["math"], count=1).success
    assert hook.titles == ["qgen: critical: 18 strata"]


def test_an_alert_that_cannot_be_raised_fails_no_run(
    balancing: Balancing, hook: Webhook, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "alerting.yaml"
    file.write_text('channels:\n  all: ["${PAGER}"]\n', encoding="utf-8")
    monkeypatch.setenv("QGEN_ALERTING_CONFIG", str(file))
    assert balancing.auto_balance(types=["math"], count=1).success


def test_a_failed_run_is_told_once_by_whichever_sensor_comes_first(
    balancing: Balancing, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: BatchRequest, questions: list[Question]) -> list[Question]:
        raise ProviderError(ErrorCategory.INVALID_REQUEST, "400")

    make_work = work_module.make_work
    with monkeypatch.context() as patch:
        patch.setattr(work_module, "make_work", lambda *a, **k: with_script(make_work(*a, **k), broken)[0])
        balancing.auto_balance(types=["math"], count=2, skip_inventory_alerts=True)
    said, _ = tick(balancing, alert_sensors.run_alerts)
    assert said == "qgen: warning: failed run: 1 delivered"
    assert tick(balancing, alert_sensors.run_alerts)[0] == "nothing to tell"
    assert "failed" in hook.received[0]["message"]


def test_a_run_that_never_came_to_be_recorded_is_told_by_dagsters_own_word(balancing: Balancing, hook: Webhook) -> None:
    run = balancing.instance.create_run_for_job(defs.resolve_job_def("auto_balance"))
    balancing.instance.report_run_failed(run, "the code location could not be loaded")
    [event] = [
        entry.dagster_event
        for entry in balancing.instance.all_logs(run.run_id)
        if entry.dagster_event and entry.dagster_event.event_type_value == "PIPELINE_FAILURE"
    ]
    failed = balancing.instance.get_run_by_id(run.run_id)
    assert failed is not None
    with dg.build_run_status_sensor_context(
        "failed_run_alerts", event, balancing.instance, failed, repository_def=defs.get_repository_def()
    ) as context:
        alert_sensors.failed_run_alerts(context.for_run_failure())
    assert hook.titles == ["qgen: warning: failed run"]
    assert "could not be loaded" in hook.received[0]["message"]


def test_a_bad_configuration_is_said_and_fails_no_tick(
    balancing: Balancing, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QGEN_ALERT_URLS", "not an address")
    for sensor in (alert_sensors.inventory_alerts, alert_sensors.run_alerts):
        assert tick(balancing, sensor)[0] == "not now: QGEN_ALERT_URLS: entry 1 is not an address"


def test_a_database_that_is_away_fails_no_tick(balancing: Balancing, monkeypatch: pytest.MonkeyPatch) -> None:
    with balancing.bank.begin() as tx:
        tx.execute(text("ALTER TABLE alerts RENAME TO elsewhere"))
    monkeypatch.setenv("QGEN_ALERT_URLS", "json://127.0.0.1:9/")
    for sensor in (alert_sensors.inventory_alerts, alert_sensors.run_alerts):
        assert tick(balancing, sensor)[0].startswith("not now: the database schema does not fit")
