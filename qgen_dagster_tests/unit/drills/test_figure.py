"""The board as a figure: what is drawn, what is said, and what stays untold."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given

from qgen_dagster.drills.board import START, Board, from_position_id
from qgen_dagster.drills.figure import board_figure, board_text
from qgen_dagster.drills.library import load_catalogue
from qgen_dagster.services.figure_html import is_plain
from qgen_dagster_tests.support.backgammon import boards, rolls

SVG = "{http://www.w3.org/2000/svg}"


@given(boards(), rolls)
def test_any_board_is_well_formed_and_draws_its_chequers(board: Board, dice: tuple[int, int]) -> None:
    root = ElementTree.fromstring(board_figure(board, dice))  # noqa: S314 - our own text
    chequers = [each for each in root.iter(f"{SVG}circle") if each.get("r") == "15"]
    on_points = sum(min(abs(count), 5) for count in board.points[1:25])
    waiting = min(board.points[25], 3) + min(-board.points[0], 3)
    assert len(chequers) == on_points + waiting
    pips = [each for each in root.iter(f"{SVG}circle") if each.get("r") == "3"]
    assert len(pips) == sum(dice)


def test_the_figure_has_a_title_and_a_description() -> None:
    root = ElementTree.fromstring(board_figure(START, (3, 1)))  # noqa: S314
    assert root.findtext(f"{SVG}title") == "Backgammon position, 3-1 to play"
    assert root.findtext(f"{SVG}desc") == board_text(START)
    assert root.get("role") == "img"


def test_the_board_is_told_in_words() -> None:
    assert board_text(START) == (
        "You: 2 on 24, 5 on 13, 3 on 8, 5 on 6; 167 pips. Opponent: 5 on 19, 3 on 17, 5 on 12, 2 on 1; 167 pips."
    )


def test_a_figure_for_counting_the_race_tells_no_pips() -> None:
    assert "pips" in board_figure(START)
    assert "pips" not in board_figure(START, (3, 1), pips=False)


def test_colours_are_those_of_the_page() -> None:
    text = board_figure(START, (6, 6))
    assert "currentColor" in text
    assert "#" not in text
    assert "<script" not in text
    assert " id=" not in text


def test_every_board_of_the_catalogue_is_a_plain_drawing() -> None:
    boards = [from_position_id(position.position_id) for position in load_catalogue()]
    assert any(max(board.points) > 5 for board in boards)  # then a number stands on the chequers
    assert all(is_plain(board_figure(board)) for board in boards)
