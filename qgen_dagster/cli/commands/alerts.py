"""`qgen alerts`: check now, list, acknowledge, keep quiet, try the channels.

Not here: the use cases (`services/alert_desk.py`), when there is an alert (`alerting/`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, OffsetFlag, WhoFlag, named_file, who, with_flags
from qgen_dagster.config.paths import typed_path
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output
    from qgen_dagster.services.alert_delivery import Delivered
    from qgen_dagster.services.alerts import CheckReport

_MOST = 20  # lines of one check
_STYLES = {"critical": "bold red", "warning": "yellow"}
EXAMPLES = """
Examples:
  qgen alerts list                        what is wrong now
  qgen alerts ack 3f2a91c0                I know of this one
  qgen alerts mute --until 8h             tell nobody anything tonight
  qgen alerts mute --until 2026-03-01 --subject math__hard
  qgen alerts test                        does every channel work?
"""
CHECK_HELP = """
Without the daemon, let cron call this. Exit codes: 0 nothing is wrong or
everything was told, 1 a message could not be delivered yet.
"""
TEST_HELP = """
Exit codes: 0 every channel took the message, 1 some did, 2 none did,
3 there is no channel.
"""
ConfigFlag = Annotated[str | None, typer.Option(metavar="FILE", help="Another alerting.yaml.")]

app = make_app(help="Check, list, acknowledge and mute alerts; try the channels.", epilog=EXAMPLES)


@app.command(cls=Command, epilog=CHECK_HELP)
@with_flags
def check(common: CommonFlags, alerting_config: ConfigFlag = None) -> None:
    """Look at stock and runs now, tell what is to be told, deliver what is due."""
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.alert import DeliveryState
    from qgen_dagster.services.alert_desk import check_now
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    with open_bank(settings) as bank:
        done = check_now(bank, settings, _file(alerting_config))
    output = Output(as_json=common.json)
    output.json(
        {
            "stock": _report_json(done.stock),
            "runs": _report_json(done.runs),
            "deliveries": [_delivery_json(d) for d in done.deliveries],
        }
    )
    for name, report in (("Stock", done.stock), ("Runs", done.runs)):
        _print_report(output, name, report)
    _print_deliveries(output, done.deliveries)
    if any(d.state is not DeliveryState.DELIVERED for d in done.deliveries):
        raise typer.Exit(1)


@app.command("list", cls=Command)
@with_flags
def list_(
    common: CommonFlags,
    everything: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    rule: Annotated[str | None, typer.Option(metavar="RULE", help="Only of this rule, such as stock.")] = None,
    limit: LimitFlag = 20,
    offset: OffsetFlag = 0,
) -> None:
    """List what is wrong, newest first, and what is kept quiet."""
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import alert_desk
    from qgen_dagster.services.database import open_bank

    states = [] if everything else ["open", "acknowledged"]
    with open_bank(load_settings()) as bank:
        found = alert_desk.find_alerts(bank, states, [rule] if rule else [], limit, offset)
        mutes = alert_desk.mutes(bank)
    output = Output(as_json=common.json)
    output.json({"alerts": found, "mutes": mutes})
    if not common.json:
        _print_list(output, found)
        for mute in mutes:
            output.show(_mute_sentence(mute), gap=mute is mutes[0])


@app.command(cls=Command)
@with_flags
def show(
    common: CommonFlags,
    alert: Annotated[str, typer.Argument(help="An alert's id or its first characters.")],
) -> None:
    """Show one alert, and where its messages went."""
    from qgen_dagster.cli.output import Output, heading, local_time, make_table, pairs
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.admin_reads import read_alert
    from qgen_dagster.services.alert_desk import resolve_alert_id
    from qgen_dagster.services.database import open_bank

    with open_bank(load_settings()) as bank:
        row = read_alert(bank, resolve_alert_id(bank, alert))
    if row is None:
        raise ConfigurationError(f"alert {alert} was removed in the meantime")
    output = Output(as_json=common.json)
    output.json(row)
    output.show(heading(row["message"]))
    facts = [
        ("rule", row["rule"]),
        ("subject", row["subject"]),
        ("severity", row["severity"]),
        ("state", row["state"]),
        ("since", local_time(row["opened_at"])),
        ("last told", local_time(row["last_sent_at"])),
        (
            "acknowledged",
            f"{local_time(row['acknowledged_at'])} by {row['acknowledged_by']}" if row["acknowledged_by"] else None,
        ),
        ("because", row["acknowledged_reason"]),
        ("resolved", local_time(row["resolved_at"]) if row["resolved_at"] else None),
        ("run", row["run_id"]),
    ]
    output.show(pairs(facts))
    if row["deliveries"]:
        table = [
            [local_time(d["created_at"]), d["channel"], d["state"], str(d["attempts"]), d["error"] or ""]
            for d in row["deliveries"]
        ]
        headers = ["told", "channel", "state", "tries", "error"]
        output.show(
            heading("Messages"), make_table(headers, table, width=output.console.width, flexible="error"), gap=True
        )


@app.command(cls=Command)
@with_flags
def ack(
    common: CommonFlags,
    alerts: Annotated[list[str] | None, typer.Argument(help="Ids or their first characters.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept with it.")] = None,
    by: WhoFlag = None,
) -> None:
    """Say that somebody knows: the alert is not told again unless it gets worse; its end is told."""
    from qgen_dagster.cli.output import Output, short
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import alert_desk
    from qgen_dagster.services.database import open_bank

    if bool(alerts) == everything:
        raise ConfigurationError("name alerts, or say --all", hint="See them with: qgen alerts list")
    with open_bank(load_settings()) as bank:
        ids = [alert_desk.resolve_alert_id(bank, a) for a in alerts] if alerts else alert_desk.open_ids(bank)
        changed = alert_desk.acknowledge(bank, ids, who(by), reason=reason)
    output = Output(as_json=common.json)
    output.json({"acknowledged": changed, "already": [i for i in ids if i not in changed]})
    for id_ in ids:
        output.show(f"{short(id_)} {'acknowledged' if id_ in changed else 'was not open'}")


@app.command(cls=Command)
@with_flags
def mute(
    common: CommonFlags,
    until: Annotated[str, typer.Option(metavar="TIME", help="How long: 90m, 8h, 3d or 2026-03-01.")],
    rule: Annotated[str | None, typer.Option(metavar="RULE", help="Only this rule, such as stock.")] = None,
    subject: Annotated[str | None, typer.Option(metavar="WHAT", help="Only this, such as math__hard.")] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; kept with it.")] = None,
    by: WhoFlag = None,
) -> None:
    """Keep quiet for a while. What is still wrong afterwards is told then."""
    from qgen_dagster.cli.moments import coming_moment
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import alert_desk
    from qgen_dagster.services.database import open_bank

    end = coming_moment("--until", until)
    with open_bank(load_settings()) as bank:
        made = alert_desk.mute(bank, until=end, who=who(by), rule=rule, subject=subject, reason=reason)
    output = Output(as_json=common.json)
    output.json(made)
    output.show(_mute_sentence(made))


@app.command(cls=Command)
@with_flags
def unmute(common: CommonFlags, by: WhoFlag = None) -> None:
    """End every mute now."""
    from qgen_dagster.cli.output import Output, counted
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.alert_desk import unmute_all
    from qgen_dagster.services.database import open_bank

    with open_bank(load_settings()) as bank:
        ended = unmute_all(bank, who(by))
    output = Output(as_json=common.json)
    output.json({"ended": ended})
    output.show(f"{counted(ended, 'mute')} ended")


@app.command("test", cls=Command, epilog=TEST_HELP)
@with_flags
def try_(common: CommonFlags, alerting_config: ConfigFlag = None) -> None:
    """Send a test to every channel and say how each one took it."""
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.alert import DeliveryState
    from qgen_dagster.services.alert_desk import try_channels
    from qgen_dagster.services.alerts import make_alerting
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    file = _file(alerting_config)
    with open_bank(settings) as bank:
        done = try_channels(make_alerting(bank, settings, file))
    output = Output(as_json=common.json)
    output.json({"deliveries": [_delivery_json(d) for d in done]})
    _print_deliveries(output, done)
    arrived = sum(d.state is DeliveryState.DELIVERED for d in done)
    if arrived < len(done):
        raise typer.Exit(1 if arrived else 2)


def _file(given: str | None) -> Path | None:
    return None if given is None else typed_path(named_file("--alerting-config", given))


def _report_json(report: CheckReport) -> dict[str, Any]:
    return {
        "message": str(report.message_id) if report.message_id else None,
        "title": report.title or None,
        "sent": [
            {"rule": n.rule, "subject": n.subject, "change": n.change.value, "severity": n.severity, "text": n.text}
            for n in report.sent
        ],
        "suppressed": [
            {"rule": s.rule, "subject": s.subject, "severity": s.severity, "reason": s.reason, "waits": s.waits}
            for s in report.suppressed
        ],
    }


def _delivery_json(delivery: Delivered) -> dict[str, Any]:
    return {
        "channel": delivery.channel,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "error": delivery.error,
    }


def _print_report(output: Output, name: str, report: CheckReport) -> None:
    from qgen_dagster.cli.output import heading

    lines = [f"  {n.text}" for n in report.sent[:_MOST]]
    if len(report.sent) > _MOST:
        lines.append(f"  … and {len(report.sent) - _MOST:,} more: qgen alerts list")
    reasons: dict[str, list[str]] = {}
    for held in report.suppressed:
        reasons.setdefault(held.reason, []).append(held.subject)
    lines += [f"  not told, {reason}: {_some(subjects)}" for reason, subjects in reasons.items()]
    output.show(heading(f"{name}: {report.title or 'nothing to tell'}"))
    if lines:
        output.show("\n".join(lines))


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _print_deliveries(output: Output, done: tuple[Delivered, ...]) -> None:
    from qgen_dagster.cli.output import make_table

    if not done:
        return
    words = {"pending": "to be tried again"}
    rows = [[d.channel, words.get(d.state.value, d.state.value), d.error or ""] for d in done]
    table = make_table(["channel", "", "error"], rows, width=output.console.width, flexible="error")
    output.show(table, gap=True)


def _print_list(output: Output, found: list[dict[str, Any]]) -> None:
    from qgen_dagster.cli.output import local_time, make_table, short, styled

    if not found:
        output.note("No alerts.")
        return
    rows = [
        [
            short(a["id"]),
            styled(a["severity"], _STYLES.get(a["severity"], "")),
            a["state"],
            local_time(a["opened_at"]),
            a["message"],
        ]
        for a in found
    ]
    headers = ["id", "severity", "state", "since", "what"]
    output.show(make_table(headers, rows, width=output.console.width, flexible="what"))


def _mute_sentence(mute: dict[str, Any]) -> str:
    from qgen_dagster.cli.output import local_time

    what = " of ".join(part for part in (mute["subject"], mute["rule"]) if part) or "everything"
    reason = f": {mute['reason']}" if mute["reason"] else ""
    return f"Quiet until {local_time(mute['muted_until'])} about {what}, by {mute['created_by']}{reason}"
