"""What a series' positions cost in prompts: counted by the provider that designs, and measured on its calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank.drills import StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.positions import get_positions
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import SeriesVerdict
from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.core.progress import Notice, ProgressEvent
from qgen_dagster.drills.library import count_tokens, render_for_prompt
from qgen_dagster.services import build_drills as building
from qgen_dagster.services import drill_artifact
from qgen_dagster.services.plan_drills import cost_of
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.fake_llm.usage import tokens_of
from qgen_dagster_tests.support.drills import build, designed_by, planned, run_of
from qgen_dagster_tests.support.ui import wait_until
from qgen_dagster_tests.support.written import unlimited, with_models

DESIGNERS = {"anthropic": "claude-sonnet-5-5", "google": "gemini-3.8-flash", "xai": "grok-4.7"}
OPENAI = "gpt-6.1-terra"
counting = pytest.mark.parametrize("family", DESIGNERS)


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as started:
        yield started


@pytest.fixture
def written(settings: Settings, llm: FakeLlm, tmp_path: Path) -> Settings:
    return replace(with_models(settings, llm), models_file=unlimited(tmp_path))


def positions_of(bank: Bank, series: StoredSeries, kind: str) -> list[str]:
    """The series' positions of a kind as prompts show them."""
    with bank.begin() as tx:
        found = get_positions(tx, series.positions[kind])
    return [render_for_prompt(found[id_]) for id_ in series.positions[kind]]


def test_a_plan_keeps_which_positions_it_counted(bank: Bank, settings: Settings) -> None:
    series = planned(bank, settings, count=20, phases=("EARLY", "MIDDLE"))

    cost = cost_of(series)
    assert (cost.positions, cost.fixed_positions) == (24, 96)
    assert count_tokens(positions_of(bank, series, "loaded")) == (cost.tokens, cost.counted_with)
    assert count_tokens(positions_of(bank, series, "fixed")) == (cost.fixed_tokens, cost.counted_with)
    assert (cost.measured_calls, cost.measured_tokens) == (0, None)


@counting
def test_the_provider_that_designs_counts_the_positions_once(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path, family: str
) -> None:
    alone = designed_by(written, tmp_path, DESIGNERS[family])
    plan = planned(bank, alone, count=20, phases=("EARLY", "MIDDLE"))

    series = build(bank, alone, plan.id)

    cost = cost_of(series)
    assert cost.counted_with == f"the tokenizer of {family}/{DESIGNERS[family]}"
    assert cost.tokens == tokens_of("\n\n".join(positions_of(bank, series, "loaded")))
    assert cost.fixed_tokens == tokens_of("\n\n".join(positions_of(bank, series, "fixed")))
    assert cost.tokens != cost_of(plan).tokens
    assert cost.saving is not None
    assert cost.saving >= 0.5
    assert llm.stats[family].task("count").calls == 2


@counting
def test_counting_is_in_the_journal_and_costs_nothing(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path, family: str
) -> None:
    alone = designed_by(written, tmp_path, DESIGNERS[family])

    series = build(bank, alone, planned(bank, alone, count=5).id)

    cost = cost_of(series)
    with bank.begin() as tx:
        found = tx.execute(text("SELECT reply, cost_usd, run_id FROM llm_calls WHERE purpose = 'count' ORDER BY id"))
        calls = [tuple(row) for row in found]
    assert calls == [(str(tokens), 0, series.run_id) for tokens in (cost.tokens, cost.fixed_tokens)]
    assert run_of(bank, series)["input_tokens"] == cost.measured_tokens == llm.stats[family].tokens.input


@pytest.mark.parametrize("model", [*DESIGNERS.values(), OPENAI, "local"])
def test_what_the_prompts_took_is_measured_as_the_provider_reports_it(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path, model: str
) -> None:
    alone = designed_by(written, tmp_path, model)
    plan = planned(bank, alone, count=10)
    llm.script("malformed_text:@1:task=drill")

    series = build(bank, alone, plan.id)

    cost = cost_of(series)
    sent = sum(provider.tokens.input for provider in llm.stats.providers.values())
    assert (cost.measured_calls, cost.measured_tokens) == (3, sent)
    if model not in DESIGNERS.values():
        assert replace(cost, measured_calls=0, measured_tokens=None) == cost_of(plan)
        assert not any(provider.task("count").calls for provider in llm.stats.providers.values())


