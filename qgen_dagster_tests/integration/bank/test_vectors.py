"""Vectors in a real PostgreSQL with pgvector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text

from qgen_dagster.bank import lookup, vectors
from qgen_dagster.bank.candidates import in_state
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.questions import import_question, insert_candidates
from qgen_dagster.bank.vectors import Entry
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster_tests.integration.dedup.rows import add_candidate
from qgen_dagster_tests.unit.dedup.questions import question

NORTH, NEAR_NORTH, EAST = (1.0, 0.0), (0.8, 0.6), (0.0, 1.0)
SPACE = "test-v1"


def store(
    tx: Transaction,
    stem: str,
    key: int,
    vector: Sequence[float],
    space: str = SPACE,
    words: Sequence[int] = (),
    **more: Any,
) -> UUID:
    row_id = import_question(tx, question(stem), **more)
    assert row_id is not None
    vectors.store_questions(tx, space, [Entry(row_id, key, vector, words)])
    return row_id


def test_storing_again_replaces_the_vector(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "moved", 1, NORTH)
        vectors.store_questions(tx, SPACE, [Entry(row_id, 2, EAST)])
        query = text("SELECT question_id, lookup_key, embedding::text AS vector FROM question_embeddings")
        assert tx.execute(query).all() == [(row_id, 2, "[0,1]")]
        assert vectors.count_by_space(tx) == {SPACE: 1}


def test_a_candidates_vector_moves_into_the_bank_with_it(bank: Bank) -> None:
    q = question("moves")
    with bank.begin() as tx:
        candidate_id = add_candidate(tx, q, CandidateState.UNIQUE)
        waiting = add_candidate(tx, question("stays"), CandidateState.UNIQUE)
        vectors.store_candidates(tx, SPACE, [Entry(candidate_id, 1, NORTH), Entry(waiting, 1, NORTH)])
        row_id = add_question_of(tx, candidate_id)
        assert vectors.move_to_bank(tx, [candidate_id, waiting]) == 1
        assert vectors.move_to_bank(tx, [candidate_id, waiting]) == 0
        kinds = {n.id: n.kind for n in lookup.neighbours(tx, SPACE, [Entry(uuid4(), 1, NORTH)], [0.9])}
        assert kinds == {row_id: "question", waiting: "candidate"}


def add_question_of(tx: Transaction, candidate_id: UUID) -> UUID:
    from qgen_dagster.bank.tables import questions

    row_id = import_question(tx, question("moves"))
    assert row_id
    tx.execute(questions.update().where(questions.c.id == row_id).values(candidate_id=candidate_id))
    return row_id


def test_questions_without_a_vector_are_listed_per_space_and_type(bank: Bank) -> None:
    with bank.begin() as tx:
        store(tx, "has one", 1, NORTH)
        bare = import_question(tx, question("bare"))
        other = import_question(tx, question("of another type", question_type="logic"))
        assert [row_id for row_id, _ in vectors.without_vector(tx, SPACE, "math")] == [bare]
        assert [row_id for row_id, _ in vectors.without_vector(tx, SPACE, "logic")] == [other]
        assert len(vectors.without_vector(tx, "test-v2", "math")) == 2
        assert len(vectors.without_vector(tx, "test-v2", "math", limit=1)) == 1


def test_a_space_can_be_dropped_without_the_others(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "twice", 1, NORTH)
        vectors.store_questions(tx, "test-v2", [Entry(row_id, 1, (1.0, 0.0, 0.0))])
        assert vectors.drop_space(tx, SPACE) == 1
        assert vectors.count_by_space(tx) == {"test-v2": 1}
        assert [found for found, _ in vectors.without_vector(tx, SPACE, "math")] == [row_id]
        assert vectors.without_vector(tx, "test-v2", "math") == []


def test_whichever_of_two_spaces_was_filled_last_neither_lacks_a_vector(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "twice", 1, NORTH)
        vectors.store_questions(tx, "test-v2", [Entry(row_id, 1, (1.0, 0.0, 0.0))])
        assert vectors.without_vector(tx, SPACE, "math") == vectors.without_vector(tx, "test-v2", "math") == []
        assert vectors.drop_space(tx, "test-v2") == 1
        assert vectors.without_vector(tx, SPACE, "math") == []
        assert [found for found, _ in vectors.without_vector(tx, "test-v2", "math")] == [row_id]


def test_what_is_inserted_with_its_vector_is_known_to_have_one_and_what_is_not_to_lack_it(bank: Bank) -> None:
    with bank.begin() as tx:
        ids = [add_candidate(tx, question(stem), CandidateState.UNIQUE) for stem in ("with", "without")]
        vectors.store_candidates(tx, SPACE, [Entry(ids[0], 1, NORTH)])
        run_ids = tx.execute(text("SELECT run_id FROM candidates")).scalars().all()
        inserted = insert_candidates(tx, in_state(tx, CandidateState.UNIQUE, [Stratum("math", "easy")], run_ids))
        vectors.move_to_bank(tx, ids)
        assert [found for found, _ in vectors.without_vector(tx, SPACE, "math")] == [inserted[ids[1]]]
        spaces = tx.execute(text("SELECT candidate_id, vector_space FROM questions")).all()
        assert dict(map(tuple, spaces)) == {ids[0]: SPACE, ids[1]: None}


def test_vectors_of_any_length_live_side_by_side_in_spaces_of_their_own(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "three spaces", 7, NORTH)
        for space, length in (("large", 3_072), ("largest", 16_000)):
            vector = [1.0] + [0.0] * (length - 1)
            vectors.store_questions(tx, space, [Entry(row_id, 7, vector)])
            probe = Entry(uuid4(), 7, vector)
            [neighbour] = lookup.neighbours(tx, space, [probe], [0.9])
            assert (neighbour.id, round(neighbour.cosine, 2)) == (row_id, 1.0)
            assert vectors.length_in(tx, space) == length
        assert vectors.length_in(tx, SPACE) == 2
        assert vectors.length_in(tx, "empty") is None
        assert vectors.count_by_space(tx) == {SPACE: 1, "large": 1, "largest": 1}


def test_what_lacks_a_vector_is_counted_per_type_and_read_in_portions_without_repetition(bank: Bank) -> None:
    with bank.begin() as tx:
        store(tx, "has one", 1, NORTH)
        new = {import_question(tx, question(f"new {n}")) for n in range(5)}
        import_question(tx, question("a logic one", question_type="logic"))
        assert vectors.count_missing(tx, SPACE) == {"logic": (1, 1), "math": (6, 5)}
        after, seen = None, []
        while rows := vectors.without_vector(tx, SPACE, "math", 2, after=after):
            seen += [row_id for row_id, _ in rows]
            after = seen[-1]
    assert len(seen) == 5
    assert set(seen) == new
