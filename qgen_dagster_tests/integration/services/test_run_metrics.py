"""The numbers of a run's row say what the journal and the candidates say, and nothing where nothing was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID, uuid4

import pytest
import yaml
from sqlalchemy import text

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.journal import JournalEntry, record_calls
from qgen_dagster.config.embedders import parse_embedder
from qgen_dagster.config.llm import PACKAGED
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory, severity_of
from qgen_dagster.services.balance import balance
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_closing import refresh_run
from qgen_dagster.services.work import now
from qgen_dagster.tracking.run_schemas import ProviderMetrics
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.api import RUNS, serving
from qgen_dagster_tests.support.chain import PlainLauncher, run_chain, work_for
from qgen_dagster_tests.support.written import run_written, with_models

MATH = {"types": ("math",), "difficulties": ("easy", "medium")}
ONE = {"types": ("math",), "difficulties": ("easy",)}


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


def row_of(bank: Bank, run_id: UUID) -> dict[str, Any]:
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
    assert row is not None
    return row


def run_with(bank: Bank, *entries: JournalEntry) -> dict[str, Any]:
    """The row of a run that made these calls and nothing else."""
    run_id = uuid4()
    with bank.begin() as tx:
        run_rows.create_run(tx, run_id, now(), {"questions_requested": 0})
        record_calls(tx, [replace(entry, run_id=run_id) for entry in entries])
        refresh_run(tx, run_id)
    return row_of(bank, run_id)


def a_call(provider: str = "openai", **values: Any) -> JournalEntry:
    given = {"purpose": "generate", "request_hash": uuid4().hex, "model": "gpt-x", "reply": "{}", **values}
    return JournalEntry(run_id=None, batch_id=None, provider=provider, **given)


def test_every_figure_of_a_provider_is_that_of_the_journal_and_the_candidates(
    bank: Bank, settings: Settings, llm: FakeLlm
) -> None:
    llm.script("429:@1:provider=openai:task=generate:retry_after=0")
    record = run_written(bank, with_models(settings, llm), count=12, **MATH)
    metrics = record.row["provider_metrics"]
    with bank.begin() as tx:
        calls = [dict(row._mapping) for row in tx.execute(text("SELECT * FROM llm_calls"))]
        made = [dict(row._mapping) for row in tx.execute(text("SELECT * FROM candidates"))]
    assert set(metrics) == {c["provider"] for c in calls} | {c["provider"] for c in made}
    for provider, told in metrics.items():
        mine = [c for c in calls if c["provider"] == provider]
        own = [c for c in made if c["provider"] == provider]
        seconds = [c["latency_seconds"] for c in mine]
        assert told["generated"] == len([c for c in own if c["parent_candidate_id"] is None])
        assert told["inserted"] == len([c for c in own if c["state"] == "inserted"])
        assert told["api_calls"] == len(mine)
        assert told["failures"] == len([c for c in mine if c["error_category"]])
        assert told["input_tokens"] == sum(c["input_tokens"] or 0 for c in mine)
        assert told["output_tokens"] == sum(c["output_tokens"] or 0 for c in mine)
        assert told["cost_usd"] == pytest.approx(float(sum(c["cost_usd"] or 0 for c in mine)))
        assert told["latency_p50_seconds"] == pytest.approx(median(seconds))
        assert told["latency_p50_seconds"] <= told["latency_p95_seconds"] <= max(seconds)
        assert told["unpriced_calls"] == 0
        ProviderMetrics.model_validate(told)
    errors = record.row["error_summary"]
    failed = [c["error_category"] for c in calls if c["error_category"]]
    assert "rate_limit" in failed
    assert errors["by_category"] == {name: failed.count(name) for name in set(failed)}
    assert sum(errors["by_severity"].values()) == record.row["total_errors"] == len(failed)
    assert record.row["total_api_calls"] == len(calls)
    assert record.row["cost_usd"] == sum(c["cost_usd"] or 0 for c in calls)


def test_percentiles_are_those_of_the_calls_that_were_timed(bank: Bank) -> None:
    timed = [a_call(latency_seconds=float(n)) for n in range(1, 101)]
    row = run_with(bank, *timed, a_call("google"))  # a call of a batch job has no latency
    told = row["provider_metrics"]
    assert told["openai"]["latency_p50_seconds"] == pytest.approx(50.5)
    assert told["openai"]["latency_p95_seconds"] == pytest.approx(95.05)
    assert told["google"]["latency_p50_seconds"] is None
    assert told["google"]["latency_p95_seconds"] is None


def test_what_was_not_measured_is_null_and_not_zero(bank: Bank, settings: Settings) -> None:
    work = work_for(bank, settings, count=5, **ONE)
    run_chain(work)
    row = row_of(bank, work.run_id)
    own = row["provider_metrics"]["procedural"]
    for unknown in ("input_tokens", "output_tokens", "cost_usd"):  # nobody counts tokens of item models
        assert row[unknown] is None
        assert own[unknown] is None
    assert row["unpriced_calls"] == 0
    assert own["latency_p50_seconds"] is not None
    assert row["duplicate_rate"] == 0.0  # five were compared and none was one

    empty = run_with(bank)
    rates = ("generation_success_rate", "approval_rate", "duplicate_rate", "overall_success_rate")
    scores = ("avg_arbiter_score", "min_arbiter_score", "max_arbiter_score")
    assert {empty[name] for name in (*rates, *scores, "cost_usd", "input_tokens")} == {None}


def test_the_columns_are_what_the_specification_calls_them(bank: Bank, settings: Settings) -> None:
    work = work_for(bank, settings, count=12, **MATH)
    run_chain(work)
    row = row_of(bank, work.run_id)
    with bank.begin() as tx:
        scores = tx.execute(text("SELECT avg(arbiter_score), min(arbiter_score), max(arbiter_score) FROM candidates"))
        average, lowest, highest = scores.one()
    assert row["avg_arbiter_score"] == pytest.approx(average)
    assert (row["min_arbiter_score"], row["max_arbiter_score"]) == (lowest, highest)
    assert row["questions_approved"] + row["questions_rejected"] == row["questions_evaluated"]
    assert row["overall_success_rate"] == row["questions_inserted"] / row["questions_requested"]
    assert sum(row["type_metrics"].values()) == sum(row["difficulty_metrics"].values()) == row["questions_generated"]


@pytest.mark.parametrize("category", list(ErrorCategory))
def test_each_category_counts_under_its_severity(bank: Bank, category: ErrorCategory) -> None:
    row = run_with(bank, a_call(reply=None, error_category=category.value), a_call())
    severity = severity_of(category).value
    critical = int(severity == "critical")
    assert row["error_summary"] == {
        "by_category": {category.value: 1},
        "by_severity": {severity: 1},
        "critical_count": critical,
    }


def test_embeddings_and_failed_calls_cost_money_too(bank: Bank, settings: Settings, llm: FakeLlm) -> None:
    keyed = replace(with_models(settings, llm), embedder=parse_embedder("openai:text-embedding-3-small"))
    record = run_written(bank, keyed, count=6, **ONE)
    with bank.begin() as tx:
        [embedded] = tx.execute(text("SELECT sum(cost_usd) FROM llm_calls WHERE purpose = 'embed'")).one()
        [all_calls] = tx.execute(text("SELECT sum(cost_usd) FROM llm_calls")).one()
    assert embedded > 0
    assert record.row["cost_usd"] == all_calls

    failed = a_call(reply=None, error_category="parse_error", cost_usd=Decimal("0.5"), input_tokens=10, output_tokens=9)
    row = run_with(bank, failed, a_call(cost_usd=Decimal("0.25"), input_tokens=1, output_tokens=1))
    assert (row["cost_usd"], row["input_tokens"], row["output_tokens"]) == (Decimal("0.75"), 11, 10)


def test_a_refused_call_is_not_unpriced_but_free(bank: Bank) -> None:
    row = run_with(bank, a_call(reply=None, error_category="rate_limit"), a_call(cost_usd=Decimal(0)))
    assert (row["cost_usd"], row["unpriced_calls"]) == (Decimal(0), 0)


def test_a_model_without_a_price_is_reported_as_such_everywhere(
    bank: Bank, settings: Settings, llm: FakeLlm, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = yaml.safe_load((PACKAGED / "models.yaml").read_text())
    generators = yaml.safe_load((PACKAGED / "generators.yaml").read_text())
    models["models"]["house-1"] = {"provider": "openai_compatible"}
    generators["types"] = {name: {**entry, "primary": "house-1"} for name, entry in generators["types"].items()}
    files = {"models": models, "generators": generators}
    for name, data in files.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(data))
    keyed = with_models(settings, llm)
    odd = replace(keyed, models_file=tmp_path / "models.yaml", generators_file=tmp_path / "generators.yaml")
    report = balance(bank, odd, RunOptions.model_validate({"count": 5, **ONE}), PlainLauncher(bank, odd))
    [done] = report.rounds
    row = row_of(bank, done.run_id)
    with bank.begin() as tx:
        [calls] = tx.execute(text("SELECT count(*) FROM llm_calls WHERE model = 'house-1'")).one()
    assert calls > 0
    assert (row["unpriced_calls"], row["provider_metrics"]["openai_compatible"]["unpriced_models"]) == (
        calls,
        ["house-1"],
    )
    assert row["cost_usd"] > 0  # of those who judged
    assert (report.unpriced_calls, report.unpriced_models) == (calls, ["house-1"])

    from qgen_dagster.cli.output import Output
    from qgen_dagster.cli.report import show_balance

    show_balance(Output(), report)
    assert f"without {calls} unpriced call" in capsys.readouterr().out
    with serving(bank, settings) as api:
        read = api.get(f"{RUNS}/{done.run_id}").json
        stats = api.get(f"{RUNS}/stats").json
    assert read["unpriced_calls"] == calls
    assert read["provider_metrics"]["openai_compatible"]["unpriced_models"] == ["house-1"]
    assert stats["totals"]["unpriced_calls"] == calls
