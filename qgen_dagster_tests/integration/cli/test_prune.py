"""`qgen runs prune`: says what would go, asks, deletes, and says what went."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster_tests.support.chain import run_chain, work_for

Run = Callable[..., "CompletedProcess[str]"]
PRUNE = ("runs", "prune", "--older-than", "90d")


@pytest.fixture
def qgen_here(qgen: Run, bank_url: str, server: EmbeddedServer, tmp_path: Path) -> Run:
    """`qgen` on a bank and a Dagster database of its own."""
    name = f"prune_{uuid4().hex[:8]}"
    server.create_database(name)
    own = {
        "QGEN_DATABASE_URL": bank_url,
        "QGEN_DAGSTER_DATABASE_URL": server.url(name, driver="psycopg2"),
        "QGEN_HOME": str(tmp_path / "home"),
    }
    return lambda *args, **more: qgen(*args, **own, **more)


def test_old_runs_are_counted_asked_for_and_deleted(qgen_here: Run, bank: Bank, settings: Settings) -> None:
    run_chain(work_for(bank, settings, count=5, types=("math",), difficulties=("easy",)))
    assert "Nothing is from before" in qgen_here(*PRUNE, "--yes").stdout
    with bank.begin() as tx:
        back = "started_at = started_at - interval '1 year', completed_at = completed_at - interval '1 year'"
        tx.execute(text(f"UPDATE question_generation_runs SET {back}"))

    counted = qgen_here(*PRUNE, "--dry-run")
    assert counted.returncode == 0, counted.stderr
    assert "Would be deleted" in counted.stdout
    assert max(len(line) for line in counted.stdout.splitlines()) <= 80
    asked = qgen_here(*PRUNE)
    assert asked.returncode == 3
    assert "--yes" in asked.stderr
    deleted = qgen_here(*PRUNE, "--yes", "--json")
    assert deleted.returncode == 0, deleted.stderr
    kinds = json.loads(deleted.stdout)["kinds"]
    assert (kinds["runs"], kinds["plans"], kinds["Dagster ticks"]) == (1, 1, 0)
    with bank.begin() as tx:
        assert tx.execute(text("SELECT count(*) FROM questions")).scalar_one() == 5


@pytest.mark.parametrize("age", ["0d", "-5d", "soon", "9999999d", "3h", ""])
def test_an_age_that_is_none_is_refused(qgen: Run, age: str) -> None:
    answer = qgen("runs", "prune", f"--older-than={age}", "--yes")
    assert answer.returncode == 3
    assert "--older-than" in answer.stderr


def test_the_age_must_be_given(qgen: Run) -> None:
    answer = qgen("runs", "prune", "--yes")
    assert answer.returncode == 3
    assert "--older-than" in answer.stderr
