"""The flags that say which runs a statistic is about.

Not here: flags of other commands (`flags.py`), what a period is (`bank/run_days.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.flags import Flags
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from qgen_dagster.bank.run_days import Period

_WHICH = "Which runs"
MAX_DAYS = 36_500


@dataclass(frozen=True, kw_only=True)
class PeriodFlags(Flags):
    """Which runs."""

    days: Annotated[
        int,
        typer.Option(metavar="N", min=1, max=MAX_DAYS, help="The last N days (UTC).", rich_help_panel=_WHICH),
    ] = 30
    since: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="From this day (UTC) or time with a zone.", rich_help_panel=_WHICH),
    ] = None
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="To before this day or time.", rich_help_panel=_WHICH)
    ] = None
    environment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only of this environment.", rich_help_panel=_WHICH)
    ] = None

    def period(self, now: datetime) -> Period:
        """The period that is meant. Raises ConfigurationError."""
        from qgen_dagster.services.run_statistics import make_period

        return make_period(now, self.begin, self.end, days=self.days, environment=self.environment)

    @property
    def begin(self) -> datetime | None:
        return parse_time("--since", self.since)

    @property
    def end(self) -> datetime | None:
        return parse_time("--until", self.until)


def parse_time(flag: str, text: str | None) -> datetime | None:
    """A day as its midnight in UTC, or a time with a zone. Raises ConfigurationError for anything else."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(f"{flag}: {text!r} is not a date", hint="It looks like 2026-03-01.") from None
    if len(text.strip()) == len("2026-03-01"):
        return moment.replace(tzinfo=UTC)
    if moment.tzinfo is None:
        raise ConfigurationError(
            f"{flag}: {text!r} has no time zone", hint="Give a day, or a time such as 2026-03-01T08:00:00+01:00."
        )
    return moment
