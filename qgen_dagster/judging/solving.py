"""Answering without the key: what solvers found, and what follows for the key.

Here: the answers of solvers and the rule that turns them into a finding; the solver of procedural items. Not here:
asking language models (`panel.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from qgen_dagster.core.question import Question, as_shown
from qgen_dagster.generation.items.registry import item_model


class KeyFinding(StrEnum):
    """What blind solving says about the key."""

    PROVED = "proved"
    WRONG = "wrong"  # the solvers agree on one other option
    AMBIGUOUS = "ambiguous"  # several options, or none, can be justified


class Answer(BaseModel):
    """What one solver answered: the index of an option, or None where it found none right."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    solver: str
    option: int | None
    also_defensible: tuple[int, ...] = ()
    confidence: float | None = None
    reasoning: str = ""


class Solution(BaseModel):
    """What the solvers answered. `agreed` is the index of the option that all of them agree on, if they do.

    `justified` are the options that any of them holds to be right. A procedural item's one solver has no `answers`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    solver: str
    justified: tuple[int, ...]
    finding: KeyFinding
    agreed: int | None = None
    answers: tuple[Answer, ...] = ()


class NoSolver(Exception):
    """Nobody here can answer this question; it must wait."""


def settle(key: int, answers: Sequence[Answer]) -> Solution | None:
    """What the answers of blind solvers say about the key; None where a further solver must be asked.

    Two that agree settle it. Otherwise a third is asked, and the key is accepted at three of four votes, its maker's
    among them; a split is ambiguous. A solver that finds a second option defensible has a doubt, which counts like a
    disagreement; two doubts make the question ambiguous whatever else was said.
    """
    if len(answers) < 2:
        return None
    options = [answer.option for answer in answers]
    doubts = sum(bool(answer.also_defensible) for answer in answers)
    unanimous = options[0] if len(set(options)) == 1 else None
    if len(answers) == 2 and (unanimous is None or doubts):
        return None
    if doubts >= 2:
        finding = KeyFinding.AMBIGUOUS
    elif options.count(key) >= 2:
        finding = KeyFinding.PROVED
    elif key not in options and _most_common(options) is not None:
        finding = KeyFinding.WRONG
    else:
        finding = KeyFinding.AMBIGUOUS
    held = {option for option in options if option is not None}
    held |= {option for answer in answers for option in answer.also_defensible}
    return Solution(
        solver=", ".join(answer.solver for answer in answers),
        justified=tuple(sorted(held)),
        finding=finding,
        agreed=unanimous,
        answers=tuple(answers),
    )


def _most_common(options: Sequence[int | None]) -> int | None:
    """The option that at least two chose."""
    return next((option for option in options if option is not None and options.count(option) >= 2), None)


def solve_procedural(question: Question) -> Solution:
    """The answer of the item model's own independent solver, which sees the item as shown.

    Raises NoSolver when this version has no such item model.
    """
    model = item_model(question.item_model) if question.item_model else None
    if model is None:
        raise NoSolver(f"no solver for item model {question.item_model!r}")
    solver = f"{model.name} v{model.version}"
    try:
        justified = tuple(model.solve(as_shown(question)))
    except Exception:
        # A solver reads the item as shown; one that it cannot read (mangled by whoever stored it) justifies nothing.
        justified = ()
    if justified == (question.answer,):
        return Solution(solver=solver, justified=justified, finding=KeyFinding.PROVED, agreed=question.answer)
    if len(justified) == 1:
        return Solution(solver=solver, justified=justified, finding=KeyFinding.WRONG, agreed=justified[0])
    return Solution(solver=solver, justified=justified, finding=KeyFinding.AMBIGUOUS)
