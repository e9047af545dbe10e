"""A message to the channels: what is in it, its title, and its plain text; pure.

Here: `AlertMessage` with its form in the database. Not here: the HTML part (`html.py`), sending (`deliver.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from qgen_dagster.alerting.decide import Notice
from qgen_dagster.alerting.findings import STOCK
from qgen_dagster.core.alert import AlertSeverity, Change, rank, told_time

MAX_LINES = 20  # of each section: a message is read on a telephone
NIGHTLY = "The schedule nightly_auto_balance fills what is missing, if it is on (Dagster: Automation)."
SECTIONS = ("Critical", "Warning", "Better", "Recovered")
RULE_TITLES = {
    "provider_errors": "provider refuses",
    "silence": "no runs",
    "low_success": "runs succeed too rarely",
    "failed_run": "failed run",
    "stuck_run": "stuck run",
    "quality_drop": "quality dropped",
    "cost": "cost over its limit",
    "duplicates": "many duplicates",
    "outbox": "reports wait",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One notice as it is shown. `since` is when it began; `facts` are those of its finding."""

    rule: str
    subject: str
    change: Change
    severity: AlertSeverity | None
    before: AlertSeverity | None
    text: str
    since: datetime
    facts: Mapping[str, Any]

    @property
    def section(self) -> str:
        """Under which heading it stands."""
        if self.severity is None:
            return "Recovered"
        if self.change is Change.BETTER:
            return "Better"
        return "Critical" if self.severity is AlertSeverity.CRITICAL else "Warning"


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """What the channels get. `outlook`: what the system will do about it by itself."""

    lines: tuple[Line, ...]
    created_at: datetime
    outlook: str = ""
    test: bool = False

    @property
    def severity(self) -> AlertSeverity | None:
        """The worst of what is now; None: only good news."""
        return max((line.severity for line in self.lines if line.severity), key=rank, default=None)

    def of(self, section: str) -> list[Line]:
        """The lines under a heading."""
        return [line for line in self.lines if line.section == section]


def compose(notices: Sequence[Notice], now: datetime, outlook: str = "") -> AlertMessage:
    """A message that tells the notices, the most urgent first."""
    lines = (
        Line(n.rule, n.subject, n.change, n.severity, n.before, n.text, n.since, n.facts)
        for n in sorted(notices, key=lambda n: -rank(n.severity))
    )
    return AlertMessage(tuple(lines), now, outlook)


def test_message(now: datetime) -> AlertMessage:
    """What `qgen alerts test` sends."""
    line = Line("test", "channel", Change.NEW, None, None, "This is a test: this channel works.", now, {})
    return AlertMessage((line,), now, test=True)


def title_of(message: AlertMessage) -> str:
    """The subject line: how much of what, the worst first."""
    if message.test:
        return "qgen: test"
    parts = [_counted(message.of(section), section) for section in SECTIONS]
    return "qgen: " + "; ".join(part for part in parts if part)


def text_of(message: AlertMessage, links: Mapping[str, str]) -> str:
    """The plain text: sections, what happens by itself, what to do, where to look."""
    if message.test:
        return message.lines[0].text + "\n"
    blocks = [_block(section, message.of(section), message.created_at) for section in SECTIONS]
    command = command_of(message)
    if message.outlook:
        blocks.append(f"By itself: {message.outlook}")
    if command:
        blocks.append(f"To do it now:\n  {command}")
    blocks.append("\n".join(f"{name}: {address}" for name, address in links.items()))
    blocks.append("Somebody knows: qgen alerts ack ID   For a while quiet: qgen alerts mute --until 8h")
    return "\n\n".join(block for block in blocks if block) + "\n"


def command_of(message: AlertMessage) -> str | None:
    """The exact command that mends what a message tells; None when no command does."""
    short = [line for line in message.lines if line.rule == STOCK and line.severity is not None]
    if short:
        return f"qgen auto-balance{_names('types', short)}{_names('difficulties', short)} --fill"
    rules = {line.rule for line in message.lines if line.severity is not None}
    runs = [line.subject for line in message.lines if line.severity and line.rule in ("failed_run", "stuck_run")]
    if "provider_errors" in rules:
        return "qgen doctor --live"
    if runs:
        return f"qgen runs show {runs[-1][:8]}"
    if "silence" in rules:
        return "qgen auto-balance --fill"
    return "qgen runs list" if rules else None


