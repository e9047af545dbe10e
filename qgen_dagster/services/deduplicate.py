"""The stage that turns away what the bank already has.

One type at a time, a page of its candidates in one transaction that holds the type's lock: whoever compares sees
everything that others let through before, and nobody waits for long. Not here: what makes two questions the same
(`dedup/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.candidates import Candidate, Move
from qgen_dagster.bank.engine import Transaction
from qgen_dagster.bank.locks import lock_type_for_dedup
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.progress import ProgressEvent
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.dedup.check import Checked, Decision, Rule
from qgen_dagster.dedup.embedder import EmbedderDown
from qgen_dagster.dedup.find import embed_ahead, find_duplicates, remember
from qgen_dagster.dedup.remote import RemoteEmbedder
from qgen_dagster.dedup.settings import DedupSettings, load_settings
from qgen_dagster.services.grey import settle_grey
from qgen_dagster.services.reembedding import fill_type
from qgen_dagster.services.runs import RunSession
from qgen_dagster.services.work import Work


def deduplicate(session: RunSession, strata: Sequence[Stratum], run_ids: Sequence[UUID]) -> None:
    """Compares every approved candidate of the runs in the strata with the bank and with each other.

    Raises EmbedderDown; then its candidates wait, and nothing unchecked goes on.
    """
    work = session.work
    settings = load_settings()
    by_type: dict[str, list[Stratum]] = {}
    with work.bank.begin() as tx:
        waiting = candidate_rows.strata_in_state(tx, CandidateState.APPROVED, run_ids) & set(strata)
    for stratum in work.taxonomy.strata:
        if stratum in waiting:
            by_type.setdefault(stratum.question_type, []).append(stratum)
    for question_type, its_strata in by_type.items():
        try:
            undecided = _deduplicate_type(work, settings, question_type, its_strata, run_ids)
        except EmbedderDown as error:
            if error.category is not None:
                session.provider_stopped(error.category)
            raise
        if undecided and work.writers is not None:
            settle_grey(session, work.writers, its_strata, run_ids, undecided)
    if waiting:
        session.keep_up()


def _deduplicate_type(
    work: Work, settings: DedupSettings, question_type: str, strata: Sequence[Stratum], run_ids: Sequence[UUID]
) -> set[UUID]:
    """Decides on every approved candidate of a type; returns the grey ones. The run's claims keep others off them."""
    undecided: set[UUID] = set()
    filled = False
    for chunk in candidate_rows.pages_in_state(work.bank.begin, CandidateState.APPROVED, strata, run_ids):
        if not filled and any(candidate.question.structure is None for candidate in chunk):
            # Questions without a vector (just imported, or of another embedder's time) would be overlooked. Only
            # candidates without a structure are compared by meaning.
            fill_type(work.bank, work.embedder, question_type, check_stop=work.check_stop)
            filled = True
        undecided |= _deduplicate_chunk(work, settings, question_type, chunk)
    return undecided


def _deduplicate_chunk(
    work: Work, settings: DedupSettings, question_type: str, chunk: Sequence[Candidate]
) -> set[UUID]:
    work.check_stop()
    checked = [Checked(c.id, c.question, c.content_hash, c.structure_hash) for c in chunk]
    if isinstance(work.embedder, RemoteEmbedder):
        embed_ahead(checked, work.embedder)
    with work.bank.begin() as tx:
        lock_type_for_dedup(tx, question_type)
        decisions = find_duplicates(tx, checked, work.embedder, settings)
        _write(tx, work, decisions)
    _tell(work, chunk, decisions)
    return {decision.candidate_id for decision in decisions if decision.rule is Rule.GREY}


def _write(tx: Transaction, work: Work, decisions: Sequence[Decision]) -> None:
    remember(tx, [d for d in decisions if d.rule is Rule.DISTINCT], work.embedder)
    candidate_rows.move_candidates(tx, [_move(decision) for decision in decisions])


def _move(decision: Decision) -> Move:
    if decision.rule is Rule.GREY:
        state = CandidateState.APPROVED  # waits for an arbiter or a person
    elif decision.reason is None:
        state = CandidateState.UNIQUE
    else:
        state = CandidateState.DUPLICATE
    return Move(
        candidate_id=decision.candidate_id,
        expected=CandidateState.APPROVED,
        state=state,
        reason=decision.reason,
        duplicate_check=decision.check.model_dump(mode="json"),
    )


def _tell(work: Work, chunk: Sequence[Candidate], decisions: Sequence[Decision]) -> None:
    totals = Counter(candidate.stratum.key for candidate in chunk)
    unique = Counter(
        candidate.stratum.key
        for candidate, decision in zip(chunk, decisions, strict=True)
        if decision.rule is Rule.DISTINCT
    )
    for key, total in totals.items():
        work.progress(ProgressEvent("Deduplicated", key, unique[key], total))
