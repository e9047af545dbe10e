"""The log of the embedded server: written by its processes, read when something went wrong.

Here: `ServerLog`, and what is advised where the cause is known. Not here: the server (`embedded_cluster.py`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from qgen_dagster.bank.embedded_root import OTHER_SERVER_HINT, EmbeddedServerError, open_private

_LIMIT = 16 * 1024 * 1024
_TAIL_LINES = 12

_KNOWN_CAUSES = {
    "no space left on device": "The disk is full: free some space and try again.",
    "disk quota exceeded": "The disk quota is used up: free some space and try again.",
    "read-only file system": "The file system is read-only: set QGEN_HOME to a folder that can be written to.",
    "permission denied": "Check who owns the folder and its contents, or set QGEN_HOME to another folder.",
    "cannot allocate memory": "There is not enough memory for the server.",
    "shared memory": "The system's shared memory does not suffice (or is exhausted by other servers).",
}


class ServerLog:
    """The log file at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def rotate(self) -> None:
        """Puts a file that has grown large aside; the one before it goes."""
        if self.path.exists() and self.path.stat().st_size > _LIMIT:
            self.path.replace(self.path.with_suffix(".log.1"))

    @contextlib.contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The file, at its end."""
        with os.fdopen(open_private(self.path, os.O_WRONLY | os.O_APPEND), "ab") as log:
            log.seek(0, os.SEEK_END)
            yield log

    def failure(self, what: str, log_start: int) -> EmbeddedServerError:
        """An error that shows the end of the log since `log_start`, and what to do where the cause is known."""
        try:
            with self.path.open("rb") as log:
                log.seek(log_start)
                text = log.read().decode("utf-8", errors="replace")
        except OSError:
            text = ""
        # Our own knocking at the door of a starting server tells nothing.
        lines = [line for line in text.strip().splitlines() if "the database system is starting up" not in line]
        tail = "\n".join(f"  {line}" for line in lines[-_TAIL_LINES:])
        message = f"{what}\nServer log: {self.path}" + (f"\n{tail}" if tail else "")
        causes = f"{what}\n{text}".lower()
        advice = next((hint for cause, hint in _KNOWN_CAUSES.items() if cause in causes), "Read the log for the cause.")
        return EmbeddedServerError(message, hint=f"{advice} {OTHER_SERVER_HINT}")
