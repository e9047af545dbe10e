"""The stage that makes candidates: plan → batches → provider calls → candidates that wait for the judge.

It goes on where it was: batches that have ended stay as they are. Where judging follows in the same run, what a
language model wrote is judged as soon as its batch is there, before further batches are asked for: no call waits for a
stage to end, and a budget is not spent on questions that nobody could judge any more. Not here: the engine itself
(`generation/engine.py`), the plan (`services/inventory.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from qgen_dagster.bank import batches as batch_rows
from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.batches import StoredBatch
from qgen_dagster.core.batch import BatchSpec, BatchStatus, cut_batches, questions_to_request
from qgen_dagster.core.plan import GenerationPlan
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.question import Question, content_hash
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.engine import BatchEngine, BatchOutcome, BatchTask, Delivery
from qgen_dagster.generation.jobs import Jobs, run_all
from qgen_dagster.generation.provider import BatchRequest, Reply
from qgen_dagster.services.budget import RunBudget
from qgen_dagster.services.calls import generation_call
from qgen_dagster.services.judge_written import Judging
from qgen_dagster.services.ledger import QuestionLedger
from qgen_dagster.services.pacing import Pacing, first_guess
from qgen_dagster.services.preflight import preflight
from qgen_dagster.services.runs import RunSession
from qgen_dagster.services.waves import first_calls, in_waves
from qgen_dagster.services.work import Work


def generate(session: RunSession, plan: GenerationPlan) -> None:
    """Makes candidates for every planned stratum.

    Raises ConfigurationError when nobody can serve a planned stratum (before anything is recorded), BankBusyError
    when another run fills one of them, DatabaseError when the bank fails; failing providers only fail their batches.
    """
    work = session.work
    for stratum in plan.strata:
        work.provider_for(stratum)
    session.claim(plan.strata)
    session.begin(plan.total_questions)
    batches = _prepare(work, plan)
    unfinished = [b for b in batches if b.status in (BatchStatus.PENDING, BatchStatus.GENERATING)]
    if not unfinished:
        return
    if work.writers is not None and not work.options.skip_preflight:
        preflight(work, work.writers.desk, work.writers.needed_models({batch.stratum: None for batch in unfinished}))
    progress = _Progress(work, batches)
    ledger = QuestionLedger(work.bank, work.run_id, {b.id: b.stratum.difficulty for b in unfinished})

    jobs = Jobs()
    # Batch jobs of judging want as many candidates as there are; they are made when all questions have come.
    judging = Judging(session) if session.judges_along and work.jobs is None else None

    pacing = _pacing(work, jobs, unfinished) if judging else None
    begin = pacing.add if pacing else jobs.put_last
    batch_over = pacing.over if pacing else lambda: None

    def finished(task: BatchTask[Question], outcome: BatchOutcome[Question]) -> None:
        progress.finished(task, outcome)
        if outcome.error is not None and outcome.status is BatchStatus.FAILED:
            session.provider_stopped(outcome.error.category)
        if judging is not None and any(question.item_model is None for question, _ in outcome.items):
            jobs.put_first([partial(judging.judge_batch, task.id, jobs.put_first, batch_over)])
        else:
            batch_over()

    engine: BatchEngine[Question] = BatchEngine(ledger, on_finished=finished)

    async def run_batch(batch: StoredBatch) -> None:
        await engine.run(_task(work, batch))  # made only now: a run may have many thousands

    # First batches of all strata first, so that a run that is stopped early has something for each.
    unfinished.sort(key=lambda b: b.index)
    for group in in_waves(session, unfinished, lambda held: first_calls(work, held, partial(_first_request, work))):
        begin([partial(run_batch, batch) for batch in group])
        work.calls.run(run_all(jobs, work.calls.max_open, work.should_stop))
    session.keep_up()


def _pacing(work: Work, jobs: Jobs, batches: Sequence[StoredBatch]) -> Pacing | None:
    """How batches are let go where a budget limits the run; None where nothing does."""
    if not isinstance(work.calls.budget, RunBudget):
        return None
    of_each_stratum = {batch.stratum: _first_request(work, batch) for batch in batches}
    routes = [next(iter(work.provider_for(s).routes(request)), None) for s, request in of_each_stratum.items()]
    guess = first_guess([route for route in routes if route], work.options.batch_size)
    return Pacing(jobs, work.calls.budget, guess)


def _prepare(work: Work, plan: GenerationPlan) -> list[StoredBatch]:
    with work.bank.begin() as tx:
        existing = batch_rows.list_batches(tx, work.run_id)
        if not existing:
            yields = candidate_rows.recent_yields(tx, plan.strata) if plan.strata else {}
            batch_rows.create_batches(
                tx,
                work.run_id,
                (
                    (spec, f"{work.seed}/{spec.stratum.key}/{spec.index}")
                    for stratum in plan.strata
                    for spec in _specs(work, stratum, plan.allocations[stratum], yields.get(stratum))
                ),
            )
            existing = batch_rows.list_batches(tx, work.run_id)
    return existing


def _specs(work: Work, stratum: Stratum, wanted: int, expected_yield: float | None) -> tuple[BatchSpec, ...]:
    return cut_batches(stratum, questions_to_request(wanted, expected_yield), work.options.batch_size)


def _first_request(work: Work, batch: StoredBatch) -> BatchRequest:
    return BatchRequest(batch.stratum, batch.size, batch.seed, batch.index * work.options.batch_size)


def _task(work: Work, batch: StoredBatch) -> BatchTask[Question]:
    provider = work.provider_for(batch.stratum)

    def request(missing: int, call: int) -> BatchRequest:
        return replace(_first_request(work, batch), size=missing, call=call)

    async def ask(missing: int, call: int) -> Reply:
        return await work.calls.caller.call(
            generation_call(batch.id, missing, call), provider.routes(request(missing, call))
        )

    def read(reply: Reply, missing: int, call: int) -> Delivery[Question]:
        parsed = provider.parse(reply, request(missing, call))
        return Delivery(parsed.questions, parsed.problems, parsed.saturated)

    return BatchTask(
        id=batch.id,
        group=batch.stratum.key,
        size=batch.size,
        ask=ask,
        read=read,
        identity=content_hash,
    )


class _Progress:
    """Counts what has come per stratum, from the batches of this and earlier tries of the run."""

    def __init__(self, work: Work, batches: Sequence[StoredBatch]) -> None:
        self._tell = work.progress
        self._totals: Counter[str] = Counter()
        self._batches: Counter[str] = Counter()
        self._done: Counter[str] = Counter()
        self._finished: Counter[str] = Counter()
        for b in batches:
            self._totals[b.stratum.key] += b.size
            self._batches[b.stratum.key] += 1
            if b.status in (BatchStatus.COMPLETED, BatchStatus.FAILED):
                self._done[b.stratum.key] += b.delivered
                self._finished[b.stratum.key] += 1

    def finished(self, task: BatchTask[Question], outcome: BatchOutcome[Question]) -> None:
        key = task.group
        self._done[key] += len(outcome.items)
        self._finished[key] += 1
        note = outcome.error.message if outcome.error else "saturated" if outcome.saturated else ""
        self._tell(
            ProgressEvent(
                "Generated",
                key,
                self._done[key],
                self._totals[key],
                self._finished[key],
                self._batches[key],
                note=note,
            )
        )
