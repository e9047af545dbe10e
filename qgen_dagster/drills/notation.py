"""Plays as players write them: `13/8 6/5*`, `bar/22`, `4/off(2)`, `24/20*/18`.

Here: writing and reading. Whatever is read is checked against the legal plays of the roll.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from qgen_dagster.drills.board import BAR, CHEQUERS, OFF, BadPosition, Board
from qgen_dagster.drills.plays import Play, Step, legal_plays

NO_PLAY = "no play"
_PART = re.compile(r"(?P<path>(?:bar|\d{1,2})(?:/(?:off|\d{1,2})\*?)+)(?:\((?P<times>[2-4])\))?")


def format_play(play: Play) -> str:
    """The play in the usual notation: highest chequer first, chains joined, hits starred, repeats counted."""
    if not play.steps:
        return NO_PLAY
    chains = _chains(list(play.steps), set(play.hits))
    written: Counter[str] = Counter()
    for chain in chains:
        starred = set(play.hits)
        shown = [_name(chain[0], "bar")]
        shown += [_name(point, "off") + ("*" if point in starred else "") for point in chain[1:]]
        written["/".join(shown)] += 1
    return " ".join(f"{text}({times})" if times > 1 else text for text, times in written.items())


def parse_play(text: str, board: Board, dice: tuple[int, int], among: Sequence[Play] | None = None) -> Play:
    """The legal play that the text names. Raises BadPosition for text that is no play, and for an illegal one.

    `among`: all legal plays, where the caller has them already.

    Points passed on the way need no mention unless the chequer hits there. A forgotten star at the end of a move is
    forgiven: what stands there is hit in any case.
    """
    words = text.lower().replace(",", " ").split()
    if not words:
        raise BadPosition("no play was given")
    plays = legal_plays(board, dice) if among is None else among
    if text.strip().lower() == NO_PLAY and not plays:
        return Play(board, ())
    after = list(board.points)
    for word in words:
        match = _PART.fullmatch(word)
        if match is None:
            raise BadPosition(f"{text!r} is not a play: cannot read {word!r}")
        for _ in range(int(match["times"] or 1)):
            _move_along(after, match["path"].split("/"), text)
    wanted = tuple(after)
    for play in plays:
        if play.ends == wanted:
            return play
    raise BadPosition(f"{text!r} is not a legal play of {dice[0]}-{dice[1]}")


def _move_along(points: list[int], path: list[str], text: str) -> None:
    source = _point(path[0], text)
    if source == OFF or points[source] < 1:
        raise BadPosition(f"{text!r} is not a legal play: no chequer to move on {path[0]}")
    points[source] -= 1
    for place, stop in enumerate(path[1:], start=1):
        target = _point(stop.rstrip("*"), text)
        last = place == len(path) - 1
        if target == OFF:
            continue
        if points[target] == -1 and (last or stop.endswith("*")):
            points[target] = 0
            points[0] = max(points[0] - 1, -CHEQUERS)
        if last:
            points[target] += 1


def _point(name: str, text: str) -> int:
    point = {"bar": BAR, "off": OFF}.get(name)
    if point is None:
        point = int(name)
        if not 1 <= point <= 24:
            raise BadPosition(f"{text!r} is not a play: there is no point {name}")
    return point


def _name(point: int, edge: str) -> str:
    return edge if point in (BAR, OFF) else str(point)


def _chains(steps: list[Step], hits: set[int]) -> list[list[int]]:
    """The steps joined into the paths of single chequers, highest first; only stops that hit stay in a path."""
    chains: list[list[int]] = []
    left = sorted(steps, reverse=True)
    while left:
        source, target = left.pop(0)
        chain = [source, target]
        while follow := next((step for step in left if step[0] == chain[-1] != OFF), None):
            left.remove(follow)
            if chain[-1] in hits:
                chain.append(follow[1])
            else:
                chain[-1] = follow[1]
        chains.append(chain)
    return sorted(chains, reverse=True)
