"""`qgen drills` as an operator uses it: processes, exit codes, a kill in the middle."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster.bank.engine import Bank
from qgen_dagster_tests.fake_llm import FakeLlmProcess
from qgen_dagster_tests.integration.cli.conftest import QGEN, Qgen, environment
from qgen_dagster_tests.support.ui import wait_until

pytestmark = pytest.mark.e2e
BUILT_IN = ("--provider", "procedural")


@pytest.fixture(scope="module")
def series(qgen: Qgen) -> str:
    """The id of a series of ten drills."""
    done = qgen("drills", "build", "--count", "10", "--seed", "4", "--json", *BUILT_IN)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["id"])


def test_a_series_is_built_and_its_answers_hold(qgen: Qgen, series: str) -> None:
    told = json.loads(qgen("drills", "status", series, "--json").stdout)
    assert (told["status"], told["verification"], told["drills"]) == ("COMPLETED", "VERIFIED", 10)
    assert [batch["status"] for batch in told["batch_list"]] == ["completed", "completed"]


def test_progress_is_told_while_it_goes_on(qgen: Qgen) -> None:
    done = qgen("drills", "build", "--count", "10", *BUILT_IN)
    assert done.returncode == 0
    assert "Generated 10/10 drills (batch 2/2)" in done.stderr
    assert "verified: 10 of 10 answers hold (catalogue)" in done.stdout


@pytest.mark.parametrize(
    "command",
    [("status",), ("status", "SERIES"), ("show", "SERIES", "--answers"), ("positions", "--list"), ("show", "SERIES")],
)
def test_everything_fits_80_columns(qgen: Qgen, series: str, command: tuple[str, ...]) -> None:
    done = qgen("drills", *(series if part == "SERIES" else part for part in command))
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_a_player_sees_no_answer_before_asking_for_it(qgen: Qgen, series: str) -> None:
    asked, told = qgen("drills", "show", series, "3").stdout, qgen("drills", "show", series, "3", "--answers").stdout
    assert asked.splitlines()[:12] == told.splitlines()[:12]
    assert "Hints" not in asked
    assert "\n* " in told


def test_a_planned_series_is_built_by_its_id(qgen: Qgen) -> None:
    plan = json.loads(qgen("drills", "plan", "--count", "5", "--phases", "middle", "--seed", "1", "--json").stdout)
    assert (plan["status"], plan["drills"], len(plan["slots"])) == ("PENDING", 0, 5)
    assert qgen("drills", "build", plan["id"][:8], *BUILT_IN).returncode == 0
    assert qgen("drills", "retry", plan["id"], *BUILT_IN).returncode == 0  # nothing is missing


def test_an_export_is_the_same_each_time(qgen: Qgen, series: str, tmp_path: Path) -> None:
    first, second = (qgen("drills", "export", series).stdout for _ in range(2))
    assert first == second
    assert json.loads(first)["series"]["id"] == series
    assert qgen("drills", "export", series, "--to", str(tmp_path)).returncode == 0
    assert (tmp_path / "series.json").read_text() == first
    assert len(list((tmp_path / "boards").iterdir())) == 10


def test_verification_without_an_engine_uses_the_library(qgen: Qgen, series: str) -> None:
    done = qgen("drills", "verify", series, "--with", "catalogue")
    assert (done.returncode, "10 of 10 answers hold (catalogue)" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "--count", "4"), "5 to 50 drills, got 4"),
        (("build", "--count", "51"), "5 to 50 drills, got 51"),
        (("plan", "--phases", "endgame"), "unknown phase 'ENDGAME'"),
        (("plan", "--phases", ","), "--phases: names nothing"),
        (("build", "--batch-size", "0"), "--batch-size"),
        (("build", "--provider", "openai"), "no key is set"),
        (("show", "ffffffff"), "no drill series begins with 'ffffffff'"),
        (("retry", "ab"), "too short"),
        (("positions", "nowhere"), "no position 'nowhere'"),
        (("positions", "--load", "/nowhere.jsonl"), "/nowhere.jsonl: cannot be read"),
        (("mine", "--phases", "OPENING"), "positions are mined for EARLY, MIDDLE, BEAROFF"),
    ],
)
def test_bad_input_is_refused_in_one_clear_message(qgen: Qgen, arguments: tuple[str, ...], said: str) -> None:
    done = qgen("drills", *arguments)
    assert done.returncode == 3
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_build_that_nobody_could_design_plans_nothing(qgen: Qgen, series: str) -> None:
    before = qgen("drills", "status", "--json").stdout
    assert qgen("drills", "build", "--provider", "google").returncode == 3
    assert qgen("drills", "status", "--json").stdout == before


def test_a_missing_engine_is_said_with_what_to_do(qgen: Qgen) -> None:
    done = qgen("drills", "mine", "--count", "5", QGEN_GNUBG="/nowhere/gnubg")
    assert done.returncode == 3
    assert "QGEN_GNUBG: /nowhere/gnubg" in done.stderr
    assert "apt install gnubg" in done.stderr


@pytest.mark.skipif(shutil.which("gnubg", path="/usr/games:/usr/bin") is None, reason="GNU Backgammon is not installed")
def test_positions_are_mined_with_the_real_engine(qgen: Qgen) -> None:
    done = qgen("drills", "mine", "--count", "2", "--plies", "0", "--seed", "99", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["total"] >= 2


def test_the_runs_of_series_are_listed_as_such(qgen: Qgen, series: str) -> None:
    runs = json.loads(qgen("runs", "list", "--json").stdout)["runs"]
    assert "drills" in {run["kind"] for run in runs}
    assert "drills" in qgen("runs", "list").stdout


def test_a_killed_build_goes_on_and_pays_again_only_for_what_was_in_flight(
    home: Path, qgen: Qgen, tmp_path: Path
) -> None:
    plan = json.loads(qgen("drills", "plan", "--count", "50", "--seed", "7", "--json").stdout)
    arguments = ["drills", "build", plan["id"], "--max-concurrent", "2", "--json"]
    output = tmp_path / "output"
    with FakeLlmProcess("--port", "0", "--latency", "0.5") as llm:
        keys = {name: value for name, value in llm.env.items() if not name.startswith("QGEN_")}
        with (
            output.open("w") as file,
            subprocess.Popen([*QGEN, *arguments], env=environment(home, **keys), stdout=file, stderr=file) as doomed,
        ):
            answered = lambda: sum(p.task("drill").answered for p in llm.stats.providers.values())  # noqa: E731
            wait_until(lambda: answered() >= 4 or doomed.poll() is not None, pause=0.02)
            assert doomed.poll() is None, output.read_text()
            doomed.send_signal(signal.SIGKILL)
        stopped = json.loads(qgen("drills", "status", plan["id"], "--json").stdout)
        resumed = qgen(*arguments, **keys)
        told = qgen("drills", "status", plan["id"]).stdout
        paid = sum(provider.task("drill").answered for provider in llm.stats.providers.values())
    assert stopped["drills"] < 50
    assert resumed.returncode == 0, resumed.stderr
    done = json.loads(resumed.stdout)
    assert (done["drills"], done["status"], done["verification"]) == (50, "COMPLETED", "VERIFIED")
    assert 10 <= paid <= 12
    assert "the tokenizer of anthropic/claude-sonnet-5-5" in told
    assert re.search(r"prompts +[\d,]+ tokens in 1\d calls, as the provider reports", told)
    with EmbeddedServer.ensure(home) as server:
        bank = Bank(server.url())
        with bank.begin() as tx:
            rows = tx.exec_driver_sql(
                "SELECT status FROM question_generation_runs WHERE options->>'series_id' = %s ORDER BY started_at",
                (plan["id"],),
            )
            assert [row.status for row in rows] == ["killed", "success"]
        bank.close()
