"""A balance that is killed, interrupted or met by another one, at every kind of moment: nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import dagster as dg
import pytest
from sqlalchemy import make_url, text

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.progress import silent
from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
from qgen_dagster.defs.launcher import open_launcher
from qgen_dagster.defs.storage import close_pools, create_tables_once
from qgen_dagster.services.balance import BalanceReport, balance
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_record import read_record
from qgen_dagster.services.stage_report import active_counts
from qgen_dagster_tests.support import databases
from qgen_dagster_tests.support.doomed import MOMENTS, noting_calls

# Two strata of two batches each, one call at a time: every moment is met, and always at the same place.
WANTED = {"math__easy": 8, "math__hard": 8}
OPTIONS = RunOptions(
    types=("math",), difficulties=("easy", "hard"), target_per_stratum=8, fill=True, asynchronous=False, seed="kill"
)
ARGUMENTS = [
    *("auto-balance", "--types", "math", "--difficulties", "easy,hard", "--target-per-stratum", "8"),
    *("--fill", "--no-async", "--json", "--seed", "kill"),
]
BATCHES = 4
PATIENCE = 120  # seconds until a process counts as hanging
# Where the run's row says that something is under way, so that the next balance goes on with it.
NOTHING_WAITS = (
    "before the run is recorded",
    "after the insertion, before the row is closed",
    "after the row is closed, before Dagster knows",
)
RESUMABLE = [name for name in MOMENTS if name not in NOTHING_WAITS]


@dataclass(frozen=True)
class Place:
    """A bank, Dagster's database beside it, and where provider calls are noted."""

    bank: Bank
    settings: Settings
    instance: dg.DagsterInstance
    calls: Path

    def start(self, moment: str, what: str, arguments: list[str] | None = None) -> subprocess.Popen[str]:
        """`qgen` in a process of its own."""
        assert self.settings.database_url
        assert self.settings.dagster_database_url
        environment = {
            **os.environ,
            "QGEN_HOME": str(self.settings.home),
            "QGEN_DATABASE_URL": self.settings.database_url,
            "QGEN_DAGSTER_DATABASE_URL": self.settings.dagster_database_url,
        }
        command = [sys.executable, "-m", "qgen_dagster_tests.support.doomed", moment, what, str(self.calls), "--"]
        return subprocess.Popen(
            [*command, *(arguments or ARGUMENTS)],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def meet(self, moment: str, what: str) -> int:
        """The exit code of a balance that met this."""
        process = self.start(moment, what)
        said, _ = process.communicate(timeout=PATIENCE)
        print(said)  # for the report of a failed test
        return process.returncode

    def balance(self) -> BalanceReport:
        """The next balance, in this process."""
        with noting_calls(self.calls), open_launcher(self.settings, silent) as launcher:
            return balance(self.bank, self.settings, OPTIONS, launcher)

    def rows(self) -> list[dict[str, object]]:
        """Every run's row, oldest first."""
        with self.bank.begin() as tx:
            return run_rows.list_runs(tx)[::-1]

    def statuses(self) -> list[str]:
        return [str(row["status"]) for row in self.rows()]

    def history(self) -> list[str]:
        """How Dagster's runs ended, oldest first."""
        return [run.status.value for run in reversed(self.instance.get_runs())]

    def active(self) -> dict[str, int]:
        return {stratum.key: count for stratum, count in active_counts(self.bank).items()}


@pytest.fixture(scope="module")
def dagster_tables(server: EmbeddedServer) -> str:
    """The name of a database with Dagster's tables, to copy from."""
    server.create_database("kill_template")
    create_tables_once(server.url("kill_template", driver="psycopg2"))
    close_pools()
    return "kill_template"


@pytest.fixture
def place(
    server: EmbeddedServer,
    dagster_tables: str,
    bank: Bank,
    bank_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Place]:
    name = f"{make_url(bank_url).database}_dagster"
    url = server.url(name, driver="psycopg2")
    settings = Settings(home=tmp_path / "home", database_url=bank_url, dagster_database_url=url)
    monkeypatch.setenv("QGEN_DATABASE_URL", bank_url)
    monkeypatch.setenv("QGEN_HOME", str(settings.home))
    home = prepare_dagster_home(settings.home)
    with databases.copy_of(dagster_tables, server, name), open_instance(home, url) as instance:
        yield Place(bank, settings, instance, tmp_path / "calls")


def assert_nothing_is_lost_or_doubled(place: Place, *, killed_at_the_end: bool = False) -> None:
    assert place.active() == WANTED
    with place.bank.begin() as tx:
        hashes = tx.execute(text("SELECT content_hash FROM questions")).scalars().all()
        calls = tx.execute(text("SELECT count(*) FROM llm_calls")).scalar_one()
    assert len(set(hashes)) == sum(WANTED.values())
    asked = Counter(place.calls.read_text().splitlines())
    assert set(asked.values()) == {1}, "a reply was paid for twice"
    assert calls == len(asked) == BATCHES
    for row in place.rows():
        record = read_record(place.bank, UUID(str(row["id"])))
        assert record is not None
        assert (record.funnel.balance, record.funnel.pending) == (0, 0)
        assert row["completed_at"] is not None
    endings = [(row["status"], row["exit_code"]) for row in place.rows()]
    assert endings[0] == (("killed", 2) if killed_at_the_end else ("success", 0))
    assert set(endings[1:]) <= {("success", 0)}
    assert sum(int(str(row["questions_inserted"])) for row in place.rows()) == sum(WANTED.values())


@pytest.mark.parametrize("moment", RESUMABLE)
def test_a_killed_run_is_gone_on_with_where_it_was(place: Place, moment: str) -> None:
    assert place.meet(moment, "kill") == -signal.SIGKILL
    assert place.statuses() == ["running"]
    report = place.balance()
    [killed] = {run.run_id for run in report.resumed}
    assert_nothing_is_lost_or_doubled(place)
    assert report.exit_code is ExitCode.SUCCESS
    assert place.history() == ["FAILURE", "SUCCESS", "SUCCESS"]  # killed, gone on with, nothing left to do
    again = place.instance.get_runs()[1]
    assert again.parent_run_id == str(killed)


@pytest.mark.parametrize("moment", NOTHING_WAITS)
def test_a_run_killed_while_nothing_waited_is_closed_and_the_next_does_the_rest(place: Place, moment: str) -> None:
    assert place.meet(moment, "kill") == -signal.SIGKILL
    assert place.history() == ["STARTED"]
    report = place.balance()
    assert report.resumed == ()
    assert_nothing_is_lost_or_doubled(place, killed_at_the_end=moment.startswith("after the insertion"))
    assert place.history() == ["FAILURE", "SUCCESS"]


def test_a_run_killed_twice_is_gone_on_with_by_the_operator(place: Place) -> None:
    assert place.meet("after a batch is finished", "kill") == -signal.SIGKILL
    for moment, what, code in (
        ("between deduplication and insertion", "kill", -signal.SIGKILL),
        ("", "nothing", 0),
    ):
        process = place.start(moment, what, ["resume", "--json"])
        said, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, said
    assert_nothing_is_lost_or_doubled(place)
    assert place.history() == ["FAILURE", "FAILURE", "SUCCESS"]


@pytest.mark.parametrize(
    "moment",
    [
        "after a batch is finished",
        "in the middle of judging",
        "inside the deduplication's transaction",
        "inside an insertion's transaction",
    ],
)
def test_ctrl_c_ends_a_run_in_good_order_and_it_can_be_gone_on_with(place: Place, moment: str) -> None:
    assert place.meet(moment, "interrupt") not in (0, -signal.SIGINT)
    [row] = place.rows()
    assert row["status"] in ("failed", "partial_failure")
    assert row["stop_reason"] == "interrupted"
    assert place.history() == ["CANCELED"]
    report = place.balance()
    assert len(report.resumed) == 1
    assert_nothing_is_lost_or_doubled(place)
    assert place.history() == ["CANCELED", "SUCCESS", "SUCCESS"]


def test_of_two_balances_at_once_the_second_is_refused_and_nothing_overshoots(place: Place) -> None:
    first = place.start("after a batch is finished", "wait")
    wait_until(lambda: place.calls.with_suffix(".here").exists() or first.poll() is not None)
    second = place.start("", "nothing")
    refused, _ = second.communicate(timeout=PATIENCE)
    place.calls.with_suffix(".go").touch()
    said, _ = first.communicate(timeout=PATIENCE)
    assert (second.returncode, first.returncode) == (2, 0), refused + said
    assert "another run is filling math__easy" in refused
    assert_nothing_is_lost_or_doubled(place)


def wait_until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.05)
