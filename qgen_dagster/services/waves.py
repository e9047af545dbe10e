"""Which calls of a stage go into batch jobs, and when the stage can go on with what they are about.

Here: `in_waves`, the calls of generating (`first_calls`) and of judging (`next_calls`). Judging takes two jobs: one for
the first two solvers, one for what follows from them, the third solver or the arbiter. What comes after that is little,
and each further job may take a day: it is asked for online. Not here: the jobs (`batch_jobs.py`), the stages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeVar
from uuid import UUID

from qgen_dagster.bank import journal
from qgen_dagster.bank.batches import StoredBatch
from qgen_dagster.bank.candidates import Candidate
from qgen_dagster.generation.calls import Call, Route
from qgen_dagster.generation.provider import BatchRequest, ProviderError, Reply
from qgen_dagster.services.batch_jobs import Wanted
from qgen_dagster.services.calls import SOLVE, generation_call
from qgen_dagster.services.journal import reply_of

if TYPE_CHECKING:
    from qgen_dagster.services.runs import RunSession
    from qgen_dagster.services.work import Work

THIRD = 2  # the place of the solver who is asked when the first two disagree


class Unit(Protocol):
    """What a stage works on: a batch of questions, a candidate."""

    @property
    def id(self) -> UUID: ...


U = TypeVar("U", bound=Unit)
CallsOf = Callable[[Sequence[U]], Mapping[UUID, Sequence[Wanted]]]


def in_waves(session: RunSession, units: Sequence[U], calls_of: CallsOf[U]) -> Iterator[Sequence[U]]:
    """The units in groups, each as soon as no batch job holds a call that it needs.

    `calls_of` names the calls that units need now and the journal has no reply to; it is asked again when a job has
    ended. Units whose jobs nobody waits for are left out: a later attempt finds them. Online, all come at once.
    """
    jobs = session.work.jobs
    if jobs is None:
        yield units
        return
    if session.work.writers is None:
        jobs.tell_once("no language model has a key: no batch jobs are handed in")
    run, held = session.work.calls.run, list(units)
    while held:
        wanted = calls_of(held)
        run(jobs.hand_in([one for unit in held for one in wanted[unit.id]]))
        waiting = {unit.id for unit in held if any(jobs.holds(one.call.digest) for one in wanted[unit.id])}
        ready = [unit for unit in held if unit.id not in waiting]
        held = [unit for unit in held if unit.id in waiting]
        if ready:
            yield ready
        if held and not run(jobs.wait(session.keep_up)):
            break
    for category in jobs.stopped_by():
        session.provider_stopped(category)


def first_calls(
    work: Work, batches: Sequence[StoredBatch], request_of: Callable[[StoredBatch], BatchRequest]
) -> dict[UUID, list[Wanted]]:
    """The first call of each batch that has got no reply yet."""
    calls = {batch.id: generation_call(batch.id, batch.size, 1) for batch in batches}
    with work.bank.begin() as tx:
        stored = journal.find_replies(tx, [call.digest for call in calls.values()])
    wanted: dict[UUID, list[Wanted]] = {}
    for batch in batches:
        call = calls[batch.id]
        if call.digest in stored:
            wanted[batch.id] = []
            continue
        routes = work.provider_for(batch.stratum).routes(request_of(batch))
        wanted[batch.id] = [Wanted(call, next(iter(routes), None))]
    return wanted


def next_calls(work: Work, candidates: Sequence[Candidate]) -> dict[UUID, list[Wanted]]:
    """The calls that judging each candidate needs next, as far as they are worth a batch job.

    A candidate that was moved or salvaged is one of few, late in a run; it is judged online.
    """
    with work.bank.begin() as tx:
        entries = journal.replies_about(tx, [candidate.id for candidate in candidates])
    replies = {digest: reply for digest, entry in entries.items() if (reply := reply_of(entry)) is not None}

    async def look() -> dict[UUID, list[Wanted]]:
        return {candidate.id: await _Rehearsal(replies).calls_for(work, candidate) for candidate in candidates}

    return work.calls.run(look())


class _NotThere(Exception):
    """The rehearsal ends here: the next reply has not come yet."""


class _Rehearsal:
    """Judges a candidate with the replies that are there, and notes what would be asked then."""

    def __init__(self, replies: Mapping[str, Reply]) -> None:
        self._replies = replies
        self._wanted: list[Wanted] = []
        self._asked_third = False

    async def calls_for(self, work: Work, candidate: Candidate) -> list[Wanted]:
        """The calls that could be made now."""
        if work.writers is None or candidate.salvage is not None or candidate.reclassified:
            return []
        panel = work.writers.panel(candidate, self._answer)
        if panel is None:
            return []
        with contextlib.suppress(_NotThere, ProviderError):
            await panel.judge(candidate.question, str(candidate.id))
        return self._wanted

    async def _answer(self, call: Call, routes: Sequence[Route], which: int, again: int) -> Reply:
        # Nothing is waited for here, so both of two calls that are made at once come to be noted.
        self._asked_third = self._asked_third or (call.purpose == SOLVE and which == THIRD)
        reply = self._replies.get(call.digest)
        if reply is not None:
            return reply
        if again == 0 and (call.purpose == SOLVE or (which == 0 and not self._asked_third)):
            self._wanted.append(Wanted(call, next(iter(routes), None)))
        raise _NotThere
