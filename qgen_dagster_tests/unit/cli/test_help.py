"""What `qgen` says about itself, and what that costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from qgen_dagster.cli.main import COMMANDS
from qgen_dagster_tests.unit.cli.conftest import Qgen

HEAVY = ("dagster", "pandas", "numpy", "sqlalchemy", "psycopg", "pydantic", "rich.table", "structlog", "yaml")
GROUPS = {
    "runs": ("list", "show", "stats", "trend", "compare", "failures", "cost", "capacity"),
    "questions": ("list", "show", "deactivate", "export", "import"),
    "audit": ("judges",),
    "alerts": ("check", "list", "show", "ack", "mute", "unmute", "test"),
    "db": ("upgrade", "downgrade", "status", "url", "stop"),
}
PATHS = [(entry.name,) for entry in COMMANDS] + [(group, name) for group, names in GROUPS.items() for name in names]


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from qgen_dagster.cli.main import app\n"
        "try: app(['--help'], prog_name='qgen')\n"
        f"except SystemExit: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_no_command_imports_dagster_pandas_or_sqlalchemy_to_show_its_help() -> None:
    code = f"""
import sys
from qgen_dagster.cli.main import app
for path in {PATHS!r}:
    try:
        app([*path, "--help"], prog_name="qgen")
    except SystemExit:
        found = [m for m in ("dagster", "pandas", "sqlalchemy") if m in sys.modules]
        assert not found, (path, found)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("Usage: qgen ") == len(PATHS)


@pytest.mark.parametrize("path", [(), *PATHS], ids=" ".join)
def test_every_line_of_help_fits_into_80_columns(qgen: Qgen, path: tuple[str, ...]) -> None:
    result = qgen(*path, "--help")
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("group", GROUPS)
def test_no_help_of_a_command_is_cut(qgen: Qgen, group: str) -> None:
    assert "..." not in qgen(group, "--help").stdout.partition("Commands:")[2]


def test_no_arguments_mean_help(qgen: Qgen) -> None:
    for args in ((), ("runs",), ("questions",), ("db",)):
        result = qgen(*args)
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")


def test_auto_balance_has_every_flag_of_the_specification(qgen: Qgen) -> None:
    text = qgen("auto-balance", "--help").stdout
    flags = (
        "--count --target-per-stratum --healthy-threshold --warning-threshold --critical-threshold "
        "--skip-inventory-alerts --alerting-config --async --no-async --provider-tier --types --difficulties "
        "--batch-size --max-concurrent --min-score --fill --max-rounds --budget-usd --plan-only --triggered-by --seed "
        "--json --verbose"
    )
    assert [flag for flag in flags.split() if flag not in text] == []


def test_version_is_told(qgen: Qgen) -> None:
    result = qgen("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("qgen ")
