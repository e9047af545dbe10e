"""Whether the answers of drills hold, by an engine's evaluation and by counting on the board.

Here: the check of one drill and the verdict on a series. Not here: the rules of form (`rules.py`), which must hold
before, and where evaluations come from: the caller brings fresh ones of an engine or those of the catalogue.

A series is VERIFIED only when every drill that it should have was checked and holds. A drill without an evaluation is
unverifiable, which is never green.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from qgen_dagster.core.drills import (
    EQUITY_TOLERANCE,
    Asks,
    Drill,
    DrillOption,
    DrillVerdict,
    Evaluation,
    Position,
    SeriesVerdict,
)
from qgen_dagster.drills.board import BadPosition, Board, split_row_id
from qgen_dagster.drills.gnubg import EngineError, Gnubg
from qgen_dagster.drills.notation import format_play, parse_play
from qgen_dagster.drills.plays import hitting_rolls


@dataclass(frozen=True, slots=True)
class DrillCheck:
    """The check of one drill. `equity_loss`: what the play that it teaches gives away; None where nobody can say."""

    verdict: DrillVerdict
    equity_loss: float | None
    problems: tuple[str, ...] = ()
    checked_with: str | None = None


@dataclass(frozen=True)
class SeriesCheck:
    """The checks of a series by drill index, and how many drills it should have had."""

    checks: Mapping[int, DrillCheck]
    expected: int

    @property
    def verdict(self) -> SeriesVerdict:
        found = [check.verdict for check in self.checks.values()]
        if not found or all(verdict is DrillVerdict.UNVERIFIABLE for verdict in found):
            return SeriesVerdict.UNVERIFIED
        complete = len(found) >= self.expected
        good = all(verdict is DrillVerdict.VERIFIED for verdict in found)
        return SeriesVerdict.VERIFIED if complete and good else SeriesVerdict.NEEDS_REVIEW

    @property
    def review(self) -> tuple[str, ...]:
        """What a person has to look at: a sentence per drill that is not verified, and one for those missing."""
        said = [
            f"drill {index + 1}: {check.verdict}: {'; '.join(check.problems)}"
            for index, check in sorted(self.checks.items())
            if check.verdict is not DrillVerdict.VERIFIED
        ]
        missing = self.expected - len(self.checks)
        return (*said, f"{missing} of {self.expected} drills are missing") if missing > 0 else tuple(said)


class _Unknown(Exception):
    """The evaluation does not reach far enough to say."""


def verify_drill(drill: Drill, evaluation: Evaluation | None, *, tolerance: float = EQUITY_TOLERANCE) -> DrillCheck:
    """Checks the play that the drill teaches and the claim of its right option.

    Failed: an illegal play, a taught play that gives away more than `tolerance`, a wrong option that is as good as the
    right one, a number outside the right option's range.
    """
    if evaluation is None or not evaluation.candidates:
        return DrillCheck(DrillVerdict.UNVERIFIABLE, None, ("there is no evaluation of the position",))
    with_what = f"{evaluation.engine}, {evaluation.plies}-ply"
    try:
        board, dice = split_row_id(drill.position_id)
        judge = _Judge(board, dice, evaluation)
        loss = judge.least_loss(drill.best_play)
        problems = [] if loss <= tolerance else [f"{drill.best_play} gives away {loss:.3f}"]
        answer = drill.answer
        if answer is None:
            problems.append("there is not exactly one right option")
        else:
            problems += _claim_problems(drill, answer, judge, tolerance)
        exact = judge.knows(drill.best_play)
        if not exact and loss <= tolerance:
            raise _Unknown(f"{drill.best_play} is not among the evaluated plays")
    except BadPosition as error:
        return DrillCheck(DrillVerdict.FAILED, None, (error.message,), with_what)
    except _Unknown as error:
        return DrillCheck(DrillVerdict.UNVERIFIABLE, None, (str(error),), with_what)
    verdict = DrillVerdict.FAILED if problems else DrillVerdict.VERIFIED
    return DrillCheck(verdict, round(loss, 4), tuple(problems), with_what)


def verify_series(
    drills: Mapping[int, Drill],
    evaluations: Mapping[str, Evaluation],
    *,
    expected: int,
    tolerance: float = EQUITY_TOLERANCE,
) -> SeriesCheck:
    """Checks all drills (by index) with the evaluations of their positions (by position id)."""
    checks = {
        index: verify_drill(drill, evaluations.get(drill.position_id), tolerance=tolerance)
        for index, drill in drills.items()
    }
    return SeriesCheck(checks, expected)


def catalogue_evaluations(positions: Iterable[Position]) -> dict[str, Evaluation]:
    """The evaluations that positions carry with them."""
    return {position.id: position.evaluation for position in positions}


def engine_evaluations(
    engine: Gnubg, position_ids: Sequence[str]
) -> tuple[dict[str, Evaluation], dict[str, EngineError | BadPosition]]:
    """Fresh evaluations of the positions, and what went wrong for the others; one failure does not stop the rest."""
    found: dict[str, Evaluation] = {}
    failed: dict[str, EngineError | BadPosition] = {}
    for position_id in dict.fromkeys(position_ids):
        try:
            found[position_id] = engine.analyse(*split_row_id(position_id))
        except (EngineError, BadPosition) as error:
            failed[position_id] = error
    return found, failed


class _Judge:
    """Looks plays up in an evaluation, however they are written."""

    def __init__(self, board: Board, dice: tuple[int, int], evaluation: Evaluation) -> None:
        self.board = board
        self._dice = dice
        self._evaluation = evaluation
        self._losses = {candidate.play: evaluation.loss(candidate) for candidate in evaluation.candidates}

    @property
    def win_per_cent(self) -> float:
        return self._evaluation.best.win * 100

    def knows(self, text: str) -> bool:
        return self._name(text) in self._losses

    def least_loss(self, text: str) -> float:
        """What a play gives away; for a legal play that was not evaluated, what it gives away at least."""
        return self._losses.get(self._name(text), max(self._losses.values()))

    def loss(self, text: str) -> float:
        if not self.knows(text):
            raise _Unknown(f"{text} is not among the evaluated plays")
        return self.least_loss(text)

    def shots(self, text: str) -> int:
        return hitting_rolls(parse_play(text, self.board, self._dice).after)

    def _name(self, text: str) -> str:
        return format_play(parse_play(text, self.board, self._dice))


def _claim_problems(drill: Drill, answer: DrillOption, judge: _Judge, tolerance: float) -> list[str]:
    others = [option for option in drill.options if option is not answer]
    if drill.asks is Asks.BEST_PLAY:
        return _best_problems(answer, others, judge, tolerance)
    if drill.asks is Asks.WORST_PLAY:
        worst = judge.least_loss(answer.play or "")
        return [
            f"{answer.play} is not clearly worse than {option.play}"
            for option in others
            if worst - judge.least_loss(option.play or "") <= tolerance
        ]
    measured = _measure(drill, judge)
    problems = []
    if not (answer.low is not None and answer.high is not None and answer.low <= measured <= answer.high):
        problems.append(f"the answer is {answer.text!r}, measured was {measured:g}")
    problems += [f"{option.text!r} would be right too" for option in others if _holds(option, measured)]
    return problems


def _best_problems(answer: DrillOption, others: Sequence[DrillOption], judge: _Judge, tolerance: float) -> list[str]:
    loss = judge.least_loss(answer.play or "")
    problems = [] if loss <= tolerance else [f"the answer {answer.play} gives away {loss:.3f}"]
    for option in others:
        found = judge.least_loss(option.play or "")
        if found <= tolerance:
            if not judge.knows(option.play or ""):
                raise _Unknown(f"{option.play} is not among the evaluated plays")
            problems.append(f"{option.play} is as good: it gives away {found:.3f}")
    return problems


def _measure(drill: Drill, judge: _Judge) -> float:
    if drill.asks is Asks.RACE:
        return judge.board.lead
    if drill.asks is Asks.WIN_CHANCE:
        return judge.win_per_cent
    if drill.subject is None:
        raise BadPosition(f"{drill.asks} needs a subject, the play that is asked about")
    return judge.shots(drill.subject) if drill.asks is Asks.SHOTS else judge.loss(drill.subject)


def _holds(option: DrillOption, measured: float) -> bool:
    """Whether a number lies inside an option's range; the edge between two ranges belongs to neither."""
    if option.low is None or option.high is None:
        return False
    return option.low < measured < option.high or option.low == measured == option.high
