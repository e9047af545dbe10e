"""Dagster's own history that nobody needs any more: log lines of runs that ended long ago, and old ticks.

Dagster shrinks neither by itself (ticks only while its daemon runs). What assets and their checks are made of stays:
every row with an asset key, every materialization, observation and check, the lines that say how a run began and ended,
the runs themselves, and the last tick of each schedule and sensor. Not here: the bank's history
(`services/retention.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus
from dagster._core.storage.event_log import SqlEventLogStorage

KINDS = ("Dagster log lines", "Dagster ticks")
_LINES, _TICKS = KINDS
_IDS_AT_ONCE = 20_000
_TICKS_AT_ONCE = 5_000
# What a run says on its way. Named one by one: what a later Dagster adds stays until somebody has looked at it.
_OF_STEPS = (
    *("STEP_OUTPUT", "STEP_INPUT", "STEP_FAILURE", "STEP_START", "STEP_SUCCESS", "STEP_SKIPPED"),
    *("STEP_WORKER_STARTING", "STEP_WORKER_STARTED", "STEP_UP_FOR_RETRY", "STEP_RESTARTED"),
    *("RESOURCE_INIT_STARTED", "RESOURCE_INIT_SUCCESS", "RESOURCE_INIT_FAILURE", "OBJECT_STORE_OPERATION"),
    *("LOADED_INPUT", "HANDLED_OUTPUT", "ENGINE_EVENT", "HOOK_COMPLETED", "HOOK_ERRORED", "HOOK_SKIPPED"),
    "LOGS_CAPTURED",
)
_ENDED = [status.value for status in (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED)]

_OLD_LINES = """
    event_logs e WHERE e.timestamp < %(before)s AND e.asset_key IS NULL
      AND (e.dagster_event_type IS NULL OR e.dagster_event_type = ANY(%(kinds)s))
      AND EXISTS (SELECT 1 FROM runs r WHERE r.run_id = e.run_id AND r.status = ANY(%(ended)s))
"""
_OLD_TICKS = """
    job_ticks t WHERE t.timestamp < %(before)s AND t.status <> 'STARTED'
      AND EXISTS (SELECT 1 FROM job_ticks later WHERE later.job_origin_id = t.job_origin_id AND later.id > t.id)
"""


def count_old(instance: DagsterInstance, before: datetime) -> dict[str, int]:
    """How much of each kind would go; nothing where Dagster's storage is not SQL."""
    run = _runner(instance)
    if run is None:
        return {}
    given = _given(before)
    return {
        _LINES: run(f"SELECT count(*) FROM {_OLD_LINES}", given)[0],  # noqa: S608
        _TICKS: run(f"SELECT count(*) FROM {_OLD_TICKS}", given)[0],  # noqa: S608
    }


def prune(
    instance: DagsterInstance,
    before: datetime,
    *,
    tell: Callable[[Mapping[str, int]], None] = lambda gone: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Deletes what is older, in steps of one transaction each; returns how much of each kind went."""
    run = _runner(instance)
    if run is None:
        return {}
    gone = dict.fromkeys(KINDS, 0)
    given = _given(before)
    lowest, highest = run("SELECT coalesce(min(id), 0), coalesce(max(id), -1) FROM event_logs", {})
    for low in range(lowest, highest + 1, _IDS_AT_ONCE):
        if should_stop():
            return gone
        window = {**given, "low": low, "high": low + _IDS_AT_ONCE}
        if _starts_later(run, window):
            break
        gone[_LINES] += run(f"DELETE FROM {_OLD_LINES} AND e.id >= %(low)s AND e.id < %(high)s", window)[0]  # noqa: S608
        tell(gone)
    while not should_stop():
        chosen = f"SELECT t.id FROM {_OLD_TICKS} ORDER BY t.id LIMIT {_TICKS_AT_ONCE}"  # noqa: S608
        deleted = run(f"DELETE FROM job_ticks WHERE id = ANY(ARRAY({chosen}))", given)[0]  # noqa: S608
        if not deleted:
            break
        gone[_TICKS] += deleted
        tell(gone)
    return gone


def _starts_later(run: Callable[[str, Mapping[str, Any]], Any], window: Mapping[str, Any]) -> bool:
    """Whether all of the window is younger: ids grow with time, so what follows is too."""
    oldest = run("SELECT min(timestamp) FROM event_logs WHERE id >= %(low)s AND id < %(high)s", window)[0]
    return oldest is not None and oldest >= window["before"]


def _runner(instance: DagsterInstance) -> Callable[[str, Mapping[str, Any]], Any] | None:
    """Runs one statement in Dagster's database: the first row of a query, or how many rows were deleted."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return None

    def run(statement: str, given: Mapping[str, Any]) -> Any:
        with storage.index_connection() as connection:
            result = connection.exec_driver_sql(statement, dict(given))
            return result.one() if result.returns_rows else (result.rowcount,)

    return run


def _given(before: datetime) -> dict[str, Any]:
    # Dagster keeps times in UTC without a zone.
    naive = before.astimezone(UTC).replace(tzinfo=None)
    known = [kind for kind in _OF_STEPS if kind in DagsterEventType.__members__]
    return {"before": naive, "kinds": known, "ended": _ENDED}
