"""A whole bank written by language models over four providers that fail now and then: full, and every cent known."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.services.balance import balance
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_record import read_record
from qgen_dagster.services.stage_report import active_counts
from qgen_dagster_tests.fake_llm import FakeLlmProcess
from qgen_dagster_tests.support.chain import PlainLauncher
from qgen_dagster_tests.support.written import cost_of, unlimited, with_models

pytestmark = pytest.mark.e2e

# Ten in a hundred calls go wrong in one way or another.
FAULTS = (
    *("429:0.01:retry_after=0", "500:0.01", "529:0.01", "reset:0.005", "malformed_body:0.005", "html:0.005"),
    *("empty:0.01", "truncated:0.01", "wrong_schema:0.005", "fences:0.01", "refusal:0.005", "malformed_text:0.005"),
    *("wrong_key:0.02", "ambiguous:0.02", "too_few:0.02", "duplicates:0.01", "key_letter:0.01", "no_key:0.01"),
)


def test_nine_hundred_questions_over_four_providers_with_a_tenth_of_faults(
    bank: Bank, settings: Settings, tmp_path: Path
) -> None:
    arguments = [word for fault in FAULTS for word in ("--fault", fault)]
    with FakeLlmProcess("--port", "0", "--seed", "5", "--warm", "60", *arguments) as server:
        keyed = with_models(settings, server, QGEN_OPENAI_COMPATIBLE_BASE_URL="")
        keyed = replace(keyed, models_file=unlimited(tmp_path))
        options = RunOptions(fill=True, max_concurrent=50, provider_tier="balanced", seed="full")
        report = balance(bank, keyed, options, PlainLauncher(bank, keyed))

        assert report.exit_code in (0, 1), report
        assert set(active_counts(bank).values()) == {50}
        assert report.funnel.balance == 0
        records = [read_record(bank, done.run_id) for done in report.rounds]
        assert all(record is not None and record.funnel.balance == 0 for record in records)

        calls: Counter[str] = Counter()
        tokens: Counter[str] = Counter()
        for record in records:
            assert record is not None
            for name, metrics in record.row["provider_metrics"].items():
                calls[name] += metrics["api_calls"]
                tokens[name] += metrics["input_tokens"] + metrics["output_tokens"]
        seen = {name: provider for name, provider in server.stats.providers.items() if provider.calls}
        assert calls == {name: provider.calls for name, provider in seen.items()}
        assert tokens == {name: p.tokens.input + p.tokens.output for name, p in seen.items()}
        assert len(seen) >= 3
        spent = sum((Decimal(str(record.row["cost_usd"])) for record in records if record), Decimal())
        assert abs(spent - cost_of(server)) < Decimal("0.005")
    with bank.begin() as tx:
        unproved = tx.execute(
            text(
                "SELECT count(*) FROM questions q LEFT JOIN candidates c ON c.id = q.candidate_id "
                "WHERE c.judgement->'solution'->>'finding' IS DISTINCT FROM 'proved' OR c.arbiter_score IS NULL"
            )
        ).scalar_one()
    assert unproved == 0