def which_limit(line: Line) -> str:
    """Which threshold a stratum is below, in words; empty for what is not about stock that is short."""
    facts = line.facts
    if line.rule != STOCK or line.severity is None or "warning_min" not in facts:
        return ""
    limit = facts["critical_min"] if line.severity is AlertSeverity.CRITICAL else facts["warning_min"]
    level = line.severity.value if line.severity else ""
    return f"{level} below {limit:,}"


def how_long(since: datetime, now: datetime) -> str:
    """Since when, and how long that is: `since 2026-03-01 02:00 UTC (3 h)`."""
    ago = now - since
    if ago < timedelta(minutes=1):
        return "since now"
    hours = ago / timedelta(hours=1)
    size = f"{ago / timedelta(minutes=1):.0f} min" if hours < 1 else f"{hours:.0f} h" if hours < 48 else None
    return f"since {told_time(since)} ({size or f'{hours / 24:.0f} days'})"


def message_json(message: AlertMessage) -> dict[str, Any]:
    """The form that is stored."""
    return {
        "created_at": message.created_at.isoformat(),
        "outlook": message.outlook,
        "test": message.test,
        "lines": [
            {
                "rule": line.rule,
                "subject": line.subject,
                "change": line.change.value,
                "severity": line.severity.value if line.severity else None,
                "before": line.before.value if line.before else None,
                "text": line.text,
                "since": line.since.isoformat(),
                "facts": dict(line.facts),
            }
            for line in message.lines
        ],
    }


def message_from_json(data: Mapping[str, Any]) -> AlertMessage:
    """The message of a stored form."""
    lines = (
        Line(
            rule=line["rule"],
            subject=line["subject"],
            change=Change(line["change"]),
            severity=AlertSeverity(line["severity"]) if line["severity"] else None,
            before=AlertSeverity(line["before"]) if line["before"] else None,
            text=line["text"],
            since=datetime.fromisoformat(line["since"]),
            facts=line["facts"],
        )
        for line in data["lines"]
    )
    return AlertMessage(tuple(lines), datetime.fromisoformat(data["created_at"]), data["outlook"], data["test"])


def said(line: Line, now: datetime) -> str:
    """One line in words."""
    if line.severity is None:
        return f"{line.text} (was {line.before.value}, {how_long(line.since, now)})" if line.before else line.text
    worse = f" (was {line.before.value})" if line.before and line.change in (Change.WORSE, Change.BETTER) else ""
    again = " (still)" if line.change is Change.REMINDER else ""
    extra = which_limit(line)
    return f"{line.text}{worse}{again}{f' [{extra}]' if extra else ''}, {how_long(line.since, now)}"


def _block(section: str, lines: Sequence[Line], now: datetime) -> str:
    if not lines:
        return ""
    shown = [f"  {said(line, now)}" for line in lines[:MAX_LINES]]
    if len(lines) > MAX_LINES:
        shown.append(f"  … and {len(lines) - MAX_LINES:,} more: qgen alerts list")
    return f"{section.upper()}\n" + "\n".join(shown)


def _counted(lines: Sequence[Line], section: str) -> str:
    if not lines:
        return ""
    stock = [line for line in lines if line.rule == STOCK]
    parts = []
    if stock:
        parts.append(f"{stock[0].subject}" if len(stock) == 1 else f"{len(stock):,} strata")
    parts += dict.fromkeys(RULE_TITLES.get(line.rule, line.rule) for line in lines if line.rule != STOCK)
    return f"{section.lower()}: {', '.join(parts)}"


def _names(flag: str, lines: Sequence[Line]) -> str:
    fact = {"types": "question_type", "difficulties": "difficulty"}[flag]
    names = list(dict.fromkeys(_plain(line.facts.get(fact)) for line in lines))
    return f" --{flag} {','.join(names)}" if all(names) and len(names) <= MAX_LINES else ""


def _plain(value: object) -> str:
    return str(value) if value else ""
