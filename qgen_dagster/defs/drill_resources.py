"""The resource of the drill line: a run on one series, open for as long as the Dagster run lasts.

The series is the run's partition. A run that was launched without one plans a new series, whose id is the run's own.
Not here: what options mean (`services/drill_options.py`), what a run's life is (`services/drill_runs.py`).
"""

from contextlib import ExitStack
from typing import Any, cast
from uuid import UUID

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG
from pydantic import Field, PrivateAttr

from qgen_dagster.core.drills import DEFAULT_DRILLS, Phase
from qgen_dagster.core.errors import ConfigurationError, RunInterrupted
from qgen_dagster.defs.attempts import PROCESS_TAG, qgen_run_id, this_process
from qgen_dagster.defs.hosting import run_bank, run_progress, run_settings
from qgen_dagster.defs.partitions import register_series
from qgen_dagster.services.drill_options import (
    BuildOptions,
    SeriesOptions,
    make_build_options,
    make_series_options,
)
from qgen_dagster.services.drill_runs import SeriesRun
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT


class SeriesResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Options of one series. Those up to max_positions_per_phase count only where the series is not planned yet."""

    count: int = Field(default=DEFAULT_DRILLS, description="How many drills, 5 to 50.")
    phases: list[str] = Field(default=[phase.value for phase in Phase], description="Only these phases of the game.")
    seed: int | None = Field(default=None, description="The same seed takes the same positions; empty: a new one.")
    title: str | None = Field(default=None, description="A title; empty: made from the phases.")
    batch_size: int = Field(default=5, description="Drills per call.")
    max_positions_per_phase: int = Field(default=25, description="At most so many positions of a phase are loaded.")
    retry: bool = Field(default=True, description="Ask again for drills that earlier runs did not bring.")
    provider: str | None = Field(default=None, description="Only this provider; procedural: the built-in designer.")
    provider_tier: str = Field(default="primary", description="primary, fallback or balanced.")
    skip_preflight: bool = Field(default=False, description="Do not ask each model once before work starts.")
    max_concurrent: int = Field(default=DEFAULT_MAX_CONCURRENT, description="Provider calls at a time.")
    budget_usd: float | None = Field(default=None, description="Stop before spending more than this.")
    budget_tokens: int | None = Field(default=None, description="The same in tokens.")
    triggered_by: str = Field(default="manual", description="Recorded with the run.")

    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _session: SeriesRun | None = PrivateAttr(default=None)
    _planned: SeriesOptions | None = PrivateAttr(default=None)
    _stopped: bool = PrivateAttr(default=False)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Opens the bank and the run; nothing is recorded yet."""
        from qgen_dagster.services.drill_designers import check_designers
        from qgen_dagster.services.drill_runs import series_run

        values = {name: getattr(self, name) for name in type(self).model_fields}
        self._planned = make_series_options(**{name: values[name] for name in SeriesOptions.model_fields})
        build = make_build_options(**{name: values[name] for name in BuildOptions.model_fields})
        run = context.run
        if run is None or context.instance is None:
            raise ConfigurationError("the series resource works within a Dagster run only")
        check_designers(run_settings(), build)
        if run.tags.get(PROCESS_TAG) != this_process():
            context.instance.add_run_tags(run.run_id, {PROCESS_TAG: this_process()})
        run_id = UUID(qgen_run_id(context.instance, run))
        series_id = _series_of(context.instance, run, run_id)
        bank = self._stack.enter_context(run_bank())
        self._session = self._stack.enter_context(
            series_run(
                bank,
                run_settings(),
                series_id,
                run_id,
                build,
                progress=run_progress(context.log.info if context.log else print),
                should_stop=lambda: self._stopped,
            )
        )

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Closes the run's row, whatever ended the run, and gives its claims back."""
        if self._session is not None and context.instance is not None and context.run is not None:
            run = context.instance.get_run_by_id(context.run.run_id)
            if run is not None and run.status is dg.DagsterRunStatus.CANCELING:  # also when stopped between two steps
                self._session.failed(RunInterrupted("the run was stopped on request"))
        self._stack.close()

    @property
    def session(self) -> SeriesRun:
        """The run on the series, open during a Dagster run."""
        if self._session is None:
            raise ConfigurationError("the series resource works within a Dagster run only")
        return self._session

    @property
    def planned(self) -> SeriesOptions:
        """What a new series is about."""
        if self._planned is None:
            raise ConfigurationError("the series resource works within a Dagster run only")
        return self._planned

    def stop(self) -> None:
        """Asks the work under way to end in good order."""
        self._stopped = True


def series_config(series: SeriesOptions | None = None, build: BuildOptions | None = None) -> dict[str, Any]:
    """Dagster run config with these options."""
    chosen: dict[str, Any] = {}
    for options in (series, build):
        if options is not None:
            chosen |= options.model_dump(mode="json", exclude_none=True)
    if "budget_usd" in chosen:
        chosen["budget_usd"] = float(chosen["budget_usd"])  # Dagster's config knows no decimals
    return {"resources": {"series": {"config": chosen}}} if chosen else {}


def _series_of(instance: dg.DagsterInstance, run: dg.DagsterRun, run_id: UUID) -> UUID:
    """The run's partition as a series id. A run without one gets its own id as a new partition, for all its steps."""
    key = run.tags.get(PARTITION_NAME_TAG)
    if key is None:
        key = str(run_id)
        register_series(instance, [key])
        instance.add_run_tags(run.run_id, {PARTITION_NAME_TAG: key})
        cast("dict[str, str]", run.tags)[PARTITION_NAME_TAG] = key
    try:
        return UUID(key)
    except ValueError:
        raise ConfigurationError(
            f"partition {key!r} is not the id of a drill series",
            hint="Leave the partition empty for a new series, or choose one that exists.",
        ) from None
