"""The one resource: a qgen run, open for as long as the Dagster run lasts.

Its config is the run's options, the same names as the CLI's flags. Not here: what options mean
(`services/options.py`), what a run's life is (`services/runs.py`).
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any
from uuid import UUID

import dagster as dg
from pydantic import Field, PrivateAttr

from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError, RunInterrupted
from qgen_dagster.defs.attempts import PROCESS_TAG, qgen_run_id, this_process
from qgen_dagster.defs.hosting import is_hosted, run_bank, run_progress, run_settings
from qgen_dagster.defs.ranges import over_all_strata
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT, DEFAULT_MAX_ROUNDS, DEFAULT_MIN_SCORE, make_options
from qgen_dagster.services.runs import RunSession

PARENT_RUN_TAG = "qgen/parent_run_id"
ROUND_TAG = "qgen/round"
PLAN_TAG = "qgen/plan_run_id"  # a run that takes its share of another run's plan
STRATUM_TAG = "qgen/stratum"
JUDGED = dg.AssetKey("judged_questions")
WHOLE_CHAIN = "auto_balance"  # the job that runs over all strata when it is given none


class RunResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Options of one run. Leave everything as it is to fill what is missing, up to 50 per stratum."""

    count: int | None = Field(default=None, description="How many questions in all; empty: what is missing.")
    target_per_stratum: int = Field(default=50, description="How many active questions each stratum should have.")
    fill: bool = Field(default=False, description="Plan the whole deficit, and go on in rounds until it is gone.")
    max_rounds: int = Field(default=DEFAULT_MAX_ROUNDS, description="At most so many rounds when filling.")
    types: list[str] = Field(default_factory=list, description="Only these question types; empty: all.")
    difficulties: list[str] = Field(default_factory=list, description="Only these difficulties; empty: all.")
    evenly: bool = Field(default=False, description="Spread the count evenly, whatever the stock.")
    batch_size: int = Field(default=5, description="Questions per provider call.")
    max_concurrent: int = Field(default=DEFAULT_MAX_CONCURRENT, description="Provider calls at a time.")
    asynchronous: bool = Field(default=True, description="False: one call at a time.")
    min_score: float = Field(default=DEFAULT_MIN_SCORE, description="Lowest arbiter score that is approved, 0–1.")
    provider: str | None = Field(default=None, description="Only this provider; procedural: no language model.")
    provider_tier: str = Field(default="primary", description="primary, fallback or balanced.")
    mode: str = Field(default="online", description="batch: batch jobs of the providers, half the price, up to a day.")
    batch_only: bool = Field(default=False, description="What a batch job does not bring is not made online.")
    budget_usd: float | None = Field(default=None, description="Stop before spending more than this.")
    budget_tokens: int | None = Field(default=None, description="The same in tokens.")
    healthy_threshold: int | None = Field(default=None, description="Overrides healthy_min of alerting.yaml.")
    warning_threshold: int | None = Field(default=None, description="Overrides warning_min of alerting.yaml.")
    critical_threshold: int | None = Field(default=None, description="Overrides critical_min of alerting.yaml.")
    skip_preflight: bool = Field(default=False, description="Do not ask each model once before work starts.")
    skip_inventory_alerts: bool = Field(default=False, description="Do not raise alerts about the stock.")
    alerting_config: str | None = Field(default=None, description="Another alerting.yaml.")
    triggered_by: str = Field(default="manual", description="Recorded with the run.")
    seed: str | None = Field(default=None, description="Makes procedural questions reproducible.")

    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _session: RunSession | None = PrivateAttr(default=None)
    _stopped: bool = PrivateAttr(default=False)
    _plan_run_id: UUID | None = PrivateAttr(default=None)
    _partition_keys: Sequence[str] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Opens the bank and the run's session; nothing is recorded yet."""
        from qgen_dagster.services.runs import run_session
        from qgen_dagster.services.work import make_work

        options = make_options(**{name: getattr(self, name) for name in type(self).model_fields})
        run = context.run
        if run is None or context.instance is None:
            raise ConfigurationError("the run resource works within a Dagster run only")
        settings = run_settings()
        if run.tags.get(PROCESS_TAG) != this_process():
            context.instance.add_run_tags(run.run_id, {PROCESS_TAG: this_process()})
        if run.job_name == WHOLE_CHAIN:
            over_all_strata(context.instance, run, [stratum.key for stratum in settings.taxonomy.strata])
        bank = self._stack.enter_context(run_bank())
        work = make_work(
            bank,
            settings,
            options,
            UUID(qgen_run_id(context.instance, run)),
            progress=run_progress(context.log.info if context.log else print),
            should_stop=lambda: self._stopped,
        )
        # A run that Dagster started ends while its batch jobs are under way; the sensor `llm_jobs` goes on with it.
        work = replace(work, waits_for_jobs=is_hosted())
        parent, plan = run.tags.get(PARENT_RUN_TAG), run.tags.get(PLAN_TAG)
        self._plan_run_id = UUID(plan) if plan else None
        self._session = self._stack.enter_context(
            run_session(
                work,
                parent_run_id=UUID(parent) if parent else None,
                round_=int(run.tags.get(ROUND_TAG, "1")),
                judges_along=run.asset_selection is None or JUDGED in run.asset_selection,
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
    def session(self) -> RunSession:
        """The run's session, open during a Dagster run."""
        if self._session is None:
            raise ConfigurationError("the run resource works within a Dagster run only")
        return self._session

    @property
    def settings(self) -> Settings:
        return self.session.work.settings

    @property
    def plan_run_id(self) -> UUID | None:
        """The run whose plan this one takes a share of."""
        return self._plan_run_id

    def partition_keys(self, context: dg.AssetExecutionContext) -> Sequence[str]:
        """The run's partitions, which are those of each of its stages. Asked once: Dagster reads them from storage."""
        if self._partition_keys is None:
            self._partition_keys = context.partition_keys
        return self._partition_keys

    def stop(self) -> None:
        """Asks the stage under way to end in good order."""
        self._stopped = True


def run_config(**options: Any) -> dict[str, Any]:
    """Dagster run config with these options."""
    if options.get("budget_usd") is not None:
        options["budget_usd"] = float(options["budget_usd"])  # Dagster's config knows no decimals
    return {"resources": {"run": {"config": options}}} if options else {}
