"""What is told, and when: nothing twice, nothing forgotten, critical first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.alerting.decide import Decision, KnownAlert, Mute, Policy, SentMessage, decide
from qgen_dagster.alerting.findings import Finding
from qgen_dagster.core.alert import AlertSeverity, AlertState, Change

W, C = AlertSeverity.WARNING, AlertSeverity.CRITICAL
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
POLICY = Policy("stock", lambda rule: timedelta(minutes=60), timedelta(minutes=15), 10)


@dataclass
class World:
    """Alerts, messages and mutes as the database would hold them."""

    policy: Policy = POLICY
    now: datetime = START
    alerts: list[KnownAlert] = field(default_factory=list)
    messages: list[SentMessage] = field(default_factory=list)
    mutes: list[Mute] = field(default_factory=list)

    def check(self, minutes: float, *, event: bool = False, **levels: AlertSeverity) -> Decision:
        """A check at START + minutes that finds these subjects; what it decides is remembered."""
        self.now = START + timedelta(minutes=minutes)
        facts = {"event": True} if event else {}
        found = [Finding("stock", s, level, s, facts, event=event) for s, level in levels.items()]
        decision = decide(found, self.alerts, self.mutes, self.messages, self.policy, self.now)
        self._remember(decision)
        return decision

    def _remember(self, decision: Decision) -> None:
        by_id = {alert.id: alert for alert in self.alerts}
        before = set(by_id)
        for finding in decision.opened:
            new = KnownAlert(
                uuid4(), "stock", finding.subject, finding.severity, AlertState.OPEN, "", finding.facts, self.now
            )
            by_id[new.id] = new
        for alert, finding in decision.changed:
            state = AlertState.OPEN if alert.state is AlertState.RESOLVED else alert.state
            by_id[alert.id] = replace(alert, severity=finding.severity, state=state)
        for alert in decision.resolved:
            by_id[alert.id] = replace(by_id[alert.id], state=AlertState.RESOLVED)
        for alert in decision.forgotten:
            by_id[alert.id] = replace(by_id[alert.id], told=None)
        for notice in decision.notices:
            id_ = notice.alert_id or next(a.id for a in by_id.values() if a.key == notice.key and a.id not in before)
            by_id[id_] = replace(by_id[id_], told=notice.severity, last_sent_at=self.now)
        if decision.notices:
            worst = max((n.severity for n in decision.notices if n.severity), key=lambda s: s.rank, default=None)
            self.messages.append(SentMessage("stock", worst, self.now))
        self.alerts = list(by_id.values())


def told(decision: Decision) -> dict[str, Change]:
    return {notice.subject: notice.change for notice in decision.notices}


def reasons(decision: Decision) -> dict[str, str]:
    return {held.subject: held.reason for held in decision.suppressed}


def test_what_is_new_is_told_once() -> None:
    world = World()
    assert told(world.check(0, a=W)) == {"a": Change.NEW}
    for minutes in (1, 60, 600, 6_000):
        decision = world.check(minutes, a=W)
        assert (told(decision), reasons(decision)) == ({}, {"a": "told already"})


def test_what_gets_critical_is_told_at_once_in_spite_of_every_cooldown() -> None:
    world = World()
    world.check(0, a=W)
    assert told(world.check(1, a=C)) == {"a": Change.WORSE}


def test_what_recovers_is_told_once_when_its_cooldown_is_over() -> None:
    world = World()
    world.check(0, a=C)
    held = world.check(10)
    assert (told(held), reasons(held)) == ({}, {"a": "cooldown of a until 2026-03-01 13:00 UTC"})
    assert told(world.check(60)) == {"a": Change.RECOVERED}
    assert told(world.check(120)) == {}


def test_what_swings_between_two_levels_within_a_cooldown_is_told_once() -> None:
    world = World()
    said = [told(world.check(m, a=C if m % 2 else W)) for m in range(60)]
    assert [s for s in said if s] == [{"a": Change.NEW}, {"a": Change.WORSE}]


def test_what_recovered_unseen_and_falls_again_goes_on_as_the_same_alert() -> None:
    world = World()
    world.check(0, a=C)
    world.check(10)
    world.check(20, a=C)
    assert told(world.check(120, a=C)) == {}
    assert len(world.alerts) == 1


def test_a_new_fall_after_a_recovery_that_was_told_is_a_new_alert() -> None:
    world = World()
    world.check(0, a=W)
    world.check(60)
    waits = world.check(90, a=W)
    assert reasons(waits) == {"a": "cooldown of a until 2026-03-01 14:00 UTC"}
    assert told(world.check(120, a=W)) == {"a": Change.NEW}
    assert len(world.alerts) == 2


def test_a_warning_waits_for_the_global_cooldown_and_is_told_then() -> None:
    world = World()
    world.check(0, a=W)
    held = world.check(5, a=W, b=W)
    assert reasons(held)["b"] == "global cooldown until 2026-03-01 12:15 UTC"
    assert {s.subject: s.waits for s in held.suppressed} == {"a": False, "b": True}
    assert told(world.check(15, a=W, b=W)) == {"b": Change.NEW}


def test_a_warning_that_waits_goes_along_with_what_is_critical() -> None:
    world = World()
    world.check(0, a=W)
    assert told(world.check(5, a=W, b=W, c=C)) == {"b": Change.NEW, "c": Change.NEW}


def test_critical_is_never_suppressed_by_warnings() -> None:
    world = World(replace(POLICY, global_cooldown=timedelta()))
    for n in range(10):
        assert told(world.check(n, **{f"w{k}": W for k in range(n + 1)}))
    levels = {f"w{k}": W for k in range(11)}
    held = world.check(11, **levels)
    assert reasons(held)["w10"] == "10 messages in an hour, the next one at 2026-03-01 13:00 UTC"
    assert told(world.check(12, **levels, c=C)) == {"w10": Change.NEW, "c": Change.NEW}


def test_critical_messages_are_limited_by_each_other_and_the_rest_is_told_together_later() -> None:
    world = World()
    for n in range(10):
        assert told(world.check(n, **{f"c{k}": C for k in range(n + 1)}))
    levels = {f"c{k}": C for k in range(30)}
    held = world.check(10, **levels)
    assert told(held) == {}
    assert reasons(held)["c29"] == "10 critical messages in an hour, the next one at 2026-03-01 13:00 UTC"
    assert len(told(world.check(60, **levels))) == 20


def test_a_thousand_strata_that_turn_critical_at_once_are_one_message() -> None:
    world = World()
    assert len(told(world.check(0, **{f"s{n}": C for n in range(1_000)}))) == 1_000
    assert len(world.messages) == 1


def test_what_is_acknowledged_is_not_told_unless_it_gets_worse() -> None:
    world = World()
    world.check(0, a=W)
    world.alerts = [replace(world.alerts[0], state=AlertState.ACKNOWLEDGED)]
    assert reasons(world.check(100, a=W)) == {"a": "acknowledged"}
    assert told(world.check(101, a=C)) == {"a": Change.WORSE}


def test_what_is_muted_is_told_when_the_mute_ends_if_it_is_still_so() -> None:
    world = World(mutes=[Mute("stock", "a", START, START + timedelta(hours=8))])
    held = world.check(1, a=C, b=C)
    assert (told(held), reasons(held)) == ({"b": Change.NEW}, {"a": "muted until 2026-03-01 20:00 UTC"})
    assert told(world.check(480, a=C, b=C)) == {"a": Change.NEW}


@pytest.mark.parametrize(("rule", "subject", "quiet"), [(None, None, True), ("stock", None, True), (None, "b", False)])
def test_a_mute_may_cover_everything_a_rule_or_a_subject(rule: str | None, subject: str | None, quiet: bool) -> None:
    world = World(mutes=[Mute(rule, subject, START, START + timedelta(hours=8))])
    assert (told(world.check(1, a=C)) == {}) is quiet


def test_reminders_come_only_where_they_are_wanted_and_nobody_knows() -> None:
    world = World(replace(POLICY, remind_after=timedelta(hours=24)))
    world.check(0, a=C, b=W)
    assert told(world.check(23 * 60, a=C, b=W)) == {}
    assert told(world.check(24 * 60, a=C, b=W)) == {"a": Change.REMINDER}
    world.alerts = [replace(alert, state=AlertState.ACKNOWLEDGED) for alert in world.alerts]
    assert told(world.check(100 * 60, a=C, b=W)) == {}


def test_an_event_is_told_and_then_over_without_a_word() -> None:
    world = World()
    assert told(world.check(0, event=True, run=W)) == {"run": Change.NEW}
    assert told(world.check(100)) == {}
    assert [(a.state, a.told) for a in world.alerts] == [(AlertState.RESOLVED, None)]


def test_the_cooldown_of_a_rule_counts_for_all_its_subjects() -> None:
    world = World(replace(POLICY, by_rule=True, global_cooldown=timedelta()))
    world.check(0, event=True, one=W)
    assert reasons(world.check(30, event=True, one=W, two=W))["two"] == (
        "cooldown of the rule until 2026-03-01 13:00 UTC"
    )
    assert told(world.check(60, event=True, one=W, two=W)) == {"two": Change.NEW}


# ── clocks that jump ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_is_set_back_mutes_nothing_for_ever() -> None:
    world = World()
    world.check(10_000_000, a=W, b=W)  # nineteen years ahead
    assert told(world.check(0, a=W, c=W)) == {"c": Change.NEW, "b": Change.RECOVERED}


def test_a_mute_from_the_future_is_void() -> None:
    ahead = START + timedelta(days=365)
    world = World(mutes=[Mute(None, None, ahead, ahead + timedelta(hours=8))])
    assert told(world.check(0, a=C)) == {"a": Change.NEW}


@given(st.lists(st.tuples(st.integers(0, 200), st.dictionaries(st.sampled_from("abc"), st.sampled_from([W, C])))))
def test_whatever_happens_what_was_told_is_in_the_end_how_it_is(
    story: Iterable[tuple[int, dict[str, AlertSeverity]]],
) -> None:
    """However the levels and the clock jump: once things stand still, everything is told, once."""
    world = World()
    last: dict[str, AlertSeverity] = {}
    for minutes, levels in story:
        world.check(minutes, **levels)
        last = levels
    for hours in range(1, 30):
        world.check(200 + 61 * hours, **last)
    believed = {alert.subject: alert.told for alert in world.alerts if alert.told is not None}
    assert believed == last
    assert told(world.check(200 + 61 * 31, **last)) == {}
