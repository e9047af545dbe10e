"""From findings to a verdict on one candidate, pure; it fails closed.

The order of the gates: fatal flaws, leakage, the key, the score, the difficulty. Not here: the findings themselves
(`rules.py`, `rubric.py`, `solving.py`), and what becomes of a rejected candidate (`salvage.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from qgen_dagster.core.funnel import Reason
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum, Taxonomy
from qgen_dagster.generation.items.contract import LEVEL_BANDS
from qgen_dagster.judging.rubric import WEIGHTS, Scores, score_by_rules
from qgen_dagster.judging.rules import find_flaws, leakage
from qgen_dagster.judging.solving import KeyFinding, Solution, solve_procedural

LEAKAGE_GATE = 0.1


class Assessment(BaseModel):
    """What one arbiter said. Scores and leakage 0–1; `difficulty` is a key of the taxonomy."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    arbiter: str
    scores: Scores
    reasons: dict[str, str]
    leakage: float
    difficulty: str
    feedback: str = ""


class Verdict(BaseModel):
    """What was found and what follows. `reason` None approves; `move_to` names the difficulty that fits instead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    scores: Scores
    score: float | None
    leakage: float
    flaws: tuple[str, ...]
    solution: Solution | None  # None where an earlier gate had decided
    reason: Reason | None = None
    move_to: str | None = None
    assessments: tuple[Assessment, ...] = ()

    @property
    def feedback(self) -> str:
        """What was said against it, for whoever makes another one in its place."""
        said = [*self.flaws, *(a.feedback for a in self.assessments if a.feedback)]
        if self.solution is not None and self.solution.finding is not KeyFinding.PROVED:
            said.append(f"blind solvers: the key is {self.solution.finding.value}")
            said += [answer.reasoning for answer in self.solution.answers if answer.reasoning]
        return "\n".join(said)


def judge_procedural(question: Question, taxonomy: Taxonomy, *, min_score: float) -> Verdict:
    """The verdict on a procedural item, from rules and its model's solver. Raises NoSolver."""
    flaws = find_flaws(question)
    solution = solve_procedural(question)
    scores = score_by_rules(question, flaws, key_proved=solution.finding is KeyFinding.PROVED)
    leaks = leakage(question)
    reason = decide(
        fatal_flaw=any(flaw.fatal for flaw in flaws),
        leakage_score=leaks,
        finding=solution.finding,
        score=scores.overall(),
        min_score=min_score,
    )
    move_to = None
    if reason is None:
        reason, move_to = _difficulty(question, taxonomy)
    return Verdict(
        scores=scores,
        score=scores.overall(),
        leakage=leaks,
        flaws=tuple(f"{flaw.rule}: {flaw.detail}" for flaw in flaws),
        solution=solution,
        reason=reason,
        move_to=move_to,
    )


def judge_written(
    question: Question,
    taxonomy: Taxonomy,
    solution: Solution | None,
    assessments: Sequence[Assessment],
    *,
    min_score: float,
) -> Verdict:
    """The verdict on a question that a language model wrote, from rules, blind solvers and arbiters.

    Without a solution (a fatal flaw was found before anyone was asked) or without assessments (the key is not proved)
    the gates before them must reject it: it fails closed.
    """
    flaws = find_flaws(question)
    scores = _capped(_mean_scores([a.scores for a in assessments]), score_by_rules(question, flaws, key_proved=True))
    leaks = min([leakage(question), *(a.leakage for a in assessments)])
    reason = decide(
        fatal_flaw=any(flaw.fatal for flaw in flaws),
        leakage_score=leaks,
        finding=solution.finding if solution else KeyFinding.AMBIGUOUS,
        score=scores.overall(),
        min_score=min_score,
    )
    move_to = None
    if reason is None:
        reason, move_to = _judged_difficulty(question, taxonomy, [a.difficulty for a in assessments])
    return Verdict(
        scores=scores,
        score=scores.overall(),
        leakage=leaks,
        flaws=tuple(f"{flaw.rule}: {flaw.detail}" for flaw in flaws),
        solution=solution,
        reason=reason,
        move_to=move_to,
        assessments=tuple(assessments),
    )


def fatal_before_asking(question: Question) -> bool:
    """Whether rules alone reject the question, so that no call need be paid for."""
    return any(flaw.fatal for flaw in find_flaws(question)) or leakage(question) <= LEAKAGE_GATE


def _mean_scores(given: Sequence[Scores]) -> Scores:
    def mean(name: str) -> float | None:
        values = [value for scores in given if (value := getattr(scores, name)) is not None]
        return sum(values) / len(values) if values else None

    return Scores(**{name: mean(name) for name in WEIGHTS})


def _capped(judged: Scores, by_rules: Scores) -> Scores:
    """The judged scores, none above what rules find: an arbiter overlooks flaws that can be counted."""

    def least(name: str) -> float | None:
        values = [getattr(judged, name), getattr(by_rules, name)]
        return None if values[0] is None else min(value for value in values if value is not None)

    return Scores(**{name: least(name) for name in WEIGHTS})


def _judged_difficulty(
    question: Question, taxonomy: Taxonomy, judged: Sequence[str]
) -> tuple[Reason | None, str | None]:
    """Stays where any arbiter sees it; else moves to the neighbour that they see it in, if it is one."""
    if not judged or question.difficulty in judged:
        return None, None
    neighbours = [n.difficulty for n in taxonomy.neighbours(question.stratum)]
    return (None, judged[0]) if judged[0] in neighbours else (Reason.OFF_BAND, None)


def decide(
    *, fatal_flaw: bool, leakage_score: float, finding: KeyFinding, score: float | None, min_score: float
) -> Reason | None:
    """The first gate that the candidate fails, or None. A score that was not measured fails."""
    if fatal_flaw:
        return Reason.FLAWED
    if leakage_score <= LEAKAGE_GATE:
        return Reason.LEAKED
    if finding is KeyFinding.WRONG:
        return Reason.WRONG_KEY
    if finding is KeyFinding.AMBIGUOUS:
        return Reason.AMBIGUOUS
    if score is None or score < min_score:
        return Reason.LOW_SCORE
    return None


def _difficulty(question: Question, taxonomy: Taxonomy) -> tuple[Reason | None, str | None]:
    if question.expected_success is None or _fits(question.expected_success, question.stratum, taxonomy):
        return None, None
    for neighbour in taxonomy.neighbours(question.stratum):
        if _fits(question.expected_success, neighbour, taxonomy):
            return None, neighbour.difficulty
    return Reason.OFF_BAND, None


def _fits(expected_success: float, stratum: Stratum, taxonomy: Taxonomy) -> bool:
    # An item model designs for one of three fixed levels, whatever band the operator gives the difficulty.
    level = taxonomy.difficulty(stratum.difficulty).item_level
    if level is None:
        return False
    low, high = LEVEL_BANDS[level]
    return low <= expected_success <= high
