"""The HTML part of an e-mail; pure.

Tables and inline styles, because that is what mail programs understand; the colours of dark programs come from one
media query, which programs that do not know it leave out. Not here: what is said (`message.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from qgen_dagster.alerting.findings import STOCK
from qgen_dagster.alerting.message import (
    MAX_LINES,
    SECTIONS,
    AlertMessage,
    Line,
    command_of,
    how_long,
    title_of,
    which_limit,
)
from qgen_dagster.core.alert import told_time

_COLOURS = {"Critical": "#b42318", "Warning": "#93560a", "Better": "#1d6f42", "Recovered": "#1d6f42"}
_STYLE = """
@media (prefers-color-scheme: dark) {
  .page { background: #16181c !important; }
  .card { background: #22252b !important; border-color: #3a3f47 !important; }
  .text, .text td, .text h1 { color: #e8eaed !important; }
  .dim { color: #aab0b8 !important; }
  .code { background: #16181c !important; color: #e8eaed !important; border-color: #3a3f47 !important; }
  .track { background: #3a3f47 !important; }
  .rule { border-color: #3a3f47 !important; }
  .Critical { color: #ff9b8f !important; }
  .Warning { color: #f0b35c !important; }
  .Better, .Recovered { color: #74d39c !important; }
  .full-Critical { background: #ff9b8f !important; }
  .full-Warning { background: #f0b35c !important; }
  .full-Better, .full-Recovered { background: #74d39c !important; }
  .link { color: #8ab8ff !important; }
}
@media (max-width: 480px) {
  .card { padding: 16px !important; }
}
"""
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_MONO = "font-family:ui-monospace,Consolas,Menlo,monospace"


def html_of(message: AlertMessage, links: Mapping[str, str]) -> str:
    """The whole HTML document."""
    title = title_of(message)
    heading = title.removeprefix("qgen: ")
    parts = [_section(message, section) for section in SECTIONS] if not message.test else [_test(message)]
    parts += [_outlook(message), _command(message), _links(links)]
    body = "\n".join(part for part in parts if part)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body class="page" style="margin:0;padding:0;background:#f2f4f7">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f2f4f7">
<tr><td align="center" style="padding:16px 8px">
<table role="presentation" class="card text" width="100%" cellpadding="0" cellspacing="0"
 style="max-width:600px;background:#ffffff;border:1px solid #dfe3e8;border-radius:8px;padding:24px;{_FONT}">
<tr><td style="color:#1c2127;font-size:15px;line-height:1.5;text-align:left">
<h1 style="margin:0 0 4px;font-size:20px;line-height:1.3;color:#1c2127">{escape(heading[:1].upper() + heading[1:])}</h1>
<div class="dim" style="color:#5c6570;font-size:13px">qgen · {told_time(message.created_at)}</div>
{body}
</td></tr></table>
</td></tr></table>
</body></html>
"""


def _section(message: AlertMessage, section: str) -> str:
    lines = message.of(section)
    if not lines:
        return ""
    rows = "".join(_row(line, message) for line in lines[:MAX_LINES])
    more = f"… and {len(lines) - MAX_LINES:,} more: <code>qgen alerts list</code>" if len(lines) > MAX_LINES else ""
    rest = f'<tr><td colspan="2" class="dim" style="color:#5c6570;padding:8px 0">{more}</td></tr>' if more else ""
    return f"""{_heading(section, section)}
<table role="presentation" width="100%" cellpadding="0" cellspacing="0">{rows}{rest}</table>"""


def _row(line: Line, message: AlertMessage) -> str:
    facts = line.facts
    border = "border-top:1px solid #e6e9ed"
    since = escape(how_long(line.since, message.created_at))
    before = f", was {line.before.value}" if line.before and line.before is not line.severity else ""
    if line.rule != STOCK or "count" not in facts:
        return f"""<tr><td colspan="2" class="rule" style="padding:8px 0;{border}">{escape(line.text)}
<div class="dim" style="color:#5c6570;font-size:13px">{since}{before}</div></td></tr>"""
    limit = which_limit(line)
    about = f"{escape(limit)}, {since}{before}" if limit else f"{since}{before}"
    short = f"{facts['missing']:,} short" if facts["missing"] else "at its target"
    return f"""<tr><td class="rule" style="padding:8px 12px 8px 0;{border};vertical-align:top">
<b style="{_MONO};font-size:14px;overflow-wrap:anywhere">{escape(line.subject)}</b>
<div class="dim" style="color:#5c6570;font-size:13px">{about}</div></td>
<td class="rule" width="112" style="padding:8px 0;{border};vertical-align:top;text-align:right;white-space:nowrap">
<b>{facts["count"]:,}</b> of {facts["target"]:,}{_bar(line)}
<div class="dim" style="color:#5c6570;font-size:13px">{short}</div></td></tr>"""


def _bar(line: Line) -> str:
    """How full the stratum is, as a bar of the section's colour."""
    share = min(100, round(100 * line.facts["count"] / max(1, line.facts["target"])))
    colour = _COLOURS[line.section]
    style = f"background:{colour};border-radius:3px;font-size:0"
    full = f'<td width="{share}%" class="full-{line.section}" style="{style}">&nbsp;</td>' if share else ""
    rest = '<td style="font-size:0">&nbsp;</td>' if share < 100 else ""
    return f"""<table role="presentation" class="track" width="100%" height="6" cellpadding="0" cellspacing="0"
 style="background:#e6e9ed;border-radius:3px;margin:4px 0;line-height:6px"><tr>{full}{rest}</tr></table>"""


def _outlook(message: AlertMessage) -> str:
    return f"{_heading('What happens by itself')}<div>{escape(message.outlook)}</div>" if message.outlook else ""


def _command(message: AlertMessage) -> str:
    command = None if message.test else command_of(message)
    if command is None:
        return ""
    return f"""{_heading("To do it now")}
<div class="code" style="background:#f2f4f7;border:1px solid #dfe3e8;border-radius:6px;padding:10px 12px;{_MONO};
font-size:13px;overflow-wrap:anywhere">{escape(command)}</div>"""


def _links(links: Mapping[str, str]) -> str:
    shown: Sequence[str] = [
        f'<a class="link" href="{escape(address, quote=True)}" style="color:#1a56b8">{escape(name)}</a>'
        for name, address in links.items()
    ]
    ack, mute = "<code>qgen alerts ack ID</code>", "<code>qgen alerts mute --until 8h</code>"
    ways = f"{ack} says that somebody knows, {mute} keeps quiet."
    line = f'<div style="padding-bottom:6px">{" · ".join(shown)}</div>' if shown else ""
    return f'<div class="dim" style="margin-top:24px;color:#5c6570;font-size:13px">{line}{ways}</div>'


def _heading(text: str, section: str = "") -> str:
    colour = _COLOURS.get(section, "#5c6570")
    kind = section or "dim"
    return f"""<div class="{kind}" style="margin:20px 0 6px;font-size:12px;font-weight:700;letter-spacing:.06em;
text-transform:uppercase;color:{colour}">{escape(text)}</div>"""


def _test(message: AlertMessage) -> str:
    return f'<div style="margin-top:16px">{escape(message.lines[0].text)}</div>'
