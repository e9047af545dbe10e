"""The numbers of a run's row: true to the counts, null where nothing was measured."""

from __future__ import annotations

from decimal import Decimal

from qgen_dagster.bank.runs import CallCounts, ProviderOutcome, ScoreCounts
from qgen_dagster.core.funnel import Funnel, Loss
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.tracking.metrics import error_summary, run_metrics

NOTHING = ScoreCounts(0, 0, None, None, None)


def test_a_run_in_which_nothing_happened_has_no_rates() -> None:
    metrics = run_metrics({}, [], {}, {}, NOTHING)
    rates = ("generation_success_rate", "approval_rate", "duplicate_rate", "overall_success_rate", "avg_arbiter_score")
    assert [metrics[name] for name in rates] == [None] * 5
    assert metrics["cost_usd"] is None
    assert metrics["questions_requested"] == 0


def test_the_columns_add_up_with_the_funnel() -> None:
    losses = {
        Loss.NOT_GENERATED: 2,
        Loss.LOW_SCORE: 1,
        Loss.DUPLICATE_EXACT: 1,
        Loss.DUPLICATE_STRUCTURAL: 1,
        Loss.DUPLICATE_SEMANTIC: 1,
        Loss.INSERTION_FAILED: 1,
    }
    funnels = {
        Stratum("math", "easy"): Funnel(requested=12, generated=10, inserted=5, losses=losses),
        Stratum("logic", "hard"): Funnel(requested=5, generated=5, inserted=5),
    }
    calls = [CallCounts("openai", 5, 1, 1_000, 500, Decimal("0.25")), CallCounts("procedural", 2, 0, 0, 0, None)]
    outcome = ProviderOutcome(generated=10, evaluated=10, approved=9, inserted=8, average_score=0.9)
    metrics = run_metrics(funnels, calls, {"rate_limit": 1}, {"openai": outcome}, ScoreCounts(15, 1, 0.9, 0.7, 1.0))
    assert metrics["questions_requested"] == 17
    assert metrics["generation_failures"] == 2
    assert metrics["generation_success_rate"] == 15 / 17
    assert metrics["questions_approved"] == 14
    assert metrics["approval_rate"] == 14 / 15
    assert (metrics["exact_duplicates"], metrics["semantic_duplicates"]) == (2, 1)
    assert metrics["duplicates_found"] == 3
    assert metrics["duplicate_rate"] == 3 / 14
    assert metrics["overall_success_rate"] == 10 / 17
    assert metrics["insertion_failures"] == 1
    assert metrics["total_api_calls"] == 7
    assert metrics["cost_usd"] == Decimal("0.25")
    assert metrics["type_metrics"] == {"logic": 5, "math": 10}
    assert metrics["difficulty_metrics"] == {"easy": 10, "hard": 5}
    assert metrics["provider_metrics"]["openai"]["failures"] == 1
    assert metrics["provider_metrics"]["openai"]["approved"] == 9
    assert metrics["provider_metrics"]["procedural"]["cost_usd"] is None


def test_errors_are_counted_by_category_and_by_severity() -> None:
    summary = error_summary(
        {"billing_quota": 1, "authentication": 2, "rate_limit": 3, "network_error": 4, "unknown": 5}
    )
    assert summary["by_severity"] == {"critical": 3, "high": 3, "low": 4, "medium": 5}
    assert summary["critical_count"] == 3
