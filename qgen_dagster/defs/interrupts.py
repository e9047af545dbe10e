"""Being stopped in good order, and keeping the terminal to oneself while a run works.

Here: `stop_on_interrupt` for steps, `terminal` and `silence` for whoever runs them. Not here: runs (`launch.py`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TextIO

from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.compute_logs import redirect_to_file


@contextmanager
def stop_on_interrupt(on_stop: Callable[[], None] | None = None) -> Iterator[threading.Event]:
    """Inside a step: let work end in good order when the run is stopped (Ctrl-C, SIGTERM, "terminate" in the UI).

    The first signal sets the event, and calls `on_stop`, instead of raising in the middle of whatever runs; a second
    one raises at once. When the block ends and the event is set, the interruption is raised, so the run is CANCELED.
    Dagster's own way, an exception out of nowhere, is lost when it hits a task of an asyncio loop.

    Raises:
        DagsterExecutionInterruptedError: the run was asked to stop.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals are handled in the main thread only
        return

    def handle(_signal: int, _frame: object) -> None:
        if stop.is_set():
            raise DagsterExecutionInterruptedError
        stop.set()
        if on_stop:
            on_stop()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if stop.is_set():
        raise DagsterExecutionInterruptedError


@dataclass(frozen=True)
class Terminal:
    """Standard output and error as they were before a quiet run took them over."""

    stdout: TextIO
    stderr: TextIO


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Streams that reach the terminal also while a quiet run redirects the standard ones into its captured logs.

    Enter it before `run_job` and hand the streams to the progress display.
    """
    with ExitStack() as stack:
        yield Terminal(
            stdout=stack.enter_context(_duplicate(sys.stdout)), stderr=stack.enter_context(_duplicate(sys.stderr))
        )


@contextmanager
def _duplicate(stream: TextIO) -> Iterator[TextIO]:
    try:
        descriptor = os.dup(stream.fileno())
    except (OSError, ValueError, AttributeError):  # replaced by something in memory, which nothing redirects
        yield stream
        return
    with os.fdopen(descriptor, "w", encoding=stream.encoding, errors=stream.errors, buffering=1) as copy:
        yield copy


@contextmanager
def silence() -> Iterator[None]:
    # Dagster captures the logs of steps by pointing the file descriptors at files and letting `tail` copy them to
    # where they pointed before. Where that is nowhere, nothing is copied, and the UI still has everything.
    with redirect_to_file(sys.stdout, os.devnull), redirect_to_file(sys.stderr, os.devnull):
        yield
