"""Two transparent sheets are laid on each other: what does the result look like?

Radicals: whether a sheet must be turned or flipped first, and how covered cells count.
- easy: two sheets laid on each other as they are;
- medium: the second sheet is turned or flipped first;
- hard: both sheets are turned or flipped first, and cells filled on both sheets (there are some) turn empty.

The options cross right and wrong readings of the first sheet with right and wrong readings of the second. The solver
works on cell coordinates, the generator on rows of letters.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, drop_central, success, two_of
from qgen_dagster.generation.items.spatial._grids import (
    GAP,
    PLAIN,
    Rows,
    draw_sheet,
    half_turned,
    mark_moved,
    mirrored_lr,
    mirrored_tb,
    quarter_turned,
    read_rows,
    sheet_figure,
    with_marks,
    written,
)

LEGEND = "Rows from the top; # = filled cell, - = empty cell."
SIZE = 4
UNIT = 22.0
NAMES = "12"


class Move(NamedTuple):
    apply: Callable[[Rows], Rows]
    words: str


def _as_is(rows: Rows) -> Rows:
    return rows


def _quarter_back(rows: Rows) -> Rows:
    return half_turned(quarter_turned(rows))


AS_IS = Move(_as_is, "left as it is")
MOVES = (
    Move(quarter_turned, "turned a quarter turn clockwise"),
    Move(_quarter_back, "turned a quarter turn anticlockwise"),
    Move(half_turned, "turned a half turn"),
    Move(mirrored_lr, "flipped over so that left and right change places"),
    Move(mirrored_tb, "flipped over so that top and bottom change places"),
)


class Reading(NamedTuple):
    """A sheet as somebody might read it after its move; the first reading of each sheet is the right one."""

    rows: Rows
    mistake: str
    note: str


class Overlay(ItemModel):
    name = "overlay"
    version = 2
    family = "spatial"
    sub_type = "overlay"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        exclusive = level == "hard"
        sheets = [with_marks(SIZE, PLAIN * rng.randint(4, 5), rng) for _ in range(2)]
        moves = [AS_IS if level != "hard" else rng.choice(MOVES), AS_IS if level == "easy" else rng.choice(MOVES)]
        if level == "hard" and moves[0] is moves[1]:
            raise Unsuitable("the same move on both sheets is as easy as one move of the result")
        readings = [_readings(sheet, move, name, rng) for sheet, move, name in zip(sheets, moves, NAMES, strict=True)]
        if exclusive and not _overlap(readings[0][0].rows, readings[1][0].rows):
            raise Unsuitable("no cell is filled on both sheets")
        choices = _choices(readings, exclusive, 4 if level == "easy" else 6, rng)
        text = f"Sheet 1: {written(sheets[0])}\nSheet 2: {written(sheets[1])}\n{LEGEND}"
        rule = "Cells filled on both sheets turn empty." if exclusive else "The sheets are transparent."
        told = [f"sheet {name} is {move.words}" for name, move in zip(NAMES, moves, strict=True) if move is not AS_IS]
        before = f"First, {' and '.join(told)}. Then the" if told else "The"
        join = "exactly one of the two sheets" if exclusive else "at least one of the two sheets"
        return Draft(
            stem=f"{before} two sheets are laid on each other. {rule} Which pattern appears?",
            stimulus=Stimulus(text=text, figure=_figure(sheets, text)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=(
                f"Sheet 1{' then' if told else ''} reads “{written(readings[0][0].rows)}” and sheet 2 "
                f"“{written(readings[1][0].rows)}”. A cell is filled in the result when it is filled on {join}: "
                f"“{choices[0].text}”."
            ),
            structure={"sheets": [list(s) for s in sheets], "moves": [m.words for m in moves], "exclusive": exclusive},
            expected_success=success(level, _load(level, sheets, moves)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = shown.stimulus.text.splitlines() if shown.stimulus else []
        cells = []
        for name, line in zip(NAMES, lines, strict=False):
            rows = read_rows(line.split(": ")[1])
            filled = {(r, c) for r, row in enumerate(rows) for c, letter in enumerate(row) if letter == PLAIN}
            cells.append({_moved(place, name, shown.stem) for place in filled})
        result = cells[0] ^ cells[1] if "turn empty" in shown.stem else cells[0] | cells[1]
        answers = []
        for i, option in enumerate(shown.options):
            rows = read_rows(option.text)
            if {(r, c) for r, row in enumerate(rows) for c, letter in enumerate(row) if letter == PLAIN} == result:
                answers.append(i)
        return answers


def _moved(place: tuple[int, int], name: str, stem: str) -> tuple[int, int]:
    r, c = place
    last = SIZE - 1
    if f"sheet {name} is turned a quarter turn clockwise" in stem:
        return c, last - r
    if f"sheet {name} is turned a quarter turn anticlockwise" in stem:
        return last - c, r
    if f"sheet {name} is turned a half turn" in stem:
        return last - r, last - c
    if f"sheet {name} is flipped over so that left" in stem:
        return r, last - c
    if f"sheet {name} is flipped over so that top" in stem:
        return last - r, c
    return place


def _readings(sheet: Rows, move: Move, name: str, rng: random.Random) -> list[Reading]:
    right = move.apply(sheet)
    if move is AS_IS:
        others = [
            Reading(m.apply(sheet), "sheet_turned", f"Sheet {name} is not to be turned or flipped.") for m in MOVES[2:]
        ]
    else:
        note = f"Sheet {name} should be {move.words}."
        others = [Reading(m.apply(sheet), "wrong_move", note) for m in MOVES if m is not move]
        others.append(Reading(sheet, "move_forgotten", note))
    others.append(
        Reading(mark_moved(right, rng), "cell_moved", f"One filled cell of sheet {name} is in the wrong place.")
    )
    wrong = two_of(Reading(right, "", ""), [o for o in others if o.rows != right], _likeness, rng)
    return [Reading(right, "", ""), *wrong]


def _likeness(first: Reading, second: Reading) -> int:
    return sum(a == b for a, b in zip("".join(first.rows), "".join(second.rows), strict=True))


def _choices(readings: list[list[Reading]], exclusive: bool, count: int, rng: random.Random) -> list[Choice]:
    sizes = [2, 2] if count == 4 else rng.choice([[2, 3], [3, 2]])
    choices = []
    for row in balanced(sizes, count, rng):
        picks = [reading[v] for reading, v in zip(readings, row, strict=True)]
        rows = _laid(picks[0].rows, picks[1].rows, exclusive)
        missed = [pick for pick in picks if pick.mistake]
        mistake = None if not missed else missed[0].mistake if len(missed) == 1 else "both_sheets_misread"
        choices.append(Choice(written(rows), sheet_figure(rows), mistake, " ".join(pick.note for pick in missed)))
    if len({choice.text for choice in choices}) < count:
        raise Unsuitable("two options are alike")
    if count > 4:
        drop_central([choice.text for choice in choices], 0.4, rng)
    return choices


def _overlap(first: Rows, second: Rows) -> int:
    """How many cells are filled on both sheets."""
    return sum(a == b == PLAIN for a, b in zip("".join(first), "".join(second), strict=True))


def _laid(first: Rows, second: Rows, exclusive: bool) -> Rows:
    rows = []
    for a, b in zip(first, second, strict=True):
        pairs = zip(a, b, strict=True)
        filled = [(x != y) if exclusive else PLAIN in (x, y) for x, y in pairs]
        rows.append("".join(PLAIN if f else GAP for f in filled))
    return tuple(rows)


def _figure(sheets: list[Rows], text: str) -> str:
    side = SIZE * UNIT
    parts = []
    for i, (name, sheet) in enumerate(zip(NAMES, sheets, strict=True)):
        parts.append(
            svg.moved([draw_sheet(sheet, UNIT), svg.label((side / 2, side + 16), name)], 4 + i * (side + 30), 4)
        )
    return svg.figure(2 * side + 38, side + 32, "Two sheets", text, parts)


def _load(level: ItemLevel, sheets: list[Rows], moves: list[Move]) -> float:
    filled = sum(row.count(PLAIN) for sheet in sheets for row in sheet) - 8
    quarter = sum("quarter" in move.words for move in moves)
    return 0.2 + 0.15 * filled + 0.25 * quarter


MODEL = Overlay()
