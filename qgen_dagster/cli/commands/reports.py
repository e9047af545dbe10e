"""`qgen reports`: reports about runs that another installation has not taken yet.

Not here: what is reported (`services/run_reporter.py`), sending (`services/report_delivery.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, with_flags

if TYPE_CHECKING:
    from qgen_dagster.bank.outbox import Kept
    from qgen_dagster.cli.output import Output
    from qgen_dagster.services.report_delivery import Delivery

_WIDE = 130  # columns from which on an error has a place in its line
EXAMPLES = """
Examples:
  qgen reports pending
  qgen reports flush              now, whatever pause was set after a failure
  qgen reports flush --refused    also what the other side could not read
"""

app = make_app(help="Reports about runs that QGEN_REPORT_URL has not taken yet: list them, send them.", epilog=EXAMPLES)


@app.command(cls=Command)
@with_flags
def pending(common: CommonFlags, limit: LimitFlag = 20) -> None:
    """List the reports that are not delivered, oldest first, and why."""
    from qgen_dagster.bank import outbox
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    with open_bank(settings) as bank, bank.begin() as tx:
        kept = outbox.list_kept(tx, limit)
        waiting, refused = outbox.count_kept(tx)
    url = settings.reporting.url if settings.reporting else None
    output = Output(as_json=common.json)
    output.json({"url": url, "waiting": waiting, "refused": refused, "reports": [_as_json(k) for k in kept]})
    if not common.json:
        _print_list(output, kept, waiting, refused)
        if kept and url is None:
            output.note("Nobody is told of runs at present: set QGEN_REPORT_URL, and QGEN_REPORT not to off.")


@app.command(cls=Command)
@with_flags
def flush(
    common: CommonFlags,
    refused: Annotated[
        bool, typer.Option("--refused", help="Send those again too that the other side could not read.")
    ] = False,
) -> None:
    """Send what waits, in order per run. Three failures in a row end it; what is left is kept.

    Exit code 0 when nothing is left waiting, 1 when some could not be sent, 6 when the key is refused.
    """
    from qgen_dagster.bank import outbox
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.core.errors import ConfigurationError
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.report_delivery import deliver_due
    from qgen_dagster.services.work import now

    settings = load_settings()
    if settings.reporting is None:
        raise ConfigurationError(
            "nobody is told of runs", hint="Set QGEN_REPORT_URL and QGEN_SERVICE_KEY, and QGEN_REPORT not to off."
        )
    with open_bank(settings) as bank:
        if refused:
            with bank.begin() as tx:
                outbox.take_back_refusals(tx, now())
        done = deliver_due(bank, settings.reporting, anyway=True)
    code = _exit_code(done)
    output = Output(as_json=common.json)
    counts = {name: getattr(done, name) for name in ("delivered", "refused", "failed", "waiting", "error")}
    output.json({"exit_code": code, **counts})
    output.show(f"{done.delivered:,} delivered, {done.refused:,} refused, {done.waiting:,} left waiting")
    if done.error is not None:
        output.note(f"The last one that was not taken: {done.error}")
    raise typer.Exit(code)


def _exit_code(done: Delivery) -> int:
    from qgen_dagster.core.errors import ExitCode

    if done.unauthorized:
        return ExitCode.AUTHENTICATION.value
    return (ExitCode.PARTIAL_FAILURE if done.waiting or done.refused else ExitCode.SUCCESS).value


def _as_json(kept: Kept) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in type(kept).__dataclass_fields__}


def _print_list(output: Output, kept: list[Kept], waiting: int, refused: int) -> None:
    from qgen_dagster.cli.output import cut, local_time, make_table, short, styled

    if not kept:
        output.note("No report waits.")
        return
    headers = ["run", "says", "made", "tries", "again"]
    rows = [
        [
            short(k.run_id),
            str(k.payload.get("status", "")).replace("_", " "),
            local_time(k.created_at),
            f"{k.attempts:,}",
            "refused" if k.refused_at else local_time(k.next_attempt_at),
        ]
        for k in kept
    ]
    width = output.console.width
    output.show(make_table(headers, rows, width=width, right=["tries"], flexible="says"))
    errors = {k.error: k.run_id for k in kept if k.error}
    for error, run_id in errors.items():
        output.show(styled(f"  {short(run_id)}  {error if width >= _WIDE else cut(error, width - 12)}", "red"))
    output.note(f"{waiting:,} wait, {refused:,} refused")
