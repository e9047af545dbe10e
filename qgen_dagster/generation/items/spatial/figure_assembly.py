"""Pieces of a cut-up rectangle: which further piece completes it?

Radicals: the number of pieces, whether they are shown turned, and how close the other pieces come.
- easy: one piece of a 5×4 rectangle, as it lies in the rectangle; four options;
- medium: one piece of a 4×4 square or a 5×4 rectangle, turned; six options;
- hard: two pieces of a 5×4 rectangle, turned.

Pieces may be turned, never flipped over. The options cross two or three pieces that differ in one cell with both hands,
each turned at random. The solver tries every way to lay the shown pieces and each option into the rectangle.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, first_good, success
from qgen_dagster.generation.items.spatial._grids import (
    GAP,
    PLAIN,
    Place,
    Shape,
    border,
    draw,
    read_rows,
    shape,
    shape_figure,
)

UNIT = 20.0
ROOM = 5


class FigureAssembly(ItemModel):
    name = "figure_assembly"
    family = "spatial"
    sub_type = "figure_assembly"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        height, width = rng.choice([(4, 4), (4, 5)]) if level == "medium" else (4, 5)
        pieces, candidates = first_good(lambda: _task(height, width, level, rng))
        missing = pieces.pop()
        shown = [_piece(p).turned(0 if level == "easy" else rng.randrange(4)) for p in pieces]
        choices = []
        for which, mirrored in balanced([len(candidates), 2], 2 * len(candidates), rng):
            choices.append(_choice(candidates[which], which > 0, bool(mirrored), rng))
        named = [f"Piece {i + 1}: {piece.text()}" for i, piece in enumerate(shown)]
        text = (
            f"A rectangle of {height} rows and {width} columns.\n"
            + "\n".join(named)
            + "\n# = square of the piece, - = gap."
        )
        many = "piece" if len(shown) == 1 else "two pieces"
        return Draft(
            stem=(
                f"Which option completes the rectangle together with the {many} shown? "
                "Pieces may be turned, but not flipped over."
            ),
            stimulus=Stimulus(text=text, figure=_figure(height, width, shown, text)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=_explanation(height, width, pieces, missing, choices[0].text),
            structure=_structure(height, width, shown, candidates[0]),
            expected_success=success(level, _load(level, shown, candidates)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        height, width = (int(n) for n in re.findall(r"of (\d) rows and (\d) columns", text)[0])
        pieces = [_placements(read_rows(rows), height, width) for rows in re.findall(r"Piece \d: (.+)", text)]
        gaps = {(1 << height * width) - 1}
        for placements in pieces:
            gaps = {gap ^ mask for gap in gaps for mask in placements if gap & mask == mask}
        answers = []
        for i, option in enumerate(shown.options):
            if gaps & _placements(read_rows(option.text), height, width):
                answers.append(i)
        return answers


def _task(height: int, width: int, level: ItemLevel, rng: random.Random) -> tuple[list[list[Place]], list[Shape]]:
    """The pieces of a cut rectangle, the missing one last, and the candidates for it, the right one first."""
    cells = [(r, c) for r in range(height) for c in range(width)]
    pieces = _cut(cells, 3 if level == "hard" else 2, rng)
    return pieces, _candidates(pieces[-1], 2 if level == "easy" else 3, rng)


def _cut(cells: list[Place], count: int, rng: random.Random) -> list[list[Place]]:
    """The cells in `count` connected pieces of roughly equal size; the last one is lopsided."""
    left = set(cells)
    spare = (-1, 0, 1, 2) if count == 2 else (0, 1)
    pieces = []
    for i in range(count - 1):
        size = len(left) // (count - i) + rng.choice(spare)
        piece = [rng.choice(sorted(left))]
        while len(piece) < size:
            free = [place for place in border(piece) if place in left]
            if not free:
                raise Unsuitable("the piece cannot grow")
            piece.append(rng.choice(free))
        pieces.append(piece)
        left -= set(piece)
    if not _connected(left):
        raise Unsuitable("the rest falls apart")
    return [*pieces, sorted(left)]


def _connected(places: set[Place]) -> bool:
    left = set(places)
    ahead = [min(left)]
    left.remove(ahead[0])
    while ahead:
        r, c = ahead.pop()
        for place in ((r, c + 1), (r + 1, c), (r, c - 1), (r - 1, c)):
            if place in left:
                left.remove(place)
                ahead.append(place)
    return not left


def _piece(places: list[Place]) -> Shape:
    return shape((r, c, PLAIN) for r, c in places)


def _candidates(missing: list[Place], count: int, rng: random.Random) -> list[Shape]:
    """The missing piece and others with one cell elsewhere, all lopsided and different in both hands."""
    found = [_piece(missing)]
    seen = {found[0].canonical(), found[0].flipped().canonical()}
    if len(seen) < 2:
        raise Unsuitable("the missing piece is its own mirror image")
    moves = [(old, new) for old in sorted(missing) for new in border(missing)]
    rng.shuffle(moves)
    for old, new in moves:
        places = [place for place in missing if place != old] + [new]
        # Equal extents, or the key would be told by being the most compact piece.
        if _extent(places) != _extent(missing) or not _connected(set(places)):
            continue
        made = _piece(places)
        hands = {made.canonical(), made.flipped().canonical()}
        if len(hands) == 2 and not hands & seen:
            found.append(made)
            seen |= hands
        if len(found) == count:
            return found
    raise Unsuitable("too few pieces that come close")


def _extent(places: list[Place]) -> list[int]:
    return sorted(max(axis) - min(axis) for axis in zip(*places, strict=True))


def _choice(piece: Shape, changed: bool, mirrored: bool, rng: random.Random) -> Choice:
    turned = (piece.flipped() if mirrored else piece).turned(rng.randrange(4))
    figure = shape_figure(turned, "Option", UNIT, ROOM)
    if changed:
        note = "One square is in the wrong place" + (", and the piece is flipped over." if mirrored else ".")
        return Choice(turned.text(), figure, "square_moved_and_flipped" if mirrored else "square_moved", note)
    if mirrored:
        return Choice(turned.text(), figure, "flipped_over", "This piece only fits when it is flipped over.")
    return Choice(turned.text(), figure)


def _explanation(height: int, width: int, pieces: list[list[Place]], missing: list[Place], key: str) -> str:
    letters = {place: str(i + 1) for i, piece in enumerate(pieces) for place in piece}
    rows = ["".join(letters.get((r, c), "?") for c in range(width)) for r in range(height)]
    laid = "The shown piece lies" if len(pieces) == 1 else "The shown pieces lie"
    return (
        f"{laid} in the rectangle like this, row by row: {' / '.join(rows)}. The gap marked ? has the form of the "
        f"piece “{key}” after a turn. Flipped or changed pieces leave a hole or overlap."
    )


def _structure(height: int, width: int, shown: list[Shape], missing: Shape) -> dict[str, object]:
    return {
        "rectangle": [height, width],
        "shown": sorted(piece.canonical() for piece in shown),
        "missing": missing.canonical(),
    }


def _figure(height: int, width: int, shown: list[Shape], text: str) -> str:
    lines = [f"M{svg.num(c * UNIT)} 0V{svg.num(height * UNIT)}" for c in range(1, width)]
    lines += [f"M0 {svg.num(r * UNIT)}H{svg.num(width * UNIT)}" for r in range(1, height)]
    grid = svg.element("path", d="".join(lines), stroke_width=1, stroke_opacity=0.35)
    outline = svg.rect(0, 0, width * UNIT, height * UNIT)
    parts = [svg.moved([grid, outline], 4, 4 + (ROOM - height) * UNIT / 2)]
    left = width * UNIT + 34
    for piece in shown:
        parts.append(svg.moved([draw(piece, UNIT, ROOM)], left, 4))
        left += ROOM * UNIT + 24
    return svg.figure(left - 20, ROOM * UNIT + 8, "Rectangle and pieces", text, parts)


def _load(level: ItemLevel, shown: list[Shape], candidates: list[Shape]) -> float:
    """More corners in the missing piece give less hold to see it as a simple form."""
    corners = _corners(candidates[0])
    low = {"easy": 6, "medium": 6, "hard": 6}[level]
    return 0.1 + (corners - low) / 12 + (0.2 if len(shown) > 1 else 0)


def _corners(piece: Shape) -> int:
    """Corners of the outline: places where an odd number (or two opposite ones) of four cells meet."""
    filled = set(piece.places)
    height, width = len(piece.rows()), len(piece.rows()[0])
    found = 0
    for r in range(height + 1):
        for c in range(width + 1):
            around = [(r - 1, c - 1) in filled, (r - 1, c) in filled, (r, c - 1) in filled, (r, c) in filled]
            found += sum(around) % 2
    return found


def _placements(rows: list[str], height: int, width: int) -> set[int]:
    """Every way to lay a piece into the rectangle, turned but not flipped, as bit masks."""
    masks: set[int] = set()
    for _ in range(4):
        rows = ["".join(column) for column in zip(*reversed(rows), strict=True)]
        masks |= _slid(rows, height, width)
    return masks


def _slid(rows: list[str], height: int, width: int) -> set[int]:
    mask = 0
    for r, row in enumerate(rows):
        for c, letter in enumerate(row):
            if letter != GAP:
                mask |= 1 << (r * width + c)
    down, across = range(height - len(rows) + 1), range(width - len(rows[0]) + 1)
    return {mask << (top * width + left) for top in down for left in across}


MODEL = FigureAssembly()
