"""YAML errors name the file, the line and the key; nothing is ever ignored."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.config.alerting import AlertingConfig
from qgen_dagster.config.loading import load_yaml
from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.taxonomy import Taxonomy


def refuse(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "alerting.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_yaml(path, AlertingConfig)
    return str(caught.value).replace(str(tmp_path), "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "/alerting.yaml: the file is empty"),
        ("# only a comment\n", "/alerting.yaml: the file is empty"),
        ("- a\n- b\n", "/alerting.yaml:1: expected keys and values at the top level"),
        (
            "inventory:\n  healthy_min: many\n",
            "/alerting.yaml:2: inventory.healthy_min: Input should be a valid integer",
        ),
        ("inventory:\n  healthy: 50\n", "/alerting.yaml:2: inventory.healthy: unknown key"),
        ("inventry:\n  healthy_min: 50\n", "/alerting.yaml:1: inventry: unknown key (did you mean inventory?)"),
        ("inventory: {}\ninventory: {}\n", "/alerting.yaml:2: inventory: named twice"),
        ("inventory:\n  healthy_min: [\n", "not valid YAML"),
        ("inventory:\n\thealthy_min: 1\n", "not valid YAML"),
        (b"inventory: \xff\xfe", "cannot be read"),
    ],
)
def test_each_fault_is_named_with_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in refuse(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: no such file"):
        load_yaml(tmp_path / "nowhere.yaml", AlertingConfig)


def test_a_folder_instead_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_yaml(tmp_path, AlertingConfig)


def test_a_missing_key_in_a_list_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_text("types:\n  - key: a\ndifficulties:\n  - key: x\n    success_rate: [0.1, 0.2]\n  - key: y\n")
    with pytest.raises(ConfigurationError, match=r":6: difficulties\[1\]\.success_rate: missing"):
        load_yaml(path, Taxonomy)


def test_thresholds_out_of_order_name_the_file(tmp_path: Path) -> None:
    path = tmp_path / "alerting.yaml"
    path.write_text("inventory:\n  healthy_min: 5\n")
    with pytest.raises(ConfigurationError, match=r"alerting\.yaml:1: inventory\.warning_min: thresholds out of order"):
        load_settings({}).alerting(path)


@given(st.text(max_size=200))
def test_no_text_makes_the_reader_crash(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("yaml") / "x.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    with contextlib.suppress(ConfigurationError):
        load_yaml(path, AlertingConfig)


def test_a_misspelt_variable_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"QGEN_DATABSE_URL": "postgresql://somewhere"})
    assert "Did you mean QGEN_DATABASE_URL?" in str(caught.value)


@pytest.mark.parametrize(
    "environ",
    [
        {"QGEN_QUESTIONS_PER_RUN": "0"},
        {"QGEN_QUESTIONS_PER_RUN": "ten"},
        {"QGEN_ENVIRONMENT": "moon"},
        {"QGEN_LOG": "x"},
    ],
)
def test_values_that_cannot_be_used_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(environ))):
        load_settings(environ)


def test_empty_variables_count_as_not_set() -> None:
    assert load_settings({"QGEN_DATABASE_URL": ""}).database_url is None
