"""`qgen batch-jobs`: what providers still have to answer, at half the price.

Not here: the rows (`bank/job_list.py`), handing in and collecting (`services/batch_jobs.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qgen_dagster.cli.app import Command, make_app
from qgen_dagster.cli.flags import CommonFlags, LimitFlag, with_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qgen_dagster.bank.job_list import ListedJob
    from qgen_dagster.cli.output import Output

LIST_EXAMPLES = """
Examples:
  qgen batch-jobs list --open
  qgen batch-jobs list --run 3f2a91c0 --json
"""
CANCEL_EXAMPLES = """
Examples:
  qgen batch-jobs cancel 8d1c20aa
  qgen resume                        take what was answered, ask for the rest online
"""

app = make_app(help="List the batch jobs at providers, or cancel one.")


@app.command("list", cls=Command, epilog=LIST_EXAMPLES)
@with_flags
def list_(
    common: CommonFlags,
    run: Annotated[str | None, typer.Option(metavar="ID", help="Only of this run (its first characters do).")] = None,
    open_: Annotated[bool, typer.Option("--open", help="Only jobs that are not over.")] = False,
    limit: LimitFlag = 20,
) -> None:
    """List batch jobs, newest first: what for, how far, and what they may cost at most.

    How far a job is was last asked when somebody waited for it: a run, or Dagster's sensor.
    """
    from qgen_dagster.bank.job_list import list_jobs
    from qgen_dagster.cli.output import Output
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services.database import open_bank
    from qgen_dagster.services.recovery import resolve_run_id

    output = Output(as_json=common.json)
    with open_bank(load_settings()) as bank:
        run_id = resolve_run_id(bank, run) if run else None
        with bank.begin() as tx:
            found = list_jobs(tx, run_id=run_id, open_only=open_, limit=limit)
    output.json({"batch_jobs": [_as_json(job) for job in found]})
    if not common.json:
        _print_list(output, found)


@app.command(cls=Command, epilog=CANCEL_EXAMPLES)
@with_flags
def cancel(
    common: CommonFlags,
    job: Annotated[str, typer.Argument(help="A job's id (its first characters do), or the provider's.")],
) -> None:
    """Ask the provider to end a batch job. What it has answered by then is paid for, and is kept."""
    from qgen_dagster.cli.output import Output, short
    from qgen_dagster.config.settings import load_settings
    from qgen_dagster.services import job_desk
    from qgen_dagster.services.database import open_bank

    settings = load_settings()
    with open_bank(settings) as bank:
        chosen = job_desk.find_job(bank, job)
        status = job_desk.cancel(bank, settings.provider_environment, chosen)
    output = Output(as_json=common.json)
    output.json({"id": chosen.id, "run_id": chosen.run_id, "status": status})
    said = "never arrived there" if status is None else f"now {status.value}" if status != "running" else "being ended"
    output.note(f"{chosen.provider} batch {chosen.job_id or chosen.label}: {said}.")
    output.note(f"Take what was answered and go on: qgen resume {short(chosen.run_id)}")


def _as_json(job: ListedJob) -> dict[str, Any]:
    return {name: getattr(job, name) for name in type(job).__dataclass_fields__}


def _print_list(output: Output, found: Sequence[ListedJob]) -> None:
    from qgen_dagster.cli.output import local_time, make_table, money, short

    if not found:
        output.note("No batch jobs.")
        return
    rows = [
        [
            short(job.id),
            short(job.run_id),
            f"{job.provider}/{job.model}",
            f"{job.purpose} {job.done:,}/{job.total:,}",
            job.state.value,
            money(job.worst_usd),
            local_time(job.created_at).partition("-")[2],  # the year says nothing of a job of a day
        ]
        for job in found
    ]
    headers = ["job", "run", "model", "calls", "state", "at most", "since"]
    output.show(make_table(headers, rows, width=output.console.width, right=["at most"], flexible="model"))
    for job in found:
        if job.message:
            output.note(f"{short(job.id)}: {job.message}")
