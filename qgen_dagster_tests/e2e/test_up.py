"""`qgen up`: one command starts database, web page, daemon, dashboard and admin API, and Ctrl-C ends all of them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster_tests.support.browsing import text_of
from qgen_dagster_tests.support.ui import Ui, free_port, wait_until

pytestmark = pytest.mark.e2e
QGEN = [sys.executable, "-c", "from qgen_dagster.cli.main import main; main()"]
DASHBOARD = "https://dashboard.example/qgen"


@pytest.fixture
def home() -> Iterator[Path]:
    """A new QGEN_HOME that the account of the embedded server can reach."""
    path = Path(tempfile.mkdtemp(prefix="qgen-up-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@dataclass
class Up:
    """`qgen up` while it runs."""

    ui: Ui
    api: str
    process: subprocess.Popen[bytes]
    said: Path

    def text(self, path: str) -> str:
        """What the API or the dashboard answers."""
        asked = urllib.request.Request(f"{self.api}{path}", headers={"Accept": "text/html"})  # noqa: S310
        with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
            return str(answer.read().decode())


@contextmanager
def up(home: Path, said: Path) -> Iterator[Up]:
    """`qgen up` on free ports, ready; ended with Ctrl-C."""
    ui, api_port = Ui(free_port()), free_port()
    with said.open("w") as out:
        process = subprocess.Popen(
            [*QGEN, "up", "--port", str(ui.port), "--api-port", str(api_port)],
            env={**os.environ, "QGEN_HOME": str(home)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: f"Web page   {ui.page}" in said.read_text() or process.poll() is not None)
        assert process.poll() is None, said.read_text()
        yield Up(ui, f"http://127.0.0.1:{api_port}", process, said)
    finally:
        process.send_signal(signal.SIGINT)
        code = process.wait(120)
    assert code == 0, said.read_text()


def test_everything_starts_answers_and_is_gone_after_ctrl_c(home: Path, tmp_path: Path) -> None:
    said = tmp_path / "said"
    with up(home, said) as running:
        with urllib.request.urlopen(running.ui.page, timeout=60) as page:  # noqa: S310
            assert page.status == 200
        assert f"Dashboard  {running.api}" in said.read_text()
        assert f"Admin API  {running.api}/docs" in said.read_text()
        assert "ok" in running.text("/readyz")
        assert "Overview" in running.text("/")
        wait_until(lambda: daemons_are_healthy(running.ui))
        assert EmbeddedServer.status(home).state == "running"
        family = psutil.Process(running.process.pid).children(recursive=True)
        assert len(family) >= 3
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []
    assert EmbeddedServer.status(home).state == "stopped"
    assert said.read_text().rstrip().endswith("Stopped.")


def test_a_run_has_the_same_numbers_on_the_dashboard_in_the_api_the_command_line_and_dagster(
    home: Path, tmp_path: Path
) -> None:
    qgen_json(home, "auto-balance", "--fill", "--target-per-stratum", "2", "--json")
    run_id = qgen_json(home, "runs", "list", "--json")["runs"][0]["id"]
    by_command = qgen_json(home, "runs", "show", run_id, "--json")
    with up(home, tmp_path / "said") as running:
        by_api = json.loads(running.text(f"/v1/admin/generation-runs/{run_id}"))
        page = running.text(f"/runs/{run_id}")
        overview = text_of(running.text("/"))
        by_dagster = metadata_of(running.ui, run_id)
    counts = {name: by_api[f"questions_{name}"] for name in ("requested", "generated", "inserted")}
    assert counts["inserted"] > 0
    assert {name: by_command[f"questions_{name}"] for name in counts} == counts
    assert {name: by_dagster[name] for name in counts} == counts
    assert by_dagster["api_calls"] == by_api["total_api_calls"] == by_command["total_api_calls"]
    assert by_dagster["status"] == by_api["status"] == by_command["status"]
    said = text_of(page)
    for name, count in counts.items():
        assert f" {name} {count} " in said
    assert f"Calls {by_api['total_api_calls']} " in said
    assert f"{counts['inserted']} of {counts['requested']}" in overview
    assert f'href="{running.ui.page}/runs/{run_id}"' in page
    assert by_dagster["dashboard"] == f"{DASHBOARD}/runs/{run_id}"


def qgen_json(home: Path, *arguments: str) -> Any:
    """What a command says with --json."""
    env = {**os.environ, "QGEN_HOME": str(home), "QGEN_DASHBOARD_URL": DASHBOARD}
    done = subprocess.run([*QGEN, *arguments], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def metadata_of(ui: Ui, run_id: str) -> dict[str, Any]:
    """The metadata of a run's record in Dagster."""
    found = ui.ask(
        """query($r: ID!) { runOrError(runId: $r) { ... on Run { assetMaterializations { assetKey { path }
             metadataEntries { label ... on IntMetadataEntry { intValue } ... on TextMetadataEntry { text }
               ... on UrlMetadataEntry { url } } } } } }""",
        r=run_id,
    )["runOrError"]["assetMaterializations"]
    entries = next(m["metadataEntries"] for m in found if m["assetKey"]["path"] == ["generation_runs"])
    return {one["label"]: one.get("intValue", one.get("text", one.get("url"))) for one in entries}


def daemons_are_healthy(ui: Ui) -> bool:
    """Whether scheduler, sensors and backfills are attended to."""
    health = ui.ask("{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }")
    statuses = health["instance"]["daemonHealth"]["allDaemonStatuses"]
    return all(status["healthy"] for status in statuses if status["required"])
