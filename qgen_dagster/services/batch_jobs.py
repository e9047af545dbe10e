"""Batch jobs of one run: handed in, found again after a crash, waited for, collected; half the price, within a day.

Here: `BatchJobs`. A job is on record before it is handed in, its provider's id before anybody waits, and its results go
to the journal together with its end, as replies to the very calls that would have been made online. So whoever asks for
such a call afterwards finds the reply there, a process can die at any moment, and nothing is handed in or paid for
twice. Not here: which calls go into jobs (`waves.py`), looking after runs that nobody waits for (`job_watch.py`).
"""

from __future__ import annotations

import bisect
import itertools
import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from qgen_dagster.bank import jobs as job_rows
from qgen_dagster.bank import journal
from qgen_dagster.bank.jobs import JobCall, JobEnd, StoredJob
from qgen_dagster.bank.journal import JournalEntry
from qgen_dagster.config.llm import PROCEDURAL
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.job_state import JobState
from qgen_dagster.core.progress import Notice
from qgen_dagster.generation.calls import Call, Offer, Route
from qgen_dagster.generation.llm import Job, JobRequest, JobResult, JobStatus, LlmBatchClient
from qgen_dagster.generation.provider import Fault, ProviderError
from qgen_dagster.services.budget import RunBudget
from qgen_dagster.services.desk import Desk
from qgen_dagster.services.journal import Asked, error_entry, reply_entry

if TYPE_CHECKING:
    from qgen_dagster.services.work import Work

