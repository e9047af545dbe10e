"""Finding positions worth drilling: the 21 opening rolls, games that the engine plays with itself, match files.

Here: playing and choosing, and turning an analysis into a library `Position`. Not here: storing what was found, quotas
over many games and going on after a stop (`services/mine_positions.py`).

A game is made from a seed and a number alone, so the same game is played again on any machine with the same engine.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from qgen_dagster.core.drills import Evaluation, Phase, Position
from qgen_dagster.drills.board import START, match_id_of, phase_of, row_id
from qgen_dagster.drills.gnubg import Decision, Gnubg
from qgen_dagster.drills.notation import parse_play
from qgen_dagster.drills.plays import ROLLS, legal_plays

MIN_LEGAL_PLAYS = 4
CLEAR_LOSS = 0.04  # a play this much worse is plainly wrong
MIN_CLEARLY_WRONG = 3
OPEN_GAME = 0.95  # with a bigger edge to either side the cube would have ended the game before
LONGEST_GAME = 300  # turns; a game between two back games may hardly end
# How loosely the players play: a play that costs so much is chosen e times less often than the best.
LOOSENESS = 0.03
# The share of good decisions that is kept: neighbouring turns of one game look alike.
KEPT_SHARE = {Phase.EARLY: 0.4, Phase.MIDDLE: 0.15, Phase.BEAROFF: 0.8}
MOST_PER_GAME = 3


@dataclass(frozen=True, slots=True)
class Game:
    """The decisions of one self-played game that may be worth keeping, not yet analysed in depth."""

    number: int
    source: str
    decisions: tuple[Decision, ...]


def opening_decisions() -> tuple[Decision, ...]:
    """The starting position with each of the 21 rolls, in dice order; doubles come up only for the second player."""
    return tuple(Decision(START, dice, 1) for dice in ROLLS)


def play_game(engine: Gnubg, seed: int, number: int, wanted: Collection[Phase]) -> Game:
    """Lets the engine play a game with itself at first glance (no look-ahead), with some variety.

    Raises EngineError.
    """
    rng = random.Random(f"{seed}/{number}")
    kept: list[Decision] = []
    board = START
    for turn in range(LONGEST_GAME):
        dice = _roll(rng, first=turn == 0)
        if legal_plays(board, dice):
            evaluation = engine.analyse(board, dice, plies=0)
            decision = Decision(board, dice, turn // 2 + 1)
            phase = phase_of(board, decision.move_number)
            if phase in wanted and is_instructive(evaluation) and rng.random() < KEPT_SHARE.get(phase, 0):
                kept.append(decision)
            chosen = _choose(evaluation, rng)
            board = parse_play(chosen, board, dice).after
            if not board.on_board:
                break
        board = board.swapped()
    return Game(number, source_of(seed, number), _few(kept, rng))


def source_of(seed: int, number: int) -> str:
    """How a position remembers the game that it comes from."""
    return f"self-play seed {seed} game {number}"


def is_instructive(evaluation: Evaluation) -> bool:
    """Whether a decision can teach: a game still open, several plays, and enough of them plainly wrong."""
    if evaluation.legal_plays < MIN_LEGAL_PLAYS:
        return False
    wrong = sum(1 for candidate in evaluation.candidates if evaluation.loss(candidate) >= CLEAR_LOSS)
    return abs(evaluation.best.equity) <= OPEN_GAME and wrong >= MIN_CLEARLY_WRONG


def to_position(decision: Decision, evaluation: Evaluation, source: str) -> Position:
    """A decision and its analysis as a row of the library."""
    board = decision.board
    high, low = max(decision.dice), min(decision.dice)
    return Position(
        id=row_id(board, decision.dice),
        match_id=match_id_of((high, low)),
        phase=phase_of(board, decision.move_number),
        dice=f"{high}{low}",
        pips_on_roll=board.pips,
        pips_opponent=board.opponent_pips,
        move_number=decision.move_number,
        evaluation=evaluation,
        source=source,
    )


def analysed(engine: Gnubg, decisions: Collection[Decision], source: str) -> Iterator[Position]:
    """The decisions that are still instructive when the engine looks deeper. Raises EngineError."""
    for decision in decisions:
        evaluation = engine.analyse(decision.board, decision.dice)
        if is_instructive(evaluation):
            yield to_position(decision, evaluation, source)


def _few(decisions: list[Decision], rng: random.Random) -> tuple[Decision, ...]:
    """At most `MOST_PER_GAME` of each phase, in the order of the game."""
    by_phase: dict[Phase, list[int]] = {}
    for place, decision in enumerate(decisions):
        by_phase.setdefault(phase_of(decision.board, decision.move_number), []).append(place)
    places = [p for found in by_phase.values() for p in rng.sample(found, min(MOST_PER_GAME, len(found)))]
    return tuple(decisions[place] for place in sorted(places))


def _choose(evaluation: Evaluation, rng: random.Random) -> str:
    weights = [math.exp(-evaluation.loss(candidate) / LOOSENESS) for candidate in evaluation.candidates]
    return rng.choices(evaluation.candidates, weights)[0].play


def _roll(rng: random.Random, *, first: bool) -> tuple[int, int]:
    """A roll; the first one of a game is no double."""
    while True:
        one, two = rng.randint(1, 6), rng.randint(1, 6)
        if not first or one != two:
            return max(one, two), min(one, two)
