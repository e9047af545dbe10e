"""What the record of runs says that somebody should know; pure.

Here: one function for each rule of `run_rules` in alerting.yaml. Not here: reading the facts (`bank/alert_facts.py`),
closing runs (`services/alert_runs.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from qgen_dagster.alerting.findings import Finding
from qgen_dagster.bank.alert_facts import PeriodSums
from qgen_dagster.config.alerting import RunRules
from qgen_dagster.core.alert import told_time
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.run import RunKind, RunStatus

NO_SIGN_OF_LIFE = "no sign of life"  # how the reason of a run begins that was closed because it hung
WAITS, INTERRUPTED = "waits for ", "interrupted"
LOW_SUCCESS, FAILED_RUN, STUCK_RUN, PROVIDER_ERRORS = "low_success", "failed_run", "stuck_run", "provider_errors"
QUALITY_DROP, COST, DUPLICATES, SILENCE, OUTBOX = "quality_drop", "cost", "duplicates", "silence", "outbox"
_BLOCKING = {
    ErrorCategory.BILLING_QUOTA: (ExitCode.BILLING, "a provider's account has no credit or quota left"),
    ErrorCategory.AUTHENTICATION: (ExitCode.AUTHENTICATION, "a provider refuses the key"),
}
_ERROR_LENGTH = 300


@dataclass(frozen=True)
class RunFacts:
    """What the rules look at. Runs are rows of `bank.alert_facts`; the two periods follow on each other."""

    now: datetime
    latest: Sequence[Mapping[str, Any]] = ()  # newest first
    failed: Sequence[Mapping[str, Any]] = ()  # oldest first
    before: PeriodSums | None = None
    lately: PeriodSums | None = None
    spent_today: Decimal = Decimal()
    waiting_reports: int = 0
    oldest_report: datetime | None = None
    without_row: Sequence[Finding] = ()  # runs that failed before they were recorded, as they were told before


def run_findings(facts: RunFacts, rules: RunRules) -> list[Finding]:
    """Everything that the enabled rules find, the most urgent rules first."""
    return [finding for name, find in _RULES.items() if getattr(rules, name).enabled for finding in find(facts, rules)]


def rule_names() -> tuple[str, ...]:
    """The rules, in the order in which they are looked at."""
    return tuple(_RULES)


def failed_finding(run: Mapping[str, Any], rules: RunRules) -> Finding | None:
    """What there is to say of one run that failed; None when nobody needs to know."""
    reason = str(run["stop_reason"] or "")
    if run["status"] not in (RunStatus.FAILED.value, RunStatus.KILLED.value) or reason.startswith(INTERRUPTED):
        return None
    stuck = reason.startswith(NO_SIGN_OF_LIFE)
    rule = rules.stuck_run if stuck else rules.failed_run
    if not rule.enabled or _waits(run):
        return None
    what = "showed no sign of life and was closed" if stuck else "was killed" if _killed(run) else "failed"
    why = str(run["error"] or reason or "no reason is on record")[:_ERROR_LENGTH]
    return Finding(
        rule=STUCK_RUN if stuck else FAILED_RUN,
        subject=str(run["id"]),
        severity=rule.severity,
        text=f"run {str(run['id'])[:8]} {what}: {why}",
        facts={
            "started_at": run["started_at"].isoformat(),
            "ended_at": run["completed_at"].isoformat() if run["completed_at"] else None,
            "status": run["status"],
            "exit_code": run["exit_code"],
            "requested": run["questions_requested"],
            "inserted": run["questions_inserted"],
            "triggered_by": run["triggered_by"],
            "event": True,
        },
        event=True,
        run_id=run["id"] if isinstance(run["id"], UUID) else None,
    )


def _provider_errors(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    asked = next((run for run in facts.latest if run["total_api_calls"] or _blocked(run)), None)
    for category in _blocked(asked) if asked else ():
        text = _BLOCKING[category][1]
        yield Finding(
            rule=PROVIDER_ERRORS,
            subject=category.value,
            severity=rules.provider_errors.severity,
            text=f"{text} (run {str(asked['id'])[:8]})" if asked else text,
            facts={"run": str(asked["id"]) if asked else None},
        )


def _silence(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    hours = rules.silence.hours
    last = next((run["started_at"] for run in facts.latest if _makes_questions(run)), None)
    if hours is None or last is None or facts.now - last < timedelta(hours=hours):
        return
    yield Finding(
        rule=SILENCE,
        subject="runs",
        severity=rules.silence.severity,
        text=f"no run has started for more than {hours:g} hours; the last one began {told_time(last)}",
        facts={"last_started_at": last.isoformat(), "hours": hours},
    )


def _low_success(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    rule = rules.low_success
    rates: list[float] = []
    for run in facts.latest:
        ended = run["status"] != RunStatus.RUNNING.value and run["overall_success_rate"] is not None
        if not ended or _waits(run) or not _makes_questions(run):
            continue
        if run["overall_success_rate"] >= rule.below:
            break
        rates.append(run["overall_success_rate"])
    if len(rates) < rule.runs:
        return
    yield Finding(
        rule=LOW_SUCCESS,
        subject="runs",
        severity=rule.severity,
        text=f"the last {len(rates)} runs inserted less than {rule.below:.0%} of what was asked for "
        f"({', '.join(f'{rate:.0%}' for rate in rates[: rule.runs])})",
        facts={"runs": len(rates), "below": rule.below, "latest": rates[: rule.runs]},
    )


def _failed_runs(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    yield from (f for run in facts.failed if (f := failed_finding(run, rules)) and f.rule == FAILED_RUN)
    yield from facts.without_row


def _stuck_runs(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    yield from (f for run in facts.failed if (f := failed_finding(run, rules)) and f.rule == STUCK_RUN)


def _quality_drop(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    rule = rules.quality_drop
    if facts.before is None or facts.lately is None:
        return
    old, new = facts.before, facts.lately
    compared = (
        ("approval_rate", "the approval rate", old.approved, old.evaluated, new.approved, new.evaluated),
        ("arbiter_score", "the arbiter's mean score", old.score_sum, old.scored, new.score_sum, new.scored),
    )
    for subject, name, old_sum, old_count, new_sum, new_count in compared:
        if min(old_count, new_count) < rule.min_evaluated:
            continue
        was, is_ = old_sum / old_count, new_sum / new_count
        if was - is_ <= getattr(rule, subject):
            continue
        yield Finding(
            rule=QUALITY_DROP,
            subject=subject,
            severity=rule.severity,
            text=f"{name} fell from {was:.2f} to {is_:.2f} (the last {rules.period_days} days against those before)",
            facts={"was": round(was, 4), "is": round(is_, 4), "days": rules.period_days, "evaluated": int(new_count)},
        )


def _cost(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    rule = rules.cost
    if rule.per_day_usd is not None and facts.spent_today > Decimal(str(rule.per_day_usd)):
        day = f"{facts.now:%Y-%m-%d}"
        yield Finding(
            rule=COST,
            subject=f"day {day}",
            severity=rule.severity,
            text=f"${facts.spent_today:,.2f} spent on {day} (UTC), more than ${rule.per_day_usd:,.2f}",
            facts={"spent_usd": float(facts.spent_today), "limit_usd": rule.per_day_usd, "event": True},
            event=True,
        )
    lately = facts.lately
    if rule.per_question_usd is None or lately is None or lately.cost_usd is None:
        return
    if lately.inserted < rule.min_inserted:
        return
    each = float(lately.cost_usd) / lately.inserted
    if each > rule.per_question_usd:
        yield Finding(
            rule=COST,
            subject="per question",
            severity=rule.severity,
            text=f"an inserted question cost ${each:.4f} over the last days, more than ${rule.per_question_usd:.4f}",
            facts={"usd_per_question": round(each, 6), "limit_usd": rule.per_question_usd},
        )


def _duplicates(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    rule, lately = rules.duplicates, facts.lately
    if lately is None or lately.approved < rule.min_approved:
        return
    share = lately.duplicates / lately.approved
    if share > rule.above:
        yield Finding(
            rule=DUPLICATES,
            subject="runs",
            severity=rule.severity,
            text=f"{share:.0%} of the approved questions of the last {rules.period_days} days were in the bank "
            "already: its strata fill up",
            facts={"share": round(share, 4), "above": rule.above, "days": rules.period_days},
        )


def _outbox(facts: RunFacts, rules: RunRules) -> Iterator[Finding]:
    rule, oldest = rules.outbox, facts.oldest_report
    if oldest is None or facts.now - oldest < timedelta(minutes=rule.minutes):
        return
    yield Finding(
        rule=OUTBOX,
        subject="reports",
        severity=rule.severity,
        text=f"{facts.waiting_reports:,} reports cannot be handed in; the oldest waits since {told_time(oldest)}",
        facts={"waiting": facts.waiting_reports, "oldest": oldest.isoformat()},
    )


_RULES: Mapping[str, Callable[[RunFacts, RunRules], Iterator[Finding]]] = {
    PROVIDER_ERRORS: _provider_errors,
    SILENCE: _silence,
    LOW_SUCCESS: _low_success,
    FAILED_RUN: _failed_runs,
    STUCK_RUN: _stuck_runs,
    QUALITY_DROP: _quality_drop,
    COST: _cost,
    DUPLICATES: _duplicates,
    OUTBOX: _outbox,
}


def _blocked(run: Mapping[str, Any]) -> tuple[ErrorCategory, ...]:
    by_category = (run["error_summary"] or {}).get("by_category") or {}
    return tuple(c for c, (code, _) in _BLOCKING.items() if by_category.get(c.value) or run["exit_code"] == code)


def _waits(run: Mapping[str, Any]) -> bool:
    """Whether the run has only handed its work to batch jobs: it goes on when those have ended."""
    reason = str(run["stop_reason"] or "")
    return reason.startswith(WAITS) or f"; {WAITS}" in reason


def _makes_questions(run: Mapping[str, Any]) -> bool:
    """An audit every week must not hide that nobody makes questions, nor count for how well they are made."""
    return bool(run["kind"] == RunKind.QUESTIONS.value)


def _killed(run: Mapping[str, Any]) -> bool:
    return bool(run["status"] == RunStatus.KILLED.value)
