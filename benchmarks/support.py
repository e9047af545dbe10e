"""A database for benchmarks, and measuring processes. Not a benchmark."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median


@dataclass(frozen=True, slots=True)
class Measured:
    """One process: wall-clock seconds, peak memory in MB, what it printed."""

    seconds: float
    megabytes: float
    stdout: str


@contextmanager
def home() -> Iterator[Path]:
    """A QGEN_HOME of its own with the embedded server running, so that its cold start is not measured."""
    from qgen_dagster.bank.embedded import EmbeddedServer

    folder = Path(tempfile.mkdtemp(prefix="qgen-bench-"))
    folder.chmod(0o755)
    try:
        with EmbeddedServer.ensure(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def qgen(*arguments: str, home: Path) -> Measured:
    """Runs the command line as an operator would and measures it: with its modules compiled by an earlier run."""
    environment = {"QGEN_HOME": str(home), "PYTHONDONTWRITEBYTECODE": ""}
    return measure([str(Path(sys.executable).with_name("qgen")), *arguments], environment)


def measure(command: list[str], environment: dict[str, str]) -> Measured:
    """Runs a process to its end. Peak memory is that of the largest child so far, so measure the largest last."""
    begun = time.perf_counter()
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return Measured(seconds, peak / (1024 * 1024 if sys.platform == "darwin" else 1024), done.stdout)


def typical(times: list[float]) -> str:
    """Median and range in seconds."""
    return f"{median(times):.2f} s ({min(times):.2f}–{max(times):.2f})"
