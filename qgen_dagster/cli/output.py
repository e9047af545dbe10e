"""Writing to standard output and standard error, for people and for programs.

Here: consoles that suit a terminal, a pipe and NO_COLOR; plain tables; times, money and ids in words. Not here: what a
particular command shows (`stock.py`, `report.py`, the commands), live progress (`progress.py`).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO
from uuid import UUID

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

UNBOUNDED = 1_000  # columns of a pipe: whoever reads it has no right margin
SHORT_ID = 8
GAP = 2
_LEAST_ROOM = 12  # of a column that is cut


class Output:
    """What one command says. With `as_json`, only `json` writes to standard output."""

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json
        self._console: Console | None = None

    @property
    def console(self) -> Console:
        """The console over standard output."""
        if self._console is None:
            self._console = make_console(sys.stdout)
        return self._console

    def show(self, *parts: RenderableType, gap: bool = False) -> None:
        """Prints tables or text; nothing with --json. `gap` puts an empty line before it."""
        if self.as_json:
            return
        if gap:
            sys.stdout.write("\n")
        for part in parts:
            self._print(part)

    def json(self, value: object) -> None:
        """Prints the one object of --json; nothing without."""
        if self.as_json:
            sys.stdout.write(json.dumps(value, default=_plain, ensure_ascii=False) + "\n")

    def note(self, text: str) -> None:
        """A remark on standard error; nothing with --json."""
        if not self.as_json:
            print(text, file=sys.stderr)

    def _print(self, part: RenderableType) -> None:
        if self.console.is_terminal:
            self.console.print(part, soft_wrap=isinstance(part, str), crop=False)
            return
        # Tables are padded to their full width; in a file that is only trailing blanks.
        with self.console.capture() as captured:
            self.console.print(part, soft_wrap=isinstance(part, str), crop=False)
        sys.stdout.write("\n".join(line.rstrip() for line in captured.get().split("\n")))


def make_console(stream: TextIO) -> Console:
    """A console over `stream`: as wide as the terminal or COLUMNS, without limit into a pipe; honours NO_COLOR."""
    from rich.console import Console

    width = None
    columns = os.environ.get("COLUMNS", "")
    if not (columns.isdecimal() and int(columns)):  # 0 is what some programs set where they do not know
        width = (shutil.get_terminal_size().columns if columns else None) if stream.isatty() else UNBOUNDED
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def private_stderr() -> TextIO:
    """Standard error on a descriptor of its own: a run of Dagster points the usual one at its captured logs."""
    try:
        return _duplicate(sys.stderr)
    except (OSError, ValueError, AttributeError):
        return sys.stderr  # replaced by something in memory, which nothing redirects


@cache
def _duplicate(stream: TextIO) -> TextIO:
    copy = os.dup(stream.fileno())
    return os.fdopen(copy, "w", encoding=stream.encoding, errors="replace", buffering=1)


def make_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    width: int,
    right: Iterable[str] = (),
    flexible: str | None = None,
) -> Table:
    """A table without lines. Columns in `right` are numbers; the `flexible` one is cut so that the rest fits.

    Nothing else is ever cut: half an id is of no use, so where the screen is too narrow the lines go on beyond it.
    """
    from rich.table import Table

    room, needed = _room(headers, rows, width, flexible)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    if needed > width:
        table.width = needed
    for header in headers:
        table.add_column(
            header,
            justify="right" if header in set(right) else "left",
            no_wrap=True,
            overflow="ellipsis",
            max_width=room if header == flexible else None,
        )
    for row in rows:
        table.add_row(*row)
    return table


def _room(
    headers: Sequence[str], rows: Sequence[Sequence[str | Text]], width: int, flexible: str | None
) -> tuple[int, int]:
    """How wide the flexible column may be, and how wide the table is when that column is as narrow as it may be."""
    natural = {h: max(len(h), *(len(row[i]) for row in rows), 0) for i, h in enumerate(headers)}
    least = min(natural.pop(flexible), _LEAST_ROOM) if flexible in natural else 0
    taken = sum(GAP + columns for columns in natural.values())
    return max(least, width - taken), taken + least


def heading(text: str) -> Text:
    """A line over a block."""
    from rich.text import Text

    return Text(text, style="bold")


def styled(text: str, style: str) -> Text:
    """Text in a style."""
    from rich.text import Text

    return Text(text, style=style)


def pairs(rows: Sequence[tuple[str, object]], indent: int = 2) -> str:
    """Names and values in two columns, rows without a value left out."""
    kept = [(name, str(value)) for name, value in rows if value not in (None, "")]
    width = max((len(name) for name, _ in kept), default=0)
    return "\n".join(f"{'':{indent}}{name:<{width}}  {value}" for name, value in kept)


def short(identifier: object) -> str:
    """The first characters of an id, which every command accepts in its place."""
    return str(identifier)[:SHORT_ID]


def money(cost: Decimal | float | None) -> str:
    """Dollars; a dash where nothing is charged or known."""
    if cost is None:
        return "–"
    return f"${cost:,.2f}" if cost >= 1 or cost == 0 else f"${cost:.4f}"


def cost_text(cost: Decimal | float | None, unpriced_calls: int, models: Sequence[str] = ()) -> str:
    """Dollars, and how many calls they leave out because nobody knows what those cost."""
    if not unpriced_calls:
        return money(cost)
    named = f" ({', '.join(models)})" if models else ""
    return f"{money(cost)}, without {counted(unpriced_calls, 'unpriced call')}{named}"


def compact(number: int | float | None) -> str:
    """A number in at most five characters: `812`, `9.4k`, `1.2M`; a dash where it is not known."""
    if number is None:
        return "–"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size * 0.9995:
            shown = number / size
            return f"{shown:.1f}{unit}" if shown < 99.95 else f"{shown:.0f}{unit}"
    return f"{number:.0f}"


def span(seconds: float | None) -> str:
    """A duration, as short as it can be said."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def local_time(moment: datetime | None) -> str:
    """A time on this machine's clock, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else "–"


def counted(number: int, noun: str) -> str:
    """`1 question`, `2 questions`."""
    plural = {"stratum": "strata", "query": "queries", "series": "series"}.get(noun, f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"


def cut(text: str, length: int) -> str:
    """The text on one line, shortened with an ellipsis."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, UUID | os.PathLike):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
