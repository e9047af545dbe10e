"""Watching a run of this process: what ended it, and that it is ended as what it was.

Here: `Watch`, its executor, and `LaunchResult`, what it comes to. Not here: starting and resuming runs (`launch.py`),
stop signals inside steps (`interrupts.py`).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dagster as dg
from dagster._core.definitions.executor_definition import IN_PROC_CONFIG
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterUserCodeExecutionError
from dagster._core.events import DagsterEvent
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.context.system import PlanOrchestrationContext
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.retries import RetryMode
from dagster._core.executor.in_process import InProcessExecutor

from qgen_dagster.core.errors import QgenError

_POLL_SECONDS = 2.0  # how soon "terminate" in the UI reaches a run of the command line


@dataclass(frozen=True)
class LaunchResult:
    """How a run ended.

    `error` is the exception that ended it, as it was raised, with its causes: the first step's that failed, or of a
    resource that could not be opened. `interrupted` says that it was stopped by Ctrl-C, a signal or the UI.
    """

    run_id: str
    success: bool
    status: str
    interrupted: bool = False
    failed_steps: tuple[str, ...] = ()
    error: BaseException | None = None

    @property
    def expected_error(self) -> QgenError | None:
        """The first `QgenError` in the chain of causes, which says the exit code; None when the failure is a bug."""
        return next((exc for exc in causes(self.error) if isinstance(exc, QgenError)), None)


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what led to it, outermost first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@dataclass
class Watch:
    """Learns what happens in a run while it happens: the first exception, failed steps, and interruptions."""

    instance: dg.DagsterInstance
    run_id: str
    error: BaseException | None = None
    interrupted: bool = False
    failed_steps: list[str] = field(default_factory=list)

    def __call__(self, entry: EventLogEntry) -> None:
        """Listen to one event. Dagster calls this where it logs the event, inside its `except` for a failed step."""
        event: DagsterEvent | None = entry.dagster_event
        if event is None or not (event.is_step_failure or event.is_resource_init_failure):
            return
        if event.step_key:
            self.failed_steps.append(event.step_key)
        # Events carry the exception as text only. Where the event is logged, the exception itself is being handled.
        self.ended_by(sys.exc_info()[1])

    def ended_by(self, exc: BaseException | None) -> None:
        if isinstance(exc, DagsterExecutionInterruptedError | KeyboardInterrupt):
            self.interrupt()
        elif exc is not None and self.error is None and not isinstance(exc, GeneratorExit):
            self.error = exc.user_exception if isinstance(exc, DagsterUserCodeExecutionError) else exc

    def interrupt(self) -> None:
        """Say that the run was asked to stop, so that Dagster ends it as CANCELED and not as a failure."""
        self.interrupted = True
        run = self._run()
        if not run.is_finished and run.status != dg.DagsterRunStatus.CANCELING:
            self.instance.report_run_canceling(run, "Stopped from the command line.")

    def asked_to_stop(self) -> bool:
        """Whether someone else, such as the UI, has canceled the run."""
        return self._run().status in (dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED)

    def result(self) -> LaunchResult:
        run = self._run()
        if not run.is_finished:  # the framework itself failed, or was interrupted outside the steps
            self._close(run)
            run = self._run()
        return LaunchResult(
            run_id=run.run_id,
            success=run.is_success,
            status=run.status.value,
            interrupted=self.interrupted and not run.is_success,
            failed_steps=tuple(self.failed_steps),
            error=self.error,
        )

    def _close(self, run: dg.DagsterRun) -> None:
        if self.interrupted:
            self.instance.report_run_canceled(run, "Stopped from the command line.")
        else:
            self.instance.report_run_failed(run, f"The run ended with an error outside its steps: {self.error}")

    def _run(self) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(self.run_id)
        if run is None:
            raise QgenError(f"Run {self.run_id} was deleted from Dagster while it was running.")
        return run


class _GuardedExecutor(InProcessExecutor):
    """The in-process executor, telling the watch what ended it before Dagster decides how the run ended."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(retries=RetryMode.ENABLED)
        self._watch = watch

    def execute(self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan) -> Iterator[DagsterEvent]:
        try:
            yield from super().execute(plan_context, execution_plan)
        except BaseException as exc:
            self._watch.ended_by(exc)
            raise


def guarded_executor(watch: Watch) -> dg.ExecutorDefinition:
    return dg.ExecutorDefinition(
        name="in_process",
        config_schema=IN_PROC_CONFIG,
        executor_creation_fn=lambda _: _GuardedExecutor(watch),
    )


@contextmanager
def terminated_from_ui(watch: Watch) -> Iterator[None]:
    """Stop this process's run when "terminate" is pressed in the UI, which can only change the run's status."""
    over = threading.Event()
    main = threading.main_thread()
    if threading.current_thread() is not main or main.ident is None:
        yield
        return
    ident = main.ident

    def poll() -> None:
        while not over.wait(_POLL_SECONDS):
            if watch.interrupted:
                return
            if watch.asked_to_stop():
                # Not os.kill: that may be delivered to another thread and leave a sleeping main thread asleep.
                signal.pthread_kill(ident, signal.SIGINT)
                return

    thread = threading.Thread(target=poll, name="qgen-run-status", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
