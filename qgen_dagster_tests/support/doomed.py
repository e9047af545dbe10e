"""`qgen` in a process of its own that meets its end, or something else, at a chosen moment.

    python -m qgen_dagster_tests.support.doomed MOMENT WHAT CALLS -- auto-balance --fill …

MOMENT names a place in the chain (`MOMENTS`, `JOB_MOMENTS`), WHAT is `kill` (SIGKILL), `interrupt` (Ctrl-C), `wait`
(until the file CALLS.go exists) or `nothing`. Every call of the provider is noted in the file CALLS, one line each;
`noting_calls` does so in the test's own process. Not here: what must hold afterwards (`integration/test_kill.py`,
`integration/test_kill_jobs.py`).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qgen_dagster.generation.provider import BatchRequest, Reply
from qgen_dagster.generation.providers.procedural import ProceduralProvider


@dataclass(frozen=True)
class Moment:
    """A call of a function, by its module and name; the `nth` call counts, before or after the function's own work."""

    module: str
    name: str
    after: bool = False
    nth: int = 1


_LEDGER = "qgen_dagster.services.ledger:QuestionLedger"
_ASSETS = "qgen_dagster.defs.assets.bank"
MOMENTS = {
    "before the run is recorded": Moment("qgen_dagster.services.inventory", "plan_run"),
    "before the first call": Moment(_LEDGER, "started"),
    "after a reply, before its batch is finished": Moment(_LEDGER, "finished"),
    "after a batch is finished": Moment(_LEDGER, "finished", after=True, nth=2),
    "in the middle of judging": Moment("qgen_dagster.services.judge", "_step", nth=7),
    "between judging and deduplication": Moment(_ASSETS, "deduplicate"),
    "inside the deduplication's transaction": Moment("qgen_dagster.services.deduplicate", "_write", after=True),
    "between deduplication and insertion": Moment(_ASSETS, "insert"),
    "inside an insertion's transaction": Moment("qgen_dagster.services.insert", "_insert_rows", after=True),
    "after the insertion, before the row is closed": Moment("qgen_dagster.services.run_reporter", "close_run"),
    "after the row is closed, before Dagster knows": Moment("qgen_dagster.services.quality", "latest_record"),
}

_JOBS = "qgen_dagster.services.batch_jobs:BatchJobs"
# Moments of a run in batch mode.
JOB_MOMENTS = {
    "when a job is on record, before it is handed in": Moment(_JOBS, "_submit"),
    "when a job was handed in, before its id is stored": Moment(_JOBS, "_arrived"),
    "when a job's id is stored, before it is collected": Moment(_JOBS, "_note"),
    "inside the transaction that collects a job": Moment("qgen_dagster.bank.journal", "record_calls", after=True),
    "when a job is collected, before its batches end": Moment(_LEDGER, "finished"),
    "when a job of judging was handed in": Moment(_JOBS, "_arrived", nth=2),
}


@contextmanager
def noting_calls(file: Path) -> Iterator[None]:
    """Notes every call of the provider of this process."""
    ask = ProceduralProvider.generate

    async def noted(self: ProceduralProvider, request: BatchRequest) -> Reply:
        with file.open("a") as notes:
            notes.write(f"{request.seed} {request.first_place} {request.call}\n")
        return await ask(self, request)

    ProceduralProvider.generate = noted  # type: ignore[method-assign]
    try:
        yield
    finally:
        ProceduralProvider.generate = ask  # type: ignore[method-assign]


def at(moment: Moment, act: Callable[[], None]) -> None:
    """Has `act` called at the moment."""
    module, _, owner = moment.module.partition(":")
    place: Any = importlib.import_module(module)
    place = getattr(place, owner) if owner else place
    own = getattr(place, moment.name)
    calls = 0

    def wrapped(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        now = calls == moment.nth
        if now and not moment.after:
            act()
        result = own(*arguments, **options)
        if now and moment.after:
            act()
        return result

    setattr(place, moment.name, wrapped)


def _act(what: str, calls: Path) -> None:
    if what == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
    elif what == "wait":
        calls.with_suffix(".here").touch()
        while not calls.with_suffix(".go").exists():
            time.sleep(0.05)


def main() -> None:
    """Arms the moment, then is `qgen`."""
    moment, what, file, _, *arguments = sys.argv[1:]
    calls = Path(file)
    if what != "nothing":
        at({**MOMENTS, **JOB_MOMENTS}[moment], lambda: _act(what, calls))
    from qgen_dagster.cli.main import main as qgen

    sys.argv = ["qgen", *arguments]
    with noting_calls(calls):
        qgen()


if __name__ == "__main__":
    main()
