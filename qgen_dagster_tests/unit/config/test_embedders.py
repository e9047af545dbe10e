from __future__ import annotations

import pytest

from qgen_dagster.config.embedders import EmbedderChoice, parse_embedder
from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("hashing", EmbedderChoice()),
        ("openai", EmbedderChoice("openai", "text-embedding-3-small")),
        ("openai:text-embedding-3-large@1024", EmbedderChoice("openai", "text-embedding-3-large", 1024)),
        ("openai:@256", EmbedderChoice("openai", "text-embedding-3-small", 256)),
        ("openai_compatible:nomic-embed-text:v1.5", EmbedderChoice("openai_compatible", "nomic-embed-text:v1.5")),
        ("sentence-transformers:/models/mini@2", EmbedderChoice("sentence-transformers", "/models/mini@2")),
        (" sentence-transformers : C:/models ", EmbedderChoice("sentence-transformers", "C:/models")),
    ],
)
def test_an_embedder_is_named_by_kind_model_and_length(text: str, choice: EmbedderChoice) -> None:
    assert parse_embedder(text) == choice


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("hashin", "'hashin'", "hashing"),
        ("word2vec", "'word2vec'", "Like hashing"),
        ("hashing:256", "no models", None),
        ("openai_compatible", "name of a model", None),
        ("sentence-transformers:", "folder", None),
        ("openai:a@0", "1 to 16,000", None),
        ("openai:a@16001", "1 to 16,000", None),
        (f"openai:{'a' * 81}", "80 characters", None),
    ],
)
def test_one_that_cannot_be_used_is_refused_with_what_can(text: str, said: str, hint: str | None) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        parse_embedder(text)
    assert caught.value.message.startswith("QGEN_EMBEDDER: ")
    if hint:
        assert hint in (caught.value.hint or "")


def test_the_choice_can_be_read_again_from_its_text() -> None:
    for text in ("hashing", "openai:text-embedding-3-large@1024", "sentence-transformers:/models/mini"):
        assert str(parse_embedder(text)) == text


def test_settings_take_it_from_the_environment_and_hashing_without() -> None:
    assert load_settings({}).embedder == EmbedderChoice()
    assert load_settings({"QGEN_EMBEDDER": "openai"}).embedder.model == "text-embedding-3-small"
