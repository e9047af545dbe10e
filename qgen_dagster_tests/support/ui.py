"""Dagster's webserver and daemon as real processes, and its GraphQL API.

Not here: the toy location (`dagster/toy_location.py`), what the tests ask.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PATIENCE = 240.0  # seconds; the daemon looks for backfills and retries every half minute


def wait_until(
    met: Callable[[], bool],
    *,
    seconds: float = PATIENCE,
    pause: float = 0.1,
    found: Callable[[], object] = lambda: "",
) -> None:
    """Returns when the condition holds; fails when it never does, and says what was `found` instead."""
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"waited in vain {found()}"
        time.sleep(pause)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Ui:
    """A running webserver."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.page = f"http://127.0.0.1:{port}"

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """What GraphQL answers."""
        request = urllib.request.Request(  # noqa: S310
            f"{self.page}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as response:  # noqa: S310
            answer = json.load(response)
        assert "errors" not in answer, answer["errors"]
        return dict(answer["data"])

    def is_up(self) -> bool:
        try:
            self.ask("{version}")
        except OSError:
            return False
        return True

    def re_execute(self, run_id: str, strategy: str) -> dict[str, Any]:
        """ "Re-execute" in the UI: FROM_FAILURE, FROM_ASSET_FAILURE or ALL_STEPS."""
        answer = self.ask(
            """mutation($p: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $p) {
                 __typename ... on LaunchRunSuccess { run { runId pipelineSnapshotId } }
                 ... on PythonError { message } } }""",
            p={"parentRunId": run_id, "strategy": strategy},
        )["launchRunReexecution"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return dict(answer["run"])


@contextmanager
def webserver_and_daemon(workspace: Path, environment: Mapping[str, str], log: Path) -> Iterator[Ui]:
    """Both processes on a workspace, started by hand as their own documentation says."""
    port = free_port()
    commands = {
        "dagster_webserver": ["-h", "127.0.0.1", "-p", str(port)],
        "dagster._daemon": ["run"],
    }
    with log.open("w") as file:
        processes = [
            subprocess.Popen(
                [sys.executable, "-m", module, *arguments, "-w", str(workspace)],
                env=dict(environment),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
            for module, arguments in commands.items()
        ]
        try:
            up = Ui(port)
            wait_until(up.is_up)
            yield up
        finally:
            for process in processes:
                process.send_signal(signal.SIGINT)
            for process in processes:
                process.wait(120)
