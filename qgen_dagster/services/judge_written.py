"""Judging what language models wrote: all waiting candidates at once, or each batch as soon as it is made.

A candidate is solved, then scored, and its end is written before the next thing happens to it; the calls of all share
the run's pool. Not here: the order of the gates (`judging/panel.py`), what follows from a verdict (`judging_steps.py`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.jobs import Job, Jobs, run_all
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.services.grouped import Grouped
from qgen_dagster.services.judging_steps import Regenerations, Step, next_step, waits, write_steps
from qgen_dagster.services.runs import RunSession
from qgen_dagster.services.waves import in_waves, next_calls

NOBODY = "no provider that could solve and judge it has a key"


def judge_written_candidates(session: RunSession, strata: Sequence[Stratum], run_ids: Sequence[UUID]) -> bool:
    """Judges the waiting candidates that language models wrote; whether any moved on."""
    work = session.work
    pages = candidate_rows.pages_in_state(work.bank.begin, CandidateState.GENERATED, strata, run_ids)
    written = ([candidate for candidate in page if candidate.question.item_model is None] for page in pages)
    judging = Judging(session)
    # Batch jobs belong to a run; what other runs left is judged at once.
    if work.jobs is None or list(run_ids) != [work.run_id]:
        jobs = Jobs()
        jobs.put_last([partial(judging.judge_pages, written, jobs.put_last)])
        work.calls.run(run_all(jobs, work.calls.max_open, work.should_stop))
    elif waiting := [candidate for page in written for candidate in page]:
        for group in in_waves(session, waiting, partial(next_calls, work)):
            work.calls.run(run_all(Jobs(judging.jobs(group)), work.calls.max_open, work.should_stop))
    return judging.progressed


class Judging:
    """One pass over candidates of a run that language models wrote."""

    def __init__(self, session: RunSession) -> None:
        self.progressed = False
        self._session = session
        self._work = session.work
        self._writing = Grouped(self._write)
        self._regenerations = Regenerations.of(session.work)
        self._totals: Counter[str] = Counter()
        self._done: Counter[str] = Counter()

    def jobs(self, candidates: Sequence[Candidate]) -> list[Job]:
        """One job per candidate."""
        self._totals.update(candidate.stratum.key for candidate in candidates)
        return [partial(self._judge, candidate) for candidate in candidates]

    async def judge_pages(self, pages: Iterator[Sequence[Candidate]], then: Callable[[Iterable[Job]], None]) -> None:
        """Hands over a job for each candidate of the next page, and one more for the pages behind it."""
        page = await asyncio.to_thread(next, pages, None)
        if page is not None:
            then([*self.jobs(page), partial(self.judge_pages, pages, then)])

    async def judge_batch(
        self, batch_id: UUID, then: Callable[[Iterable[Job]], None], over: Callable[[], None]
    ) -> None:
        """Hands over a job for each candidate that the batch has brought; calls `over` when the last one is done."""
        jobs = self.jobs(await asyncio.to_thread(self._waiting_of, batch_id))
        left = len(jobs)
        if not left:
            over()

        async def judged(job: Job) -> None:
            nonlocal left
            await job()
            left -= 1
            if not left:
                over()

        then([partial(judged, job) for job in jobs])

    def _waiting_of(self, batch_id: UUID) -> list[Candidate]:
        with self._work.bank.begin() as tx:
            return candidate_rows.waiting_of_batch(tx, batch_id)

    async def _judge(self, candidate: Candidate) -> None:
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
