"""Boards for tests: random ones that can be, and ones that come from random games."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

from qgen_dagster.drills.board import START, Board
from qgen_dagster.drills.gnubg import EngineMissing, Program, find_program
from qgen_dagster.drills.plays import legal_plays

rolls = st.tuples(st.integers(1, 6), st.integers(1, 6)).map(lambda dice: (max(dice), min(dice)))


@st.composite
def boards(draw: st.DrawFn) -> Board:
    """Any board: up to 15 chequers a side, some of them perhaps on the bar or off."""
    owners = draw(st.lists(st.sampled_from((-1, 0, 1)), min_size=24, max_size=24))
    points = [0] * 26
    for side, bar in ((1, 25), (-1, 0)):
        places = [i for i in range(1, 25) if owners[i - 1] == side]
        left = draw(st.integers(0, 15))
        waiting = min(left, draw(st.integers(0, 2)))
        points[bar], left = side * waiting, left - waiting
        for place in draw(st.permutations(places)):
            count = draw(st.integers(0, min(left, 5)))
            points[place], left = side * count, left - count
    return Board(tuple(points))


def random_game_boards(seed: int, games: int, longest: int = 80) -> Iterator[tuple[Board, tuple[int, int]]]:
    """The positions and rolls of games played at random."""
    rng = random.Random(seed)
    for _ in range(games):
        board = START
        for _ in range(longest):
            one, two = rng.randint(1, 6), rng.randint(1, 6)
            dice = (max(one, two), min(one, two))
            yield board, dice
            plays = legal_plays(board, dice)
            board = rng.choice(plays).after if plays else board
            if not board.on_board:
                break
            board = board.swapped()


def installed_gnubg() -> Program:
    """GNU Backgammon, or a skipped test that says why."""
    try:
        return find_program()
    except EngineMissing as missing:
        pytest.skip(f"{missing.message}: {missing.hint}")
