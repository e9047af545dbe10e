"""A board in characters, for terminals: X for the player on roll, who moves from 24 down to 1, O for the opponent.

Not here: the picture (`figure.py`, which also tells a board in words).
"""

from __future__ import annotations

from collections.abc import Sequence

from qgen_dagster.drills.board import BAR, Board

HIGH = 5  # chequers drawn on a point; a number says how many there are where there are more
CELL = 4


def board_lines(board: Board, dice: tuple[int, int], *, pips: bool = True) -> list[str]:
    """The board as lines of at most 70 columns. `pips=False` for a drill that asks for them."""
    upper, lower = range(13, 25), range(12, 0, -1)
    edge = "+" + "-" * (6 * CELL) + "+-----+" + "-" * (6 * CELL) + "+"
    lines = [_numbers(upper), edge]
    lines += [_row(board, upper, height, board.points[BAR], "X") for height in range(HIGH)]
    lines.append("|" + " " * (6 * CELL) + "| bar |" + f"roll {dice[0]}-{dice[1]}".center(6 * CELL) + "|")
    lines += [_row(board, lower, height, -board.points[0], "O") for height in reversed(range(HIGH))]
    lines += [edge, _numbers(lower)]
    told = [f"X you, {board.pips} pips", f"O opponent, {board.opponent_pips} pips"] if pips else ["X you", "O opponent"]
    off = [f"{board.off} off", f"{board.opponent_off} off"]
    shown = [f"{side}, {gone}" if not gone.startswith("0") else side for side, gone in zip(told, off, strict=True)]
    return [*lines, "   ".join(shown)]


def _numbers(points: Sequence[int]) -> str:
    cells = [f"{point:^{CELL}}" for point in points]
    return (" " + "".join(cells[:6]) + " " * 7 + "".join(cells[6:])).rstrip()


def _row(board: Board, points: Sequence[int], height: int, waiting: int, side: str) -> str:
    cells = [_cell(board.points[point], height).center(CELL) for point in points]
    bar = _cell(waiting if side == "X" else -waiting, height).center(5)
    return "|" + "".join(cells[:6]) + "|" + bar + "|" + "".join(cells[6:]) + "|"


def _cell(count: int, height: int) -> str:
    """What is drawn at a height above the edge, 0 at the edge; the last chequer gives way to a number if need be."""
    if abs(count) > HIGH and height == HIGH - 1:
        return str(abs(count))
    return ("X" if count > 0 else "O") if height < abs(count) else ""
