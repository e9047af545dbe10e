"""What is told now, and what waits: findings against what was told last, cooldowns, mutes and limits; pure.

The one idea: an alert keeps what its channels were told last. Whatever differs from how things are is told, only the
time is a question. So nothing is told twice and nothing is forgotten: what a cooldown holds back is found again by the
next check, and told if it is still so. Not here: reading and writing any of it (`services/alerts.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from qgen_dagster.alerting.findings import Finding
from qgen_dagster.core.alert import AlertSeverity, AlertState, Change, elapsed, rank, told_time

HOUR = timedelta(hours=1)
Key = tuple[str, str]  # rule and subject


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An alert on record. `told` is the severity that the channels were told last; None: nothing, or its end."""

    id: UUID
    rule: str
    subject: str
    severity: AlertSeverity
    state: AlertState
    text: str
    facts: Mapping[str, object]
    opened_at: datetime
    told: AlertSeverity | None = None
    last_sent_at: datetime | None = None

    @property
    def key(self) -> Key:
        return self.rule, self.subject


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message of the last hour; severity None: only good news."""

    family: str
    severity: AlertSeverity | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Mute:
    """Nothing is told of a rule (None: any) and subject (None: any) until then."""

    rule: str | None
    subject: str | None
    created_at: datetime
    muted_until: datetime

    def covers(self, key: Key, now: datetime) -> bool:
        """Whether it keeps this quiet now. One from the future was made by a clock that was wrong, and is void."""
        rule, subject = key
        return (
            self.created_at <= now < self.muted_until and self.rule in (None, rule) and self.subject in (None, subject)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """How soon things may be told. `by_rule`: a cooldown counts for all subjects of a rule together."""

    family: str
    cooldown: Callable[[str], timedelta]
    global_cooldown: timedelta
    max_per_hour: int
    remind_after: timedelta | None = None
    by_rule: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One line of a message: what changed from what was told before."""

    rule: str
    subject: str
    change: Change
    severity: AlertSeverity | None  # now; None: over
    before: AlertSeverity | None  # as it was told last
    text: str
    facts: Mapping[str, object]
    since: datetime
    alert_id: UUID | None = None  # None: of one that this decision opens

    @property
    def key(self) -> Key:
        return self.rule, self.subject

    @property
    def routing(self) -> AlertSeverity:
        """Whose channels hear of it: those that heard the worse of before and now."""
        return max((s for s in (self.severity, self.before) if s is not None), key=rank)

    @property
    def urgent(self) -> bool:
        """Whether it has just become critical."""
        return self.severity is AlertSeverity.CRITICAL and self.change in (Change.NEW, Change.WORSE)


@dataclass(frozen=True, slots=True)
class Suppressed:
    """Something that is not told now, and why."""

    rule: str
    subject: str
    severity: AlertSeverity | None
    reason: str
    waits: bool  # whether it will be told later, if it is still so


@dataclass
class Decision:
    """What a check changes: alerts to open, to bring up to date and to resolve, and what is told of them."""

    opened: list[Finding] = field(default_factory=list)
    changed: list[tuple[KnownAlert, Finding]] = field(default_factory=list)
    resolved: list[KnownAlert] = field(default_factory=list)
    forgotten: list[KnownAlert] = field(default_factory=list)  # events that are over and were told: nothing to add
    notices: list[Notice] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)


def decide(
    findings: Sequence[Finding],
    known: Iterable[KnownAlert],
    mutes: Sequence[Mute],
    sent: Sequence[SentMessage],
    policy: Policy,
    now: datetime,
) -> Decision:
    """What to do about `findings`, which are all that there is of the known alerts' rules.

    `known` has at most one alert of each key that is not over; resolved ones are there for what was told of them.
    """
    known = list(known)
    decision = Decision()
    asks: list[Notice | Suppressed | None] = []
    by_key = _newest(known)
    for finding in findings:
        alert = by_key.pop((finding.rule, finding.subject), None)
        _keep_up(decision, finding, alert)
        asks.append(_of_finding(finding, alert, policy, now))
    for alert in by_key.values():
        asks.append(_of_missing(decision, alert, now))
    last_sent = _last_sent(known, policy)
    ready: list[Notice] = []
    for ask in asks:
        answer = _held(ask, mutes, last_sent, policy, now) or ask if isinstance(ask, Notice) else ask
        if isinstance(answer, Notice):
            ready.append(answer)
        elif answer is not None:
            decision.suppressed.append(answer)
    _limit(decision, ready, sent, policy, now)
    return decision


def _newest(known: Iterable[KnownAlert]) -> dict[Key, KnownAlert]:
    """The alert that counts of each key: the one that is not over, else the one whose end was not told.

    There is at most one of these. The time decides last: a clock may have been set back between two alerts.
    """
    found: dict[Key, KnownAlert] = {}
    for alert in sorted(known, key=lambda a: (a.state is not AlertState.RESOLVED, a.told is not None, a.opened_at)):
        found[alert.key] = alert
    return found


