"""What an alert is called: its severity, its state, and what a notice says has changed.

Not here: when there is one (`alerting/`), the rows (`bank/alerts.py`).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

MAX_MUTE_HOURS = 366 * 24
# The rules that there can be an alert of: `stock`, and the run rules of alerting.yaml.
RuleName = Literal[
    "stock",
    "provider_errors",
    "silence",
    "low_success",
    "failed_run",
    "stuck_run",
    "quality_drop",
    "cost",
    "duplicates",
    "outbox",
]


class AlertSeverity(StrEnum):
    """How urgent it is. CRITICAL wakes somebody."""

    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return 2 if self is AlertSeverity.CRITICAL else 1


class AlertState(StrEnum):
    """ACKNOWLEDGED: somebody knows. RESOLVED: what it was about is over."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Change(StrEnum):
    """How what is differs from what was told last."""

    NEW = "new"
    WORSE = "worse"
    BETTER = "better"
    RECOVERED = "recovered"
    REMINDER = "reminder"


class DeliveryState(StrEnum):
    """Where a message stands on its way to one channel. FAILED: given up, or its channel is gone."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


def rank(severity: AlertSeverity | None) -> int:
    """0 for nothing, then higher the more urgent."""
    return 0 if severity is None else severity.rank


def told_time(moment: datetime) -> str:
    """A time as messages tell it, the same wherever they are read."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def elapsed(since: datetime | None, now: datetime) -> timedelta | None:
    """How long ago something was; None when it never was, or lies in the future because a clock was set back.

    A moment in the future must not count as recent: it would keep everything quiet until the clock reaches it.
    """
    return now - since if since is not None and since <= now else None
