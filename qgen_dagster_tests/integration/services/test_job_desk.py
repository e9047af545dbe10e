"""Ending batch jobs by hand: at the real SDKs, with what was answered kept and the rest made online."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.job_list import ListedJob, list_jobs
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import AuthenticationError, ConfigurationError, QgenError
from qgen_dagster.core.job_state import JobState
from qgen_dagster.generation.llm import JobStatus
from qgen_dagster.generation.providers.registry import BATCH_FAMILIES
from qgen_dagster.services.job_desk import cancel, find_job
from qgen_dagster.services.run_record import read_record
from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.support.chain import run_chain
from qgen_dagster_tests.support.written import cost_of, with_models, work_on

HOUR = 3_600.0
BATCH = {"mode": "batch", "types": ("math",), "difficulties": ("easy", "medium"), "count": 20}


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm(batch_delay=HOUR) as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def handed_in(bank: Bank, settings: Settings, **options: object) -> ListedJob:
    """A run ends while its one job is under way."""
    run_chain(replace(work_on(bank, settings, **BATCH, **options), waits_for_jobs=False))
    [job] = jobs(bank)
    return job


def jobs(bank: Bank) -> list[ListedJob]:
    with bank.begin() as tx:
        return list_jobs(tx)


@pytest.mark.parametrize("family", BATCH_FAMILIES)
def test_a_cancelled_job_keeps_what_it_did_and_the_rest_is_made_online(
    family: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    job = handed_in(bank, keyed, provider=family)
    llm.advance(HOUR / 2)

    status = cancel(bank, keyed.provider_environment, job)

    assert status in (JobStatus.RUNNING, JobStatus.CANCELLED)
    assert jobs(bank)[0].state is JobState.RUNNING, "what it did is still to be collected"
    llm.advance(HOUR)

    async def sleep(_: float) -> None:
        llm.advance(HOUR)

    run_chain(replace(work_on(bank, keyed, job.run_id, **{**BATCH, "provider": family}), sleep=sleep))
    record = read_record(bank, job.run_id)
    assert record is not None
    [first] = [listed for listed in jobs(bank) if listed.id == job.id]
    assert (first.state, first.errors) == (JobState.CANCELLED, 0)
    assert llm.stats[family].task("generate").answered == 4, "each of the four batches was answered once"
    assert llm.stats.paid_twice == 0
    assert abs(Decimal(str(record.row["cost_usd"])) - cost_of(llm)) < Decimal("0.001")


def test_a_job_whose_id_was_lost_is_found_and_cancelled(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    job = handed_in(bank, keyed)
    lost = replace(job, job_id=None)
    cancel(bank, keyed.provider_environment, lost)
    llm.advance(HOUR)
    assert jobs(bank)[0].job_id == job.job_id


def test_a_job_that_never_arrived_needs_no_cancelling(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    job = handed_in(bank, keyed)
    assert cancel(bank, keyed.provider_environment, replace(job, job_id=None, label="qgen-nowhere")) is None


def test_a_refusal_is_told_and_changes_nothing(bank: Bank, keyed: Settings, settings: Settings, llm: FakeLlm) -> None:
    job = handed_in(bank, keyed)
    llm.script(Fault("500", 1.0, task="cancel"))
    with pytest.raises(QgenError, match="500"):
        cancel(bank, keyed.provider_environment, job)
    bad = with_models(settings, llm, OPENAI_API_KEY="bad-key").provider_environment
    with pytest.raises(AuthenticationError):
        cancel(bank, bad, job)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        cancel(bank, {}, job)
    assert jobs(bank) == [job]


def test_a_job_that_is_over_is_not_cancelled(bank: Bank, keyed: Settings) -> None:
    job = replace(handed_in(bank, keyed), state=JobState.EXPIRED)
    with pytest.raises(ConfigurationError, match="is over: expired"):
        cancel(bank, keyed.provider_environment, job)


def test_jobs_are_found_by_either_id(bank: Bank, keyed: Settings) -> None:
    job = handed_in(bank, keyed)
    assert job.job_id is not None
    assert find_job(bank, str(job.id)[:8]) == find_job(bank, job.job_id) == job
    with pytest.raises(ConfigurationError, match="no batch job 'ffff%'"):
        find_job(bank, "ffff%")
    with pytest.raises(ConfigurationError, match="too short"):
        find_job(bank, " a ")


def test_the_list_can_be_of_one_run_and_of_what_is_open(bank: Bank, keyed: Settings) -> None:
    job = handed_in(bank, keyed)

    def listed(run_id: UUID | None, *, open_only: bool) -> int:
        with bank.begin() as tx:
            return len(list_jobs(tx, run_id=run_id, open_only=open_only))

    assert listed(job.run_id, open_only=True) == listed(None, open_only=False) == 1
    assert listed(uuid4(), open_only=False) == 0
    assert (job.total, job.done, job.state) == (4, 0, JobState.RUNNING)
