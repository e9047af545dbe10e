"""What an operator with keys does on the command line: estimate, run, read the journal, check, change the embedder."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.integration.cli.conftest import QGEN, Qgen, environment
from qgen_dagster_tests.support.ui import wait_until

STRATA = ("--types", "math,logic", "--count", "12")


@pytest.fixture(scope="module")
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture(scope="module")
def keyed(own_home: Path, llm: FakeLlm) -> Qgen:
    def run(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*QGEN, *args],
            env=environment(own_home, **{**llm.env, **more}),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def estimated(keyed: Qgen) -> dict[str, object]:
    """The estimate before anything was run."""
    done = keyed("plan", *STRATA, "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)["estimate"]
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="module")
def run(keyed: Qgen, estimated: dict[str, object]) -> dict[str, object]:
    """A run with language models."""
    done = keyed("auto-balance", *STRATA, "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def test_a_plan_says_at_most_before_anything_was_measured_and_what_it_measured_after(
    keyed: Qgen, estimated: dict[str, object], run: dict[str, object]
) -> None:
    assert estimated["at_most"] is True
    assert estimated["measured"] is None
    assert estimated["makers"]["math"][0]["model"] == "gpt-6.1-terra"  # type: ignore[index]
    assert float(str(run["cost_usd"])) < float(str(estimated["cost_usd"]))
    few = keyed("plan", *STRATA, "--json")
    assert json.loads(few.stdout)["estimate"]["at_most"] is True  # 12 questions are no measure yet
    assert keyed("auto-balance", *STRATA, "--json").returncode == 0
    done = keyed("plan", *STRATA)
    assert done.returncode == 0
    assert max(len(line) for line in done.stdout[done.stdout.index("Language models") :].splitlines()) <= 80
    assert re.search(r"Language models: \d+ calls, \$0\.\d+", done.stdout)
    assert "Calls as in the last 2 runs (24 questions)" in done.stdout
    assert "math: made by gpt-6.1-terra (openai); solved by claude-sonnet-5-5" in done.stdout


def test_plan_only_says_the_same_and_keeps_to_the_flags(keyed: Qgen, run: dict[str, object]) -> None:
    done = keyed("auto-balance", "--plan-only", *STRATA, "--provider", "xai", "--budget-usd", "0.01")
    assert done.returncode == 0
    assert "made by grok-4.7 (xai)" in done.stdout
    assert "Budget: $0.0100 may be spent" in done.stdout
    item_models = keyed("auto-balance", "--plan-only", *STRATA, "--provider", "procedural")
    assert "no calls, no cost" in item_models.stdout


def test_calls_are_listed_filtered_and_paged_at_80_columns(keyed: Qgen, run: dict[str, object]) -> None:
    run_id = run["rounds"][0]["run_id"]  # type: ignore[index]
    done = keyed("calls", "list", "--run", str(run_id)[:8], "--limit", "5")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["call", "time", "purpose", "model", "in", "out", "cached", "cost", "took"]
    assert len(lines) == 6
    assert max(map(len, lines)) <= 80
    assert "--before" in done.stderr

    first = json.loads(keyed("calls", "list", "--json", "--limit", "3").stdout)
    second = json.loads(keyed("calls", "list", "--json", "--limit", "3", "--before", str(first["before"])).stdout)
    ids = [call["id"] for call in (*first["calls"], *second["calls"])]
    assert ids == sorted(ids, reverse=True)
    assert len(set(ids)) == 6
    solved = json.loads(keyed("calls", "list", "--json", "--purpose", "solve", "--provider", "google").stdout)["calls"]
    assert {(call["purpose"], call["provider"]) for call in solved} == {("solve", "google")}
    assert keyed("calls", "list", "--since", "2099-01-01").stderr == "No calls.\n"


def test_a_call_is_shown_whole_and_its_json_can_be_used(keyed: Qgen, run: dict[str, object]) -> None:
    [call] = json.loads(keyed("calls", "list", "--json", "--purpose", "generate", "-n", "1").stdout)["calls"]
    shown = keyed("calls", "show", str(call["id"]))
    assert shown.returncode == 0
    for part in (f"Call {call['id']}", "prompt ", "batch ", "Reply", '"questions": ['):
        assert part in shown.stdout
    whole = json.loads(keyed("calls", "show", str(call["id"]), "--json").stdout)
    assert json.loads(whole["reply"])["questions"]


def test_failed_calls_stand_out_with_their_error(keyed: Qgen, llm: FakeLlm, run: dict[str, object]) -> None:
    llm.script("429:1:provider=openai:task=compare:count=1:retry_after=0")
    assert keyed("doctor", "--live").returncode == 0
    llm.control(faults=[])
    done = keyed("calls", "list", "--failed", "--since", "1h")
    assert done.returncode == 0
    assert "\n  rate_limit: openai" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    piped = keyed("calls", "list", "--failed", COLUMNS="")
    assert re.search(r"^ *\d+ .* check .* rate_limit: openai", piped.stdout, re.MULTILINE)
    [failed] = json.loads(keyed("calls", "list", "--failed", "--json").stdout)["calls"]
    assert "rate limit" in keyed("calls", "show", str(failed["id"])).stdout


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("list", "--purpose", "solv"), "Did you mean solve?"),
        (("list", "--provider", "opnai"), "Did you mean openai?"),
        (("list", "--since", "yesterday"), "It takes 90m"),
        (("list", "--run", "zzzzzz"), "no run begins with"),
        (("show", "999999999"), "no call 999999999"),
        (("show", "first"), "CALL"),
    ],
)
def test_what_names_no_call_is_a_configuration_error(keyed: Qgen, args: tuple[str, ...], said: str) -> None:
    done = keyed("calls", *args)
    assert done.returncode == 3
    assert said in done.stderr


def test_doctor_calls_each_model_once_and_its_exit_code_says_what_is_wrong(keyed: Qgen, llm: FakeLlm) -> None:
    done = keyed("doctor", "--live", "--json")
    live = [check for check in json.loads(done.stdout)["checks"] if check["name"] == "live"]
    assert (done.returncode, len(live)) == (0, 6)
    assert keyed("doctor", "--live", XAI_API_KEY="bad-key").returncode == 6
    empty = keyed("doctor", "--live", OPENAI_API_KEY="no-money")
    assert empty.returncode == 5
    assert "fail  live" in empty.stdout
    assert "Add credit at the provider" in " ".join(empty.stdout.split())


def test_the_embedder_is_changed_and_the_old_vectors_go_when_asked(keyed: Qgen, run: dict[str, object]) -> None:
    before = json.loads(keyed("embeddings", "status", "--json").stdout)
    assert (before["missing"], [space["current"] for space in before["spaces"]]) == (0, [True])
    changed = {"QGEN_EMBEDDER": "openai"}
    status = keyed("embeddings", "status", **changed)
    assert "To make them now: qgen embeddings rebuild" in status.stdout
    part = keyed("embeddings", "rebuild", "--type", "math", "--limit", "2", **changed)
    assert part.returncode == 0
    assert part.stdout.startswith("2 questions embedded with openai:text-embedding-3-small")
    done = json.loads(keyed("embeddings", "rebuild", "--drop-old", "--json", **changed).stdout)
    assert done["status"]["missing"] == 0
    assert list(done["dropped"]) == [before["space"]]
    assert keyed("embeddings", "rebuild", OPENAI_API_KEY="bad-key", **changed).returncode == 0  # nobody is asked
    other = {"QGEN_EMBEDDER": "openai:text-embedding-3-large"}
    assert keyed("embeddings", "rebuild", OPENAI_API_KEY="bad-key", **other).returncode == 6
    assert keyed("embeddings", "status", QGEN_EMBEDDER="word2vec").returncode == 3


def test_a_rebuild_stopped_by_hand_keeps_what_it_has_and_says_how_to_go_on(
    keyed: Qgen, own_home: Path, llm: FakeLlm, run: dict[str, object]
) -> None:
    llm.control(latency=30.0)
    env = environment(own_home, **llm.env, QGEN_EMBEDDER="openai:text-embedding-3-large@32")
    try:
        process = subprocess.Popen(
            [*QGEN, "embeddings", "rebuild"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        asked = llm.stats["openai"].task("embed").calls
        for _ in range(600):
            if llm.stats["openai"].task("embed").calls > asked:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        llm.control(latency=0.0)
    assert process.returncode == 1
    assert "Go on with the same command." in said
    assert "Traceback" not in said
    again = keyed("embeddings", "rebuild", QGEN_EMBEDDER="openai:text-embedding-3-large@32")
    assert again.returncode == 0
    assert ", 0 left." in again.stdout


def test_batch_jobs_are_listed_and_one_is_cancelled(keyed: Qgen, own_home: Path) -> None:
    def open_jobs() -> list[dict[str, Any]]:
        return list(json.loads(keyed("batch-jobs", "list", "--open", "--json").stdout)["batch_jobs"])

    with FakeLlm(batch_delay=3_600.0) as slow:
        command = [*QGEN, "generate", "--types", "math", "--count", "5", "--batch-api"]
        waiting = subprocess.Popen(command, env=environment(own_home, **slow.env), stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: any(job["state"] == "running" for job in open_jobs()))
        finally:
            waiting.send_signal(signal.SIGINT)
            assert waiting.wait(60) == 1
        [job] = open_jobs()
        assert (job["purpose"], job["done"], job["total"]) == ("generate", 0, 3)
        told = keyed("batch-jobs", "list").stdout
        assert job["id"][:8] in told
        assert all(len(line) <= 80 for line in told.splitlines())
        done = keyed("batch-jobs", "cancel", job["id"][:8], **slow.env)
        assert (done.returncode, f"qgen resume {job['run_id'][:8]}" in done.stderr) == (0, True)
    unknown = keyed("batch-jobs", "cancel", "ffffffff")
    assert (unknown.returncode, "no batch job 'ffffffff'" in unknown.stderr) == (3, True)
