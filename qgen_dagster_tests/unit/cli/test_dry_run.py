"""`qgen generate --dry-run`: questions without a database."""

from __future__ import annotations

import json
from pathlib import Path

from qgen_dagster_tests.unit.cli.conftest import Qgen


def test_a_dry_run_needs_no_database_and_leaves_nothing_behind(qgen: Qgen, tmp_path: Path) -> None:
    result = qgen("generate", "--count", "3", "--types", "mathematical", "--dry-run", "--seed", "s")
    assert result.exit_code == 0, result.output
    assert result.stdout.count("Key ") >= 3
    assert "Dry run: 3 questions, none inserted" in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert not (tmp_path / "home").exists()


def test_with_json_it_is_one_object(qgen: Qgen) -> None:
    result = qgen("generate", "--per-stratum", "1", "--difficulties", "easy", "--dry-run", "--json")
    assert result.exit_code == 0, result.output
    value = json.loads(result.stdout)
    assert len(value["questions"]) == 6
    assert value["funnel"]["inserted"] == 0


def test_the_same_seed_makes_the_same_questions(qgen: Qgen) -> None:
    args = ("generate", "--count", "2", "--types", "logic", "--dry-run", "--json", "--seed", "a")
    assert qgen(*args).stdout == qgen(*args).stdout
