"""A backgammon board, GNU Backgammon's ids for it, and what can be read off it by counting.

Here: `Board`, position and match ids, pips, blots, points, primes, the phase of a game. Not here: moving (`plays.py`).
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property

from qgen_dagster.core.drills import Phase
from qgen_dagster.core.errors import ConfigurationError

CHEQUERS = 15
BAR = 25  # where the player on roll enters from
OFF = 0
START_ID = "4HPwATDgc/ABMA"
OPENING_LAST_MOVE, OPENING_MIN_PIPS = 2, 314  # pips of both players together
EARLY_LAST_MOVE, EARLY_MIN_MEAN_PIPS = 6, 120


class BadPosition(ConfigurationError):
    """A position id, board, roll or play that cannot be."""


@dataclass(frozen=True)
class Board:
    """A board as the player on roll sees it, moving from point 24 down to 1 and off.

    `points` has 26 numbers: 1 to 24 are the points, positive for chequers of the player on roll and negative for the
    opponent's; 25 is the player's bar (0 or more) and 0 the opponent's (0 or less). What is missing from 15 is off.
    Raises BadPosition for a board that cannot be.
    """

    points: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.points) != 26 or self.points[BAR] < 0 or self.points[0] > 0:
            raise BadPosition("a board has 24 points and two bars")
        if self.on_board > CHEQUERS or self.opponent_on_board > CHEQUERS:
            raise BadPosition(f"a player has at most {CHEQUERS} chequers")

    @cached_property
    def on_board(self) -> int:
        """Chequers of the player on roll that are not off."""
        return sum(n for n in self.points if n > 0)

    @cached_property
    def opponent_on_board(self) -> int:
        return -sum(n for n in self.points if n < 0)

    @cached_property
    def off(self) -> int:
        """Chequers that the player on roll has borne off."""
        return CHEQUERS - self.on_board

    @cached_property
    def opponent_off(self) -> int:
        return CHEQUERS - self.opponent_on_board

    @cached_property
    def pips(self) -> int:
        """What the player on roll has left to move."""
        return sum(i * n for i, n in enumerate(self.points) if n > 0)

    @cached_property
    def opponent_pips(self) -> int:
        return sum((25 - i) * -n for i, n in enumerate(self.points) if n < 0)

    @property
    def lead(self) -> int:
        """Pips by which the player on roll is ahead; negative when behind."""
        return self.opponent_pips - self.pips

    @cached_property
    def blots(self) -> tuple[int, ...]:
        """Points with a single chequer of the player on roll, highest first."""
        return tuple(i for i in range(24, 0, -1) if self.points[i] == 1)

    @cached_property
    def made_points(self) -> tuple[int, ...]:
        """Points that the player on roll holds with two chequers or more, lowest first."""
        return tuple(i for i in range(1, 25) if self.points[i] >= 2)

    @property
    def anchors(self) -> tuple[int, ...]:
        """Made points in the opponent's home board."""
        return tuple(i for i in self.made_points if i >= 19)

    @property
    def home_points(self) -> tuple[int, ...]:
        """Made points in the player's own home board."""
        return tuple(i for i in self.made_points if i <= 6)

    @property
    def back_chequers(self) -> int:
        """Chequers in the opponent's home board or on the bar."""
        return sum(n for n in self.points[19:26] if n > 0)

    @cached_property
    def prime(self) -> tuple[int, int]:
        """The longest run of made points as (length, lowest point); (0, 0) without any. Ties: the lowest run."""
        best, run = (0, 0), 0
        for i in range(1, 25):
            run = run + 1 if self.points[i] >= 2 else 0
            if run > best[0]:
                best = (run, i - run + 1)
        return best

    @cached_property
    def contact(self) -> bool:
        """Whether the players can still hit or block each other."""
        mine = max((i for i, n in enumerate(self.points) if n > 0), default=0)
        theirs = min((i for i, n in enumerate(self.points) if n < 0), default=26)
        return mine > theirs

    @property
    def all_home(self) -> bool:
        """Whether the player on roll may bear off."""
        return not any(n > 0 for n in self.points[7:26])

    def swapped(self) -> Board:
        """The same board as the other player sees it."""
        return Board(tuple(-n for n in reversed(self.points)))


