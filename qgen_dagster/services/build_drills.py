"""Making the drills of a planned series, in independent batches, on the engine that makes questions.

It goes on where it was: batches that have ended stay as they are, and with `retry` those that lack drills are asked
again for these alone. A batch's drills and its end are one transaction; a place in the series is written once, however
often it is made. Not here: the engine (`generation/engine.py`), who designs (`drill_designers.py`), checking answers
(`verify_drills.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from qgen_dagster.bank import drills as rows
from qgen_dagster.bank import positions as position_rows
from qgen_dagster.bank.batches import UNFINISHED
from qgen_dagster.bank.drills import DrillBatchResult, NewDrill, StoredDrillBatch, StoredSeries
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.drills import Curriculum
from qgen_dagster.core.batch import BatchStatus
from qgen_dagster.core.drills import Drill, Position, SeriesStatus, Slot
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.drills.replies import Wanted, read_drills
from qgen_dagster.generation.engine import BatchEngine, BatchOutcome, BatchTask, Delivery
from qgen_dagster.generation.jobs import Jobs, run_all
from qgen_dagster.generation.provider import Reply
from qgen_dagster.services.calls import design_call
from qgen_dagster.services.drill_designers import Asked
from qgen_dagster.services.drill_runs import SeriesRun
from qgen_dagster.services.drill_tokens import counting, measure
from qgen_dagster.services.plan_drills import curriculum_of
from qgen_dagster.services.preflight import preflight

Made = tuple[Slot, Drill]
SHOWN_PROBLEMS = 8  # of an earlier reply, told to whoever is asked again


def build_drills(run: SeriesRun) -> None:
    """Makes what is missing of the series, and says how it stands afterwards.

    Raises ConfigurationError when nobody can design (before anything is recorded), BankBusyError when another process
    is at work on the series, DatabaseError; failing providers only fail their batches.
    """
    run.designers  # noqa: B018 - refuses what cannot be used before anything is recorded
    series = run.series
    run.begin()
    with run.bank.begin() as tx:
        if run.options.retry:
            rows.ask_again(tx, series.id)
        batches = [b for b in rows.list_batches(tx, series.id) if b.status.value in UNFINISHED]
        if not batches:
            return
        rows.start_series(tx, series.id, run.run_id)
        there = {stored.index for stored in rows.list_drills(tx, series.id)}
        positions = position_rows.get_positions(tx, [slot.position_id for b in batches for slot in b.slots])
    curriculum = curriculum_of(series)
    designers = run.designers
    if designers.desk is not None and not run.options.skip_preflight:
        preflight(run, designers.desk, designers.needed_models)
    at_work = {batch.id: _Batch(run, batch, series, curriculum, positions, there) for batch in batches}
    progress = _Progress(run, series)

    def finished(task: BatchTask[Made], outcome: BatchOutcome[Made]) -> None:
        if outcome.error is not None:
            run.provider_stopped(outcome.error.category)
        progress.finished(outcome)

    engine: BatchEngine[Made] = BatchEngine(_Ledger(run.bank, at_work), on_finished=finished)
    jobs = Jobs([*counting(run), *engine.jobs([batch.task() for batch in at_work.values()])])
    run.calls.run(run_all(jobs, run.calls.max_open, run.should_stop))
    _end(run)
    run.keep_up()


def _end(run: SeriesRun) -> None:
    """Says how the series ended: COMPLETED where there is any drill, with a warning for those that are missing."""
    series = run.series
    with run.bank.begin() as tx:
        batches = rows.list_batches(tx, series.id)
        failed = [b for b in batches if b.delivered < b.size]
        warnings = [*series.plan_warnings, *(_warning(batch) for batch in failed)]
        status = SeriesStatus.COMPLETED if series.drills else SeriesStatus.FAILED
        rows.end_series(tx, series.id, status, "; ".join(warnings) or None)
        measure(tx, series, batches)


def _warning(batch: StoredDrillBatch) -> str:
    missing = batch.size - batch.delivered
    why = f" ({batch.error})" if batch.error else ""
    return f"batch {batch.index + 1} lacks {missing} of {batch.size} drills{why}"


class _Batch:
    """A batch at work: which of its drills are still open, and what was wrong with the last reply."""

    def __init__(
        self,
        run: SeriesRun,
        batch: StoredDrillBatch,
        series: StoredSeries,
        curriculum: Curriculum,
        positions: Mapping[str, Position],
        there: set[int],
    ) -> None:
        self._run = run
        self.row = batch
        self._series = series
        self._curriculum = curriculum
        self._positions = {slot.position_id: positions[slot.position_id] for slot in batch.slots}
        self._open = [slot for slot in batch.slots if slot.index not in there]
        self._problems: Sequence[str] = ()
        self.kept = batch.size - len(self._open)

    def task(self) -> BatchTask[Made]:
        """The batch as the engine runs it."""
        return BatchTask(
            id=self.row.id,
            group=str(self._series.id),
            size=len(self._open),
            ask=self._ask,
            read=self._read,
            identity=lambda made: made[0].index,
        )

    async def _ask(self, missing: int, number: int) -> Reply:
        call = design_call(self.row.id, self.row.attempt, [slot.index for slot in self._open], number)
        asked = Asked(self.row.index, self._wanted, self._problems[:SHOWN_PROBLEMS])
        return await self._run.calls.caller.call(call, self._run.designers.routes(asked))

    def _read(self, reply: Reply, missing: int, number: int) -> Delivery[Made]:
        made, self._problems = read_drills(reply.text, self._wanted)
        filled = {slot.index for slot, _ in made}
        self._open = [slot for slot in self._open if slot.index not in filled]
        return Delivery(made, self._problems)

    @property
    def _wanted(self) -> Wanted:
        return Wanted(tuple(self._open), self._positions, self._curriculum, self._series.seed)

    @property
    def complaint(self) -> str | None:
        """What was wrong with the last drills that could not be used."""
        return self._problems[0] if self._open and self._problems else None


class _Ledger:
    """The engine's ledger for drills. See `generation.engine.Ledger`."""

    def __init__(self, bank: Bank, batches: Mapping[UUID, _Batch]) -> None:
        self._bank = bank
        self._batches = batches

    def started(self, task: BatchTask[Made]) -> None:
        """The batch's first call is about to be made."""
        with self._bank.begin() as tx:
            rows.start_batch(tx, task.id)

    def finished(self, task: BatchTask[Made], outcome: BatchOutcome[Made]) -> None:
        """Writes the batch's drills and its end in one transaction, unless it had ended before."""
        batch = self._batches[task.id]
        delivered = batch.kept + len(outcome.items)
        result = DrillBatchResult(
            status=BatchStatus.COMPLETED if delivered else BatchStatus.FAILED,
            calls=outcome.calls,
            delivered=delivered,
            invalid=outcome.invalid,
            error_category=outcome.error.category.value if outcome.error else None,
            error=outcome.error.message if outcome.error else batch.complaint,
        )
        with self._bank.begin() as tx:
            if rows.finish_batch(tx, task.id, result):
                rows.put_drills(tx, batch.row.series_id, task.id, [_new_drill(*item) for item in outcome.items])


def _new_drill(made: Made, reply: Reply) -> NewDrill:
    slot, drill = made
    return NewDrill(slot.index, drill, reply.provider, reply.model, reply.prompt_version)


class _Progress:
    """Tells `Generated 15/25 drills (batch 3/5)` whenever a batch has ended, counted from rows."""

    def __init__(self, run: SeriesRun, series: StoredSeries) -> None:
        self._run = run
        self._series = series
        self._done = series.drills
        with run.bank.begin() as tx:
            stored = rows.list_batches(tx, series.id)
        self._finished = sum(batch.status.value not in UNFINISHED for batch in stored)

    def finished(self, outcome: BatchOutcome[Made]) -> None:
        self._done += len(outcome.items)
        self._finished += 1
        self._run.progress(
            ProgressEvent(
                "Generated",
                str(self._series.id)[:8],
                self._done,
                self._series.planned_drill_count,
                self._finished,
                self._series.batches,
                noun="drills",
                note=outcome.error.message if outcome.error else "",
                group_noun="series",
            )
        )
