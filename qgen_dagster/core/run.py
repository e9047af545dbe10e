"""What a run is called, how it ended, and what that means for the exit code.

Here: `RunStatus` and the pure rules from a funnel to a status and an exit code. Not here: the
row that records a run (`tracking/`, `bank/runs.py`).
"""

from __future__ import annotations

from enum import StrEnum

from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.funnel import Funnel, Loss


class RunKind(StrEnum):
    """What a run makes. Statistics of questions leave runs of other kinds out."""

    QUESTIONS = "questions"
    DRILLS = "drills"
    AUDIT = "audit"


class RunStatus(StrEnum):
    """RUNNING, then exactly one of the others. KILLED: its process is gone and could not say how it ended."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL_FAILURE = "partial_failure"
    FAILED = "failed"
    KILLED = "killed"


def is_saturated(funnel: Funnel) -> bool:
    """All that was asked for was there already: not a failure, but the strata have nothing new to give."""
    already_there = funnel.duplicates + funnel.losses.get(Loss.SATURATED, 0)
    return funnel.requested > 0 and already_there == funnel.requested


def status_of(funnel: Funnel) -> RunStatus:
    """How a run that came to its end went.

    Success: something was inserted, nothing failed to be generated or inserted and nothing waits; also nothing to
    do, and everything a duplicate. Rejections by the judge are the pipeline doing its work, unless nothing is left.
    """
    if funnel.requested == 0 or is_saturated(funnel):
        return RunStatus.SUCCESS
    if funnel.inserted == 0 and funnel.losses.get(Loss.SURPLUS, 0) == 0:
        return RunStatus.FAILED
    broken = funnel.losses.get(Loss.NOT_GENERATED, 0) + funnel.losses.get(Loss.INSERTION_FAILED, 0)
    return RunStatus.PARTIAL_FAILURE if broken or funnel.pending else RunStatus.SUCCESS


def exit_code_of(status: RunStatus) -> ExitCode:
    """The exit code of a run that ended with `status` and without an error of its own."""
    return {
        RunStatus.SUCCESS: ExitCode.SUCCESS,
        RunStatus.PARTIAL_FAILURE: ExitCode.PARTIAL_FAILURE,
    }.get(status, ExitCode.COMPLETE_FAILURE)
