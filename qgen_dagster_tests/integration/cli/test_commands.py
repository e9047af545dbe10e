"""The commands as real processes on a real database, in the order in which an operator meets them."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import psycopg
import pytest

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster_tests.integration.cli.conftest import QGEN, Qgen, environment

ANSI = re.compile(r"\x1b\[")


@pytest.fixture(scope="session")
def filled(qgen: Qgen) -> dict[str, object]:
    """A bank with 4 questions in each of the three math strata, and what the run said about it."""
    done = qgen("auto-balance", "--types", "math", "--target-per-stratum", "4", "--fill", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_inventory_shows_18_strata_in_words(qgen: Qgen) -> None:
    done = qgen("inventory")
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.split("\n")[0].split() == ["easy", "medium", "hard"]
    assert not ANSI.search(done.stdout)
    assert max(len(line) for line in done.stdout.splitlines()) <= 85


def test_auto_balance_with_json_is_one_object_and_nothing_else(filled: dict[str, object]) -> None:
    assert filled["exit_code"] == 0
    assert filled["funnel"]["inserted"] == 12  # type: ignore[index]
    assert filled["stop_reason"] == "no deficit is left"


def test_the_second_time_it_has_nothing_to_do_and_says_it_in_the_specifications_words(
    qgen: Qgen, filled: dict[str, object]
) -> None:
    done = qgen("plan", "--types", "math", "--target-per-stratum", "4")
    assert done.returncode == 0
    assert done.stdout == (
        "Auto-balance early exit: all strata at or above target\n"
        "  Thresholds: healthy=50, warning=20, target_per_stratum=4\n"
        "  Analyzed 3 strata, 12 total active questions\n"
        "  Below target: 0, Critical: 3\n"
    )


def test_a_plan_shares_out_the_count(qgen: Qgen, filled: dict[str, object]) -> None:
    value = json.loads(qgen("plan", "--count", "30", "--types", "logic,math", "--json").stdout)
    assert value["plan"]["total_questions"] == sum(value["plan"]["allocations"].values()) == 30


def test_generate_reports_stock_funnel_and_where_to_look_next(qgen: Qgen) -> None:
    done = qgen("generate", "--count", "2", "--types", "logic", "--difficulties", "easy")
    assert done.returncode == 0, done.stderr
    assert "logic__easy: Generated 2/2 questions (batch 1/1)" in done.stderr
    for part in ("Stock, before → after", "  requested  2", "  inserted   2", "qgen runs show "):
        assert part in done.stdout
    assert not ANSI.search(done.stdout + done.stderr)


def test_a_run_is_listed_and_shown_by_its_short_id(qgen: Qgen, filled: dict[str, object]) -> None:
    run_id = filled["rounds"][0]["run_id"]  # type: ignore[index]
    assert run_id[:8] in qgen("runs", "list").stdout
    shown = qgen("runs", "show", run_id[:8])
    assert shown.returncode == 0
    assert f"Run {run_id}" in shown.stdout
    assert json.loads(qgen("runs", "show", run_id, "--json").stdout)["strata"]["math__easy"]["inserted"] == 4


def test_there_is_nothing_to_resume(qgen: Qgen, filled: dict[str, object]) -> None:
    done = qgen("resume", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"resumed": None})


@pytest.mark.parametrize("command", ["runs show", "questions show", "resume"])
def test_an_unknown_or_ambiguous_id_is_a_configuration_error(qgen: Qgen, home: Path, command: str) -> None:
    for given, message in (("abc", "too short"), ("zzzzzz", "begins with")):
        done = qgen(*command.split(), given)
        assert done.returncode == 3
        assert message in done.stderr


def test_questions_go_out_and_come_back_as_duplicates(qgen: Qgen, filled: dict[str, object], tmp_path: Path) -> None:
    for name in ("bank.jsonl", "bank.csv"):
        file = tmp_path / name
        assert qgen("questions", "export", str(file), "--types", "math").returncode == 0
        value = json.loads(qgen("questions", "import", str(file), "--json").stdout)
        assert (value["imported"], value["duplicates"], value["bad"]) == (0, 12, 0)


def test_a_file_with_bad_rows_keeps_the_good_ones_and_names_the_others(
    qgen: Qgen, filled: dict[str, object], tmp_path: Path
) -> None:
    record = json.loads(qgen("questions", "export").stdout.splitlines()[0])
    new = {**record, "stem": "A new stem that the bank has not seen?", "structure": None, "is_active": False}
    file = tmp_path / "mixed.jsonl"
    file.write_text("\n".join([json.dumps(new), "nonsense", json.dumps(record)]) + "\n", encoding="utf-8")

    rehearsal = qgen("questions", "import", str(file), "--dry-run")
    assert (rehearsal.returncode, rehearsal.stdout) == (1, "3 rows: 1 would be imported, 1 duplicate, 1 bad\n")
    done = qgen("questions", "import", str(file))
    assert (done.returncode, done.stdout) == (1, "3 rows: 1 imported, 1 duplicate, 1 bad\n")
    assert done.stderr.startswith("line 2: not valid JSON")
    assert qgen("questions", "import", "-", input="nonsense\n").returncode == 2
    assert "A new stem" in qgen("questions", "list", "--inactive").stdout


def test_a_deactivated_question_leaves_the_inventory_but_not_the_bank(qgen: Qgen) -> None:
    assert qgen("generate", "--count", "1", "--types", "verbal", "--difficulties", "hard").returncode == 0
    [stored] = json.loads(qgen("questions", "list", "--types", "verbal", "--json").stdout)["questions"]
    done = qgen("questions", "deactivate", stored["id"][:8], "--reason", "two right answers", "--by", "ann")
    assert done.returncode == 0
    assert "inactive since" in (shown := qgen("questions", "show", stored["id"]).stdout)
    assert "by ann: two right answers" in shown
    assert json.loads(qgen("inventory", "--types", "verbal", "--json").stdout)["total"] == 0


def test_a_page_with_figures_is_written_and_only_its_path_is_printed(qgen: Qgen, filled: dict[str, object]) -> None:
    [stored] = json.loads(qgen("questions", "list", "--limit", "1", "--json").stdout)["questions"]
    path = Path(qgen("questions", "show", stored["id"], "--open").stdout.strip())
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "default-src 'none'" in text


def test_env_gives_what_a_shell_needs_and_the_server_stays_until_it_is_stopped(tmp_path: Path) -> None:
    folder = Path(tempfile.mkdtemp(prefix="qgen it's-", dir="/tmp"))
    folder.chmod(0o755)
    own = folder / "home"
    try:
        script = (
            f'eval "$({_quoted(QGEN)} env)" && test -f "$DAGSTER_HOME/dagster.yaml" '
            f"&& {_quoted(QGEN)} db status && {_quoted(QGEN)} db stop"
        )
        done = subprocess.run(
            ["bash", "-c", script], env=environment(own), capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "running, asked to stay" in done.stdout
        assert done.stdout.endswith("Stopped.\n")
        assert "To stop it: qgen db stop" in done.stderr
        assert EmbeddedServer.status(own).state == "stopped"
    finally:
        EmbeddedServer.stop(own)
        shutil.rmtree(folder, ignore_errors=True)


def _quoted(command: list[str]) -> str:
    return shlex.join(command)


def test_doctor_finds_a_healthy_installation(qgen: Qgen, filled: dict[str, object]) -> None:
    done = qgen("doctor", "--json")
    value = json.loads(done.stdout)
    assert {c["name"]: c["health"] for c in value["checks"] if c["name"] != "web port"} == dict.fromkeys(
        [
            "python", "packages", "environment", "home", "disk", "taxonomy", "alerting", "item models", "API keys",
            "drills", "models", "prompts", "embedder", "database", "dagster",
        ],
        "ok",
    )  # fmt: skip
    assert done.returncode == value["exit_code"] == 0


def test_doctor_names_keys_and_never_shows_them(qgen: Qgen, filled: dict[str, object]) -> None:
    done = qgen("doctor", OPENAI_API_KEY="sk-do-not-show-me")
    assert done.returncode == 0  # one key alone is a warning, not a failure
    assert "OPENAI_API_KEY" in done.stdout
    assert "warn  judges" in done.stdout
    assert "do-not-show-me" not in done.stdout + done.stderr


def test_doctor_names_what_is_broken_and_how_to_mend_it(qgen: Qgen, tmp_path: Path) -> None:
    broken = tmp_path / "taxonomy.yaml"
    broken.write_text("types: []\n", encoding="utf-8")
    done = qgen("doctor", QGEN_TAXONOMY=str(broken), QGEN_DATABASE_URL="postgresql://bob:hunter22@127.0.0.1:1/qgen")
    assert done.returncode == 3
    assert "fail  taxonomy" in done.stdout
    assert "fail  database" in done.stdout
    assert "hunter22" not in done.stdout + done.stderr


def test_on_a_terminal_progress_is_drawn_and_no_color_means_none(qgen: Qgen, home: Path) -> None:
    master, slave = pty.openpty()
    args = ["generate", "--count", "1", "--types", "spatial", "--difficulties", "easy"]
    env = environment(home, NO_COLOR="1", TERM="xterm", LINES="24")
    done = subprocess.Popen([*QGEN, *args], env=env, stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True)
    os.close(slave)
    drawn = bytearray()

    def drain() -> None:
        while True:
            try:
                drawn.extend(os.read(master, 4_096))
            except OSError:
                return

    reader = threading.Thread(target=drain)
    reader.start()
    out, _ = done.communicate(timeout=120)
    reader.join(timeout=10)
    os.close(master)
    text = drawn.decode()
    assert done.returncode == 0, text
    assert "Generated 1/1 questions" in text
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", text)  # no colour; bold and cursor movement stay
    assert not ANSI.search(out)


# -- databases that cannot be used ----------------------------------------------------------------------------


def test_an_unreachable_database_is_a_database_error_without_its_password(qgen: Qgen) -> None:
    done = qgen("inventory", QGEN_DATABASE_URL="postgresql://bob:hunter22@127.0.0.1:1/qgen")
    assert done.returncode == 4
    assert "cannot be reached" in done.stderr
    assert "hunter22" not in done.stderr


def test_a_read_only_database_is_a_database_error(qgen: Qgen, home: Path, filled: dict[str, object]) -> None:
    with EmbeddedServer.ensure(home) as server:
        url = f"{server.url()}&options=-c%20default_transaction_read_only%3Don"
    done = qgen("generate", "--count", "1", QGEN_DATABASE_URL=url)
    assert done.returncode == 4
    assert "read-only" in done.stderr
    assert qgen("inventory", QGEN_DATABASE_URL=url).returncode == 0


def test_a_database_without_tables_or_from_a_newer_version_says_what_to_do(qgen: Qgen, home: Path) -> None:
    with EmbeddedServer.ensure(home) as server:
        server.create_database("other")
        url = server.url("other")
        missing = qgen("inventory", QGEN_DATABASE_URL=url)
        assert (missing.returncode, missing.stderr.splitlines()[1]) == (4, "Run: qgen db upgrade")
        assert qgen("db", "upgrade", QGEN_DATABASE_URL=url).returncode == 0
        with psycopg.connect(server.url("other", driver=None)) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for command in (["inventory"], ["db", "upgrade"]):
        done = qgen(*command, QGEN_DATABASE_URL=url)
        assert done.returncode == 4
        assert "newer than this qgen" in done.stderr


def test_downgrading_asks_first(qgen: Qgen) -> None:
    done = qgen("db", "downgrade", "base", input="")
    assert done.returncode == 3
    assert "add --yes" in done.stderr


def test_a_closed_pipe_and_a_full_disk_end_without_a_traceback(qgen: Qgen, home: Path) -> None:
    commands = [("questions export | true", 0), ("inventory > /dev/full", 2), ("inventory --json > /dev/full", 2)]
    commands += [("inventory >&-", 0), ("inventory >&- 2>&-", 0), ("questions import - <&-", 0), ("nonsense 2>&-", 3)]
    for command, code in commands:
        script = f"set -o pipefail; {_quoted(QGEN)} {command}"
        done = subprocess.run(
            ["bash", "-c", script], env=environment(home), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert "Exception ignored" not in done.stderr
        assert ("no space left" in done.stderr) == ("/dev/full" in command)
