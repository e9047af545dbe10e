"""Times as an operator types them: how long ago or ahead, or a day, or a day and a time.

Not here: printing times (`output.py`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from qgen_dagster.core.errors import ConfigurationError

_AGO = re.compile(r"(\d{1,6})\s*(s|m|min|h|d|w)")
_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(flag: str, given: str, now: datetime | None = None) -> datetime:
    """The time that `2h`, `3d`, `2026-03-01` or `2026-03-01 14:30` means; without a zone it is this machine's.

    Raises ConfigurationError that names the flag.
    """
    return _moment(flag, given, now or datetime.now(UTC), -1)


def coming_moment(flag: str, given: str, now: datetime | None = None) -> datetime:
    """The same for a time to come: `8h` is in eight hours."""
    return _moment(flag, given, now or datetime.now(UTC), 1)


def _moment(flag: str, given: str, now: datetime, direction: int) -> datetime:
    text = given.strip()
    span = _AGO.fullmatch(text)
    try:
        if span:
            return now + direction * timedelta(**{_UNITS[span[2]]: int(span[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        hint = "It takes 90m, 2h, 3d, 2026-03-01 or 2026-03-01T14:30."
        raise ConfigurationError(f"{flag}: {given!r} is not a time", hint=hint) from error
