"""Strata and their keys; the taxonomy that ships and others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.taxonomy import NAME_PATTERN, Stratum, Taxonomy, parse_stratum_key

names = st.from_regex(NAME_PATTERN.replace("$", r"\Z"), fullmatch=False).filter(lambda n: len(n) <= 60)
SHIPPED = load_settings({}).taxonomy


@given(names, names)
def test_a_key_can_be_read_back(question_type: str, difficulty: str) -> None:
    stratum = Stratum(question_type, difficulty)
    assert parse_stratum_key(stratum.key) == stratum


@given(st.text())
def test_whatever_is_no_key_is_refused_or_read_back_the_same(text: str) -> None:
    try:
        stratum = parse_stratum_key(text)
    except ConfigurationError:
        return
    assert stratum.key == text


def test_the_shipped_taxonomy_has_eighteen_strata_in_the_order_that_breaks_ties() -> None:
    assert [t.key for t in SHIPPED.types] == ["pattern", "logic", "spatial", "math", "verbal", "memory"]
    assert [d.key for d in SHIPPED.difficulties] == ["easy", "medium", "hard"]
    assert len(SHIPPED.strata) == 18
    assert SHIPPED.strata[:2] == (Stratum("pattern", "easy"), Stratum("pattern", "medium"))


@pytest.mark.parametrize(
    ("legacy", "key"),
    [
        ("pattern_recognition", "pattern"),
        ("logical_reasoning", "logic"),
        ("spatial_reasoning", "spatial"),
        ("mathematical", "math"),
        ("verbal_reasoning", "verbal"),
        ("Mathematical", "math"),
    ],
)
def test_legacy_names_are_mapped(legacy: str, key: str) -> None:
    assert SHIPPED.question_type(legacy).key == key


def test_an_unknown_type_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigurationError) as caught:
        SHIPPED.select(types=["mth"])
    assert "Did you mean math?" in str(caught.value)


def test_selecting_keeps_the_order_of_the_taxonomy() -> None:
    chosen = SHIPPED.select(types=["memory", "logic"], difficulties=["hard"])
    assert chosen == (Stratum("logic", "hard"), Stratum("memory", "hard"))


def test_neighbours_are_one_difficulty_away() -> None:
    assert SHIPPED.neighbours(Stratum("math", "easy")) == (Stratum("math", "medium"),)
    assert SHIPPED.neighbours(Stratum("math", "medium")) == (Stratum("math", "easy"), Stratum("math", "hard"))


BAND = {"key": "only", "success_rate": [0.2, 0.8]}


@pytest.mark.parametrize(
    "data",
    [
        {"types": [], "difficulties": [BAND]},
        {"types": [{"key": "a"}], "difficulties": []},
        {"types": [{"key": "a__b"}], "difficulties": [BAND]},
        {"types": [{"key": "A"}], "difficulties": [BAND]},
        {"types": [{"key": "a"}, {"key": "a"}], "difficulties": [BAND]},
        {"types": [{"key": "a", "aliases": ["b"]}, {"key": "b"}], "difficulties": [BAND]},
        {"types": [{"key": "a"}], "difficulties": [{"key": "x", "success_rate": [0.8, 0.2]}]},
        {"types": [{"key": "a"}], "difficulties": [{"key": "x", "success_rate": [0.2, 1.2]}]},
        {"types": [{"key": "a", "colour": "red"}], "difficulties": [BAND]},
    ],
)
def test_a_taxonomy_that_cannot_work_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Taxonomy.model_validate(data)
