"""Candidates that may be duplicates and may not: an arbiter compares each with the question nearest to it.

Not here: what makes a pair grey (`dedup/compare.py`), the deduplication before (`deduplicate.py`). Without an arbiter,
or when none answers, they wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from functools import partial
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate, Move
from qgen_dagster.bank.locks import lock_type_for_dedup
from qgen_dagster.core.funnel import CandidateState, Reason
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.dedup.check import Checked, DuplicateCheck
from qgen_dagster.dedup.find import remember_accepted
from qgen_dagster.generation.jobs import Jobs, run_all
from qgen_dagster.generation.prompts.render import comparison_prompt
from qgen_dagster.generation.provider import ProviderError
from qgen_dagster.generation.replies.verdicts import parse_comparison
from qgen_dagster.services.runs import RunSession
from qgen_dagster.services.work import Work
from qgen_dagster.services.writers import Writers


def settle_grey(
    session: RunSession,
    writers: Writers,
    strata: Sequence[Stratum],
    run_ids: Sequence[UUID],
    grey: Collection[UUID],
) -> None:
    """Has every grey candidate compared; the same is a duplicate, another one goes on, and an error lets it wait."""
    work = session.work
    with work.bank.begin() as tx:
        approved = candidate_rows.in_state(tx, CandidateState.APPROVED, strata, run_ids)
        stored = candidate_rows.duplicate_checks(tx, list(grey))
        checks = {id_: DuplicateCheck.model_validate(check) for id_, check in stored.items()}
        nearest = candidate_rows.questions_by_id(tx, [c.nearest_id for c in checks.values() if c.nearest_id])

    async def settle(candidate: Candidate) -> None:
        check = checks[candidate.id]
        if check.nearest_id not in nearest:
            return
        prompt = comparison_prompt(writers.prompts, candidate.question, nearest[check.nearest_id])
        try:
            reply = await writers.compare(candidate, check.nearest_id, prompt)
            said = parse_comparison(reply.text)
        except ProviderError as error:
            session.provider_stopped(error.category)
            return
        settled = check.model_copy(update={"decided_by": f"{reply.provider}/{reply.model}: {said.reason}"})
        await asyncio.to_thread(_write, work, candidate, settled, same=said.same)

    jobs = Jobs(partial(settle, candidate) for candidate in approved if candidate.id in checks)
    work.calls.run(run_all(jobs, work.calls.max_open, work.should_stop))


def _write(work: Work, candidate: Candidate, check: DuplicateCheck, *, same: bool) -> None:
    with work.bank.begin() as tx:
        lock_type_for_dedup(tx, candidate.question.question_type)
        if not same:
            remember_accepted(tx, [Checked.of(candidate.id, candidate.question)], work.embedder)
        move = Move(
            candidate_id=candidate.id,
            expected=CandidateState.APPROVED,
            state=CandidateState.DUPLICATE if same else CandidateState.UNIQUE,
            reason=Reason.SEMANTIC if same else None,
            duplicate_check=check.model_dump(mode="json"),
        )
        candidate_rows.move_candidates(tx, [move])
