"""Runs that ended while their batch jobs were under way: which can be gone on with now.

It only looks: results are collected by the run itself when it goes on. Not here: a run's own jobs (`batch_jobs.py`),
starting runs (`defs/`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from uuid import UUID

from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.jobs import StoredJob
from qgen_dagster.bank.locks import is_run_alive
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.generation.llm import JobStatus, LlmBatchClient
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.registry import open_batch_client
from qgen_dagster.services.work import now

PATIENCE = 40.0  # seconds; whoever asks for a sensor's answer waits for a minute


def waiting_runs(bank: Bank, *, since: datetime | None = None) -> list[UUID]:
    """The runs that have batch jobs (made since then) under way and are at work nowhere, the longest waiting first."""
    with bank.begin() as tx:
        return [run_id for run_id in job_rows.waiting_runs(tx, since=since) if not is_run_alive(tx, run_id)]


def runs_to_go_on_with(
    bank: Bank,
    environment: Mapping[str, str],
    run_ids: Sequence[UUID],
    *,
    clock: Callable[[], datetime] = now,
    tell: Callable[[str], object] = lambda line: None,
) -> dict[UUID, str]:
    """Those of the runs whose jobs have all ended, each with the label of its newest job.

    A job that never arrived counts as ended: the run hands it in again. What cannot be asked about now is not ended.
    """
    with bank.begin() as tx:
        jobs = {run_id: job_rows.open_jobs(tx, run_id) for run_id in run_ids}
    watch = _Watch(bank, environment, clock, tell)
    over = asyncio.run(watch.over([job for of_run in jobs.values() for job in of_run]))
    return {
        run_id: of_run[-1].label for run_id, of_run in jobs.items() if of_run and all(job.id in over for job in of_run)
    }


class _Watch:
    """Asks providers about jobs, all at once."""

    def __init__(
        self,
        bank: Bank,
        environment: Mapping[str, str],
        clock: Callable[[], datetime],
        tell: Callable[[str], object],
    ) -> None:
        self._bank = bank
        self._environment = environment
        self._clock = clock
        self._tell = tell
        self._clients: dict[str, LlmBatchClient] = {}

    async def over(self, jobs: Sequence[StoredJob]) -> set[UUID]:
        """The ids of the jobs that have ended."""
        async with AsyncExitStack() as stack:
            for provider in {job.provider for job in jobs}:
                try:
                    client = open_batch_client(provider, self._environment)
                except ConfigurationError as error:
                    self._tell(error.message)
                    continue
                stack.push_async_callback(client.aclose)
                self._clients[provider] = client
            asked = [job for job in jobs if job.provider in self._clients]
            ended = await asyncio.gather(*(self._is_over(job) for job in asked))
        return {job.id for job, is_over in zip(asked, ended, strict=True) if is_over}

    async def _is_over(self, job: StoredJob) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                return await self._ask(job)
        except ProviderError as error:
            # The provider does not have it any more: the run sees to that when it goes on.
            gone = job.job_id is not None and error.category is ErrorCategory.INVALID_REQUEST
            self._tell(f"{job.provider} batch {job.job_id or job.label}: {error.message}")
            return gone
        except TimeoutError:
            self._tell(f"{job.provider} batch {job.job_id or job.label}: no answer within {PATIENCE:g} seconds")
            return False

    async def _ask(self, job: StoredJob) -> bool:
        client = self._clients[job.provider]
        if job.job_id is None:
            found = await client.find(job.label, since=job.created_at)
            if found is None:
                return True
            with self._bank.begin() as tx:
                job_rows.record_arrival(tx, job.id, found.id, self._clock())
        else:
            found = await client.poll(job.job_id)
        with self._bank.begin() as tx:
            job_rows.record_progress(tx, job.id, found.done, self._clock())
        return found.status is not JobStatus.RUNNING