def test_calls_of_every_attempt_at_a_series_are_measured(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    alone = designed_by(written, tmp_path, OPENAI)
    llm.script("too_few:@1:task=drill", "500:@2,3,4,5:task=drill")
    series = build(bank, alone, planned(bank, alone, count=5).id, max_concurrent=1)
    first = cost_of(series)
    llm.script()

    series = build(bank, alone, series.id, retry=True)

    cost = cost_of(series)
    assert (first.measured_calls, cost.measured_calls, series.missing) == (1, 2, 0)
    assert cost.measured_tokens == llm.stats["openai"].tokens.input


@counting
@pytest.mark.parametrize(
    ("fault", "said"),
    [("403:1", "403"), ("404:1", "404"), ("500:1", "500"), ("429:1", "429"), ("html:1", ""), ("malformed_body:1", "")],
)
def test_a_count_that_fails_leaves_that_of_the_plan_and_fails_nothing(
    bank: Bank, written: Settings, llm: FakeLlm, tmp_path: Path, family: str, fault: str, said: str
) -> None:
    alone = designed_by(written, tmp_path, DESIGNERS[family])
    plan = planned(bank, alone, count=10)
    told: list[ProgressEvent | Notice] = []
    llm.script(f"{fault}:task=count")

    series = build(bank, alone, plan.id, progress=told.append)

    assert (series.verification, series.drills, series.warning) == (SeriesVerdict.VERIFIED, 10, None)
    assert (run_of(bank, series)["status"], run_of(bank, series)["exit_code"]) == ("success", 0)
    cost = cost_of(series)
    assert replace(cost, measured_calls=0, measured_tokens=None) == cost_of(plan)
    [notice] = [event.text for event in told if isinstance(event, Notice)]
    assert family in notice
    assert said in notice
    assert cost.counted_with in notice


def test_a_count_that_failed_is_tried_again_by_the_next_build(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    llm.script("404:@2:task=count", "500:1:task=drill")
    series = build(bank, written, planned(bank, written, count=5).id)
    assert "claude" not in cost_of(series).counted_with
    llm.script()

    series = build(bank, written, series.id, retry=True)

    assert "claude" in cost_of(series).counted_with
    assert llm.stats["anthropic"].task("count").calls == 3, "what was counted stands in the journal"


def test_a_series_that_goes_on_is_not_counted_again(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    series, run_id = planned(bank, written, count=10), uuid4()

    def counted() -> bool:
        with bank.begin() as tx:
            found = tx.execute(text("SELECT count(*) FROM llm_calls WHERE purpose = 'count' AND reply IS NOT NULL"))
            return bool(found.scalar_one() == 2)

    def dies(*_: object) -> bool:
        wait_until(counted)
        raise RunInterrupted("the process ends before it writes the batch")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(building.rows, "finish_batch", dies)
        with pytest.raises(RunInterrupted):
            build(bank, written, series.id, run_id=run_id)
    build(bank, written, series.id, run_id=run_id)

    assert llm.stats["anthropic"].task("count").calls == 2
    assert "claude" in cost_of(build(bank, written, series.id)).counted_with


def test_a_provider_that_is_passed_over_or_stopped_is_not_asked_to_count(
    bank: Bank, settings: Settings, written: Settings, llm: FakeLlm
) -> None:
    llm.control(retired=[DESIGNERS["anthropic"]])
    series = build(bank, written, planned(bank, written, count=5).id, skip_preflight=False)
    assert series.drills == 5

    llm.control(retired=[])
    poor = with_models(settings, llm, ANTHROPIC_API_KEY="no-money")
    series = build(bank, poor, planned(bank, poor, count=5).id, skip_preflight=False)
    assert series.drills == 5

    assert not llm.stats["anthropic"].task("count").calls


def test_the_built_in_designer_has_nothing_counted_or_measured(bank: Bank, written: Settings, llm: FakeLlm) -> None:
    plan = planned(bank, written, count=5)

    series = build(bank, written, plan.id, provider="procedural")

    assert cost_of(series) == cost_of(plan)
    assert llm.stats.calls == 0


def test_the_document_of_a_series_tells_both(bank: Bank, written: Settings) -> None:
    series = build(bank, written, planned(bank, written, count=5).id)

    told = drill_artifact.as_document(drill_artifact.rebuild(bank, series.id))["series"]["position_cost"]

    assert told["counted_with"] == "the tokenizer of anthropic/claude-sonnet-5-5"
    assert told["measured_calls"] == 1
    assert told["measured_tokens"] > 0
