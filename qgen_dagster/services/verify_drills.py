"""Verification of a series as it stands in its rows: every drill checked, the verdicts stored.

The evaluations come from the library (fast, and there where no engine is installed) or from GNU Backgammon, asked anew.
Not here: the checks (`drills/verify.py`), the engine (`drills/gnubg.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.drills import CheckRow, StoredDrill
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.drills import Drill, DrillVerdict, Evaluation, SeriesVerdict
from qgen_dagster.drills.board import BadPosition
from qgen_dagster.drills.gnubg import EngineError, Gnubg, Program
from qgen_dagster.drills.rules import series_problems
from qgen_dagster.drills.verify import (
    DrillCheck,
    SeriesCheck,
    catalogue_evaluations,
    engine_evaluations,
    verify_drill,
)
from qgen_dagster.services.plan_drills import curriculum_of, load_series

CATALOGUE = "catalogue"
Told = Callable[[int, int], None]  # drills checked, drills in all


@dataclass(frozen=True)
class Verification:
    """What a verification found. `quota_problems` are those of the series' make-up, in sentences."""

    verdict: SeriesVerdict
    checked_with: str
    verified: int
    failed: int
    unverifiable: int
    expected: int
    review: tuple[str, ...]
    quota_problems: tuple[str, ...]
    largest_loss: float | None


def verify_with_catalogue(bank: Bank, series_id: UUID) -> Verification:
    """Checks the drills by the evaluations that the library has of their positions."""
    drills = _stored(bank, series_id)
    with bank.begin() as tx:
        positions = position_rows.get_positions(tx, [stored.drill.position_id for stored in drills.values()])
    evaluations = catalogue_evaluations(positions.values())
    checks = {i: verify_drill(stored.drill, evaluations.get(stored.drill.position_id)) for i, stored in drills.items()}
    return _keep(bank, series_id, drills, checks, CATALOGUE)


def verify_with_engine(
    bank: Bank, series_id: UUID, program: Program, *, plies: int = 2, told: Told = lambda done, total: None
) -> Verification:
    """Checks the drills by what GNU Backgammon says now. A position that it cannot answer for is unverifiable."""
    drills = _stored(bank, series_id)
    checks: dict[int, DrillCheck] = {}
    with Gnubg(program, plies=plies) as engine:
        for place, (index, stored) in enumerate(drills.items(), start=1):
            checks[index] = _checked_by(engine, stored.drill)
            told(place, len(drills))
    return _keep(bank, series_id, drills, checks, f"{program.name}, {plies}-ply")


def last_verification(bank: Bank, series_id: UUID) -> Verification:
    """What the last verification found, read from the rows."""
    series = load_series(bank, series_id)
    drills = _stored(bank, series_id)
    checks = {i: _as_check(stored.check) for i, stored in drills.items() if stored.check is not None}
    return _summary(bank, series_id, drills, checks, series.checked_with or "nothing", verdict=series.verification)


def _checked_by(engine: Gnubg, drill: Drill) -> DrillCheck:
    found: Mapping[str, Evaluation]
    failed: Mapping[str, EngineError | BadPosition]
    found, failed = engine_evaluations(engine, [drill.position_id])
    error = failed.get(drill.position_id)
    if error is not None:
        return DrillCheck(DrillVerdict.UNVERIFIABLE, None, (error.message,))
    return verify_drill(drill, found.get(drill.position_id))


def _stored(bank: Bank, series_id: UUID) -> dict[int, StoredDrill]:
    with bank.begin() as tx:
        return {stored.index: stored for stored in rows.list_drills(tx, series_id)}


def _keep(
    bank: Bank,
    series_id: UUID,
    drills: Mapping[int, StoredDrill],
    checks: Mapping[int, DrillCheck],
    checked_with: str,
) -> Verification:
    verification = _summary(bank, series_id, drills, checks, checked_with)
    stored = {i: CheckRow(c.verdict, c.equity_loss, c.problems, c.checked_with) for i, c in checks.items()}
    with bank.begin() as tx:
        rows.store_checks(tx, series_id, stored, verification.verdict, checked_with)
    return verification


def _summary(
    bank: Bank,
    series_id: UUID,
    drills: Mapping[int, StoredDrill],
    checks: Mapping[int, DrillCheck],
    checked_with: str,
    verdict: SeriesVerdict | None = None,
) -> Verification:
    series = load_series(bank, series_id)
    check = SeriesCheck(checks, series.planned_drill_count)
    verdicts = [each.verdict for each in checks.values()]
    losses = [each.equity_loss for each in checks.values() if each.equity_loss is not None]
    return Verification(
        verdict=verdict or check.verdict,
        checked_with=checked_with,
        verified=verdicts.count(DrillVerdict.VERIFIED),
        failed=verdicts.count(DrillVerdict.FAILED),
        unverifiable=verdicts.count(DrillVerdict.UNVERIFIABLE),
        expected=series.planned_drill_count,
        review=check.review,
        quota_problems=tuple(series_problems([stored.drill for stored in drills.values()], curriculum_of(series))),
        largest_loss=max(losses, default=None),
    )


def _as_check(row: CheckRow) -> DrillCheck:
    return DrillCheck(row.verdict, row.equity_loss, row.problems, row.checked_with)
