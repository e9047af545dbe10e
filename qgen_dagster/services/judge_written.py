"""Judging what language models wrote: all waiting candidates at once, each on its own.

A candidate is solved, then scored, and its end is written before the next thing happens to it; the calls of all share
the run's pool. Not here: the order of the gates (`judging/panel.py`), what follows from a verdict (`judging_steps.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.engine import run_all
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.services.grouped import Grouped
from qgen_dagster.services.judging_steps import Regenerations, Step, next_step, waits, write_steps
from qgen_dagster.services.runs import RunSession

NOBODY = "no provider that could solve and judge it has a key"


def judge_written_candidates(session: RunSession, strata: Sequence[Stratum], run_ids: Sequence[UUID]) -> bool:
    """Judges the waiting candidates that language models wrote; whether any moved on."""
    work = session.work
    with work.bank.begin() as tx:
        waiting = candidate_rows.in_state(tx, CandidateState.GENERATED, strata, run_ids)
    written = [candidate for candidate in waiting if candidate.question.item_model is None]
    if not written:
        return False
    stage = _Stage(session, Regenerations.of(work), Counter(c.stratum.key for c in written))
    jobs = [partial(stage.judge, candidate) for candidate in written]
    work.calls.run(run_all(jobs, work.calls.max_open, work.should_stop))
    return stage.progressed


class _Stage:
    """One pass over the waiting candidates."""

    def __init__(self, session: RunSession, regenerations: Regenerations, totals: Counter[str]) -> None:
        self.progressed = False
        self._session = session
        self._work = session.work
        self._writing = Grouped(self._write)
        self._regenerations = regenerations
        self._totals = totals
        self._done: Counter[str] = Counter()

    async def judge(self, candidate: Candidate) -> None:
        step = await self._step(candidate)
        await self._writing.do(step)
        self.progressed = self.progressed or step.progresses
        key = candidate.stratum.key
        self._done[key] += 1
        note = step.move.error or ""
        self._work.progress(ProgressEvent("Judged", key, self._done[key], self._totals[key], note=note))

    def _write(self, steps: Sequence[Step]) -> list[None]:
        write_steps(self._work, steps)
        return [None] * len(steps)

    async def _step(self, candidate: Candidate) -> Step:
        panel = self._work.writers.panel(candidate) if self._work.writers else None
        if panel is None:
            return waits(candidate, NOBODY)
        try:
            verdict = await panel.judge(candidate.question, str(candidate.id))
        except ProviderError as error:
            self._session.provider_stopped(error.category)
            return waits(candidate, error.message)
        return await next_step(self._work, candidate, verdict, self._regenerations)
