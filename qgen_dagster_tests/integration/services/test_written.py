"""The chain with language models over real SDKs and real HTTP: made, solved blind, judged, inserted, paid for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import ConfigurationError, RunInterrupted
from qgen_dagster.core.funnel import Loss
from qgen_dagster.generation.prompts.files import packaged_text
from qgen_dagster.services.balance import plan_only
from qgen_dagster.services.dry_run import dry_run
from qgen_dagster.services.options import make_options
from qgen_dagster.services.writers import check_provider
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.chain import run_chain
from qgen_dagster_tests.support.written import cost_of, run_written, with_models, work_on

MATH = {"types": ("math",), "difficulties": ("easy", "medium")}


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def rows(bank: Bank, query: str) -> list[tuple[object, ...]]:
    with bank.begin() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def test_questions_are_made_by_one_provider_and_solved_and_judged_by_others(bank: Bank, keyed: Settings) -> None:
    record = run_written(bank, keyed, count=10, **MATH)
    assert (record.row["status"], record.funnel.inserted) == ("success", 10)
    [(judged, solvers)] = set(rows(bank, "SELECT provider, judgement->'solution'->>'solver' FROM candidates"))
    assert judged == "openai"
    assert isinstance(solvers, str)
    assert {name.split("/")[0] for name in solvers.split(", ")} == {"anthropic", "google"}
    assert {p for (p,) in rows(bank, "SELECT provider FROM llm_calls WHERE purpose = 'arbitrate'")} == {"google"}


def test_the_row_tells_what_the_server_counted_and_what_it_cost(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    record = run_written(bank, keyed, count=20)
    metrics = record.row["provider_metrics"]
    for name, seen in llm.stats.providers.items():
        if seen.calls:
            assert metrics[name]["api_calls"] == seen.calls
            assert metrics[name]["input_tokens"] == seen.tokens.input
            assert metrics[name]["output_tokens"] == seen.tokens.output
    assert abs(Decimal(str(record.row["cost_usd"])) - cost_of(llm)) < Decimal("0.001")


def test_the_row_names_the_prompts_and_the_judging_that_it_was_made_by(
    bank: Bank, keyed: Settings, tmp_path: Path
) -> None:
    first, again = (run_written(bank, keyed, count=5, **MATH).row for _ in range(2))
    assert first["prompt_version"].startswith("generate/1@")
    assert first["arbiter_config_version"].startswith("judges@")
    assert again["prompt_version"] == first["prompt_version"]
    (tmp_path / "generate.yaml").write_text((packaged_text("generate") or "").replace("No jokes", "No puns"))
    other = run_written(bank, replace(keyed, prompts_folder=tmp_path), count=5, **MATH).row
    assert other["prompt_version"] != first["prompt_version"]
    assert other["arbiter_config_version"] == first["arbiter_config_version"]
    assert run_written(bank, keyed, count=5, provider="procedural", **MATH).row["prompt_version"] is None


def test_a_wrong_key_never_reaches_the_bank(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script("wrong_key:1:provider=openai:count=1")
    record = run_written(bank, keyed, count=5, types=("math",), difficulties=("easy",))
    findings = {
        f
        for (f,) in rows(bank, "SELECT judgement->'solution'->>'finding' FROM candidates WHERE question_id IS NOT NULL")
    }
    assert findings <= {"proved"}
    assert record.funnel.balance == 0
    reasons = {r for (r,) in rows(bank, "SELECT reason FROM candidates WHERE state IN ('rejected', 'superseded')")}
    assert "wrong_key" in reasons


def test_solvers_that_err_alone_are_outvoted(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.control(solver_error_rate={"google": 1.0})
    record = run_written(bank, keyed, count=5, types=("math",), difficulties=("easy",))
    assert record.funnel.inserted == 5
    [(answers,)] = set(rows(bank, "SELECT jsonb_array_length(judgement->'solution'->'answers') FROM candidates"))
    assert answers == 3


def test_no_key_at_all_leaves_the_work_to_the_item_models(bank: Bank, settings: Settings) -> None:
    record = run_written(bank, settings, count=2, **MATH)
    assert list(record.row["provider_metrics"]) == ["procedural"]


def test_a_provider_without_a_key_is_stood_in_for_and_this_is_said_once(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    from qgen_dagster.core.progress import Notice

    told: list[object] = []
    only = with_models(
        settings, llm, OPENAI_API_KEY="", GEMINI_API_KEY="", XAI_API_KEY="", QGEN_OPENAI_COMPATIBLE_BASE_URL=""
    )
    work = work_on(bank, only, count=5, types=("math",))
    object.__setattr__(work, "progress", told.append)
    run_chain(work)
    notices = [event.text for event in told if isinstance(event, Notice)]
    assert len(notices) == 1
    assert "gpt-6.1-terra" in notices[0]
    assert {p for (p,) in rows(bank, "SELECT DISTINCT provider FROM llm_calls")} == {"anthropic"}


@pytest.mark.parametrize(("key", "code", "reason"), [("bad-key", 6, "refused"), ("no-money", 5, "credit")])
def test_keys_and_accounts_that_do_not_work_decide_the_exit_code_when_nobody_else_can_serve(
    bank: Bank, settings: Settings, llm: FakeLlm, key: str, code: int, reason: str
) -> None:
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY"), key)
    broke = with_models(settings, llm, **keys, QGEN_OPENAI_COMPATIBLE_BASE_URL="")
    record = run_written(bank, broke, count=30, **MATH)
    assert (record.row["status"], record.row["exit_code"]) == ("failed", code)
    assert reason in record.row["stop_reason"]
    # Each provider was stopped at its first such answer, give or take the calls that were on their way.
    assert record.row["total_api_calls"] <= 4 * 6


def test_one_provider_without_money_is_replaced_and_the_run_is_whole(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    record = run_written(bank, with_models(settings, llm, OPENAI_API_KEY="no-money"), count=10, **MATH)
    assert (record.row["status"], record.row["exit_code"], record.funnel.inserted) == ("success", 0, 10)
    assert record.row["error_summary"]["by_category"]["billing_quota"] >= 1


def test_a_budget_ends_the_run_before_it_is_overspent(bank: Bank, keyed: Settings) -> None:
    record = run_written(bank, keyed, count=60, budget_usd="0.10", max_concurrent=4)
    assert 0 < record.row["cost_usd"] <= Decimal("0.10")
    assert (record.row["status"], record.row["exit_code"]) == ("partial_failure", 1)
    assert "budget" in record.row["stop_reason"]
    assert record.funnel.balance == 0


@pytest.mark.parametrize("max_concurrent", [1, 4, 50])
def test_a_budget_pays_for_whole_questions_not_for_many_halves(
    bank: Bank, keyed: Settings, llm: FakeLlm, max_concurrent: int
) -> None:
    llm.control(latency=0.02)  # many are under way at once
    record = run_written(bank, keyed, count=200, budget_usd="0.10", max_concurrent=max_concurrent)
    assert record.row["cost_usd"] <= Decimal("0.10")
    assert record.funnel.inserted > 0
    # A rejected question costs as much as one that is inserted; only what nobody could judge is money lost.
    assert record.funnel.pending <= 5
    assert record.funnel.inserted >= 0.8 * record.funnel.generated


def test_what_a_stopped_budget_left_waiting_goes_on_with_a_larger_one(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    work = work_on(bank, keyed, count=30, budget_usd="0.06", max_concurrent=1)
    run_chain(work)
    paid = llm.stats["openai"].task("generate").calls
    run_chain(work_on(bank, keyed, work.run_id, count=30))
    after = rows(bank, "SELECT count(*) FROM candidates WHERE state = 'generated'")
    assert after == [(0,)]
    assert llm.stats["openai"].paid_twice == 0
    assert llm.stats["openai"].task("generate").calls == paid  # failed batches stay failed; nothing is asked again


def test_a_stopped_run_pays_for_no_reply_twice(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    work = work_on(bank, keyed, count=40)
    replies = []

    def stop_after_some() -> bool:
        replies[:] = rows(bank, "SELECT 1 FROM llm_calls WHERE reply IS NOT NULL")
        return len(replies) >= 30

    llm.control(latency=0.05)
    object.__setattr__(work, "should_stop", stop_after_some)
    with pytest.raises(RunInterrupted):
        run_chain(work)
    in_flight = 20
    run_chain(work_on(bank, keyed, work.run_id, count=40))
    twice = sum(provider.paid_twice for provider in llm.stats.providers.values())
    assert twice <= in_flight
    [(inserted, pending)] = rows(
        bank, "SELECT questions_inserted, (funnel->'total'->>'pending')::int FROM question_generation_runs"
    )
    assert (inserted, pending) == (40, 0)


@pytest.mark.parametrize(
    "fault",
    [
        *(
            "429:0.3:retry_after=0",
            "500:0.3",
            "529:0.3:provider=anthropic",
            "reset:0.2",
            "html:0.2",
            "malformed_body:0.2",
        ),
        *("empty:0.3", "truncated:0.3", "wrong_schema:0.3", "malformed_text:0.3", "fences:0.5", "prose:0.5"),
        *("several_objects:0.3", "too_few:0.5", "too_many:0.5", "duplicates:0.5", "no_key:0.3"),
        *("key_letter:0.5", "key_index:0.5", "key_spacing:0.5", "ambiguous:0.3", "leak:0.3", "refusal:0.2"),
    ],
)
def test_no_fault_crashes_a_run_or_brings_an_unchecked_question_into_the_bank(
    bank: Bank, keyed: Settings, llm: FakeLlm, fault: str
) -> None:
    llm.script(fault)
    record = run_written(bank, keyed, count=15, types=("math",))
    assert record.row["status"] in ("success", "partial_failure")
    assert record.funnel.balance == 0
    assert record.funnel.inserted >= 5
    unproved = rows(
        bank,
        "SELECT 1 FROM candidates WHERE question_id IS NOT NULL "
        "AND (judgement->'solution'->>'finding' <> 'proved' OR arbiter_score IS NULL)",
    )
    assert unproved == []
    assert Loss.INSERTION_FAILED not in record.funnel.losses


def test_prompts_show_what_the_bank_has_already(bank: Bank, keyed: Settings, tmp_path: Path) -> None:
    run_written(bank, keyed, count=5, types=("math",), difficulties=("easy",))
    [(stem,)] = rows(bank, "SELECT stem FROM questions LIMIT 1")
    work = work_on(bank, keyed, count=5, types=("math",), difficulties=("easy",))
    assert work.writers is not None
    from qgen_dagster.generation.provider import BatchRequest

    stratum = work.strata[0]
    shown = [work.writers.provider._prompt(BatchRequest(stratum, 5, "seed", place)).user for place in range(0, 50, 5)]
    assert any(str(stem)[:40] in prompt for prompt in shown)
    work.close()


def test_nobody_stands_in_for_the_one_provider_that_was_asked_for(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    others = with_models(settings, llm, GEMINI_API_KEY="")
    for without in (settings, others):
        with pytest.raises(ConfigurationError, match="--provider google: no key is set"):
            check_provider(without, make_options(count=5, provider="google"))
    with pytest.raises(ConfigurationError, match="--provider google: no key is set"):
        run_chain(work_on(bank, settings, count=5, provider="google"))
    assert rows(bank, "SELECT count(*) FROM question_generation_runs") == [(0,)]
    with pytest.raises(ConfigurationError, match="--provider google: no key is set"):
        plan_only(bank, settings, make_options(count=5, provider="google"))
    with pytest.raises(ConfigurationError, match="a dry run asks no language model"):
        dry_run(others, make_options(count=5, provider="google"))
    for provider in (None, "procedural"):
        check_provider(settings, make_options(count=5, provider=provider))
