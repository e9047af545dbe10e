"""Planning a drill series: its positions, and what each of its drills is to be, stored before anything is made.

Here: `plan_drills`, which also puts the bundled catalogue into the library, and finding series. Not here: the choice of
positions (`drills/library.py`), the plan itself (`drills/planner.py`), making drills (`build_drills.py`).
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from uuid import UUID, uuid4

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.drills import NewSeries, StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.drills import Curriculum
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import Phase, Position
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.drills.design import possible_methodologies
from qgen_dagster.drills.library import PromptCost, fixed_maximum, load_catalogue, prompt_cost, select_positions
from qgen_dagster.drills.planner import plan_series
from qgen_dagster.services.drill_options import SeriesOptions

MIN_PREFIX = 4
PHASE_NAMES = {
    Phase.OPENING: "opening",
    Phase.EARLY: "early game",
    Phase.MIDDLE: "middle game",
    Phase.BEAROFF: "bear-off",
}


def plan_drills(bank: Bank, settings: Settings, options: SeriesOptions, series_id: UUID | None = None) -> StoredSeries:
    """Plans and stores a series; one that is stored already stays as it is.

    The same seed, options and library make the same plan. Without batches (`ENABLE_BATCH_DRILL_GENERATION=false`) the
    whole series is one batch. Raises ConfigurationError when the phases have no position at all.
    """
    series_id = series_id or uuid4()
    with bank.begin() as tx:
        known = rows.get_series(tx, series_id)
    if known is not None:
        return known
    fill_library(bank)
    phases = tuple(Phase(name) for name in options.phases)
    with bank.begin() as tx:
        library = position_rows.load_positions(tx)
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    curriculum = settings.curriculum
    chosen = select_positions(library, phases, options.count, seed, options.max_positions_per_phase)
    if not chosen.positions:
        raise ConfigurationError(
            f"the library has no position of {', '.join(phases)}", hint="See what there is with: qgen drills positions"
        )
    fixed = fixed_maximum(library, seed)
    batch_size = options.batch_size if settings.drill_batches else options.count
    possible = _possible(chosen.positions, curriculum, seed)
    plan = plan_series(chosen.positions, possible, options.count, curriculum, seed=seed, batch_size=batch_size)
    if not plan.slots:
        raise ConfigurationError("the positions lend themselves to no methodology of the curriculum (QGEN_DRILLS)")
    series = NewSeries(
        id=series_id,
        title=options.title or _title(phases),
        target_drill_count=options.count,
        planned_drill_count=len(plan.slots),
        phases=phases,
        seed=seed,
        batch_size=batch_size,
        curriculum=curriculum.model_dump(mode="json"),
        positions={"loaded": [p.id for p in chosen.positions], "fixed": [p.id for p in fixed]},
        position_cost=asdict(prompt_cost(chosen.positions, fixed)),
        plan_warnings=(*(chosen.warnings if plan.warnings else ()), *plan.warnings),
    )
    with bank.begin() as tx:
        rows.create_series(tx, series, plan.batches)
        stored = rows.get_series(tx, series_id)
    assert stored is not None  # noqa: S101 - written in this transaction, or by whoever was first
    return stored


def fill_library(bank: Bank) -> int:
    """Puts what is missing of the bundled catalogue into the library; returns how many positions were new."""
    catalogue = load_catalogue()
    with bank.begin() as tx:
        known = position_rows.known_ids(tx, [position.id for position in catalogue])
        return len(position_rows.add_positions(tx, [p for p in catalogue if p.id not in known]))


def curriculum_of(series: StoredSeries) -> Curriculum:
    """The curriculum that the series was planned by."""
    return Curriculum.model_validate(series.curriculum)


def cost_of(series: StoredSeries) -> PromptCost:
    """What the series' positions cost in prompts, beside the fixed maximum, and what its calls took."""
    return PromptCost(**series.position_cost)


def load_series(bank: Bank, series_id: UUID) -> StoredSeries:
    """The series. Raises ConfigurationError when there is none."""
    with bank.begin() as tx:
        found = rows.get_series(tx, series_id)
    if found is None:
        raise ConfigurationError(f"there is no drill series {series_id}", hint="See them with: qgen drills status")
    return found


def find_series(bank: Bank, prefix: str) -> StoredSeries:
    """The series whose id begins with `prefix`. Raises ConfigurationError when none or several do."""
    wanted = prefix.strip().lower()
    if len(wanted) < MIN_PREFIX:
        raise ConfigurationError(
            f"{prefix!r} is too short for a series id", hint=f"Give at least {MIN_PREFIX} characters."
        )
    with bank.begin() as tx:
        found = rows.find_series_ids(tx, wanted)
    if len(found) > 1:
        raise ConfigurationError(f"several series begin with {prefix!r}", hint="Give more of the id.")
    if not found:
        raise ConfigurationError(f"no drill series begins with {prefix!r}", hint="See them with: qgen drills status")
    return load_series(bank, found[0])


def _possible(positions: tuple[Position, ...], curriculum: Curriculum, seed: int) -> dict[str, tuple[str, ...]]:
    return {position.id: possible_methodologies(position, curriculum, seed) for position in positions}


def _title(phases: tuple[Phase, ...]) -> str:
    names = [PHASE_NAMES[phase] for phase in phases]
    listed = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    return "Backgammon drills: " + ("the whole game" if len(phases) == len(Phase) else listed)
