"""Handing one message to one channel, with a limit on the time that it takes.

Apprise knows the channels (imported only here, when something is sent); e-mail has its own way (`mail.py`). Not here:
what is sent when, trying again (`services/alert_delivery.py`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from qgen_dagster.alerting.channels import Channel, without_secrets
from qgen_dagster.alerting.html import html_of
from qgen_dagster.alerting.mail import Mail, MailError, read_mailbox, send_mail
from qgen_dagster.alerting.message import AlertMessage, text_of, title_of
from qgen_dagster.core.alert import AlertSeverity

MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` None: the channel has it. `final`: trying again cannot help."""

    error: str | None = None
    final: bool = False


def is_understood(channel: Channel) -> bool:
    """Whether the address means something to Apprise. Asks nobody; imports Apprise, which takes a second."""
    return _plugin(channel, _asset()) is not None


def deliver(
    message: AlertMessage, channel: Channel, links: Mapping[str, str], message_id: str, timeout: float
) -> Outcome:
    """Sends the message; never raises, and returns within about `timeout` seconds.

    A channel that has not answered by then may or may not have it: it counts as not delivered, so it may get it twice.
    """
    import apprise  # noqa: F401 - takes a second or more, which is not the channel's

    try:
        return _within(timeout, lambda: _send(message, channel, links, message_id, timeout))
    except Exception as error:  # whatever a plugin does, a check must go on
        return Outcome(_clean(f"{type(error).__name__}: {error}", channel))


def _send(
    message: AlertMessage, channel: Channel, links: Mapping[str, str], message_id: str, timeout: float
) -> Outcome:
    from apprise import Apprise, NotifyType

    asset = _asset()
    plugin = _plugin(channel, asset)
    if plugin is None:
        return Outcome("the address cannot be understood", final=True)
    if "rto=" not in channel.address:
        # Apprise waits four seconds; who gives up too early sends twice.
        plugin.socket_connect_timeout = plugin.socket_read_timeout = timeout * 0.8
    text = text_of(message, links)
    if channel.is_mail:
        mail = Mail(
            id=message_id,
            subject=title_of(message),
            text=text,
            html=html_of(message, links),
            date=message.created_at,
            urgent=message.severity is AlertSeverity.CRITICAL,
        )
        try:
            send_mail(mail, read_mailbox(plugin), min(timeout, 15))
        except MailError as error:
            return Outcome(_clean(error.message, channel))
        return Outcome()
    kinds = {AlertSeverity.CRITICAL: NotifyType.FAILURE, AlertSeverity.WARNING: NotifyType.WARNING}
    kind = kinds[message.severity] if message.severity else NotifyType.SUCCESS
    one = Apprise(asset=asset)
    one.add(plugin)
    result = one.notify(body=text, title=title_of(message), notify_type=kind, body_format="text")
    if result:
        return Outcome()
    said = "; ".join(dict.fromkeys(str(entry.message) for service in result for entry in service.logs()))
    return Outcome(_clean(said or "the channel did not accept the message", channel))


def _asset() -> Any:
    from apprise import AppriseAsset, PersistentStoreMode

    # In memory: it must leave nothing in anybody's home folder.
    return AppriseAsset(
        app_id="qgen", app_desc="qgen alerts", async_mode=False, storage_mode=PersistentStoreMode.MEMORY
    )


def _plugin(channel: Channel, asset: Any) -> Any:
    """What Apprise makes of the address; None where it does not understand it."""
    from apprise import Apprise

    # Its log would go to whatever this process logs to; what it says is in the result too.
    logging.getLogger("apprise").propagate = False
    return Apprise.instantiate(channel.address, asset=asset, suppress_exceptions=True)


def _within(seconds: float, run: Callable[[], Outcome]) -> Outcome:
    """What `run` returns, unless it takes longer; then it is left to itself."""
    answers: list[Outcome | Exception] = []

    def work() -> None:
        try:
            answers.append(run())
        except Exception as error:
            answers.append(error)

    thread = threading.Thread(target=work, name="qgen-alert", daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        return Outcome(f"no answer within {seconds:g} seconds")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _clean(text: str, channel: Channel) -> str:
    return without_secrets(" ".join(text.split()), channel.address)[:MAX_ERROR]
