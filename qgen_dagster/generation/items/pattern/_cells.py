"""The cells of figure items: what they hold, how they read as text and how they are drawn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from qgen_dagster.generation.items import svg

SHAPES = ("circle", "triangle", "square", "star", "cross", "diamond")
FILLS: tuple[svg.Fill, ...] = ("empty", "striped", "solid")
SIZES = ("small", "medium", "large")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
PLACES = ("top left", "top", "top right", "right", "bottom right", "bottom", "bottom left", "left")
SIDE = 100.0
GAP = 8.0  # between the cells of a grid, so that dots on two sides of it are told apart

_RADII = {"small": 11.0, "medium": 20.0, "large": 30.0}
_CROWD_RADIUS = 9.5
_MIDDLE = SIDE / 2
_PLACE_POINTS = tuple(
    (_MIDDLE + 42 * x, _MIDDLE + 42 * y)
    for x, y in ((-1, -1), (0, -1), (1, -1), (1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0))
)
# Where 1 to 6 small figures stand, in steps from the middle.
_ROOMS: tuple[tuple[svg.Point, ...], ...] = (
    (),
    ((0, 0),),
    ((-0.5, 0), (0.5, 0)),
    ((-0.5, 0.5), (0.5, 0.5), (0, -0.5)),
    ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)),
    ((-1, -0.5), (0, -0.5), (1, -0.5), (-0.5, 0.5), (0.5, 0.5)),
    ((-1, -0.5), (0, -0.5), (1, -0.5), (-1, 0.5), (0, 0.5), (1, 0.5)),
)


class Cell(NamedTuple):
    """Equal figures in one cell. `size` or `number` is None where an item does not use it; `dots`: border places."""

    shape: str
    fill: svg.Fill
    size: str | None = None
    number: int | None = None
    dots: tuple[int, ...] | None = None

    def text(self) -> str:
        words = [NUMBERS[1 if self.number is None else self.number], self.size, self.fill, self.shape]
        text = " ".join(word for word in words if word) + ("s" if (self.number or 1) > 1 else "")
        if text.endswith("crosss"):
            text = text[:-1] + "es"
        if self.dots is None:
            return text
        return f"{text}; dots: {', '.join(PLACES[i] for i in self.dots) or 'none'}"

    def draw(self) -> str:
        parts = [svg.dot(_PLACE_POINTS[i], 4.5) for i in self.dots or ()]
        if self.number is None:
            parts.append(outline(self.shape, self.fill, (_MIDDLE, _MIDDLE), _RADII[self.size or "medium"]))
        else:
            for x, y in _ROOMS[self.number]:
                centre = (_MIDDLE + 28 * x, _MIDDLE + 29 * y)
                parts.append(outline(self.shape, self.fill, centre, _CROWD_RADIUS))
        return "".join(parts)


def outline(shape: str, fill: svg.Fill, centre: svg.Point, radius: float, turn: float = 0) -> str:
    """One figure, drawn so that all shapes of a radius look about equally large."""
    if shape == "circle":
        return svg.circle(centre, radius * 0.92, fill)
    if shape == "triangle":
        x, y = centre
        return svg.polygon(svg.regular((x, y + radius * 0.18), radius * 1.12, 3, turn), fill)
    if shape == "square":
        return svg.polygon(svg.regular(centre, radius * 1.18, 4, turn + 45), fill)
    if shape == "diamond":
        x, y = centre
        return svg.polygon(
            [(x, y - radius * 1.2), (x + radius * 0.8, y), (x, y + radius * 1.2), (x - radius * 0.8, y)], fill
        )
    if shape == "star":
        return svg.polygon(svg.star(centre, radius * 1.15, turn=turn), fill)
    if shape == "cross":
        return svg.polygon(_cross(centre, radius), fill)
    raise ValueError(f"no such shape: {shape}")


def option_figure(cell: Cell) -> str:
    return svg.figure(SIDE, SIDE, "Option", cell.text(), [frame(), cell.draw()])


def frame() -> str:
    return svg.rect(1, 1, SIDE - 2, SIDE - 2, stroke_width=1, stroke_opacity=0.6)


def grid_figure(title: str, text: str, rows: Sequence[Sequence[Cell | None]]) -> str:
    """Cells in rows and columns; None is the cell with the question mark."""
    parts = []
    for r, row in enumerate(rows):
        for c, cell in enumerate(row):
            content = cell.draw() if cell else svg.label((_MIDDLE, _MIDDLE), "?", 44)
            parts.append(svg.moved([frame(), content], c * (SIDE + GAP), r * (SIDE + GAP)))
    width, height = (n * (SIDE + GAP) - GAP for n in (len(rows[0]), len(rows)))
    return svg.figure(width, height, title, text, parts)


_TEXT = re.compile(
    r"(no|one|two|three|four|five|six) (?:(small|medium|large) )?(empty|striped|solid) "
    r"(circle|triangle|square|star|cross|diamond)(?:e?s)?(?:; dots: (.+))?"
)


def read_cell(text: str) -> dict[str, object]:
    """The attributes of a cell from its text, for solvers."""
    match = _TEXT.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a cell: {text!r}")
    count, size, fill, shape, dots = match.groups()
    places = None
    if dots is not None:
        places = frozenset(() if dots == "none" else dots.split(", "))
    return {"count": NUMBERS.index(count), "size": size, "fill": fill, "shape": shape, "dots": places}


def _cross(centre: svg.Point, radius: float) -> list[svg.Point]:
    x, y = centre
    a, b = radius * 0.36, radius
    corners = [
        (-a, -b),
        (a, -b),
        (a, -a),
        (b, -a),
        (b, a),
        (a, a),
        (a, b),
        (-a, b),
        (-a, a),
        (-b, a),
        (-b, -a),
        (-a, -a),
    ]
    return [(x + dx, y + dy) for dx, dy in corners]
