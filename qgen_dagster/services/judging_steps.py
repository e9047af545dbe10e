"""What follows for a candidate from a verdict: a move, and what salvage makes of it.

Here: `Step` and how it is found and written, the same for item models and language models. Not here: how a verdict is
come by (`judge.py`, `judge_written.py`), the rules of salvage (`judging/salvage.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate, Move, NewCandidate
from qgen_dagster.core.funnel import CandidateState, Reason
from qgen_dagster.core.question import Question
from qgen_dagster.generation.provider import BatchRequest, ProviderError, Reply
from qgen_dagster.judging.salvage import Salvage, choose_salvage, repaired
from qgen_dagster.judging.verdict import Verdict
from qgen_dagster.services.calls import regeneration_call
from qgen_dagster.services.work import Work


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one candidate: its move, and what salvage made of it."""

    candidate: Candidate
    move: Move
    replacement: NewCandidate | None = None

    @property
    def progresses(self) -> bool:
        """Whether it did not just stay where it was."""
        return self.move.state is not CandidateState.GENERATED or self.move.difficulty is not None


@dataclass(slots=True)
class Regenerations:
    """How many candidates of the run may still be asked for again."""

    left: int

    @classmethod
    def of(cls, work: Work) -> Regenerations:
        """What the run's earlier stages and tries have left."""
        with work.bank.begin() as tx:
            used = candidate_rows.count_salvaged(tx, work.run_id, Salvage.REGENERATION.value)
        return cls(work.max_regenerations - used)

    def take(self) -> bool:
        """Takes one, if any is left."""
        if self.left <= 0:
            return False
        self.left -= 1
        return True


def waits(candidate: Candidate, why: str) -> Step:
    """The step of a candidate that nobody could judge."""
    state = CandidateState.GENERATED
    return Step(candidate, Move(candidate.id, state, state, error=why))


async def next_step(work: Work, candidate: Candidate, verdict: Verdict, regenerations: Regenerations) -> Step:
    """What follows from a verdict. A regeneration makes a call; one that fails leaves the rejection as it is."""
    if verdict.move_to is not None and not candidate.reclassified:
        return Step(candidate, _reclassify(candidate, verdict))
    if verdict.move_to is not None:
        verdict = verdict.model_copy(update={"reason": Reason.OFF_BAND, "move_to": None})
    replacement = await _salvage(work, candidate, verdict, regenerations)
    return Step(candidate, _move(candidate, verdict, superseded=replacement is not None), replacement)


def write_steps(work: Work, steps: Sequence[Step]) -> None:
    """Writes steps in one transaction."""
    with work.bank.begin() as tx:
        candidate_rows.move_candidates(tx, [step.move for step in steps])
        for step in steps:
            if step.replacement is not None:
                c = step.candidate
                candidate_rows.add_candidates(tx, c.run_id, c.batch_id, [step.replacement], c.requested_difficulty)


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


async def _salvage(
    work: Work, candidate: Candidate, verdict: Verdict, regenerations: Regenerations
) -> NewCandidate | None:
    choice = choose_salvage(candidate.question, verdict, already_salvaged=candidate.salvage is not None)
    if choice is Salvage.ANSWER_REPAIR:
        question = repaired(candidate.question, verdict)
        return _replacement(candidate, question, choice) if question else None
    if choice is Salvage.REGENERATION and regenerations.take():
        made = await _regenerate(work, candidate, verdict.feedback)
        return _replacement(candidate, made[0], choice, made[1]) if made else None
    return None


def _replacement(candidate: Candidate, question: Question, choice: Salvage, reply: Reply | None = None) -> NewCandidate:
    return NewCandidate(
        place=candidate.place,
        question=question,
        provider=reply.provider if reply else candidate.provider,
        model=reply.model if reply else candidate.model,
        prompt_version=reply.prompt_version if reply else candidate.prompt_version,
        salvage=choice.value,
        parent_candidate_id=candidate.id,
    )


async def _regenerate(work: Work, candidate: Candidate, feedback: str) -> tuple[Question, Reply] | None:
    """Another question in the candidate's place with its reply, or None when the provider has none."""
    provider = work.provider_for(candidate.stratum)
    request = BatchRequest(
        candidate.stratum,
        1,
        f"{work.seed}/again/{candidate.id}",
        candidate.place,
        instead_of=candidate.question,
        feedback=feedback,
    )
    call = regeneration_call(candidate.id, candidate.batch_id)
    try:
        reply = await work.calls.caller.call(call, provider.routes(request))
        parsed = provider.parse(reply, request)
    except ProviderError:
        return None
    return (parsed.questions[0], reply) if parsed.questions else None
