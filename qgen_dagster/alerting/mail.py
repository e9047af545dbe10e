"""E-mail with a plain and an HTML part, by the standard library.

Apprise makes the plain part out of the HTML one, which reads badly where it matters most, and says of every failure
only that there was one. So its part here is to understand the address (`mailto://`, `mailtos://` and its templates of
well-known services), and smtplib sends. Not here: other channels (`deliver.py`), what the mail says (`message.py`,
`html.py`).
"""

from __future__ import annotations

import smtplib
import ssl
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from typing import Any

from qgen_dagster.core.errors import QgenError


@dataclass(frozen=True, slots=True)
class Mail:
    """What is sent. `id` becomes the Message-ID: a mail that is sent twice by mistake is recognised as one."""

    id: str
    subject: str
    text: str
    html: str
    date: datetime
    urgent: bool = False


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where to send and as whom, as the address says. `secure` is ssl, starttls or insecure."""

    host: str
    port: int
    secure: str
    sender: tuple[str, str]
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    verify: bool = True


class MailError(QgenError):
    """The mail was not accepted; says by what step."""


def read_mailbox(plugin: Any) -> Mailbox:
    """The mailbox that apprise understood from an address (its NotifyEmail)."""
    name, sender = plugin.from_addr
    return Mailbox(
        host=plugin.smtp_host,
        port=plugin.port,
        secure=str(getattr(plugin.secure_mode, "value", plugin.secure_mode)),
        sender=(name or "qgen", sender),
        to=tuple(address for _, address in plugin.targets),
        cc=tuple(sorted(plugin.cc)),
        bcc=tuple(sorted(plugin.bcc)),
        reply_to=tuple(sorted(plugin.reply_to)),
        user=plugin.user,
        password=plugin.password,
        verify=plugin.verify_certificate,
    )


def send_mail(mail: Mail, box: Mailbox, timeout: float) -> None:
    """Hands the mail in; `timeout` seconds for each step. Raises MailError."""
    if not box.to:
        raise MailError("the address names nobody to send to")
    step = f"connecting to {box.host}:{box.port}"
    try:
        with _connect(box, timeout) as server:
            step = "encrypting the connection"
            if box.secure == "starttls":
                server.starttls(context=_tls(box))
            step = "logging in"
            if box.user and box.password:
                server.login(box.user, box.password)
            step = "handing the mail in"
            recipients = [*box.to, *box.cc, *box.bcc]
            # Raises only if nobody was accepted. Trying again for those that were refused would reach the others twice.
            server.send_message(make_mail(mail, box), from_addr=box.sender[1], to_addrs=recipients)
    except smtplib.SMTPServerDisconnected as error:  # which smtplib also says of a server that keeps silent
        silent = "timed out" in str(error)
        raise MailError(f"{step}: {_silence(timeout) if silent else 'the server hung up'}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        raise MailError(f"{step}: every recipient was refused ({', '.join(map(str, codes))})") from error
    except smtplib.SMTPResponseException as error:
        raise MailError(f"{step}: the server answered {error.smtp_code} {_plain(error.smtp_error)}") from error
    except TimeoutError as error:
        raise MailError(f"{step}: {_silence(timeout)}") from error
    except ssl.SSLError as error:
        raise MailError(f"{step}: {error.reason or error}") from error
    except (OSError, smtplib.SMTPException, ValueError) as error:
        raise MailError(f"{step}: {error}") from error


def make_mail(mail: Mail, box: Mailbox) -> EmailMessage:
    """The mail as it goes over the line."""
    made = EmailMessage()
    made["Subject"] = " ".join(mail.subject.split())
    made["From"] = formataddr(box.sender)
    made["To"] = ", ".join(box.to)
    if box.cc:
        made["Cc"] = ", ".join(box.cc)
    if box.reply_to:
        made["Reply-To"] = ", ".join(box.reply_to)
    made["Date"] = format_datetime(mail.date)
    made["Message-ID"] = f"<{mail.id}@{box.sender[1].rpartition('@')[2] or 'qgen'}>"
    made["Auto-Submitted"] = "auto-generated"  # so that nobody's absence notice answers
    if mail.urgent:
        made["X-Priority"], made["Importance"] = "1", "high"
    made.set_content(mail.text)
    made.add_alternative(mail.html, subtype="html")
    return made


def _connect(box: Mailbox, timeout: float) -> smtplib.SMTP:
    if box.secure == "ssl":
        return smtplib.SMTP_SSL(box.host, box.port, timeout=timeout, context=_tls(box))
    return smtplib.SMTP(box.host, box.port, timeout=timeout)


def _tls(box: Mailbox) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not box.verify:  # the address says verify=no
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _silence(timeout: float) -> str:
    return f"no answer within {timeout:g} seconds"


def _plain(answer: bytes | str) -> str:
    text = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:200]
