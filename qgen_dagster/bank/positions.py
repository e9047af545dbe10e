"""The position library's rows.

Not here: where positions come from (`drills/mining.py`, `drills/library.py`) and how a series samples them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import positions
from qgen_dagster.core.drills import Phase, Position

_COLUMNS = (
    *("id", "match_id", "phase", "dice", "pips_on_roll", "pips_opponent", "move_number", "evaluation", "source"),
)


def add_positions(tx: Transaction, found: Iterable[Position]) -> set[str]:
    """Adds the positions that are not there yet; returns the ids that are new."""
    rows = [position.model_dump(mode="json") for position in found]
    if not rows:
        return set()
    return set(tx.scalars(insert(positions).on_conflict_do_nothing().returning(positions.c.id), rows))


def known_ids(tx: Transaction, ids: Collection[str]) -> set[str]:
    """Those of the ids that the library has."""
    return set(tx.scalars(select(positions.c.id).where(positions.c.id.in_(ids))))


def load_positions(tx: Transaction, phases: Collection[Phase] | None = None) -> list[Position]:
    """All positions of the phases (None: of all), by id."""
    query = select(*(positions.c[name] for name in _COLUMNS)).order_by(positions.c.id)
    if phases is not None:
        query = query.where(positions.c.phase.in_(phases))
    return [_position(row) for row in tx.execute(query)]


def get_positions(tx: Transaction, ids: Collection[str]) -> dict[str, Position]:
    """The positions with these ids, by id; unknown ids are missing."""
    rows = tx.execute(select(*(positions.c[name] for name in _COLUMNS)).where(positions.c.id.in_(ids)))
    return {row.id: _position(row) for row in rows}


def count_by_phase(tx: Transaction) -> Mapping[Phase, int]:
    """How many positions each phase has, in the order of a game; 0 where there are none."""
    rows = tx.execute(select(positions.c.phase, func.count().label("there")).group_by(positions.c.phase))
    counted = {row.phase: row.there for row in rows}
    return {phase: counted.get(phase.value, 0) for phase in Phase}


def sources(tx: Transaction, prefix: str) -> set[str]:
    """The distinct sources that begin with the prefix."""
    query = select(positions.c.source).where(positions.c.source.startswith(prefix, autoescape=True))
    return set(tx.scalars(query.distinct()))


def _position(row: Row[Any]) -> Position:
    return Position.model_validate(dict(row._mapping))
