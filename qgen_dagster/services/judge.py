"""The stage that judges candidates and salvages what can be saved.

It fails closed: a candidate that nobody can judge waits. Not here: the rules (`judging/`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate, Move, NewCandidate
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.funnel import CandidateState, Reason
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.question import Question
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.provider import BatchRequest, ProviderError
from qgen_dagster.judging.salvage import MAX_REGENERATIONS, Salvage, choose_salvage, repaired
from qgen_dagster.judging.solving import NoSolver
from qgen_dagster.judging.verdict import Verdict, judge_procedural
from qgen_dagster.services.calls import regeneration_call
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
        moved = [_judge_stratum(work, stratum, run_ids) for stratum in work.taxonomy.strata if stratum in waiting]
        judged = judged or bool(moved)
        if not any(moved):
            break
    if judged:
        session.keep_up()


@dataclass(frozen=True, slots=True)
class _Step:
    """What becomes of one candidate: its move, and what salvage made of it."""

    candidate: Candidate
    move: Move
    replacement: NewCandidate | None = None


def _judge_stratum(work: Work, stratum: Stratum, run_ids: Sequence[UUID]) -> bool:
    work.check_stop()
    with work.bank.begin() as tx:
        waiting = candidate_rows.in_state(tx, CandidateState.GENERATED, [stratum], run_ids)
        regenerations = MAX_REGENERATIONS - candidate_rows.count_salvaged(tx, work.run_id, Salvage.REGENERATION.value)
    steps: list[_Step] = []
    for candidate in waiting:
        step = _step(work, candidate, may_regenerate=regenerations > 0)
        regenerations -= step.replacement is not None and step.replacement.salvage == Salvage.REGENERATION.value
        steps.append(step)
    with work.bank.begin() as tx:
        _write(tx, steps)
    progressed = [s for s in steps if s.move.state is not CandidateState.GENERATED or s.move.difficulty]
    if waiting:
        work.progress(ProgressEvent("Judged", stratum.key, len(progressed), len(waiting)))
    return bool(progressed)


def _write(tx: Transaction, steps: Sequence[_Step]) -> None:
    candidate_rows.move_candidates(tx, [step.move for step in steps])
    for step in steps:
        if step.replacement is not None:
            c = step.candidate
            candidate_rows.add_candidates(tx, c.run_id, c.batch_id, [step.replacement], c.requested_difficulty)


def _step(work: Work, candidate: Candidate, *, may_regenerate: bool) -> _Step:
    try:
        verdict = judge_procedural(candidate.question, work.taxonomy, min_score=work.options.min_score)
    except NoSolver as error:
        waits = CandidateState.GENERATED
        return _Step(candidate, Move(candidate.id, waits, waits, error=str(error)))
    if verdict.move_to is not None and not candidate.reclassified:
        return _Step(candidate, _reclassify(candidate, verdict))
    if verdict.move_to is not None:
        verdict = verdict.model_copy(update={"reason": Reason.OFF_BAND, "move_to": None})
    replacement = _salvage(work, candidate, verdict, may_regenerate=may_regenerate)
    return _Step(candidate, _move(candidate, verdict, superseded=replacement is not None), replacement)


def _move(candidate: Candidate, verdict: Verdict, *, superseded: bool) -> Move:
    state = CandidateState.APPROVED if verdict.reason is None else CandidateState.REJECTED
    return Move(
        candidate_id=candidate.id,
        expected=CandidateState.GENERATED,
        state=CandidateState.SUPERSEDED if superseded else state,
        reason=verdict.reason,
        arbiter_score=verdict.score,
        judgement=verdict.model_dump(mode="json"),
    )


def _reclassify(candidate: Candidate, verdict: Verdict) -> Move:
    assert verdict.move_to is not None  # noqa: S101 - the caller looked
    return Move(
        candidate_id=candidate.id,
        expected=CandidateState.GENERATED,
        state=CandidateState.GENERATED,
        difficulty=verdict.move_to,
        judgement=verdict.model_dump(mode="json"),
        question=candidate.question.model_copy(update={"difficulty": verdict.move_to}),
    )


def _salvage(work: Work, candidate: Candidate, verdict: Verdict, *, may_regenerate: bool) -> NewCandidate | None:
    choice = choose_salvage(candidate.question, verdict, already_salvaged=candidate.salvage is not None)
    if choice is Salvage.ANSWER_REPAIR:
        question = repaired(candidate.question, verdict)
    elif choice is Salvage.REGENERATION and may_regenerate:
        question = _regenerate(work, candidate)
    else:
        question = None
    if question is None or choice is None:
        return None
    return NewCandidate(
        place=candidate.place,
        question=question,
        provider=candidate.provider,
        model=candidate.model,
        prompt_version=candidate.prompt_version,
        salvage=choice.value,
        parent_candidate_id=candidate.id,
    )


def _regenerate(work: Work, candidate: Candidate) -> Question | None:
    """Another question in the candidate's place, or None when the provider has none."""
    provider = work.provider_for(candidate.stratum)
    request = BatchRequest(candidate.stratum, 1, f"{work.seed}/again/{candidate.id}", candidate.place)
    call = regeneration_call(candidate.id, candidate.batch_id)
    try:
        reply = work.calls.run(work.calls.caller.call(call, provider.routes(request)))
        parsed = provider.parse(reply, request)
    except ProviderError:
        return None
    return parsed.questions[0] if parsed.questions else None
