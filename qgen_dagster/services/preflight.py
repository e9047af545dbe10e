"""Before a run asks language models for anything: each model that it may need is asked once, cheaply.

A model that is retired or refuses such calls is passed over for the whole run where another one can do its work; a
provider whose key or account does not work is stopped by its gate, as at any call. Whatever is found is said before
work starts. Runs of questions and of drills share it. Not here: which models those are (`writers.py`,
`drill_designers.py`), the call itself and what its outcome means (`live_check.py`), choosing models (`routing.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol
from uuid import UUID

from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.progress import Notice, Progress
from qgen_dagster.generation.calls import Caller
from qgen_dagster.services.calls import Calls
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.findings import Finding, Health
from qgen_dagster.services.live_check import AT_ONCE, NO_RETRIES, ask


class RunAtWork(Protocol):
    """What is needed of a run, whatever it makes."""

    @property
    def run_id(self) -> UUID: ...
    @property
    def calls(self) -> Calls: ...
    @property
    def timer(self) -> Callable[[], float]: ...
    @property
    def progress(self) -> Progress: ...


def preflight(run: RunAtWork, desk: Desk, models: Sequence[str]) -> list[Finding]:
    """What is wrong with the models, which the desk then passes over; empty where all is well.

    The calls belong to the run: they are in its journal, its cost and its budget. A model that has answered is not
    asked again when the run goes on.
    """
    caller = Caller(
        run.calls.journal, max_concurrent=AT_ONCE, clock=run.timer, retry=NO_RETRIES, budget=run.calls.budget
    )

    async def ask_all() -> list[Finding]:
        try:
            return await asyncio.gather(*(ask(desk, caller, model, run.run_id) for model in models))
        finally:
            await caller.settled()

    wrong: list[Finding] = []
    for model, finding in zip(models, run.calls.run(ask_all()) if models else [], strict=True):
        if finding.health is Health.FAIL:
            wrong.append(finding)
            follows = _consequence(desk, model, finding)
            run.progress(Notice(f"{finding.detail.rstrip('.')}{follows} {finding.mend or ''}".rstrip()))
    return wrong


def _consequence(desk: Desk, model: str, finding: Finding) -> str:
    if finding.exit_code is not ExitCode.CONFIGURATION:
        return "."
    desk.pass_over(model)
    return ": this run passes it over where another one can do its work."
