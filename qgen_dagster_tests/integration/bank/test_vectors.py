"""Vectors in a real PostgreSQL with pgvector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from qgen_dagster.bank import vectors
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.questions import import_question
from qgen_dagster.bank.vectors import Entry, Holder
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.question import content_hash, structure_hash
from qgen_dagster_tests.integration.dedup.rows import add_candidate
from qgen_dagster_tests.unit.dedup.questions import question

NORTH, NEAR_NORTH, EAST = (1.0, 0.0), (0.8, 0.6), (0.0, 1.0)
SPACE = "test-v1"


def store(tx: Transaction, stem: str, key: int, vector: Sequence[float], space: str = SPACE, **more: Any) -> UUID:
    row_id = import_question(tx, question(stem), **more)
    assert row_id is not None
    vectors.store_questions(tx, space, [Entry(row_id, key, vector)])
    return row_id


def found(tx: Transaction, key: int, vector: Sequence[float], from_cosine: float = -1, **more: Any) -> list[UUID]:
    probe = Entry(uuid4(), key, vector)
    return [n.id for n in vectors.neighbours(tx, SPACE, [probe], [from_cosine], **more)]


def test_neighbours_share_the_key_and_the_space_and_are_near_enough(bank: Bank) -> None:
    with bank.begin() as tx:
        near = store(tx, "near", 7, NEAR_NORTH)
        store(tx, "far", 7, EAST)
        store(tx, "other key", 8, NORTH)
        store(tx, "other space", 7, NORTH, space="test-v2")
        assert found(tx, 7, NORTH, from_cosine=0.75) == [near]
        assert found(tx, 7, NORTH, from_cosine=0.85) == []
        assert found(tx, 9, NORTH) == []


def test_a_neighbour_brings_its_cosine_and_its_words(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = import_question(tx, question("stem", ["a", "b", "c", "d"], stimulus="shown", answer=2))
        assert row_id
        vectors.store_questions(tx, SPACE, [Entry(row_id, 1, NEAR_NORTH)])
        probe = Entry(uuid4(), 1, NORTH)
        (neighbour,) = vectors.neighbours(tx, SPACE, [probe], [0.0])
    assert neighbour.probe_id == probe.owner_id
    assert neighbour.cosine == pytest.approx(0.8, abs=1e-3)
    assert (neighbour.stem, neighbour.stimulus, list(neighbour.options), neighbour.answer) == (
        "stem",
        "shown",
        ["a", "b", "c", "d"],
        2,
    )


def test_inactive_questions_are_neighbours_too(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "retired", 1, NORTH, is_active=False)
        assert found(tx, 1, NORTH) == [row_id]


def test_only_the_nearest_are_read_for_each_probe(bank: Bank) -> None:
    with bank.begin() as tx:
        nearest = store(tx, "a", 1, NORTH)
        second = store(tx, "b", 1, NEAR_NORTH)
        store(tx, "c", 1, EAST)
        assert set(found(tx, 1, NORTH, most=2)) == {nearest, second}


def test_a_vector_at_the_very_threshold_is_found_in_spite_of_half_precision(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "at", 1, (0.7503, (1 - 0.7503**2) ** 0.5))
        assert found(tx, 1, NORTH, from_cosine=0.7503) == [row_id]


def test_only_unique_candidates_other_than_the_probe_are_neighbours(bank: Bank) -> None:
    with bank.begin() as tx:
        unique = add_candidate(tx, question("one"), CandidateState.UNIQUE)
        others = [
            add_candidate(tx, question(state.value), state)
            for state in CandidateState
            if state is not CandidateState.UNIQUE
        ]
        vectors.store_candidates(tx, SPACE, [Entry(row_id, 1, NORTH) for row_id in [unique, *others]])
        (neighbour,) = vectors.neighbours(tx, SPACE, [Entry(uuid4(), 1, NORTH)], [0.5])
        assert (neighbour.id, neighbour.kind) == (unique, "candidate")
        assert vectors.neighbours(tx, SPACE, [Entry(unique, 1, NORTH)], [0.5]) == []


def test_holders_name_the_question_before_a_candidate(bank: Bank) -> None:
    q, waiting, other = question("in the bank"), question("waiting", structure={"a": 1}), question("not yet")
    with bank.begin() as tx:
        row_id = import_question(tx, q)
        add_candidate(tx, q, CandidateState.UNIQUE)
        unique = add_candidate(tx, waiting, CandidateState.UNIQUE)
        add_candidate(tx, other, CandidateState.APPROVED)
        hashes = [content_hash(x) for x in (q, waiting, other)]
        found = vectors.holders(tx, "content_hash", hashes, [])
        assert found == {hashes[0]: Holder(row_id, "question"), hashes[1]: Holder(unique, "candidate")}
        assert hashes[1] not in vectors.holders(tx, "content_hash", hashes, [unique])
        structure = structure_hash(waiting)
        assert structure
        assert vectors.holders(tx, "structure_hash", [structure], []) == {structure: Holder(unique, "candidate")}
        assert vectors.holders(tx, "structure_hash", [], []) == {}


def test_storing_again_replaces_the_vector(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "moved", 1, NORTH)
        vectors.store_questions(tx, SPACE, [Entry(row_id, 2, EAST)])
        assert found(tx, 1, NORTH) == []
        assert found(tx, 2, EAST, from_cosine=0.99) == [row_id]
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
        kinds = {n.id: n.kind for n in vectors.neighbours(tx, SPACE, [Entry(uuid4(), 1, NORTH)], [0.9])}
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
        assert {row_id for row_id, _ in vectors.without_vector(tx, SPACE)} == {bare, other}
        assert len(vectors.without_vector(tx, "test-v2")) == 3
        assert len(vectors.without_vector(tx, "test-v2", limit=2)) == 2


def test_a_space_can_be_dropped_without_the_others(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "twice", 1, NORTH)
        vectors.store_questions(tx, "test-v2", [Entry(row_id, 1, (1.0, 0.0, 0.0))])
        assert vectors.drop_space(tx, SPACE) == 1
        assert vectors.count_by_space(tx) == {"test-v2": 1}


def test_vectors_of_any_length_live_side_by_side_in_spaces_of_their_own(bank: Bank) -> None:
    with bank.begin() as tx:
        row_id = store(tx, "three spaces", 7, NORTH)
        for space, length in (("large", 3_072), ("largest", 16_000)):
            vector = [1.0] + [0.0] * (length - 1)
            vectors.store_questions(tx, space, [Entry(row_id, 7, vector)])
            probe = Entry(uuid4(), 7, vector)
            [neighbour] = vectors.neighbours(tx, space, [probe], [0.9])
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
