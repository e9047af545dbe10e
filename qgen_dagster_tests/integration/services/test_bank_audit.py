"""The bank audited: keys proved again, the longest unchecked first; what does not hold goes, never below a floor."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.locks import hold_claims
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.audit import AuditAction, AuditFinding
from qgen_dagster.core.errors import BankBusyError, ConfigurationError, RunInterrupted
from qgen_dagster.services.bank_audit import AuditOutcome, audit_run, make_audit_options
from qgen_dagster.services.run_record import read_record
from qgen_dagster.services.work import Work, make_work
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.chain import NO_WAITING, run_chain
from qgen_dagster_tests.support.written import run_written, with_models, work_on

MATH = {"types": ("math",), "difficulties": ("easy",)}


def fill(bank: Bank, settings: Settings, count: int = 10) -> None:
    run_chain(work_on(bank, settings, count=count, provider="procedural", **MATH))


def audit(bank: Bank, settings: Settings, **options: Any) -> tuple[UUID, AuditOutcome]:
    chosen = make_audit_options(**options)
    work = replace(make_work(bank, settings, chosen.run_options(), uuid4()), retry=NO_WAITING)
    with audit_run(work, chosen) as run:
        outcome = run.check()
    return work.run_id, outcome


def rows(bank: Bank, query: str) -> list[tuple[Any, ...]]:
    with bank.begin() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def spoil(bank: Bank, count: int) -> set[UUID]:
    """Gives so many questions another key."""
    changed = rows(
        bank,
        "UPDATE questions SET content = jsonb_set(content, '{answer}', to_jsonb(((content->>'answer')::int + 1) % 4)) "
        f"WHERE id IN (SELECT id FROM questions ORDER BY id LIMIT {count}) RETURNING id",
    )
    return {question_id for (question_id,) in changed}


def active(bank: Bank) -> int:
    [(count,)] = rows(bank, "SELECT count(*) FROM questions WHERE is_active")
    return int(count)


def test_a_sound_bank_stays_as_it_is_and_says_when_it_was_verified(bank: Bank, settings: Settings) -> None:
    fill(bank, settings)
    run_id, outcome = audit(bank, settings)
    assert (outcome.due, outcome.checked, outcome.found(AuditFinding.PROVED)) == (10, 10, 10)
    assert active(bank) == 10
    assert rows(bank, "SELECT count(*) FROM questions WHERE verified_at IS NOT NULL") == [(10,)]
    record = read_record(bank, run_id)
    assert record is not None
    assert (record.row["kind"], record.row["status"], record.row["exit_code"]) == ("audit", "success", 0)
    assert [record.row[f"questions_{name}"] for name in ("requested", "evaluated", "approved", "rejected")] == [
        10,
        10,
        10,
        0,
    ]
    assert record.row["stop_reason"] == "checked 10 of 10 due, took out 0"


def test_a_wrong_key_is_taken_out_with_who_why_and_the_evidence(bank: Bank, settings: Settings) -> None:
    fill(bank, settings)
    wrong = spoil(bank, 2)
    run_id, outcome = audit(bank, settings, floor=5)
    assert outcome.ended(AuditAction.DEACTIVATED) == 2
    gone = rows(bank, "SELECT id, deactivated_by, deactivated_reason FROM questions WHERE NOT is_active")
    assert {question_id for question_id, _, _ in gone} == wrong
    assert all(actor == "audit" and str(run_id) in reason for _, actor, reason in gone)
    evidence = rows(bank, "SELECT evidence FROM question_audits WHERE action = 'deactivated'")
    assert all(found["finding"] == "wrong" and found["solver"] for (found,) in evidence)


def test_a_stratum_never_falls_below_the_floor(bank: Bank, settings: Settings) -> None:
    fill(bank, settings)
    spoil(bank, 6)
    _, outcome = audit(bank, settings, floor=7)
    assert (outcome.ended(AuditAction.DEACTIVATED), outcome.ended(AuditAction.SPARED)) == (3, 3)
    assert active(bank) == 7
    _, again = audit(bank, settings)  # the default floor is warning_min: nothing more may go
    assert (again.ended(AuditAction.DEACTIVATED), again.ended(AuditAction.SPARED)) == (0, 3)


def test_a_dry_run_takes_nothing_out(bank: Bank, settings: Settings) -> None:
    fill(bank, settings)
    spoil(bank, 2)
    _, outcome = audit(bank, settings, floor=0, dry_run=True)
    assert (outcome.ended(AuditAction.SPARED), active(bank)) == (2, 10)


def test_the_longest_unchecked_come_first_and_all_have_their_turn(bank: Bank, settings: Settings) -> None:
    fill(bank, settings)
    seen: list[UUID] = []
    for _ in range(2):
        run_id, outcome = audit(bank, settings, limit=5)
        assert outcome.due == 5
        seen += [q for (q,) in rows(bank, f"SELECT question_id FROM question_audits WHERE run_id = '{run_id}'")]
    assert len(set(seen)) == 10


def test_questions_without_anybody_who_can_solve_them_are_left_alone_and_do_not_stand_in_the_way(
    bank: Bank, settings: Settings
) -> None:
    fill(bank, settings)
    rows(
        bank,
        "UPDATE questions SET content = content - 'item_model', audited_at = NULL "
        "WHERE id IN (SELECT id FROM questions LIMIT 4) RETURNING id",
    )
    _, outcome = audit(bank, settings, limit=5)
    assert (outcome.checked, outcome.found(AuditFinding.PROVED)) == (5, 5)
    assert active(bank) == 10


def test_two_audits_at_once_are_one_too_many(bank: Bank, settings: Settings) -> None:
    fill(bank, settings)
    with hold_claims(bank) as claims:
        assert claims.claim_audit()
        with pytest.raises(BankBusyError, match="another audit"):
            audit(bank, settings)
    assert rows(bank, "SELECT count(*) FROM question_generation_runs WHERE kind = 'audit'") == [(0,)]


def test_a_stopped_audit_keeps_what_it_found_and_says_so(bank: Bank, settings: Settings) -> None:
    fill(bank, settings, 60)
    chosen = make_audit_options()
    stop = threading.Event()
    work: Work = replace(
        make_work(bank, settings, chosen.run_options(), uuid4()),
        should_stop=stop.is_set,
        progress=lambda event: stop.set(),
    )
    with pytest.raises(RunInterrupted), audit_run(work, chosen) as run:
        run.check()
    record = read_record(bank, work.run_id)
    assert record is not None
    assert (record.row["status"], record.row["questions_evaluated"]) == ("partial_failure", 50)
    assert record.row["stop_reason"].startswith("interrupted; checked 50 of 60 due")


@pytest.mark.parametrize(
    "options", [{"limit": 0}, {"floor": -1}, {"budget_usd": "nan"}, {"types": ("maths",)}, {"provider": "openai"}]
)
def test_options_that_cannot_be_are_refused(bank: Bank, settings: Settings, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        audit(bank, settings, **options)


# ── questions that language models wrote ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return with_models(settings, llm)


def test_written_questions_are_solved_blind_anew_by_other_families(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    run_written(bank, keyed, count=5, **MATH)
    before = llm.stats["openai"].calls
    run_id, outcome = audit(bank, keyed)
    assert (outcome.checked, outcome.found(AuditFinding.PROVED)) == (5, 5)
    record = read_record(bank, run_id)
    assert record is not None
    calls = {name: metrics["api_calls"] for name, metrics in record.row["provider_metrics"].items()}
    assert calls == {"anthropic": 5, "google": 5}
    assert llm.stats["openai"].calls == before
    assert record.row["cost_usd"] > 0
    assert audit(bank, keyed)[1].checked == 5  # and again: no old answer serves


def test_a_written_question_with_a_wrong_key_is_found(bank: Bank, keyed: Settings) -> None:
    run_written(bank, keyed, count=5, **MATH)
    wrong = spoil(bank, 1)
    _, outcome = audit(bank, keyed, floor=0)
    assert outcome.ended(AuditAction.DEACTIVATED) == 1
    assert {q for (q,) in rows(bank, "SELECT id FROM questions WHERE NOT is_active")} == wrong


def test_a_budget_ends_the_audit_and_what_is_left_is_due_next_time(bank: Bank, keyed: Settings) -> None:
    run_written(bank, keyed, count=20, **MATH)
    run_id, outcome = audit(bank, keyed, budget_tokens=20_000, max_concurrent=2)
    record = read_record(bank, run_id)
    assert record is not None
    assert 0 < outcome.checked < 20
    assert outcome.unanswered == 20 - outcome.checked
    assert (record.row["status"], record.row["stop_reason"].split(";")[0]) == ("success", "the budget is spent")
    assert active(bank) == 20


@pytest.mark.parametrize(("key", "code"), [("bad-key", 6), ("no-money", 5)])
def test_keys_and_accounts_that_do_not_work_decide_the_exit_code(
    bank: Bank, settings: Settings, keyed: Settings, llm: FakeLlm, key: str, code: int
) -> None:
    run_written(bank, keyed, count=5, **MATH)
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "XAI_API_KEY"), key)
    run_id, outcome = audit(bank, with_models(settings, llm, **keys, QGEN_OPENAI_COMPATIBLE_BASE_URL=""))
    record = read_record(bank, run_id)
    assert record is not None
    assert (outcome.checked, outcome.unanswered, active(bank)) == (0, 5, 5)
    assert (record.row["status"], record.row["exit_code"]) == ("failed", code)
