"""`qgen up`: one command starts database, web page, daemon and admin API, and Ctrl-C ends all of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from qgen_dagster.bank.embedded import EmbeddedServer
from qgen_dagster_tests.support.ui import Ui, free_port, wait_until

pytestmark = pytest.mark.e2e
QGEN = [sys.executable, "-c", "from qgen_dagster.cli.main import main; main()"]


@pytest.fixture
def home() -> Iterator[Path]:
    """A new QGEN_HOME that the account of the embedded server can reach."""
    path = Path(tempfile.mkdtemp(prefix="qgen-up-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def test_everything_starts_answers_and_is_gone_after_ctrl_c(home: Path, tmp_path: Path) -> None:
    ui, api_port = Ui(free_port()), free_port()
    said = tmp_path / "said"
    with said.open("w") as out:
        up = subprocess.Popen(
            [*QGEN, "up", "--port", str(ui.port), "--api-port", str(api_port)],
            env={**os.environ, "QGEN_HOME": str(home)},
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    family: list[psutil.Process] = []
    try:
        wait_until(lambda: f"Web page   {ui.page}" in said.read_text() or up.poll() is not None)
        assert up.poll() is None, said.read_text()
        with urllib.request.urlopen(ui.page, timeout=60) as page:  # noqa: S310
            assert page.status == 200
        assert f"Admin API  http://127.0.0.1:{api_port}/docs" in said.read_text()
        with urllib.request.urlopen(f"http://127.0.0.1:{api_port}/readyz", timeout=60) as ready:
            assert ready.status == 200
        wait_until(lambda: daemons_are_healthy(ui))
        assert EmbeddedServer.status(home).state == "running"
        family = psutil.Process(up.pid).children(recursive=True)
        assert len(family) >= 3
    finally:
        up.send_signal(signal.SIGINT)
        code = up.wait(120)
    assert code == 0, said.read_text()
    assert [process for process in family if process.is_running() and process.status() != "zombie"] == []
    assert EmbeddedServer.status(home).state == "stopped"
    assert said.read_text().rstrip().endswith("Stopped.")


def daemons_are_healthy(ui: Ui) -> bool:
    """Whether scheduler, sensors and backfills are attended to."""
    health = ui.ask("{ instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } } }")
    statuses = health["instance"]["daemonHealth"]["allDaemonStatuses"]
    return all(status["healthy"] for status in statuses if status["required"])
