"""Shapes in a grid: where one of them was, or which one was in a cell.

Radicals: size of the grid, number of shapes, direction of the question (shape to place, place to shape).
- easy: 4 shapes in 4 × 4 cells, the place asked.
- medium: 7 shapes in 5 × 5 cells, the place or the shape asked.
- hard: 10 shapes in 6 × 6 cells, the place or the shape asked.
Places on offer are three rows by two columns (or two by three), so every row and every column is on offer equally
often and the options alone say nothing. The text form lists the cells row by row.
The solver reads the text form of the grid and looks the cell or the shape up.
"""

from __future__ import annotations

import random
import re
from functools import cache

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import counted
from qgen_dagster.generation.items.memory._recall import expected

SHAPES = ("star", "circle", "square", "triangle", "diamond", "hexagon", "cross", "arrow", "house", "bolt")
# Cells a side, shapes, seconds shown.
SIZES = {"easy": (4, 4, 6), "medium": (5, 7, 9), "hard": (6, 10, 12)}
CELL = 56
MARGIN = 4

Place = tuple[int, int]


class GridPositions(ItemModel):
    name = "grid_positions"
    family = "memory"
    sub_type = "grid_positions"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        size, count, seconds = SIZES[level]
        places = sorted(rng.sample([(row, column) for row in range(size) for column in range(size)], count))
        shapes = rng.sample(SHAPES, count)
        grid = dict(zip(places, shapes, strict=True))
        stimulus = Stimulus(text=_text(size, grid), figure=_figure(size, grid), seconds_shown=seconds)
        asked = rng.choice(places)
        if level == "easy" or rng.random() < 0.5:
            return _place_asked(level, rng, size, grid, asked, stimulus)
        return _shape_asked(level, rng, size, grid, asked, stimulus)

    def solve(self, shown: ShownQuestion) -> list[int]:
        rows = re.findall(r"Row \d+: (.+)", shown.stimulus.text) if shown.stimulus else []
        seen = {
            cell: f"row {r}, column {c}"
            for r, row in enumerate(rows, 1)
            for c, cell in enumerate(row.split(", "), 1)
            if cell != "empty"
        }
        if shown.stem.startswith("Where"):
            wanted = next(place for shape, place in seen.items() if f" {shape} " in shown.stem)
        else:
            wanted = next(f"the {shape}" for shape, place in seen.items() if place in shown.stem)
        return [i for i, option in enumerate(shown.options) if option.text.casefold() == wanted.casefold()]


def _place_asked(
    level: ItemLevel, rng: random.Random, size: int, grid: dict[Place, str], asked: Place, stimulus: Stimulus
) -> Draft:
    more_rows = rng.random() < 0.5
    rows = _with_others(rng, asked[0], size, 3 if more_rows else 2)
    columns = _with_others(rng, asked[1], size, 2 if more_rows else 3)
    shape = grid[asked]
    wrong = [(row, column) for row in rows for column in columns if (row, column) != asked]
    return Draft(
        stem=f"Where was the {shape} in the grid?",
        stimulus=stimulus,
        key=Choice(_named(asked)),
        distractors=tuple(_other_place(place, asked, grid) for place in wrong),
        explanation=f"The {shape} was in the cell at {_named(asked).lower()}, counted from the top and from the left.",
        structure={"size": size, "cells": _cells(grid), "asked": "place", "key": list(asked)},
        expected_success=expected(level, 0.6 - 0.4 * _at_edge(asked, size)),
    )


def _shape_asked(
    level: ItemLevel, rng: random.Random, size: int, grid: dict[Place, str], asked: Place, stimulus: Stimulus
) -> Draft:
    others = rng.sample([place for place in sorted(grid) if place != asked], 5)
    return Draft(
        stem=f"Which shape was at {_named(asked).lower()} of the grid?",
        stimulus=stimulus,
        key=Choice(f"The {grid[asked]}"),
        distractors=tuple(
            Choice(f"The {grid[place]}", mistake="other_cell", note=f"This shape was at {_named(place).lower()}.")
            for place in others
        ),
        explanation=f"The {grid[asked]} was at {_named(asked).lower()}, counted from the top and from the left.",
        structure={"size": size, "cells": _cells(grid), "asked": "shape", "key": list(asked)},
        expected_success=expected(level, 0.8 - 0.4 * _at_edge(asked, size)),
    )


