"""Watching the runs: closing those that hang, and telling what the run rules find.

Not here: the rules (`alerting/run_rules.py`), runs whose process is gone (`recovery.py`, which the sensor `dead_runs`
uses; this one tells of them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from qgen_dagster.alerting.decide import Notice, Policy
from qgen_dagster.alerting.findings import Finding
from qgen_dagster.alerting.message import RULE_TITLES
from qgen_dagster.alerting.run_rules import (
    FAILED_RUN,
    NO_SIGN_OF_LIFE,
    RunFacts,
    failed_finding,
    rule_names,
    run_findings,
)
from qgen_dagster.bank import alert_facts
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.locks import is_run_alive
from qgen_dagster.config.alerting import RunRules, rules_of
from qgen_dagster.core.alert import AlertSeverity
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.run import RunStatus
from qgen_dagster.services.alerts import Alerting, CheckReport, check, finding_key

FAMILY = "runs"
REMEMBERED = timedelta(days=7)  # how long a failed run stays worth telling, while whoever watches was away
_OUTLOOKS = {
    "provider_errors": "Other providers stand in where they can. What needs this one fails until it is mended.",
    "failed_run": "Dagster tries a killed run once more, from where it stopped. A failed one waits: qgen resume.",
    "stuck_run": "The run is closed. Its process may still hang and hold its strata: stop it, then qgen resume.",
    "silence": "Nothing, until somebody or a schedule starts a run.",
    "low_success": "The next run tries again.",
}


def check_runs(alerting: Alerting, also: Sequence[Finding] = ()) -> CheckReport:
    """Closes runs that hang, then tells what the rules find. Raises ConfigurationError and DatabaseError."""
    rules = alerting.config.run_rules
    if rules.stuck_run.enabled:
        close_hanging_runs(alerting.bank, alerting.clock(), timedelta(minutes=rules.stuck_run.minutes))
    facts = read_facts(alerting.bank, alerting.clock(), rules)
    found = {finding_key(finding): finding for finding in (*run_findings(facts, rules), *also)}
    return _check(alerting, list(found.values()))


def tell_failure(alerting: Alerting, run_id: UUID, reason: str) -> CheckReport:
    """Tells of one run that Dagster saw fail, also when it never came to have a row.

    A row that says more counts: both ways of noticing a failure are one alert. A row that still says running is left to
    `dead_runs`, which closes it; then it is found.
    """
    with alerting.bank.begin() as tx:
        row = alert_facts.run_status(tx, run_id)
    if row is not None:
        return check_runs(alerting)
    now = alerting.clock()
    unrecorded = {"id": run_id, "status": RunStatus.FAILED.value, "started_at": now, "completed_at": now}
    unknown = ("exit_code", "stop_reason", "triggered_by", "questions_requested", "questions_inserted")
    found = failed_finding({**unrecorded, **dict.fromkeys(unknown), "error": reason}, alerting.config.run_rules)
    if found is None:
        return CheckReport()
    return check_runs(alerting, [replace(found, run_id=None, facts={**found.facts, "no_row": True})])


def close_hanging_runs(bank: Bank, now: datetime, quiet_for: timedelta) -> list[UUID]:
    """Closes runs as failed whose process lives and has shown no sign of life for so long; returns their ids.

    A run whose process is gone is left to whoever looks for dead runs: there it is closed as killed, and tried again.
    Should the process wake up after all, it closes the row anew with the truth.
    """
    closed = []
    with bank.begin() as tx:
        for row in alert_facts.silent_runs(tx, now, quiet_for):
            if not is_run_alive(tx, row["id"]):
                continue
            minutes = (now - row["last_sign"]) / timedelta(minutes=1)
            reason = (
                f"{NO_SIGN_OF_LIFE} for {minutes:.0f} minutes; its process (pid {row['pid']} on {row['host']}) hangs"
            )
            values = {
                "status": RunStatus.FAILED.value,
                "exit_code": ExitCode.COMPLETE_FAILURE.value,
                "completed_at": max(now, row["started_at"]),
                "duration_seconds": max(0.0, (now - row["started_at"]).total_seconds()),
                "stop_reason": reason,
                "error": reason,
            }
            if run_rows.update_run(tx, row["id"], values, only_running=True):
                closed.append(row["id"])
    return closed


def read_facts(bank: Bank, now: datetime, rules: RunRules) -> RunFacts:
    """What the enabled rules look at; one query each."""
    days = timedelta(days=rules.period_days)
    compares = rules.quality_drop.enabled or rules.duplicates.enabled or rules.cost.per_question_usd is not None
    spends = rules.cost.enabled and rules.cost.per_day_usd is not None
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    with bank.begin() as tx:
        periods = alert_facts.period_sums(tx, now - 2 * days, now - days, now) if compares else (None, None)
        waiting, oldest = alert_facts.waiting_reports(tx) if rules.outbox.enabled else (0, None)
        unrecorded = alert_facts.failures_without_row(tx, FAILED_RUN, now - REMEMBERED)
        return RunFacts(
            now=now,
            latest=alert_facts.latest_runs(tx),
            failed=alert_facts.failed_runs(tx, now - REMEMBERED),
            before=periods[0],
            lately=periods[1],
            spent_today=alert_facts.spent_since(tx, midnight) if spends else Decimal(),
            waiting_reports=waiting,
            oldest_report=oldest,
            without_row=[_event_of(row) for row in unrecorded],
        )


def _event_of(row: Mapping[str, Any]) -> Finding:
    return Finding(
        rule=row["rule"],
        subject=row["subject"],
        severity=AlertSeverity(row["severity"]),
        text=row["message"],
        facts=row["details"],
        event=True,
    )


def _check(alerting: Alerting, findings: Sequence[Finding]) -> CheckReport:
    rules = rules_of(alerting.config.run_rules)
    policy = Policy(
        family=FAMILY,
        cooldown=lambda rule: timedelta(minutes=rules[rule].cooldown_minutes),
        global_cooldown=timedelta(),  # each rule has its own
        max_per_hour=alerting.config.cooldowns.max_per_hour,
        by_rule=True,
    )
    outlook = next((_OUTLOOKS[f.rule] for f in findings if f.rule in _OUTLOOKS), "")
    return check(alerting, findings, rule_names(), policy, outlook=outlook, revise=_revise)


def _revise(notice: Notice) -> Notice:
    if notice.severity is not None:
        return notice
    return replace(notice, text=f"{RULE_TITLES.get(notice.rule, notice.rule)} ({notice.subject}): no longer so")
