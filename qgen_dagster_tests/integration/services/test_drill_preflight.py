"""Before a series is designed each model that it may need is asked once; what does not work is named, passed over."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank.drills import StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import SeriesStatus, SeriesVerdict
from qgen_dagster.core.progress import Notice, ProgressEvent
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.fake_llm.settings import BAD_KEY, NO_MONEY_KEY
from qgen_dagster_tests.support.drills import build, designed_by, drills_of, planned, run_of
from qgen_dagster_tests.support.written import cost_of, with_models

PRIMARY, FALLBACK = "claude-sonnet-5-5", "gpt-6.1-terra"


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def built(bank: Bank, settings: Settings, **options: Any) -> tuple[StoredSeries, list[str], int]:
    """Five drills, the notices, and how many of these came before anything was made."""
    told: list[ProgressEvent | Notice] = []
    series = planned(bank, settings, count=5)
    series = build(bank, settings, series.id, progress=told.append, **{"skip_preflight": False, **options})
    first = next((place for place, event in enumerate(told) if isinstance(event, ProgressEvent)), len(told))
    notices = [event.text for event in told if isinstance(event, Notice)]
    return series, notices, sum(isinstance(event, Notice) for event in told[:first])


def checks(bank: Bank, where: str = "true") -> list[str]:
    """The models that were asked whether they are there, in order of their names."""
    with bank.begin() as tx:
        query = f"SELECT model FROM llm_calls WHERE purpose = 'check' AND {where} ORDER BY model"
        return list(tx.execute(text(query)).scalars())


def test_where_all_is_well_both_tiers_are_asked_once_at_the_runs_cost(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    series, notices, _ = built(bank, keyed)

    assert (series.verification, notices) == (SeriesVerdict.VERIFIED, [])
    row = run_of(bank, series)
    assert checks(bank, f"run_id = '{series.run_id}'") == checks(bank) == [PRIMARY, FALLBACK]
    assert row["total_api_calls"] == llm.stats.calls
    assert row["cost_usd"] == pytest.approx(cost_of(llm), abs=Decimal("0.00001"))


def test_a_retired_model_is_named_before_work_starts_and_the_other_tier_designs(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.control(retired=[PRIMARY])

    series, notices, before = built(bank, keyed)

    assert (series.status, series.drills) == (SeriesStatus.COMPLETED, 5)
    assert (len(notices), before) == (1, 1)
    assert all(said in notices[0] for said in (PRIMARY, "passes it over", "generators.yaml"))
    assert {stored.model for stored in drills_of(bank, series)} == {FALLBACK}
    assert llm.stats.providers["anthropic"].calls == 1


def test_the_built_in_designer_stands_in_where_the_configuration_names_it(
    bank: Bank, keyed: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    llm.control(retired=[FALLBACK])
    alone = designed_by(keyed, tmp_path, FALLBACK, fallback="procedural")

    series, notices, before = built(bank, alone)

    assert (series.verification, series.drills, before) == (SeriesVerdict.VERIFIED, 5, 1)
    assert FALLBACK in notices[0]
    assert {stored.provider for stored in drills_of(bank, series)} == {"procedural"}
    assert checks(bank) == [FALLBACK]
    assert llm.stats.providers["openai"].calls == 1


def test_a_retired_model_that_nobody_can_stand_in_for_is_asked_all_the_same(
    bank: Bank, keyed: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    llm.control(retired=[FALLBACK])

    series, notices, before = built(bank, designed_by(keyed, tmp_path, FALLBACK))

    assert (series.status, run_of(bank, series)["exit_code"]) == (SeriesStatus.FAILED, 2)
    assert before == 1
    assert FALLBACK in notices[0]


@pytest.mark.parametrize(
    ("key", "said", "code"), [(NO_MONEY_KEY, "out of credit", 5), (BAD_KEY, "the key was not accepted", 6)]
)
def test_a_key_or_account_that_does_not_work_is_named_and_decides_the_exit_code_where_nobody_else_is_there(
    bank: Bank, settings: Settings, llm: FakeLlm, tmp_path: Path, key: str, said: str, code: int
) -> None:
    keyed = with_models(settings, llm, OPENAI_API_KEY=key)

    series, notices, before = built(bank, keyed, provider_tier="fallback")
    assert series.drills == 5
    assert (len(notices), before) == (1, 1)
    assert said in notices[0]
    assert llm.stats.providers["openai"].calls == 1

    series, notices, _ = built(bank, designed_by(keyed, tmp_path, FALLBACK))
    assert (series.drills, run_of(bank, series)["exit_code"]) == (0, code)
    assert said in notices[0]
    assert not llm.stats.providers["openai"].task("drill").calls


def test_a_run_that_goes_on_asks_nobody_again_who_has_answered(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script("500:1:task=drill")
    run_id = uuid4()
    series = planned(bank, keyed, count=5)
    series = build(bank, keyed, series.id, run_id=run_id, skip_preflight=False)
    assert series.status is SeriesStatus.FAILED
    assert checks(bank) == [PRIMARY, FALLBACK]
    llm.script()

    series = build(bank, keyed, series.id, run_id=run_id, skip_preflight=False, retry=True)

    assert series.drills == 5
    assert checks(bank) == [PRIMARY, FALLBACK]


def test_a_series_that_is_complete_asks_nobody(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    series, _, _ = built(bank, keyed)
    llm.reset()

    build(bank, keyed, series.id, skip_preflight=False, retry=True)

    assert llm.stats.calls == 0


def test_it_keeps_to_the_budget(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    series, _, _ = built(bank, keyed, budget_usd="0.000001")

    assert "budget" in run_of(bank, series)["stop_reason"]
    assert cost_of(llm) == 0


def test_it_can_be_left_out_and_never_asks_where_the_built_in_designer_comes_first(
    bank: Bank, keyed: Settings, settings: Settings, llm: FakeLlm
) -> None:
    built(bank, keyed, skip_preflight=True)
    built(bank, keyed, provider="procedural")
    built(bank, settings)

    assert checks(bank) == []
