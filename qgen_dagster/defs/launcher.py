"""Rounds of a balance as Dagster runs in this process: the `Launcher` of the command line.

Not here: when a round follows (`services/balance.py`), how Dagster is made to run in process (`launch.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from uuid import UUID

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG
from dagster_postgres.utils import DagsterPostgresException

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import DatabaseError, QgenError, RunInterrupted
from qgen_dagster.core.progress import Progress
from qgen_dagster.defs.attempts import close_dead_run, latest_attempt
from qgen_dagster.defs.audit_resources import audit_config
from qgen_dagster.defs.drill_resources import series_config
from qgen_dagster.defs.going_on import going_on
from qgen_dagster.defs.hosting import hosting
from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
from qgen_dagster.defs.jobs import audit_bank, auto_balance, build_drill_series
from qgen_dagster.defs.launch import NothingToResume, resume_run, run_job
from qgen_dagster.defs.partitions import register_series
from qgen_dagster.defs.ranges import register_strata, strata_range
from qgen_dagster.defs.resources import PARENT_RUN_TAG, ROUND_TAG, run_config
from qgen_dagster.defs.watch import LaunchResult
from qgen_dagster.services.balance import RoundRequest
from qgen_dagster.services.bank_audit import AuditOptions
from qgen_dagster.services.database import dagster_database_url
from qgen_dagster.services.drill_options import BuildOptions


class DagsterLauncher:
    """See `services.balance.Launcher`."""

    def __init__(
        self, instance: dg.DagsterInstance, settings: Settings, progress: Progress, bank: Bank | None = None
    ) -> None:
        """`bank`: the one that whoever launches has open; without it each run opens its own."""
        self._instance = instance
        self._settings = settings
        self._progress = progress
        self._bank = bank

    def run(self, request: RoundRequest) -> BaseException | None:
        """Runs `auto_balance` over all strata."""
        keys = [stratum.key for stratum in self._settings.taxonomy.strata]
        register_strata(self._instance, keys)
        tags = {ROUND_TAG: str(request.number)}
        if request.parent_run_id is not None:
            tags[PARENT_RUN_TAG] = str(request.parent_run_id)
        with self._hosting(), _storage_errors():
            result = run_job(
                auto_balance.name,
                instance=self._instance,
                run_id=str(request.run_id),
                tags=tags,
                run_config=run_config(**request.options.model_dump(mode="json", exclude_defaults=True)),
                partition_range=strata_range(self._instance, keys),
            )
        return _error_of(result)

    def resume(self, run_id: UUID) -> BaseException | None:
        """Goes on with a run from where it failed, closing it in Dagster first where its process is gone.

        One that ended in good order with work left gets another attempt.
        """
        try:
            attempt = latest_attempt(self._instance, str(run_id))
            if not attempt.is_finished:
                close_dead_run(self._instance, attempt.run_id, reason="the process of this run is gone")
            with self._hosting(), _storage_errors():
                return _error_of(resume_run(str(run_id), instance=self._instance))
        except NothingToResume:
            return self._again(run_id)

    def build_series(self, run_id: UUID, series_id: UUID, options: BuildOptions) -> BaseException | None:
        """Runs `build_drill_series` on a planned series."""
        register_series(self._instance, [str(series_id)])
        with self._hosting(), _storage_errors():
            result = run_job(
                build_drill_series.name,
                instance=self._instance,
                run_id=str(run_id),
                tags={PARTITION_NAME_TAG: str(series_id)},
                run_config=series_config(build=options),
            )
        return _error_of(result)

    def audit(self, run_id: UUID, options: AuditOptions) -> BaseException | None:
        """Runs `audit_bank`."""
        with self._hosting(), _storage_errors():
            result = run_job(
                audit_bank.name,
                instance=self._instance,
                run_id=str(run_id),
                tags={},
                run_config=audit_config(options),
            )
        return _error_of(result)

    def _hosting(self) -> AbstractContextManager[None]:
        return hosting(self._settings, self._progress, self._bank)

    def _again(self, run_id: UUID) -> BaseException | None:
        following = going_on(self._instance, latest_attempt(self._instance, str(run_id)))
        with self._hosting(), _storage_errors():
            result = run_job(
                following.job_name,
                instance=self._instance,
                tags=following.tags,
                run_config=following.run_config,
                assets=following.assets,
            )
        return _error_of(result)


@contextmanager
def open_launcher(settings: Settings, progress: Progress, bank: Bank | None = None) -> Iterator[DagsterLauncher]:
    """The launcher on the instance of this installation. Raises ConfigurationError and DatabaseError."""
    home = prepare_dagster_home(settings.home)
    with dagster_database_url(settings) as url, open_instance(home, url) as instance:
        yield DagsterLauncher(instance, settings, progress, bank)


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Dagster's storage gives up after some tries; an operator should read why and what to do."""
    try:
        yield
    except DagsterPostgresException as error:
        raise DatabaseError(
            "Dagster's database broke off in the middle of the run",
            hint="Check that the server runs and that its disk is not full (qgen db status). What was made is kept: "
            "qgen resume",
        ) from error


def _error_of(result: LaunchResult) -> BaseException | None:
    if result.success:
        return None
    if result.interrupted:
        return RunInterrupted("interrupted", hint="What was made is kept. Go on: qgen resume")
    expected = result.expected_error
    if expected is not None:
        return expected
    steps = ", ".join(result.failed_steps) or "the run"
    return result.error or QgenError(f"{steps} failed", hint=f"See Dagster's run {result.run_id}: qgen up")
