"""Which model serves what, from the configuration and the keys that are there."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import cast

import pytest

from qgen_dagster.config.llm import PROCEDURAL, LlmConfig, load_llm_config
from qgen_dagster.services import routing
from qgen_dagster.services.desk import Desk

CONFIG = load_llm_config()


def desk(providers: Iterable[str], config: LlmConfig = CONFIG) -> Desk:
    """What routing needs of a desk."""
    keys = set(providers)
    return cast(
        Desk,
        SimpleNamespace(
            config=config,
            can_ask=lambda model: config.entry(model).provider in keys,
            provider_of=lambda model: config.entry(model).provider,
            willing=list,
        ),
    )


def families(models: Iterable[str]) -> list[str]:
    return [CONFIG.entry(model).provider for model in models]


def test_the_tier_comes_first_then_the_other_one_then_the_chain() -> None:
    everyone = desk(("openai", "anthropic", "google", "xai"))
    primary = routing.generator_models(CONFIG, everyone.can_ask, "logic", "primary")
    fallback = routing.generator_models(CONFIG, everyone.can_ask, "logic", "fallback")
    assert families(primary) == ["anthropic", "openai", "google", "xai"]
    assert families(fallback) == ["openai", "anthropic", "google", "xai"]


def test_a_model_without_a_key_is_passed_over() -> None:
    only = desk(("xai",))
    assert families(routing.generator_models(CONFIG, only.can_ask, "math", "primary")) == ["xai"]
    assert routing.generator_models(CONFIG, desk(()).can_ask, "math", "primary") == []
    assert "gpt-6.1-terra" in routing.passed_over(CONFIG, only.can_ask)


def test_item_models_may_be_chosen_on_purpose_and_nothing_stands_behind_them() -> None:
    tiers = CONFIG.generators.types | {
        "math": CONFIG.generators.types["math"].model_copy(update={"primary": PROCEDURAL})
    }
    config = CONFIG.model_copy(update={"generators": CONFIG.generators.model_copy(update={"types": tiers})})
    assert routing.generator_models(config, desk(("openai",)).can_ask, "math", "primary") == [PROCEDURAL]


def test_balanced_changes_places_every_other_batch() -> None:
    assert [routing.balanced(["a", "b", "c"], batch)[0] for batch in range(4)] == ["a", "b", "a", "b"]
    assert routing.balanced(["a"], 1) == ["a"]


@pytest.mark.parametrize("generator", ["openai", "anthropic", "google", "xai"])
def test_with_four_families_nobody_judges_what_it_made(generator: str) -> None:
    everyone = desk(("openai", "anthropic", "google", "xai"))
    assert families(routing.arbiter_models(everyone, generator))[0] != generator
    first = [slot[0] for slot in routing.solver_slots(everyone, generator)]
    assert len(set(families(first))) == 3
    assert generator not in families(first)


def test_with_two_families_the_solvers_still_differ() -> None:
    first, second, third = routing.solver_slots(desk(("openai", "anthropic")), "openai")
    assert families([first[0], second[0]]) == ["anthropic", "openai"]
    assert third[0] == first[0]


def test_one_family_serves_alone_and_none_is_nobody() -> None:
    assert [slot[0] for slot in routing.solver_slots(desk(("google",)), "google")] == ["gemini-3.8-flash"] * 3
    assert routing.solver_slots(desk(()), "google") == []
    assert routing.arbiter_models(desk(()), "google") == []
