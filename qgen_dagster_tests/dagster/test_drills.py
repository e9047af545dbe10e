"""The drill line on a real instance and a real bank: new series, planned ones, backfills of what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import dagster as dg
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG

from qgen_dagster.bank.drills import StoredSeries, list_series
from qgen_dagster.core.drills import SeriesStatus, SeriesVerdict
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.progress import silent
from qgen_dagster.defs.drill_resources import series_config
from qgen_dagster.defs.hosting import hosting
from qgen_dagster.defs.launch import run_job
from qgen_dagster.defs.partitions import SERIES
from qgen_dagster.defs.sensors import new_drill_series
from qgen_dagster.defs.watch import LaunchResult
from qgen_dagster.services.drill_options import make_build_options, make_series_options
from qgen_dagster.services.plan_drills import load_series
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.balancing import Balancing
from qgen_dagster_tests.support.drills import designed_by, planned, run_of
from qgen_dagster_tests.support.written import with_models


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


def launched(balancing: Balancing, key: str | None = None, **options: Any) -> LaunchResult:
    config = series_config(make_series_options(**{"seed": 1, **options}))
    tags = {PARTITION_NAME_TAG: key} if key else {}
    return run_job("build_drill_series", instance=balancing.instance, tags=tags, run_config=config)


def series_of(balancing: Balancing, key: str) -> StoredSeries:
    return load_series(balancing.bank, UUID(key))


def partitions(balancing: Balancing) -> list[str]:
    return list(balancing.instance.get_dynamic_partitions(SERIES))


def test_a_run_without_a_partition_plans_builds_and_checks_a_new_series(balancing: Balancing) -> None:
    result = launched(balancing, count=10)

    assert (result.success, result.error) == (True, None)
    assert partitions(balancing) == [result.run_id]
    series = series_of(balancing, result.run_id)
    assert (series.status, series.verification, series.drills) == (SeriesStatus.COMPLETED, SeriesVerdict.VERIFIED, 10)
    assert balancing.checks(result.run_id) == {"drill_quotas": True, "drill_verification": True}
    assert str(run_of(balancing.bank, series)["id"]) == result.run_id


def test_each_asset_tells_numbers_and_the_series_shows_drills_to_read(balancing: Balancing) -> None:
    run_id = launched(balancing, count=10).run_id

    library = balancing.metadata(run_id, "position_library")[None]
    plan = balancing.metadata(run_id, "drill_plan")[None]
    batches = balancing.metadata(run_id, "drill_batches")[run_id]
    whole = balancing.metadata(run_id, "drill_series")[run_id]
    assert library["positions"] == 501
    assert (plan["planned"], plan["batches"], len(plan["drills"].records)) == (10, 2, 10)
    assert plan["position_tokens"] < plan["fixed_tokens"]
    assert (batches["drills"], batches["missing"], batches["batches_failed"]) == (10, 0, 0)
    assert batches["progress"] == "Generated 10/10 drills"
    assert (whole["verdict"], whole["verified"], whole["largest_loss"]) == ("VERIFIED", 10, 0.0)
    assert whole["sample_drills"].count("](data:image/svg+xml;base64,") == 3


def test_a_series_that_was_planned_elsewhere_becomes_a_partition_and_is_built(balancing: Balancing) -> None:
    series = planned(balancing.bank, balancing.settings, count=5)
    new_drill_series(dg.build_sensor_context(instance=balancing.instance))

    result = launched(balancing, str(series.id), count=40)

    assert result.success
    assert partitions(balancing) == [str(series.id)]
    assert series_of(balancing, str(series.id)).drills == 5


def test_a_key_that_is_no_series_is_refused_with_what_to_do(balancing: Balancing) -> None:
    result = launched(balancing, "monday")

    assert isinstance(result.expected_error, ConfigurationError)
    assert "'monday' is not the id of a drill series" in str(result.expected_error)


def test_a_series_that_nobody_could_design_is_not_planned(balancing: Balancing) -> None:
    config = series_config(make_series_options(count=5), make_build_options(provider="google"))

    result = run_job("build_drill_series", instance=balancing.instance, run_config=config)

    assert not result.success
    assert "--provider google: no key is set" in str(result.error)
    assert partitions(balancing) == []
    with balancing.bank.begin() as tx:
        assert list_series(tx) == []


def test_a_backfill_of_a_series_makes_only_what_is_missing(balancing: Balancing, llm: FakeLlm, tmp_path: Path) -> None:
    settings = designed_by(with_models(balancing.settings, llm), tmp_path, "gpt-6.1-terra")
    llm.script("malformed_text:@1,2,3,4:task=drill")

    with hosting(settings, silent):
        config = series_config(make_series_options(seed=1, count=15))
        config["resources"]["series"]["config"]["max_concurrent"] = 1
        first = run_job("build_drill_series", instance=balancing.instance, run_config=config)
        broken = series_of(balancing, first.run_id)
        llm.reset()
        llm.script()
        again = launched(balancing, first.run_id, count=15)

    assert first.success
    assert (broken.status, broken.drills, broken.verification) == (
        SeriesStatus.COMPLETED,
        10,
        SeriesVerdict.NEEDS_REVIEW,
    )
    assert balancing.checks(first.run_id)["drill_verification"] is False
    assert again.success
    measured = [balancing.metadata(run.run_id, "drill_batches")[first.run_id] for run in (first, again)]
    assert [told["measured_calls"] for told in measured] == [6, 7]
    assert measured[1]["measured_tokens"] > measured[0]["measured_tokens"] > measured[0]["position_tokens"] > 0
    assert llm.stats.providers["openai"].task("drill").calls == 1
    assert balancing.checks(again.run_id) == {"drill_quotas": True, "drill_verification": True}
    assert series_of(balancing, first.run_id).drills == 15


def test_runs_of_drills_stay_out_of_what_is_said_of_questions(balancing: Balancing) -> None:
    from qgen_dagster.services.recovery import unfinished_runs

    launched(balancing, count=5)

    assert unfinished_runs(balancing.bank) == []
