"""The truth about the labelled set that ships with the package, so that an audit of the judges finds perfect ones here.

Whoever wants others makes them err: `solver_error_rate`, faults. Not here: what is done with it (`memory.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from qgen_dagster.core.question import normalise_text
from qgen_dagster.judging.labelled_set import Fault, load_labelled

from .memory import Truth


class Known(NamedTuple):
    """A question as it is printed, and the truth about it."""

    stem: str
    material: str | None
    options: Sequence[str]
    truth: Truth


@cache
def labelled_questions() -> tuple[Known, ...]:
    """Every question of the set."""
    known = []
    for item in load_labelled():
        question = item.question
        options = [option.text for option in question.options]
        truth = Truth(
            key=normalise_text(options[question.answer if item.right is None else item.right]),
            level=item.level,
            second=normalise_text(options[item.also_right[0]]) if item.also_right else None,
            leaks=item.fault is Fault.LEAK,
        )
        material = question.stimulus.text if question.stimulus else None
        known.append(Known(question.stem, material, options, truth))
    return tuple(known)
