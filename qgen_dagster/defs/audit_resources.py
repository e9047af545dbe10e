"""The resource of an audit of the bank: its run, open for as long as the Dagster run lasts.

Not here: what options mean and what an audit does (`services/bank_audit.py`).
"""

from contextlib import ExitStack
from typing import Any
from uuid import UUID

import dagster as dg
from pydantic import Field, PrivateAttr

from qgen_dagster.core.errors import ConfigurationError, RunInterrupted
from qgen_dagster.defs.attempts import PROCESS_TAG, qgen_run_id, this_process
from qgen_dagster.defs.hosting import run_bank, run_progress, run_settings
from qgen_dagster.services.bank_audit import DEFAULT_LIMIT, AuditOptions, AuditRun, make_audit_options
from qgen_dagster.services.options import DEFAULT_MAX_CONCURRENT


class AuditResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Options of one audit. Leave everything as it is to look at the 500 questions that were longest unchecked."""

    limit: int = Field(default=DEFAULT_LIMIT, description="At most so many questions.")
    floor: int | None = Field(default=None, description="A stratum keeps so many; empty: warning_min of alerting.yaml.")
    types: list[str] = Field(default_factory=list, description="Only these question types; empty: all.")
    difficulties: list[str] = Field(default_factory=list, description="Only these difficulties; empty: all.")
    dry_run: bool = Field(default=False, description="Take nothing out, only tell what would be.")
    provider: str | None = Field(default=None, description="procedural: no language model is asked.")
    max_concurrent: int = Field(default=DEFAULT_MAX_CONCURRENT, description="Provider calls at a time.")
    budget_usd: float | None = Field(default=None, description="Stop before spending more than this.")
    budget_tokens: int | None = Field(default=None, description="The same in tokens.")
    triggered_by: str = Field(default="manual", description="Recorded with the run.")

    _stack: ExitStack = PrivateAttr(default_factory=ExitStack)
    _session: AuditRun | None = PrivateAttr(default=None)
    _stopped: bool = PrivateAttr(default=False)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Opens the bank and the run; nothing is recorded yet."""
        from qgen_dagster.services.bank_audit import audit_run
        from qgen_dagster.services.work import make_work

        run = context.run
        if run is None or context.instance is None:
            raise ConfigurationError("the audit resource works within a Dagster run only")
        options = make_audit_options(**{name: getattr(self, name) for name in AuditOptions.model_fields})
        if run.tags.get(PROCESS_TAG) != this_process():
            context.instance.add_run_tags(run.run_id, {PROCESS_TAG: this_process()})
        bank = self._stack.enter_context(run_bank())
        work = make_work(
            bank,
            run_settings(),
            options.run_options(),
            UUID(qgen_run_id(context.instance, run)),
            progress=run_progress(context.log.info if context.log else print),
            should_stop=lambda: self._stopped,
        )
        self._session = self._stack.enter_context(audit_run(work, options))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Closes the run's row, whatever ended the run, and gives its claims back."""
        if self._session is not None and context.instance is not None and context.run is not None:
            run = context.instance.get_run_by_id(context.run.run_id)
            if run is not None and run.status is dg.DagsterRunStatus.CANCELING:
                self._session.failed(RunInterrupted("the run was stopped on request"))
        self._stack.close()

    @property
    def session(self) -> AuditRun:
        """The audit, open during a Dagster run."""
        if self._session is None:
            raise ConfigurationError("the audit resource works within a Dagster run only")
        return self._session

    def stop(self) -> None:
        """Asks the work under way to end in good order."""
        self._stopped = True


def audit_config(options: AuditOptions) -> dict[str, Any]:
    """Dagster run config with these options."""
    chosen = options.model_dump(mode="json", exclude_none=True)
    if "budget_usd" in chosen:
        chosen["budget_usd"] = float(chosen["budget_usd"])  # Dagster's config knows no decimals
    return {"resources": {"audit": {"config": chosen}}}
