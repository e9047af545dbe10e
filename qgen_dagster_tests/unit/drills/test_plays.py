"""Legal plays, how they are written, and what hits."""

from __future__ import annotations

import pytest
from hypothesis import given

from qgen_dagster.drills.board import START, BadPosition, Board
from qgen_dagster.drills.notation import format_play, parse_play
from qgen_dagster.drills.plays import ROLLS, can_hit, hitting_rolls, legal_plays
from qgen_dagster_tests.support.backgammon import boards, random_game_boards, rolls


def board(**chequers: int) -> Board:
    """`board(p6=2, p1=-2, bar=1, theirs=1)`: points, chequers on the bar of the player and of the opponent."""
    points = [0] * 26
    for name, count in chequers.items():
        place = {"bar": 25, "theirs": 0}.get(name) if not name.startswith("p") else int(name[1:])
        assert place is not None
        points[place] = -count if name == "theirs" else count
    return Board(tuple(points))


def written(position: Board, dice: tuple[int, int]) -> set[str]:
    return {format_play(play) for play in legal_plays(position, dice)}


def test_a_three_one_from_the_start_has_sixteen_plays() -> None:
    plays = written(START, (3, 1))
    assert len(plays) == 16
    assert {"8/5 6/5", "24/20", "13/9", "24/23 13/10"} <= plays


def test_both_dice_must_be_played_when_they_can_be() -> None:
    # 3/1 would leave the 6 unplayed, since 14/8 is blocked; 14/12 first does not.
    assert written(board(p14=1, p3=1, p8=-2), (6, 2)) == {"14/6"}


def test_the_higher_die_is_played_when_only_one_can_be() -> None:
    # From 10 both a 4 and a 2 can be played, but not one after the other: 4 is blocked.
    assert written(board(p10=1, p4=-2), (4, 2)) == {"10/6"}


def test_the_lower_die_is_played_when_only_that_can_be() -> None:
    assert written(board(p10=1, p6=-2, p4=-2), (4, 2)) == {"10/8"}


def test_nobody_moves_before_the_bar_is_empty() -> None:
    position = board(bar=1, p13=2, p21=-2)
    assert all(play.startswith("bar/") for play in written(position, (5, 4)))
    assert written(position, (4, 4)) == set()
    assert written(board(bar=2, p13=2, p21=-2), (5, 4)) == {"bar/20"}


def test_a_double_is_played_four_times() -> None:
    assert written(board(p24=1), (5, 5)) == {"24/4"}
    assert "8/4*(2) 6/2(2)" in written(board(p8=2, p6=2, p4=-1), (4, 4))


def test_a_high_die_bears_off_from_the_highest_point_only() -> None:
    assert written(board(p3=1, p2=1), (6, 5)) == {"3/off 2/off"}
    assert written(board(p6=1, p4=1), (5, 1)) == {"6/1 4/3", "6/off"}
    assert written(board(p7=1, p2=2), (5, 5)) == {"7/off 2/off(2)"}


def test_hits_are_starred_and_counted() -> None:
    play = parse_play("13/8*/5", board(p13=1, p8=-1), (5, 3))
    assert play.hits == (8,)
    assert play.after.points[0] == -1
    assert format_play(play) == "13/8*/5"


def test_plays_are_read_however_they_are_written() -> None:
    wanted = parse_play("8/5 6/5", START, (3, 1)).after
    for text in ("6/5 8/5", "8/5, 6/5", " 8/5  6/5 "):
        assert parse_play(text, START, (3, 1)).after == wanted
    assert parse_play("24/23/20", START, (3, 1)).after == parse_play("24/20", START, (3, 1)).after
    assert parse_play("BAR/20 13/9", board(bar=1, p13=1), (4, 5)).steps == ((25, 20), (13, 9))


@pytest.mark.parametrize(
    "text", ["", "resign", "8/5", "8/4 6/5", "8/5 6/5 13/12", "7/4 6/5", "8/5 6/5(9)", "25/24", "8/5; rm -rf /", "8-5"]
)
def test_what_is_no_legal_play_is_refused(text: str) -> None:
    with pytest.raises(BadPosition):
        parse_play(text, START, (3, 1))


def test_no_play_is_a_play_only_when_there_is_none() -> None:
    stuck = board(bar=1, p21=-2, p20=-2)
    assert parse_play("no play", stuck, (5, 4)).after == stuck
    with pytest.raises(BadPosition):
        parse_play("no play", START, (3, 1))


@given(boards(), rolls)
def test_every_legal_play_is_read_back_from_its_notation(position: Board, dice: tuple[int, int]) -> None:
    plays = legal_plays(position, dice)
    names = [format_play(play) for play in plays]
    assert len(set(names)) == len(names)
    for play, name in zip(plays, names, strict=True):
        assert parse_play(name, position, dice, plays).ends == play.ends


@given(boards(), rolls)
def test_plays_lose_no_chequer_and_move_no_more_than_the_roll(position: Board, dice: tuple[int, int]) -> None:
    most = sum(dice) * (2 if dice[0] == dice[1] else 1)
    for play in legal_plays(position, dice):
        assert play.after.on_board + play.after.off == 15
        assert play.after.opponent_on_board == position.opponent_on_board
        assert 0 < position.pips - play.after.pips <= most
        assert play.after.points[0] == position.points[0] - len(play.hits)


@given(boards(), rolls)
def test_the_order_of_the_dice_makes_no_difference(position: Board, dice: tuple[int, int]) -> None:
    assert legal_plays(position, dice) == legal_plays(position, dice[::-1])


@given(boards())
def test_the_quick_look_for_hits_agrees_with_all_legal_plays(position: Board) -> None:
    for dice in ROLLS:
        hits = {point for play in legal_plays(position, dice) for point in play.hits}
        assert can_hit(position, dice) == bool(hits)
        assert can_hit(position, dice, beyond=6) == any(point > 6 for point in hits)


def test_the_quick_look_for_hits_agrees_in_games_too() -> None:
    for position, dice in random_game_boards(3, 12):
        assert can_hit(position, dice) == any(play.hits for play in legal_plays(position, dice))


@pytest.mark.parametrize(
    ("chequers", "shots"),
    [
        ({"p8": 1, "p2": -1}, 17),  # a six away: 11 sixes, 5-1, 4-2, 3-3, 2-2
        ({"p3": 1, "p2": -1}, 11),  # a single pip away
        ({"p14": 1, "p2": -1}, 3),  # twelve away: 6-6, 4-4, 3-3
        ({"p2": 1, "p3": -1}, 0),  # already passed
        ({"p24": 1, "p20": -2}, 0),  # back chequers are left aside
    ],
)
def test_shots_are_counted_as_players_count_them(chequers: dict[str, int], shots: int) -> None:
    assert hitting_rolls(board(**chequers)) == shots
