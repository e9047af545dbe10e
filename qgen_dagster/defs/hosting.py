"""What a process that runs Dagster runs itself hands to them: its settings, and who listens to their progress.

Dagster builds resources from definitions, so nothing can be passed to them directly. A run that Dagster starts in a
process of its own finds nothing here and takes settings from the environment and the event log as its listener. Not
here: drawing progress (`cli/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from qgen_dagster.config.settings import Settings, load_settings
from qgen_dagster.core.progress import Notice, Progress, ProgressEvent

LINES_PER_STRATUM = 5  # the UI freezes on thousands of logged events


@dataclass(frozen=True, slots=True)
class _Host:
    settings: Settings
    progress: Progress


_host: _Host | None = None


@contextmanager
def hosting(settings: Settings, progress: Progress) -> Iterator[None]:
    """Runs that are executed in this process within the block use these settings and tell `progress`."""
    global _host
    before, _host = _host, _Host(settings, progress)
    try:
        yield
    finally:
        _host = before


def is_hosted() -> bool:
    """Whether runs in this process have somebody who waits for them."""
    return _host is not None


def run_settings() -> Settings:
    """The settings of a run in this process: its host's, or the environment's."""
    return _host.settings if _host else load_settings()


def run_progress(log: Callable[[str], object]) -> Progress:
    """The listener of a run in this process: its host's, or `log` with a few lines per stratum and stage."""
    if _host is not None:
        return _host.progress

    def tell(event: ProgressEvent | Notice) -> None:
        if isinstance(event, Notice):
            log(event.text)
            return
        step = max(1, -(-(event.batches or 1) // LINES_PER_STRATUM))
        if event.batch is None or event.batch == event.batches or event.batch % step == 0:
            note = f" ({event.note})" if event.note else ""
            log(f"{event.group}: {event.sentence()}{note}")

    return tell
