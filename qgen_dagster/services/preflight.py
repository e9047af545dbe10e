"""Before a run asks language models for questions: each model that it may need is asked once, cheaply.

A model that is retired or refuses such calls is passed over for the whole run where another one can do its work; a
provider whose key or account does not work is stopped by its gate, as at any call. Whatever is found is said before
work starts. Not here: the call itself and what its outcome means (`live_check.py`), choosing models (`routing.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from qgen_dagster.config.llm import PROCEDURAL
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.progress import Notice
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.calls import Caller
from qgen_dagster.services.findings import Finding, Health
from qgen_dagster.services.live_check import AT_ONCE, NO_RETRIES, ask
from qgen_dagster.services.work import Work
from qgen_dagster.services.writers import Writers


def preflight(work: Work, strata: Iterable[Stratum]) -> list[Finding]:
    """What is wrong with the models that questions of these strata may need; empty where all is well.

    The calls belong to the run: they are in its journal, its cost and its budget. A model that has answered is not
    asked again when the run goes on, and nobody is asked where the item models make all of it.
    """
    writers = work.writers
    if writers is None or work.options.skip_preflight:
        return []
    models = _needed(writers, strata)
    caller = Caller(
        work.calls.journal, max_concurrent=AT_ONCE, clock=work.timer, retry=NO_RETRIES, budget=work.calls.budget
    )

    async def ask_all() -> list[Finding]:
        try:
            return await asyncio.gather(*(ask(writers.desk, caller, model, work.run_id) for model in models))
        finally:
            await caller.settled()

    wrong: list[Finding] = []
    for model, finding in zip(models, work.calls.run(ask_all()) if models else [], strict=True):
        if finding.health is Health.FAIL:
            wrong.append(finding)
            follows = _consequence(writers, model, finding)
            work.progress(Notice(f"{finding.detail}{follows} {finding.mend or ''}".rstrip()))
    return wrong


def _needed(writers: Writers, strata: Iterable[Stratum]) -> list[str]:
    """The models that make these strata's questions, solve and judge them, each once; none if item models make all."""
    made = [model for stratum in strata for model in writers.generators(stratum)[:_TIERS]]
    makers = [model for model in dict.fromkeys(made) if model != PROCEDURAL]
    judges = writers.desk.config.judges
    judging = [model for model in (*judges.solvers, *judges.arbiters) if writers.desk.can_ask(model)]
    return list(dict.fromkeys([*makers, *judging])) if makers else []


def _consequence(writers: Writers, model: str, finding: Finding) -> str:
    if finding.exit_code is not ExitCode.CONFIGURATION:
        return "."
    writers.desk.pass_over(model)
    return ": this run passes it over where another model can do its work."


_TIERS = 2  # the chain behind primary and fallback is for a bad day, and too long to be asked every time
