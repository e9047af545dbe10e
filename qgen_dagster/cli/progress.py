"""Progress of a run on standard error: live bars on a terminal, a few plain lines elsewhere.

Here: `show_progress`, which gives the callback that a run reports to. Not here: what is reported (`core/progress.py`),
and the report at the end (`report.py`). Events may come from several threads.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from qgen_dagster.cli.output import counted, cut, make_console, private_stderr, span
from qgen_dagster.core.progress import Notice, ProgressEvent

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType

PLAIN_SECONDS = 5.0  # at most one line of the totals in this time
MOST_PLAIN_LINES = 200  # lines about single groups; with a thousand strata only totals are told
_NAME_WIDTH = 24
_REFRESHES_PER_SECOND = 8


class Display(Protocol):
    """What a run reports to. It is a `core.progress.Progress` with a voice."""

    def __call__(self, event: ProgressEvent | Notice) -> None:
        """Something moved on, or is to be known."""

    def say(self, line: str) -> None:
        """A remark."""


@contextmanager
def show_progress(*, quiet: bool = False) -> Iterator[Display]:
    """A display for a run. On a terminal it draws; elsewhere it writes lines, or nothing when `quiet`."""
    stream = private_stderr()
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        with _live(stream) as progress:
            yield progress
    else:
        plain = PlainProgress(lambda line: None if quiet else print(line, file=stream, flush=True))
        yield plain
        plain.close()


class Tally:
    """What has been reported: the latest event of each stage and group, stages in order of their first event."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, ProgressEvent]] = {}

    def add(self, event: ProgressEvent) -> None:
        """Takes in one event."""
        self.stages.setdefault(event.stage, {})[event.group] = event

    def total(self, stage: str) -> str:
        """One sentence about a stage, such as `Generated 312/900 questions in 18 strata`."""
        events = self.stages[stage].values()
        done, whole = sum(e.done for e in events), sum(e.total for e in events)
        first = next(iter(events))
        return f"{stage} {done:,}/{whole:,} {first.noun} in {counted(len(events), first.group_noun)}"

    def working(self) -> list[ProgressEvent]:
        """The groups that are being worked on in the latest stage that has any, in order of their first event."""
        for stage in reversed(self.stages):
            events = list(self.stages[stage].values())
            if any(e.done < e.total for e in events):
                return events
        return []


class PlainProgress:
    """One line when a group ends a stage, and now and then one about the whole."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._tally = Tally()
        self._lock = threading.Lock()
        self._told = 0
        self._next_total = clock() + PLAIN_SECONDS
        self._untold: str | None = None

    def __call__(self, event: ProgressEvent | Notice) -> None:
        """Takes in one event, and maybe writes a line."""
        if isinstance(event, Notice):
            self.say(event.text)
            return
        with self._lock:
            if self._untold and event.stage != self._untold:
                self._write(self._tally.total(self._untold))
                self._untold = None
            self._tally.add(event)
            if event.done >= event.total and self._told < MOST_PLAIN_LINES:
                self._told += 1
                self._write(_line(event))
            elif self._clock() >= self._next_total:
                self._next_total = self._clock() + PLAIN_SECONDS
                self._write(self._tally.total(event.stage))
                self._untold = None
            elif self._told >= MOST_PLAIN_LINES:
                self._untold = event.stage

    def say(self, line: str) -> None:
        """Writes a remark."""
        with self._lock:
            self._write(line)

    def close(self) -> None:
        """Writes the last total, where it was not told."""
        with self._lock:
            if self._untold:
                self._write(self._tally.total(self._untold))


class LiveProgress:
    """What is drawn: a bar for each stratum being worked on, as many as fit, and one line for the whole."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._tally = Tally()
        self._lock = threading.Lock()
        self._clock = clock
        self._started = clock()

    def __call__(self, event: ProgressEvent | Notice) -> None:
        """Takes in one event."""
        if isinstance(event, Notice):
            self.say(event.text)
            return
        with self._lock:
            self._tally.add(event)

    def say(self, line: str) -> None:
        """Writes a remark above the bars."""
        self._write(line)

    def summary(self) -> list[str]:
        """One sentence for each stage, for the end."""
        with self._lock:
            return [self._tally.total(stage) for stage in self._tally.stages]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        height = options.height or console.size.height
        with self._lock:
            working = self._tally.working()
            totals = [self._tally.total(stage) for stage in self._tally.stages]
        yield from self._bars(working, max(1, height - len(totals) - 2), options.max_width)
        for total in totals[:-1]:
            yield _row(total, options.max_width, "dim")
        last = totals[-1] if totals else "Starting …"
        yield _row(f"{last}  ({span(self._clock() - self._started)})", options.max_width, "bold")

    def _bars(self, working: list[ProgressEvent], lines: int, width: int) -> Iterator[RenderableType]:
        from rich.table import Table

        shown = working
        if len(shown) > lines:
            shown = [e for e in working if 0 < e.done < e.total] or [e for e in working if e.done < e.total]
        more = len(shown) - lines
        if more > 0:
            shown = shown[: lines - 1]
        if shown:
            grid = Table.grid(padding=(0, 2, 0, 0))
            names = min(_NAME_WIDTH, max(len(e.group) for e in shown))
            sentences = max(len(e.sentence()) for e in shown)
            for event in shown:
                grid.add_row(*_cells(event, names, sentences, width))
            yield grid
        if more > 0:
            yield _row(f"… and {more + 1} more", width, "dim")


def _cells(event: ProgressEvent, names: int, sentences: int, width: int) -> list[Any]:
    from rich.progress_bar import ProgressBar
    from rich.text import Text

    finished = event.done >= event.total
    style = "dim" if finished else ""
    name = Text(cut(event.group, names).ljust(names), style=style, no_wrap=True)
    sentence = Text(cut(event.sentence(), max(10, width - names - 4)), style=style, no_wrap=True)
    room = width - names - sentences - 6
    if room < 6:
        return [name, sentence]
    bar = ProgressBar(total=max(1, event.total), completed=event.done, width=min(30, room))
    return [name, sentence, bar]


def _row(text: str, width: int, style: str) -> RenderableType:
    from rich.text import Text

    return Text(cut(text, width), style=style, no_wrap=True)


def _line(event: ProgressEvent) -> str:
    note = f", {event.note}" if event.note else ""
    return f"{event.group}: {event.sentence()}{note}"


@contextmanager
def _live(stream: TextIO) -> Iterator[LiveProgress]:
    from rich.live import Live

    console = make_console(stream)
    progress = LiveProgress(lambda line: console.print(line, soft_wrap=True))
    live = Live(
        progress,
        console=console,
        refresh_per_second=_REFRESHES_PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
        vertical_overflow="crop",
    )
    with live:
        yield progress
    for sentence in progress.summary():
        print(sentence, file=stream)
    print(file=stream, flush=True)
