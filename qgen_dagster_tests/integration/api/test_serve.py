"""`qgen serve` as a process: it says where it is, asks for keys, and ends cleanly; or it says why it does not start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from qgen_dagster_tests.support.ui import free_port

QGEN = [sys.executable, "-c", "from qgen_dagster.cli.main import main; main()", "serve"]
KEY = "serve-key-0123456789-abcdef"


@pytest.fixture
def environment(bank_url: str, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "QGEN_HOME": str(tmp_path), "QGEN_DATABASE_URL": bank_url}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_whoever_has_a_key_and_ends_when_told_to(environment: dict[str, str], how: signal.Signals) -> None:
    port = free_port()
    env = {**environment, "QGEN_SERVICE_KEYS": f"me:read:{KEY}"}
    with subprocess.Popen([*QGEN, "--port", str(port)], env=env, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"Dashboard  http://127.0.0.1:{port}\n"
        assert server.stdout.readline() == f"Admin API  http://127.0.0.1:{port}/docs\n"
        page = f"http://127.0.0.1:{port}/v1/admin/generation-runs"
        asked = urllib.request.Request(page, headers={"X-Service-Key": KEY})
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            assert answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(page, timeout=30)
        server.send_signal(how)
        assert server.wait(30) == 0
        assert server.stdout.read().endswith("Stopped.\n")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ((), "no service key is set"),
        (("--host", "0.0.0.0"), "no service key is set"),  # noqa: S104 - refused
        (("--host", "0.0.0.0", "--insecure-local"), "can be reached from other machines"),  # noqa: S104 - refused
    ],
)
def test_without_a_key_it_does_not_start(environment: dict[str, str], flags: tuple[str, ...], says: str) -> None:
    done = subprocess.run([*QGEN, *flags], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert says in done.stderr


def test_a_key_that_cannot_be_is_not_shown(environment: dict[str, str]) -> None:
    env = {**environment, "QGEN_SERVICE_KEYS": "me:read:tooshort"}
    done = subprocess.run(QGEN, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "at least 20" in done.stderr
    assert "tooshort" not in done.stderr + done.stdout
