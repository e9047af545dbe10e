"""A run in batch mode whose process is killed: no job is handed in twice, and none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url, text

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.defs.storage import close_pools, create_tables_once
from qgen_dagster.generation.providers.registry import BATCH_FAMILIES
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support import databases
from qgen_dagster_tests.support.doomed import JOB_MOMENTS
from qgen_dagster_tests.support.written import cost_of

PATIENCE = 180  # seconds until a process counts as hanging
WANTED = 10
LOST_ID = "when a job was handed in, before its id is stored"
UNCOLLECTED = "when a job's id is stored, before it is collected"


@dataclass(frozen=True)
class Place:
    """A bank, Dagster's database beside it, and the server that all providers are at."""

    bank: Bank
    llm: FakeLlm
    environment: dict[str, str]
    calls: Path

    def qgen(self, moment: str, what: str, *arguments: str) -> int:
        """The exit code of `qgen` in a process of its own that meets this."""
        command = [sys.executable, "-m", "qgen_dagster_tests.support.doomed", moment, what, str(self.calls), "--"]
        done = subprocess.run(
            [*command, *arguments, "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        print(done.stdout)  # for the report of a failed test
        return done.returncode

    def start(self, provider: str, moment: str, what: str = "kill") -> int:
        """A run of ten questions by one provider."""
        chosen = ["--types", "math", "--difficulties", "easy", "--count", str(WANTED), "--provider", provider]
        return self.qgen(moment, what, "generate", *chosen, "--batch-api", "--skip-preflight")

    def resume(self) -> int:
        return self.qgen("", "nothing", "resume")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.bank.begin() as tx:
            return [tuple(row) for row in tx.execute(text(query))]


@pytest.fixture(scope="module")
def dagster_tables(server: EmbeddedServer) -> str:
    """The name of a database with Dagster's tables, to copy from."""
    server.create_database("kill_jobs_template")
    create_tables_once(server.url("kill_jobs_template", driver="psycopg2"))
    close_pools()
    return "kill_jobs_template"


@pytest.fixture
def place(server: EmbeddedServer, dagster_tables: str, bank: Bank, bank_url: str, tmp_path: Path) -> Iterator[Place]:
    name = f"{make_url(bank_url).database}_dagster"
    with databases.copy_of(dagster_tables, server, name), FakeLlm() as llm:
        environment = {
            **os.environ,
            **llm.env,
            "QGEN_HOME": str(tmp_path / "home"),
            "QGEN_DATABASE_URL": bank_url,
            "QGEN_DAGSTER_DATABASE_URL": server.url(name, driver="psycopg2"),
        }
        yield Place(bank, llm, environment, tmp_path / "calls")


def assert_nothing_is_lost_or_paid_twice(place: Place) -> None:
    [row] = place.rows(
        "SELECT status, stop_reason, questions_inserted, total_api_calls, cost_usd FROM question_generation_runs"
    )
    assert row[:3] == ("success", "finished", WANTED)
    stats = place.llm.stats
    answered = sum(m.batch_answered for p in stats.providers.values() for m in p.models.values())
    assert (row[3], stats.paid_twice) == (answered, 0)
    assert sum(m.answered for p in stats.providers.values() for m in p.models.values()) == 0
    assert abs(row[4] - cost_of(place.llm)) < Decimal("0.001")
    [(replies, digests)] = place.rows("SELECT count(reply), count(DISTINCT request_hash) FROM llm_calls")
    assert replies == digests == answered
    # One job made the questions, two solved them and one judged them, whatever was met on the way.
    assert sum(provider.jobs for provider in stats.providers.values()) == 4
    states = [state for (state,) in place.rows("SELECT state FROM llm_jobs ORDER BY created_at") if state != "lost"]
    assert states == ["ended"] * 4


@pytest.mark.parametrize("moment", [LOST_ID, UNCOLLECTED])
@pytest.mark.parametrize("family", BATCH_FAMILIES)
def test_a_run_killed_around_a_job_goes_on_with_that_very_job(place: Place, family: str, moment: str) -> None:
    assert place.start(family, moment) == -signal.SIGKILL
    [job] = place.rows("SELECT provider, state, job_id IS NULL FROM llm_jobs")
    assert job == ((family, "prepared", True) if moment == LOST_ID else (family, "running", False))
    assert place.llm.stats[family].jobs == 1
    assert place.resume() == 0
    assert_nothing_is_lost_or_paid_twice(place)


@pytest.mark.parametrize("moment", [name for name in JOB_MOMENTS if name not in (LOST_ID, UNCOLLECTED)])
def test_wherever_a_run_is_killed_its_jobs_are_handed_in_and_collected_once(place: Place, moment: str) -> None:
    assert place.start("openai", moment) == -signal.SIGKILL
    assert place.resume() == 0
    assert_nothing_is_lost_or_paid_twice(place)


def test_a_run_killed_again_and_again_loses_nothing(place: Place) -> None:
    assert place.start("openai", LOST_ID) == -signal.SIGKILL
    for moment in ("inside the transaction that collects a job", UNCOLLECTED, "when a job of judging was handed in"):
        assert place.qgen(moment, "kill", "resume") == -signal.SIGKILL
    assert place.resume() == 0
    assert_nothing_is_lost_or_paid_twice(place)


def test_ctrl_c_while_a_job_is_under_way_ends_the_run_in_good_order(place: Place) -> None:
    place.llm.control(batch_delay=3_600)
    assert place.start("openai", UNCOLLECTED, "interrupt") not in (0, -signal.SIGINT)
    [(status, why)] = place.rows("SELECT status, stop_reason FROM question_generation_runs")
    assert (status, why) == ("partial_failure", "interrupted; waits for 1 batch job")
    place.llm.control(batch_delay=0, advance=7_200)
    assert place.resume() == 0
    assert_nothing_is_lost_or_paid_twice(place)
