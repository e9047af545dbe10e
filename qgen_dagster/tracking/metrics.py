"""The numbers of a run's row, computed from counts; pure.

A rate of nothing is null, not zero. Not here: counting (`bank/runs.py`), writing the row (`services/runs.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from qgen_dagster.bank.runs import CallCounts, ProviderOutcome, ScoreCounts
from qgen_dagster.core.error_categories import ErrorCategory, Severity, severity_of
from qgen_dagster.core.funnel import DUPLICATE_LOSSES, Funnel, Loss, ratio, sum_funnels
from qgen_dagster.core.taxonomy import Stratum

SEMANTIC_LOSSES = (Loss.DUPLICATE_SEMANTIC,)
# A structural duplicate is the same problem to the letter of its parameters: the specification's "exact".
EXACT_LOSSES = (Loss.DUPLICATE_EXACT, Loss.DUPLICATE_STRUCTURAL)


def run_metrics(
    funnels: Mapping[Stratum, Funnel],
    calls: Sequence[CallCounts],
    errors: Mapping[str, int],
    outcomes: Mapping[str, ProviderOutcome],
    scores: ScoreCounts,
) -> dict[str, Any]:
    """The columns of `question_generation_runs` that say what happened."""
    total = sum_funnels(funnels.values())
    failures = total.losses.get(Loss.NOT_GENERATED, 0)
    answered = total.generated + failures
    exact = sum(total.losses.get(loss, 0) for loss in EXACT_LOSSES)
    semantic = sum(total.losses.get(loss, 0) for loss in SEMANTIC_LOSSES)
    approved = scores.evaluated - scores.rejected
    return {
        "questions_requested": total.requested,
        "questions_generated": total.generated,
        "generation_failures": failures,
        "generation_success_rate": ratio(total.generated, answered),
        "questions_evaluated": scores.evaluated,
        "questions_approved": approved,
        "questions_rejected": scores.rejected,
        "approval_rate": ratio(approved, scores.evaluated),
        "avg_arbiter_score": scores.average,
        "min_arbiter_score": scores.lowest,
        "max_arbiter_score": scores.highest,
        "duplicates_found": exact + semantic,
        "exact_duplicates": exact,
        "semantic_duplicates": semantic,
        "duplicate_rate": ratio(exact + semantic, approved),
        "questions_inserted": total.inserted,
        "insertion_failures": total.losses.get(Loss.INSERTION_FAILED, 0),
        "overall_success_rate": ratio(total.inserted, total.requested),
        "total_errors": sum(errors.values()),
        "total_api_calls": sum(c.calls for c in calls),
        "provider_metrics": provider_metrics(calls, outcomes),
        "type_metrics": _generated_by(funnels, lambda s: s.question_type),
        "difficulty_metrics": _generated_by(funnels, lambda s: s.difficulty),
        "error_summary": error_summary(errors),
        "cost_usd": total_cost(calls),
        "input_tokens": _sum(c.input_tokens for c in calls),
        "output_tokens": _sum(c.output_tokens for c in calls),
        "unpriced_calls": sum(c.unpriced_calls for c in calls),
        "funnel": funnel_document(funnels),
    }


def provider_metrics(calls: Sequence[CallCounts], outcomes: Mapping[str, ProviderOutcome]) -> dict[str, dict[str, Any]]:
    """Per provider: what became of what it generated, its calls for any purpose, failures, tokens, cost and latency.

    Null: not measured.
    """
    called = {c.provider: c for c in calls}
    nothing_called = CallCounts("", 0, 0, None, None, None)
    found: dict[str, dict[str, Any]] = {}
    for provider in sorted({*called, *outcomes}):
        c, made = called.get(provider, nothing_called), outcomes.get(provider, ProviderOutcome(0))
        found[provider] = {
            "generated": made.generated,
            "evaluated": made.evaluated,
            "approved": made.approved,
            "inserted": made.inserted,
            "avg_arbiter_score": made.average_score,
            "api_calls": c.calls,
            "failures": c.failures,
            "input_tokens": c.input_tokens,
            "output_tokens": c.output_tokens,
            "cost_usd": float(c.cost_usd) if c.cost_usd is not None else None,
            "unpriced_calls": c.unpriced_calls,
            "unpriced_models": list(c.unpriced_models),
            "latency_p50_seconds": c.latency_p50_seconds,
            "latency_p95_seconds": c.latency_p95_seconds,
        }
    return found


def unpriced_models(providers: Mapping[str, Mapping[str, Any]] | None) -> list[str]:
    """The models without a price that a run used, from its `provider_metrics`."""
    return sorted({name for p in (providers or {}).values() for name in p.get("unpriced_models") or ()})


def _sum(numbers: Iterable[int | None]) -> int | None:
    measured = [n for n in numbers if n is not None]
    return sum(measured) if measured else None


def total_cost(calls: Sequence[CallCounts]) -> Decimal | None:
    """What the calls cost in USD; None where none had a price."""
    priced = [c.cost_usd for c in calls if c.cost_usd is not None]
    return sum(priced, Decimal()) if priced else None


def error_summary(errors: Mapping[str, int]) -> dict[str, Any]:
    """Failed calls by category and by severity."""
    by_severity: dict[str, int] = {}
    for category, count in errors.items():
        severity = severity_of(ErrorCategory(category)).value
        by_severity[severity] = by_severity.get(severity, 0) + count
    return {
        "by_category": dict(errors),
        "by_severity": by_severity,
        "critical_count": by_severity.get(Severity.CRITICAL.value, 0),
    }


def funnel_document(funnels: Mapping[Stratum, Funnel]) -> dict[str, Any]:
    """The funnel of the run and of each stratum, as JSON."""
    return {
        "total": funnel_json(sum_funnels(funnels.values())),
        "strata": {stratum.key: funnel_json(funnel) for stratum, funnel in sorted(funnels.items())},
    }


def funnel_json(funnel: Funnel) -> dict[str, Any]:
    """One funnel as JSON, its losses by name."""
    return {
        "requested": funnel.requested,
        "generated": funnel.generated,
        "inserted": funnel.inserted,
        "pending": funnel.pending,
        "losses": {loss.value: count for loss, count in funnel.losses.items() if count},
        "duplicates": sum(funnel.losses.get(loss, 0) for loss in DUPLICATE_LOSSES),
        "salvaged": funnel.salvaged,
        "reclassified_in": funnel.reclassified_in,
        "reclassified_out": funnel.reclassified_out,
    }


def funnel_from_json(document: Mapping[str, Any]) -> Funnel:
    """The inverse of `funnel_json`."""
    return Funnel(
        requested=document["requested"],
        generated=document["generated"],
        inserted=document["inserted"],
        pending=document["pending"],
        losses={Loss(name): count for name, count in document["losses"].items()},
        salvaged=document["salvaged"],
        reclassified_in=document["reclassified_in"],
        reclassified_out=document["reclassified_out"],
    )


def _generated_by(funnels: Mapping[Stratum, Funnel], key: Any) -> dict[str, int]:
    totals: dict[str, int] = {}
    for stratum, funnel in sorted(funnels.items()):
        totals[key(stratum)] = totals.get(key(stratum), 0) + funnel.generated
    return totals
