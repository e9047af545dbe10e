"""What an audit of the bank finds about a question, and what it does about it.

Not here: solving (`judging/`), the run that audits (`services/bank_audit.py`).
"""

from __future__ import annotations

from enum import StrEnum


class AuditFinding(StrEnum):
    """What solving a question again says about its key."""

    PROVED = "proved"
    WRONG = "wrong"  # the solvers agree on another option
    AMBIGUOUS = "ambiguous"  # several options, or none, can be justified
    UNSOLVED = "unsolved"  # nobody here can solve it


class AuditAction(StrEnum):
    """What became of the question. SPARED: it should go, but its stratum is at the floor or nothing was to be changed.

    A question that nobody can solve is kept: nothing speaks against it.
    """

    KEPT = "kept"
    DEACTIVATED = "deactivated"
    SPARED = "spared"
