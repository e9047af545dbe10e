"""Alerts: what is wrong, what was told of it, who knows, and what is kept quiet.

Not here: the messages on their way (`alert_outbox.py`), pages for the admin API (`listings.py`), what runs say
(`alert_facts.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, case, cast, func, insert, or_, select, text, update

from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.locks import lock_alerts
from qgen_dagster.bank.operations_tables import alert_mutes, alerts
from qgen_dagster.core.alert import AlertSeverity, AlertState

Row = dict[str, Any]
LOCK_WAIT = "20s"
_OVER = AlertState.RESOLVED.value


def take_turn(tx: Transaction) -> None:
    """Only one check at a time decides, until the end of its transaction. Raises what the server says if it waits long.

    Whoever comes second sees what the first has written, so that both together tell once.
    """
    tx.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
    lock_alerts(tx)


def known_alerts(tx: Transaction, rules: Sequence[str], sent_since: datetime) -> list[Row]:
    """Alerts of the rules that are not over, whose end was not told, or of which something was told since then."""
    c = alerts.c
    believed = or_(c.state != _OVER, c.told_severity.is_not(None), c.last_sent_at >= sent_since)
    query = select(alerts).where(c.rule.in_(rules), believed).order_by(c.opened_at, c.id)
    return [dict(row._mapping) for row in tx.execute(query)]


def open_alerts(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], UUID]:
    """Writes new alerts; their ids by rule and subject."""
    if not rows:
        return {}
    inserted = tx.execute(insert(alerts).returning(alerts.c.id, alerts.c.rule, alerts.c.subject), list(rows))
    return {(rule, subject): id_ for id_, rule, subject in inserted}


def update_alerts(tx: Transaction, changes: Sequence[Mapping[str, Any]]) -> None:
    """Brings severity, message and details of alerts up to date; one that was over goes on.

    An acknowledged alert that got worse is open again: somebody knew of less.
    """
    if not changes:
        return
    c, new = alerts.c, _values(changes, ("id", "severity", "message", "details"))
    worse = (c.severity == AlertSeverity.WARNING.value) & (new.c.severity == AlertSeverity.CRITICAL.value)
    reopened = (c.state == _OVER) | ((c.state == AlertState.ACKNOWLEDGED.value) & worse)
    tx.execute(
        update(alerts)
        .where(c.id == cast(new.c.id, c.id.type))
        .values(
            severity=new.c.severity,
            message=new.c.message,
            details=cast(new.c.details, c.details.type),
            state=case((reopened, AlertState.OPEN.value), else_=c.state),
            resolved_at=None,
        )
    )


def resolve_alerts(tx: Transaction, ids: Sequence[UUID], at: datetime) -> None:
    """What they were about is over; whether that was told is another matter."""
    if ids:
        tx.execute(update(alerts).where(alerts.c.id.in_(ids)).values(state=_OVER, resolved_at=at))


def note_told(tx: Transaction, told: Mapping[UUID, AlertSeverity | None], at: datetime) -> None:
    """Remembers what the channels are told of each alert; None: that it is over."""
    for severity in {*told.values()}:
        ids = [id_ for id_, said in told.items() if said is severity]
        value = None if severity is None else severity.value
        tx.execute(update(alerts).where(alerts.c.id.in_(ids)).values(told_severity=value, last_sent_at=at))


def forget_told(tx: Transaction, ids: Sequence[UUID]) -> None:
    """Nothing more is to be told of these."""
    if ids:
        tx.execute(update(alerts).where(alerts.c.id.in_(ids)).values(told_severity=None))


def acknowledge(tx: Transaction, ids: Sequence[UUID], who: str, at: datetime, reason: str | None = None) -> list[UUID]:
    """Somebody knows: the alerts need not be told as they are. Returns those that this changed."""
    c = alerts.c
    changed = tx.execute(
        update(alerts)
        .where(c.id.in_(ids), c.state == AlertState.OPEN.value)
        .values(
            state=AlertState.ACKNOWLEDGED.value,
            acknowledged_at=at,
            acknowledged_by=who,
            acknowledged_reason=reason,
            told_severity=c.severity,
        )
        .returning(c.id)
    )
    return list(changed.scalars())


def find_alert_ids(tx: Transaction, prefix: str) -> list[UUID]:
    """The ids that begin with `prefix`, at most a handful."""
    matches = cast(alerts.c.id, Text).startswith(prefix, autoescape=True)
    return list(tx.execute(select(alerts.c.id).where(matches).limit(5)).scalars())


def unresolved_ids(tx: Transaction, rule: str | None = None) -> list[UUID]:
    """The alerts that nobody has dealt with."""
    query = select(alerts.c.id).where(alerts.c.state == AlertState.OPEN.value)
    return list(tx.execute(query if rule is None else query.where(alerts.c.rule == rule)).scalars())


def list_alerts(tx: Transaction, states: Sequence[str], rules: Sequence[str], limit: int, offset: int = 0) -> list[Row]:
    """Alerts, newest first."""
    query = select(alerts)
    if states:
        query = query.where(alerts.c.state.in_(states))
    if rules:
        query = query.where(alerts.c.rule.in_(rules))
    query = query.order_by(alerts.c.opened_at.desc(), alerts.c.id).limit(limit).offset(offset)
    return [dict(row._mapping) for row in tx.execute(query)]


def add_mute(tx: Transaction, values: Mapping[str, Any]) -> Row:
    """Writes a mute; its row."""
    row = tx.execute(insert(alert_mutes).values(**values).returning(alert_mutes)).one()
    return dict(row._mapping)


def current_mutes(tx: Transaction, now: datetime) -> list[Row]:
    """Mutes that have not ended, the one that lasts longest first."""
    c = alert_mutes.c
    query = select(alert_mutes).where(c.ended_at.is_(None), c.muted_until > now).order_by(c.muted_until.desc(), c.id)
    return [dict(row._mapping) for row in tx.execute(query)]


def end_mutes(tx: Transaction, ids: Iterable[UUID], who: str, at: datetime) -> list[UUID]:
    """Ends mutes early; those that were still in force."""
    c = alert_mutes.c
    query = update(alert_mutes).where(c.id.in_(list(ids)), c.ended_at.is_(None), c.muted_until > at)
    return list(tx.execute(query.values(ended_at=at, ended_by=who).returning(c.id)).scalars())


def mute_row(tx: Transaction, mute_id: UUID) -> Row | None:
    """A mute, or None."""
    row = tx.execute(select(alert_mutes).where(alert_mutes.c.id == mute_id)).first()
    return dict(row._mapping) if row else None


def _values(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Any:
    """The rows as a table in one statement, however many there are: arrays of text, unnested side by side."""
    from sqlalchemy import String
    from sqlalchemy.dialects.postgresql import ARRAY

    columns = [cast([row[name] for row in rows], ARRAY(String)) for name in names]
    return func.unnest(*columns).table_valued(*names, name="new").render_derived()
