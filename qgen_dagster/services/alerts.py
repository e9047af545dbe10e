"""Checking what is worth an alert, and telling it once, however many processes check.

Here: `InventoryAlertManager`, and the one transaction in which every check decides: it reads what was told before,
decides by the pure rules, and writes alerts and message together. Delivery follows the commit (`alert_delivery.py`), so
a crash between the two loses nothing. Not here: the rules (`alerting/`), what runs say (`alert_runs.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from qgen_dagster.alerting.channels import Channel, channels_for
from qgen_dagster.alerting.decide import (
    HOUR,
    Decision,
    Key,
    KnownAlert,
    Mute,
    Notice,
    Policy,
    SentMessage,
    Suppressed,
    decide,
)
from qgen_dagster.alerting.findings import STOCK, Finding, stock_facts, stock_findings
from qgen_dagster.alerting.message import NIGHTLY, compose, message_json, title_of
from qgen_dagster.bank import alert_outbox, alerts
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.config.alerting import AlertingConfig
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.alert import AlertSeverity, AlertState
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.services.work import now as time_of_day

Clock = Callable[[], datetime]


@dataclass(frozen=True)
class Alerting:
    """What every check and every delivery needs. `environ` has the addresses that the configuration refers to."""

    bank: Bank
    config: AlertingConfig
    environ: Mapping[str, str]
    clock: Clock = time_of_day

    @cached_property
    def channels(self) -> dict[str, Channel]:
        """All channels by name. Raises ConfigurationError."""
        return {channel.name: channel for channel in channels_for(self.config, self.environ)}

    @property
    def links(self) -> dict[str, str]:
        """Where messages lead."""
        links = self.config.links
        found = {
            "Dashboard": links.dashboard or self.environ.get("QGEN_DASHBOARD_URL"),
            "Dagster": links.dagster or self.environ.get("QGEN_DAGSTER_URL"),
        }
        return {name: address for name, address in found.items() if address}


@dataclass(frozen=True)
class CheckReport:
    """What a check told, and what it did not tell and why. `message_id` None: nothing was told."""

    sent: tuple[Notice, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()
    message_id: UUID | None = None
    title: str = ""

    @property
    def waits(self) -> bool:
        """Whether something is to be told later, so that another check is needed though nothing changes."""
        return any(held.waits for held in self.suppressed)

    def by_subject(self) -> dict[str, str]:
        """`sent`, or why not, for everything that there was something to say about."""
        held = {s.subject: s.reason for s in self.suppressed}
        return {**held, **{notice.subject: "sent" for notice in self.sent}}


def make_alerting(bank: Bank, settings: Settings, file: Path | None = None, *, clock: Clock = time_of_day) -> Alerting:
    """Alerting as configured. Raises ConfigurationError with file, line and key."""
    return Alerting(bank, settings.alerting(file), settings.alert_environment, clock)


class InventoryAlertManager:
    """Tells of strata that run low, get worse, or recover."""

    def __init__(self, alerting: Alerting, strata: Sequence[str] = ()) -> None:
        """`strata`: the keys of the taxonomy. An analysis of all of them ends the alerts of those that are gone."""
        self._alerting = alerting
        self._strata = frozenset(strata)

    def check_and_alert(self, analysis: InventoryAnalysis, outlook: str = NIGHTLY) -> CheckReport:
        """Decides what is told of this stock now, and has it delivered after the commit.

        Returns what is told and what is not, with the reason, per stratum. Raises ConfigurationError and DatabaseError;
        then nothing is decided, and the next check finds all of it again.
        """
        cooldowns = self._alerting.config.cooldowns
        remind = cooldowns.remind_after_hours
        policy = Policy(
            family=STOCK,
            cooldown=lambda rule: timedelta(minutes=cooldowns.per_stratum_minutes),
            global_cooldown=timedelta(minutes=cooldowns.global_minutes),
            max_per_hour=cooldowns.max_per_hour,
            remind_after=None if remind is None else timedelta(hours=remind),
        )
        looked_at = {s.stratum.key: s for s in analysis.strata}

        def is_meant(alert: KnownAlert) -> bool:
            return alert.subject in looked_at

        def revise(notice: Notice) -> Notice:
            if notice.severity is not None:
                return notice
            stock = looked_at[notice.subject]
            text = f"{notice.subject} has recovered: {stock.current_count:,} of {stock.target_count:,}"
            return replace(notice, text=text, facts=stock_facts(stock, analysis))

        everything = bool(self._strata) and self._strata <= set(looked_at)
        return check(
            self._alerting,
            stock_findings(analysis),
            [STOCK],
            policy,
            outlook=outlook,
            is_meant=is_meant,
            revise=revise,
            ends_others=everything,
        )


def check(
    alerting: Alerting,
    findings: Sequence[Finding],
    rules: Sequence[str],
    policy: Policy,
    *,
    outlook: str = "",
    is_meant: Callable[[KnownAlert], bool] = lambda alert: True,
    revise: Callable[[Notice], Notice] = lambda notice: notice,
    ends_others: bool = False,
) -> CheckReport:
    """One transaction: what is told of `findings`, which are all there is of the `rules` and of what `is_meant`.

    `revise` gives a notice its last form. With `ends_others`, alerts of the rules that are not meant are over, untold.
    """
    channels_for(alerting.config, alerting.environ)  # refuses a bad configuration before anything is decided
    longest = max((policy.cooldown(rule) for rule in rules), default=timedelta())
    with alerting.bank.begin() as tx:
        alerts.take_turn(tx)
        now = alerting.clock()  # after the wait
        rows = alerts.known_alerts(tx, rules, now - longest - HOUR)
        known = [_known(row) for row in rows]
        meant = [alert for alert in known if is_meant(alert)]
        mutes = [
            Mute(m["rule"], m["subject"], m["created_at"], m["muted_until"]) for m in alerts.current_mutes(tx, now)
        ]
        since = now - max(HOUR, policy.global_cooldown)
        sent = [_sent(row) for row in alert_outbox.recent_messages(tx, since)]
        decision = decide(findings, meant, mutes, sent, policy, now)
        if ends_others:
            _end_quietly(decision, [alert for alert in known if not is_meant(alert)])
        _without_channels(decision, alerting)
        opened = _write_alerts(tx, decision, now)
        notices = [revise(notice) for notice in decision.notices]
        if not notices:
            return CheckReport(suppressed=tuple(decision.suppressed))
        told = {notice.alert_id or opened[notice.key]: notice.severity for notice in notices}
        message = compose(notices, now, outlook if any(n.severity for n in notices) else "")
        title = title_of(message)
        values = {
            "family": policy.family,
            "severity": message.severity.value if message.severity else None,
            "title": title,
            "content": message_json(message),
            "created_at": now,
        }
        message_id = alert_outbox.add_message(tx, values, _channels_of(notices, alerting), list(told))
        alerts.note_told(tx, told, now)
    return CheckReport(tuple(notices), tuple(decision.suppressed), message_id, title)


def _channels_of(notices: Sequence[Notice], alerting: Alerting) -> list[str]:
    """Everyone who hears of any of the notices; all of them get the whole message."""
    severities = {notice.routing for notice in notices}
    found = [c.name for s in severities for c in channels_for(alerting.config, alerting.environ, s)]
    return sorted(set(found))


def _without_channels(decision: Decision, alerting: Alerting) -> None:
    """What nobody would hear of is not told: it stays to be told once there is a channel."""
    if decision.notices and not _channels_of(decision.notices, alerting):
        reason = "no channel is configured for it (QGEN_ALERT_URLS)"
        decision.suppressed += [Suppressed(n.rule, n.subject, n.severity, reason, waits=True) for n in decision.notices]
        decision.notices.clear()


def _end_quietly(decision: Decision, others: Sequence[KnownAlert]) -> None:
    decision.resolved += [alert for alert in others if alert.state is not AlertState.RESOLVED]
    decision.forgotten += [alert for alert in others if alert.told is not None]


def _write_alerts(tx: Transaction, decision: Decision, now: datetime) -> dict[Key, UUID]:
    """Brings the alerts to what the decision says; the ids of the new ones."""
    opened = [
        {
            "rule": finding.rule,
            "subject": finding.subject,
            "severity": finding.severity.value,
            "message": finding.text,
            "details": dict(finding.facts),
            "run_id": finding.run_id,
            "opened_at": now,
        }
        for finding in decision.opened
    ]
    changed = [(alert, finding) for alert, finding in decision.changed if _differs(alert, finding)]
    alerts.update_alerts(
        tx,
        [
            {
                "id": str(alert.id),
                "severity": finding.severity.value,
                "message": finding.text,
                "details": json.dumps(dict(finding.facts)),
            }
            for alert, finding in changed
        ],
    )
    alerts.resolve_alerts(tx, [alert.id for alert in decision.resolved], now)
    alerts.forget_told(tx, [alert.id for alert in decision.forgotten])
    return alerts.open_alerts(tx, opened)


def finding_key(finding: Finding) -> Key:
    """Rule and subject."""
    return finding.rule, finding.subject


def _differs(alert: KnownAlert, finding: Finding) -> bool:
    same = (alert.severity, alert.text, dict(alert.facts)) == (finding.severity, finding.text, dict(finding.facts))
    return not same or alert.state is AlertState.RESOLVED


def _known(row: Mapping[str, Any]) -> KnownAlert:
    return KnownAlert(
        id=row["id"],
        rule=row["rule"],
        subject=row["subject"],
        severity=AlertSeverity(row["severity"]),
        state=AlertState(row["state"]),
        text=row["message"],
        facts=row["details"] or {},
        opened_at=row["opened_at"],
        told=AlertSeverity(row["told_severity"]) if row["told_severity"] else None,
        last_sent_at=row["last_sent_at"],
    )


def _sent(row: Mapping[str, Any]) -> SentMessage:
    severity = AlertSeverity(row["severity"]) if row["severity"] else None
    return SentMessage(row["family"], severity, row["created_at"])
