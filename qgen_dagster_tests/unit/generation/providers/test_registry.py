"""Which providers there are and what they need from the environment."""

from __future__ import annotations

import sys

import pytest

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.generation.llm import TokenCounter
from qgen_dagster.generation.providers.registry import (
    BATCH_FAMILIES,
    COUNTING_FAMILIES,
    FAMILIES,
    VARIABLES,
    available,
    open_batch_client,
    open_client,
    open_embedding_client,
)
from qgen_dagster.generation.providers.sdk import INSTALL_HINT

KEYS = {
    "OPENAI_API_KEY": "sk-1",
    "ANTHROPIC_API_KEY": "sk-2",
    "GEMINI_API_KEY": "AIza3",
    "XAI_API_KEY": "xai-4",
    "QGEN_OPENAI_COMPATIBLE_BASE_URL": "http://127.0.0.1:1/v1",
}


def test_the_families() -> None:
    assert FAMILIES == ("openai", "anthropic", "google", "xai", "openai_compatible")
    assert BATCH_FAMILIES == ("openai", "anthropic", "google")


@pytest.mark.parametrize("name", FAMILIES)
def test_the_families_that_count_tokens_are_those_whose_clients_do(name: str) -> None:
    assert isinstance(open_client(name, KEYS), TokenCounter) == (name in COUNTING_FAMILIES)


def test_families_with_a_key_can_be_asked() -> None:
    assert available({}) == ()
    assert available(KEYS) == FAMILIES
    assert available({"OPENAI_API_KEY": " ", "GOOGLE_API_KEY": "AIza"}) == ("google",)


def test_a_compatible_server_needs_an_address_and_no_key() -> None:
    assert available({"QGEN_OPENAI_COMPATIBLE_API_KEY": "k"}) == ()
    assert available({"QGEN_OPENAI_COMPATIBLE_BASE_URL": "http://localhost:11434/v1"}) == ("openai_compatible",)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_without_its_variable_says_which_one_it_needs(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"provider {name} needs \w+"):
        open_client(name, {})


def test_an_unknown_provider_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_client("opnai", KEYS)
    assert "openai_compatible" in (caught.value.hint or "")


@pytest.mark.parametrize("name", FAMILIES)
def test_a_missing_sdk_is_answered_with_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("openai", "anthropic", "google.genai", "google"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        ConfigurationError, match=f"provider {name} needs the package (openai|anthropic|google-genai)"
    ) as caught:
        open_client(name, KEYS)
    assert caught.value.hint == INSTALL_HINT


@pytest.mark.parametrize("key", ["sk-with a space", "sk-\u201cquoted\u201d", "line\nbreak"])
def test_a_key_that_no_header_can_carry_is_refused_before_any_call(key: str) -> None:
    with pytest.raises(ConfigurationError, match="the key of openai is not a key") as caught:
        open_client("openai", {"OPENAI_API_KEY": key})
    assert key not in str(caught.value)


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://x/v1", "http://", "/v1"])
def test_an_address_that_is_none_is_refused_before_any_call(url: str) -> None:
    with pytest.raises(ConfigurationError, match="the base URL of openai_compatible is not"):
        open_client("openai_compatible", {"QGEN_OPENAI_COMPATIBLE_BASE_URL": url})


@pytest.mark.parametrize("name", ["xai", "openai_compatible"])
def test_a_family_without_a_batch_api_says_so(name: str) -> None:
    with pytest.raises(ConfigurationError, match="has no batch API"):
        open_batch_client(name, KEYS)


def test_a_family_without_embeddings_says_so() -> None:
    with pytest.raises(ConfigurationError, match="makes no embeddings"):
        open_embedding_client("anthropic", KEYS)


def test_every_variable_is_listed() -> None:
    assert set(KEYS) <= set(VARIABLES)
    assert "GOOGLE_GEMINI_BASE_URL" in VARIABLES