def _with_others(rng: random.Random, own: int, size: int, count: int) -> list[int]:
    return [own, *rng.sample([i for i in range(size) if i != own], count - 1)]


def _other_place(place: Place, asked: Place, grid: dict[Place, str]) -> Choice:
    shape = grid[asked]
    if place in grid:
        return Choice(_named(place), mistake="place_of_another", note=f"This was the place of the {grid[place]}.")
    if place[0] == asked[0]:
        return Choice(
            _named(place), mistake="wrong_column", note=f"The row is right, but the {shape} was in another column."
        )
    if place[1] == asked[1]:
        return Choice(
            _named(place), mistake="wrong_row", note=f"The column is right, but the {shape} was in another row."
        )
    return Choice(_named(place), mistake="empty_cell", note="This cell was empty.")


def _named(place: Place) -> str:
    return f"Row {place[0] + 1}, column {place[1] + 1}"


def _at_edge(place: Place, size: int) -> float:
    """How many of the two coordinates lie at an edge of the grid, where places are told apart more easily."""
    return sum(i in (0, size - 1) for i in place) / 2


def _cells(grid: dict[Place, str]) -> list[list[int | str]]:
    return [[row, column, shape] for (row, column), shape in sorted(grid.items())]


def _text(size: int, grid: dict[Place, str]) -> str:
    rows = [", ".join(grid.get((row, column), "empty") for column in range(size)) for row in range(size)]
    return "\n".join(["Remember what is where in the grid:", *(f"Row {i}: {row}" for i, row in enumerate(rows, 1))])


def _figure(size: int, grid: dict[Place, str]) -> str:
    side = size * CELL
    parts = [_lines(size)]
    parts += [
        svg.moved([_drawn(shape)], MARGIN + (column + 0.5) * CELL, MARGIN + (row + 0.5) * CELL)
        for (row, column), shape in grid.items()
    ]
    described = f"A grid of {size} rows and {size} columns with {counted(len(grid), 'shape')}."
    total = side + 2 * MARGIN
    return svg.figure(total, total, "Grid to remember", described, parts)


@cache
def _lines(size: int) -> str:
    side = size * CELL
    parts = [svg.rect(MARGIN, MARGIN, side, side)]
    for i in range(1, size):
        at = MARGIN + i * CELL
        parts.append(svg.line((at, MARGIN), (at, MARGIN + side), stroke_width=1))
        parts.append(svg.line((MARGIN, at), (MARGIN + side, at), stroke_width=1))
    return "".join(parts)


@cache
def _drawn(shape: str) -> str:
    """The shape around the origin."""
    if shape == "circle":
        return svg.circle((0, 0), 17, "tinted")
    corners: dict[str, list[svg.Point]] = {
        "star": svg.star((0, 0), 21),
        "square": [(-16, -16), (16, -16), (16, 16), (-16, 16)],
        "triangle": svg.regular((0, 4), 21, 3),
        "diamond": [(0, -21), (14, 0), (0, 21), (-14, 0)],
        "hexagon": svg.regular((0, 0), 19, 6),
        "cross": [(-6, -18), (6, -18), (6, -6), (18, -6), (18, 6), (6, 6), (6, 18), (-6, 18), (-6, 6), (-18, 6),
                  (-18, -6), (-6, -6)],
        "house": [(-15, 18), (-15, -3), (0, -19), (15, -3), (15, 18)],
        "bolt": [(4, -21), (-13, 4), (-2, 4), (-5, 21), (13, -5), (2, -5)],
        "arrow": [(0, -20), (16, -2), (7, -2), (7, 19), (-7, 19), (-7, -2), (-16, -2)],
    }  # fmt: skip
    return svg.polygon(corners[shape], "tinted")


MODEL = GridPositions()
