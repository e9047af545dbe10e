"""`qgen prompts`: list, show, diff and render, for people at 80 columns and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qgen_dagster.generation.prompts.files import packaged_names, packaged_text
from qgen_dagster_tests.unit.cli.conftest import Qgen

NAMES = ("list", "show", "diff", "render")


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qgen: Qgen) -> Path:
    """An operator's folder with a changed task and a changed type."""
    folder = tmp_path / "prompts"
    (folder / "types").mkdir(parents=True)
    solve, math = packaged_text("solve"), packaged_text("types/math")
    assert solve
    assert math
    (folder / "solve.yaml").write_text(solve.replace("solve/1", "ours/2"), encoding="utf-8")
    (folder / "types" / "math.yaml").write_text(math.replace("No calculator.", "No tables."), encoding="utf-8")
    monkeypatch.setenv("QGEN_PROMPTS", str(folder))
    return folder


def data(qgen: Qgen, *args: str) -> Any:
    result = qgen("prompts", *args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_help_fits_into_80_columns_and_has_examples(qgen: Qgen, name: str) -> None:
    result = qgen("prompts", name, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []


def test_the_list_has_every_task_and_type_with_a_version(qgen: Qgen) -> None:
    rows = data(qgen, "list")["prompts"]
    assert len(rows) == 3 * 6 + 3
    assert {row["task"] for row in rows} == {"generate", "regenerate", "arbitrate", "solve", "compare", "drill"}
    assert len({row["version"] for row in rows}) == len(rows)
    assert {row["from"] for row in rows} == {"packaged"}


def test_the_list_fits_into_80_columns(qgen: Qgen, own: Path) -> None:
    result = qgen("prompts", "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert len(lines) == 22
    assert max(map(len, lines)) <= 80


def test_the_list_says_which_texts_are_the_operators_own(qgen: Qgen, own: Path) -> None:
    rows = data(qgen, "list", "--types", "math")["prompts"]
    assert {row["type"] for row in rows} == {"math", None}
    found = {row["task"]: row for row in rows}
    assert found["generate"]["from"] == f"packaged, {own}/types/math.yaml"
    assert found["solve"]["from"] == str(own / "solve.yaml")
    assert found["solve"]["version"].startswith("ours/2@")


@pytest.mark.parametrize("name", packaged_names())
def test_show_prints_a_file_as_it_is_written(qgen: Qgen, name: str) -> None:
    assert qgen("prompts", "show", name.removeprefix("types/")).stdout == packaged_text(name)
    assert qgen("prompts", "show", f"{name}.yaml").stdout == packaged_text(name)


def test_show_prefers_the_operators_own_file(qgen: Qgen, own: Path) -> None:
    assert "ours/2" in qgen("prompts", "show", "solve").stdout
    assert "ours/2" not in qgen("prompts", "show", "solve", "--packaged").stdout
    assert data(qgen, "show", "math")["from"] == str(own / "types" / "math.yaml")


def test_an_unknown_file_is_refused_with_what_there_is(qgen: Qgen) -> None:
    result = qgen("prompts", "show", "maths")
    assert result.exit_code == 3
    assert "math" in result.stderr


def test_diff_shows_what_the_operator_has_changed(qgen: Qgen, own: Path) -> None:
    shown = qgen("prompts", "diff").stdout
    assert "-label: solve/1\n+label: ours/2\n" in shown
    assert "--- packaged/types/math.yaml" in shown
    assert qgen("prompts", "diff", "generate").stdout == "generate: the same\n"
    files = data(qgen, "diff", "math")["files"]
    assert [(file["name"], file["state"]) for file in files] == [("types/math", "changed")]


def test_diff_without_a_folder_says_what_to_set(qgen: Qgen) -> None:
    result = qgen("prompts", "diff")
    assert result.exit_code == 3
    assert "QGEN_PROMPTS" in result.stderr


def test_a_malformed_file_is_a_configuration_error_with_its_line(qgen: Qgen, own: Path) -> None:
    (own / "solve.yaml").write_text("label: ours/2\nsystem: Solve.\nuser: Go.\n", encoding="utf-8")
    result = qgen("prompts", "list")
    assert result.exit_code == 3
    assert "solve.yaml:3: user:" in result.stderr


def test_render_shows_what_would_be_sent(qgen: Qgen) -> None:
    shown = qgen("prompts", "render", "--stratum", "math__hard", "--count", "2").stdout
    sent = data(qgen, "render", "--stratum", "math__hard", "--count", "2")
    assert sent["system"] in shown
    assert sent["user"] in shown
    assert sent["user"].startswith("Task: generate\nCount: 2\nType: math\nDifficulty: hard\n")
    assert sent["schema_name"] == "questions"
    assert sent["version"] in shown


@pytest.mark.parametrize("task", ["generate", "regenerate", "solve", "arbitrate", "compare"])
@pytest.mark.parametrize("stratum", ["memory__easy", "verbal__hard"])
def test_every_task_can_be_rendered_and_has_the_version_of_the_list(qgen: Qgen, task: str, stratum: str) -> None:
    sent = data(qgen, "render", "--stratum", stratum, "--task", task)
    listed = data(qgen, "list", "--types", stratum.partition("__")[0])["prompts"]
    assert sent["version"] in {row["version"] for row in listed if row["task"] == task}
    assert "{{" not in sent["system"] + sent["user"]


def test_kinds_and_stems_to_avoid_can_be_chosen(qgen: Qgen) -> None:
    sent = data(
        qgen,
        *("render", "--stratum", "mathematical__easy", "--sub-types", "ratio,algebra", "--avoid", "What is 2 + 2?"),
    )
    assert "Sub-types: ratio, algebra\n" in sent["user"]
    assert sent["user"].endswith("<not_these>\n- What is 2 + 2?\n</not_these>\n")


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--stratum", "math"), "not a stratum key"),
        (("--stratum", "mth__hard"), "Did you mean math?"),
        (("--stratum", "math__hard", "--sub-types", "rhymes"), "unknown sub-type of math"),
        (("--stratum", "math__hard", "--task", "sing"), "sing"),
        (("--stratum", "math__hard", "--count", "0"), "0"),
        ((), "--stratum"),
    ],
)
def test_wrong_flags_are_configuration_errors(qgen: Qgen, args: tuple[str, ...], said: str) -> None:
    result = qgen("prompts", "render", *args)
    assert result.exit_code == 3
    assert said in result.stderr
