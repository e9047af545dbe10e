"""What a planned run is expected to cost, against what it then costs on the server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import PACKAGED, Settings
from qgen_dagster.services.balance import plan_only
from qgen_dagster.services.forecast import Forecast, forecast
from qgen_dagster.services.options import RunOptions
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.written import cost_of, run_written, with_models

STRATA = {"types": ("math", "logic"), "difficulties": ("easy", "medium")}


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def expected(bank: Bank, settings: Settings, **options: object) -> Forecast:
    chosen = RunOptions.model_validate({"count": 40, "evenly": True, **STRATA, **options})
    return forecast(bank, settings, chosen, plan_only(bank, settings, chosen)[1])


def with_file(settings: Settings, folder: Path, name: str, **changes: object) -> Settings:
    """The settings with a packaged YAML file changed."""
    data = yaml.safe_load((PACKAGED / f"{name}.yaml").read_text())
    data.update(changes)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(data))
    return replace(settings, **{f"{name}_file": path})


def test_before_any_run_it_is_a_bound_that_the_run_keeps(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    before = expected(bank, keyed)
    assert before.estimate.at_most
    assert llm.stats["openai"].calls == 0
    record = run_written(bank, keyed, count=40, **STRATA)
    assert record.row["total_api_calls"] <= before.estimate.calls
    assert record.row["input_tokens"] <= before.estimate.input_tokens
    assert record.row["output_tokens"] <= before.estimate.output_tokens
    assert record.row["cost_usd"] <= before.estimate.usd


def test_after_a_run_it_is_about_what_the_next_one_costs(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    run_written(bank, keyed, count=40, **STRATA)
    found = expected(bank, keyed).estimate
    assert not found.at_most
    assert found.rates is not None
    assert (found.rates.runs, found.rates.questions) == (1, 40)
    paid = cost_of(llm)
    record = run_written(bank, keyed, count=40, **STRATA)
    assert record.row["total_api_calls"] == pytest.approx(found.calls, rel=0.1)
    assert float(cost_of(llm) - paid) == pytest.approx(float(found.usd), rel=0.2)


def test_it_names_who_makes_solves_and_judges_as_things_are(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    without = with_models(settings, llm, OPENAI_API_KEY="", QGEN_OPENAI_COMPATIBLE_BASE_URL="")
    found = expected(bank, without)
    makers = {p.question_type: p.makers for p in found.estimate.portions}
    [math], [logic] = makers["math"], makers["logic"]
    assert (math.model, logic.model) == ("gemini-3.8-flash", "claude-sonnet-5-5")
    assert math.solvers == ("claude-sonnet-5-5", "grok-4.7", "gemini-3.8-flash")
    assert logic.arbiters[0] == "gemini-3.8-flash"
    assert found.providers == {
        "claude-sonnet-5-5": "anthropic", "gemini-3.8-flash": "google", "grok-4.7": "xai",
    }  # fmt: skip


def test_the_balanced_tier_shares_the_batches(bank: Bank, keyed: Settings) -> None:
    found = expected(bank, keyed, provider_tier="balanced", types=("math",))
    made = {line.model: line.calls for line in found.estimate.lines if line.purpose == "generate"}
    assert {model: maker.share for p in found.estimate.portions for maker in p.makers for model in [maker.model]} == {
        "gpt-6.1-terra": 0.5,
        "gemini-3.8-flash": 0.5,
    }
    assert set(made) == {"gpt-6.1-terra", "gemini-3.8-flash"}


def test_the_chosen_provider_is_the_one_that_makes(bank: Bank, keyed: Settings) -> None:
    found = expected(bank, keyed, provider="xai")
    assert {m.model for p in found.estimate.portions for m in p.makers} == {"grok-4.7"}
    assert expected(bank, keyed, provider="procedural").estimate.calls == 0


def test_item_models_cost_nothing_and_types_may_be_mixed(bank: Bank, keyed: Settings, tmp_path: Path) -> None:
    types = {"default": {"primary": "gpt-6.1-terra"}, "logic": {"primary": "procedural"}}
    found = expected(bank, with_file(keyed, tmp_path, "generators", types=types))
    assert {p.question_type for p in found.estimate.portions if not p.makers} == {"logic"}
    assert found.estimate.usd > 0


def test_a_larger_yield_loss_asks_for_more(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script("ambiguous:0.6:task=generate")
    run_written(bank, keyed, count=40, **STRATA)
    found = expected(bank, keyed).estimate
    assert sum(p.wanted for p in found.portions) == 40
    assert sum(p.requested for p in found.portions) > 40


def test_batch_jobs_cost_half(bank: Bank, keyed: Settings) -> None:
    keyed = replace(keyed, provider_environment={**keyed.provider_environment, "XAI_API_KEY": ""})
    online, job = expected(bank, keyed), expected(bank, keyed, mode="batch")
    assert job.estimate.calls == online.estimate.calls
    for line, other in zip(online.estimate.lines, job.estimate.lines, strict=True):
        assert line.usd is not None
        assert other.usd is not None
        halved = line.purpose != "compare" and line.model != "local"
        assert other.usd == (line.usd / 2 if halved else line.usd), line


def test_what_has_no_price_is_named(bank: Bank, keyed: Settings, tmp_path: Path) -> None:
    models = yaml.safe_load((PACKAGED / "models.yaml").read_text())["models"]
    models["gpt-6.1-terra"]["name"] = "gpt-of-my-own"
    found = expected(bank, with_file(keyed, tmp_path, "models", models=models))
    assert found.estimate.unpriced == ("gpt-6.1-terra",)


def test_the_nearest_limit_is_told(bank: Bank, keyed: Settings) -> None:
    assert expected(bank, keyed).limit_usd is None
    assert expected(bank, keyed, budget_usd="0.5").limit_usd == Decimal("0.5")
    run_written(bank, keyed, count=5, types=("math",), difficulties=("easy",))
    daily = replace(keyed, budget_usd_per_day=Decimal("0.03"))
    left = expected(bank, daily, budget_usd="0.5").limit_usd
    assert left is not None
    assert 0 <= left < Decimal("0.03")
