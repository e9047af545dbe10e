"""The assets on a real instance and a real bank: whole chain, one stratum, single stages, what the UI gets to show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.defs.attempts import qgen_run_id
from qgen_dagster.defs.launch import resume_run, run_job
from qgen_dagster.defs.ranges import STRATA
from qgen_dagster.defs.resources import run_config
from qgen_dagster.generation.provider import BatchRequest
from qgen_dagster.services import work as work_module
from qgen_dagster.services.generate import generate
from qgen_dagster.services.inventory import plan_run
from qgen_dagster.services.run_record import RunRecord, read_record
from qgen_dagster.services.runs import run_session
from qgen_dagster_tests.support.balancing import Balancing
from qgen_dagster_tests.support.chain import with_script, work_for

FUNNEL_NUMBERS = {
    "generated_batches": {"requested", "generated", "not_generated", "saturated"},
    "judged_questions": {
        *("judged", "rejected", "salvaged", "reclassified_in", "reclassified_out"),
        *("flawed", "low_score", "leaked", "wrong_key", "ambiguous", "off_band"),
    },
    "deduplicated_questions": {"duplicates", "duplicate_exact", "duplicate_structural", "duplicate_semantic"},
    "question_bank": {"inserted", "surplus", "insertion_failed", "pending", "active_questions"},
}
SMALL_TAXONOMY = """\
difficulties:
  - {key: junior, success_rate: [0.6, 0.9], item_level: easy}
  - {key: senior, success_rate: [0.1, 0.6], item_level: hard}
types:
  - {key: arithmetic, title: Arithmetic, item_models: math}
  - {key: deduction, title: Deduction, item_models: logic}
  - {key: recall, title: Recall, item_models: memory}
