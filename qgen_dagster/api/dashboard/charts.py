"""Plots as SVG, made on the server; pure. Colours are classes, so that light and dark are the style sheet's business.

Not here: which numbers (`overview.py`, `runs.py`, `compare.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import groupby

from markupsafe import Markup

WIDTH, HEIGHT = 400, 170
LEFT, RIGHT, TOP, BOTTOM = 50, 8, 8, 24
STEPS = 4


@dataclass(frozen=True)
class Series:
    """A line of a plot: its name, its class (a, b), and its values, None where there is none."""

    name: str
    kind: str
    values: Sequence[float | None]


def line_chart(
    title: str, days: Sequence[datetime], series: Sequence[Series], *, unit: Callable[[float], str], zero: bool = False
) -> Markup:
    """Lines over days, broken where nothing was measured. `unit` writes a value of the axis; `zero`: it begins at 0."""
    known = [value for one in series for value in one.values if value is not None]
    low, high = _range(known, zero=zero)
    shapes = _frame(days, low, high, unit)
    for one in series:
        points = [
            None if value is None else (_x(i, len(days)), _y(value, low, high)) for i, value in enumerate(one.values)
        ]
        shapes += _line(points, one.kind)
    return _svg(title, shapes)


def bar_chart(
    title: str, days: Sequence[datetime], values: Sequence[float | None], *, unit: Callable[[float], str]
) -> Markup:
    """A bar per day, from 0."""
    low, high = _range([value for value in values if value is not None], zero=True)
    shapes = _frame(days, low, high, unit)
    width = max(1.5, (WIDTH - LEFT - RIGHT) / max(1, len(days)) - 2)
    for i, value in enumerate(values):
        if value:
            y = _y(value, low, high)
            x = min(max(LEFT, _x(i, len(days)) - width / 2), WIDTH - RIGHT - width)
            shapes.append(
                f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{HEIGHT - BOTTOM - y:.1f}"/>'
            )
    return _svg(title, shapes)


def share_bar(parts: Sequence[tuple[str, float]]) -> Markup:
    """A bar as wide as its place; parts of (class, share 0–1), each drawn over the one before from the left."""
    shapes = "".join(
        f'<rect class="{escape(kind)}" width="{100 * min(1.0, max(0.0, share)):.2f}" height="10"/>'
        for kind, share in parts
    )
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="ground" width="100" height="10"/>{shapes}</svg>'
    )


def interval_bar(low: float, value: float, high: float) -> Markup:
    """Where a rate of 0–1 lies, and the interval around it."""
    begin, end = (100 * min(1.0, max(0.0, x)) for x in (low, high))
    return Markup(  # noqa: S704 - numbers, and escaped text
        '<svg class="share" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="ground" width="100" height="10"/>'
        f'<rect class="interval" x="{begin:.2f}" width="{max(0.6, end - begin):.2f}" height="10"/>'
        f'<rect class="mark" x="{max(0.0, 100 * value - 0.6):.2f}" width="1.2" height="10"/></svg>'
    )


def _range(values: Sequence[float], *, zero: bool) -> tuple[float, float]:
    """Bounds of the axis around the values, on round numbers."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if zero:
        low = 0.0
    if high - low < 1e-9:
        high = low + (abs(low) or 1.0)
    step = _round_step((high - low) / STEPS)
    return math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough - 1e-12)


def _frame(days: Sequence[datetime], low: float, high: float, unit: Callable[[float], str]) -> list[str]:
    step = _round_step((high - low) / STEPS)
    shapes = []
    for n in range(round((high - low) / step) + 1):
        value = low + n * step
        y = _y(value, low, high)
        shapes.append(f'<line class="grid" x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}"/>')
        shapes.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{escape(unit(value))}</text>')
    for i in sorted({0, len(days) // 2, len(days) - 1} if days else ()):
        anchor = "start" if i == 0 else "end" if i == len(days) - 1 else "middle"
        label = f"{days[i].day} {days[i]:%b}"
        shapes.append(f'<text x="{_x(i, len(days)):.1f}" y="{HEIGHT - 6}" text-anchor="{anchor}">{label}</text>')
    return shapes


def _line(points: Sequence[tuple[float, float] | None], kind: str) -> list[str]:
    shapes = []
    for measured, run in groupby(points, key=lambda point: point is not None):
        if not measured:
            continue
        part = [point for point in run if point is not None]
        if len(part) == 1:
            shapes.append(f'<circle class="dot {kind}" cx="{part[0][0]:.1f}" cy="{part[0][1]:.1f}" r="3"/>')
        else:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in part)
            shapes.append(f'<polyline class="line {kind}" points="{path}"/>')
    return shapes


def _x(index: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (index / (count - 1) if count > 1 else 0.5)


def _y(value: float, low: float, high: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low))


def _svg(title: str, shapes: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - numbers, and escaped text
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(shapes)}</svg>"
    )
