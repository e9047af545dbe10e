"""Before work starts every model that a run may need is asked once: what does not work is named and passed over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.progress import Notice, ProgressEvent
from qgen_dagster.services.run_record import RunRecord
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.chain import run_chain
from qgen_dagster_tests.support.written import run_written, with_models, work_on

MATH = {"types": ("math",), "difficulties": ("easy",), "count": 5, "skip_preflight": False}


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def run_told(bank: Bank, settings: Settings, **options: object) -> tuple[RunRecord, list[str], int]:
    """A run's record, its notices, and how many came before anything was made."""
    told: list[ProgressEvent | Notice] = []
    record = run_written(bank, settings, lambda work: replace(work, progress=told.append), **{**MATH, **options})
    first = next((place for place, event in enumerate(told) if isinstance(event, ProgressEvent)), len(told))
    notices = [event.text for event in told if isinstance(event, Notice)]
    return record, notices, sum(isinstance(event, Notice) for event in told[:first])


def calls(bank: Bank, where: str) -> list[tuple[str, str]]:
    with bank.begin() as tx:
        found = tx.execute(text(f"SELECT purpose, model FROM llm_calls WHERE {where} ORDER BY purpose, model"))
        return [(purpose, model) for purpose, model in found]


def test_where_all_is_well_each_model_is_asked_once_and_nothing_is_said(bank: Bank, keyed: Settings) -> None:
    record, notices, _ = run_told(bank, keyed)
    asked = calls(bank, "purpose = 'check'")
    assert (record.row["status"], notices) == ("success", [])
    assert len(asked) == len(set(asked)) >= 3
    assert sum(m["api_calls"] for m in record.row["provider_metrics"].values()) == len(calls(bank, "true"))


def test_a_run_that_goes_on_asks_nobody_again_who_has_answered(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script("500:1:task=generate")
    record, _, _ = run_told(bank, keyed, count=10, max_concurrent=1, budget_usd="0.01")
    asked = calls(bank, "purpose = 'check'")
    assert record.row["status"] != "success"
    run_chain(work_on(bank, keyed, record.run_id, **{**MATH, "count": 10}))
    assert calls(bank, "purpose = 'check'") == asked


def test_a_retired_model_is_named_before_work_starts_and_the_other_tier_makes_everything(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.control(retired=["gpt-6.1-terra"])
    record, notices, before = run_told(bank, keyed)
    assert (record.row["status"], record.funnel.inserted) == ("success", 5)
    assert (len(notices), before) == (1, 1)
    assert "gpt-6.1-terra" in notices[0]
    assert "passes it over" in notices[0]
    assert "generators.yaml" in notices[0]
    assert calls(bank, "model = 'gpt-6.1-terra'") == [("check", "gpt-6.1-terra")]


def test_a_retired_model_that_nobody_can_stand_in_for_is_asked_all_the_same(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    others = ("ANTHROPIC_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY", "QGEN_OPENAI_COMPATIBLE_BASE_URL")
    alone = with_models(settings, llm, **dict.fromkeys(others, ""))
    llm.control(retired=["gpt-6.1-terra", "gpt-5.4-mini"])
    record, notices, before = run_told(bank, alone, provider="openai")
    assert (record.row["status"], record.row["exit_code"]) == ("failed", 2)
    assert before >= 1
    assert any("gpt-6.1-terra" in notice for notice in notices)
    assert record.funnel.balance == 0


@pytest.mark.parametrize(("key", "said"), [("bad-key", "the key was not accepted"), ("no-money", "out of credit")])
def test_a_provider_whose_key_or_account_does_not_work_is_named_and_not_asked_again(
    bank: Bank, settings: Settings, llm: FakeLlm, key: str, said: str
) -> None:
    record, notices, before = run_told(bank, with_models(settings, llm, OPENAI_API_KEY=key))
    assert (record.row["status"], record.funnel.inserted) == ("success", 5)
    assert before == len(notices) >= 1
    assert all(said in notice for notice in notices)
    assert {purpose for purpose, _ in calls(bank, "provider = 'openai'")} == {"check"}


def test_where_no_key_works_the_exit_code_says_so(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY"), "bad-key")
    record, notices, _ = run_told(bank, with_models(settings, llm, **keys, QGEN_OPENAI_COMPATIBLE_BASE_URL=""))
    assert (record.row["status"], record.row["exit_code"]) == ("failed", 6)
    assert len(notices) >= 3
    assert {purpose for purpose, _ in calls(bank, "true")} == {"check"}


def test_it_can_be_left_out_and_never_asks_for_what_item_models_make(
    bank: Bank, keyed: Settings, settings: Settings
) -> None:
    run_told(bank, keyed, skip_preflight=True)
    run_told(bank, keyed, provider="procedural")
    run_told(bank, settings)
    assert calls(bank, "purpose = 'check'") == []
