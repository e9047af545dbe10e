"""`qgen gallery` as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from qgen_dagster_tests.unit.cli.conftest import Qgen


def test_it_writes_one_page_and_says_where(qgen: Qgen, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    result = qgen("gallery", "--output", str(file), "--per-model", "1", "--types", "memory", "--difficulties", "easy")
    assert result.exit_code == 0
    assert result.stdout.strip() == str(file)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "Memory" in text
    assert 'id="math"' not in text


def test_without_a_file_it_goes_under_the_home(qgen: Qgen, tmp_path: Path) -> None:
    result = qgen("gallery", "--per-model", "1", "--types", "logic", "--json")
    said = json.loads(result.stdout)
    assert said["page"] == str(tmp_path / "home" / "pages" / "gallery.html")
    assert Path(said["page"]).exists()
    assert said["models"] >= 8


def test_standard_output_takes_the_page(qgen: Qgen) -> None:
    result = qgen("gallery", "--output", "-", "--per-model", "1", "--types", "memory", "--difficulties", "hard")
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("</html>")


def test_standard_output_excludes_what_needs_a_file(qgen: Qgen) -> None:
    for flag in ("--open", "--json"):
        result = qgen("gallery", "--output", "-", flag)
        assert result.exit_code == 3
        assert flag in result.stdout + result.stderr


def test_an_unknown_type_is_refused_with_a_suggestion(qgen: Qgen) -> None:
    result = qgen("gallery", "--types", "mat")
    assert result.exit_code == 3
    assert "math" in result.stderr


def test_a_folder_is_refused(qgen: Qgen, tmp_path: Path) -> None:
    result = qgen("gallery", "--types", "memory", "--output", str(tmp_path))
    assert result.exit_code == 3
    assert "is a folder" in result.stderr
