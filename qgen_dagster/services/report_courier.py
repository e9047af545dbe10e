"""What goes on beside a run: signs of life, and sending its reports.

Here: `Courier`, a thread that lives as long as the run and is never waited for longer than a few seconds. Not here:
what is recorded (`run_reporter.py`), how a report is sent (`report_delivery.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Event, Thread
from uuid import UUID

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.reporting import Reporting
from qgen_dagster.services.report_delivery import deliver_due, deliver_run

log = logging.getLogger("qgen_dagster.reports")
PATIENCE = 5.0  # seconds that the end of a run waits for its last report
LOOK = 5.0  # seconds between two looks at reports that are to be sent again


class Courier:
    """One thread. Nothing that goes wrong in it reaches the run."""

    def __init__(
        self,
        bank: Bank,
        reporting: Reporting | None,
        beat: Callable[[], None],
        *,
        every: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._bank = bank
        self._reporting = reporting
        self._beat = beat
        self._every = every.total_seconds()
        self._clock = clock
        self._own: list[UUID] = []
        self._thread: Thread | None = None
        self._woken = Event()
        self._ending = Event()
        self._warned = False

    def start(self, run_id: UUID) -> None:
        """From now on the run's reports are sent, and it is asked for signs of life."""
        if run_id not in self._own:
            self._own.append(run_id)
        if self._thread is None:
            # A process that ends need not wait for a slow server: what it has not answered is sent again later.
            self._thread = Thread(target=self._work, name="qgen-reports", daemon=True)
            self._thread.start()

    def wake(self) -> None:
        """There is something to send."""
        self._woken.set()

    def finish(self) -> None:
        """Sends what is left of these runs' reports, for a few seconds at most."""
        if self._thread is None:
            return
        self._ending.set()
        self._woken.set()
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            log.warning("a report is still under way; if it does not arrive, it is sent again later")

    def _work(self) -> None:
        next_beat = time.monotonic() + self._every
        while not self._ending.is_set():
            waiting = self._try(self._deliver)
            until_beat = max(0.0, next_beat - time.monotonic())
            self._woken.wait(min(until_beat, LOOK) if waiting else until_beat)
            self._woken.clear()
            if time.monotonic() >= next_beat and not self._ending.is_set():
                self._try(self._beat)
                next_beat = time.monotonic() + self._every
        self._try(self._deliver_last)

    def _deliver(self) -> bool:
        if self._reporting is None:
            return False
        done = deliver_due(self._bank, self._reporting, self._clock, should_stop=self._ending.is_set)
        self._warn(done.error)
        return done.waiting > 0

    def _deliver_last(self) -> None:
        if self._reporting is None:
            return
        for run_id in self._own:
            done = deliver_run(self._bank, self._reporting, run_id, self._clock, anyway=True)
            self._warn(done.error)
            if done.failed:
                return

    def _warn(self, error: str | None) -> None:
        if error is not None and not self._warned:
            self._warned = True  # once: the run has better things to say
            log.warning("a run's report was not taken: %s. It is kept: qgen reports pending", error)

    def _try(self, work: Callable[[], bool | None]) -> bool:
        try:
            return bool(work())
        except Exception:
            log.warning("reports could not be seen to", exc_info=True)
            return True
