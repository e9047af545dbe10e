"""What a play achieves and what it risks, counted on the board, and the words for it.

Here: `Features` of a play, the ideas behind plays, names of points. Not here: the engine's opinion of the play, and
whole explanations (`wording.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from qgen_dagster.drills.board import BAR, OFF, Board
from qgen_dagster.drills.plays import Play, hitting_rolls

HOME, BAR_POINT, OUTER, THEIR_HOME = range(1, 7), 7, range(7, 13), range(19, 25)
NAMED_POINTS = {1: "ace-point", BAR_POINT: "bar-point"}
SLOTTED = (7, 5, 4)  # points worth a risk
STACK = 5  # as many chequers on one point do little
SMALL_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Idea(StrEnum):
    """What a play is about, the more telling ideas first."""

    BEAR_OFF = "bear_off"
    HIT = "hit"
    ANCHOR = "anchor"
    HOME_POINT = "home_point"
    BLOCK = "block"
    RUN = "run"
    SLOT = "slot"
    STEP_UP = "step_up"
    BUILDERS = "builders"
    SAFE = "safe"


@dataclass(frozen=True)
class Features:
    """A play looked at from all sides. Points are on the numbers of the player who makes it."""

    play: Play

    @property
    def before(self) -> Board:
        return self.play.before

    @property
    def after(self) -> Board:
        return self.play.after

    @property
    def hits(self) -> tuple[int, ...]:
        return self.play.hits

    @cached_property
    def made(self) -> tuple[int, ...]:
        """Points held after the play and not before, highest first."""
        return tuple(sorted(set(self.after.made_points) - set(self.before.made_points), reverse=True))

    @cached_property
    def given_up(self) -> tuple[int, ...]:
        """Points held before the play and not after, highest first."""
        return tuple(sorted(set(self.before.made_points) - set(self.after.made_points), reverse=True))

    @cached_property
    def exposed(self) -> tuple[int, ...]:
        """Blots after the play that an opposing chequer has still to pass, back chequers aside, highest first."""
        points = self.after.points
        return tuple(b for b in self.after.blots if b not in THEIR_HOME and any(n < 0 for n in points[:b]))

    @property
    def back_blots(self) -> bool:
        """Whether single chequers stand in the opponent's home board after the play."""
        return any(blot in THEIR_HOME for blot in self.after.blots)

    @cached_property
    def shots(self) -> int:
        """How many of the opponent's 36 rolls hit a blot, back chequers aside."""
        return hitting_rolls(self.after)

    @property
    def borne_off(self) -> int:
        return self.after.off - self.before.off

    @cached_property
    def escaped(self) -> tuple[int, ...]:
        """Where chequers from the opponent's home board or the bar have come to outside it."""
        return tuple(end for start, end in self._paths if start in (*THEIR_HOME, BAR) and OFF < end < 19)

    @cached_property
    def stepped_up(self) -> tuple[int, ...]:
        """Where back chequers have moved to within the opponent's home board; entering from the bar does not count."""
        return tuple(end for start, end in self._paths if start in THEIR_HOME and end in THEIR_HOME)

    @cached_property
    def brought_home(self) -> int:
        """How many chequers have come into the player's own home board from outside."""
        return sum(1 for start, end in self._paths if start > 6 and OFF < end <= 6)

    @cached_property
    def unstacked(self) -> tuple[int, ...]:
        """Points that held more chequers than are useful and hold fewer now."""
        before, after = self.before.points, self.after.points
        return tuple(p for p in range(24, 0, -1) if before[p] >= STACK and after[p] < before[p])

    @cached_property
    def new_builders(self) -> tuple[int, ...]:
        """Outfield points that a chequer from further back has come to, made points aside."""
        return tuple(
            end for start, end in self._paths if end in range(8, 12) and 12 < start < 19 and end not in self.made
        )

    @cached_property
    def slotted(self) -> tuple[int, ...]:
        """Key points on which the play puts a single chequer for later."""
        return tuple(p for p in SLOTTED if self.after.points[p] == 1 and self.before.points[p] < 1)

    @cached_property
    def ideas(self) -> tuple[Idea, ...]:
        """The ideas that the play follows, the most telling first; a play may follow none."""
        contact = self.before.contact
        found = {
            Idea.BEAR_OFF: self.borne_off > 0,
            Idea.HIT: bool(self.hits),
            Idea.ANCHOR: any(p in THEIR_HOME for p in self.made),
            Idea.HOME_POINT: contact and any(p in HOME for p in self.made),
            Idea.BLOCK: contact and any(p in OUTER for p in self.made),
            Idea.RUN: contact and bool(self.escaped),
            Idea.SLOT: contact and bool(self.slotted) and not self.hits,
            Idea.STEP_UP: contact and bool(self.stepped_up) and not any(p in THEIR_HOME for p in self.made),
            Idea.BUILDERS: contact and bool(self.new_builders),
            Idea.SAFE: contact and not self.exposed and bool(self.before.blots),
        }
        return tuple(idea for idea, follows in found.items() if follows)

    @cached_property
    def _paths(self) -> tuple[tuple[int, int], ...]:
        """Where each moved chequer came from and ended, steps of one chequer joined."""
        left = sorted(self.play.steps, reverse=True)
        paths = []
        while left:
            start, end = left.pop(0)
            while end != OFF and (follow := next((step for step in left if step[0] == end), None)):
                left.remove(follow)
                end = follow[1]
            paths.append((start, end))
        return tuple(paths)


def point_name(point: int) -> str:
    """A point as players call it: `your 5-point`, `your bar-point`, `the opponent's 5-point`."""
    if point == 13:
        return "your mid-point"
    owner, number = ("your", point) if point <= 12 else ("the opponent's", 25 - point)
    return f"{owner} {NAMED_POINTS.get(number, f'{number}-point')}"


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def points_named(points: tuple[int, ...]) -> str:
    """Several points as players call them, each owner said once: `your 8-point and 6-point`."""
    shown: list[str] = []
    owner = ""
    for point in points:
        name = point_name(point)
        own = name.startswith("your ")
        prefix = "your " if own else "the opponent's "
        shown.append(name.removeprefix(prefix) if prefix == owner else name)
        owner = prefix
    return listed(shown)


def counted(number: int, noun: str) -> str:
    """`no chequers`, `one chequer`, `two chequers`, `11 chequers`."""
    word = SMALL_NUMBERS[number] if number < len(SMALL_NUMBERS) else str(number)
    return f"{word} {noun}{'' if number == 1 else 's'}"
