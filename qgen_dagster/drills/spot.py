"""A position made ready for designing: its board, its plays with their features, and what a designer hands back.

Not here: the designers (`design_plays.py`, `design_numbers.py`) and the sentences (`wording.py`).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.drills import Candidate, DrillOption, Evaluation, Position
from qgen_dagster.drills import wording
from qgen_dagster.drills.board import Board, from_position_id
from qgen_dagster.drills.features import Features, listed
from qgen_dagster.drills.notation import parse_play
from qgen_dagster.drills.plays import Play, legal_plays
from qgen_dagster.drills.wording import Judged

CLEARLY_WORSE = 0.04  # equity between the right play and every other option
NEARLY_BEST = 0.02
PLAUSIBLE = 0.4  # a play that gives away more tempts nobody


@dataclass(frozen=True)
class Task:
    """What a designer makes of a spot; `principles` come before those of the best play's ideas."""

    question: str
    options: tuple[DrillOption, ...]
    scenario: str
    explanation: str
    hints: tuple[str, ...]
    subject: str | None = None
    principles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spot:
    """A position with at least two evaluated plays."""

    position: Position
    board: Board

    @staticmethod
    @lru_cache(maxsize=256)
    def of(position: Position) -> Spot | None:
        """None for a position without a choice. Raises BadPosition for one that cannot be."""
        if len(position.evaluation.candidates) < 2:
            return None
        return Spot(position, from_position_id(position.position_id))

    @property
    def evaluation(self) -> Evaluation:
        return self.position.evaluation

    @cached_property
    def plays(self) -> tuple[Judged, ...]:
        """The evaluated plays, best first."""
        return tuple(
            Judged(candidate, Features(parse_play(candidate.play, self.board, self.position.roll, self._legal)))
            for candidate in self.evaluation.candidates
        )

    @cached_property
    def best(self) -> Judged:
        return self.plays[0]

    @cached_property
    def wrong(self) -> tuple[Judged, ...]:
        """The plays that are clearly worse than the best, the least bad first."""
        return tuple(each for each in self.plays if self.loss(each) >= CLEARLY_WORSE)

    @cached_property
    def _legal(self) -> tuple[Play, ...]:
        return legal_plays(self.board, self.position.roll)

    def loss(self, judged: Judged | Candidate) -> float:
        return self.evaluation.loss(judged.candidate if isinstance(judged, Judged) else judged)

    def scenario(self, *, with_race: bool = True) -> str:
        return wording.scenario(self.position, self.board, with_race=with_race)

    def hints(self) -> tuple[str, ...]:
        return wording.hints(self.best, self.board)

    def explanation(self, runner_up: Judged | None = None) -> str:
        return wording.explanation(self.best, self.evaluation, runner_up)

    def principles(self, curriculum: Curriculum, first: Sequence[str]) -> tuple[str, ...]:
        return wording.principles(self.best.features, self.position.phase, curriculum, tuple(first))

    def play_option(self, judged: Judged, text: str | None = None) -> DrillOption:
        """The option to make a play, right if it is the best one, with feedback that says why or why not."""
        return DrillOption(
            text=text or judged.text,
            correct=judged is self.best,
            feedback=self.feedback(judged),
            play=judged.text,
        )

    def merits(self) -> str:
        """What the best play does and risks."""
        features = self.best.features
        return " ".join(part for part in (f"it {listed(wording.does(features))}.", wording.risk(features)) if part)

    def feedback(self, judged: Judged) -> str:
        if judged is self.best:
            return f"Right: {self.merits()}"
        return f"Gives away {self.loss(judged):.3f}: {wording.why_worse(self.best, judged)}."


def shuffled(options: Sequence[DrillOption], rng: random.Random) -> tuple[DrillOption, ...]:
    return tuple(rng.sample(options, len(options)))
