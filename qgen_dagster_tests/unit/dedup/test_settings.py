from __future__ import annotations

from pathlib import Path

import pytest

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.dedup.settings import load_settings


def test_the_packaged_file_serves_every_embedder_and_type() -> None:
    settings = load_settings()
    assert settings.bounds("hashing-256-v1", "math").names == "doubt"
    assert settings.bounds("hashing-256-v1", "logic").names == "decide"
    assert settings.bounds("anything", "an_operator_s_own_type") == settings.default


def test_the_more_particular_bound_wins(tmp_path: Path) -> None:
    path = tmp_path / "dedup.yaml"
    path.write_text(
        "default: {duplicate_from: 0.9, grey_from: 0.8}\n"
        "types: {math: {grey_from: 0.7}}\n"
        "embedders:\n"
        "  hash: {default: {duplicate_from: 0.1, grey_from: 0.1}}\n"
        "  hashing-: {default: {grey_from: 0.6}, types: {math: {grey_from: 0.5}}}\n"
    )
    settings = load_settings(path)
    assert settings.bounds("other", "math").grey_from == 0.7
    assert settings.bounds("hashing-256-v1", "logic").grey_from == 0.6
    assert settings.bounds("hashing-256-v1", "math").grey_from == 0.5
    assert settings.bounds("hashing-256-v1", "math").duplicate_from == 0.9


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("default: {duplicate_form: 0.9}", "duplicate_form"),
        ("default: {duplicate_from: 1.9}", "duplicate_from"),
        ("default: {duplicate_from: 0.5, grey_from: 0.6}", "above"),
        ("default: {names: maybe}", "names"),
        ("- 1", "expected keys"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "dedup.yaml"
    path.write_text(content)
    with pytest.raises(ConfigurationError, match=said):
        load_settings(path)
