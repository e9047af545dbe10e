"""What a duplicate check looks at, in a real PostgreSQL with pgvector."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank import lookup, vectors
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.lookup import Holder
from qgen_dagster.bank.questions import import_question
from qgen_dagster.bank.vectors import Entry
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.core.question import content_hash, structure_hash
from qgen_dagster_tests.integration.bank.test_vectors import EAST, NEAR_NORTH, NORTH, SPACE, store
from qgen_dagster_tests.integration.dedup.rows import add_candidate
from qgen_dagster_tests.unit.dedup.questions import question


def found(
    tx: Transaction,
    key: int,
    vector: Sequence[float],
    from_cosine: float = -1,
    words: Sequence[int] = (),
    **more: Any,
) -> list[UUID]:
    probe = Entry(uuid4(), key, vector, words)
    return [n.id for n in lookup.neighbours(tx, SPACE, [probe], [from_cosine], **more)]


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
        (neighbour,) = lookup.neighbours(tx, SPACE, [probe], [0.0])
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
        (neighbour,) = lookup.neighbours(tx, SPACE, [Entry(uuid4(), 1, NORTH)], [0.5])
        assert (neighbour.id, neighbour.kind) == (unique, "candidate")
        assert lookup.neighbours(tx, SPACE, [Entry(unique, 1, NORTH)], [0.5]) == []


def test_holders_name_the_question_before_a_candidate(bank: Bank) -> None:
    q, waiting, other = question("in the bank"), question("waiting", structure={"a": 1}), question("not yet")
    with bank.begin() as tx:
        row_id = import_question(tx, q)
        add_candidate(tx, q, CandidateState.UNIQUE)
        unique = add_candidate(tx, waiting, CandidateState.UNIQUE)
        add_candidate(tx, other, CandidateState.APPROVED)
        hashes = [content_hash(x) for x in (q, waiting, other)]
        found = lookup.holders(tx, "content_hash", hashes, [])
        assert found == {hashes[0]: Holder(row_id, "question"), hashes[1]: Holder(unique, "candidate")}
        assert hashes[1] not in lookup.holders(tx, "content_hash", hashes, [unique])
        structure = structure_hash(waiting)
        assert structure
        assert lookup.holders(tx, "structure_hash", [structure], []) == {structure: Holder(unique, "candidate")}
        assert lookup.holders(tx, "structure_hash", [], []) == {}


def share_of(ours: Collection[int], theirs: Collection[int]) -> float:
    return len(set(ours) & set(theirs)) / len(set(ours) | set(theirs))


@pytest.mark.parametrize("share", [0.2, 0.34, 0.5, 0.75, 1.0])
@pytest.mark.parametrize("analysed", [False, True])
def test_whoever_shares_enough_words_is_found_whichever_of_them_are_common(
    bank: Bank, share: float, analysed: bool
) -> None:
    rng = random.Random(int(100 * share))
    with bank.begin() as tx:
        words = [_some_words(rng) for _ in range(60)]
        stored = {store(tx, str(i), 1, NORTH, words=some): some for i, some in enumerate(words)}
        if analysed:
            tx.execute(text("ANALYZE question_embeddings"))
        for _ in range(30):
            ours = _some_words(rng)
            near = set(found(tx, 1, NORTH, words=ours, share=share))
            assert {i for i, theirs in stored.items() if share_of(ours, theirs) >= share} <= near
            fewer = [set(stored[i]) for i in near if share_of(ours, stored[i]) < share]
            assert all(theirs <= set(ours) or theirs >= set(ours) for theirs in fewer)


def _some_words(rng: random.Random) -> list[int]:
    """A few of thirty words, the first of them far more often than the last; negative ones too."""
    return sorted({min(int(rng.expovariate(0.15)), 30) - 15 for _ in range(rng.randint(1, 9))})


def test_rare_words_are_looked_up_and_common_ones_are_not(bank: Bank) -> None:
    with bank.begin() as tx:
        for i in range(200):
            store(tx, str(i), 1, NORTH, words=[1, 2, 1_000 + i])
        tx.execute(text("ANALYZE question_embeddings"))
        probe = Entry(uuid4(), 1, NORTH, [1, 2, 1_007])
        [looked_up] = lookup.rarest(tx, [probe], 0.6)
        assert looked_up in ("{1007,1}", "{1007,2}")


def test_words_of_unique_candidates_are_compared_too(bank: Bank) -> None:
    with bank.begin() as tx:
        like, unlike = (add_candidate(tx, question(stem), CandidateState.UNIQUE) for stem in ("like", "unlike"))
        vectors.store_candidates(
            tx, SPACE, [Entry(like, 1, NORTH, [1, 2, 3, 4]), Entry(unlike, 1, NORTH, [1, 7, 8, 9])]
        )
        assert found(tx, 1, NORTH, words=[2, 3, 4, 5], share=0.5) == [like]
        assert set(found(tx, 1, NORTH, words=[2, 3, 4, 5])) == {like, unlike}


def test_without_words_of_its_own_a_probe_is_compared_with_all_of_its_key(bank: Bank) -> None:
    with bank.begin() as tx:
        rows = {store(tx, "a", 1, NORTH, words=[1, 2]), store(tx, "b", 1, NORTH)}
        assert set(found(tx, 1, NORTH, share=0.5)) == rows


def test_neighbours_by_words_are_near_enough_of_one_space_and_not_more_than_asked_for(bank: Bank) -> None:
    with bank.begin() as tx:
        near = store(tx, "near", 1, NEAR_NORTH, words=[1, 2])
        nearest = store(tx, "nearest", 1, NORTH, words=[1, 2])
        store(tx, "far", 1, EAST, words=[1, 2])
        store(tx, "other space", 1, NORTH, space="test-v2", words=[1, 2])
        assert found(tx, 1, NORTH, 0.75, words=[1, 2], share=0.5) == [nearest, near]
        assert found(tx, 1, NORTH, 0.75, words=[1, 2], share=0.5, most=1) == [nearest]
