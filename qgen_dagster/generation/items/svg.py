"""A small SVG builder for item figures.

What it makes is plain and safe to inline many times on one page: no ids, no CSS, no fonts to load, no scripts. Ink is
`currentColor`, so a figure follows the text colour of the page: dark on light, light on dark, black in print. Fills
are told apart by texture and tone (empty, striped, tinted, solid), never by hue. Numbers are written in one way only,
so the same figure is the same string on any machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Literal

Point = tuple[float, float]
Fill = Literal["empty", "striped", "tinted", "solid"]

INK = "currentColor"
_TINT = "0.3"
STRIPE_GAP = 5.0


def num(value: float) -> str:
    """A number with at most one decimal (two below 1), without trailing zeros or a minus zero."""
    text = f"{value:.{2 if abs(value) < 1 else 1}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(tag: str, content: str = "", /, **attributes: str | float) -> str:
    """One element; underscores in attribute names become hyphens."""
    parts = [tag]
    for name, value in attributes.items():
        shown = escape(value) if isinstance(value, str) else num(value)
        parts.append(f'{name.rstrip("_").replace("_", "-")}="{shown}"')
    head = " ".join(parts)
    return f"<{head}>{content}</{tag}>" if content else f"<{head}/>"


def figure(width: float, height: float, title: str, description: str, body: Iterable[str]) -> str:
    """A whole figure: drawn in the text colour, lines 2 units wide unless a part says otherwise."""
    names = element("title", escape(title, quote=False)) + element("desc", escape(description, quote=False))
    return element(
        "svg",
        names + "".join(body),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {num(width)} {num(height)}",
        width=width,
        height=height,
        role="img",
        fill="none",
        stroke=INK,
        stroke_width=2,
        stroke_linejoin="round",
        stroke_linecap="round",
    )


def group(parts: Iterable[str], **attributes: str | float) -> str:
    return element("g", "".join(parts), **attributes)


def moved(parts: Iterable[str], x: float, y: float) -> str:
    """The parts with their origin at (x, y)."""
    return group(parts, transform=f"translate({num(x)} {num(y)})")


def line(start: Point, end: Point, **attributes: str | float) -> str:
    return element("path", d=f"M{_pair(start)}L{_pair(end)}", **attributes)


def polyline(points: Sequence[Point], **attributes: str | float) -> str:
    return element("path", d="M" + "L".join(_pair(p) for p in points), **attributes)


def rect(x: float, y: float, width: float, height: float, **attributes: str | float) -> str:
    return element("rect", x=x, y=y, width=width, height=height, **attributes)


def dot(centre: Point, radius: float, **attributes: str | float) -> str:
    """A disc of solid ink."""
    return element("circle", cx=centre[0], cy=centre[1], r=radius, fill=INK, stroke="none", **attributes)


def label(centre: Point, content: str, size: float = 16, *, fill: str = INK, **attributes: str | float) -> str:
    """Text centred on a point, in whatever sans serif the reader has."""
    return element(
        "text",
        escape(content, quote=False),
        x=centre[0],
        y=centre[1] + size * 0.36,
        font_family="sans-serif",
        font_size=size,
        text_anchor="middle",
        fill=fill,
        stroke="none",
        **attributes,
    )


def polygon(points: Sequence[Point], fill: Fill = "empty", **attributes: str | float) -> str:
    """A closed shape. Stripes are drawn line by line, since a pattern fill would need an id."""
    outline = element("path", d="M" + "L".join(_pair(p) for p in points) + "Z", **_paint(fill), **attributes)
    return outline + _stripes(points) if fill == "striped" else outline


def circle(centre: Point, radius: float, fill: Fill = "empty", **attributes: str | float) -> str:
    outline = element("circle", cx=centre[0], cy=centre[1], r=radius, **_paint(fill), **attributes)
    return outline + _stripes(regular(centre, radius, 24)) if fill == "striped" else outline


def regular(centre: Point, radius: float, corners: int, turn: float = 0) -> list[Point]:
    """The corners of a regular polygon, the first straight up, turned clockwise by `turn` degrees."""
    steps = (math.radians(360 * i / corners + turn - 90) for i in range(corners))
    return [(centre[0] + radius * math.cos(a), centre[1] + radius * math.sin(a)) for a in steps]


def star(centre: Point, radius: float, points: int = 5, inner: float = 0.45, turn: float = 0) -> list[Point]:
    """The corners of a star, one tip straight up."""
    outer = regular(centre, radius, points, turn)
    notches = regular(centre, radius * inner, points, turn + 180 / points)
    return [corner for pair in zip(outer, notches, strict=True) for corner in pair]


def arrow_head(tip: Point, direction: float, size: float) -> str:
    """A solid triangle whose tip points towards `direction` (degrees clockwise from up)."""
    wings = [_polar(tip, direction + 180 + side * 26, size) for side in (-1, 1)]
    return element("path", d="M" + "L".join(_pair(p) for p in (tip, *wings)) + "Z", fill=INK, stroke_width=1)


def _polar(origin: Point, direction: float, distance: float) -> Point:
    angle = math.radians(direction - 90)
    return origin[0] + distance * math.cos(angle), origin[1] + distance * math.sin(angle)


def _pair(point: Point) -> str:
    return f"{num(point[0])} {num(point[1])}"


def _paint(fill: Fill) -> dict[str, str | float]:
    if fill == "solid":
        return {"fill": INK}
    if fill == "tinted":
        return {"fill": INK, "fill_opacity": _TINT}
    return {}


def _stripes(points: Sequence[Point]) -> str:
    """Horizontal lines inside a polygon, at even gaps from its top."""
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    count = max(2, round((bottom - top) / STRIPE_GAP))
    runs = []
    for i in range(1, count):
        y = top + (bottom - top) * i / count
        crossings = sorted(_crossings(points, y))
        runs += [f"M{num(a)} {num(y)}H{num(b)}" for a, b in zip(crossings[::2], crossings[1::2], strict=False)]
    return element("path", d="".join(runs), stroke_width=1.5)


def _crossings(points: Sequence[Point], y: float) -> list[float]:
    found = []
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
        if (y1 <= y) != (y2 <= y):
            found.append(x1 + (x2 - x1) * (y - y1) / (y2 - y1))
    return found
