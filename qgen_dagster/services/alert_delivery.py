"""Handing messages to their channels: claimed, sent, recorded, tried again.

A message arrives at least once. It arrives twice only where a channel took it and its answer, or our record of it, was
lost: nobody can tell that from a message that never arrived. Not here: what is told (`alerts.py`), the channels
(`alerting/deliver.py`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from qgen_dagster.alerting.message import AlertMessage, message_from_json
from qgen_dagster.bank import alert_outbox
from qgen_dagster.bank.alert_outbox import Claimed
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.alert import AlertSeverity, DeliveryState, elapsed
from qgen_dagster.core.errors import DatabaseError
from qgen_dagster.services.alerts import Alerting

RECORD_ATTEMPTS = 4
RECORD_PAUSE = 0.5  # seconds, doubling
# What this process has handed over and could not record: not to be sent by it again.
_unrecorded: dict[UUID, datetime] = {}


@dataclass(frozen=True, slots=True)
class Delivered:
    """One attempt: where a delivery stands now, and what went wrong."""

    channel: str
    state: DeliveryState
    error: str | None
    attempts: int


def deliver_due(
    alerting: Alerting,
    *,
    message_id: UUID | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> tuple[Delivered, ...]:
    """Tries the deliveries that are due, as many as `delivery.at_once`, all channels at the same time.

    Takes about as long as one channel may take, at most twice that. Channels that fail are no error: they are tried
    again by a later call. Raises ConfigurationError and DatabaseError.
    """
    config = alerting.config.delivery
    now = alerting.clock()
    # Twice the time that a channel has, and something for a slow database: another process must not come in between.
    lease = timedelta(seconds=2 * config.timeout_seconds + 60)
    with alerting.bank.begin() as tx:
        claimed = alert_outbox.claim_due(
            tx,
            now,
            limit=config.at_once,
            lease=lease,
            longest_pause=timedelta(minutes=config.longest_pause_minutes),
            message_id=message_id,
        )
    lines: dict[str, list[Claimed]] = {}
    for one in claimed:
        lines.setdefault(one.channel, []).append(one)
    if not lines:
        return ()
    with ThreadPoolExecutor(len(lines), thread_name_prefix="qgen-alerts") as pool:
        done = pool.map(lambda line: _work_off(alerting, line, sleep), lines.values())
        return tuple(one for line in done for one in line)


def _work_off(alerting: Alerting, line: Sequence[Claimed], sleep: Callable[[float], object]) -> list[Delivered]:
    """The messages for one channel, in their order: what is over must not arrive before what it ends.

    The rest of the line is put back when the channel fails or has had its time.
    """
    done: list[Delivered] = []
    begun = time.monotonic()
    for place, claimed in enumerate(line):
        late = time.monotonic() - begun > alerting.config.delivery.timeout_seconds
        if late or any(one.error for one in done):
            with alerting.bank.begin() as tx:
                alert_outbox.put_back(tx, [rest.id for rest in line[place:]])
            break
        done.append(_attempt(alerting, claimed, sleep))
    return done


def _attempt(alerting: Alerting, claimed: Claimed, sleep: Callable[[float], object]) -> Delivered:
    from qgen_dagster.alerting.deliver import Outcome, deliver

    message = message_from_json(claimed.content)
    channel = alerting.channels.get(claimed.channel)
    if claimed.id in _unrecorded:
        outcome = Outcome()
    elif channel is None:
        outcome = Outcome("its address is no longer configured", final=True)
    else:
        outcome = deliver(message, channel, alerting.links, str(claimed.id), alerting.config.delivery.timeout_seconds)
    if outcome.error is None:
        _unrecorded[claimed.id] = alerting.clock()
    done = _record(alerting, claimed, message, outcome.error, outcome.final, sleep)
    _unrecorded.pop(claimed.id, None)
    return done


def _record(
    alerting: Alerting,
    claimed: Claimed,
    message: AlertMessage,
    error: str | None,
    final: bool,
    sleep: Callable[[float], object],
) -> Delivered:
    for attempt in range(RECORD_ATTEMPTS):
        try:
            with alerting.bank.begin() as tx:
                return _settle(tx, alerting, claimed, message, error, final)
        except DatabaseError:
            if attempt + 1 == RECORD_ATTEMPTS:
                raise
            sleep(RECORD_PAUSE * 2**attempt)
    raise AssertionError("unreachable")


def _settle(
    tx: Transaction, alerting: Alerting, claimed: Claimed, message: AlertMessage, error: str | None, final: bool
) -> Delivered:
    config, now = alerting.config.delivery, alerting.clock()
    state, again = DeliveryState.DELIVERED, None
    if error is not None:
        others = [d for d in alert_outbox.message_states(tx, claimed.message_id) if d["id"] != claimed.id]
        arrived = any(d["state"] == DeliveryState.DELIVERED.value for d in others)
        state = DeliveryState.PENDING
        age = elapsed(claimed.created_at, now)
        too_old = age is not None and age >= timedelta(hours=config.give_up_after_hours)
        nobody_knows = claimed.severity is AlertSeverity.CRITICAL and not arrived
        if final or message.test or (too_old and not nobody_knows):
            state = DeliveryState.FAILED
        else:
            again = now + pause_after(claimed.attempts, config.first_pause_seconds, config.longest_pause_minutes)
        if not message.test and not arrived and all(d["attempts"] for d in others):
            # Nobody has got it and everybody was tried: the channels of other severities are better than none.
            known = {d["channel"] for d in others} | {claimed.channel}
            spare = [name for name in alerting.channels if name not in known]
            alert_outbox.add_deliveries(tx, claimed.message_id, spare, now)
    alert_outbox.record_outcome(tx, claimed.id, state=state, at=now, next_attempt_at=again, error=error)
    return Delivered(claimed.channel, state, error, claimed.attempts)


def pause_after(attempts: int, first_seconds: float, longest_minutes: float) -> timedelta:
    """How long to wait after so many failed attempts: doubling, up to the longest."""
    longest = timedelta(minutes=longest_minutes)
    return min(timedelta(seconds=first_seconds * 2.0 ** min(attempts - 1, 20)), longest)


def summary(done: Sequence[Delivered]) -> str:
    """`2 delivered, 1 to be tried again`; empty when nothing was tried."""
    words = {
        DeliveryState.DELIVERED: "delivered",
        DeliveryState.PENDING: "to be tried again",
        DeliveryState.FAILED: "failed",
    }
    counts = {state: sum(d.state is state for d in done) for state in words}
    return ", ".join(f"{count} {words[state]}" for state, count in counts.items() if count)
