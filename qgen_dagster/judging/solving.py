"""Answering without the key: what solvers found, and what follows for the key.

Here: the answers of solvers and the rule that turns them into a finding; the solver of procedural items. Not here: LLM
solvers' calls.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from qgen_dagster.core.question import Question, as_shown
from qgen_dagster.generation.items.registry import item_model


class KeyFinding(StrEnum):
    """What blind solving says about the key."""

    PROVED = "proved"
    WRONG = "wrong"  # the solvers agree on one other option
    AMBIGUOUS = "ambiguous"  # several options, or none, can be justified


class Solution(BaseModel):
    """What the solvers answered. `agreed` is the index of the option that they agree on, if they do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    solver: str
    justified: tuple[int, ...]
    finding: KeyFinding
    agreed: int | None = None


class NoSolver(Exception):
    """Nobody here can answer this question; it must wait."""


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
