"""What the doctor says of settings that cannot work: each is found, named and told how to mend; nothing is a bug."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qgen_dagster_tests.unit.cli.conftest import Qgen


def failing(qgen: Qgen) -> dict[str, dict[str, Any]]:
    """The checks that failed, by name."""
    result = qgen("doctor", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == report["exit_code"]
    assert "This is a bug" not in result.stdout
    return {check["name"]: check for check in report["checks"] if check["health"] == "fail"}


def test_an_address_that_leads_nowhere_is_named(qgen: Qgen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QGEN_OPENAI_COMPATIBLE_BASE_URL", "ftp://me:hunter2@host")
    [found] = failing(qgen).values()
    assert found["detail"].startswith("QGEN_OPENAI_COMPATIBLE_BASE_URL is not an http(s) address")
    assert "hunter2" not in json.dumps(found)


def test_a_home_that_no_folder_can_have_is_named(qgen: Qgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QGEN_HOME", str(tmp_path / ("x" * 300)))
    found = failing(qgen)
    assert set(found) >= {"home", "database"}
    assert "File name too long" in found["home"]["detail"]


def test_a_home_that_is_a_file_is_named(qgen: Qgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("QGEN_HOME", str(file))
    assert "is not writable" in failing(qgen)["home"]["detail"]


def test_a_channel_that_nobody_understands_is_named_without_its_address(
    qgen: Qgen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QGEN_ALERT_URLS", "json://127.0.0.1/hook nonsense://hunter2@host")
    found = failing(qgen)["alerting"]
    assert found["detail"].startswith("an address that cannot be understood: nonsense:")
    assert "json" not in found["detail"]
    assert "hunter2" not in json.dumps(found)


@pytest.mark.parametrize(
    ("variable", "check"), [("QGEN_DRILLS", "drills"), ("QGEN_MODELS", "models"), ("QGEN_PROMPTS", "prompts")]
)
def test_a_file_of_ones_own_that_is_not_there_is_named(
    qgen: Qgen, monkeypatch: pytest.MonkeyPatch, variable: str, check: str
) -> None:
    monkeypatch.setenv(variable, "/no/such/place")
    assert "/no/such/place: no such" in failing(qgen)[check]["detail"]
