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
        ("inventory:\n\thealthy_min: 1\n", "/alerting.yaml:2: not valid YAML"),
        ("inventory:\n\thealthy_min: 1\n", "(a tab? indent with spaces)"),
        ("inventory:\n  healthy_min: 2026-13-45\n", "/alerting.yaml:2: a value cannot be read: month must be in 1..12"),
        (f"a: 1\ninventory: {'9' * 5000}\n", "/alerting.yaml:2: a value cannot be read"),
        ("inventory: &a\n  healthy_min: *a\n", "a part within itself"),
        ("inventory: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
        ("? [a]\n: b\n", "/alerting.yaml:1: file: a key must be text"),
        ("inventory: {}\n---\ninventory: {}\n", "/alerting.yaml:2: not valid YAML: but found another document"),
        (b"# \xc3\xbc\ninventory: \xff\xfe", "/alerting.yaml:2: cannot be read: not UTF-8 text"),
    ],
)
def test_each_fault_is_named_with_its_place(tmp_path: Path, text: str | bytes, message: str) -> None:
    assert message in refuse(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml: no such file"):
        load_yaml(tmp_path / "nowhere.yaml", AlertingConfig)


def test_a_folder_instead_of_a_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is a folder, not a file"):
        load_yaml(tmp_path, AlertingConfig)


def test_a_byte_order_mark_windows_line_ends_and_merged_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.yaml"
    lines = [
        *("types: [{key: a}]", "difficulties:", "  - &first {key: x, success_rate: [0.5, 0.9]}"),
        "  - {<<: *first, key: y}",
    ]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    assert [level.key for level in load_yaml(path, Taxonomy).difficulties] == ["x", "y"]


def test_a_list_of_faulty_entries_is_not_called_empty_besides(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_text("types: [{key: 1}]\ndifficulties: []\n")
    with pytest.raises(ConfigurationError) as caught:
        load_yaml(path, Taxonomy)
    first, second = caught.value.message.splitlines()
    assert ":1: types[0].key: " in first
    assert ":2: difficulties: " in second


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
