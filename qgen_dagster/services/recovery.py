"""Runs whose process is gone: found, closed truthfully, and offered for going on.

A live run holds an advisory lock; a row that says `running` without one is a lie. Not here: going on itself (the
stages do, since each finds its own unfinished work).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from qgen_dagster.bank import drills as drill_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.locks import is_run_alive
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.run import RunStatus
from qgen_dagster.services.run_closing import refresh_run
from qgen_dagster.services.run_reporter import tell_again
from qgen_dagster.services.work import now

MIN_PREFIX = 4
MAX_RUNNING = 1_000


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A run that ended with work left. `abrupt`: it did not come to its own end, so nobody has decided about it."""

    run_id: UUID
    status: RunStatus
    pending: int
    abrupt: bool


def close_dead_runs(bank: Bank, clock: Callable[[], datetime] = now) -> list[UUID]:
    """Marks every `running` row whose process is gone as killed, with true numbers; returns their ids.

    Runs that were reported from elsewhere have no process here, and are left to whoever reports them.
    """
    dead = []
    with bank.begin() as tx:
        for row in run_rows.list_runs(tx, statuses=[RunStatus.RUNNING], limit=MAX_RUNNING):
            if not row["reported"] and not is_run_alive(tx, row["id"]):
                at = clock()
                _close_as_killed(tx, row, at)
                tell_again(tx, row["id"], at)
                dead.append(row["id"])
    return dead


def unfinished_runs(bank: Bank) -> list[Unfinished]:
    """Runs that have ended and left batches or candidates waiting, newest first."""
    with bank.begin() as tx:
        rows = [run_rows.get_run(tx, run_id) for run_id in run_rows.unfinished_run_ids(tx)]
    return [_unfinished(row) for row in rows if row and row["status"] != RunStatus.RUNNING.value]


def find_unfinished(bank: Bank, prefix: str | None) -> Unfinished:
    """The run to go on with: the named one, or the newest. Raises ConfigurationError when there is none."""
    runs = unfinished_runs(bank)
    if prefix is None:
        if not runs:
            raise ConfigurationError("no run has anything left to do", hint="See all runs with: qgen runs list")
        return runs[0]
    run_id = resolve_run_id(bank, prefix)
    for run in runs:
        if run.run_id == run_id:
            return run
    raise ConfigurationError(f"run {run_id} has nothing left to do", hint="See it with: qgen runs show " + prefix)


def resolve_run_id(bank: Bank, prefix: str) -> UUID:
    """The run whose id begins with `prefix`. Raises ConfigurationError when none or several do."""
    wanted = prefix.strip().lower()
    if len(wanted) < MIN_PREFIX:
        raise ConfigurationError(
            f"{prefix!r} is too short for a run id", hint=f"Give at least {MIN_PREFIX} characters."
        )
    with bank.begin() as tx:
        found = run_rows.find_run_ids(tx, wanted)
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(f"several runs begin with {prefix!r}", hint="Give more of the id: qgen runs list")
    raise ConfigurationError(f"no run begins with {prefix!r}", hint="See the runs with: qgen runs list")


def _close_as_killed(tx: Any, row: dict[str, Any], at: datetime) -> None:
    refresh_run(tx, row["id"])
    drill_rows.pause_series_of(tx, row["id"])
    ended = max(row["heartbeat_at"] or row["started_at"], row["started_at"])
    run_rows.update_run(
        tx,
        row["id"],
        {
            "status": RunStatus.KILLED.value,
            "exit_code": 2,
            "completed_at": ended,
            "duration_seconds": (ended - row["started_at"]).total_seconds(),
            "stop_reason": f"its process (pid {row['pid']} on {row['host']}) was gone at {at:%Y-%m-%d %H:%M:%S %Z}",
            "error": "the process ended without closing the run",
        },
        only_running=True,
    )


def _unfinished(row: dict[str, Any]) -> Unfinished:
    status = RunStatus(row["status"])
    pending = int(row["funnel"]["total"]["pending"]) if row["funnel"] else 0
    return Unfinished(row["id"], status, pending, abrupt=status is RunStatus.KILLED or row["error"] is not None)
