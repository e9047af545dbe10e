"""The words of the drill line as types: phases, tiers, formats, evaluated positions, drills.

Here: what a position and a drill are, as they are stored and sent. Not here: the rules of backgammon
(`drills/board.py`, `drills/plays.py`), how drills are made (`drills/design.py`) and checked (`drills/verify.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.question import PRINTABLE

MIN_DRILLS = 5
MAX_DRILLS = 50
DEFAULT_DRILLS = 21
EQUITY_TOLERANCE = 0.02  # a play that gives away no more than this counts as right


class Phase(StrEnum):
    """The phases of a game, in the order in which a game goes through them."""

    OPENING = "OPENING"
    EARLY = "EARLY"
    MIDDLE = "MIDDLE"
    BEAROFF = "BEAROFF"


class Tier(StrEnum):
    """What a drill asks of the learner: to see a fact, to use it, to carry an idea over."""

    RECOGNITION = "RECOGNITION"
    APPLICATION = "APPLICATION"
    TRANSFER = "TRANSFER"


class AnswerFormat(StrEnum):
    """How a drill is answered: a choice among statements or plays, finding a play, judging the position."""

    MULTIPLE_CHOICE = "MULTIPLE_CHOICE"
    MOVE_SELECTION = "MOVE_SELECTION"
    POSITION_EVAL = "POSITION_EVAL"


class Asks(StrEnum):
    """What the right option claims, which says how it is checked.

    The first two compare the options' plays. The others measure one number, which must lie in the range of the right
    option and of no other: the winning chance in per cent after the best play, the equity that `subject` gives away,
    the rolls of 36 that hit a blot outside the opponent's home board after `subject`, and the pips by which the player
    on roll leads before the roll.
    """

    BEST_PLAY = "BEST_PLAY"
    WORST_PLAY = "WORST_PLAY"
    WIN_CHANCE = "WIN_CHANCE"
    ERROR_SIZE = "ERROR_SIZE"
    SHOTS = "SHOTS"
    RACE = "RACE"


class SeriesStatus(StrEnum):
    """Where a series stands: PENDING until work on it starts; COMPLETED when all or some drills came, else FAILED."""

    PENDING = "PENDING"
    GENERATING = "GENERATING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


class DrillVerdict(StrEnum):
    """What the check of one drill found."""

    VERIFIED = "verified"
    FAILED = "failed"
    UNVERIFIABLE = "unverifiable"


class SeriesVerdict(StrEnum):
    """What the checks of a series add up to: VERIFIED when every drill that it should have was checked and holds."""

    VERIFIED = "VERIFIED"
    NEEDS_REVIEW = "NEEDS_REVIEW"
    UNVERIFIED = "UNVERIFIED"


COMPARES_PLAYS = frozenset({Asks.BEST_PLAY, Asks.WORST_PLAY})
NEEDS_SUBJECT = frozenset({Asks.ERROR_SIZE, Asks.SHOTS})

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000, pattern=PRINTABLE)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z][a-z0-9_]*$")]
PlayText = Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=PRINTABLE)]
Chance = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Candidate(_Frozen):
    """A play and what the engine thinks of it, for the player on roll.

    `equity` is in points per game at a centred cube. The chances (0–1) do not count the cube; gammons include
    backgammons, wins include gammons.
    """

    play: PlayText
    equity: float
    win: Chance
    win_gammon: Chance
    win_backgammon: Chance
    lose_gammon: Chance
    lose_backgammon: Chance


class Evaluation(_Frozen):
    """What an engine says about a position and a roll: the best plays, best first, all at `plies`.

    `legal_plays` counts all legal plays; those that are not among the candidates are weaker than the last of them.
    """

    engine: Line
    plies: int = Field(ge=0, le=7)
    cubeful: bool
    legal_plays: int = Field(ge=0)
    candidates: tuple[Candidate, ...]

    @property
    def best(self) -> Candidate:
        """The best play. Only of an evaluation that has candidates."""
        return self.candidates[0]

    def loss(self, candidate: Candidate) -> float:
        """The equity that a candidate gives away against the best play; 0 for the best."""
        return self.best.equity - candidate.equity


class Position(_Frozen):
    """One evaluated position of the library. `id` is the GNU Backgammon position id and the roll: `4HPwATDgc/ABMA:31`.

    `dice` has the higher die first. Pips count the player on roll and the opponent. `move_number` is the player's own
    count of turns in the game that the position comes from, 1 for the first, where that is known.
    """

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{14}:[1-6][1-6]$")]
    match_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{12}$")]
    phase: Phase
    dice: Annotated[str, StringConstraints(pattern=r"^[1-6][1-6]$")]
    pips_on_roll: int = Field(ge=0)
    pips_opponent: int = Field(ge=0)
    move_number: int | None = Field(default=None, ge=1)
    evaluation: Evaluation
    source: Annotated[str, StringConstraints(min_length=1, max_length=60)]

    @property
    def position_id(self) -> str:
        """The GNU Backgammon position id without the roll."""
        return self.id[:14]

    @property
    def roll(self) -> tuple[int, int]:
        return int(self.dice[0]), int(self.dice[1])


class DrillOption(_Frozen):
    """One choice. `play` where it stands for a play; `low` and `high` (both included) where it claims a number."""

    text: Line
    correct: bool
    feedback: Line
    play: PlayText | None = None
    low: float | None = None
    high: float | None = None


class Drill(_Frozen):
    """One exercise about one position, with one right option.

    `best_play` is the play that the drill teaches, whatever it asks; it is checked like the answer. `subject` is the
    play that the question is about, where it is about one.
    """

    position_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{14}:[1-6][1-6]$")]
    tier: Tier
    methodology: Label
    format: AnswerFormat
    asks: Asks
    scenario: Line
    question: Line
    options: tuple[DrillOption, ...] = Field(min_length=2, max_length=6)
    best_play: PlayText
    subject: PlayText | None = None
    explanation: Line
    hints: tuple[Line, ...] = Field(min_length=1, max_length=4)
    principles: tuple[Label, ...] = Field(min_length=1, max_length=4)

    @property
    def answer(self) -> DrillOption | None:
        """The right option; None unless exactly one is marked right."""
        right = [option for option in self.options if option.correct]
        return right[0] if len(right) == 1 else None


@dataclass(frozen=True, slots=True)
class Slot:
    """One drill to be made. `index` and `batch` count from 0."""

    index: int
    batch: int
    position_id: str
    phase: Phase
    tier: Tier
    methodology: str


def parse_phases(names: Iterable[str]) -> tuple[Phase, ...]:
    """The named phases in the order of a game, each once. Raises ConfigurationError for an unknown name or for none."""
    wanted = [name.strip().upper() for name in names]
    known = {phase.value for phase in Phase}
    for name in wanted:
        if name not in known:
            raise ConfigurationError(f"unknown phase {name!r}", hint=f"Known: {', '.join(Phase)}.")
    if not wanted:
        raise ConfigurationError("no phase was chosen", hint=f"Known: {', '.join(Phase)}.")
    return tuple(phase for phase in Phase if phase.value in wanted)


def check_drill_count(count: int) -> int:
    """The count, if a series may have so many drills. Raises ConfigurationError otherwise."""
    if not MIN_DRILLS <= count <= MAX_DRILLS:
        raise ConfigurationError(f"a series has {MIN_DRILLS} to {MAX_DRILLS} drills, got {count}")
    return count
