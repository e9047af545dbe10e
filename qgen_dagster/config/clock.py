"""When schedules start: `QGEN_NIGHTLY_CRON`, `QGEN_AUDIT_CRON`, `QGEN_RETENTION_CRON`, `QGEN_TIMEZONE`.

Here: `ScheduleTimes` and its checks. Read from the environment alone, since the code location asks at its import. Not
here: the schedules (`defs/schedules.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from qgen_dagster.core.errors import ConfigurationError

_FIELD = r"(?:\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/\d+)?"
_CRON = re.compile(rf"{_FIELD}(?:,{_FIELD})*(?: {_FIELD}(?:,{_FIELD})*){{4}}")


@dataclass(frozen=True, slots=True)
class ScheduleTimes:
    """Cron expressions of five fields, and the IANA name of the time zone in which they are read."""

    nightly: str = "0 2 * * *"
    audit: str = "0 4 * * 0"
    retention: str = "30 5 * * 0"  # when the night's runs are over
    timezone: str = "UTC"


def parse_schedule_times(env: Mapping[str, str]) -> ScheduleTimes:
    """The times that the environment gives, the defaults for others. Raises ConfigurationError naming the variable."""
    default = ScheduleTimes()
    return ScheduleTimes(
        nightly=_cron("QGEN_NIGHTLY_CRON", env, default.nightly),
        audit=_cron("QGEN_AUDIT_CRON", env, default.audit),
        retention=_cron("QGEN_RETENTION_CRON", env, default.retention),
        timezone=_zone("QGEN_TIMEZONE", env, default.timezone),
    )


def _cron(name: str, env: Mapping[str, str], default: str) -> str:
    given = " ".join(env.get(name, "").split()) or default
    if not _CRON.fullmatch(given):
        raise ConfigurationError(
            f"{name}: {given!r} is no cron expression",
            hint="Five fields: minute, hour, day of month, month, day of week. For example: 30 1 * * 1-5",
        )
    return given


def _zone(name: str, env: Mapping[str, str], default: str) -> str:
    given = env.get(name, "").strip() or default
    if given == default:
        return given
    try:
        ZoneInfo(given)
    except (KeyError, ValueError, OSError) as error:
        hint = "A name such as Europe/Paris or America/New_York."
        raise ConfigurationError(f"{name}: there is no time zone {given!r}", hint=hint) from error
    return given
