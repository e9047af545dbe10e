"""A board as SVG: the player on roll below and solid, the opponent hollow, dice, cube, pips and what is off.

It is drawn like the figures of items (`generation/items/svg.py`): in the text colour of the page, so that it follows
light and dark and prints, told apart by tone and never by hue, without ids or scripts. `board_text` says the same in
words, for those who cannot see it and for terminals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from qgen_dagster.drills.board import BAR, Board
from qgen_dagster.generation.items.svg import INK, element, figure, label, num, rect

PAPER = "Canvas"  # the page's own background, so that a hollow chequer hides the point under it
STEP = 36  # from point to point
RADIUS = 16
POINT_HEIGHT = 168
EDGE = 24  # room for the numbers above and below
HEIGHT = 2 * EDGE + 2 * POINT_HEIGHT + 68
BAR_WIDTH = 44
TRAY_WIDTH = 60
LEFT = 8
HALF = 6 * STEP
WIDTH = LEFT + 2 * HALF + BAR_WIDTH + TRAY_WIDTH
SHOWN_HIGH = 5  # chequers drawn on a point; a number says how many there are where there are more
DIE = 30
PIPS: dict[int, Sequence[tuple[int, int]]] = {
    1: ((0, 0),),
    2: ((-1, -1), (1, 1)),
    3: ((-1, -1), (0, 0), (1, 1)),
    4: ((-1, -1), (-1, 1), (1, -1), (1, 1)),
    5: ((-1, -1), (-1, 1), (0, 0), (1, -1), (1, 1)),
    6: ((-1, -1), (-1, 0), (-1, 1), (1, -1), (1, 0), (1, 1)),
}


def board_figure(board: Board, dice: tuple[int, int] | None = None, *, pips: bool = True) -> str:
    """The board as an SVG text, with the roll of the player on roll if there is one.

    `pips=False` for a drill that asks for them: then no word and no number of the figure tells them.
    """
    roll = f", {dice[0]}-{dice[1]} to play" if dice else ""
    return figure(WIDTH, HEIGHT, f"Backgammon position{roll}", board_text(board, pips=pips), _parts(board, dice, pips))


def board_text(board: Board, *, pips: bool = True) -> str:
    """The board in words: `You: 2 on 24, 5 on 13, …; 167 pips. Opponent: …`, on the player's numbers."""
    mine, theirs = (f"; {board.pips} pips", f"; {board.opponent_pips} pips") if pips else ("", "")
    return f"You: {_side(board, 1)}{mine}. Opponent: {_side(board, -1)}{theirs}."


def _side(board: Board, sign: int) -> str:
    said = [f"{board.points[i] * sign} on {i}" for i in range(24, 0, -1) if board.points[i] * sign > 0]
    waiting = board.points[BAR] if sign > 0 else -board.points[0]
    off = board.off if sign > 0 else board.opponent_off
    if waiting:
        said.insert(0, f"{waiting} on the bar")
    if off:
        said.append(f"{off} off")
    return ", ".join(said) or "nothing"


def _parts(board: Board, dice: tuple[int, int] | None, pips: bool) -> Iterator[str]:
    middle = HEIGHT / 2
    yield rect(LEFT, EDGE, 2 * HALF + BAR_WIDTH, HEIGHT - 2 * EDGE, rx=4)
    for number in range(1, 25):
        yield from _point(number, board.points[number])
    yield rect(LEFT + HALF, EDGE, BAR_WIDTH, HEIGHT - 2 * EDGE, fill=INK, fill_opacity="0.08", stroke_width=1.5)
    yield from _bar(board)
    yield from _tray(board, pips)
    yield _cube(LEFT + HALF + BAR_WIDTH / 2, middle)
    if dice:
        start = LEFT + HALF + BAR_WIDTH + HALF / 2
        yield from _die(start - 22, middle, dice[0])
        yield from _die(start + 22, middle, dice[1])


def _point(number: int, count: int) -> Iterator[str]:
    x, top = _x(number), number > 12
    base = EDGE if top else HEIGHT - EDGE
    away = 1 if top else -1
    path = f"M{num(x - STEP / 2 + 1)} {num(base)}H{num(x + STEP / 2 - 1)}L{num(x)} {num(base + away * POINT_HEIGHT)}Z"
    yield element("path", d=path, fill=INK, fill_opacity="0.22" if number % 2 else "0.09", stroke="none")
    yield label((x, EDGE / 2 if top else HEIGHT - EDGE / 2), str(number), 13)
    yield from _stack(x, base + away * (RADIUS + 1), away, count)


def _stack(x: float, y: float, away: int, count: int) -> Iterator[str]:
    """Chequers from the edge inwards: solid for a positive count, hollow for a negative one."""
    shown = min(abs(count), SHOWN_HIGH)
    for i in range(shown):
        yield _chequer(x, y + away * i * 2 * RADIUS, solid=count > 0)
    if abs(count) > SHOWN_HIGH:
        centre = y + away * (shown - 1) * 2 * RADIUS
        yield label((x, centre), str(abs(count)), 15, fill=PAPER if count > 0 else INK)


def _chequer(x: float, y: float, *, solid: bool) -> str:
    return element("circle", cx=x, cy=y, r=RADIUS - 1, fill=INK if solid else PAPER, stroke=INK if not solid else PAPER)


def _bar(board: Board) -> Iterator[str]:
    """Chequers on the bar, each side towards where it enters."""
    x, middle = LEFT + HALF + BAR_WIDTH / 2, HEIGHT / 2
    yield from _waiting(x, middle - 52, -1, board.points[BAR])
    yield from _waiting(x, middle + 52, 1, board.points[0])


def _waiting(x: float, y: float, away: int, count: int) -> Iterator[str]:
    shown = min(abs(count), 3)
    for i in range(shown):
        yield _chequer(x, y + away * i * 2 * RADIUS, solid=count > 0)
    if abs(count) > shown:
        yield label((x, y + away * (shown * 2 * RADIUS - 4)), f"×{abs(count)}", 14)


def _tray(board: Board, pips: bool) -> Iterator[str]:
    """Beside the board: whose side is which, the pips, and how many chequers are off."""
    x = LEFT + 2 * HALF + BAR_WIDTH + TRAY_WIDTH / 2 + 2
    for off, left, top, name in (
        (board.opponent_off, board.opponent_pips, EDGE + 12, "them"),
        (board.off, board.pips, HEIGHT - EDGE - 52, "you"),
    ):
        yield label((x, top), name, 13)
        said = [f"{left} pips"] * pips + [f"{off} off"] * (off > 0)
        for row, text in enumerate(said, start=1):
            yield label((x, top + 20 * row), text, 12)


def _cube(x: float, y: float) -> str:
    return rect(x - 15, y - 15, 30, 30, rx=4, fill=PAPER) + label((x, y), "64", 15)


def _die(x: float, y: float, face: int) -> Iterator[str]:
    yield rect(x - DIE / 2, y - DIE / 2, DIE, DIE, rx=5, fill=PAPER)
    for across, down in PIPS[face]:
        yield element("circle", cx=x + across * 8, cy=y + down * 8, r=3, fill=INK, stroke="none")


def _x(number: int) -> float:
    """The middle of a point: 13 to 24 from left to right above, 12 to 1 below, the bar in the middle."""
    place = number - 13 if number > 12 else 12 - number
    return LEFT + STEP / 2 + place * STEP + (BAR_WIDTH if place >= 6 else 0)
