"""The stage that puts unique candidates into the bank: per stratum one transaction, question and state together.

Running it twice inserts nothing twice. Not here: the SQL (`bank/questions.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import inventory as inventory_rows
from qgen_dagster.bank import questions as question_rows
from qgen_dagster.bank import vectors
from qgen_dagster.bank.candidates import Candidate, Move
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.core.funnel import CandidateState, Reason
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.services.runs import RunSession
from qgen_dagster.services.work import Work


def insert(session: RunSession, strata: Sequence[Stratum], run_ids: Sequence[UUID]) -> None:
    """Inserts what is unique and wanted; what comes on top of the plan ends as surplus.

    A row that the database refuses ends as failed and holds up no other. Raises DatabaseError when the bank itself
    fails; then the stratum's transaction is undone and its candidates wait.
    """
    work = session.work
    with work.bank.begin() as tx:
        waiting = candidate_rows.strata_in_state(tx, CandidateState.UNIQUE, run_ids) & set(strata)
    for stratum in work.taxonomy.strata:
        if stratum not in waiting:
            continue
        inserted, total = _insert_stratum(work, stratum, run_ids)
        if total:
            work.progress(ProgressEvent("Inserted", stratum.key, inserted, total))
    if waiting:
        session.keep_up()


def _insert_stratum(work: Work, stratum: Stratum, run_ids: Sequence[UUID]) -> tuple[int, int]:
    """How many went in, of how many."""
    work.check_stop()
    total, inserted = 0, 0
    with work.bank.begin() as tx:
        room = _Room(tx, stratum)
        for page in candidate_rows.pages_in_state(lambda: nullcontext(tx), CandidateState.UNIQUE, [stratum], run_ids):
            total += len(page)
            inserted += _insert_page(tx, room, page)
    return inserted, total


def _insert_page(tx: Transaction, room: _Room, page: Sequence[Candidate]) -> int:
    wanted: list[Candidate] = []
    surplus: list[Candidate] = []
    for candidate in page:
        (wanted if room.take(candidate) else surplus).append(candidate)
    inserted, refused = _insert_rows(tx, wanted)
    vectors.move_to_bank(tx, list(inserted))
    moves = [_ending(candidate, inserted, refused) for candidate in wanted]
    moves += [Move(c.id, CandidateState.UNIQUE, CandidateState.SURPLUS) for c in surplus]
    candidate_rows.move_candidates(tx, moves)
    return len(inserted)


class _Room:
    """What the plans of the candidates' runs have left for a stratum. What a run without a plan made is wanted."""

    def __init__(self, tx: Transaction, stratum: Stratum) -> None:
        self._tx = tx
        self._stratum = stratum
        self._left: dict[UUID, float] = {}

    def take(self, candidate: Candidate) -> bool:
        """Whether there is room for the candidate; for one that was moved here from a neighbour there always is."""
        run_id = candidate.run_id
        if run_id not in self._left:
            self._left[run_id] = self._planned(run_id)
        if candidate.reclassified:
            return True
        self._left[run_id] -= 1
        return self._left[run_id] >= 0

    def _planned(self, run_id: UUID) -> float:
        plan = inventory_rows.load_plan(self._tx, run_id)
        if plan is None:
            return math.inf
        there = question_rows.inserted_in_run(self._tx, run_id, self._stratum)
        return plan.allocations.get(self._stratum, 0) - there


def _insert_rows(tx: Transaction, wanted: Sequence[Candidate]) -> tuple[dict[UUID, UUID], dict[UUID, str]]:
    """All at once; where the database refuses, one by one, so that only the bad row is lost."""
    try:
        with tx.begin_nested():
            return question_rows.insert_candidates(tx, wanted), {}
    except Exception as error:
        if not question_rows.is_row_refusal(error):
            raise
    inserted: dict[UUID, UUID] = {}
    refused: dict[UUID, str] = {}
    for candidate in wanted:
        try:
            with tx.begin_nested():
                inserted |= question_rows.insert_candidates(tx, [candidate])
        except Exception as error:
            if not question_rows.is_row_refusal(error):
                raise
            refused[candidate.id] = str(error).splitlines()[0]
    return inserted, refused


def _ending(candidate: Candidate, inserted: dict[UUID, UUID], refused: dict[UUID, str]) -> Move:
    before = CandidateState.UNIQUE
    if candidate.id in inserted:
        return Move(candidate.id, before, CandidateState.INSERTED, question_id=inserted[candidate.id])
    if candidate.id in refused:
        return Move(candidate.id, before, CandidateState.FAILED, error=refused[candidate.id])
    # The unique indexes of the database had the last word: somebody else inserted the same in the meantime.
    return Move(candidate.id, before, CandidateState.DUPLICATE, reason=Reason.EXACT)
