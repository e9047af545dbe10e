"""Embedders behind deduplication: a provider's over the real SDK, switching between them, and one that is down."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from threading import Thread

import numpy as np
import pytest
from sqlalchemy import text

from qgen_dagster.bank import vectors
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.questions import import_question
from qgen_dagster.config.embedders import parse_embedder
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import AuthenticationError, BillingError, ConfigurationError
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.dedup.embedder import EmbedderDown
from qgen_dagster.services import reembedding
from qgen_dagster.services.reembedding import rebuild, standing
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.chain import run_chain
from qgen_dagster_tests.support.written import run_written, with_models, work_on
from qgen_dagster_tests.unit.dedup.questions import question

MATH = {"types": ("math",), "difficulties": ("easy",)}
HASHING = "hashing-256-v1+rules1"
SMALL = "openai:text-embedding-3-small@1536+rules1"


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm) -> Settings:
    return using(with_models(settings, llm), "openai")


def using(settings: Settings, embedder: str) -> Settings:
    return replace(settings, embedder=parse_embedder(embedder))


def fill(bank: Bank, count: int, question_type: str = "math") -> None:
    with bank.begin() as tx:
        for n in range(count):
            stem = f"Tom has {n + 2} boxes with {n + 5} pens each for {question_type}. How many pens are there?"
            assert import_question(tx, question(stem, question_type=question_type))


def spaces(bank: Bank) -> dict[str, int]:
    with bank.begin() as tx:
        return dict(vectors.count_by_space(tx))


def rows(bank: Bank, query: str) -> list[tuple[object, ...]]:
    with bank.begin() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


# -- in a run ----------------------------------------------------------------------------------------------------


def test_a_run_asks_the_provider_for_vectors_and_every_call_is_on_record_with_its_price(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    record = run_written(bank, keyed, count=10, **MATH)
    assert record.funnel.inserted == 10
    assert spaces(bank) == {SMALL: 10}
    seen = llm.stats["openai"]
    [(calls, tokens, usd, reply)] = rows(
        bank,
        "SELECT count(*), sum(input_tokens), sum(cost_usd), min(reply) FROM llm_calls WHERE purpose = 'embed'",
    )
    assert (calls, tokens) == (seen.task("embed").calls, seen.embedding_tokens)
    assert usd == round(Decimal(seen.embedding_tokens) * Decimal("0.02") / 1_000_000, 6)
    assert reply == "10 vectors of 1536 numbers"
    assert record.row["provider_metrics"]["openai"]["api_calls"] == seen.calls


def test_questions_of_the_bank_get_their_vectors_before_anything_is_compared_with_them(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    run_written(bank, using(keyed, "hashing"), count=5, **MATH)
    assert spaces(bank) == {HASHING: 5}
    run_written(bank, keyed, count=5, **MATH)
    assert spaces(bank) == {HASHING: 5, SMALL: 10}


def test_an_embedder_that_is_down_leaves_candidates_waiting_and_resuming_inserts_them(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    llm.script("500:1:task=embed")
    work = work_on(bank, keyed, count=5, **MATH)
    with pytest.raises(EmbedderDown, match="no vectors"):
        run_chain(work)
    assert rows(bank, "SELECT state, count(*) FROM candidates GROUP BY state") == [("approved", 5)]
    [(status, code, inserted)] = rows(
        bank, "SELECT status, exit_code, questions_inserted FROM question_generation_runs"
    )
    assert (code, inserted) == (1, 0)
    assert status == "failed"

    generated = llm.stats["openai"].task("generate").calls
    llm.control(faults=[])
    run_chain(work_on(bank, keyed, work.run_id, count=5, **MATH))
    assert rows(bank, "SELECT state, count(*) FROM candidates GROUP BY state") == [("inserted", 5)]
    assert llm.stats["openai"].task("generate").calls == generated


@pytest.mark.parametrize(("fault", "code"), [("401", 6), ("quota", 5)])
def test_a_key_or_an_account_that_gives_no_vectors_decides_the_exit_code(
    bank: Bank, keyed: Settings, llm: FakeLlm, fault: str, code: int
) -> None:
    llm.script(f"{fault}:1:task=embed")
    with pytest.raises(EmbedderDown):
        run_chain(work_on(bank, keyed, count=5, **MATH))
    assert rows(bank, "SELECT exit_code FROM question_generation_runs") == [(code,)]


def test_a_spent_budget_leaves_candidates_waiting_too(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    work = work_on(bank, using(keyed, "hashing"), count=5, **MATH)
    run_chain(work)
    [(spent,)] = rows(bank, "SELECT sum(cost_usd) FROM llm_calls")
    tight = replace(keyed, budget_usd_per_day=Decimal(str(spent)))
    fill(bank, 1)
    with pytest.raises(EmbedderDown, match="budget"):
        rebuild(bank, tight)
    assert llm.stats["openai"].task("embed").calls == 0


def test_vectors_may_be_asked_for_from_another_thread_while_calls_are_under_way(bank: Bank, keyed: Settings) -> None:
    work = work_on(bank, keyed, count=5, **MATH)
    found: list[object] = []

    async def busy() -> None:
        import asyncio

        await asyncio.to_thread(lambda: found.append(work.embedder.embed(["one", "two"]).shape))

    work.calls.run(busy())
    thread = Thread(target=lambda: found.append(work.embedder.embed(["three"]).shape))
    thread.start()
    thread.join()
    work.close()
    assert found == [(2, 1_536), (1, 1_536)]


def test_vectors_do_not_depend_on_what_else_is_asked(bank: Bank, keyed: Settings) -> None:
    work = work_on(bank, keyed, count=5, **MATH)
    together = work.embedder.embed([f"text {n}" for n in range(1_100)])  # three calls
    alone = work_on(bank, keyed, count=5, **MATH)
    assert np.array_equal(alone.embedder.embed(["text 1099"])[0], together[1_099])
    work.close()
    alone.close()


@pytest.mark.parametrize(
    ("embedder", "said"),
    [("openai", "OPENAI_API_KEY"), ("sentence-transformers:/no/such/folder", "QGEN_EMBEDDER")],
)
def test_an_embedder_that_cannot_serve_is_refused_before_anything_is_made(
    bank: Bank, settings: Settings, llm: FakeLlm, embedder: str, said: str
) -> None:
    without = using(with_models(settings, llm, OPENAI_API_KEY=""), embedder)
    with pytest.raises(ConfigurationError, match=said):
        work_on(bank, without, count=5, **MATH)


# -- outside a run -------------------------------------------------------------------------------------------------


def test_a_rebuild_embeds_what_lacks_a_vector_and_keeps_the_old_ones_until_asked(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    fill(bank, 6)
    fill(bank, 3, "logic")
    assert rebuild(bank, using(keyed, "hashing")).embedded == 9
    told: list[object] = []
    assert rebuild(bank, keyed, types=["logic"], progress=told.append).embedded == 3
    assert [e.sentence() for e in told if isinstance(e, ProgressEvent)] == ["Embedded 3/3 questions"]
    assert rebuild(bank, keyed, limit=2).embedded == 2
    refused = rebuild(bank, keyed, limit=1, drop_old=True)
    assert (refused.embedded, refused.dropped) == (1, {})
    assert "3 questions" in (refused.kept or "")
    assert spaces(bank) == {HASHING: 9, SMALL: 6}
    done = rebuild(bank, keyed, drop_old=True)
    assert (done.embedded, done.dropped, done.kept) == (3, {HASHING: 9}, None)
    assert spaces(bank) == {SMALL: 9}
    assert rebuild(bank, keyed).embedded == 0


def test_a_rebuild_that_broke_off_keeps_what_it_has_and_goes_on(
    bank: Bank, keyed: Settings, llm: FakeLlm, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bank, 7)
    monkeypatch.setattr(reembedding, "PORTION", 3)
    llm.script("401:@3:task=embed")
    with pytest.raises(AuthenticationError):
        rebuild(bank, keyed)
    assert spaces(bank) == {SMALL: 6}
    llm.control(faults=[])
    assert rebuild(bank, keyed).embedded == 1
    assert llm.stats["openai"].paid_twice == 0


def test_a_rebuild_stopped_by_the_operator_keeps_what_it_has(
    bank: Bank, keyed: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bank, 5)
    monkeypatch.setattr(reembedding, "PORTION", 2)

    def interrupt(event: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(bank, keyed, progress=interrupt)
    assert spaces(bank) == {SMALL: 2}
    assert rebuild(bank, keyed).embedded == 3


def test_an_empty_account_is_told_apart(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    fill(bank, 1)
    llm.script("quota:1:task=embed")
    with pytest.raises(BillingError, match="credit"):
        rebuild(bank, keyed)


def test_calls_of_a_rebuild_are_in_the_journal_without_a_run(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    fill(bank, 2)
    rebuild(bank, keyed)
    assert rows(bank, "SELECT run_id, input_tokens FROM llm_calls") == [(None, llm.stats["openai"].embedding_tokens)]


def test_the_status_names_spaces_and_what_is_missing(bank: Bank, keyed: Settings) -> None:
    fill(bank, 2)
    rebuild(bank, using(keyed, "hashing"))
    fill(bank, 1, "logic")
    found = standing(bank, using(keyed, "hashing"))
    assert (found.space, found.questions, found.missing) == (HASHING, 3, 1)
    assert found.types == {"logic": (1, 1), "math": (2, 0)}
    assert [(s.name, s.questions, s.length, s.current) for s in found.spaces] == [(HASHING, 2, 256, True)]


def test_a_server_of_one_s_own_may_make_vectors_of_any_length(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    own = using(with_models(settings, llm), "openai_compatible:nomic-embed-text")
    fill(bank, 2)
    assert rebuild(bank, own).embedded == 2
    assert spaces(bank) == {"openai_compatible:nomic-embed-text@768+rules1": 2}
    short = using(own, "openai_compatible:nomic-embed-text@64")
    assert rebuild(bank, short).embedded == 2
    assert spaces(bank)["openai_compatible:nomic-embed-text@64+rules1"] == 2


def test_the_status_of_an_embedder_that_is_down_says_so(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    fill(bank, 1)
    own = using(with_models(settings, llm), "openai_compatible:no-such-model")
    found = standing(bank, own)
    assert found.space is None
    assert "no-such-model" in (found.error or "")
    assert (found.questions, found.missing) == (1, 0)
