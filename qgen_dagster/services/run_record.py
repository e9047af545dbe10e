"""Reading a run's record.

Not here: writing it (`services/runs.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.funnel import Funnel
from qgen_dagster.core.taxonomy import Stratum, parse_stratum_key
from qgen_dagster.tracking.metrics import funnel_from_json


@dataclass(frozen=True)
class RunRecord:
    """A run's row, and its funnel as a whole and per stratum."""

    run_id: UUID
    row: Mapping[str, Any]
    funnel: Funnel
    strata: Mapping[Stratum, Funnel]


def read_record(bank: Bank, run_id: UUID) -> RunRecord | None:
    """The record of a run, or None when there is none."""
    with bank.begin() as tx:
        row = run_rows.get_run(tx, run_id)
    if row is None:
        return None
    document = row["funnel"] or {}
    return RunRecord(
        run_id=run_id,
        row=row,
        funnel=funnel_from_json(document["total"]) if document else Funnel(),
        strata={parse_stratum_key(k): funnel_from_json(v) for k, v in document.get("strata", {}).items()},
    )
