"""Drill series that language models design: on the fake server, with what can go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from qgen_dagster.bank import journal
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.drills import SeriesStatus, SeriesVerdict
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.rules import series_problems
from qgen_dagster.services.plan_drills import curriculum_of
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.fake_llm.settings import NO_MONEY_KEY
from qgen_dagster_tests.support.drills import batches_of, build, designed_by, drills_of, planned, run_of
from qgen_dagster_tests.support.written import cost_of, unlimited, with_models


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


@pytest.fixture
def written(settings: Settings, llm: FakeLlm, tmp_path: Path) -> Settings:
    return replace(with_models(settings, llm), models_file=unlimited(tmp_path))


def test_models_design_a_series_whose_answers_hold(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    series = build(bank, written, planned(bank, written, count=25).id)

    assert (series.status, series.verification, series.drills) == (SeriesStatus.COMPLETED, SeriesVerdict.VERIFIED, 25)
    drills = drills_of(bank, series)
    assert {stored.provider for stored in drills} == {"anthropic"}
    assert {stored.model for stored in drills} == {"claude-sonnet-5-5"}
    assert all(str(stored.prompt_version).startswith("drill/1@") for stored in drills)
    assert series_problems([stored.drill for stored in drills], curriculum_of(series)) == []
    assert llm.stats.providers["anthropic"].task("drill").calls == 5


def test_the_run_says_what_the_calls_cost(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    series = build(bank, written, planned(bank, written, count=10).id)

    row = run_of(bank, series)
    assert row["total_api_calls"] == 2 + 2  # two batches; the positions are counted, and those of the fixed maximum
    assert row["cost_usd"] == pytest.approx(cost_of(llm), abs=Decimal("0.00001"))
    assert row["cost_usd"] > 0
    assert row["input_tokens"] > row["output_tokens"] > 0


def test_a_batch_sees_its_own_positions_and_no_others(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    from qgen_dagster.bank.positions import get_positions
    from qgen_dagster.drills.asking import ask_for
    from qgen_dagster.generation.prompts.drills import drill_prompt
    from qgen_dagster.generation.prompts.files import load_prompts

    series = planned(bank, written, count=10)
    first, second = batches_of(bank, series)
    with bank.begin() as tx:
        positions = get_positions(tx, [slot.position_id for batch in (first, second) for slot in batch.slots])
    curriculum = curriculum_of(series)
    asked = [ask_for(slot, positions[slot.position_id], curriculum) for slot in first.slots]

    prompt = drill_prompt(load_prompts(written.taxonomy), asked, {"a": "b"}, {"c": "d"})

    assert prompt.user.startswith("Task: drill\nCount: 5\n")
    assert all(slot.position_id in prompt.user for slot in first.slots)
    assert not any(slot.position_id in prompt.user for slot in second.slots)


@pytest.mark.parametrize(
    "kind",
    [
        *("too_few", "too_many", "duplicates", "no_key", "wrong_key", "illegal_move", "wrong_dice"),
        *("unknown_position", "malformed_text", "truncated", "fences", "prose", "several_objects", "wrong_schema"),
    ],
)
def test_a_spoilt_reply_is_mended_by_asking_again(bank: Bank, written: Settings, llm: FakeLlm, kind: str) -> None:
    llm.script(f"{kind}:@1:task=drill")

    series = build(bank, written, planned(bank, written, count=10).id)

    assert (series.verification, series.drills) == (SeriesVerdict.VERIFIED, 10)
    assert series.warning is None


def test_a_batch_whose_calls_all_fail_fails_alone(bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path) -> None:
    lonely = designed_by(written, tmp_path, "gpt-6.1-terra")
    # One call after the other, so that the first batch's call and its three retries are the first four.
    llm.script("500:@1,2,3,4:task=drill")

    series = build(bank, lonely, planned(bank, lonely, count=25).id, max_concurrent=1)

    assert [batch.status for batch in batches_of(bank, series)].count(BatchStatus.FAILED) == 1
    assert (series.status, series.drills) == (SeriesStatus.COMPLETED, 20)
    assert series.verification is SeriesVerdict.NEEDS_REVIEW
    assert series.warning is not None
    assert "lacks 5 of 5 drills" in series.warning
    row = run_of(bank, series)
    assert (row["status"], row["exit_code"]) == ("partial_failure", 1)


def test_a_retry_makes_only_what_is_missing_and_doubles_nothing(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    lonely = designed_by(written, tmp_path, "gpt-6.1-terra")
    llm.script("500:@1,2,3,4:task=drill")
    series = build(bank, lonely, planned(bank, lonely, count=25).id, max_concurrent=1)
    before = {stored.index: stored.id for stored in drills_of(bank, series)}
    llm.script()
    llm.reset()

    series = build(bank, lonely, series.id, retry=True)

    assert llm.stats.providers["openai"].task("drill").calls == 1
    assert (series.status, series.verification, series.drills) == (SeriesStatus.COMPLETED, SeriesVerdict.VERIFIED, 25)
    assert series.warning is None
    after = {stored.index: stored.id for stored in drills_of(bank, series)}
    assert before.items() <= after.items()
    assert sorted(after) == list(range(25))


def test_a_retry_does_not_read_its_old_replies_again(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    lonely = designed_by(written, tmp_path, "gpt-6.1-terra")
    llm.script("malformed_text:1:task=drill")
    series = build(bank, lonely, planned(bank, lonely, count=5).id)
    assert series.status is SeriesStatus.FAILED
    llm.script()

    series = build(bank, lonely, series.id, retry=True)

    assert (series.status, series.drills) == (SeriesStatus.COMPLETED, 5)


def test_when_every_batch_fails_the_series_is_failed(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    lonely = designed_by(written, tmp_path, "gpt-6.1-terra")
    llm.script("malformed_text:1:task=drill")

    series = build(bank, lonely, planned(bank, lonely, count=25).id)

    assert (series.status, series.drills, series.batches_failed) == (SeriesStatus.FAILED, 0, 5)
    assert series.verification is SeriesVerdict.UNVERIFIED
    row = run_of(bank, series)
    assert (row["status"], row["exit_code"]) == ("failed", 2)


def test_a_model_that_never_answers_fails_its_batches(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    lonely = designed_by(written, tmp_path, "gpt-6.1-terra", timeout_seconds=0.2)
    llm.script("timeout:1:task=drill:seconds=5")

    series = build(bank, lonely, planned(bank, lonely, count=5).id)

    assert (series.status, series.drills) == (SeriesStatus.FAILED, 0)
    assert run_of(bank, series)["error_summary"]["by_category"] == {"network_error": 4}


def test_a_batch_that_brings_some_drills_keeps_them(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    lonely = designed_by(written, tmp_path, "gpt-6.1-terra")
    llm.script("too_few:@1:task=drill", "500:@2,3,4,5:task=drill")

    series = build(bank, lonely, planned(bank, lonely, count=5).id, max_concurrent=1)

    assert (series.status, series.drills, series.missing) == (SeriesStatus.COMPLETED, 2, 3)
    assert series.verification is SeriesVerdict.NEEDS_REVIEW


def test_an_account_without_money_decides_the_exit_code(
    bank: Bank, settings: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    poor = designed_by(with_models(settings, llm, OPENAI_API_KEY=NO_MONEY_KEY), tmp_path, "gpt-6.1-terra")

    series = build(bank, poor, planned(bank, poor, count=10).id)

    assert series.status is SeriesStatus.FAILED
    assert run_of(bank, series)["exit_code"] == 5


def test_a_budget_stops_the_calls(bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path) -> None:
    series = build(bank, written, planned(bank, written, count=10).id, budget_usd=Decimal("0.0001"))

    assert series.drills == 0
    assert "budget" in str(run_of(bank, series)["stop_reason"])
    assert not llm.stats.providers["anthropic"].task("drill").calls


def test_without_batches_a_model_is_asked_once_for_the_series(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    single = replace(written, drill_batches=False)

    series = build(bank, single, planned(bank, single, count=30).id)

    assert (series.drills, series.batches) == (30, 1)
    assert llm.stats.providers["anthropic"].task("drill").calls == 1


def test_the_built_in_designer_can_be_chosen_where_keys_are(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    series = build(bank, written, planned(bank, written, count=10).id, provider="procedural")

    assert {stored.provider for stored in drills_of(bank, series)} == {"procedural"}
    assert not llm.stats.providers["anthropic"].calls


def test_a_provider_without_a_key_is_refused_before_anything_is_recorded(bank: Bank, settings: Settings) -> None:
    series = planned(bank, settings, count=10)

    with pytest.raises(ConfigurationError, match="no key is set"):
        build(bank, settings, series.id, provider="openai")


def test_a_second_build_finds_the_replies_of_a_stopped_one_in_the_journal(
    bank: Bank, written: Settings, llm: FakeLlm
) -> None:
    from qgen_dagster.core.errors import RunInterrupted
    from qgen_dagster.services import build_drills as building

    series = planned(bank, written, count=10)

    def dies(*_: object) -> bool:
        raise RunInterrupted("the process ends before it writes the batch")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building.rows, "finish_batch", dies)
        with pytest.raises(RunInterrupted):
            build(bank, written, series.id)
    calls = llm.stats.providers["anthropic"].task("drill").calls

    done = build(bank, written, series.id)

    assert done.drills == 10
    with bank.begin() as tx:
        usd, _ = journal.spent(tx)
    assert usd == pytest.approx(cost_of(llm), abs=Decimal("0.00001"))
    assert calls <= llm.stats.providers["anthropic"].task("drill").calls <= 2
