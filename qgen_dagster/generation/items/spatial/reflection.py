"""A sheet of marks is mirrored in a line: which sheet is the mirror image?

Radicals: the size of the sheet, the number of marks and the mirror line.
- easy: 3×3 or 4×4 with few marks, a vertical or horizontal line beside the sheet;
- medium: 4×4 with more marks;
- hard: 5×5, mirrored in one diagonal.
Mirroring in an oblique line is known to be harder than in a vertical one.

The options cross the right and wrong ways to turn or mirror with an exact copy and one with a mark moved, so that every
way and every copy is equally frequent. The solver mirrors the printed rows by coordinates, cell by cell.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, success
from qgen_dagster.generation.items.spatial._grids import (
    Rows,
    draw_sheet,
    half_turned,
    mark_moved,
    mirrored_lr,
    mirrored_tb,
    quarter_turned,
    read_rows,
    sheet_figure,
    transposed,
    with_marks,
    written,
)

LEGEND = "# = filled cell, o = ring, - = empty cell"
UNIT = 22.0


class Way(NamedTuple):
    apply: Callable[[Rows], Rows]
    mistake: str
    note: str


def _anti_transposed(rows: Rows) -> Rows:
    return half_turned(transposed(rows))


def _copied(rows: Rows) -> Rows:
    return rows


_LR = Way(mirrored_lr, "other_mirror_line", "This is mirrored left to right.")
_TB = Way(mirrored_tb, "other_mirror_line", "This is mirrored top to bottom.")
_HALF = Way(half_turned, "turned_not_mirrored", "This is given a half turn, not mirrored.")
_QUARTER = Way(quarter_turned, "turned_not_mirrored", "This is given a quarter turn, not mirrored.")
_COPY = Way(_copied, "copied_not_mirrored", "This is an unchanged copy, not a mirror image.")
_FALLING = Way(transposed, "other_diagonal", "This is mirrored in the other diagonal.")
_RISING = Way(_anti_transposed, "other_diagonal", "This is mirrored in the other diagonal.")

# The line in words, how it works, and the ways that people take instead.
LINES: dict[str, tuple[str, Callable[[Rows], Rows], tuple[Way, ...], str]] = {
    "vertical": (
        "the vertical line beside the sheet",
        mirrored_lr,
        (_TB, _HALF, _COPY),
        "left and right change places",
    ),
    "horizontal": (
        "the horizontal line below the sheet",
        mirrored_tb,
        (_LR, _HALF, _COPY),
        "top and bottom change places",
    ),
    "falling": (
        "the diagonal from the top left to the bottom right",
        transposed,
        (_RISING, _QUARTER, _LR),
        "every row, read from left to right, becomes a column, read from top to bottom",
    ),
    "rising": (
        "the diagonal from the bottom left to the top right",
        _anti_transposed,
        (_FALLING, _QUARTER, _TB),
        "every row, read from left to right, becomes a column, read from bottom to top, the top row last on the right",
    ),
}


class Reflection(ItemModel):
    name = "reflection"
    version = 2
    family = "spatial"
    sub_type = "reflection"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        size, marks = {"easy": (rng.choice([3, 4]), 4), "medium": (4, 7), "hard": (5, 9)}[level]
        rings = rng.randint(1, marks // 2)
        sheet = with_marks(size, "#" * (marks - rings) + "o" * rings, rng)
        line = rng.choice(["falling", "rising"] if level == "hard" else ["vertical", "horizontal"])
        words, apply, others, how = LINES[line]
        if apply(sheet) == sheet:
            raise Unsuitable("the sheet is its own mirror image")
        choices = _choices(sheet, apply, others, 2 if level == "easy" else 3, rng)
        text = f"{written(sheet)}\nRows from the top; {LEGEND}."
        return Draft(
            stem=f"The sheet is mirrored in {words}. Which option is its mirror image?",
            stimulus=Stimulus(text=text, figure=_figure(sheet, line, text)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=f"Mirrored in {words}, {how}; every mark keeps its distance from the line. "
            f"Row by row that gives “{choices[0].text}”.",
            structure={"sheet": list(sheet), "line": line},
            expected_success=success(level, _load(level, size, rings, line)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        rows = read_rows(shown.stimulus.text.splitlines()[0]) if shown.stimulus else []
        last = len(rows) - 1
        image = {}
        for r, row in enumerate(rows):
            for c, letter in enumerate(row):
                if "vertical line" in shown.stem:
                    image[r, last - c] = letter
                elif "horizontal line" in shown.stem:
                    image[last - r, c] = letter
                elif "from the top left" in shown.stem:
                    image[c, r] = letter
                else:
                    image[last - c, last - r] = letter
        wanted = ["".join(image[r, c] for c in range(len(rows))) for r in range(len(rows))]
        return [i for i, option in enumerate(shown.options) if read_rows(option.text) == wanted]


def _choices(
    sheet: Rows, apply: Callable[[Rows], Rows], others: tuple[Way, ...], ways: int, rng: random.Random
) -> list[Choice]:
    chosen = [Way(apply, "", ""), *rng.sample(others, ways - 1)]
    moved = mark_moved(sheet, rng)
    choices = []
    for way, changed in balanced([ways, 2], 2 * ways, rng):
        rows = chosen[way].apply(moved if changed else sheet)
        mistake, note = chosen[way].mistake, chosen[way].note
        if changed:
            mistake, note = mistake or "mark_moved", f"{note} One mark is in the wrong cell.".strip()
        choices.append(Choice(written(rows), sheet_figure(rows), mistake or None, note))
    if len({choice.text for choice in choices}) < len(choices):
        raise Unsuitable("two options are alike")
    return choices


def _figure(sheet: Rows, line: str, text: str) -> str:
    side = len(sheet) * UNIT
    ends = {
        "vertical": ((side + 12, -6), (side + 12, side + 6)),
        "horizontal": ((-6, side + 12), (side + 6, side + 12)),
        "falling": ((-8, -8), (side + 8, side + 8)),
        "rising": ((-8, side + 8), (side + 8, -8)),
    }[line]
    mirror = svg.line(*ends, stroke_dasharray="7 4", stroke_width=2.5)
    return svg.figure(
        side + 26, side + 26, "Sheet and mirror line", text, [svg.moved([draw_sheet(sheet, UNIT), mirror], 10, 10)]
    )


def _load(level: ItemLevel, size: int, rings: int, line: str) -> float:
    if level == "easy":
        return 0.2 + 0.4 * (size == 4) + 0.1 * rings
    return 0.2 + 0.1 * rings + (0.2 if line in ("horizontal", "rising") else 0.0)


MODEL = Reflection()