def _keep_up(decision: Decision, finding: Finding, alert: KnownAlert | None) -> None:
    if alert is None or (alert.state is AlertState.RESOLVED and alert.told is None):
        decision.opened.append(finding)
    else:  # one whose end was not told yet goes on, as if it had never ended
        decision.changed.append((alert, finding))


def _of_finding(finding: Finding, alert: KnownAlert | None, policy: Policy, now: datetime) -> Notice | Suppressed:
    told = alert.told if alert else None
    continued = alert is not None and not (alert.state is AlertState.RESOLVED and told is None)
    since = alert.opened_at if alert and continued else now
    difference = rank(finding.severity) - rank(told)
    change = Change.NEW if told is None else Change.WORSE if difference > 0 else Change.BETTER
    if difference == 0:
        if not _wants_reminder(finding, alert, policy, now):
            reason = "acknowledged" if alert and alert.state is AlertState.ACKNOWLEDGED else "told already"
            return Suppressed(finding.rule, finding.subject, finding.severity, reason, waits=False)
        change = Change.REMINDER
    return Notice(
        rule=finding.rule,
        subject=finding.subject,
        change=change,
        severity=finding.severity,
        before=told,
        text=finding.text,
        facts=finding.facts,
        since=since,
        alert_id=alert.id if alert and continued else None,
    )


def _wants_reminder(finding: Finding, alert: KnownAlert | None, policy: Policy, now: datetime) -> bool:
    if alert is None or policy.remind_after is None or finding.event:
        return False
    ago = elapsed(alert.last_sent_at, now)
    is_due = ago is None or ago >= policy.remind_after
    return is_due and alert.state is AlertState.OPEN and finding.severity is AlertSeverity.CRITICAL


def _of_missing(decision: Decision, alert: KnownAlert, now: datetime) -> Notice | None:
    """What a known alert becomes that nothing was found of any more."""
    if alert.state is not AlertState.RESOLVED:
        decision.resolved.append(alert)
    if alert.told is None:
        return None  # over before anybody was told
    if alert.facts.get("event"):
        decision.forgotten.append(alert)
        return None
    return Notice(
        rule=alert.rule,
        subject=alert.subject,
        change=Change.RECOVERED,
        severity=None,
        before=alert.told,
        text=alert.text,
        facts=alert.facts,
        since=alert.opened_at,
        alert_id=alert.id,
    )


def _last_sent(known: Iterable[KnownAlert], policy: Policy) -> dict[Key, list[datetime]]:
    found: dict[Key, list[datetime]] = {}
    for alert in known:
        if alert.last_sent_at is not None:
            found.setdefault(_scope(alert.key, policy), []).append(alert.last_sent_at)
    return found


def _scope(key: Key, policy: Policy) -> Key:
    return (key[0], "") if policy.by_rule else key


def _held(
    notice: Notice,
    mutes: Sequence[Mute],
    last_sent: Mapping[Key, Sequence[datetime]],
    policy: Policy,
    now: datetime,
) -> Suppressed | None:
    """Why this notice has to wait, whatever the others do; None: it need not."""
    muting = [mute.muted_until for mute in mutes if mute.covers(notice.key, now)]
    if muting:
        return _waits(notice, f"muted until {told_time(max(muting))}")
    if notice.urgent:
        return None
    cooldown = policy.cooldown(notice.rule)
    recent = [at for at in last_sent.get(_scope(notice.key, policy), ()) if at <= now < at + cooldown]
    if recent:
        what = "the rule" if policy.by_rule else notice.subject
        return _waits(notice, f"cooldown of {what} until {told_time(max(recent) + cooldown)}")
    return None


def _limit(decision: Decision, ready: list[Notice], sent: Sequence[SentMessage], policy: Policy, now: datetime) -> None:
    """All that is ready goes into one message, or waits."""
    if not ready:
        return
    reason = _message_held(any(n.urgent for n in ready), sent, policy, now)
    if reason is None:
        decision.notices += ready
    else:
        decision.suppressed += [_waits(notice, reason) for notice in ready]


def _message_held(urgent: bool, sent: Sequence[SentMessage], policy: Policy, now: datetime) -> str | None:
    # Moments in the future were written by a clock that was wrong.
    past = [m for m in sent if m.created_at <= now]
    last_hour = [m for m in past if now < m.created_at + HOUR]
    if urgent:  # a warning never takes the place of what is critical
        last_hour = [m for m in last_hour if m.severity is AlertSeverity.CRITICAL]
    if len(last_hour) >= policy.max_per_hour:
        what = "critical messages" if urgent else "messages"
        until = sorted(m.created_at for m in last_hour)[-policy.max_per_hour] + HOUR
        return f"{len(last_hour)} {what} in an hour, the next one at {told_time(until)}"
    own = [m.created_at for m in past if m.family == policy.family and now < m.created_at + policy.global_cooldown]
    if own and not urgent:
        return f"global cooldown until {told_time(max(own) + policy.global_cooldown)}"
    return None


def _waits(notice: Notice, reason: str) -> Suppressed:
    return Suppressed(notice.rule, notice.subject, notice.severity, reason, waits=True)
