"""Messages on their way to channels: written with the decision, claimed one by one, tried until they arrive.

A delivery is leased to one process at a time, by the server's clock. Not here: what is told (`alerts.py`), sending
(`alerting/deliver.py`), when to try again (`services/alert_delivery.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, cast, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.operations_tables import alert_deliveries, alert_mentions, alert_messages
from qgen_dagster.core.alert import AlertSeverity, DeliveryState

Row = dict[str, Any]
MAX_HISTORY = 20
_PENDING = DeliveryState.PENDING.value


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process has the right to try now. `attempts` counts this one."""

    id: UUID
    message_id: UUID
    channel: str
    attempts: int
    severity: AlertSeverity | None
    created_at: datetime
    content: Mapping[str, Any]


def add_message(
    tx: Transaction,
    values: Mapping[str, Any],
    channels: Sequence[str],
    alert_ids: Sequence[UUID],
) -> UUID:
    """Writes a message, to be delivered to the channels as soon as the transaction is committed; its id."""
    id_: UUID = tx.execute(insert(alert_messages).values(**values).returning(alert_messages.c.id)).scalar_one()
    add_deliveries(tx, id_, channels, values["created_at"])
    if alert_ids:
        rows = [{"message_id": id_, "alert_id": alert_id} for alert_id in dict.fromkeys(alert_ids)]
        tx.execute(insert(alert_mentions), rows)
    return id_


def add_deliveries(tx: Transaction, message_id: UUID, channels: Sequence[str], at: datetime) -> None:
    """Has a message delivered to further channels; those that it goes to already are left as they are."""
    rows = [{"message_id": message_id, "channel": channel, "next_attempt_at": at} for channel in channels]
    if rows:
        tx.execute(upsert(alert_deliveries).on_conflict_do_nothing(), rows)


def recent_messages(tx: Transaction, since: datetime) -> list[Row]:
    """Family, severity and time of the messages since then; tests of channels are none."""
    c = alert_messages.c
    query = select(c.family, c.severity, c.created_at).where(c.created_at >= since, c.family != "test")
    return [dict(row._mapping) for row in tx.execute(query)]


def claim_due(
    tx: Transaction,
    now: datetime,
    *,
    limit: int,
    lease: timedelta,
    longest_pause: timedelta,
    message_id: UUID | None = None,
) -> list[Claimed]:
    """Takes deliveries that are due, critical ones first, and leases them to the caller; the oldest message is first.

    Commit before sending. A due time further away than any pause was written by a clock that was wrong: it is due.
    """
    d, m = alert_deliveries.c, alert_messages.c
    free = or_(d.leased_until.is_(None), d.leased_until < func.clock_timestamp())
    due = or_(d.next_attempt_at <= now, d.next_attempt_at > now + longest_pause * 2)
    chosen = (
        select(d.id)
        .join(alert_messages, m.id == d.message_id)
        .where(d.state == _PENDING, free, due)
        .order_by(case((m.severity == AlertSeverity.CRITICAL.value, 0), else_=1), d.next_attempt_at, d.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=alert_deliveries)
    )
    if message_id is not None:
        chosen = chosen.where(d.message_id == message_id)
    taken = tx.execute(
        update(alert_deliveries)
        .where(d.id.in_(chosen.scalar_subquery()))
        .values(attempts=d.attempts + 1, leased_until=func.clock_timestamp() + lease, last_attempt_at=now)
        .returning(d.id)
    )
    ids = list(taken.scalars())
    if not ids:
        return []
    query = (
        select(d.id, d.message_id, d.channel, d.attempts, m.severity, m.created_at, m.content)
        .join(alert_messages, m.id == d.message_id)
        .where(d.id.in_(ids))
        .order_by(m.created_at, m.id, d.channel)
    )
    return [
        Claimed(id_, message, channel, attempts, AlertSeverity(severity) if severity else None, created_at, content)
        for id_, message, channel, attempts, severity, created_at, content in tx.execute(query)
    ]


def put_back(tx: Transaction, delivery_ids: Sequence[UUID]) -> None:
    """Gives back what was claimed and not tried."""
    d = alert_deliveries.c
    query = update(alert_deliveries).where(d.id.in_(delivery_ids), d.state == _PENDING)
    tx.execute(query.values(leased_until=None, attempts=d.attempts - 1))


def record_outcome(
    tx: Transaction,
    delivery_id: UUID,
    *,
    state: DeliveryState,
    at: datetime,
    next_attempt_at: datetime | None,
    error: str | None,
) -> None:
    """What became of an attempt; gives the lease back. One that was delivered stays delivered."""
    d = alert_deliveries.c
    entry = {"at": at.isoformat(), "state": state.value, "error": error}
    kept = case(
        (func.jsonb_array_length(d.history) >= MAX_HISTORY, d.history.op("-")(0)),
        else_=d.history,
    )
    tx.execute(
        update(alert_deliveries)
        .where(d.id == delivery_id, d.state != DeliveryState.DELIVERED.value)
        .values(
            state=state.value,
            leased_until=None,
            delivered_at=at if state is DeliveryState.DELIVERED else None,
            next_attempt_at=d.next_attempt_at if next_attempt_at is None else next_attempt_at,
            error=error,
            history=kept.op("||")(cast([entry], JSONB)),
        )
    )


def message_states(tx: Transaction, message_id: UUID) -> list[Row]:
    """The deliveries of a message, by channel."""
    d = alert_deliveries.c
    query = select(alert_deliveries).where(d.message_id == message_id).order_by(d.channel)
    return [dict(row._mapping) for row in tx.execute(query)]


def deliveries_of_alert(tx: Transaction, alert_id: UUID, limit: int = 100) -> list[Row]:
    """Where an alert's messages went, newest first."""
    d, m = alert_deliveries.c, alert_messages.c
    columns = (d.channel, d.state, d.attempts, d.next_attempt_at, d.last_attempt_at, d.delivered_at, d.error, d.history)
    query = (
        select(m.id.label("message_id"), m.title, m.created_at, *columns)
        .join(alert_mentions, alert_mentions.c.message_id == m.id)
        .join(alert_deliveries, d.message_id == m.id)
        .where(alert_mentions.c.alert_id == alert_id)
        .order_by(m.created_at.desc(), d.channel)
        .limit(limit)
    )
    return [dict(row._mapping) for row in tx.execute(query)]


def waiting_deliveries(tx: Transaction) -> int:
    """How many deliveries have not arrived and are still tried."""
    query = select(func.count()).where(alert_deliveries.c.state == _PENDING)
    return tx.execute(query).scalar_one()


def list_messages(tx: Transaction, since: datetime) -> list[Row]:
    """The messages since then, oldest first, with their content."""
    query = select(alert_messages).where(alert_messages.c.created_at >= since)
    return [dict(r._mapping) for r in tx.execute(query.order_by(alert_messages.c.created_at, alert_messages.c.id))]
