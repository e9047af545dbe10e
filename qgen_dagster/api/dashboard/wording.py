"""How numbers, times and names are written on a page; pure. A dash stands for what was not measured."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

NOTHING = "–"


def number(value: float | None, places: int = 0) -> str:
    """`1,234`, or with decimal places."""
    return NOTHING if value is None else f"{value:,.{places}f}"


def share(value: float | None) -> str:
    """A rate of 0–1 in per cent."""
    return NOTHING if value is None else f"{value * 100:.1f} %".replace(".0 %", " %")


def score(value: float | None) -> str:
    """A score of 0–1."""
    return NOTHING if value is None else f"{value:.2f}"


def money(value: Any) -> str:
    """US dollars, small sums to a hundredth of a cent."""
    if value is None:
        return NOTHING
    return f"${float(value):,.2f}" if value >= 1 or value == 0 else f"${float(value):.4f}"


def span(seconds: float | None) -> str:
    """A duration, as short as it can be said."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def moment(value: datetime | None) -> str:
    """A time to the minute, UTC (the pages say so once)."""
    return NOTHING if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def words(name: object) -> str:
    """A name of the code in words."""
    return str(getattr(name, "value", name)).replace("_", " ")


def short(identifier: UUID | str) -> str:
    """The first characters of an id, as the command line shows them."""
    return str(identifier)[:8]


def plural(count: int, noun: str) -> str:
    """`1 question`, `2 questions`."""
    return f"{count:,} {noun if count == 1 else noun + ('es' if noun.endswith('h') else 's')}"


FILTERS = {f.__name__: f for f in (number, share, score, money, span, moment, words, short)}
