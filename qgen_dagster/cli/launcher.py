"""The one door from the command line to Dagster. Importing Dagster takes a second, so it opens when a run starts.

Every run of the command line is a Dagster run in this process, so that the UI shows it. Not here: the runs themselves
(`defs/`), what a balance does with them (`services/balance.py`).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from qgen_dagster.cli.errors import mask
from qgen_dagster.cli.output import short
from qgen_dagster.core.errors import QgenError, RunInterrupted

if TYPE_CHECKING:
    from qgen_dagster.cli.progress import Display
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.services.balance import Launcher, RoundRequest
    from qgen_dagster.services.options import RunOptions

JOB = "auto_balance"


@contextmanager
def launcher(settings: Settings, progress: Display, *, verbose: bool = False) -> Iterator[Launcher]:
    """What executes runs as Dagster runs in this process, reporting to `progress`."""
    with ExitStack() as stack:
        yield _DagsterLauncher(settings, progress, stack, verbose)


def probe_dagster(settings: Settings) -> str:
    """Opens the Dagster instance and its storage, and says what was found. Raises QgenError when that fails."""
    from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
    from qgen_dagster.services.database import dagster_database_url

    home = prepare_dagster_home(settings.home)
    with dagster_database_url(settings) as url, open_instance(home, url) as instance:
        return f"{home}, {instance.get_runs_count():,} runs recorded"


class _DagsterLauncher:
    """Opens the Dagster instance at the first run, and keeps it for the following ones."""

    def __init__(self, settings: Settings, progress: Display, stack: ExitStack, verbose: bool) -> None:
        self._settings = settings
        self._progress = progress
        self._stack = stack
        self._verbose = verbose
        self._instance: Any = None

    def run(self, request: RoundRequest) -> BaseException | None:
        """A new run of the whole chain over the chosen strata. Raises RunInterrupted when it was stopped."""
        from qgen_dagster.defs.launch import register_strata, run_job, strata_range
        from qgen_dagster.defs.resources import PARENT_RUN_TAG, ROUND_TAG, run_config

        known = self._settings.taxonomy
        chosen = known.select(request.options.types, request.options.difficulties)
        tags = {ROUND_TAG: str(request.number)}
        if request.parent_run_id:
            tags[PARENT_RUN_TAG] = str(request.parent_run_id)
        with self._opened() as instance:
            register_strata(instance, [stratum.key for stratum in known.strata])
            result = run_job(
                JOB,
                instance=instance,
                run_id=str(request.run_id),
                run_config=run_config(**_config(request.options)),
                tags=tags,
                partition_range=strata_range(instance, [stratum.key for stratum in chosen]),
            )
        return self._ended(request.run_id, result)

    def resume(self, run_id: UUID) -> BaseException | None:
        """Goes on with a run that ended early, from the step where it was. Raises RunInterrupted when stopped again."""
        from qgen_dagster.defs.launch import close_dead_run, latest_attempt, resume_run

        with self._opened() as instance:
            attempt = latest_attempt(instance, str(run_id))
            if not attempt.is_finished:
                close_dead_run(instance, attempt.run_id, reason="Its process is gone.")
            result = resume_run(str(run_id), instance=instance)
        return self._ended(run_id, result)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        """The instance. What Dagster's database refuses is a DatabaseError, not a bug."""
        from qgen_dagster.bank.engine import as_database_error
        from qgen_dagster.defs.storage import StorageError

        try:
            yield self._open()
        except StorageError as error:
            raise as_database_error(error, "Dagster's own database") from error

    def _open(self) -> Any:
        if self._instance is None:
            from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
            from qgen_dagster.defs.progress import listening
            from qgen_dagster.services.database import dagster_database_url

            home = prepare_dagster_home(self._settings.home)
            url = self._stack.enter_context(dagster_database_url(self._settings))
            self._instance = self._stack.enter_context(open_instance(home, url))
            self._stack.enter_context(listening(self._progress))
        return self._instance

    def _ended(self, run_id: UUID, result: Any) -> BaseException | None:
        if result.interrupted:
            raise RunInterrupted(
                f"run {short(run_id)} was stopped",
                hint=f"What it made is kept. To go on with it: qgen resume {short(run_id)}",
            )
        error: BaseException | None = result.expected_error or result.error
        if error is not None and self._verbose and not isinstance(error, QgenError):
            print(mask("".join(traceback.format_exception(error))), file=sys.stderr, end="")
        if error is None and not result.success:
            return QgenError(f"the Dagster run ended as {result.status.lower()}", hint="See it with: qgen up")
        return error


def _config(options: RunOptions) -> dict[str, Any]:
    config = options.model_dump(mode="json", exclude_defaults=True)
    if options.budget_usd is not None:
        config["budget_usd"] = float(options.budget_usd)
    return config