"""


def record_of(balancing: Balancing, run_id: str) -> RunRecord:
    record = read_record(balancing.bank, UUID(run_id))
    assert record is not None
    assert record.funnel.balance == 0
    return record


def test_the_whole_chain_in_one_run_fills_every_stratum(balancing: Balancing) -> None:
    result = balancing.auto_balance(target_per_stratum=1)
    assert (result.success, result.error) == (True, None)
    assert balancing.active() == dict.fromkeys(balancing.keys, 1)
    record = record_of(balancing, result.run_id)
    assert (record.row["status"], record.funnel.inserted, record.funnel.pending) == ("success", 18, 0)


def test_each_partition_that_a_run_touched_and_the_run_itself_have_the_same_small_numbers(balancing: Balancing) -> None:
    runs = [balancing.auto_balance(target_per_stratum=1), balancing.generate_stratum("math__easy", count=2)]
    for run, keys in zip(runs, (balancing.keys, ["math__easy"]), strict=True):
        for asset, numbers in FUNNEL_NUMBERS.items():
            shown = balancing.metadata(run.run_id, asset)
            assert set(shown) == set(keys)
            for metadata in shown.values():
                plotted = {name for name, value in metadata.items() if isinstance(value, int | float)}
                assert plotted == numbers, asset


def test_a_run_with_nothing_to_do_plots_nothing_for_the_strata_that_it_left_alone(balancing: Balancing) -> None:
    filled, idle = (balancing.auto_balance(target_per_stratum=1) for _ in range(2))
    for asset in FUNNEL_NUMBERS:
        shown = balancing.metadata(idle.run_id, asset)
        assert set(shown) == set(balancing.keys)
        assert not any(shown.values())
    for asset in ("inventory_snapshot", "generation_plan"):
        first, second = (balancing.metadata(run.run_id, asset)[None] for run in (filled, idle))
        assert first.keys() == second.keys()


def test_the_stock_the_plan_and_the_funnel_are_shown_as_tables_and_pictures(balancing: Balancing) -> None:
    run_id = balancing.auto_balance(target_per_stratum=1).run_id
    stock = balancing.metadata(run_id, "inventory_snapshot")[None]
    plan = balancing.metadata(run_id, "generation_plan")[None]
    record = balancing.metadata(run_id, "generation_runs")[None]
    assert (stock["total_active"], stock["total_deficit"], stock["critical_strata"]) == (0, 18, 18)
    assert len(stock["strata"].records) == len(plan["allocations"].records) == len(record["strata"].records) == 18
    assert (plan["planned"], plan["strata_planned"]) == (18, 18)
    assert (record["requested"], record["inserted"], record["lost"], record["pending"]) == (18, 18, 0, 0)
    for picture in (stock["stock"], record["funnel"]):
        assert "](data:image/svg+xml;base64," in picture


def test_a_partition_shows_questions_to_read_with_their_keys(balancing: Balancing) -> None:
    run_id = balancing.generate_stratum("logic__easy", count=7).run_id
    shown = balancing.metadata(run_id, "question_bank")["logic__easy"]["sample_questions"]
    assert shown.count("**logic__easy**") == 5
    assert shown.count("Key: **") == 5


def test_a_stratum_alone_fills_its_own_deficit(balancing: Balancing) -> None:
    result = balancing.generate_stratum("math__hard", target_per_stratum=6)
    assert result.success
    assert balancing.active() == {"math__hard": 6}
    assert list(balancing.metadata(result.run_id, "question_bank")) == ["math__hard"]


def test_a_stratum_alone_makes_as_many_as_it_is_told(balancing: Balancing) -> None:
    balancing.generate_stratum("math__hard", target_per_stratum=2)
    balancing.generate_stratum("math__hard", count=3, target_per_stratum=2)
    assert balancing.active() == {"math__hard": 5}


def test_a_full_bank_is_left_as_it_is(balancing: Balancing) -> None:
    balancing.auto_balance(target_per_stratum=1)
    idle = balancing.auto_balance(target_per_stratum=1)
    assert idle.success
    assert balancing.metadata(idle.run_id, "generation_plan")[None]["planned"] == 0
    assert sum(balancing.active().values()) == 18


def test_stages_started_by_themselves_go_on_with_what_an_ended_run_left(balancing: Balancing) -> None:
    left = work_for(balancing.bank, balancing.settings, types=("verbal",), difficulties=("easy",), count=4)
    with run_session(left) as session:
        generate(session, plan_run(left))
    for asset in ("judged_questions", "deduplicated_questions", "question_bank"):
        assert balancing.materialise(asset, key="verbal__easy").success
    assert balancing.active() == {"verbal__easy": 4}
    record = record_of(balancing, str(left.run_id))
    assert (record.row["status"], record.funnel.inserted) == ("success", 4)


def test_a_stage_started_by_itself_with_nothing_left_does_nothing(balancing: Balancing) -> None:
    done = balancing.materialise("judged_questions", key="verbal__easy")
    assert done.success
    assert balancing.metadata(done.run_id, "judged_questions")["verbal__easy"]["judged"] == 0
    with balancing.bank.begin() as tx:
        assert run_rows.list_runs(tx) == []


def test_the_record_started_by_itself_shows_the_latest_run(balancing: Balancing) -> None:
    latest = balancing.generate_stratum("math__easy", count=2).run_id
    shown = balancing.metadata(balancing.materialise("generation_runs").run_id, "generation_runs")[None]
    assert (shown["run_id"], shown["inserted"]) == (latest, 2)


def test_only_the_chosen_strata_are_filled_whatever_the_range(balancing: Balancing) -> None:
    balancing.auto_balance(types=["memory", "math"], difficulties=["hard"], target_per_stratum=2)
    assert balancing.active() == {"math__hard": 2, "memory__hard": 2}


def test_a_retired_stratum_among_the_partitions_is_left_alone(balancing: Balancing) -> None:
    balancing.instance.add_dynamic_partitions(STRATA, ["alchemy__easy"])
    result = balancing.auto_balance(target_per_stratum=1)  # the range begins after it
    alone = balancing.generate_stratum("alchemy__easy")
    assert result.success
    assert alone.success
    assert set(balancing.active()) == set(balancing.keys)


def test_a_retired_stratum_in_the_middle_of_the_range_is_left_alone(balancing: Balancing) -> None:
    balancing.instance.add_dynamic_partitions(STRATA, [balancing.keys[0], "alchemy__easy"])
    assert balancing.auto_balance(target_per_stratum=1).success
    assert balancing.active() == dict.fromkeys(balancing.keys, 1)


def test_a_run_launched_without_a_partition_is_one_over_all_strata(balancing: Balancing) -> None:
    launched = run_job("auto_balance", instance=balancing.instance, run_config=run_config(target_per_stratum=1))
    assert launched.success
    assert balancing.active() == dict.fromkeys(balancing.keys, 1)
    assert set(balancing.metadata(launched.run_id, "question_bank")) == set(balancing.keys)


def test_another_taxonomy_runs_through_the_whole_chain(
    balancing: Balancing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "taxonomy.yaml"
    file.write_text(SMALL_TAXONOMY)
    monkeypatch.setenv("QGEN_TAXONOMY", str(file))
    other = replace(balancing, settings=load_settings())
    result = other.auto_balance(target_per_stratum=2)
    assert result.success
    assert other.keys[:2] == ["arithmetic__junior", "arithmetic__senior"]
    assert other.active() == dict.fromkeys(other.keys, 2)
    heatmap = other.metadata(result.run_id, "inventory_snapshot")[None]["strata"].records
    assert [row.data["stratum"] for row in heatmap] == other.keys


def test_an_address_that_leads_nowhere_is_told_in_the_ui_and_nothing_is_recorded(
    balancing: Balancing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QGEN_OPENAI_COMPATIBLE_BASE_URL", "http://me:hunter2@host:99999")
    result = balancing.auto_balance(count=1)
    assert not result.success
    failures = [
        str(entry.dagster_event)
        for entry in balancing.instance.all_logs(result.run_id)
        if entry.dagster_event and entry.dagster_event.is_failure
    ]
    assert any("QGEN_OPENAI_COMPATIBLE_BASE_URL is not an http(s) address: its port" in told for told in failures)
    assert not any("hunter2" in told for told in failures)
    with balancing.bank.begin() as tx:
        assert run_rows.list_runs(tx) == []


def test_a_question_of_another_difficulty_moves_on_in_the_same_run(
    balancing: Balancing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def harder(request: BatchRequest, questions: list[Question]) -> list[Question]:
        return [q.model_copy(update={"expected_success": 0.5}) for q in questions]

    make_work = work_module.make_work
    monkeypatch.setattr(work_module, "make_work", lambda *a, **k: with_script(make_work(*a, **k), harder)[0])
    run_id = balancing.generate_stratum("math__easy", count=3).run_id
    assert balancing.active() == {"math__medium": 3}
    assert record_of(balancing, run_id).strata[Stratum("math", "easy")].reclassified_out == 3


def test_a_run_keeps_its_id_in_the_bank_over_all_its_attempts(
    balancing: Balancing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(request: BatchRequest, questions: list[Question]) -> list[Question]:
        raise RuntimeError("a bug")

    make_work = work_module.make_work
    with monkeypatch.context() as patch:
        patch.setattr(work_module, "make_work", lambda *a, **k: with_script(make_work(*a, **k), broken)[0])
        failed = balancing.generate_stratum("math__easy", count=3)
    assert not failed.success
    assert record_of(balancing, failed.run_id).row["status"] == "failed"
    again = resume_run(failed.run_id, instance=balancing.instance)
    assert again.success
    run = balancing.instance.get_run_by_id(again.run_id)
    assert run is not None
    assert qgen_run_id(balancing.instance, run) == failed.run_id
    assert record_of(balancing, failed.run_id).row["status"] == "success"
    assert balancing.active() == {"math__easy": 3}
