"""Shapes made of squares on a grid: turning, mirroring, writing and drawing them. Used by several spatial models."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Unsuitable

Place = tuple[int, int]
# What a square of the shape can carry, as a letter of the text form.
PLAIN, DOT, SOLID = "#", "o", "X"
GAP = "-"
LEGEND = "# = plain square, o = square with a dot, X = filled square, - = gap"


class Shape(NamedTuple):
    """Squares by row and column with their marks, moved to the top left corner, in reading order."""

    squares: tuple[tuple[int, int, str], ...]

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple((r, c) for r, c, _ in self.squares)

    def turned(self, quarters: int) -> Shape:
        """Turned clockwise by quarter turns."""
        squares = self.squares
        for _ in range(quarters % 4):
            squares = tuple((c, -r, mark) for r, c, mark in squares)
        return shape(squares)

    def flipped(self) -> Shape:
        """Left and right exchanged."""
        return shape((r, -c, mark) for r, c, mark in self.squares)

    def canonical(self) -> str:
        """The same text for all turns of a shape, but not for its mirror image."""
        rows = self.rows()
        found = []
        for _ in range(4):
            found.append(" / ".join(rows))
            rows = ["".join(column) for column in zip(*reversed(rows), strict=True)]
        return min(found)

    def rows(self) -> list[str]:
        marks = {(r, c): mark for r, c, mark in self.squares}
        height, width = max(r for r, _ in marks) + 1, max(c for _, c in marks) + 1
        return ["".join(marks.get((r, c), GAP) for c in range(width)) for r in range(height)]

    def text(self) -> str:
        return " / ".join(self.rows())


def shape(squares: Iterable[tuple[int, int, str]]) -> Shape:
    squares = list(squares)
    top, left = min(r for r, _, _ in squares), min(c for _, c, _ in squares)
    return Shape(tuple(sorted((r - top, c - left, mark) for r, c, mark in squares)))


def grow(count: int, rng: random.Random, longest: int = 4) -> list[Place]:
    """A connected set of squares, no longer than `longest` either way."""
    for _ in range(30):
        places = [(0, 0)]
        while len(places) < count:
            places.append(rng.choice(border(places)))
        if max(_extent(places)) <= longest and min(_extent(places)) > 1:
            return places
    raise Unsuitable("no compact shape")


def border(places: Iterable[Place]) -> list[Place]:
    """The free squares beside a shape, in order."""
    taken = set(places)
    near = {(r + dr, c + dc) for r, c in taken for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))}
    return sorted(near - taken)


def _extent(places: Iterable[Place]) -> tuple[int, int]:
    rows, columns = [r for r, _ in places], [c for _, c in places]
    return max(rows) - min(rows) + 1, max(columns) - min(columns) + 1


def draw(shown: Shape, unit: float = 22, room: int = 5) -> str:
    """The squares of a shape in the middle of `room` × `room` units."""
    rows = shown.rows()
    left, top = (room - len(rows[0])) * unit / 2, (room - len(rows)) * unit / 2
    corners = [(left + c * unit, top + r * unit, mark) for r, c, mark in shown.squares]
    parts = [_squares([(x, y) for x, y, mark in corners if mark != SOLID], unit)]
    solid = [(x, y) for x, y, mark in corners if mark == SOLID]
    if solid:
        parts.append(_squares(solid, unit, fill=svg.INK, fill_opacity=0.75))
    parts += [svg.dot((x + unit / 2, y + unit / 2), unit / 5) for x, y, mark in corners if mark == DOT]
    return "".join(parts)


def _squares(corners: Iterable[svg.Point], unit: float, **attributes: str | float) -> str:
    """Squares of one look as a single path, given by their top left corners."""
    side = svg.num(unit)
    path = "".join(f"M{svg.num(x)} {svg.num(y)}h{side}v{side}h-{side}z" for x, y in corners)
    return svg.element("path", d=path, **attributes)


def shape_figure(shown: Shape, title: str, unit: float = 22, room: int = 5) -> str:
    side = unit * room + 8
    return svg.figure(side, side, title, shown.text(), [svg.moved([draw(shown, unit, room)], 4, 4)])


def read_rows(text: str) -> list[str]:
    """The rows of a shape's text form, for solvers."""
    return [row.strip() for row in text.split("/")]


# --- patterns: square sheets of cells, written as rows of letters ---

Rows = tuple[str, ...]


def mirrored_lr(rows: Rows) -> Rows:
    return tuple(row[::-1] for row in rows)


def mirrored_tb(rows: Rows) -> Rows:
    return rows[::-1]


def transposed(rows: Rows) -> Rows:
    """Mirrored in the diagonal from the top left to the bottom right."""
    return tuple("".join(column) for column in zip(*rows, strict=True))


def quarter_turned(rows: Rows) -> Rows:
    """Turned clockwise."""
    return mirrored_lr(transposed(rows))


def half_turned(rows: Rows) -> Rows:
    return mirrored_lr(mirrored_tb(rows))


def written(rows: Rows) -> str:
    return " / ".join(rows)


def with_marks(size: int, marks: str, rng: random.Random) -> Rows:
    """A sheet of `size` × `size` with the marks strewn over it."""
    letters = list(marks + GAP * (size * size - len(marks)))
    rng.shuffle(letters)
    return tuple("".join(letters[i * size : (i + 1) * size]) for i in range(size))


def mark_moved(rows: Rows, rng: random.Random) -> Rows:
    """One mark shifted to a free cell beside it."""
    marks = [(r, c) for r, row in enumerate(rows) for c, letter in enumerate(row) if letter != GAP]
    rng.shuffle(marks)
    for r, c in marks:
        free = [
            (y, x)
            for y, x in ((r, c + 1), (r + 1, c), (r, c - 1), (r - 1, c))
            if 0 <= y < len(rows) and 0 <= x < len(rows[0]) and rows[y][x] == GAP
        ]
        if free:
            y, x = rng.choice(free)
            cells = [list(row) for row in rows]
            cells[y][x], cells[r][c] = cells[r][c], GAP
            return tuple("".join(row) for row in cells)
    raise Unsuitable("no free cell beside a mark")


def draw_sheet(rows: Rows, unit: float = 22) -> str:
    """The sheet with its grid; `#` and `X` are filled cells, `o` a ring (a hole or a dot)."""
    height, width = len(rows) * unit, len(rows[0]) * unit
    cells = [(c * unit, r * unit, letter) for r, row in enumerate(rows) for c, letter in enumerate(row)]
    parts = []
    filled = [(x, y) for x, y, letter in cells if letter in (PLAIN, SOLID)]
    if filled:
        parts.append(_squares(filled, unit, fill=svg.INK, stroke="none", fill_opacity=0.85))
    parts += [svg.circle((x + unit / 2, y + unit / 2), unit * 0.26) for x, y, letter in cells if letter == DOT]
    lines = "".join(
        [f"M0 {svg.num(i * unit)}H{svg.num(width)}" for i in range(1, len(rows))]
        + [f"M{svg.num(i * unit)} 0V{svg.num(height)}" for i in range(1, len(rows[0]))]
    )
    parts.append(svg.element("path", d=lines, stroke_width=1, stroke_opacity=0.35))
    parts.append(svg.rect(0, 0, width, height))
    return "".join(parts)


def sheet_figure(rows: Rows, title: str = "Option", unit: float = 22) -> str:
    width, height = len(rows[0]) * unit + 6, len(rows) * unit + 6
    return svg.figure(width, height, title, written(rows), [svg.moved([draw_sheet(rows, unit)], 3, 3)])
