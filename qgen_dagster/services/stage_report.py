"""What each stage did, as small numbers with the same names every time, and a few questions to look at.

Here: the facts. Not here: how Dagster or the CLI shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import inventory as inventory_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.funnel import DUPLICATE_LOSSES, CandidateState, Funnel, Loss
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum

Numbers = dict[str, int]
JUDGE_LOSSES = (Loss.FLAWED, Loss.LOW_SCORE, Loss.LEAKED, Loss.WRONG_KEY, Loss.AMBIGUOUS, Loss.OFF_BAND)
SAMPLES = 5
MAX_SAMPLES = 250  # with their figures; the Dagster UI freezes on megabytes of metadata
# The states that a candidate of each stage can be in when the stage has let it through.
PASSED = {
    "generated": tuple(CandidateState),
    "approved": (CandidateState.APPROVED, CandidateState.UNIQUE, CandidateState.INSERTED, CandidateState.SURPLUS),
    "unique": (CandidateState.UNIQUE, CandidateState.INSERTED, CandidateState.SURPLUS),
    "inserted": (CandidateState.INSERTED,),
}


def funnels_of(bank: Bank, run_ids: Sequence[UUID], strata: Sequence[Stratum]) -> dict[Stratum, Funnel]:
    """The funnel of each stratum over the given runs."""
    totals = dict.fromkeys(strata, Funnel())
    if not run_ids:
        return totals
    with bank.begin() as tx:
        for run_id in run_ids:
            for stratum, funnel in run_rows.stratum_funnels(tx, run_id).items():
                if stratum in totals:
                    totals[stratum] += funnel
    return totals


def generation_numbers(funnel: Funnel) -> Numbers:
    """Of the generation stage."""
    return {
        "requested": funnel.requested,
        "generated": funnel.generated,
        "not_generated": funnel.losses.get(Loss.NOT_GENERATED, 0),
        "saturated": funnel.losses.get(Loss.SATURATED, 0),
    }


def judging_numbers(funnel: Funnel) -> Numbers:
    """Of the judging stage."""
    rejected = {loss.value: funnel.losses.get(loss, 0) for loss in JUDGE_LOSSES}
    return {
        "judged": funnel.generated + funnel.reclassified_in - funnel.reclassified_out,
        "rejected": sum(rejected.values()),
        "salvaged": funnel.salvaged,
        "reclassified_in": funnel.reclassified_in,
        "reclassified_out": funnel.reclassified_out,
        **rejected,
    }


def deduplication_numbers(funnel: Funnel) -> Numbers:
    """Of the deduplication stage."""
    return {
        "duplicates": funnel.duplicates,
        **{loss.value: funnel.losses.get(loss, 0) for loss in DUPLICATE_LOSSES},
    }


def bank_numbers(funnel: Funnel, active: int) -> Numbers:
    """Of the insertion stage; `active` is what the stratum holds now."""
    return {
        "inserted": funnel.inserted,
        "surplus": funnel.losses.get(Loss.SURPLUS, 0),
        "insertion_failed": funnel.losses.get(Loss.INSERTION_FAILED, 0),
        "pending": funnel.pending,
        "active_questions": active,
    }


def active_counts(bank: Bank) -> dict[Stratum, int]:
    """Active questions per stratum."""
    with bank.begin() as tx:
        return inventory_rows.active_counts(tx)


def sample_questions(
    bank: Bank, run_ids: Sequence[UUID], strata: Sequence[Stratum], passed: str
) -> dict[Stratum, list[Question]]:
    """Up to `SAMPLES` questions per stratum, `MAX_SAMPLES` in all, that a stage (`PASSED`) of the runs let through."""
    if not strata or not run_ids:
        return {}
    limit = min(SAMPLES, max(1, MAX_SAMPLES // len(strata)))
    with bank.begin() as tx:
        return candidate_rows.samples(tx, run_ids, strata[:MAX_SAMPLES], PASSED[passed], limit)
