"""The channels: addresses out of environment variables, and names for them that give nothing away.

Not here: sending (`deliver.py`), which variables there are (`config/alerting.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from qgen_dagster.config.addresses import split_addresses
from qgen_dagster.config.alerting import AlertingConfig
from qgen_dagster.config.settings import ALERT_VARIABLES
from qgen_dagster.core.alert import AlertSeverity
from qgen_dagster.core.errors import ConfigurationError

_PARTS = re.compile(r"[/?&=#@:,;\s]+")
_SHORTEST_SECRET = 4
_MASK = "***"


@dataclass(frozen=True, slots=True)
class Channel:
    """Somewhere that messages go. `name` is its scheme and a digest of its address: the same everywhere, no secret."""

    name: str
    address: str = field(repr=False)

    @property
    def is_mail(self) -> bool:
        return self.name.partition(":")[0] in ("mailto", "mailtos")


def channels_for(
    config: AlertingConfig, environ: Mapping[str, str], severity: AlertSeverity | None = None
) -> list[Channel]:
    """The channels of a severity, or all of them; each once.

    Raises ConfigurationError that names the variable, never its value.
    """
    found: dict[str, Channel] = {}
    for name in config.channels.names(severity):
        if name not in environ and name not in ALERT_VARIABLES:
            raise ConfigurationError(
                f"alerting: channels name ${{{name}}}, which is not set",
                hint=f"Set {name}, or take it out of the file.",
            )
        for address in split_addresses(name, environ.get(name, "")):
            channel = Channel(channel_name(address), address)
            found.setdefault(channel.name, channel)
    return list(found.values())


def channel_name(address: str) -> str:
    """`slack:1f2e3d4c`."""
    digest = hashlib.blake2b(address.encode(), digest_size=4).hexdigest()
    return f"{address.partition('://')[0].lower()[:60]}:{digest}"


def without_secrets(text: str, address: str) -> str:
    """The text with every part of the address masked: in most schemes even the host is a token."""
    scheme, _, rest = address.partition("://")
    try:
        parts = urlsplit(address)
        # Whose server refuses is worth knowing; a mail host and a webhook's host are no secrets.
        known = {(parts.hostname or "").lower(), str(parts.port)} if scheme.lower() in _PLAIN_HOSTS else set()
    except ValueError:
        known = set()
    pieces = {piece for piece in _PARTS.split(rest) if len(piece) >= _SHORTEST_SECRET}
    pieces |= {unquote(piece) for piece in pieces}
    for piece in sorted(pieces, key=len, reverse=True):
        if not any(piece.lower() in shown for shown in known):
            text = text.replace(piece, _MASK)
    return text


_PLAIN_HOSTS = ("mailto", "mailtos", "json", "jsons", "xml", "xmls", "form", "forms")
