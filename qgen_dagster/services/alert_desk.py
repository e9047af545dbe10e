"""What an operator does with alerts: check now, list, acknowledge, mute, try the channels.

Not here: how a check decides (`alerts.py`), delivery (`alert_delivery.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

from qgen_dagster.alerting.message import NIGHTLY, message_json, test_message, title_of
from qgen_dagster.bank import alert_outbox
from qgen_dagster.bank import alerts as rows
from qgen_dagster.bank.alerts import Row
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.alert import MAX_MUTE_HOURS, RuleName
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.inventory import InventoryAnalysis
from qgen_dagster.services import inventory, recovery
from qgen_dagster.services.alert_delivery import Delivered, deliver_due
from qgen_dagster.services.alert_runs import check_runs
from qgen_dagster.services.alerts import Alerting, CheckReport, Clock, InventoryAlertManager, make_alerting
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.work import now as time_of_day

MIN_PREFIX = 4
MAX_MUTE = timedelta(hours=MAX_MUTE_HOURS)


@dataclass(frozen=True)
class Checked:
    """What a check of everything found and did."""

    stock: CheckReport
    runs: CheckReport
    deliveries: tuple[Delivered, ...]


def known_rules() -> tuple[str, ...]:
    """Every rule that there can be an alert of."""
    return get_args(RuleName)


def check_stock(alerting: Alerting, settings: Settings, analysis: InventoryAnalysis, outlook: str) -> CheckReport:
    """Tells what is to be told of an analysis. Raises ConfigurationError and DatabaseError."""
    keys = [stratum.key for stratum in settings.taxonomy.strata]
    return InventoryAlertManager(alerting, keys).check_and_alert(analysis, outlook)


def alert_after_run(bank: Bank, settings: Settings, options: RunOptions, clock: Clock = time_of_day) -> str:
    """The check at the end of a run, with the run's own thresholds; says in a line what came of it."""
    alerting = make_alerting(bank, settings, options.alerting_file, clock=clock)
    report = check_stock(alerting, settings, inventory.analyze(bank, settings, options), NIGHTLY)
    done = deliver_due(alerting)
    if report.message_id is None:
        return f"no alert about the stock ({len(report.suppressed)} held back)" if report.waits else "no alert"
    return f"alert: {report.title} ({'; '.join(f'{d.channel} {d.state.value}' for d in done)})"


def check_now(bank: Bank, settings: Settings, file: Path | None = None, clock: Clock = time_of_day) -> Checked:
    """Looks at stock and runs, tells what is to be told, and delivers what is due.

    Closes dead runs first, as every command does that is about to rely on the record.
    """
    alerting = make_alerting(bank, settings, file, clock=clock)
    recovery.close_dead_runs(bank, clock)
    options = RunOptions(alerting_config=str(file)) if file else RunOptions()
    stock = check_stock(alerting, settings, inventory.analyze(bank, settings, options), NIGHTLY)
    runs = check_runs(alerting)
    return Checked(stock, runs, deliver_due(alerting))


def try_channels(alerting: Alerting) -> tuple[Delivered, ...]:
    """Sends a test to every channel, once. Raises ConfigurationError when there is none."""
    channels = list(alerting.channels)
    if not channels:
        raise ConfigurationError(
            "no channel for alerts is configured",
            hint="Set QGEN_ALERT_URLS, for example to mailtos://user:password@mail.example.org?to=you@example.org",
        )
    now = alerting.clock()
    message = test_message(now)
    values = {
        "family": "test",
        "severity": None,
        "title": title_of(message),
        "content": message_json(message),
        "created_at": now,
    }
    with alerting.bank.begin() as tx:
        message_id = alert_outbox.add_message(tx, values, channels, [])
    done: list[Delivered] = []
    while part := deliver_due(alerting, message_id=message_id):
        done += part
    return tuple(sorted(done, key=lambda d: channels.index(d.channel)))


def find_alerts(bank: Bank, states: Sequence[str], rules: Sequence[str], limit: int, offset: int) -> list[Row]:
    """Alerts, newest first."""
    with bank.begin() as tx:
        return rows.list_alerts(tx, states, rules, limit, offset)


def resolve_alert_id(bank: Bank, prefix: str) -> UUID:
    """The alert whose id begins with `prefix`. Raises ConfigurationError when none or several do."""
    wanted = prefix.strip().lower()
    if len(wanted) < MIN_PREFIX:
        raise ConfigurationError(f"{prefix!r} is too short for an alert's id", hint="Give at least 4 characters.")
    with bank.begin() as tx:
        found = rows.find_alert_ids(tx, wanted)
    if len(found) == 1:
        return found[0]
    what = "several alerts begin" if found else "no alert begins"
    raise ConfigurationError(f"{what} with {prefix!r}", hint="See them with: qgen alerts list --all")


def acknowledge(
    bank: Bank, ids: Sequence[UUID], who: str, clock: Clock = time_of_day, *, reason: str | None = None
) -> list[UUID]:
    """Says that somebody knows, and why that will do; returns the alerts that were open."""
    with bank.begin() as tx:
        rows.take_turn(tx)  # a check that is deciding now must not tell what was just acknowledged
        return rows.acknowledge(tx, ids, who, clock(), reason)


def open_ids(bank: Bank) -> list[UUID]:
    """Everything that nobody has dealt with."""
    with bank.begin() as tx:
        return rows.unresolved_ids(tx)


def mute(
    bank: Bank,
    *,
    until: datetime,
    who: str,
    rule: str | None = None,
    subject: str | None = None,
    reason: str | None = None,
    clock: Clock = time_of_day,
) -> dict[str, Any]:
    """Keeps quiet about a rule, a subject, or everything. What is still so afterwards is told then.

    Raises ConfigurationError for a time that is past or more than a year away, or an unknown rule.
    """
    now = clock()
    if until <= now:
        raise ConfigurationError("a mute must end in the future", hint="For example --until 8h or --until 2026-03-01.")
    if until > now + MAX_MUTE:
        raise ConfigurationError("a mute may last a year at most", hint="To end a rule for good: alerting.yaml.")
    if rule is not None and rule not in known_rules():
        raise ConfigurationError(f"unknown rule: {rule!r}", hint=f"Known: {', '.join(known_rules())}.")
    values = {
        "rule": rule,
        "subject": subject,
        "muted_until": until,
        "created_at": now,
        "created_by": who,
        "reason": reason,
    }
    with bank.begin() as tx:
        rows.take_turn(tx)
        return rows.add_mute(tx, values)


def mutes(bank: Bank, clock: Clock = time_of_day) -> list[Row]:
    """What is kept quiet now."""
    with bank.begin() as tx:
        return rows.current_mutes(tx, clock())


def end_mute(bank: Bank, mute_id: UUID, who: str, clock: Clock = time_of_day) -> Row | None:
    """Ends a mute early; its row, or None when there is none."""
    with bank.begin() as tx:
        rows.end_mutes(tx, [mute_id], who, clock())
        return rows.mute_row(tx, mute_id)


def unmute_all(bank: Bank, who: str, clock: Clock = time_of_day) -> int:
    """Ends every mute; how many there were."""
    with bank.begin() as tx:
        found = [row["id"] for row in rows.current_mutes(tx, clock())]
        return len(rows.end_mutes(tx, found, who, clock()))
