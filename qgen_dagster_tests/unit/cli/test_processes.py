"""Children that live and die together."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from qgen_dagster.cli.commands.up import check_port
from qgen_dagster.cli.processes import Child, Died, supervise
from qgen_dagster.core.errors import ConfigurationError

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
WITH_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(60)'])"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def child(tmp_path: Path, name: str, code: str) -> Child:
    return Child(name, [sys.executable, "-c", code], tmp_path / "logs" / f"{name}.log")


def run(children: list[Child], *, stop_with: signal.Signals | None = None) -> tuple[Died | None, list[str]]:
    said: list[str] = []

    def ready() -> bool:
        return all(c.log.exists() for c in children)

    def on_ready() -> None:
        said.append("ready")
        if stop_with:
            # From another thread, a moment later, as a terminal would.
            threading.Timer(0.3, os.kill, (os.getpid(), stop_with)).start()

    died = supervise(children, os.environ, ready=ready, on_ready=on_ready, on_stop=lambda: said.append("stop"))
    return died, said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_ends_all_children_and_their_children(tmp_path: Path, number: signal.Signals) -> None:
    before = set(psutil.Process().children(recursive=True))
    died, said = run([child(tmp_path, "one", SLEEP), child(tmp_path, "two", WITH_CHILD)], stop_with=number)
    assert died is None
    assert said == ["ready", "stop"]
    assert set(psutil.Process().children(recursive=True)) <= before


def test_a_child_that_dies_is_noticed_and_takes_the_others_along(tmp_path: Path) -> None:
    before = set(psutil.Process().children(recursive=True))
    dying = child(tmp_path, "dying", "import sys; print('out of luck'); sys.exit(7)")
    died, said = run([child(tmp_path, "living", SLEEP), dying])
    assert died is not None
    assert (died.child.name, died.code, died.last_lines) == ("dying", 7, ("out of luck",))
    assert "stop" not in said
    assert set(psutil.Process().children(recursive=True)) <= before


def test_last_words_are_those_of_this_start_and_without_colours(tmp_path: Path) -> None:
    for words in ("first", "second"):
        died, _ = run([child(tmp_path, "dying", f"print('\\x1b[31m{words}\\x1b[0m')")])
    assert died is not None
    assert died.last_lines == ("second",)


def test_a_child_that_will_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qgen_dagster.cli import processes

    monkeypatch.setattr(processes.stop_all, "__defaults__", (0.5,))
    before = set(psutil.Process().children(recursive=True))
    begun = time.monotonic()
    run([child(tmp_path, "stubborn", STUBBORN)], stop_with=signal.SIGINT)
    assert time.monotonic() - begun < 20
    assert set(psutil.Process().children(recursive=True)) <= before


def test_our_own_signal_handlers_are_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    run([child(tmp_path, "short", "pass")])
    assert signal.getsignal(signal.SIGINT) is before


def test_a_port_in_use_is_named_and_another_one_suggested() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port} is in use") as caught:
            check_port("127.0.0.1", port)
    assert f"--port {port + 1}" in str(caught.value.hint)
    check_port("127.0.0.1", port)
