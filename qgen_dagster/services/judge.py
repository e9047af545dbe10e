"""The stage that judges candidates and salvages what can be saved.

It fails closed: a candidate that nobody can judge waits. Items of item models are judged here by rules and their own
solver; what language models wrote goes to `judge_written.py`. Not here: the rules (`judging/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.judging.solving import NoSolver
from qgen_dagster.judging.verdict import judge_procedural
from qgen_dagster.services.judge_written import judge_written_candidates
from qgen_dagster.services.judging_steps import Regenerations, Step, next_step, waits, write_steps
from qgen_dagster.services.runs import RunSession
from qgen_dagster.services.work import Work

# A candidate can be moved once and salvaged once; each makes one more pass.
MAX_PASSES = 4


def judge(session: RunSession, strata: Sequence[Stratum], run_ids: Sequence[UUID]) -> None:
    """Judges every waiting candidate of the runs in the strata, with salvage, until none is left that can be judged."""
    work = session.work
    judged = False
    for _ in range(MAX_PASSES):
        with work.bank.begin() as tx:
            waiting = candidate_rows.strata_in_state(tx, CandidateState.GENERATED, run_ids) & set(strata)
        moved = [_judge_items(work, stratum, run_ids) for stratum in work.taxonomy.strata if stratum in waiting]
        moved.append(judge_written_candidates(session, tuple(waiting), run_ids) if waiting else False)
        judged = judged or bool(waiting)
        if not any(moved):
            break
    if judged:
        session.keep_up()


def _judge_items(work: Work, stratum: Stratum, run_ids: Sequence[UUID]) -> bool:
    """Judges the items of item models of one stratum; whether any moved on."""
    regenerations = Regenerations.of(work)
    progressed, total = 0, 0
    for page in candidate_rows.pages_in_state(work.bank.begin, CandidateState.GENERATED, [stratum], run_ids):
        work.check_stop()
        items = [candidate for candidate in page if candidate.question.item_model is not None]
        steps = [_step(work, candidate, regenerations) for candidate in items]
        write_steps(work, steps)
        progressed += sum(step.progresses for step in steps)
        total += len(items)
    if total:
        work.progress(ProgressEvent("Judged", stratum.key, progressed, total))
    return progressed > 0


def _step(work: Work, candidate: Candidate, regenerations: Regenerations) -> Step:
    try:
        verdict = judge_procedural(candidate.question, work.taxonomy, min_score=work.options.min_score)
    except NoSolver as error:
        return waits(candidate, str(error))
    return work.calls.run(next_step(work, candidate, verdict, regenerations))
