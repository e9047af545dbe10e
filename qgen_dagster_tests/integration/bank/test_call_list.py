"""The journal as it is read: filters, pages, averages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, text

from qgen_dagster.bank.call_list import CallFilter, averages, get_call, list_calls, recent_work
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.journal import JournalEntry, record_calls
from qgen_dagster.bank.tables import question_batches, runs


def add(tx: Transaction, count: int = 1, run_id: UUID | None = None, **values: Any) -> None:
    given = {"purpose": "solve", "provider": "openai", "model": "m", "reply": "said", "batch_id": None, **values}
    record_calls(tx, [JournalEntry(run_id=run_id, request_hash=uuid4().hex, **given) for _ in range(count)])


def add_run(tx: Transaction, *, provider: str | None, size: int = 5, batches: int = 2) -> tuple[UUID, list[UUID]]:
    run_id, ids = uuid4(), [uuid4() for _ in range(batches)]
    tx.execute(runs.insert().values(id=run_id, started_at=func.now(), status="success", questions_requested=10))
    for index, batch_id in enumerate(ids):
        tx.execute(
            question_batches.insert().values(
                id=batch_id, run_id=run_id, question_type="math", difficulty="easy", index=index, size=size, seed="s",
                provider=provider, completed_at=func.now(), status="completed",
            )
        )  # fmt: skip
    return run_id, ids


def ids(tx: Transaction, chosen: CallFilter, limit: int = 100) -> list[int]:
    return [call.id for call in list_calls(tx, chosen, limit)]


def test_calls_are_listed_newest_first_and_without_their_replies(bank: Bank) -> None:
    with bank.begin() as tx:
        add(tx, 3)
        found = list_calls(tx, CallFilter())
    assert [call.id for call in found] == sorted((call.id for call in found), reverse=True)
    assert {call.reply for call in found} == {None}


def test_each_filter_leaves_out_the_others(bank: Bank) -> None:
    with bank.begin() as tx:
        run_id, _ = add_run(tx, provider="openai")
        add(tx, purpose="generate")
        add(tx, provider="xai")
        add(tx, run_id=run_id)
        add(tx, reply=None, error_category="rate_limit", fault="status", error="slow down")
        everything = ids(tx, CallFilter())
        assert len(everything) == 4
        assert ids(tx, CallFilter(purpose="generate")) == [everything[3]]
        assert ids(tx, CallFilter(provider="xai")) == [everything[2]]
        assert ids(tx, CallFilter(run_id=run_id)) == [everything[1]]
        assert ids(tx, CallFilter(failed=True)) == [everything[0]]
        assert ids(tx, CallFilter(failed=True, purpose="generate")) == []
        now = datetime.now(UTC)
        assert ids(tx, CallFilter(since=now - timedelta(hours=1))) == everything
        assert ids(tx, CallFilter(since=now + timedelta(hours=1))) == []


def test_pages_follow_each_other_without_gap_or_repetition_while_calls_are_added(bank: Bank) -> None:
    with bank.begin() as tx:
        add(tx, 7)
        everything = ids(tx, CallFilter())
        first = ids(tx, CallFilter(), 3)
        add(tx, 2)
        second = ids(tx, CallFilter(before=first[-1]), 3)
        third = ids(tx, CallFilter(before=second[-1]), 3)
    assert first + second + third == everything


def test_one_call_is_whole(bank: Bank) -> None:
    candidate_id = uuid4()
    with bank.begin() as tx:
        add(tx, candidate_id=candidate_id, prompt_version="solve/1@abc", input_tokens=12, output_tokens=3,
            cached_tokens=5, cost_usd=Decimal("0.0001"), latency_seconds=1.5)  # fmt: skip
        [listed] = list_calls(tx, CallFilter())
        found = get_call(tx, listed.id)
        assert get_call(tx, listed.id + 1) is None
    assert found is not None
    assert (found.reply, found.candidate_id, found.prompt_version) == ("said", candidate_id, "solve/1@abc")
    assert (found.input_tokens, found.cached_tokens, found.cost_usd) == (12, 5, Decimal("0.0001"))


def test_averages_are_over_the_last_calls_of_the_model_for_the_purpose_failed_ones_too(bank: Bank) -> None:
    with bank.begin() as tx:
        _, (batch_id, _) = add_run(tx, provider="openai", size=4)
        add(tx, 5, purpose="generate", input_tokens=9_999, output_tokens=9_999)  # too old to count
        add(tx, purpose="generate", batch_id=batch_id, input_tokens=100, output_tokens=40, cached_tokens=20)
        add(tx, purpose="generate", batch_id=batch_id, reply=None, error_category="server_error")
        add(tx, purpose="generate", model="other", input_tokens=7)
        [found, nothing] = averages(tx, [("generate", "openai", "m"), ("solve", "openai", "m")], calls=2)
    assert nothing is None
    assert found is not None
    assert (found.calls, found.input_tokens, found.output_tokens, found.cached_tokens) == (2, 50, 20, 10)
    assert found.questions == 4


def test_recent_work_counts_runs_with_language_models_and_leaves_item_models_out(bank: Bank) -> None:
    with bank.begin() as tx:
        assert recent_work(tx).runs == 0
        procedural, _ = add_run(tx, provider="procedural")
        add(tx, 9, procedural, provider="procedural", purpose="generate")
        written, _ = add_run(tx, provider="openai")
        add(tx, 3, written, purpose="generate")
        add(tx, 20, written)
        add(tx, 4, None)  # outside any run
        found = recent_work(tx)
    assert (found.runs, found.batches, found.questions) == (1, 2, 10)
    assert found.calls == {"generate": 3, "solve": 20}


@pytest.mark.parametrize(
    ("where", "index"),
    [
        ("error_category IS NOT NULL ORDER BY id DESC LIMIT 20", "ix_llm_calls_failed"),
        ("purpose = 'compare' ORDER BY id DESC LIMIT 20", "ix_llm_calls_purpose"),
        (
            "purpose = 'solve' AND provider = 'openai' AND model = 'm' ORDER BY id DESC LIMIT 200",
            "ix_llm_calls_purpose",
        ),
    ],
)
def test_what_is_rare_in_a_long_journal_is_found_by_an_index(bank: Bank, where: str, index: str) -> None:
    with bank.begin() as tx:
        tx.execute(
            text(
                "INSERT INTO llm_calls (purpose, provider, model, request_hash, reply, error_category) "
                "SELECT CASE WHEN n % 2000 = 0 THEN 'compare' WHEN n % 100 = 0 THEN 'solve' ELSE 'generate' END, "
                "'openai', 'm', n::text, 'said', CASE WHEN n % 5000 = 0 THEN 'rate_limit' END "
                "FROM generate_series(1, 20000) AS n"
            )
        )
        tx.execute(text("ANALYZE llm_calls"))
        plan = "\n".join(tx.execute(text(f"EXPLAIN SELECT id FROM llm_calls WHERE {where}")).scalars())
    assert index in plan
