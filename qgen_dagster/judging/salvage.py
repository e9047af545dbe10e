"""What may be tried to save a rejected candidate, pure.

Whatever comes of it is judged and solved again like anything else: salvage never approves. Leaked items are never
revived. Not here: making the replacement (`services/judge.py`).
"""

from __future__ import annotations

from enum import StrEnum

from qgen_dagster.core.funnel import Reason
from qgen_dagster.core.question import Question, normalise_text
from qgen_dagster.judging.verdict import Verdict


class Salvage(StrEnum):
    """A way to save a candidate, recorded with what it made."""

    ANSWER_REPAIR = "answer_repair"
    RECLASSIFICATION = "reclassification"
    REGENERATION = "regeneration"


def choose_salvage(question: Question, verdict: Verdict, *, already_salvaged: bool) -> Salvage | None:
    """What to try, or None. A candidate is salvaged once; a second rejection stands.

    A key is repaired only when all solvers agree on one other option and the explanation argues for that option;
    otherwise the question would teach the wrong reason.
    """
    if verdict.reason is None or verdict.reason is Reason.LEAKED or already_salvaged:
        return None
    if verdict.reason is Reason.WRONG_KEY and repaired(question, verdict) is not None:
        return Salvage.ANSWER_REPAIR
    return Salvage.REGENERATION


def repaired(question: Question, verdict: Verdict) -> Question | None:
    """The question with the key that the solvers agree on, or None where that cannot be done honestly."""
    agreed = verdict.solution.agreed if verdict.solution else None
    if agreed is None or agreed == question.answer:
        return None
    option = question.options[agreed]
    if normalise_text(option.text) not in normalise_text(question.explanation):
        return None
    options = list(question.options)
    options[agreed] = option.model_copy(update={"mistake": None, "note": ""})
    return question.model_copy(update={"answer": agreed, "options": tuple(options)})
