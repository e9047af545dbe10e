"""All legal plays of a roll, by the rules of backgammon, and the rolls that hit.

Here: `Play`, `legal_plays`, `hitting_rolls`. Not here: how plays are written (`notation.py`) and what they achieve
(`features.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from qgen_dagster.drills.board import BAR, OFF, Board

Step = tuple[int, int]  # from, to: 25 is the bar, 0 is off
Points = tuple[int, ...]
HOME_EDGE = 6  # the last point of a player's own home board
ROLLS: tuple[tuple[int, int], ...] = tuple((high, low) for high in range(1, 7) for low in range(1, high + 1))


@dataclass(frozen=True)
class Play:
    """A whole turn: the steps of single dice in an order in which they can be made, and the board before it.

    Two plays are the same when they end on the same board, whatever the order of their steps.
    """

    before: Board
    steps: tuple[Step, ...]

    @cached_property
    def ends(self) -> Points:
        """The points after the play, still as the player who made it sees them."""
        points = self.before.points
        for step in self.steps:
            points = _moved(points, step)
        return points

    @cached_property
    def after(self) -> Board:
        """The board after the play, still as the player who made it sees it."""
        return Board(self.ends)

    @cached_property
    def hits(self) -> tuple[int, ...]:
        """The points on which the play hits, in the order of its steps."""
        points, found = self.before.points, []
        for step in self.steps:
            if step[1] != OFF and points[step[1]] == -1:
                found.append(step[1])
            points = _moved(points, step)
        return tuple(found)


@lru_cache(maxsize=1024)  # designing, reading and checking a drill ask for the same ones many times
def legal_plays(board: Board, dice: tuple[int, int]) -> tuple[Play, ...]:
    """Every legal play of a roll, one for each board that it can lead to; none when the player cannot move.

    As many dice as possible must be played, and the higher one when only one of the two can be.
    """
    first, second = dice
    if first == second:
        ended = _play_double(board.points, first)
    else:
        ended = _play_two(board.points, max(dice), min(dice)) | _play_two(board.points, min(dice), max(dice))
    most = max((len(steps) for steps in ended.values()), default=0)
    if most == 0:
        return ()
    kept = {after: steps for after, steps in ended.items() if len(steps) == most}
    if most == 1 and first != second:
        higher = {after: steps for after, steps in kept.items() if _die(board.points, steps[0], dice) == max(dice)}
        kept = higher or kept
    return tuple(Play(board, steps) for _, steps in sorted(kept.items(), reverse=True))


@lru_cache(maxsize=4_096)
def hitting_rolls(board: Board) -> int:
    """How many of the opponent's 36 rolls hit a blot of the player who has just moved to this board.

    The board is as that player sees it. Blots in the opponent's home board do not count: back chequers are hit by
    nearly everything, and it costs little. A hit counts when some legal play makes it.
    """
    theirs = board.swapped()
    return sum((1 if high == low else 2) for high, low in ROLLS if can_hit(theirs, (high, low), beyond=HOME_EDGE))


def can_hit(board: Board, dice: tuple[int, int], *, beyond: int = 0) -> bool:
    """Whether some legal play of the roll hits on a point above `beyond`.

    The same as looking through all legal plays, and much faster.
    """
    found = False
    for steps in _hitting_steps(board.points, dice, beyond):
        found = True
        if _uses_all_dice(board.points, steps, dice):
            return True
    # A hit that leaves a die unplayed is legal only if no play uses more.
    return found and any(point > beyond for play in legal_plays(board, dice) for point in play.hits)


def _hitting_steps(points: Points, dice: tuple[int, int], beyond: int) -> Iterator[tuple[Step, ...]]:
    """Ways of a single chequer to an opposing blot, with the steps that must enter from the bar before."""
    blots = [i for i in range(beyond + 1, 25) if points[i] == -1]
    if not blots:
        return
    orders = [(dice[0],) * 4] if dice[0] == dice[1] else [dice, dice[::-1]]
    for order in orders:
        entering = _entering(points, order)
        entered = next((n for n, (_, target) in enumerate(entering, start=1) if target in blots), None)
        if entered:
            yield entering[:entered]
        if entered or len(entering) < min(points[BAR], len(order)):
            continue
        left = order[len(entering) :]
        sources = {i for i in range(1, 25) if points[i] > 0} | {target for _, target in entering}
        for blot in blots:
            ways = (_way(points, source, blot, left) for source in sources)
            yield from ((*entering, *way) for way in ways if way is not None)


def _entering(points: Points, order: tuple[int, ...]) -> tuple[Step, ...]:
    """The steps that enter from the bar with the dice in this order, up to the first that is blocked."""
    entering: list[Step] = []
    for die in order[: points[BAR]]:
        if points[BAR - die] < -1:
            break
        entering.append((BAR, BAR - die))
    return tuple(entering)


def _way(points: Points, source: int, blot: int, dice: tuple[int, ...]) -> tuple[Step, ...] | None:
    """The steps of one chequer that bring it to the blot with these dice in this order; None when it is blocked."""
    path: list[Step] = []
    at = source
    for die in dice:
        if at - die < blot or points[at - die] < -1:
            return None
        path.append((at, at - die))
        at -= die
        if at == blot:
            return tuple(path)
    return None


def _uses_all_dice(points: Points, steps: tuple[Step, ...], dice: tuple[int, int]) -> bool:
    """Whether the steps use every die of the roll, or go on to do so with whatever can be moved first."""
    for step in steps:
        points = _moved(points, step)
    left = list(dice) if dice[0] != dice[1] else [dice[0]] * 4
    for source, target in steps:
        left.remove(source - target)
    for die in left:
        following = next(_steps(points, die, BAR), None)
        if following is None:
            return False
        points = _moved(points, following)
    return True


def _play_two(points: Points, die: int, other: int) -> dict[Points, tuple[Step, ...]]:
    """The boards after playing `die` and then `other` where it can be, with the steps to each."""
    ended: dict[Points, tuple[Step, ...]] = {}
    for step in _steps(points, die, BAR):
        between = _moved(points, step)
        stuck = True
        for second in _steps(between, other, BAR):
            stuck = False
            ended.setdefault(_moved(between, second), (step, second))
        if stuck:
            ended.setdefault(between, (step,))
    return ended


def _play_double(points: Points, die: int) -> dict[Points, tuple[Step, ...]]:
    """The same for a double. Steps go from high points to low: any order of the same four steps can be made so."""
    ended: dict[Points, tuple[Step, ...]] = {}

    def go_on(now: Points, done: tuple[Step, ...], highest: int) -> None:
        stuck = True
        if len(done) < 4:
            for step in _steps(now, die, highest):
                stuck = False
                go_on(_moved(now, step), (*done, step), step[0])
        if stuck and done:
            ended.setdefault(now, done)

    go_on(points, (), BAR)
    return ended


def _steps(points: Points, die: int, highest: int) -> Iterator[Step]:
    """The single steps that a die allows, from points up to `highest`, highest first."""
    if points[BAR]:
        if points[BAR - die] >= -1:
            yield BAR, BAR - die
        return
    top = next((i for i in range(24, 0, -1) if points[i] > 0), 0)
    for source in range(min(highest, top), 0, -1):
        if points[source] <= 0:
            continue
        target = source - die
        if target > 0:
            if points[target] >= -1:
                yield source, target
        elif top <= 6 and (target == 0 or source == top):
            yield source, OFF


def _moved(points: Points, step: Step) -> Points:
    source, target = step
    after = list(points)
    after[source] -= 1
    if target != OFF:
        if after[target] == -1:
            after[target] = 0
            after[0] -= 1
        after[target] += 1
    return tuple(after)


def _die(points: Points, step: Step, dice: tuple[int, int]) -> int:
    """The die that a lone step was made with: the higher one wherever both would do."""
    higher = max(dice)
    return higher if step in set(_steps(points, higher, BAR)) else min(dice)
