"""What a process that runs Dagster runs itself hands to them: settings, its bank, and who listens to their progress.

Dagster builds resources from definitions, so nothing can be passed to them directly. A run that Dagster starts in a
process of its own finds nothing here: it takes settings from the environment, opens the bank, and has the event log as
its listener. Not here: drawing progress (`cli/`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qgen_dagster.config.settings import Settings, load_settings
from qgen_dagster.core.progress import Notice, Progress, ProgressEvent

if TYPE_CHECKING:
    from qgen_dagster.bank.engine import Bank

LINES_PER_STRATUM = 5  # the UI freezes on thousands of logged events


@dataclass(frozen=True, slots=True)
class _Host:
    settings: Settings
    progress: Progress
    bank: Bank | None


_host: _Host | None = None


@contextmanager
def hosting(settings: Settings, progress: Progress, bank: Bank | None = None) -> Iterator[None]:
    """Runs that are executed in this process within the block use these settings, and the open `bank` where there is
    one, and tell `progress`."""
    global _host
    before, _host = _host, _Host(settings, progress, bank)
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


@contextmanager
def run_bank() -> Iterator[Bank]:
    """The bank of a run in this process: its host's, which stays open, or one that is opened for the block.

    Opening one once more costs 50 ms: the server is looked for, and every statement is connected for and compiled anew.
    """
    from qgen_dagster.services.database import open_bank

    if _host is not None and _host.bank is not None:
        yield _host.bank
        return
    with open_bank(run_settings()) as bank:
        yield bank


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