def from_position_id(position_id: str) -> Board:
    """The board of a GNU Backgammon position id. Raises BadPosition for text that is none."""
    try:
        key = base64.b64decode(position_id.encode("ascii") + b"==", validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if len(position_id) != 14 or len(key) != 10:
        raise BadPosition(f"{position_id!r} is not a GNU Backgammon position id")
    bits = int.from_bytes(key, "little")
    halves: list[list[int]] = [[], []]
    for half in halves:
        for _ in range(25):
            run = 0
            while bits & 1:
                run += 1
                bits >>= 1
            bits >>= 1
            half.append(run)
    opponent, player = halves
    points = [0] * 26
    for i in range(25):
        if i < 24 and player[i] and opponent[23 - i]:
            raise BadPosition(f"{position_id!r} has both players on one point")
        points[i + 1] += player[i]
        points[24 - i] -= opponent[i]
    board = Board(tuple(points))
    if position_id_of(board) != position_id:
        raise BadPosition(f"{position_id!r} is not a GNU Backgammon position id")
    return board


def position_id_of(board: Board) -> str:
    """The GNU Backgammon position id (14 characters) of a board."""
    player = [max(0, board.points[i]) for i in range(1, 26)]
    opponent = [max(0, -board.points[i]) for i in range(24, -1, -1)]
    bits, at = 0, 0
    for count in (*opponent, *player):
        bits |= ((1 << count) - 1) << at
        at += count + 1
    return base64.b64encode(bits.to_bytes(10, "little")).decode("ascii")[:14]


def match_id_of(dice: tuple[int, int]) -> str:
    """The GNU Backgammon match id (12 characters): a money game without the Jacoby rule, centred cube, this roll."""
    bits = 0
    centred, playing, no_jacoby = 3, 1, 1
    fields = ((0, 4), (centred, 2), (1, 1), (0, 1), (playing, 3), (1, 1), (0, 1), (0, 2), (dice[0], 3), (dice[1], 3))
    at = 0
    for value, width in (*fields, (0, 15), (0, 15), (0, 15), (no_jacoby, 1)):
        bits |= value << at
        at += width
    return base64.b64encode(bits.to_bytes(9, "little")).decode("ascii")


def dice_of_match_id(match_id: str) -> tuple[int, int]:
    """The roll that a match id holds; (0, 0) before the roll. Raises BadPosition for text that is none."""
    try:
        key = base64.b64decode(match_id, validate=True)
    except (ValueError, binascii.Error):
        key = b""
    bits = int.from_bytes(key, "little")
    dice = (bits >> 15 & 7, bits >> 18 & 7)
    if len(key) != 9 or max(dice) > 6 or (0 in dice and dice != (0, 0)):
        raise BadPosition(f"{match_id!r} is not a GNU Backgammon match id")
    return dice


def parse_dice(text: str) -> tuple[int, int]:
    """`31`, `3-1` or `13` as (3, 1), the higher die first. Raises BadPosition."""
    faces = text.replace("-", "").strip()
    if len(faces) != 2 or not all(face in "123456" for face in faces):
        raise BadPosition(f"{text!r} is not a roll of two dice")
    first, second = int(faces[0]), int(faces[1])
    return max(first, second), min(first, second)


def row_id(board: Board, dice: tuple[int, int]) -> str:
    """The library's id of a board and a roll: `4HPwATDgc/ABMA:31`."""
    return f"{position_id_of(board)}:{max(dice)}{min(dice)}"


def split_row_id(text: str) -> tuple[Board, tuple[int, int]]:
    """The board and the roll of a library id. Raises BadPosition."""
    position_id, _, dice = text.partition(":")
    return from_position_id(position_id), parse_dice(dice)


def phase_of(board: Board, move_number: int | None) -> Phase:
    """The phase of a game: bear-off first, then by the player's count of turns and the pips of both.

    A position whose turn is not known (None) is in the bear-off or the middle game.
    """
    if board.all_home:
        return Phase.BEAROFF
    if move_number is None:
        return Phase.MIDDLE
    total = board.pips + board.opponent_pips
    if move_number <= OPENING_LAST_MOVE and total >= OPENING_MIN_PIPS:
        return Phase.OPENING
    if move_number <= EARLY_LAST_MOVE and total / 2 >= EARLY_MIN_MEAN_PIPS:
        return Phase.EARLY
    return Phase.MIDDLE


START = from_position_id(START_ID)
