"""Run a Dagster job in this process, recorded so that the Dagster UI treats it like a run of its own.

Here: starting and resuming runs for the command line. Not here: what the jobs do (`assets/`, `jobs.py`), opening the
instance (`instance.py`), the code location (`location.py`), what ended a run (`watch.py`), which runs belong together
and which are dead (`attempts.py`), partition ranges (`ranges.py`), stop signals and the terminal (`interrupts.py`).

A run launched here needs no code server and no child process, so it costs half a second instead of three. What makes
it a full member of the UI is its origin: the code location `qgen` of `workspace.yaml`, so that "re-execute" finds the
job again, and the same job and plan snapshots that the webserver would have stored.

Importing this module imports Dagster (half a second to a second). The command line imports it when a run starts.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.job_definition import JobDefinition
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.api import create_execution_plan, execute_run_iterator
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.snap import snapshot_from_execution_plan
from dagster._core.storage.tags import (
    MAX_RETRIES_TAG,
    PARENT_RUN_ID_TAG,
    RESUME_RETRY_TAG,
    ROOT_RUN_ID_TAG,
    TAGS_TO_MAYBE_OMIT_ON_RETRY,
)
from dagster._utils.interrupts import capture_interrupts, check_captured_interrupt

from qgen_dagster.core.errors import ConfigurationError, QgenError
from qgen_dagster.defs.attempts import (
    CLI,
    LAUNCHED_BY_TAG,
    PROCESS_TAG,
    close_orphans,
    latest_attempt,
    this_process,
)
from qgen_dagster.defs.interrupts import silence
from qgen_dagster.defs.location import Location
from qgen_dagster.defs.ranges import partition_tags
from qgen_dagster.defs.watch import LaunchResult, Watch, guarded_executor, terminated_from_ui


class NothingToResume(QgenError):
    """The run has no step left to do."""


# ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_job(
    job_name: str,
    *,
    instance: dg.DagsterInstance,
    run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    run_config: Mapping[str, Any] | dg.RunConfig | None = None,
    partition_key: str | None = None,
    partition_range: tuple[str, str] | None = None,
    assets: Sequence[dg.AssetKey] | None = None,
    definitions: dg.Definitions | None = None,
    workspace: Path | None = None,
    quiet: bool = True,
) -> LaunchResult:
    """Run `job_name` here and now; return when it has ended, however it ended.

    Args:
        run_id: a UUID to use as the Dagster run's id; a new one when None.
        partition_key: the stratum of a run over one partition.
        partition_range: first and last stratum of a run over several, in the order of registration (`strata_range`).
        assets: only these of the job's assets.
        definitions: run these instead of what the workspace names, say with other resources. The run is recorded
            under the workspace's code location all the same.
        workspace: a workspace.yaml other than qgen's own; its first code location counts.
        quiet: what Dagster and the steps print goes to the run's captured logs in the UI, not to the terminal. A
            progress display writes through `terminal()`.

    Ctrl-C ends the run as CANCELED and is reported as `interrupted`; it is not raised. Earlier runs of the command line
    whose process was killed are closed first, so that they do not look under way for ever.

    Raises:
        ConfigurationError: no such job, a partition that is not registered, or a config that the job refuses.
        DagsterRunAlreadyExists: `run_id` is taken.
    """
    location = Location.load(workspace, definitions)
    job = location.job(job_name)
    close_orphans(instance, launched_by=CLI)
    config = dict(run_config.to_config_dict()) if isinstance(run_config, dg.RunConfig) else run_config  # type: ignore[no-untyped-call]
    chosen_partitions = partition_tags(instance, partition_key, partition_range)
    with _deferred_interrupts():
        request = _RunRequest(
            job=job,
            run_id=run_id,
            run_config=config or {},
            tags={**job.run_tags, **_own_tags(), **(tags or {}), **chosen_partitions},
            assets=frozenset(assets) if assets is not None else None,
        )
        return _execute(location, request, instance, quiet)


def resume_run(
    run_id: str,
    *,
    instance: dg.DagsterInstance,
    new_run_id: str | None = None,
    tags: Mapping[str, str] | None = None,
    definitions: dg.Definitions | None = None,
    workspace: Path | None = None,
    quiet: bool = True,
) -> LaunchResult:
    """Go on here with the last attempt of a run that failed or was canceled: Dagster's "re-execute from failure".

    Steps that succeeded are not repeated; a step that did not is run again for all its partitions.

    Raises:
        ConfigurationError: there is no such run, its job is gone, or it has not ended (see `close_dead_run`).
        NothingToResume: it succeeded, or every step did.
    """
    parent = latest_attempt(instance, run_id)
    if parent.status == dg.DagsterRunStatus.SUCCESS:
        raise NothingToResume(f"Run {parent.run_id} succeeded; there is nothing to resume.")
    if not parent.is_finished:
        raise ConfigurationError(
            f"Run {parent.run_id} has not ended (it is {parent.status.value.lower()}).",
            hint="Wait for it. If its process is gone, close it first.",
        )
    location = Location.load(workspace, definitions)
    job = location.job(parent.job_name)
    with _deferred_interrupts():
        steps, known_state = KnownExecutionState.build_resume_retry_reexecution(instance, parent)
        if not steps:
            raise NothingToResume(f"Every step of run {parent.run_id} succeeded; there is nothing to resume.")
        kept = {key: value for key, value in parent.tags.items() if key not in TAGS_TO_MAYBE_OMIT_ON_RETRY}
        lineage = {
            PARENT_RUN_ID_TAG: parent.run_id,
            ROOT_RUN_ID_TAG: parent.root_run_id or parent.run_id,
            RESUME_RETRY_TAG: "true",
        }
        request = _RunRequest(
            job=job,
            run_id=new_run_id,
            run_config=parent.run_config,
            tags={**job.run_tags, **kept, **_own_tags(), **(tags or {}), **lineage},
            parent=parent,
            assets=parent.asset_selection,
            steps=steps,
            known_state=known_state,
        )
        return _execute(location, request, instance, quiet)


def _own_tags() -> dict[str, str]:
    """What every run of the command line carries. Automatic retries are off: the daemon must not go on with it in
    the background while its operator does so with `qgen resume`."""
    return {MAX_RETRIES_TAG: "0", LAUNCHED_BY_TAG: CLI, PROCESS_TAG: this_process()}


@dataclass(frozen=True)
class _RunRequest:
    """What a run is made from."""

    job: JobDefinition
    run_id: str | None
    run_config: Mapping[str, Any]
    tags: Mapping[str, str]
    parent: dg.DagsterRun | None = None
    assets: AbstractSet[dg.AssetKey] | None = None
    steps: Sequence[str] | None = None
    known_state: KnownExecutionState | None = None


def _create_run(location: Location, request: _RunRequest, instance: dg.DagsterInstance) -> dg.DagsterRun:
    """Record the run as the webserver would (`create_reexecuted_run` in Dagster's `run_domain.py`)."""
    parent = request.parent
    job = request.job
    checks = parent.asset_check_selection if parent else None
    if request.assets or checks:
        job = job.get_subset(asset_selection=request.assets, asset_check_selection=checks)
    elif parent and parent.resolved_op_selection:
        job = job.get_subset(op_selection=parent.resolved_op_selection)
    try:
        plan = create_execution_plan(
            job,
            run_config=request.run_config,
            step_keys_to_execute=request.steps,
            known_state=request.known_state,
            instance_ref=instance.get_ref(),
            tags=request.tags,
        )
    except dg.DagsterInvalidConfigError as exc:
        raise ConfigurationError(f"The job {job.name} refuses its configuration: {exc}") from exc
    return instance.create_run(
        job_name=job.name,
        run_id=request.run_id,
        run_config=request.run_config,
        status=dg.DagsterRunStatus.NOT_STARTED,
        tags=request.tags,
        root_run_id=(parent.root_run_id or parent.run_id) if parent else None,
        parent_run_id=parent.run_id if parent else None,
        step_keys_to_execute=plan.step_keys_to_execute if request.steps else None,
        execution_plan_snapshot=snapshot_from_execution_plan(plan, job.get_job_snapshot_id()),
        job_snapshot=job.get_job_snapshot(),
        parent_job_snapshot=job.get_parent_job_snapshot(),
        asset_selection=frozenset(request.assets) if request.assets is not None else None,
        asset_check_selection=checks,
        resolved_op_selection=parent.resolved_op_selection if parent else None,
        op_selection=parent.op_selection if parent else None,
        remote_job_origin=location.remote_origin(job.name),
        job_code_origin=location.code_origin(job.name),
        asset_graph=job.asset_layer.asset_graph,
    )


def _execute(location: Location, request: _RunRequest, instance: dg.DagsterInstance, quiet: bool) -> LaunchResult:
    run = _create_run(location, request, instance)
    watch = Watch(instance, run.run_id)
    instance.add_event_listener(run.run_id, watch)
    job = InMemoryJob(request.job.with_executor_def(guarded_executor(watch)))
    with ExitStack() as stack:
        if quiet:
            stack.enter_context(silence())
        stack.enter_context(terminated_from_ui(watch))
        try:
            for _ in execute_run_iterator(job, run, instance):
                if check_captured_interrupt():  # between two steps, where Dagster does not raise it
                    watch.interrupt()
        except BaseException as exc:
            watch.ended_by(exc)
            if not isinstance(exc, Exception | DagsterExecutionInterruptedError | KeyboardInterrupt):
                raise
    return watch.result()


@contextmanager
def _deferred_interrupts() -> Iterator[None]:
    """From creating the run to closing it, Ctrl-C is raised inside steps only, where Dagster expects it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    on_terminate = signal.getsignal(signal.SIGTERM)
    try:
        with capture_interrupts():
            yield
    finally:
        signal.signal(signal.SIGTERM, on_terminate)  # Dagster leaves SIGINT's handler here
