"""A board in characters."""

from __future__ import annotations

from qgen_dagster.drills.board import START, Board, from_position_id
from qgen_dagster.drills.board_lines import board_lines
from qgen_dagster.drills.library import load_catalogue


def test_the_start_is_drawn_with_fifteen_chequers_a_side() -> None:
    lines = board_lines(START, (3, 1))
    drawn = "".join(lines[2:-3])
    assert (drawn.count("X"), drawn.count("O")) == (15, 15)
    assert lines[-1] == "X you, 167 pips   O opponent, 167 pips"
    assert "roll 3-1" in "".join(lines)


def test_every_board_of_the_catalogue_fits_a_terminal_and_keeps_its_frame() -> None:
    for position in load_catalogue():
        lines = board_lines(from_position_id(position.position_id), position.roll)
        assert {len(line) for line in lines[1:-2]} == {57}
        assert all(len(line) <= 78 for line in lines)


def test_a_high_stack_says_how_many_chequers_it_has() -> None:
    points = [0] * 26
    points[6], points[25], points[1] = 9, 2, -3
    drawn = "\n".join(board_lines(Board(tuple(points)), (6, 5)))
    assert "9" in drawn.split("bar |")[1]
    assert "4 off" in drawn
    assert "12 off" in drawn


def test_pips_are_kept_back_where_a_drill_asks_for_them() -> None:
    assert "pips" not in "".join(board_lines(START, (3, 1), pips=False))
