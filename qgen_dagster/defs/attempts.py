"""Which Dagster runs belong to one run of ours, which are still alive, and closing those that are not.

Not here: starting and resuming runs (`launch.py`), the bank's own view of a dead run (`services/recovery.py`).
"""

from __future__ import annotations

import socket
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason
from dagster._core.storage.tags import (
    ASSET_RESUME_RETRY_TAG,
    AUTO_RETRY_RUN_ID_TAG,
    MAX_RETRIES_TAG,
    RESUME_RETRY_TAG,
    ROOT_RUN_ID_TAG,
    STEP_SELECTION_TAG,
    WILL_RETRY_TAG,
)

from qgen_dagster.core.errors import ConfigurationError

LAUNCHED_BY_TAG = "qgen/launched_by"
CLI = "cli"
PROCESS_TAG = "qgen/process"
GOES_ON_TAG = "qgen/goes_on_with"  # our run that an attempt goes on with which re-executes nothing (`going_on.py`)
_RETRY_PATIENCE = timedelta(seconds=45)  # the daemon looks every five seconds
_NO_LONGER_WANTED = timedelta(hours=1)
_NOT_OVER = (
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)


def qgen_run_id(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Our run's id: the Dagster run id of its first attempt.

    An attempt that goes on with another (from failure, from asset failure, or with selected steps) belongs to the
    same run of ours; a re-execution of everything is a new one. So does one that is tagged as going on with a run,
    but not its re-execution, which takes over the tag.
    """
    while run.parent_run_id and _goes_on(run):
        parent = instance.get_run_by_id(run.parent_run_id)
        if parent is None:  # deleted in the UI; its id still names our run if it was the first
            return run.parent_run_id
        run = parent
    return run.run_id if run.parent_run_id else run.tags.get(GOES_ON_TAG, run.run_id)


def latest_attempt(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRun:
    """The last Dagster run that went on with run `run_id`, which may be itself.

    Raises:
        ConfigurationError: there is no such run.
    """
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise ConfigurationError(f"Dagster knows no run {run_id}.")
    ours = qgen_run_id(instance, run)
    first = instance.get_run_by_id(ours) or run
    heads = [first, *instance.get_runs(dg.RunsFilter(tags={GOES_ON_TAG: ours}))]
    roots = list({head.root_run_id or head.run_id for head in heads})
    # A root has no root tag of its own.
    found = [
        *instance.get_run_records(dg.RunsFilter(tags={ROOT_RUN_ID_TAG: roots})),
        *instance.get_run_records(dg.RunsFilter(run_ids=[head.run_id for head in heads])),
    ]
    newest_first = sorted(found, key=lambda record: record.storage_id, reverse=True)
    attempts = (record.dagster_run for record in newest_first)
    return next((attempt for attempt in attempts if qgen_run_id(instance, attempt) == ours), run)


def _goes_on(run: dg.DagsterRun) -> bool:
    return (
        run.tags.get(RESUME_RETRY_TAG) == "true"
        or run.tags.get(ASSET_RESUME_RETRY_TAG) == "true"
        or STEP_SELECTION_TAG in run.tags
    )


def close_dead_run(instance: dg.DagsterInstance, run_id: str, *, reason: str, retry: bool = False) -> bool:
    """Record as failed a run whose process is gone (canceled, if it was being canceled); False if it has ended.

    Whether the process of a run on another machine is gone is for the caller to know. The daemon is kept from retrying
    the run by itself, unless `retry` leaves that to the run's own tags and the instance's `run_retries`.

    Raises:
        ConfigurationError: there is no such run, it has not begun (a retry by the daemon may be on its way), or its
            process is alive.
    """
    run = instance.get_run_by_id(run_id)
    if run is None:
        raise ConfigurationError(f"Dagster knows no run {run_id}.")
    if run.is_finished:
        return False
    process = run.tags.get(PROCESS_TAG)
    if run.status not in _NOT_OVER or process is None:
        raise ConfigurationError(
            f"Run {run_id} is {run.status.value.lower().replace('_', ' ')}; it has not begun.",
            hint="The Dagster daemon starts it, or closes it if it never starts. See it with: qgen up",
        )
    if _is_alive(process):
        raise ConfigurationError(f"The process of run {run_id} is alive.", hint="Wait for it, or stop it first.")
    if run.status == dg.DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, reason)
        return True
    if not retry:
        instance.add_run_tags(run_id, {MAX_RETRIES_TAG: "0"})
    instance.report_run_failed(
        run, reason, JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    )
    return True


def this_process() -> str:
    """The value of `PROCESS_TAG` for this process."""
    import psutil

    process = psutil.Process()
    return f"{socket.gethostname()}/{process.pid}/{process.create_time():.2f}"


def close_orphans(instance: dg.DagsterInstance, *, launched_by: str | None = None, retry: bool = False) -> list[str]:
    """Close the runs whose process was on this machine and is gone; return their ids.

    A run on another machine is left to the run launcher of that machine, and one that never came to name its process
    to `run_monitoring`.
    """
    closed = []
    tags = {LAUNCHED_BY_TAG: launched_by} if launched_by else None
    for run in instance.get_runs(dg.RunsFilter(statuses=list(_NOT_OVER), tags=tags)):
        process = run.tags.get(PROCESS_TAG)
        if process and _is_here(process) and not _is_alive(process):
            close_dead_run(instance, run.run_id, reason="The process of this run is gone.", retry=retry)
            closed.append(run.run_id)
    return closed


def ask_again_for_retries(instance: dg.DagsterInstance, now: datetime) -> list[str]:
    """Report once more the failures whose promised retry never came; return the runs' ids.

    The daemon that retries reads the failure event and then the run. Where it comes between the event and the run's new
    status (seen when two processes noticed one death), it takes the run for one that goes on and never looks again.
    """
    waiting = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "true"}, updated_after=now - _NO_LONGER_WANTED
    )
    asked = []
    for record in instance.get_run_records(waiting):
        run = record.dagster_run
        settled = now - record.update_timestamp > _RETRY_PATIENCE
        if settled and AUTO_RETRY_RUN_ID_TAG not in run.tags:
            instance.report_run_failed(run, "The retry of this run did not come; it was asked for once more.")
            asked.append(run.run_id)
    return asked


def _is_here(process: str) -> bool:
    return process.rsplit("/", 2)[0] == socket.gethostname()


def _is_alive(process: str) -> bool:
    """Whether a process runs on this machine; its number may have gone to another one since.

    A killed process that its parent has not yet asked about is a zombie: it has a number, and does nothing any more.
    """
    import psutil

    _, pid, started = process.rsplit("/", 2)
    try:
        found = psutil.Process(int(pid))
        same = f"{found.create_time():.2f}" == started
        return _is_here(process) and same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
