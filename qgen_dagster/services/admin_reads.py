"""What the admin API reads besides runs: stock, questions with their history, batches, alerts.

Not here: runs (`run_reports.py`), SQL (`bank/listings.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from qgen_dagster.bank import alert_outbox, listings
from qgen_dagster.bank import questions as question_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.listings import QuestionFilter, Row
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.services import inventory
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_reports import COUNTED
from qgen_dagster.tracking import admin_schemas as shown

MAX_SNAPSHOTS = 1_000


@dataclass(frozen=True)
class Found:
    """A page of rows; `total` is at most `COUNTED`."""

    rows: list[Row]
    total: int
    is_exact: bool


def stock(bank: Bank, settings: Settings, target_per_stratum: int | None) -> shown.InventoryRead:
    """How well each stratum is stocked, against the given target or the usual one."""
    options = RunOptions() if target_per_stratum is None else RunOptions(target_per_stratum=target_per_stratum)
    return inventory_read(inventory.analyze(bank, settings, options))


def inventory_read(analysis: InventoryAnalysis) -> shown.InventoryRead:
    """The analysis as the API tells it."""
    t = analysis.thresholds
    return shown.InventoryRead(
        total=analysis.total,
        total_deficit=analysis.total_deficit,
        target_per_stratum=analysis.target_per_stratum,
        thresholds=shown.Levels(healthy=t.healthy_min, warning=t.warning_min, critical=t.critical_min),
        strata_below_target=[s.stratum.key for s in analysis.strata_below_target],
        critical_strata=[s.stratum.key for s in analysis.critical_strata],
        strata=[
            shown.StratumStock(
                key=s.stratum.key,
                question_type=s.stratum.question_type,
                difficulty=s.stratum.difficulty,
                current_count=s.current_count,
                target_count=s.target_count,
                deficit=s.deficit,
                fill_priority=s.fill_priority,
                level=s.level,
            )
            for s in analysis.strata
        ],
    )


def stock_history(bank: Bank, since: datetime, until: datetime) -> shown.SnapshotList:
    """Stock over time, newest first, at most `MAX_SNAPSHOTS`."""
    with bank.begin() as tx:
        rows = listings.snapshots(tx, since, until, MAX_SNAPSHOTS + 1)
    kept = [shown.SnapshotRead.model_validate(row) for row in rows[:MAX_SNAPSHOTS]]
    return shown.SnapshotList(snapshots=kept, complete=len(rows) <= MAX_SNAPSHOTS)


def find_questions(bank: Bank, wanted: QuestionFilter, *, limit: int, offset: int) -> Found:
    """A page of questions, newest first."""
    with bank.begin() as tx:
        return _found(*listings.page_of_questions(tx, wanted, limit=limit, offset=offset, most=COUNTED + 1))


def read_question(bank: Bank, question_id: UUID) -> Row | None:
    """A question with its content, `history` and `calls`; None when there is none."""
    with bank.begin() as tx:
        row = listings.question_row(tx, question_id)
        if row is None:
            return None
        history = listings.candidate_history(tx, row["candidate_id"]) if row["candidate_id"] else []
        calls = (
            listings.candidate_calls(tx, [c["id"] for c in history], [c["batch_id"] for c in history])
            if history
            else []
        )
    for call in calls:
        call["cost_usd"] = None if call["cost_usd"] is None else float(call["cost_usd"])
    return {**row, "history": history, "calls": calls}


def deactivate_question(bank: Bank, question_id: UUID, told: shown.Deactivation) -> tuple[bool, Row] | None:
    """Takes a question out of the inventory; whether that changed it, and its row. None when there is none."""
    with bank.begin() as tx:
        changed = question_rows.deactivate_question(
            tx, question_id, actor=told.actor.strip(), reason=told.reason.strip()
        )
        row = listings.question_row(tx, question_id)
    return None if row is None else (changed, row)


def find_batches(bank: Bank, equal: Mapping[str, Any], statuses: Sequence[str], *, limit: int, offset: int) -> Found:
    """A page of batches, newest first."""
    with bank.begin() as tx:
        return _found(*listings.page_of_batches(tx, equal, statuses, limit=limit, offset=offset, most=COUNTED + 1))


def read_batch(bank: Bank, batch_id: UUID) -> Row | None:
    """A batch, or None."""
    with bank.begin() as tx:
        return listings.batch_row(tx, batch_id)


def find_alerts(bank: Bank, equal: Mapping[str, Any], states: Sequence[str], *, limit: int, offset: int) -> Found:
    """A page of alerts, newest first."""
    with bank.begin() as tx:
        return _found(*listings.page_of_alerts(tx, equal, states, limit=limit, offset=offset, most=COUNTED + 1))


def read_alert(bank: Bank, alert_id: UUID) -> Row | None:
    """An alert with its `deliveries`, or None."""
    with bank.begin() as tx:
        row = listings.alert_row(tx, alert_id)
        return None if row is None else {**row, "deliveries": alert_outbox.deliveries_of_alert(tx, alert_id)}


def _found(rows: list[Row], total: int) -> Found:
    return Found(rows, min(total, COUNTED), total <= COUNTED)