# Seconds between two looks at the jobs: soon at first, then ever longer. Asked to stop, a run stops within a slice.
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 60.0
SLICE = 0.5
# Of one job: below what any provider takes (20 MB at Google), so that nothing is refused for its size.
MOST_CALLS = 10_000
MOST_BYTES = 12_000_000
# An answer that says for certain that the job was not taken. After any other error it may have been.
_REFUSED = frozenset(
    {
        ErrorCategory.INVALID_REQUEST,
        ErrorCategory.AUTHENTICATION,
        ErrorCategory.BILLING_QUOTA,
        ErrorCategory.RATE_LIMIT,
        ErrorCategory.MODEL_ERROR,
    }
)
# How a call of a job ends that was never made: expired, cancelled.
_NOT_MADE = frozenset({Fault.TIMEOUT, Fault.BLOCKED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that is to be made, and the first choice of whom to ask; None: nobody."""

    call: Call
    route: Route | None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A call with all that a job needs of it."""

    call: Call
    offer: Offer
    prompt_version: str | None

    @property
    def size(self) -> int:
        """About how many bytes it takes within a job."""
        prompt = self.offer.prompt
        return len(json.dumps([prompt.system, prompt.user, prompt.schema])) + 500


class BatchJobs:
    """The jobs of one run. For one event loop, the one of the run's calls."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._rng = random.Random(str(work.run_id))
        with work.bank.begin() as tx:
            found = job_rows.open_jobs(tx, work.run_id)
            # What a job did not bring is asked for online; where that is not wanted, a later attempt hands it in again.
            self._tried = set() if work.options.batch_only else job_rows.tried_digests(tx, work.run_id)
        self._open = {job.id: job for job in found}
        self._in_jobs = {call.digest for job in found for call in job.calls.values()}
        self._postponed: set[str] = set()  # by the budget
        self._unreachable: dict[UUID, ProviderError] = {}
        self._told: set[str] = set()

    def holds(self, digest: str) -> bool:
        """Whether the call is in a job under way, or is to go into one when the budget allows it."""
        return digest in self._in_jobs or (bool(self._open) and digest in self._postponed)

    def stopped_by(self) -> list[ErrorCategory]:
        """Why jobs cannot be asked about, for jobs of which that is so."""
        return [error.category for id_, error in self._unreachable.items() if id_ in self._open]

    def tell_once(self, text: str) -> None:
        """Says something that the operator should know."""
        if text not in self._told:
            self._told.add(text)
            self._work.progress(Notice(text))

    # ── handing in ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def hand_in(self, wanted: Sequence[Wanted]) -> None:
        """Hands in the calls that no job has had yet, one job per provider, model and purpose.

        What the budget has no room for is put off until jobs have ended; what has no batch API is left to be made
        online, and so are the calls of a job that the provider refuses.
        """
        self._postponed.clear()
        groups: dict[tuple[str, str, str], list[_Entry]] = defaultdict(list)
        seen = self._tried | self._in_jobs
        for one in wanted:
            if one.call.digest in seen or one.route is None or one.route.model is None:
                continue
            seen.add(one.call.digest)
            if one.route.offer is None:
                self._goes_online(one.route)
                continue
            entry = _Entry(one.call, one.route.offer(), one.route.prompt_version)
            groups[one.route.provider, one.route.model, one.call.purpose].append(entry)
        for (provider, model, purpose), entries in groups.items():
            for chunk in _chunks(entries):
                await self._hand_in(provider, model, purpose, self._affordable(chunk))

    def _goes_online(self, route: Route) -> None:
        if route.provider != PROCEDURAL:
            self.tell_once(f"{route.model} cannot be asked in batch jobs: its calls are made online")

    def _affordable(self, entries: Sequence[_Entry]) -> list[_Entry]:
        """As many of the first entries as the budget has room for, if even the worst case comes true."""
        budget = self._work.calls.budget
        if not isinstance(budget, RunBudget):
            return list(entries)
        # Each of them with all before it: what `has_room` is asked about only grows.
        room = bisect.bisect_left(
            range(1, len(entries) + 1), True, key=lambda n: not budget.has_room(*_worst_case(entries[:n]))
        )
        self._postponed |= {entry.call.digest for entry in entries[room:]}
        return list(entries[:room])

    async def _hand_in(self, provider: str, model: str, purpose: str, entries: Sequence[_Entry]) -> None:
        if not entries:
            return
        work = self._work
        usd, tokens = _worst_case(entries)
        job = StoredJob(
            id=uuid4(),
            run_id=work.run_id,
            provider=provider,
            model=model,
            purpose=purpose,
            label=f"qgen-{work.run_id.hex[:12]}-{uuid4().hex[:12]}",
            calls={str(place): _job_call(entry) for place, entry in enumerate(entries)},
            created_at=work.clock(),
            worst_usd=usd,
            worst_tokens=tokens,
        )
        try:
            await work.calls.budget.reserve(usd, tokens)
        except ProviderError:  # somebody else has spent it meanwhile
            self._postponed |= {entry.call.digest for entry in entries}
            return
        with work.bank.begin() as tx:
            job_rows.prepare_job(tx, job)
        work.calls.budget.settle(usd, tokens, usd, tokens)  # from here on the row stands for it
        self._open[job.id] = job
        self._in_jobs |= {call.digest for call in job.calls.values()}
        await self._submit(job, [JobRequest(str(n), e.offer.prompt, e.offer.settings) for n, e in enumerate(entries)])

    async def _submit(self, job: StoredJob, requests: Sequence[JobRequest]) -> None:
        """Hands the job in. Where nobody can tell whether it arrived, it stays on record as it is."""
        client, policy = self._client(job.provider), self._work.retry
        for attempt in itertools.count(1):
            try:
                self._arrived(job, await client.submit(requests, label=job.label))
                return
            except ProviderError as error:
                last = error
            refused = not last.was_sent or (last.fault is Fault.STATUS and last.category in _REFUSED)
            if refused and not policy.allows(attempt, last, alone=False):
                break
            await self._pause(policy.delay(attempt, self._rng, last.retry_after))
            if refused:
                continue
            try:
                found = await client.find(job.label, since=job.created_at)
            except ProviderError:
                return
            if found is not None:
                self._arrived(job, found)
                return
            if attempt > policy.max_retries:
                break
        self._finish(job, JobEnd(JobState.FAILED, message=last.message), error=last)

    def _arrived(self, job: StoredJob, found: Job) -> None:
        with self._work.bank.begin() as tx:
            job_rows.record_arrival(tx, job.id, found.id, self._work.clock())
        self._open[job.id] = replace(job, job_id=found.id, state=JobState.RUNNING)

    # ── waiting ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def wait(self, alive: Callable[[], None]) -> bool:
        """Waits until a job is over and its results are in the journal; `alive` is called at each look.

        False when there is nothing to wait for, when no job can be asked about, or when nobody is there to wait and
        none is over. Raises RunInterrupted.
        """
        pause = FIRST_PAUSE
        while True:
            if await self.look():
                return True
            alive()
            if not self._work.waits_for_jobs or self._open.keys() <= self._unreachable.keys():
                return False
            await self._pause(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    async def look(self) -> int:
        """Looks at every job once and collects those that have ended; how many are over now."""
        over = 0
        for job in list(self._open.values()):
            self._work.check_stop()
            over += await self._look_at(job)
        budget = self._work.calls.budget
        if over and isinstance(budget, RunBudget):
            budget.refresh()
        return over

    async def _look_at(self, job: StoredJob) -> bool:
        try:
            client = self._client(job.provider)
            if job.job_id is None:
                found = await client.find(job.label, since=job.created_at)
                if found is None:
                    self._finish(job, JobEnd(JobState.LOST, message="it never arrived"))
                    return True
                self._arrived(job, found)
                job = self._open[job.id]
            assert job.job_id is not None  # noqa: S101 - it has arrived
            now = await client.poll(job.job_id)
            self._unreachable.pop(job.id, None)
            self._note(job, now)
            if now.status is JobStatus.RUNNING:
                return False
            await self._collect(client, job, now)
        except ProviderError as error:
            return self._in_trouble(job, error)
        except ConfigurationError as error:  # its key has been taken away since
            return self._in_trouble(job, ProviderError(ErrorCategory.AUTHENTICATION, error.message))
        return True

    def _note(self, job: StoredJob, now: Job) -> None:
        if now.status is JobStatus.RUNNING:
            # The provider may not have counted yet.
            self.tell_once(f"Waiting for {job.provider} batch {now.id}: {now.done:,}/{len(job.calls):,} done")
        if now.done != job.done:
            with self._work.bank.begin() as tx:
                job_rows.record_progress(tx, job.id, now.done, self._work.clock())
            self._open[job.id] = replace(job, done=now.done)

    def _in_trouble(self, job: StoredJob, error: ProviderError) -> bool:
        """Whether the job is over with this error. One that may pass is waited out; one that will not ends waiting."""
        if error.retryable:
            self.tell_once(f"{error.message}; asking again")
            return False
        if job.job_id is not None and error.category is ErrorCategory.INVALID_REQUEST:
            self._finish(job, JobEnd(JobState.FAILED, message=error.message), error=error)
            return True
        self.tell_once(f"{job.provider} batch {job.job_id or job.label} cannot be asked about: {error.message}")
        self._unreachable[job.id] = error
        return False

    async def _pause(self, seconds: float) -> None:
        while seconds > 0:
            self._work.check_stop()
            step = min(seconds, SLICE)
            await self._work.sleep(step)
            seconds -= step
        self._work.check_stop()

    # ── collecting ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _collect(self, client: LlmBatchClient, job: StoredJob, now: Job) -> None:
        entries: dict[str, JournalEntry] = {}
        if now.status is not JobStatus.FAILED:
            async for result in client.results(now.id):
                call = job.calls.get(result.id)
                entry = self._entry(job, call, result) if call is not None else None
                if entry is not None:
                    entries.setdefault(result.id, entry)
        replies = sum(entry.reply is not None for entry in entries.values())
        end = JobEnd(JobState(now.status.value), replies, len(entries) - replies, now.message)
        self._finish(job, end, list(entries.values()))

    def _entry(self, job: StoredJob, stored: JobCall, result: JobResult) -> JournalEntry | None:
        """What the journal is to hold of a result; nothing of a call that was never made."""
        call = Call(job.purpose, stored.digest, stored.batch_id, stored.candidate_id)
        try:
            return reply_entry(job.run_id, call, self._desk.read_result(job, stored, result), None)
        except ProviderError as error:
            if error.fault in _NOT_MADE:
                return None
            asked = Asked(job.provider, job.model, stored.prompt_version)
            return error_entry(job.run_id, call, asked, error, self._desk.cost_in_job(job, error), None)

    def _finish(
        self,
        job: StoredJob,
        end: JobEnd,
        entries: Sequence[JournalEntry] = (),
        error: ProviderError | None = None,
    ) -> None:
        """Writes the job's end and what it brought in one transaction; a job that had ended before adds nothing."""
        with self._work.bank.begin() as tx:
            if job_rows.finish_job(tx, job.id, end, self._work.clock()):
                known = journal.find_replies(tx, [entry.request_hash for entry in entries])
                journal.record_calls(tx, [entry for entry in entries if entry.request_hash not in known])
        digests = {call.digest for call in job.calls.values()}
        del self._open[job.id]
        self._in_jobs -= digests
        self._unreachable.pop(job.id, None)
        name = f"{job.provider} batch {job.job_id or job.label}"
        why = f" ({end.message})" if end.message else ""
        self.tell_once(f"{name} {end.state.value}: {end.replies:,}/{len(job.calls):,} replies{why}")
        if end.state is JobState.LOST:
            return
        self._tried |= digests
        if self._work.options.batch_only:
            self._withhold(job, end, entries, error)

    def _withhold(
        self, job: StoredJob, end: JobEnd, entries: Iterable[JournalEntry], error: ProviderError | None
    ) -> None:
        """Sees to it that what the job did not bring is not asked for online."""
        whole = error.category if error is not None else ErrorCategory.SERVER_ERROR
        why = f"{job.provider}'s batch job {end.state.value} without it"
        said = {entry.request_hash: entry for entry in entries if entry.error is not None}
        for call in job.calls.values():
            own = said.get(call.digest)
            category = ErrorCategory(own.error_category) if own and own.error_category else whole
            message = f"{own.error if own else why}; only batch jobs are wanted"
            self._work.calls.journal.withhold(call.digest, ProviderError(category, message, fault=Fault.BLOCKED))

    @property
    def _desk(self) -> Desk:
        if self._work.writers is None:
            raise ConfigurationError("no language model has a key any more")
        return self._work.writers.desk

    def _client(self, provider: str) -> LlmBatchClient:
        return self._desk.batch_client(provider)


def _job_call(entry: _Entry) -> JobCall:
    call = entry.call
    return JobCall(call.digest, call.batch_id, call.candidate_id, entry.prompt_version, entry.offer.keep_partial)


def _worst_case(entries: Sequence[_Entry]) -> tuple[Decimal | None, int]:
    prices = [entry.offer.worst_usd for entry in entries]
    known = [usd for usd in prices if usd is not None]
    usd = sum(known, Decimal()) if len(known) == len(prices) else None
    return usd, sum(entry.offer.worst_tokens for entry in entries)


def _chunks(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """The entries in jobs that no provider refuses for their size."""
    chunk: list[_Entry] = []
    size = 0
    for entry in entries:
        if chunk and (len(chunk) == MOST_CALLS or size + entry.size > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(entry)
        size += entry.size
    if chunk:
        yield chunk
