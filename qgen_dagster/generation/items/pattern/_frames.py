"""The clock-like frames of figure series and figure changes: a dot on the rim, an arrow, a figure in the middle."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.pattern._cells import FILLS, GAP, SIDE, outline

# Clockwise from the top, in eighths of a turn.
AROUND = ("top", "top right", "right", "bottom right", "bottom", "bottom left", "left", "top left")
MIDDLES = ("circle", "triangle", "square", "star")
_CENTRE = (SIDE / 2, SIDE / 2)


class Frame(NamedTuple):
    """`dot` and `arrow` are places of `AROUND`."""

    dot: int
    arrow: int
    shape: str
    fill: svg.Fill

    def text(self) -> str:
        return (
            f"dot at the {AROUND[self.dot]}, arrow to the {AROUND[self.arrow]}, {self.fill} {self.shape} in the middle"
        )

    def draw(self) -> str:
        tip, tail = _on_circle(self.arrow, 32), _on_circle(self.arrow, 17)
        return "".join(
            [
                svg.circle(_CENTRE, 44, stroke_width=1, stroke_opacity=0.6),
                svg.dot(_on_circle(self.dot, 44), 5.5),
                svg.line(tail, tip),
                svg.arrow_head(tip, self.arrow * 45, 9),
                outline(self.shape, self.fill, _CENTRE, 11),
            ]
        )


def _on_circle(place: int, radius: float) -> svg.Point:
    angle = math.radians(place * 45 - 90)
    return _CENTRE[0] + radius * math.cos(angle), _CENTRE[1] + radius * math.sin(angle)


def row_figure(title: str, text: str, rows: Sequence[Sequence[Frame | str]]) -> str:
    """Frames in rows; a string is printed in the middle of its place."""
    parts = []
    for r, row in enumerate(rows):
        for c, item in enumerate(row):
            content = svg.label(_CENTRE, item, 36) if isinstance(item, str) else item.draw()
            parts.append(svg.moved([content], c * (SIDE + GAP), r * (SIDE + GAP)))
    width, height = (n * (SIDE + GAP) - GAP for n in (max(map(len, rows)), len(rows)))
    return svg.figure(width, height, title, text, parts)


def option_figure(frame: Frame) -> str:
    return svg.figure(SIDE, SIDE, "Option", frame.text(), [frame.draw()])


def spoken_turn(step: int) -> str:
    """`two eighths of a turn clockwise` and the like."""
    step = (step + 3) % 8 - 3
    if step == 4:
        return "half a turn"
    size = {1: "one eighth of a turn", 2: "a quarter turn", 3: "three eighths of a turn"}[abs(step)]
    return f"{size} {'clockwise' if step > 0 else 'anticlockwise'}"


_TEXT = re.compile(r"dot at the ([a-z ]+), arrow to the ([a-z ]+), (empty|striped|solid) ([a-z]+) in the middle")


def read_frame(text: str) -> dict[str, object]:
    """The attributes of a frame from its text, for solvers."""
    match = _TEXT.fullmatch(text.strip())
    if not match:
        raise ValueError(f"not a frame: {text!r}")
    dot, arrow, fill, shape = match.groups()
    return {"dot": AROUND.index(dot), "arrow": AROUND.index(arrow), "fill": fill, "shape": shape}


def some_fills(count: int, rng: random.Random) -> list[svg.Fill]:
    return rng.sample(FILLS, count)
