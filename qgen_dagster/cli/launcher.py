"""The one door from the command line to Dagster. Importing Dagster takes a second, so it opens when a run starts.

Here: opening it lazily, and saying what an operator should read when a run was stopped or Dagster's database refuses.
Not here: the runs themselves (`defs/launcher.py`), what a balance does with them (`services/balance.py`).
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from qgen_dagster.cli.errors import mask
from qgen_dagster.cli.output import short
from qgen_dagster.core.errors import QgenError, RunInterrupted

if TYPE_CHECKING:
    from qgen_dagster.bank.engine import Bank
    from qgen_dagster.cli.progress import Display
    from qgen_dagster.config.settings import Settings
    from qgen_dagster.defs.launcher import DagsterLauncher
    from qgen_dagster.services.balance import RoundRequest
    from qgen_dagster.services.bank_audit import AuditOptions
    from qgen_dagster.services.drill_options import BuildOptions


@contextmanager
def launcher(settings: Settings, bank: Bank, progress: Display, *, verbose: bool = False) -> Iterator[_LazyLauncher]:
    """What executes runs as Dagster runs in this process, on the open `bank`, reporting to `progress`."""
    with ExitStack() as stack:
        yield _LazyLauncher(settings, bank, progress, stack, verbose)


def probe_dagster(settings: Settings) -> str:
    """Opens the Dagster instance and its storage, and says what was found. Raises QgenError when that fails."""
    from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
    from qgen_dagster.services.database import dagster_database_url

    home = prepare_dagster_home(settings.home)
    with dagster_database_url(settings) as url, open_instance(home, url) as instance:
        return f"{home}, {instance.get_runs_count():,} runs recorded"


@contextmanager
def dagster_history(settings: Settings) -> Iterator[DagsterHistory]:
    """Dagster's own history, to count and to prune. Raises DatabaseError when its database cannot be used."""
    from qgen_dagster.bank.engine import as_database_error
    from qgen_dagster.defs import history
    from qgen_dagster.defs.instance import open_instance, prepare_dagster_home
    from qgen_dagster.defs.storage import StorageError
    from qgen_dagster.services.database import dagster_database_url

    home = prepare_dagster_home(settings.home)
    try:
        with dagster_database_url(settings) as url, open_instance(home, url) as instance:
            yield DagsterHistory(partial(history.count_old, instance), partial(history.prune, instance))
    except StorageError as refused:
        raise as_database_error(refused, "Dagster's own database") from refused


@dataclass(frozen=True, slots=True)
class DagsterHistory:
    """`count` takes the time before which everything is old; so does `prune`, and `tell` and `should_stop` by name."""

    count: Callable[[datetime], dict[str, int]]
    prune: Callable[..., dict[str, int]]


class _LazyLauncher:
    """Opens Dagster at the first run, and keeps it for the following ones."""

    def __init__(self, settings: Settings, bank: Bank, progress: Display, stack: ExitStack, verbose: bool) -> None:
        self._settings = settings
        self._bank = bank
        self._progress = progress
        self._stack = stack
        self._verbose = verbose
        self._opened: DagsterLauncher | None = None

    def run(self, request: RoundRequest) -> BaseException | None:
        """A new run of the whole chain. Raises RunInterrupted when it was stopped."""
        return self._do(request.run_id, lambda dagster: dagster.run(request))

    def resume(self, run_id: UUID) -> BaseException | None:
        """Goes on with a run that ended early. Raises RunInterrupted when it was stopped again."""
        return self._do(run_id, lambda dagster: dagster.resume(run_id))

    def build_series(self, run_id: UUID, series_id: UUID, options: BuildOptions) -> BaseException | None:
        """A run on a planned drill series. Raises RunInterrupted when it was stopped."""
        again = f"What it made is kept. To go on: qgen drills build {short(series_id)}"
        return self._do(run_id, lambda dagster: dagster.build_series(run_id, series_id, options), again=again)

    def audit(self, run_id: UUID, options: AuditOptions) -> BaseException | None:
        """An audit of the bank. Raises RunInterrupted when it was stopped."""
        again = "What it found is kept. To look at what is still due: qgen audit bank"
        return self._do(run_id, lambda dagster: dagster.audit(run_id, options), again=again)

    def _do(
        self, run_id: UUID, work: Callable[[DagsterLauncher], BaseException | None], *, again: str | None = None
    ) -> BaseException | None:
        from qgen_dagster.bank.engine import as_database_error
        from qgen_dagster.defs.storage import StorageError

        try:
            error = work(self._dagster())
        except StorageError as refused:
            raise as_database_error(refused, "Dagster's own database") from refused
        if isinstance(error, RunInterrupted):
            if again is None and not self._is_recorded(run_id):
                raise RunInterrupted("stopped before anything was made", hint="Nothing was recorded.") from error
            raise RunInterrupted(
                f"run {short(run_id)} was stopped",
                hint=again or f"What it made is kept. To go on with it: qgen resume {short(run_id)}",
            ) from error
        if error is not None and self._verbose and not isinstance(error, QgenError):
            print(mask("".join(traceback.format_exception(error))), file=sys.stderr, end="")
        return error

    def _is_recorded(self, run_id: UUID) -> bool:
        from qgen_dagster.bank.runs import get_run

        with self._bank.begin() as tx:
            return get_run(tx, run_id) is not None

    def _dagster(self) -> DagsterLauncher:
        if self._opened is None:
            from qgen_dagster.defs.launcher import open_launcher

            self._opened = self._stack.enter_context(open_launcher(self._settings, self._progress, self._bank))
        return self._opened
