"""What the asset of a stage has in common: its strata, an orderly end when asked to stop, its metadata.

Not here: any asset.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, TypeVar
from uuid import UUID

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError

from qgen_dagster.core.errors import RunInterrupted
from qgen_dagster.core.funnel import Funnel
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.defs.interrupts import stop_on_interrupt
from qgen_dagster.defs.metadata import samples_metadata
from qgen_dagster.defs.partitions import strata_of
from qgen_dagster.defs.resources import RunResource
from qgen_dagster.services import stage_report
from qgen_dagster.services.bank_audit import AuditRun
from qgen_dagster.services.drill_runs import SeriesRun
from qgen_dagster.services.runs import RunSession

GROUP = "questions"
Session = TypeVar("Session", RunSession, SeriesRun, AuditRun, covariant=True)
# Which partitions belong to one run decides isolation: a backfill makes one run per stratum.
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)


class HasSession(Protocol[Session]):
    """A resource that holds a run, which can be asked to stop and remembers what went wrong."""

    @property
    def session(self) -> Session: ...

    def stop(self) -> None: ...


@contextmanager
def at_work(run: HasSession[Session]) -> Iterator[Session]:
    """The run's session; a stop request ends the block in good order, and an error is remembered for the run's row.

    Raises DagsterExecutionInterruptedError when the stage stopped on request: Dagster then calls the run canceled,
    where any other error would make it a failure.
    """
    try:
        with stop_on_interrupt(run.stop):
            try:
                yield run.session
            except RunInterrupted as error:
                raise DagsterExecutionInterruptedError from error
    except DagsterExecutionInterruptedError:
        run.session.failed(RunInterrupted("the run was stopped on request"))
        raise
    except BaseException as error:
        run.session.failed(error)
        raise


def partition_strata(context: dg.AssetExecutionContext, run: RunResource) -> tuple[Stratum, ...]:
    """The strata of this execution's partitions that the taxonomy still has and the run's options choose."""
    chosen = set(run.session.work.strata)
    return tuple(s for s in strata_of(run.partition_keys(context), run.settings.taxonomy) if s in chosen)


def stage_result(
    context: dg.AssetExecutionContext,
    run: RunResource,
    run_ids: Sequence[UUID],
    strata: Sequence[Stratum],
    numbers_of: Callable[[Stratum, Funnel], stage_report.Numbers],
    passed: str,
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """The stage's materialisation: each partition that the runs touched with its own numbers and samples.

    A stratum that they left alone has nothing to plot, and each call asks Dagster's database three times. What a run
    made in all is told once, by `generation_runs`: a table of all strata with every partition would grow with their
    square.
    """
    bank = run.session.work.bank
    funnels = stage_report.funnels_of(bank, run_ids, strata)
    touched = {s: f for s, f in funnels.items() if len(strata) == 1 or f.requested or f.reclassified_in}
    samples = stage_report.sample_questions(bank, run_ids, tuple(touched), passed)
    for stratum, funnel in touched.items():
        metadata = {**numbers_of(stratum, funnel), **samples_metadata(samples.get(stratum, []))}
        context.add_asset_metadata(metadata, partition_key=stratum.key)
    return dg.MaterializeResult()


def run_stage(
    context: dg.AssetExecutionContext,
    run: RunResource,
    stage: Callable[[RunSession, Sequence[Stratum], Sequence[UUID]], None],
) -> tuple[tuple[Stratum, ...], list[UUID]]:
    """Runs a stage over this execution's strata; returns them and the runs whose candidates it moved on."""
    strata = partition_strata(context, run)
    with at_work(run) as session:
        run_ids = session.enter(strata)
        reach = _with_neighbours(run, strata) if run_ids == [session.run_id] else strata
        if run_ids:
            stage(session, reach, run_ids)
    return strata, run_ids


def _with_neighbours(run: RunResource, strata: Sequence[Stratum]) -> tuple[Stratum, ...]:
    """Also where a run's own candidates may have been moved to: the next easier and harder stratum of each."""
    taxonomy = run.settings.taxonomy
    return tuple(dict.fromkeys([*strata, *(n for stratum in strata for n in taxonomy.neighbours(stratum))]))
