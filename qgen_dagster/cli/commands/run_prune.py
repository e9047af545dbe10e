"""`qgen runs prune`: deletes history that is older than so many days.

Not here: what goes and what stays (`bank/retention.py`, `defs/history.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from qgen_dagster.cli.app import Command
from qgen_dagster.cli.flags import CommonFlags, with_flags
from qgen_dagster.core.errors import ConfigurationError

if TYPE_CHECKING:
    from qgen_dagster.cli.output import Output

_AGE = re.compile(r"([0-9]{1,5})\s*([dw]?)")
EXAMPLES = """
Examples:
  qgen runs prune --older-than 90d --dry-run
  qgen runs prune --older-than 26w --yes
"""


def register(app: typer.Typer) -> None:
    """Adds the command to the group `runs`."""
    app.command("prune", cls=Command, epilog=EXAMPLES)(with_flags(prune))


def prune(
    common: CommonFlags,
    older_than: Annotated[str, typer.Option(metavar="AGE", help="90d or 12w: whole days (UTC), at least one.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete old runs with their calls and rejected candidates, and old log lines and ticks of Dagster.

    Questions stay, with what their pages show; so do the sums that statistics are made of, runs that are under way or
    have something left to do, and Dagster's materializations and checks. Stopped in between, it goes on next time.
    """
    from qgen_dagster.cli.confirm import confirm
    from qgen_dagster.cli.launcher import dagster_history
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import retention
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.work import now

    settings = load_settings()
    before = retention.cutoff(now(), days_of(older_than))
    output = Output(as_json=common.json)
    with open_bank(settings) as bank, dagster_history(settings) as dagster:
        found = {**retention.count_old(bank, before), **dagster.count(before)}
        if not dry_run and any(found.values()):
            _show(output, found)
            confirm(f"Delete this, all from before {before:%Y-%m-%d} (UTC)?", yes)
            found = {**retention.prune(bank, before), **dagster.prune(before)}
    output.json({"before": before, "dry_run": dry_run, "kinds": found})
    if not any(found.values()):
        output.show(f"Nothing is from before {before:%Y-%m-%d} (UTC) that could go.")
    elif dry_run:
        _show(output, found)
        output.show(f"Would be deleted: all from before {before:%Y-%m-%d} (UTC).", gap=True)
    else:
        output.show(f"Deleted, all from before {before:%Y-%m-%d} (UTC): {sum(found.values()):,} rows.", gap=True)


def days_of(text: str) -> int:
    """The age in days. Raises ConfigurationError."""
    found = _AGE.fullmatch(text.strip().lower())
    days = int(found[1]) * (7 if found[2] == "w" else 1) if found else 0
    if days < 1:
        raise ConfigurationError(f"--older-than: {text!r} is not an age", hint="It takes 90d, 12w or a number of days.")
    return days


def _show(output: Output, found: dict[str, int]) -> None:
    from qgen_dagster.cli.output import make_table

    rows = [[kind, f"{count:,}"] for kind, count in found.items() if count]
    output.show(make_table(["what", "rows"], rows, width=output.console.width, right=["rows"], flexible="what"))
