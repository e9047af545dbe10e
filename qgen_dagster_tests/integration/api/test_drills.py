"""Drill series through the admin API: listed, one with its batches, its drills with boards."""

from __future__ import annotations

from uuid import uuid4

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.tracking.drill_schemas import DrillList, DrillSeriesPage, DrillSeriesRead
from qgen_dagster_tests.support.api import RUNS, Api
from qgen_dagster_tests.support.drills import build, planned

SERIES = "/v1/admin/drill-series"


def test_series_are_listed_newest_first_and_by_status(api: Api, bank: Bank, settings: Settings) -> None:
    done = build(bank, settings, planned(bank, settings, count=5).id)
    waiting = planned(bank, settings, count=10)

    page = DrillSeriesPage.model_validate(api.get(SERIES).json)
    assert [series.id for series in page.series] == [waiting.id, done.id]
    assert (page.total, page.pages) == (2, 1)
    assert [s["id"] for s in api.get(SERIES, {"status": "PENDING"}).json["series"]] == [str(waiting.id)]
    assert api.get(SERIES, {"page": 2}).status == 404
    assert api.get(SERIES, {"status": "green"}).status == 422


def test_a_series_tells_its_progress_and_its_batches(api: Api, bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)

    told = DrillSeriesRead.model_validate(api.get(f"{SERIES}/{series.id}").json)
    assert told.progress == "Generated 10/10 drills (batch 2/2)"
    assert [batch.delivered for batch in told.batch_list] == [5, 5]
    assert (told.verification.value, told.review) == ("VERIFIED", [])


def test_drills_come_with_boards_answers_and_checks(api: Api, bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=5).id)

    told = DrillList.model_validate(api.get(f"{SERIES}/{series.id}/drills").json)
    assert [drill.index for drill in told.drills] == [0, 1, 2, 3, 4]
    assert all(drill.position.board_svg.startswith("<svg") for drill in told.drills)
    assert all(drill.answer is not None and drill.check is not None for drill in told.drills)


def test_what_is_not_there_is_a_404_and_nobody_reads_without_a_key(api: Api) -> None:
    for path in (f"{SERIES}/{uuid4()}", f"{SERIES}/{uuid4()}/drills"):
        assert api.get(path).status == 404
    assert api.get(f"{SERIES}/not-an-id").status == 422


def test_runs_of_drills_are_listed_and_leave_statistics_of_questions_alone(
    api: Api, bank: Bank, settings: Settings
) -> None:
    build(bank, settings, planned(bank, settings, count=5).id)

    [run] = api.get(RUNS).json["runs"]
    assert run["kind"] == "drills"
    assert api.get(f"{RUNS}/{run['id']}").json["kind"] == "drills"
    stats = api.get(f"{RUNS}/stats").json
    assert stats["runs"]["total"] == 0
