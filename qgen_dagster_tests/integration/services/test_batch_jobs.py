"""Runs in batch mode: jobs handed in, waited for and collected, over real SDKs and real HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.core.funnel import Loss
from qgen_dagster.core.progress import Notice, ProgressEvent
from qgen_dagster.generation.prices import Prices
from qgen_dagster.generation.providers.registry import BATCH_FAMILIES
from qgen_dagster.services.balance import plan_only
from qgen_dagster.services.budget import make_budget
from qgen_dagster.services.inventory import on_order
from qgen_dagster.services.job_watch import runs_to_go_on_with, waiting_runs
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_record import RunRecord, read_record
from qgen_dagster.services.runs import run_session
from qgen_dagster.services.work import Work, now
from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.support.chain import run_chain
from qgen_dagster_tests.support.written import cost_of, run_written, with_models, work_on

HOUR = 3_600.0
BATCH = {"mode": "batch", "types": ("math",), "difficulties": ("easy", "medium")}
families = pytest.mark.parametrize("family", BATCH_FAMILIES)
Prepare = Callable[[Work], Work]


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm(batch_delay=HOUR) as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def waiting(llm: FakeLlm, told: list[str] | None = None) -> Prepare:
    """Work for which half an hour passes at each wait, and which says here what it has to say."""

    def tell(event: ProgressEvent | Notice) -> None:
        if told is not None and isinstance(event, Notice):
            told.append(event.text)

    return lambda work: replace(work, sleep=passing(llm), progress=tell)


def passing(llm: FakeLlm, seconds: float = HOUR / 2) -> Callable[[float], Awaitable[None]]:
    async def sleep(_: float) -> None:
        llm.advance(seconds)

    return sleep


def unattended(work: Work) -> Work:
    return replace(work, waits_for_jobs=False)


def rows(bank: Bank, query: str) -> list[tuple[Any, ...]]:
    with bank.begin() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def jobs_of(bank: Bank, columns: str = "provider, purpose, state, total, replies, errors") -> list[tuple[Any, ...]]:
    return rows(bank, f"SELECT {columns} FROM llm_jobs ORDER BY created_at, provider")


def online_calls(llm: FakeLlm) -> int:
    return sum(model.answered for p in llm.stats.providers.values() for model in p.models.values())


def record_of(bank: Bank, run_id: UUID) -> RunRecord:
    record = read_record(bank, run_id)
    assert record is not None
    return record


def go_on(bank: Bank, settings: Settings, run_id: UUID, prepare: Prepare, **options: object) -> RunRecord:
    """Another attempt of the run."""
    run_chain(prepare(work_on(bank, settings, run_id, **options)))
    return record_of(bank, run_id)


def assert_the_books_agree(bank: Bank, record: RunRecord, llm: FakeLlm) -> None:
    """What the row says of calls, tokens and money is what the server has counted, and nothing was paid for twice."""
    stats = llm.stats
    metrics = record.row["provider_metrics"]
    for name, seen in stats.providers.items():
        answered = sum(m.answered + m.batch_answered for m in seen.models.values())
        if answered:
            assert metrics[name]["api_calls"] - metrics[name]["failures"] == answered
            assert metrics[name]["input_tokens"] == seen.tokens.input + seen.batch_tokens.input
            assert metrics[name]["output_tokens"] == seen.tokens.output + seen.batch_tokens.output
    assert abs(Decimal(str(record.row["cost_usd"])) - cost_of(llm)) < Decimal("0.001")
    assert stats.paid_twice == 0
    [(replies, digests)] = rows(
        bank, "SELECT count(*), count(DISTINCT request_hash) FROM llm_calls WHERE reply IS NOT NULL"
    )
    assert replies == digests


# ── a run whose jobs all end well ─────────────────────────────────────────────────────────────────────────────────────


@families
def test_questions_are_made_solved_and_judged_in_batch_jobs_alone_at_half_the_price(
    family: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    record = run_written(bank, keyed, waiting(llm), count=20, provider=family, **BATCH)
    assert (record.row["status"], record.funnel.inserted) == ("success", 20)
    assert online_calls(llm) == 0
    made, *judged = jobs_of(bank)
    assert made == (family, "generate", "ended", 4, 4, 0)
    assert [(purpose, state, replies) for _, purpose, state, _, replies, _ in judged] == [
        ("solve", "ended", 20),
        ("solve", "ended", 20),
        ("arbitrate", "ended", 20),
    ]
    assert_the_books_agree(bank, record, llm)
    assert abs(Decimal(str(record.row["cost_usd"])) * 2 - online_price(llm)) < Decimal("0.001")


def online_price(llm: FakeLlm) -> Decimal:
    """What the tokens of the batch jobs would have cost in single calls."""
    used = [(n, m, s.batch_tokens) for n, p in llm.stats.providers.items() for m, s in p.models.items()]
    prices = [
        Prices().cost(
            name,
            model,
            input_tokens=tokens.input,
            output_tokens=tokens.output,
            cached_tokens=tokens.cached,
            cache_write_tokens=tokens.cache_write,
        )
        for name, model, tokens in used
    ]
    return sum((usd for usd in prices if usd is not None), Decimal())


def test_waiting_is_told_line_by_line(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    told: list[str] = []
    run_written(bank, keyed, lambda work: replace(waiting(llm, told)(work), sleep=passing(llm, 60)), count=20, **BATCH)
    [(job_id,)] = rows(bank, "SELECT job_id FROM llm_jobs WHERE purpose = 'generate'")
    of_job = [line for line in told if job_id in line]
    assert of_job[0] == f"Waiting for openai batch {job_id}: 0/4 done"
    assert of_job[1:-1]
    assert of_job[-1] == f"openai batch {job_id} ended: 4/4 replies"
    assert len(set(of_job)) == len(of_job)


def test_a_solver_who_is_asked_third_goes_into_the_same_wave_as_arbiters(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    llm.control(solver_error_rate={"google": 0.4})
    three = with_models(settings, llm, XAI_API_KEY="", QGEN_OPENAI_COMPATIBLE_BASE_URL="")
    record = run_written(bank, three, waiting(llm), count=20, **BATCH)
    assert record.funnel.inserted == 20
    [third] = [
        total for provider, purpose, _, total, _, _ in jobs_of(bank) if (provider, purpose) == ("openai", "solve")
    ]
    [arbiter] = [total for _, purpose, _, total, _, _ in jobs_of(bank) if purpose == "arbitrate"]
    assert 0 < third == 20 - arbiter
    assert online_calls(llm) == third  # what an arbiter says of these is asked last, of a few
    assert_the_books_agree(bank, record, llm)


def test_a_model_without_a_batch_api_is_asked_online_and_this_is_said_once(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    told: list[str] = []
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), "")
    record = run_written(bank, with_models(settings, llm, **keys), waiting(llm, told), count=20, **BATCH)
    assert record.funnel.inserted == 20
    assert jobs_of(bank) == []
    assert [line for line in told if "grok-4.7" in line and "online" in line] == [
        "grok-4.7 cannot be asked in batch jobs: its calls are made online"
    ]


def test_without_any_key_batch_mode_changes_nothing_and_says_so(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    told: list[str] = []
    record = run_written(bank, settings, waiting(llm, told), count=4, **BATCH)
    assert record.row["status"] == "success"
    assert told == ["no language model has a key: no batch jobs are handed in"]


# ── jobs that do not bring everything ─────────────────────────────────────────────────────────────────────────────────


@families
def test_what_an_expired_job_did_is_kept_and_the_rest_is_made_online(
    family: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.control(batch_outcome="expired")
    record = run_written(bank, keyed, waiting(llm), count=20, provider=family, **BATCH)
    assert (record.row["status"], record.funnel.inserted) == ("success", 20)
    brought = 0 if family == "google" else 2  # it gives no results of an expired job
    assert jobs_of(bank)[0] == (family, "generate", "expired", 4, brought, 0)
    assert llm.stats[family].task("generate").answered == 4
    assert online_calls(llm) > 0
    assert_the_books_agree(bank, record, llm)


@families
def test_calls_that_failed_within_a_job_are_on_record_and_made_online(
    family: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    kinds = ("500", "empty", "refusal")
    llm.script(*(Fault(kind, calls=(n,), api="batch", task="generate") for n, kind in enumerate(kinds, start=1)))
    record = run_written(bank, keyed, waiting(llm), count=20, provider=family, **BATCH)
    assert record.funnel.inserted == 20
    assert jobs_of(bank)[0] == (family, "generate", "ended", 4, 1, 3)
    failed = rows(bank, "SELECT fault, latency_seconds FROM llm_calls WHERE error_category IS NOT NULL ORDER BY fault")
    assert failed == [("empty", None), ("refused", None), ("status", None)]
    assert record.row["total_errors"] == 3
    [(twice,)] = rows(bank, "SELECT count(*) - count(DISTINCT request_hash) FROM llm_calls WHERE reply IS NOT NULL")
    assert twice == 0
    assert abs(Decimal(str(record.row["cost_usd"])) - cost_of(llm)) < Decimal("0.001")


@families
def test_the_partial_text_of_a_reply_cut_off_in_a_job_counts_like_online(
    family: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.script(Fault("truncated", calls=(1,), api="batch", task="generate"))
    record = run_written(bank, keyed, waiting(llm), count=20, provider=family, **BATCH)
    assert jobs_of(bank)[0] == (family, "generate", "ended", 4, 4, 0)
    assert record.funnel.balance == 0
    assert abs(Decimal(str(record.row["cost_usd"])) - cost_of(llm)) < Decimal("0.001")


@pytest.mark.parametrize("family", ["openai", "google"])
def test_a_job_that_failed_as_a_whole_is_made_online(family: str, bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.control(batch_outcome="failed")
    told: list[str] = []
    record = run_written(bank, keyed, waiting(llm, told), count=20, provider=family, **BATCH)
    assert (record.row["status"], record.funnel.inserted) == ("success", 20)
    [(state, message)] = rows(bank, "SELECT state, message FROM llm_jobs WHERE purpose = 'generate'")
    assert state == "failed"
    assert any(message in line for line in told)
    assert_the_books_agree(bank, record, llm)


def test_where_only_jobs_are_wanted_batches_fail_and_nothing_is_made_online(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.control(batch_outcome="expired", batch_done_share=0.0)
    record = run_written(bank, keyed, waiting(llm), count=20, batch_only=True, **BATCH)
    assert (record.row["status"], record.row["exit_code"]) == ("failed", 2)
    assert record.funnel.losses == {Loss.NOT_GENERATED: 20}
    assert online_calls(llm) == 0
    [(error,)] = set(rows(bank, "SELECT error FROM question_batches"))
    assert error == "openai's batch job expired without it; only batch jobs are wanted"


def test_where_only_jobs_are_wanted_candidates_wait_and_go_into_new_jobs_when_the_run_is_resumed(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    async def sleep(_: float) -> None:
        llm.advance(2 * HOUR)
        llm.control(batch_outcome="expired", batch_done_share=0.5)  # of the jobs that are handed in from now on

    work = replace(work_on(bank, keyed, count=20, batch_only=True, **BATCH), sleep=sleep)
    run_chain(work)
    llm.control(batch_outcome="completed")
    before = record_of(bank, work.run_id)
    assert before.row["stop_reason"] == "20 questions wait: qgen resume"
    assert [job[2] for job in jobs_of(bank)] == ["ended", "expired", "expired"]
    assert online_calls(llm) == 0
    errors = {error for (error,) in rows(bank, "SELECT error FROM candidates")}
    assert any("only batch jobs are wanted" in error for error in errors)
    after = go_on(bank, keyed, work.run_id, waiting(llm), count=20, batch_only=True, **BATCH)
    assert (after.row["status"], after.funnel.inserted) == ("success", 20)
    assert online_calls(llm) == 0
    assert_the_books_agree(bank, after, llm)


# ── handing in ────────────────────────────────────────────────────────────────────────────────────────────────────────


@families
def test_a_job_whose_answer_was_lost_on_the_way_is_found_and_not_handed_in_again(
    family: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.script(Fault("reset", calls=(1,), task="batch", provider=family))
    record = run_written(bank, keyed, waiting(llm), count=20, provider=family, **BATCH)
    assert record.funnel.inserted == 20
    assert sum(provider.jobs for provider in llm.stats.providers.values()) == len(jobs_of(bank)) == 4
    assert online_calls(llm) == 0
    assert_the_books_agree(bank, record, llm)


@families
def test_a_job_that_did_not_arrive_is_handed_in_again(family: str, bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script(Fault("503", calls=(1,), task="batch", provider=family))
    record = run_written(bank, keyed, waiting(llm), count=20, provider=family, **BATCH)
    assert record.funnel.inserted == 20
    assert sum(provider.jobs for provider in llm.stats.providers.values()) == 4
    assert online_calls(llm) == 0


@pytest.mark.parametrize("kind", ["400", "503"])
def test_what_a_provider_does_not_take_is_made_online(kind: str, bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script(Fault(kind, 1.0, task="batch", provider="openai"))
    record = run_written(bank, keyed, waiting(llm), count=20, **BATCH)
    assert record.funnel.inserted == 20
    assert jobs_of(bank)[0][:3] == ("openai", "generate", "failed")
    assert llm.stats["openai"].jobs == 0
    assert online_calls(llm) == 4


def test_errors_while_waiting_pass(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script(
        *(Fault(kind, calls=(n,), task="poll") for n, kind in enumerate(("429", "reset", "malformed_body"), start=1)),
        Fault("503", calls=(1,), task="results"),
    )
    record = run_written(bank, keyed, waiting(llm), count=20, **BATCH)
    assert record.funnel.inserted == 20
    assert online_calls(llm) == 0
    assert_the_books_agree(bank, record, llm)


# ── budgets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_job_takes_no_more_calls_than_the_budget_has_room_for_and_the_rest_follows(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    record = run_written(bank, keyed, waiting(llm), count=20, budget_usd="0.06", **BATCH)
    made = [job for job in jobs_of(bank) if job[1] == "generate"]
    assert len(made) > 1  # what the first job left unspent had room for another
    assert sum(job[3] for job in made) == 4
    assert record.row["cost_usd"] <= Decimal("0.06")
    assert record.funnel.balance == 0


def test_a_job_under_way_counts_with_its_worst_case_for_everybody(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    work = unattended(work_on(bank, keyed, count=20, **BATCH))
    run_chain(work)
    [(worst,)] = rows(bank, "SELECT worst_usd FROM llm_jobs")
    limited = replace(keyed, budget_usd_per_day=worst + Decimal("0.01"))

    def room(clock_ahead: timedelta = timedelta()) -> bool:
        budget = make_budget(bank, limited, work.options, work.run_id, lambda: work.clock() + clock_ahead)
        return bool(budget.has_room(Decimal("0.02"), 0))  # type: ignore[attr-defined]

    assert not room()
    assert room(timedelta(days=3))  # by then it is over, collected or not
    llm.advance(2 * HOUR)
    go_on(bank, keyed, work.run_id, waiting(llm), count=20, **BATCH)
    assert room()


# ── nobody waits, or not to the end ───────────────────────────────────────────────────────────────────────────────────


def test_a_run_stopped_while_it_waits_says_so_and_the_next_attempt_goes_on_waiting(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    work = work_on(bank, keyed, count=20, **BATCH)
    stopped = replace(work, sleep=sleep, should_stop=lambda: len(asked) >= 20)
    with pytest.raises(RunInterrupted):
        run_chain(stopped)
    row = record_of(bank, work.run_id).row
    assert (row["status"], row["stop_reason"]) == ("partial_failure", "interrupted; waits for 1 batch job")
    assert max(asked) <= 1  # so a run is never far from noticing that it is asked to stop
    record = go_on(bank, keyed, work.run_id, waiting(llm), count=20, **BATCH)
    assert (record.row["status"], record.row["stop_reason"]) == ("success", "finished")
    assert llm.stats["openai"].jobs == 1
    assert_the_books_agree(bank, record, llm)


def test_a_run_that_nobody_waits_for_ends_truthfully_and_is_gone_on_with_when_its_jobs_have_ended(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    work = unattended(work_on(bank, keyed, count=20, **BATCH))
    run_chain(work)
    run_id, environment = work.run_id, keyed.provider_environment
    reasons = []
    for _ in range(5):
        record = record_of(bank, run_id)
        reasons.append(record.row["stop_reason"])
        if record.row["status"] == "success":
            break
        assert (record.row["status"], record.row["exit_code"]) == ("partial_failure", 1)
        assert (record.funnel.pending, record.funnel.balance) == (20, 0)
        assert waiting_runs(bank) == [run_id]
        assert runs_to_go_on_with(bank, environment, [run_id]) == {}
        llm.advance(2 * HOUR)
        assert list(runs_to_go_on_with(bank, environment, [run_id])) == [run_id]
        go_on(bank, keyed, run_id, unattended, count=20, **BATCH)
    assert reasons == ["waits for 1 batch job", "waits for 2 batch jobs", "waits for 1 batch job", "finished"]
    assert waiting_runs(bank) == []
    assert online_calls(llm) == 0
    assert_the_books_agree(bank, record, llm)


def test_candidates_whose_calls_are_in_a_job_are_left_alone_by_other_runs(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    work = unattended(work_on(bank, keyed, count=20, **BATCH))
    run_chain(work)
    llm.advance(2 * HOUR)
    go_on(bank, keyed, work.run_id, unattended, count=20, **BATCH)
    assert record_of(bank, work.run_id).row["stop_reason"] == "waits for 2 batch jobs"
    other = work_on(bank, keyed, count=20)
    with run_session(other) as session:
        assert session.enter(other.strata) == []


def test_what_a_waiting_run_has_ordered_is_not_planned_again(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    run_chain(unattended(work_on(bank, keyed, count=20, **BATCH)))
    ordered = on_order(bank, now())
    assert ordered.total() == 20
    _, plan = plan_only(bank, keyed, RunOptions(fill=True))
    assert plan.total_questions == 18 * 50 - 20
    assert all(plan.allocations[stratum] == 50 - count for stratum, count in ordered.items())
    assert on_order(bank, now() + timedelta(days=2)).total() == 0  # such a job is over, whatever became of it


def test_a_job_whose_id_was_lost_is_found_also_by_whoever_only_watches(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    work = unattended(work_on(bank, keyed, count=20, **BATCH))
    run_chain(work)
    rows_before = jobs_of(bank, "job_id")
    with bank.begin() as tx:
        tx.execute(text("UPDATE llm_jobs SET job_id = NULL, state = 'prepared'"))
    assert runs_to_go_on_with(bank, keyed.provider_environment, [work.run_id]) == {}
    assert jobs_of(bank, "job_id") == rows_before


def test_a_job_that_never_arrived_is_handed_in_anew(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    work = work_on(bank, keyed, count=20, **BATCH)
    run_chain(unattended(work))
    with bank.begin() as tx:
        tx.execute(text("UPDATE llm_jobs SET job_id = NULL, state = 'prepared', label = 'nobody-knows-it'"))
    llm.advance(2 * HOUR)
    assert list(runs_to_go_on_with(bank, keyed.provider_environment, [work.run_id])) == [work.run_id]
    record = go_on(bank, keyed, work.run_id, waiting(llm), count=20, **BATCH)
    assert [state for (state,) in jobs_of(bank, "state")] == ["lost", "ended", "ended", "ended", "ended"]
    assert record.funnel.inserted == 20


def test_a_job_that_the_provider_does_not_know_any_more_is_made_online(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    work = work_on(bank, keyed, count=20, **BATCH)
    run_chain(unattended(work))
    with bank.begin() as tx:
        tx.execute(text("UPDATE llm_jobs SET job_id = 'batch_of_long_ago'"))
    assert list(runs_to_go_on_with(bank, keyed.provider_environment, [work.run_id])) == [work.run_id]
    record = go_on(bank, keyed, work.run_id, waiting(llm), count=20, **BATCH)
    assert jobs_of(bank, "state")[0] == ("failed",)
    assert record.funnel.inserted == 20


@pytest.mark.parametrize("key", ["bad-key", ""])
def test_without_a_good_key_a_job_is_neither_given_up_nor_made_anew(
    key: str, bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    work = work_on(bank, keyed, count=20, **BATCH)
    run_chain(unattended(work))
    llm.advance(2 * HOUR)
    keyless = with_models(keyed, llm, OPENAI_API_KEY=key)
    assert runs_to_go_on_with(bank, keyless.provider_environment, [work.run_id]) == {}
    told: list[str] = []
    record = go_on(bank, keyless, work.run_id, waiting(llm, told), count=20, **BATCH)
    assert (record.row["exit_code"], record.row["stop_reason"]) == (6, "waits for 1 batch job")
    assert any("cannot be asked about" in line for line in told)
    assert online_calls(llm) == 0
    record = go_on(bank, keyed, work.run_id, waiting(llm), count=20, **BATCH)
    assert (record.row["status"], record.row["exit_code"], record.funnel.inserted) == ("success", 0, 20)
    assert llm.stats["openai"].jobs == 1
    assert_the_books_agree(bank, record, llm)


def test_a_job_ends_once_however_often_it_is_collected(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    work = work_on(bank, keyed, count=20, **BATCH)
    run_chain(unattended(work))
    with bank.begin() as tx:
        [job] = job_rows.open_jobs(tx, work.run_id)
        ends = [
            job_rows.finish_job(tx, job.id, job_rows.JobEnd(state), work.clock())
            for state in (job_rows.JobState.ENDED, job_rows.JobState.EXPIRED)
        ]
    assert ends == [True, False]
    assert jobs_of(bank, "state") == [("ended",)]
