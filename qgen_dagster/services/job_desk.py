"""Ending a batch job before the provider has done it.

The job stays open until its run goes on: that collects what was answered before the end, which is paid for, and asks
for the rest online. Not here: a run's own jobs (`batch_jobs.py`), looking at them (`job_watch.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from qgen_dagster.bank import job_list
from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.job_list import MIN_PREFIX, ListedJob
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import AuthenticationError, BillingError, ConfigurationError, QgenError
from qgen_dagster.core.job_state import OPEN
from qgen_dagster.generation.llm import Job, JobStatus
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.providers.registry import open_batch_client
from qgen_dagster.services.work import now

REFUSALS = {ErrorCategory.AUTHENTICATION: AuthenticationError, ErrorCategory.BILLING_QUOTA: BillingError}


def find_job(bank: Bank, name: str) -> ListedJob:
    """The job with this id (its first characters do) or the provider's. Raises ConfigurationError: none, or several."""
    hint = "See them with: qgen batch-jobs list"
    if len(name.strip()) < MIN_PREFIX:
        raise ConfigurationError(
            f"{name!r} is too short for a batch job", hint=f"Give at least {MIN_PREFIX} characters."
        )
    with bank.begin() as tx:
        found = job_list.find_jobs(tx, name.strip())
    if not found:
        raise ConfigurationError(f"no batch job {name!r}", hint=hint)
    if len(found) > 1:
        raise ConfigurationError(f"several batch jobs begin with {name!r}", hint="Give more of the id.")
    return found[0]


def cancel(bank: Bank, environment: Mapping[str, str], job: ListedJob) -> JobStatus | None:
    """Asks the provider to end the job; how it stands then, None where it never arrived there.

    Raises ConfigurationError for a job that is over and where its provider has no key, QgenError when the provider
    refuses or cannot be reached.
    """
    if job.state not in OPEN:
        raise ConfigurationError(f"batch job {str(job.id)[:8]} is over: {job.state.value}")
    try:
        return asyncio.run(_cancel(bank, environment, job))
    except ProviderError as error:
        refusal = REFUSALS.get(error.category, QgenError)
        raise refusal(error.message, hint="The job is as it was; the same command may be given again.") from None


async def _cancel(bank: Bank, environment: Mapping[str, str], job: ListedJob) -> JobStatus | None:
    client = open_batch_client(job.provider, environment)
    try:
        found: Job | None = None
        if job.job_id is None:
            found = await client.find(job.label, since=job.created_at)
            if found is None:
                return None
            with bank.begin() as tx:
                job_rows.record_arrival(tx, job.id, found.id, now())
        name = job.job_id or (found.id if found else "")
        await client.cancel(name)
        return (await client.poll(name)).status
    finally:
        await client.aclose()
