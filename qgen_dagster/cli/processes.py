"""Child processes that live and die together.

Here: starting them with their own logs, noticing when one ends, and stopping all of them and theirs. Not here: what
they are (`commands/up.py`).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from qgen_dagster.core.errors import ConfigurationError

POLL_SECONDS = 0.25
GRACE_SECONDS = 15.0  # to end by themselves, before they are killed
LAST_LINES = 20
LOG_BYTES = 10_000_000  # a longer log is moved aside when its process starts
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Child:
    """A process to run."""

    name: str
    command: Sequence[str]
    log: Path


@dataclass(frozen=True)
class Died:
    """A child that ended without being asked."""

    child: Child
    code: int
    last_lines: tuple[str, ...]


@dataclass(frozen=True)
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    log_begins: int  # the log is kept from one start to the next


class _Stop(BaseException):
    """We were asked to end."""


def supervise(
    children: Sequence[Child],
    environ: Mapping[str, str],
    *,
    ready: Callable[[], bool],
    on_ready: Callable[[], None],
    on_stop: Callable[[], None],
) -> Died | None:
    """Runs the children until Ctrl-C (or SIGTERM, or the terminal goes away), or until one of them ends.

    Whatever happens, none of them and none of their own children is left. Returns the one that ended by itself.
    """
    running: list[_Running] = []
    with _signals_as_stop():
        try:
            for child in children:
                running.append(_start(child, environ))
            return _watch(running, ready, on_ready)
        except _Stop:
            on_stop()
            return None
        finally:
            with _signals_ignored():
                stop_all([one.process for one in running])


def stop_all(processes: Sequence[subprocess.Popen[bytes]], grace: float = GRACE_SECONDS) -> None:
    """Asks each process to end, then what it leaves of its own children; after `grace` seconds kills what is left."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    deadline = time.monotonic() + grace
    _wait_until(lambda: all(process.poll() is not None for process in processes), deadline)
    for process in processes:
        _signal_group(process, signal.SIGTERM)
    _wait_until(lambda: not any(_group_lives(process) for process in processes), deadline)
    for process in processes:
        _signal_group(process, signal.SIGKILL)
        process.wait()


def _wait_until(done: Callable[[], bool], deadline: float) -> None:
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _watch(running: Sequence[_Running], ready: Callable[[], bool], on_ready: Callable[[], None]) -> Died:
    waiting = True
    while True:
        for one in running:
            code = one.process.poll()
            if code is not None:
                return Died(one.child, code, last_lines(one.child.log, begins=one.log_begins))
        if waiting and ready():
            waiting = False
            on_ready()
        time.sleep(POLL_SECONDS)


def _start(child: Child, environ: Mapping[str, str]) -> _Running:
    try:
        child.log.parent.mkdir(parents=True, exist_ok=True)
        if child.log.exists() and child.log.stat().st_size > LOG_BYTES:
            child.log.replace(child.log.with_suffix(".old.log"))
        log = child.log.open("ab")
    except OSError as error:
        raise ConfigurationError(f"{child.log}: cannot be written: {error.strerror or error}") from error
    with log:
        # In a session of its own: Ctrl-C reaches us only, and we end the children in order.
        begins = log.tell()
        process = subprocess.Popen(
            list(child.command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return _Running(child, process, begins)


def last_lines(log: Path, count: int = LAST_LINES, *, begins: int = 0) -> tuple[str, ...]:
    """The end of a log, of what was written from byte `begins` on, without colours."""
    try:
        with log.open("rb") as file:
            file.seek(max(begins, file.seek(0, os.SEEK_END) - 20_000))
            lines = _COLOUR.sub("", file.read().decode("utf-8", errors="replace")).splitlines()
    except OSError:
        return ()
    return tuple(line for line in lines if line.strip())[-count:]


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()  # so that one that has ended is not taken for alive
    try:
        os.killpg(process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


@contextlib.contextmanager
def _signals_as_stop() -> Iterator[None]:
    def stop(_signal: int, _frame: object) -> None:
        raise _Stop

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _signals_ignored() -> Iterator[None]:
    """An impatient second Ctrl-C must not leave children behind; the wait is bounded."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
