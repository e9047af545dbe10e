"""Where a run's progress goes: to whoever listens in this process (the CLI), else to Dagster's event log, thinned out.

Not here: drawing it (`cli/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qgen_dagster.core.progress import Progress, ProgressEvent

LINES_PER_STRATUM = 5  # the UI freezes on thousands of logged events

_listener: Progress | None = None


@contextmanager
def listening(progress: Progress) -> Iterator[None]:
    """Sends the progress of runs in this process to `progress` as long as the block lasts."""
    global _listener
    before, _listener = _listener, progress
    try:
        yield
    finally:
        _listener = before


def progress_to(log: Callable[[str], object]) -> Progress:
    """The listener of this process, or `log` with about `LINES_PER_STRATUM` lines per stratum and stage."""
    if _listener is not None:
        return _listener

    def tell(event: ProgressEvent) -> None:
        step = max(1, -(-(event.batches or 1) // LINES_PER_STRATUM))
        if event.batch is None or event.batch == event.batches or event.batch % step == 0:
            note = f" ({event.note})" if event.note else ""
            log(f"{event.group}: {event.sentence()}{note}")

    return tell
