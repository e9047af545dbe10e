"""The stage that puts unique candidates into the bank: per stratum one transaction, question and state together.

Running it twice inserts nothing twice. Not here: the SQL (`bank/questions.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
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
    work.check_stop()
    with work.bank.begin() as tx:
        unique = candidate_rows.in_state(tx, CandidateState.UNIQUE, [stratum], run_ids)
        wanted, surplus = _split_surplus(tx, stratum, unique)
        inserted, refused = _insert_rows(tx, wanted)
        vectors.move_to_bank(tx, list(inserted))
        moves = [_ending(candidate, inserted, refused) for candidate in wanted]
        moves += [Move(c.id, CandidateState.UNIQUE, CandidateState.SURPLUS) for c in surplus]
        candidate_rows.move_candidates(tx, moves)
    return len(inserted), len(unique)


def _split_surplus(
    tx: Transaction, stratum: Stratum, unique: Sequence[Candidate]
) -> tuple[list[Candidate], list[Candidate]]:
    """Those that their run's plan has room for, and the rest. A candidate moved here from a neighbour always has."""
    room: dict[UUID, int] = {}
    wanted, surplus = [], []
    for candidate in unique:
        run_id = candidate.run_id
        if run_id not in room:
            plan = inventory_rows.load_plan(tx, run_id)
            planned = plan.allocations.get(stratum, 0) if plan else len(unique)
            room[run_id] = planned - question_rows.inserted_in_run(tx, run_id, stratum)
        if candidate.reclassified:
            wanted.append(candidate)
        elif room[run_id] > 0:
            room[run_id] -= 1
            wanted.append(candidate)
        else:
            surplus.append(candidate)
    return wanted, surplus


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
