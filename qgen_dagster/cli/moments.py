"""Times as an operator types them: how long ago, or a day, or a day and a time.

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
    text = given.strip()
    ago = _AGO.fullmatch(text)
    try:
        if ago:
            return (now or datetime.now(UTC)) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        hint = "It takes 90m, 2h, 3d, 2026-03-01 or 2026-03-01T14:30."
        raise ConfigurationError(f"{flag}: {given!r} is not a time", hint=hint) from error
