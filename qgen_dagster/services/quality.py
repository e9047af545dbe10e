"""Facts that asset checks decide on.

Not here: the limits (`defs/checks.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.funnel import Funnel, sum_funnels
from qgen_dagster.core.run import RunKind
from qgen_dagster.judging.solving import KeyFinding
from qgen_dagster.services.run_record import RunRecord, read_record
from qgen_dagster.services.runs import RunSession


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """How many candidates that passed the judge were looked at, and how many of them have no proved key."""

    checked: int
    unproved: int


def latest_funnel(session: RunSession) -> Funnel:
    """The funnel of the session's run, or of the latest run when this one has made nothing."""
    with session.work.bank.begin() as tx:
        run_id = _run_to_look_at(tx, session)
        return sum_funnels(run_rows.stratum_funnels(tx, run_id).values()) if run_id else Funnel()


def latest_record(session: RunSession) -> RunRecord | None:
    """The record of the session's run, or of the latest run when this one has made nothing."""
    with session.work.bank.begin() as tx:
        run_id = _run_to_look_at(tx, session)
    return read_record(session.work.bank, run_id) if run_id else None


def unproved_keys(session: RunSession) -> KeyCheck:
    """Looks at every candidate of the run that the judge let through."""
    with session.work.bank.begin() as tx:
        run_id = _run_to_look_at(tx, session)
        if run_id is None:
            return KeyCheck(0, 0)
        checked, proved = candidate_rows.count_passed_judge(tx, run_id, KeyFinding.PROVED.value)
    return KeyCheck(checked, checked - proved)


def _run_to_look_at(tx: Transaction, session: RunSession) -> UUID | None:
    if run_rows.get_run(tx, session.run_id) is not None:
        return session.run_id
    latest = run_rows.list_runs(tx, kind=RunKind.QUESTIONS, limit=1)
    return latest[0]["id"] if latest else None
