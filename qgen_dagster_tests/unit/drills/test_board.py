"""Boards, ids and what is counted on a board."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.drills import Phase
from qgen_dagster.drills.board import (
    START,
    START_ID,
    BadPosition,
    Board,
    dice_of_match_id,
    from_position_id,
    match_id_of,
    parse_dice,
    phase_of,
    position_id_of,
    row_id,
    split_row_id,
)
from qgen_dagster_tests.support.backgammon import boards, rolls


@given(boards())
def test_a_board_survives_its_position_id(board: Board) -> None:
    position_id = position_id_of(board)
    assert len(position_id) == 14
    assert from_position_id(position_id) == board


@given(boards(), rolls)
def test_a_row_id_holds_board_and_roll(board: Board, dice: tuple[int, int]) -> None:
    assert split_row_id(row_id(board, dice)) == (board, dice)


@given(rolls)
def test_a_match_id_holds_the_roll(dice: tuple[int, int]) -> None:
    assert dice_of_match_id(match_id_of(dice)) == dice


def test_the_match_id_is_that_of_gnu_backgammon() -> None:
    assert match_id_of((3, 1)) == "cIkFAAAAAAAE"


@given(boards())
def test_the_other_side_sees_the_same_game(board: Board) -> None:
    other = board.swapped()
    assert other.swapped() == board
    assert (other.pips, other.opponent_pips) == (board.opponent_pips, board.pips)
    assert (other.off, other.opponent_off) == (board.opponent_off, board.off)
    assert other.contact == board.contact


def test_the_start_is_the_start() -> None:
    assert position_id_of(START) == START_ID
    assert (START.pips, START.opponent_pips, START.lead) == (167, 167, 0)
    assert START.made_points == (6, 8, 13, 24)
    assert START.anchors == (24,)
    assert START.blots == ()
    assert START.contact


def test_blots_primes_and_anchors_are_seen() -> None:
    board = from_position_id("xDYYwC243SYAQQ")
    assert board.points[25] == 1
    assert board.blots == (20, 10)
    assert board.prime == (5, 4)
    assert board.swapped().anchors == (22, 23)


@pytest.mark.parametrize(
    "text", ["", "4HPwATDgc/ABM", "4HPwATDgc/ABMAA", "4HPwATDgc/AB A", "!!!!!!!!!!!!!!", "//////////////"]
)
def test_text_that_is_no_position_id_is_refused(text: str) -> None:
    with pytest.raises(BadPosition):
        from_position_id(text)


@given(st.text(alphabet="ABCDEFGHabcdefgh0123456789+/", min_size=14, max_size=14))
def test_any_text_is_a_board_or_refused(text: str) -> None:
    try:
        board = from_position_id(text)
    except BadPosition:
        return
    assert position_id_of(board) == text


@pytest.mark.parametrize("text", ["", "7-1", "0-1", "311", "three-one"])
def test_text_that_is_no_roll_is_refused(text: str) -> None:
    with pytest.raises(BadPosition):
        parse_dice(text)


def test_rolls_are_read_however_they_are_written() -> None:
    assert parse_dice("13") == parse_dice("3-1") == parse_dice("31 ") == (3, 1)


def test_an_impossible_board_is_refused() -> None:
    with pytest.raises(BadPosition):
        Board((0,) * 25)
    with pytest.raises(BadPosition):
        Board((0, 16, *(0,) * 24))
    with pytest.raises(BadPosition):
        Board((*(0,) * 25, -1))


def with_pips(mine: int) -> Board:
    """The starting position with the player's mid-point moved home so that `mine` pips are left."""
    points = list(START.points)
    left = 167 - mine
    while left > 0:
        step = min(7, left)
        points[13] -= 1
        points[13 - step] += 1
        left -= step
    return Board(tuple(points))


@pytest.mark.parametrize(
    ("pips", "move", "phase"),
    [
        (167, 1, Phase.OPENING),
        (147, 2, Phase.OPENING),
        (146, 2, Phase.EARLY),
        (167, 3, Phase.EARLY),
        (132, 6, Phase.EARLY),
        (132, 7, Phase.MIDDLE),
        (167, None, Phase.MIDDLE),
    ],
)
def test_phases_follow_turns_and_pips(pips: int, move: int | None, phase: Phase) -> None:
    assert phase_of(with_pips(pips), move) is phase


def test_few_pips_make_an_early_turn_the_middle_game() -> None:
    points = [0] * 26
    points[7], points[24] = 14, -15
    assert phase_of(Board(tuple(points)), 5) is Phase.MIDDLE


def test_the_bear_off_comes_before_all_other_phases() -> None:
    points = [0] * 26
    points[6], points[1] = 15, -15
    assert phase_of(Board(tuple(points)), 1) is Phase.BEAROFF
