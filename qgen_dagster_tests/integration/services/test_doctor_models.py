"""The doctor on language models: what it finds without asking anybody, and what a call to each model shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.embedders import parse_embedder
from qgen_dagster.config.settings import PACKAGED, Settings
from qgen_dagster.core.errors import ConfigurationError, ExitCode
from qgen_dagster.services.doctor_models import model_checks, models_in_use
from qgen_dagster.services.findings import Finding, Health
from qgen_dagster.services.live_check import check_models
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.written import with_models

SECRET = "sk-do-not-show-me"


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


def findings(settings: Settings) -> dict[str, Finding]:
    return {name: check() for name, check in model_checks(settings)}


def with_keys(settings: Settings, *names: str) -> Settings:
    return replace(settings, provider_environment=dict.fromkeys(names, SECRET))


ALL_KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY")


def test_without_a_key_only_what_needs_none_is_looked_at(settings: Settings) -> None:
    found = findings(settings)
    assert set(found) == {"models", "prompts", "embedder"}
    assert {f.health for f in found.values()} == {Health.OK}
    assert "item models make and judge" in found["models"].detail


def test_with_all_keys_everything_is_served_as_configured_and_no_key_is_shown(settings: Settings) -> None:
    found = findings(with_keys(settings, *ALL_KEYS))
    assert {name: f.health for name, f in found.items()} == dict.fromkeys(found, Health.OK)
    assert "math: gpt-6.1-terra (openai), then gemini-3.8-flash (google)" in found["makers"].detail
    assert "made by openai: solved by claude-sonnet-5-5, gemini-3.8-flash, grok-4.7" in found["judges"].detail
    assert "openai 3" in found["SDKs"].detail
    assert SECRET not in str(found)


def test_one_key_alone_makes_questions_but_no_keys_that_can_be_trusted(settings: Settings) -> None:
    found = findings(with_keys(settings, "OPENAI_API_KEY"))
    assert found["makers"].health is Health.WARN
    assert "ANTHROPIC_API_KEY" in (found["makers"].mend or "")
    assert "no key for claude-sonnet-5-5, gemini-3.8-flash" in found["makers"].detail
    assert found["judges"].health is Health.WARN
    assert "two are needed" in found["judges"].detail
    assert "XAI_API_KEY" in (found["judges"].mend or "")


def test_makers_without_a_judge_fail(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "judges.yaml"
    path.write_text("arbiters: [gemini-3.8-flash]\nsolvers: [gemini-3.8-flash]\n")
    found = findings(replace(with_keys(settings, "OPENAI_API_KEY"), judges_file=path))["judges"]
    assert (found.health, found.exit_code) == (Health.FAIL, ExitCode.CONFIGURATION)
    assert "GOOGLE_API_KEY or GEMINI_API_KEY" in (found.mend or "")


def test_models_without_a_price_are_named_and_a_budget_makes_it_worse(settings: Settings, tmp_path: Path) -> None:
    data = yaml.safe_load((PACKAGED / "models.yaml").read_text())
    data["models"]["grok-4.7"]["name"] = "grok-of-my-own"
    path = tmp_path / "models.yaml"
    path.write_text(yaml.safe_dump(data))
    keyed = replace(with_keys(settings, *ALL_KEYS), models_file=path)
    found = findings(keyed)["prices"]
    assert found.health is Health.WARN
    assert "grok-4.7" in found.detail
    limited = findings(replace(keyed, budget_usd_per_day=Decimal(20)))
    assert "not asked" in limited["prices"].detail
    assert limited["budgets"].detail == "at most 20 USD a day (UTC)"


def test_a_file_that_names_an_unknown_model_is_a_finding_with_a_suggestion(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "judges.yaml"
    path.write_text("arbiters: [gemini-3.8-flush]\nsolvers: [grok-4.7]\n")
    broken = replace(with_keys(settings, *ALL_KEYS), judges_file=path)
    with pytest.raises(ConfigurationError, match=r"gemini-3\.8-flush"):
        findings(broken)


def test_own_prompts_are_named(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "solve.yaml").write_text(
        "label: solve/2\nsystem: You solve questions of a test.\nuser: |\n  {{question}}\n"
    )
    found = findings(replace(settings, prompts_folder=tmp_path))["prompts"]
    assert found.detail.endswith(f"your own in {tmp_path}: solve")


def test_an_embedder_without_its_key_is_a_finding(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        findings(replace(settings, embedder=parse_embedder("openai")))


# -- live ----------------------------------------------------------------------------------------------------------


def test_every_configured_model_with_a_key_is_called_once_and_that_is_on_record(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    keyed = with_models(settings, llm)
    found = check_models(bank, keyed)
    assert {f.health for f in found} == {Health.OK}, found
    assert [f.detail.split()[0] for f in found] == models_in_use(keyed)
    assert sum(provider.calls for provider in llm.stats.providers.values()) == len(found) == 6
    with bank.begin() as tx:
        [(calls, usd)] = tx.execute(text("SELECT count(*), sum(cost_usd) FROM llm_calls WHERE purpose = 'check'"))
    assert calls == 6
    assert 0 < usd < Decimal("0.01")


@pytest.mark.parametrize(
    ("keys", "said", "code"),
    [
        ({"OPENAI_API_KEY": "bad-key"}, "the key was not accepted", ExitCode.AUTHENTICATION),
        ({"OPENAI_API_KEY": "no-rights"}, "no right", ExitCode.AUTHENTICATION),
        ({"OPENAI_API_KEY": "no-money"}, "out of credit", ExitCode.BILLING),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "no connection", ExitCode.PARTIAL_FAILURE),
    ],
)
def test_bad_keys_empty_accounts_and_dead_addresses_are_told_apart(
    bank: Bank, settings: Settings, llm: FakeLlm, keys: dict[str, str], said: str, code: ExitCode
) -> None:
    found = check_models(bank, with_models(settings, llm, **keys), ["gpt-6.1-terra", "grok-4.7"])
    assert [f.health for f in found] == [Health.FAIL, Health.OK]
    assert said in found[0].detail
    assert found[0].exit_code is code
    assert found[0].mend


def test_a_retired_model_is_named_with_where_to_change_it(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    llm.control(retired=["gpt-5.4-mini"])
    found = check_models(bank, with_models(settings, llm), ["gpt-6.1-terra", "gpt-5.4-mini"])
    assert [f.health for f in found] == [Health.OK, Health.FAIL]
    assert "gpt-5.4-mini" in found[1].detail
    assert "judges.yaml" in (found[1].mend or "")
    assert found[1].exit_code is ExitCode.CONFIGURATION


@pytest.mark.parametrize(
    ("fault", "health", "said"),
    [
        ("429:1", Health.WARN, "rate limit"),
        ("refusal:1", Health.WARN, "declined"),
        ("empty:1", Health.WARN, "no text"),
        ("malformed_text:1", Health.WARN, "not in the form"),
        ("500:1", Health.FAIL, "server error"),
    ],
)
def test_a_model_that_is_there_but_did_not_serve_is_a_warning(
    bank: Bank, settings: Settings, llm: FakeLlm, fault: str, health: Health, said: str
) -> None:
    llm.script(fault)
    [found] = check_models(bank, with_models(settings, llm), ["gpt-6.1-terra"])
    assert (found.health, said in found.detail) == (health, True), found
    assert llm.stats["openai"].calls == 1


def test_a_spent_budget_keeps_the_check_from_asking(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    poor = replace(with_models(settings, llm), budget_usd_per_day=Decimal("0.000001"))
    [found] = check_models(bank, poor, ["gpt-6.1-terra"])
    assert found.health is Health.WARN
    assert "budget" in found.detail
    assert llm.stats["openai"].calls == 0


def test_an_embedder_of_a_provider_is_asked_too(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    using = replace(with_models(settings, llm), embedder=parse_embedder("openai:text-embedding-3-large@64"))
    [found] = check_models(bank, using, [])
    assert (found.health, "vectors of 64 numbers" in found.detail) == (Health.OK, True)
    llm.script("401:1:task=embed")
    [refused] = check_models(bank, using, [])
    assert (refused.health, refused.exit_code) == (Health.FAIL, ExitCode.AUTHENTICATION)
