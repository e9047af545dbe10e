"""A wrong command line is a configuration error: exit code 3, one sentence that names the flag and what it takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from qgen_dagster.cli.flags import split
from qgen_dagster.services.options import RunOptions
from qgen_dagster_tests.unit.cli.conftest import Qgen

REFUSED = [
    ("auto-balance --count 0", "--count: 0 is not a whole number from 1 to 100,000"),
    ("auto-balance --count -5", "--count: -5 is not a whole number from 1 to 100,000"),
    ("auto-balance --count many", "--count: 'many' is not a whole number from 1 to 100,000"),
    ("auto-balance --count 2.5", "--count: 2.5 is not a whole number from 1 to 100,000"),
    ("auto-balance --count 99999999999999999999", "is not a whole number from 1 to 100,000"),
    ("auto-balance --count", "--count needs a value"),
    ("auto-balance --target-per-stratum 0", "--target-per-stratum: 0 is not a whole number from 1 to 1,000,000"),
    ("auto-balance --healthy-threshold -1", "--healthy-threshold: -1 is not a whole number from 0 to 1,000,000"),
    ("auto-balance --batch-size 51", "--batch-size: 51 is not a whole number from 1 to 50"),
    ("auto-balance --max-concurrent 0", "--max-concurrent: 0 is not a whole number from 1 to 500"),
    ("auto-balance --max-rounds 101", "--max-rounds: 101 is not a whole number from 1 to 100"),
    ("auto-balance --min-score 1.5", "--min-score: 1.5 is not a number from 0 to 1"),
    ("auto-balance --min-score nan", "--min-score: 'nan' is not a number from 0 to 1"),
    ("auto-balance --budget-usd -1", "--budget-usd: -1 is not a number from 0 to 1,000,000"),
    ("auto-balance --budget-usd inf", "--budget-usd: 'inf' is not a number from 0 to 1,000,000"),
    (
        "auto-balance --provider-tier primry",
        "'primry' is not one of primary, fallback, balanced. Did you mean primary?",
    ),
    ("auto-balance --cuont 3", "unknown option --cuont (did you mean --count?)"),
    ("auto-balance surprise", "unexpected extra argument"),
    ("auto-balance --types mth", "unknown question type: 'mth'\nDid you mean math?"),
    ("auto-balance --types ,", "--types: names nothing"),
    ("auto-balance --types math,logik", "unknown question type: 'logik'\nDid you mean logic?"),
    ("auto-balance --difficulties hrad", "unknown difficulty: 'hrad'\nDid you mean hard?"),
    ("auto-balance --healthy-threshold 5", "thresholds out of order: healthy 5, warning 20, critical 5"),
    ("auto-balance --alerting-config /no/such.yaml", "/no/such.yaml: no such file"),
    ("auto-balance --dry-run", "auto-balance cannot be a dry run"),
    ("autobalance", "unknown command 'autobalance' (did you mean auto-balance?)"),
    ("generate", "how many questions?"),
    ("generate --count 3 --per-stratum 3", "--count and --per-stratum exclude each other"),
    ("generate --per-stratum 100000", "100,000 in each of 18 strata are 1,800,000 questions"),
    ("runs show", "RUN is missing"),
    ("runs list --status bad", "--status: 'bad' is not one of running, success"),
    ("runs list --offset 99999999999999999999", "is not a whole number from 0 to 1,000,000,000"),
    ("inventory --taxonomy=", "--taxonomy: names no file"),
    ("inventory --alerting-config=", "--alerting-config: names no file"),
    ("inventory --taxonomy ~nobody.here/x.yaml", "~nobody.here/x.yaml: there is no user ~nobody.here"),
    ("auto-balance --seed \x1b[31m", "--seed: holds a control character"),
    ("auto-balance --seed \udcff", "--seed: is not valid UTF-8 text"),
    (f"auto-balance --triggered-by {'x' * 5_000}", "at most 50 characters, got 5,000 characters"),
    ("inventory --verbose=1", "--verbose takes no value"),
    ("up --host=", "--host: names no address"),
    ("runs list --limit 0", "--limit: 0 is not a whole number from 1 to 10,000"),
    ("questions deactivate abcd", "--reason is missing"),
    (f"questions deactivate abcd --reason x --by {'y' * 121}", "--by: a name has at most 120 characters"),
    ("questions deactivate abcd --reason x --by=", "--by: say who"),
    ("questions list --all --inactive", "--all and --inactive exclude each other"),
    ("questions import /no/such.jsonl", "/no/such.jsonl: no such file"),
    ("questions import ~nobody.here/x.csv", "~nobody.here/x.csv: there is no user ~nobody.here"),
    ("questions import /usr", "/usr: is a folder, not a file"),
    ("questions import /usr --format csv", "/usr: is a folder, not a file"),
    ("questions import x.txt", "x.txt: the name does not tell the format"),
    ("questions import x --format jsno", "--format: 'jsno' is not jsonl or csv\nDid you mean jsonl?"),
    ("db downgrade 0999 --yes", "no such migration: '0999'"),
    ("up --port 99999", "--port: 99999 is not a whole number from 1 to 65,535"),
]


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[line for line, _ in REFUSED])
def test_a_wrong_command_line_is_refused_with_exit_code_3(qgen: Qgen, line: str, message: str) -> None:
    result = qgen(*line.split())
    assert result.exit_code == 3
    assert message in result.stderr
    assert result.stderr.startswith("Error: ")
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(("line", "message"), REFUSED, ids=[line for line, _ in REFUSED])
def test_with_json_the_refusal_is_one_object(qgen: Qgen, line: str, message: str) -> None:
    if line.startswith("up") or "--json" in line or line.endswith("--count"):
        pytest.skip("has no --json, or would take it for a value")
    result = qgen(*line.split(), "--json")
    error = json.loads(result.stdout)["error"]
    assert result.exit_code == error["exit_code"] == 3
    assert message.split("\n")[0] in error["message"]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "{file}: the file is empty"),
        ("inventory: [", "{file}:2: not valid YAML"),
        ("inventory:\n  healthy_min: many\n", "{file}:2: inventory.healthy_min: Input should be a valid integer"),
        ("inventory:\n  helthy_min: 3\n", "{file}:2: inventory.helthy_min: unknown key"),
        ("inventroy:\n  healthy_min: 3\n", "{file}:1: inventroy: unknown key (did you mean inventory?)"),
        ("inventory:\n  healthy_min: 3\n", "{file}:1: inventory.warning_min: thresholds out of order"),
    ],
)
def test_a_faulty_alerting_file_is_told_by_file_line_and_key(
    qgen: Qgen, tmp_path: Path, content: str, message: str
) -> None:
    file = tmp_path / "alerting.yaml"
    file.write_text(content, encoding="utf-8")
    result = qgen("inventory", "--alerting-config", str(file))
    assert result.exit_code == 3
    assert message.format(file=file) in result.stderr


def test_a_taxonomy_of_ones_own_decides_which_types_are_known(qgen: Qgen, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "difficulties: [{key: low, success_rate: [0.5, 0.9]}]\ntypes: [{key: chess}, {key: bridge}]\n", encoding="utf-8"
    )
    result = qgen("plan", "--taxonomy", str(file), "--types", "chss")
    assert result.exit_code == 3
    assert "Did you mean chess? Known: chess, bridge." in result.stderr


def test_a_file_without_a_name_is_refused(qgen: Qgen) -> None:
    for command in ("import", "export"):
        result = qgen("questions", command, "")
        assert (result.exit_code, result.stderr.splitlines()[0]) == (3, "Error: FILE: names no file")


@pytest.mark.parametrize(
    ("name", "value"),
    [("QGEN_HOME", "~nobody.here/x"), ("QGEN_RETENTION_DAYS", "9" * 12), ("QGEN_QUESTIONS_PER_RUN", "9" * 20)],
)
def test_a_variable_out_of_bounds_is_refused(
    qgen: Qgen, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    result = qgen("inventory")
    assert result.exit_code == 3
    assert value in result.stderr


def test_an_export_to_standard_output_leaves_no_room_for_json(qgen: Qgen) -> None:
    result = qgen("questions", "export", "--json")
    assert result.exit_code == 3
    assert "--json needs a FILE" in json.loads(result.stdout)["error"]["message"]


def test_a_misspelt_variable_is_refused(qgen: Qgen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QGEN_DATABSE_URL", "postgresql://nowhere/qgen")
    result = qgen("inventory")
    assert result.exit_code == 3
    assert "Did you mean QGEN_DATABASE_URL?" in result.stderr


@pytest.mark.parametrize(
    "line",
    [
        *("auto-balance --fill", "auto-balance --plan-only", "plan", "resume", "inventory", "up", "serve", "env"),
        *("generate --count 3", "generate --count 3 --dry-run", "drills build", "audit judges", "audit bank"),
        "embeddings rebuild",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_before_anything_is_made(
    qgen: Qgen, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str
) -> None:
    monkeypatch.setenv("QGEN_OPENAI_COMPATIBLE_BASE_URL", "http://me:hunter2@host:99999")
    result = qgen(*line.split())
    assert result.exit_code == 3
    assert result.stderr == (
        "Error: QGEN_OPENAI_COMPATIBLE_BASE_URL is not an http(s) address: its port is not a number from 1 to 65535\n"
        "It looks like http://localhost:8000/v1. Mend the variable, or leave it unset.\n"
    )
    assert result.stdout == ""
    assert not (tmp_path / "home").exists()


def test_names_may_be_repeated_or_separated_by_commas() -> None:
    assert split("--types", ["math, logic", "verbal", ""]) == ["math", "logic", "verbal"]
    assert split("--types", None) == []


def test_the_flags_have_the_ranges_of_the_options_behind_them() -> None:
    import typer

    from qgen_dagster.cli.commands.auto_balance import app

    fields = RunOptions.model_fields
    checked = 0
    for parameter in typer.main.get_command(app).params:
        low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
        if parameter.name not in fields or low is None:
            continue
        checked += 1
        for good in (low, high):
            RunOptions.model_validate({parameter.name: good})
        for bad in (low - 1, high + 1):
            with pytest.raises(ValidationError):
                RunOptions.model_validate({parameter.name: bad})
    assert checked >= 10
