"""Counting the bank, and keeping snapshots, plans and the register of strata.

Not here: what a count means (`core/inventory.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.tables import generation_plans, inventory_snapshots, questions, strata
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.taxonomy import Stratum, parse_stratum_key


def active_counts(tx: Transaction) -> dict[Stratum, int]:
    """Active questions per stratum, in one aggregate; strata without any are missing."""
    return {Stratum(question_type, difficulty): count for question_type, difficulty, count in tx.execute(_ACTIVE)}


_ACTIVE = (
    select(questions.c.question_type, questions.c.difficulty, func.count())
    .where(questions.c.is_active)
    .group_by(questions.c.question_type, questions.c.difficulty)
)


def register_strata(tx: Transaction, wanted: Iterable[Stratum]) -> None:
    """Makes the register hold exactly the wanted strata as current; others are retired, never removed."""
    rows = [
        {
            "key": stratum.key,
            "question_type": stratum.question_type,
            "difficulty": stratum.difficulty,
            "position": position,
        }
        for position, stratum in enumerate(wanted)
    ]
    current = select(strata.c.key, strata.c.position).where(strata.c.retired_at.is_(None))
    if {(key, position) for key, position in tx.execute(current)} == {(row["key"], row["position"]) for row in rows}:
        return  # as almost always
    new = insert(strata)
    tx.execute(
        new.on_conflict_do_update(index_elements=["key"], set_={"position": new.excluded.position, "retired_at": None}),
        rows,
    )
    keys = [row["key"] for row in rows]
    tx.execute(
        update(strata).where(strata.c.key.not_in(keys), strata.c.retired_at.is_(None)).values(retired_at=func.now())
    )


def save_snapshot(tx: Transaction, analysis: InventoryAnalysis) -> None:
    """Keeps the analysis, so that stock over time can be plotted."""
    tx.execute(
        insert(inventory_snapshots).values(
            target_per_stratum=analysis.target_per_stratum,
            thresholds=asdict(analysis.thresholds),
            total=analysis.total,
            total_deficit=analysis.total_deficit,
            counts={s.stratum.key: s.current_count for s in analysis.strata},
        )
    )


def save_plan(tx: Transaction, run_id: UUID, plan: GenerationPlan) -> GenerationPlan:
    """Keeps the run's plan; a run that already has one keeps that, and it is returned."""
    allocations = {stratum.key: count for stratum, count in plan.allocations.items()}
    tx.execute(
        insert(generation_plans)
        .values(run_id=run_id, total_questions=plan.total_questions, allocations=allocations)
        .on_conflict_do_nothing(index_elements=["run_id"])
    )
    return load_plan(tx, run_id) or plan


def load_plan(tx: Transaction, run_id: UUID) -> GenerationPlan | None:
    """The plan of a run, or None when it has none."""
    stored: Mapping[str, int] | None = tx.execute(
        select(generation_plans.c.allocations).where(generation_plans.c.run_id == run_id)
    ).scalar()
    if stored is None:
        return None
    return GenerationPlan({parse_stratum_key(key): count for key, count in stored.items()})
