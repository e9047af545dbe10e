"""One embedded server for all tests of the command line, and `qgen` as a real process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from qgen_dagster.bank.embedded import EmbeddedServer

Qgen = Callable[..., subprocess.CompletedProcess[str]]
QGEN = [sys.executable, "-c", "from qgen_dagster.cli.main import main; main()"]


def environment(home: Path, **more: str) -> dict[str, str]:
    """No QGEN_ variable but the home; a terminal of 80 columns."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("QGEN_", "DAGSTER_"))}
    return {**clean, "QGEN_HOME": str(home), "COLUMNS": "80", **more}


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """A home with a running server that outlives the single commands."""
    with _running_home("qgen-cli-") as folder:
        yield folder


@pytest.fixture(scope="module")
def own_home() -> Iterator[Path]:
    """A home of one module alone, where what others have made would count: in estimates, as duplicates."""
    with _running_home("qgen-own-") as folder:
        yield folder


@contextmanager
def _running_home(prefix: str) -> Iterator[Path]:
    # Not tmp_path: pytest keeps it under a folder of mode 0700, which is a case of its own for root.
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    folder.chmod(0o755)
    try:
        with EmbeddedServer.ensure(folder / "home"):
            yield folder / "home"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def qgen(home: Path) -> Qgen:
    """Runs `qgen …` as a process and returns its exit code and what it wrote."""

    def run(*args: str, input: str | None = None, **more: str) -> subprocess.CompletedProcess[str]:  # noqa: A002
        return subprocess.run(
            [*QGEN, *args],
            env=environment(home, **more),
            input=input,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
