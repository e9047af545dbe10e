"""Where runs are reported besides the bank: `QGEN_REPORT_URL`, `QGEN_SERVICE_KEY`, `QGEN_REPORT`.

Here: `Reporting` and its checks. Not here: sending (`services/report_delivery.py`), the keys that this installation's
own API takes (`service_keys.py`).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult

from qgen_dagster.config.addresses import http_address
from qgen_dagster.core.errors import ConfigurationError

PATH = "/v1/admin/generation-runs"
_HINT = "It looks like https://qgen.example.org, the address of another installation's admin API."
_SWITCH = {"on": True, "true": True, "1": True, "yes": True, "off": False, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Reporting:
    """The admin API that is told of every run. `url` is the address to POST to; the key is never shown."""

    url: str
    key: str | None = field(default=None, repr=False)


def parse_reporting(env: Mapping[str, str]) -> Reporting | None:
    """Who is told of runs; None: nobody. Raises ConfigurationError, which never shows the key."""
    switch = env.get("QGEN_REPORT", "on").strip().lower()
    if switch not in _SWITCH:
        raise ConfigurationError(f"QGEN_REPORT: {env['QGEN_REPORT']!r} is not on or off")
    address = env.get("QGEN_REPORT_URL", "").strip()
    if not address or not _SWITCH[switch]:
        return None
    parts = _split(address)
    key = env.get("QGEN_SERVICE_KEY", "").strip() or None
    if key is None and not _is_this_machine(str(parts.hostname)):
        raise ConfigurationError(
            "QGEN_REPORT_URL is set, but not QGEN_SERVICE_KEY",
            hint="Give a key with scope write of that installation, or set QGEN_REPORT=off.",
        )
    if key is not None and not (key.isascii() and key.isprintable()):
        raise ConfigurationError("QGEN_SERVICE_KEY has characters that no key has (only printable ASCII)")
    path = parts.path.rstrip("/").removesuffix(PATH)
    return Reporting(f"{parts.scheme}://{parts.netloc}{path}{PATH}", key)


def _split(address: str) -> SplitResult:
    parts = http_address("QGEN_REPORT_URL", address, hint=_HINT)
    if "@" in parts.netloc:
        raise ConfigurationError("QGEN_REPORT_URL takes no password", hint="The key belongs into QGEN_SERVICE_KEY.")
    return parts


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
