"""Messages reach their channels, whatever the channels do; nothing is lost, and no secret is told."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank import alert_outbox
from qgen_dagster.bank.engine import Bank
from qgen_dagster.core.errors import ConfigurationError, DatabaseError
from qgen_dagster.services import alert_delivery
from qgen_dagster.services.alert_desk import try_channels
from qgen_dagster_tests.support.channels import (
    MailServer,
    Webhook,
    free_port,
    mail_server,
    self_signed,
    silent_server,
    webhook,
)

from .conftest import Desk


def states(bank: Bank) -> list[tuple[str, str, int]]:
    """Scheme, state and attempts of every delivery."""
    query = "SELECT split_part(channel, ':', 1), state, attempts FROM alert_deliveries ORDER BY channel"
    with bank.begin() as tx:
        return [(scheme, state, attempts) for scheme, state, attempts in tx.execute(text(query))]


def all_that_is_stored(bank: Bank) -> str:
    with bank.begin() as tx:
        tables = ("alerts", "alert_messages", "alert_deliveries")
        return " ".join(str(row) for table in tables for row in tx.execute(text(f"SELECT * FROM {table}")))


def test_a_mail_has_a_plain_and_an_html_part_with_all_that_is_needed(desk: Desk, mail: MailServer) -> None:
    desk.configure("links", dagster="https://dagster.example.org", dashboard="https://qgen.example.org")
    desk.check(logic__easy=12)
    desk.later(hours=3)
    desk.check(math__hard=3)
    assert desk.deliver() == {"mailto": "delivered"}
    assert [m["Subject"] for m in mail.mails] == ["qgen: warning: logic__easy", "qgen: critical: math__hard"]
    urgent = mail.mails[-1]
    plain, html = (urgent.get_body((kind,)) for kind in ("plain", "html"))
    assert plain is not None
    assert html is not None
    assert urgent.get_content_type() == "multipart/alternative"
    for part in (plain.get_content(), html.get_content()):
        for needed in (
            "math__hard",
            "47 short",
            "critical below 5",
            "since now",
            "nightly_auto_balance",
            "qgen auto-balance --types math --difficulties hard --fill",
            "https://qgen.example.org",
            "https://dagster.example.org",
        ):
            assert needed in part
    assert urgent["X-Priority"] == "1"
    assert urgent["Auto-Submitted"] == "auto-generated"


def test_all_channels_of_a_severity_are_told_at_once(desk: Desk, hook: Webhook) -> None:
    with mail_server() as mail, webhook() as pager:
        desk.environ |= {"QGEN_ALERT_URLS": f"{hook.url} {mail.url}", "QGEN_ALERT_URLS_CRITICAL": pager.url}
        desk.check(math__hard=12)
        assert [tried.state.value for tried in desk.tried()] == ["delivered"] * 2
        assert (len(hook.titles), len(mail.mails), pager.titles) == (1, 1, [])
        desk.check(math__hard=2)
        assert len(desk.tried()) == 3
        assert pager.titles == ["qgen: critical: math__hard"]


def test_who_heard_of_it_hears_that_it_is_over(desk: Desk, hook: Webhook) -> None:
    desk.environ = {"QGEN_ALERT_URLS_CRITICAL": hook.url}
    desk.check(math__hard=2)
    desk.later(hours=2)
    desk.check(math__hard=50)
    desk.tried()
    assert hook.titles == ["qgen: critical: math__hard", "qgen: recovered: math__hard"]


def test_a_refusal_is_tried_again_with_growing_pauses_until_it_is_taken(desk: Desk, hook: Webhook) -> None:
    hook.answers = [500, 500, 500]
    desk.check(math__hard=2)
    waited = []
    for _ in range(4):
        before = desk.now
        while not (tried := desk.tried()):
            desk.later(seconds=10)
        waited.append((desk.now - before).total_seconds())
    assert waited == [0, 30, 60, 120]
    assert tried[0].state.value == "delivered"
    assert hook.titles == ["qgen: critical: math__hard"]
    assert states(desk.bank) == [("json", "delivered", 4)]


def test_one_channel_that_fails_keeps_the_others_from_nothing(desk: Desk, hook: Webhook) -> None:
    desk.environ["QGEN_ALERT_URLS"] = f"mailto://127.0.0.1:{free_port()}?to=a@example.org&from=q@example.org {hook.url}"
    desk.check(math__hard=2)
    assert desk.deliver() == {"mailto": "pending", "json": "delivered"}


def test_when_all_channels_of_a_severity_fail_the_others_are_tried(desk: Desk, hook: Webhook) -> None:
    desk.environ = {
        "QGEN_ALERT_URLS_CRITICAL": f"json://127.0.0.1:{free_port()}/gone",
        "QGEN_ALERT_URLS_WARNING": hook.url,
    }
    desk.check(math__hard=2)
    desk.tried()
    assert hook.titles == []
    desk.tried()
    assert hook.titles == ["qgen: critical: math__hard"]


def test_a_critical_message_that_nobody_has_got_is_not_given_up(desk: Desk, hook: Webhook) -> None:
    hook.answers = [500] * 100
    desk.check(math__hard=2, logic__easy=50)
    for _ in range(40):
        desk.tried()
        desk.later(hours=1)
    hook.answers.clear()
    desk.tried()
    assert hook.titles == ["qgen: critical: math__hard"]


def test_a_warning_is_given_up_after_a_day(desk: Desk, hook: Webhook) -> None:
    hook.answers = [500] * 100
    desk.check(math__hard=12)
    for _ in range(26):
        desk.tried()
        desk.later(hours=1)
    assert [state for _, state, _ in states(desk.bank)] == ["failed"]


def test_a_webhook_that_hangs_holds_nobody_up_for_long_and_counts_as_not_told(desk: Desk, hook: Webhook) -> None:
    hook.hang = threading.Event()
    desk.environ["QGEN_ALERT_URLS"] += "?rto=30"
    desk.configure("delivery", timeout_seconds=1)
    desk.check(math__hard=2)
    [tried] = desk.tried()
    assert (tried.state.value, tried.error) == ("pending", "no answer within 1 seconds")


@pytest.mark.parametrize("fault", ["down", "silent", "refuses", "TLS", "wants TLS"])
def test_mail_servers_in_trouble_are_told_by_what_they_did(desk: Desk, fault: str, tmp_path: Path) -> None:
    desk.configure("delivery", timeout_seconds=1.5 if fault == "silent" else 20)
    people = "from=qgen@example.org&to=duty@example.org"
    context = self_signed(tmp_path) if "TLS" in fault else None
    with mail_server(context) as server, silent_server() as silent:
        server.refuse = "550 no such mailbox" if fault == "refuses" else None
        port = {"down": free_port(), "silent": silent}.get(fault, server.port)
        scheme, mode = ("mailtos", "&mode=starttls") if fault == "TLS" else ("mailto", "")
        desk.environ["QGEN_ALERT_URLS"] = f"{scheme}://127.0.0.1:{port}?{people}{mode}"
        desk.check(math__hard=2)
        [tried] = desk.tried()
    assert tried.state.value == "pending"
    expected = {
        "down": "connecting to 127.0.0.1",
        "silent": "no answer within 1.5 seconds",
        "refuses": "every recipient was refused (550)",
        "TLS": "CERTIFICATE_VERIFY_FAILED",
        "wants TLS": "530",
    }
    assert expected[fault] in str(tried.error)


def test_a_channel_that_is_no_longer_configured_is_given_up(desk: Desk, hook: Webhook) -> None:
    hook.answers = [500]
    desk.check(math__hard=12)
    desk.tried()
    desk.environ.clear()
    desk.later(hours=1)
    [tried] = desk.tried()
    assert (tried.state.value, tried.error) == ("failed", "its address is no longer configured")


def test_without_a_channel_nothing_counts_as_told(desk: Desk, hook: Webhook) -> None:
    url = desk.environ.pop("QGEN_ALERT_URLS")
    report = desk.check(math__hard=2)
    assert report.by_subject() == {"math__hard": "no channel is configured for it (QGEN_ALERT_URLS)"}
    desk.environ["QGEN_ALERT_URLS"] = url
    assert [n.subject for n in desk.check().sent] == ["math__hard"]


def test_no_address_gets_into_the_database_or_into_an_error(desk: Desk, hook: Webhook) -> None:
    desk.environ["QGEN_ALERT_URLS"] = (
        f"{hook.url} mailto://somebody:pa55w0rd@127.0.0.1:{free_port()}?to=a@example.org&from=q@example.org "
        f"slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ nonsense://s3cr3t-token"
    )
    hook.answers = [403]
    desk.check(math__hard=2)
    desk.configure("delivery", timeout_seconds=5)
    errors = " ".join(str(d.error) for d in desk.tried())
    for secret in ("s3cr3t-token", "pa55w0rd", "TIiajkdnlazkcOXrIdevi7FQ", "A1BRTD4JD"):
        assert secret not in all_that_is_stored(desk.bank) + errors


# ── crashes and races ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_process_that_dies_before_it_sends_loses_nothing(desk: Desk, hook: Webhook) -> None:
    desk.check(math__hard=2)
    with desk.bank.begin() as tx:  # claims and dies
        claim = alert_outbox.claim_due(
            tx, desk.now, limit=8, lease=timedelta(minutes=2), longest_pause=timedelta(minutes=30)
        )
    assert len(claim) == 1
    assert desk.tried() == ()  # it might be sending
    with desk.bank.begin() as tx:
        tx.execute(text("UPDATE alert_deliveries SET leased_until = now() - interval '1 second'"))
    desk.tried()
    assert hook.titles == ["qgen: critical: math__hard"]


def test_two_that_deliver_at_once_send_each_message_once(desk: Desk, hook: Webhook) -> None:
    for stratum in desk.settings.taxonomy.strata[:5]:
        desk.check(**{stratum.key: 0})
    threads = [threading.Thread(target=desk.tried) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hook.titles) == len(set(hook.titles)) == 5


def test_a_database_that_goes_away_while_sending_is_waited_for(
    desk: Desk, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.check(math__hard=2)
    record, failures = alert_outbox.record_outcome, [True, True]

    def away(*arguments: object, **options: object) -> None:
        if failures:
            failures.pop()
            raise DatabaseError("gone")
        record(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(alert_delivery.alert_outbox, "record_outcome", away)
    assert desk.deliver() == {"json": "delivered"}
    assert len(hook.titles) == 1


def test_what_was_sent_and_could_not_be_recorded_is_not_sent_again_by_the_same_process(
    desk: Desk, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.check(math__hard=2)

    def away(*arguments: object, **options: object) -> None:
        raise DatabaseError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(alert_delivery.alert_outbox, "record_outcome", away)
        with pytest.raises(DatabaseError):
            desk.tried()
    with desk.bank.begin() as tx:
        tx.execute(text("UPDATE alert_deliveries SET leased_until = now() - interval '1 second'"))
    assert desk.deliver() == {"json": "delivered"}
    assert len(hook.titles) == 1


def test_a_clock_that_was_ahead_does_not_hold_a_message_back(desk: Desk, hook: Webhook) -> None:
    hook.answers = [500]
    desk.later(days=4_000)
    desk.check(math__hard=2)
    desk.tried()
    desk.later(days=-4_000)
    desk.tried()
    assert len(hook.titles) == 1


def test_the_channels_can_be_tried_and_say_each_how_it_went(desk: Desk, hook: Webhook) -> None:
    desk.environ["QGEN_ALERT_URLS"] += f" json://127.0.0.1:{free_port()}/{uuid4()}"
    done = try_channels(desk.alerting)
    assert sorted(d.state.value for d in done) == ["delivered", "failed"]
    assert hook.titles == ["qgen: test"]
    desk.later(days=1)
    assert desk.tried() == ()  # a test is not tried again


def test_trying_the_channels_without_any_says_what_to_set(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="no channel for alerts is configured"):
        try_channels(desk.alerting)
