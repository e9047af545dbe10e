"""Sending reports about runs to another installation's admin API: in order per run, until it has them.

What was sent and not answered is sent again: the API knows a report by its run's id and time, and takes it once. Not
here: the outbox (`bank/outbox.py`), what a report says (`run_reporter.py`), when to send (`report_courier.py`, the
sensor `late_reports`, `qgen reports flush`).
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from qgen_dagster.bank import outbox
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.reporting import Reporting
from qgen_dagster.services.work import now

TIMEOUT = 10.0  # seconds for connecting, and for each part of an answer; for the whole answer too
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=5), timedelta(hours=1)
MAX_FAILURES = 3  # in a row, for whichever runs: then nobody is there
# The report's own fault, and after how many tries it counts as refused: a conflict may pass, as when the run is removed
# there at this moment; what cannot be read will not be read another time either.
REFUSED_AFTER = {400: 1, 413: 1, 415: 1, 422: 1, 409: 3}
_MAX_ANSWER = 64 * 1024
_MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one report. Without error it was taken. `refused_after`: so many tries are enough."""

    error: str | None = None
    refused_after: int | None = None
    unauthorized: bool = False
    retry_after: float = 0.0  # seconds


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of several reports; `error` is the last one met. `waiting`: still to be sent, of any run."""

    delivered: int = 0
    refused: int = 0
    failed: int = 0
    waiting: int = 0
    error: str | None = None
    unauthorized: bool = False

    def __add__(self, other: Delivery) -> Delivery:
        return Delivery(
            self.delivered + other.delivered,
            self.refused + other.refused,
            self.failed + other.failed,
            other.waiting,
            other.error or self.error,
            self.unauthorized or other.unauthorized,
        )


def deliver_due(
    bank: Bank,
    reporting: Reporting,
    clock: Callable[[], datetime] = now,
    *,
    anyway: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Delivery:
    """Sends what is due of every run. `anyway`: also what waits after a failure.

    A run whose report fails or is refused holds no other one up, except that three failures in a row end it.
    """
    done, in_a_row = Delivery(), 0
    tried: set[UUID] = set()
    while in_a_row < MAX_FAILURES and not should_stop():
        with bank.begin() as tx:
            due = [run_id for run_id in outbox.due_runs(tx, clock(), anyway=anyway) if run_id not in tried]
        if not due:  # asked again after each round: a later round may go once its first one is there
            break
        for run_id in due:
            tried.add(run_id)
            part = deliver_run(bank, reporting, run_id, clock, anyway=anyway, should_stop=should_stop)
            done += part
            in_a_row = in_a_row + 1 if part.failed else 0
            if in_a_row >= MAX_FAILURES or should_stop():
                break
    with bank.begin() as tx:
        waiting, _ = outbox.count_kept(tx)
    return done + Delivery(waiting=waiting)


def deliver_run(
    bank: Bank,
    reporting: Reporting,
    run_id: UUID,
    clock: Callable[[], datetime] = now,
    *,
    anyway: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> Delivery:
    """Sends a run's reports, oldest first, until none is left or one does not arrive. One process does so at a time."""
    done = Delivery()
    with outbox.delivering(bank, run_id) as alone:
        while alone and not done.failed and not (done.delivered and should_stop()):
            with bank.begin() as tx:
                kept = outbox.start_attempt(tx, run_id, clock(), anyway=anyway)
            if kept is None:
                break
            answer = send(reporting, kept.payload)
            with bank.begin() as tx:
                done += _note(tx, kept, answer, clock())
    return done


def _note(tx: Any, kept: outbox.Kept, answer: Answer, at: datetime) -> Delivery:
    if answer.error is None:
        outbox.delivered(tx, kept.id, at)
        return Delivery(delivered=1)
    if answer.refused_after is not None and kept.attempts >= answer.refused_after:
        outbox.refused(tx, kept.id, answer.error, at)
        return Delivery(refused=1, error=answer.error)
    pause = max(pause_after(kept.attempts), timedelta(seconds=min(answer.retry_after, LONGEST_PAUSE.total_seconds())))
    outbox.failed(tx, kept.id, answer.error, at + pause)
    return Delivery(failed=1, error=answer.error, unauthorized=answer.unauthorized)


def pause_after(attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * float(2 ** min(attempts - 1, 20)))


def send(reporting: Reporting, payload: Mapping[str, Any]) -> Answer:
    """Sends one report once. A redirect is not followed: the key is for this address alone."""
    try:
        status, retry_after, body = _post(reporting, json.dumps(payload).encode())
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(f"no answer from {_host(reporting)}: {_line(error)}")
    return read_answer(status, body, str(payload["id"]), retry_after)


def read_answer(status: int, body: bytes, run_id: str, retry_after: float = 0.0) -> Answer:
    """What an answer says; pure. What is not clearly a yes or a no counts as none, and the report is sent again."""
    said = _json(body)
    if status in (200, 201):
        if str(said.get("id", "")).lower() == run_id.lower() and said.get("outcome"):
            return Answer()
        return Answer(f"{status}, but the answer is not one of the admin API")
    told = f"{status} {_line(_reason(said) or http.client.responses.get(status, ''))}".strip()
    if status in (401, 403):
        return Answer(f"{told} (see QGEN_SERVICE_KEY)", unauthorized=True)
    return Answer(told, refused_after=REFUSED_AFTER.get(status), retry_after=retry_after)


def _post(reporting: Reporting, body: bytes) -> tuple[int, float, bytes]:
    parts = urlsplit(reporting.url)
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(str(parts.hostname), parts.port, timeout=TIMEOUT)
    headers = {"Content-Type": "application/json", "Accept": "application/json", "User-Agent": "qgen"}
    if reporting.key is not None:
        headers["X-Service-Key"] = reporting.key
    deadline = time.monotonic() + TIMEOUT
    try:
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        content = b""
        while len(content) < _MAX_ANSWER and (part := answer.read1(_MAX_ANSWER)):
            content += part
            if time.monotonic() > deadline:
                raise TimeoutError("the answer took too long")
        return answer.status, _seconds(answer.getheader("Retry-After")), content
    finally:
        connection.close()


def _json(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _reason(said: Mapping[str, Any]) -> str:
    """What problem details say, with the first field that is named."""
    detail = str(said.get("detail") or said.get("title") or "")
    errors = said.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    named = ": ".join(str(first[name]) for name in ("where", "message") if first.get(name))
    return f"{detail} {named}".strip()


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 8 else 0.0


def _host(reporting: Reporting) -> str:
    return urlsplit(reporting.url).netloc


def _line(text: object) -> str:
    said = str(text) or type(text).__name__
    return " ".join("".join(c if c.isprintable() else " " for c in said).split())[:_MAX_ERROR]
