"""Facts of the drill line as Dagster metadata: numbers under stable keys, tables, a few drills to read.

Not here: the question line's (`metadata.py`).
"""

from __future__ import annotations

import dagster as dg

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.drills import StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.defs.metadata import Metadata, table
from qgen_dagster.defs.pictures import figure_as_markdown_image
from qgen_dagster.drills.library import PromptCost
from qgen_dagster.services import drill_artifact
from qgen_dagster.services.drill_artifact import Artifact
from qgen_dagster.services.plan_drills import cost_of
from qgen_dagster.services.verify_drills import Verification

SAMPLES = 3


def library_metadata(bank: Bank, new: int) -> Metadata:
    """How many positions there are."""
    with bank.begin() as tx:
        counts = position_rows.count_by_phase(tx)
    return {
        "positions": sum(counts.values()),
        "new": new,
        "phases": table([{"phase": phase.value, "positions": there} for phase, there in counts.items()]),
    }


def plan_metadata(bank: Bank, series: StoredSeries) -> Metadata:
    """The plan, and what its positions cost beside the fixed maximum."""
    cost = cost_of(series)
    with bank.begin() as tx:
        slots = [slot for batch in rows.list_batches(tx, series.id) for slot in batch.slots]
    return {
        "series": str(series.id),
        "asked": series.target_drill_count,
        "planned": series.planned_drill_count,
        "batches": series.batches,
        "seed": series.seed,
        **_cost_metadata(cost),
        "warnings": "; ".join(series.plan_warnings) or "none",
        "drills": table(
            [
                {
                    "drill": slot.index + 1,
                    "batch": slot.batch + 1,
                    "phase": slot.phase.value,
                    "tier": slot.tier.value,
                    "methodology": slot.methodology,
                    "position": slot.position_id,
                }
                for slot in slots
            ]
        ),
    }


def _cost_metadata(cost: PromptCost) -> Metadata:
    return {
        "positions": cost.positions,
        "position_tokens": cost.tokens,
        "fixed_positions": cost.fixed_positions,
        "fixed_tokens": cost.fixed_tokens,
        "saving": round(cost.saving or 0.0, 4),
        "counted_with": cost.counted_with,
    }


def batches_metadata(bank: Bank, series: StoredSeries) -> Metadata:
    """How far the batches have come, and what their prompts took beside what was counted for the positions."""
    cost = cost_of(series)
    with bank.begin() as tx:
        batches = rows.list_batches(tx, series.id)
    return {
        "drills": series.drills,
        "planned": series.planned_drill_count,
        "missing": series.missing,
        "batches_completed": series.batches_completed,
        "batches_failed": series.batches_failed,
        "status": series.status.value,
        "progress": f"Generated {series.drills}/{series.planned_drill_count} drills",
        **_cost_metadata(cost),
        "measured_calls": cost.measured_calls,
        "measured_tokens": cost.measured_tokens or 0,
        "batches": table(
            [
                {
                    "batch": batch.index + 1,
                    "status": batch.status.value,
                    "drills": f"{batch.delivered}/{batch.size}",
                    "attempt": batch.attempt,
                    "calls": batch.calls,
                    "error": batch.error or "",
                }
                for batch in batches
            ]
        ),
    }


def series_metadata(artifact: Artifact, found: Verification) -> Metadata:
    """The finished series: verdict, make-up, a few drills with their boards."""
    return {
        "drills": len(artifact.drills),
        "planned": artifact.series.planned_drill_count,
        "verdict": found.verdict.value,
        "verified": found.verified,
        "failed": found.failed,
        "unverifiable": found.unverifiable,
        "checked_with": found.checked_with,
        "largest_loss": found.largest_loss or 0.0,
        "status": artifact.series.status.value,
        "make_up": dg.MetadataValue.json(drill_artifact.make_up(artifact)),
        "sample_drills": dg.MetadataValue.md("\n\n---\n\n".join(_samples(artifact)) or "none"),
    }


def _samples(artifact: Artifact) -> list[str]:
    step = max(1, len(artifact.drills) // SAMPLES)
    return [
        drill_artifact.drill_markdown(
            artifact, stored, figure_as_markdown_image(drill_artifact.picture(artifact, stored), "board")
        )
        for stored in artifact.drills[::step][:SAMPLES]
    ]
