"""Recording runs: the pipeline's only way to do so, in the bank and, where wanted, with another installation too.

Here: `RunReporter`, and what a report says. The row is the pipeline's own truth. A
report of it goes into the outbox in the same transaction, so whatever becomes of the other side, or of this process,
the run goes on and nothing is lost. Not here: sending reports (`report_delivery.py`), the row's numbers
(`run_closing.py`), claims and stages (`runs.py`), reports that arrive here from elsewhere (`run_reports.py`).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from threading import Lock
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from qgen_dagster.bank import outbox
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.config.reporting import Reporting
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.services.report_courier import Courier
from qgen_dagster.services.run_closing import close_run, refresh_run, settle_run
from qgen_dagster.tracking.run_schemas import BREAKDOWNS, SCALARS, QuestionGenerationRunCreate

log = logging.getLogger("qgen_dagster.reports")
BEAT = timedelta(seconds=30)  # how often a run shows a sign of life, whatever its stage is doing
_MAX_TEXT = 4_000
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class RunReporter:
    """Records one run: that it has begun, that it lives, how it ended. Each is one transaction.

    From `begin` to `finish` a thread shows signs of life and sends reports; it never holds the run up, and what goes
    wrong in it never reaches the run.
    """

    def __init__(
        self, bank: Bank, reporting: Reporting | None, clock: Callable[[], datetime], *, beat: timedelta = BEAT
    ) -> None:
        self._bank = bank
        self._reporting = reporting
        self._clock = clock
        self._lock = Lock()  # a sign of life must not overtake the end
        self._courier = Courier(bank, reporting, self._beat, every=beat, clock=clock)
        self._run_id: UUID | None = None

    def begin(self, run_id: UUID, values: Mapping[str, Any]) -> None:
        """Writes the row as running, or opens it again."""
        at = self._clock()
        with self._lock, self._bank.begin() as tx:
            run_rows.create_run(tx, run_id, at, {**values, "heartbeat_at": at})
            if self._reporting is not None:
                tell(tx, run_id, at)
        self._run_id = run_id
        self._courier.start(run_id)

    def keep_up(self) -> None:
        """Brings the row's numbers up to date and shows a sign of life."""
        with self._lock:
            if self._run_id is None:
                return
            at = self._clock()
            with self._bank.begin() as tx:
                refresh_run(tx, self._run_id, heartbeat_at=at)
                tell_again(tx, self._run_id, at)
        self._courier.wake()

    def close(self, error: BaseException | None = None, stopped_by: ErrorCategory | None = None) -> None:
        """Closes the row truthfully: by its funnel, or by the error that ended the run."""
        with self._lock:
            if self._run_id is None:
                return
            at = self._clock()
            with self._bank.begin() as tx:
                close_run(tx, self._run_id, at, error, stopped_by)
                tell_again(tx, self._run_id, at)
            self._run_id = None

    def close_as(self, ending: Callable[[Transaction, datetime], Mapping[str, Any]]) -> None:
        """Closes the row of a run that makes no questions; `ending` is given the time when it began, and says how."""
        with self._lock:
            if self._run_id is None:
                return
            at = self._clock()
            with self._bank.begin() as tx:
                refresh_run(tx, self._run_id)
                row = run_rows.get_run(tx, self._run_id)
                if row is not None:
                    run_rows.update_run(tx, self._run_id, ending(tx, row["started_at"]))
                    tell_again(tx, self._run_id, at)
            self._run_id = None

    def settle(self, run_id: UUID) -> None:
        """Brings the row of a run that has ended up to date, after this one moved its leftover candidates on."""
        at = self._clock()
        with self._bank.begin() as tx:
            settle_run(tx, run_id)
            tell_again(tx, run_id, at)
        if self._reporting is not None:
            self._courier.start(run_id)

    def finish(self) -> None:
        """Sends what is left, for a few seconds at most; the rest stays in the outbox."""
        self._courier.finish()

    def _beat(self) -> None:
        self.keep_up()


def tell(tx: Transaction, run_id: UUID, at: datetime) -> None:
    """Puts what the run's row says into the outbox. Whatever is wrong with that, the run's own record stands."""
    try:
        row = run_rows.get_run(tx, run_id)
        if row is not None:
            _put(tx, row, at)
    except Exception:
        log.warning("run %s: its report could not be written", run_id, exc_info=True)


def tell_again(tx: Transaction, run_id: UUID, at: datetime) -> None:
    """The same for a run whose beginning was told: whoever was told of it is told how it goes on."""
    if outbox.is_told(tx, run_id):
        tell(tx, run_id, at)


def report_of(row: Mapping[str, Any], at: datetime, *, with_parent: bool = True) -> QuestionGenerationRunCreate:
    """What a run's row says, as a report made at that time. Raises ValidationError where no report can say it."""
    said = {name: row[name] for name in ("id", *SCALARS, *BREAKDOWNS)}
    said |= {name: _printable(said[name]) for name in ("error", "stop_reason", "host") if said[name]}
    # Of two reports the later one counts: a row that is settled after its end is told anew.
    said["heartbeat_at"] = max(at, row["heartbeat_at"] or at)
    if not with_parent:
        said["parent_run_id"] = None
    return QuestionGenerationRunCreate.model_validate(said)


def _put(tx: Transaction, row: Mapping[str, Any], at: datetime) -> None:
    parent = row["parent_run_id"]
    with_parent = parent is not None and outbox.is_told(tx, parent)  # a parent that nobody there knows is refused
    try:
        payload = report_of(row, at, with_parent=with_parent).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        short = {"id": str(row["id"]), "status": row["status"]}
        outbox.put(tx, row["id"], short, at, refused=f"no report can say this: {where}: {first['msg']}"[:500])
        return
    outbox.put(tx, row["id"], payload, at)


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\ufffd", text)[:_MAX_TEXT]
