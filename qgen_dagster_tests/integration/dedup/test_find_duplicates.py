"""The whole duplicate check against a real bank."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import event

from qgen_dagster.bank import vectors
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.questions import import_question
from qgen_dagster.core.funnel import CandidateState, Reason
from qgen_dagster.core.question import Question
from qgen_dagster.dedup.check import Checked, Decision, Rule
from qgen_dagster.dedup.embedder import Embedder, EmbedderDown
from qgen_dagster.dedup.find import entries_for, find_duplicates, remember, remember_accepted, space_of
from qgen_dagster.dedup.hashing import HashingEmbedder
from qgen_dagster.dedup.settings import load_settings
from qgen_dagster.generation.items.language import NAMES
from qgen_dagster_tests.integration.dedup.rows import add_candidate, set_state
from qgen_dagster_tests.unit.dedup.questions import question

EMBEDDER = HashingEmbedder()
BASE = question("A train travels 240 km in 3 hours. What is its average speed?", ["80", "72", "90", "120"])
REWORDED = question("A train covers 240 km in three hours. What is its average speed?", ["80 km/h", "70", "90", "120"])
OTHER = question("A train travels 320 km in 4 hours. What is its average speed?", ["80", "72", "90", "120"])
VAGUE = question("Going 240 km by rail took 3 hours. How fast is that on average?", ["80", "72", "90", "120"])


@pytest.fixture
def tx(bank: Bank) -> Iterator[Transaction]:
    with bank.begin() as transaction:
        yield transaction


def check(tx: Transaction, *questions: Question, embedder: Any = EMBEDDER) -> list[Decision]:
    checked = [Checked.of(uuid4(), q) for q in questions]
    return find_duplicates(tx, checked, embedder, load_settings())


def rules(decisions: Sequence[Decision]) -> list[Rule]:
    return [decision.rule for decision in decisions]


def in_bank(tx: Transaction, q: Question, **more: Any) -> UUID:
    row_id = import_question(tx, q, **more)
    assert row_id
    embed_bank(tx, q.question_type)
    return row_id


def embed_bank(tx: Transaction, question_type: str = "math", embedder: Embedder = EMBEDDER) -> None:
    missing = vectors.without_vector(tx, space_of(embedder), question_type)
    vectors.store_questions(tx, space_of(embedder), entries_for(missing, embedder))


def test_nothing_is_decided_for_nobody(tx: Transaction) -> None:
    assert check(tx) == []


def test_a_first_question_is_distinct(tx: Transaction) -> None:
    (decision,) = check(tx, BASE)
    assert decision.rule is Rule.DISTINCT
    assert decision.reason is None
    assert decision.check.nearest_id is None


@pytest.mark.parametrize("active", [True, False])
def test_an_equal_question_of_the_bank_is_found_whether_active_or_not(tx: Transaction, active: bool) -> None:
    row_id = in_bank(tx, BASE, is_active=active)
    edited = BASE.model_copy(update={"stem": BASE.stem.upper(), "options": BASE.options[::-1], "answer": 3})
    (decision,) = check(tx, edited)
    assert (decision.rule, decision.reason) == (Rule.EXACT, Reason.EXACT)
    assert (decision.check.nearest_id, decision.check.nearest_kind) == (row_id, "question")


def test_an_equal_question_of_another_type_is_found_since_the_bank_refuses_it_too(tx: Transaction) -> None:
    in_bank(tx, BASE.model_copy(update={"question_type": "logic"}))
    assert rules(check(tx, BASE)) == [Rule.EXACT]


def test_a_reworded_question_is_found_in_another_difficulty_and_inactive(tx: Transaction) -> None:
    row_id = in_bank(tx, BASE.model_copy(update={"difficulty": "hard"}), is_active=False)
    (decision,) = check(tx, REWORDED)
    assert (decision.rule, decision.reason, decision.check.nearest_id) == (Rule.SEMANTIC, Reason.SEMANTIC, row_id)
    assert decision.check.answers_agree
    assert decision.check.numbers_agree
    assert decision.check.embedder == EMBEDDER.name
    assert decision.check.cosine
    assert decision.check.cosine > 0.7


def test_a_reworded_question_of_another_type_is_not_compared(tx: Transaction) -> None:
    in_bank(tx, BASE.model_copy(update={"question_type": "logic"}))
    assert rules(check(tx, REWORDED)) == [Rule.DISTINCT]


def test_the_same_template_with_other_numbers_is_distinct_even_with_the_same_answer(tx: Transaction) -> None:
    in_bank(tx, BASE)
    assert rules(check(tx, OTHER)) == [Rule.DISTINCT]


def test_a_freely_worded_question_is_grey_and_names_its_neighbour(tx: Transaction) -> None:
    row_id = in_bank(tx, BASE)
    (decision,) = check(tx, VAGUE)
    assert (decision.rule, decision.reason) == (Rule.GREY, None)
    assert decision.check.nearest_id == row_id
    assert decision.check.doubts == ("far",)


def test_the_earlier_of_two_in_one_sequence_wins(tx: Transaction) -> None:
    decisions = check(tx, BASE, REWORDED, BASE, OTHER)
    assert rules(decisions) == [Rule.DISTINCT, Rule.SEMANTIC, Rule.EXACT, Rule.DISTINCT]
    assert {d.check.nearest_id for d in decisions[1:3]} == {decisions[0].candidate_id}
    assert decisions[1].check.nearest_kind == "candidate"


def test_a_second_copy_of_a_grey_one_shares_its_fate(tx: Transaction) -> None:
    in_bank(tx, BASE)
    assert rules(check(tx, VAGUE, VAGUE)) == [Rule.GREY, Rule.EXACT]


def test_unique_candidates_of_other_runs_count_and_pending_ones_do_not(tx: Transaction) -> None:
    candidate_id = add_candidate(tx, BASE)
    decisions = find_duplicates(tx, [Checked.of(candidate_id, BASE)], EMBEDDER, load_settings())
    remember(tx, decisions, EMBEDDER)
    assert rules(check(tx, REWORDED, BASE)) == [Rule.DISTINCT, Rule.SEMANTIC]
    set_state(tx, candidate_id, CandidateState.UNIQUE)
    found = check(tx, REWORDED, BASE)
    assert rules(found) == [Rule.SEMANTIC, Rule.EXACT]
    assert {d.check.nearest_id for d in found} == {candidate_id}


def test_a_candidate_that_is_checked_again_does_not_find_itself(tx: Transaction) -> None:
    candidate_id = add_candidate(tx, BASE)
    once = [Checked.of(candidate_id, BASE)]
    remember(tx, find_duplicates(tx, once, EMBEDDER, load_settings()), EMBEDDER)
    set_state(tx, candidate_id, CandidateState.UNIQUE)
    assert rules(find_duplicates(tx, once, EMBEDDER, load_settings())) == [Rule.DISTINCT]


def test_only_distinct_candidates_are_remembered_until_grey_ones_are_accepted(tx: Transaction) -> None:
    in_bank(tx, BASE)
    candidate_id = add_candidate(tx, VAGUE)
    checked = [Checked.of(candidate_id, VAGUE)]
    remember(tx, find_duplicates(tx, checked, EMBEDDER, load_settings()), EMBEDDER)
    set_state(tx, candidate_id, CandidateState.UNIQUE)
    twin = VAGUE.model_copy(update={"stem": VAGUE.stem.replace("Going", "Riding")})
    assert check(tx, twin)[0].check.nearest_id != candidate_id
    remember_accepted(tx, checked, EMBEDDER)
    (decision,) = check(tx, twin)
    assert (decision.rule, decision.check.nearest_id) == (Rule.SEMANTIC, candidate_id)


def test_procedural_questions_are_compared_by_structure_never_by_wording(tx: Transaction) -> None:
    in_bank(tx, BASE)
    structured = REWORDED.model_copy(update={"structure": {"km": 240}, "item_model": "speed"})
    same = OTHER.model_copy(update={"structure": {"km": 240}, "item_model": "speed"})
    decisions = check(tx, structured, same)
    assert rules(decisions) == [Rule.DISTINCT, Rule.STRUCTURAL]
    assert decisions[1].reason is Reason.STRUCTURAL


def test_a_structure_of_the_bank_is_found(tx: Transaction) -> None:
    row_id = in_bank(tx, BASE.model_copy(update={"structure": {"km": 240}, "item_model": "speed"}))
    (decision,) = check(tx, OTHER.model_copy(update={"structure": {"km": 240}, "item_model": "speed"}))
    assert (decision.rule, decision.check.nearest_id) == (Rule.STRUCTURAL, row_id)


def test_a_worded_question_is_compared_with_procedural_ones_of_the_bank(tx: Transaction) -> None:
    row_id = in_bank(tx, BASE.model_copy(update={"structure": {"km": 240}, "item_model": "speed"}))
    (decision,) = check(tx, REWORDED)
    assert (decision.rule, decision.check.nearest_id) == (Rule.SEMANTIC, row_id)


def test_an_embedder_that_is_down_decides_nothing(tx: Transaction) -> None:
    class Down(HashingEmbedder):
        def embed(self, texts: Sequence[str]) -> Any:
            raise EmbedderDown("no answer")

    in_bank(tx, BASE)
    with pytest.raises(EmbedderDown):
        check(tx, BASE, embedder=Down())


def test_an_embedder_that_answers_nonsense_is_down(tx: Transaction) -> None:
    class Short(HashingEmbedder):
        def embed(self, texts: Sequence[str]) -> Any:
            return super().embed(texts)[:-1]

    class Empty(HashingEmbedder):
        def embed(self, texts: Sequence[str]) -> Any:
            return super().embed(texts) * float("nan")

    for embedder in (Short(), Empty()):
        with pytest.raises(EmbedderDown):
            check(tx, BASE, OTHER, embedder=embedder)


def test_candidates_of_two_types_at_once_are_refused(tx: Transaction) -> None:
    with pytest.raises(ValueError, match="logic, math"):
        check(tx, BASE, BASE.model_copy(update={"question_type": "logic"}))


def test_two_embedders_keep_apart_in_one_bank(tx: Transaction) -> None:
    row_id = in_bank(tx, BASE)
    larger = HashingEmbedder(384)
    assert rules(check(tx, REWORDED, embedder=larger)) == [Rule.DISTINCT]
    embed_bank(tx, embedder=larger)
    assert check(tx, REWORDED, embedder=larger)[0].check.nearest_id == row_id
    assert check(tx, REWORDED)[0].check.nearest_id == row_id


def test_many_near_siblings_do_not_hide_the_duplicate(tx: Transaction) -> None:
    names = [f"{a}{b}o" for a in "BDFGKLMN" for b in "aeiou"]
    for name in names:
        stem = f"We know that Anna is taller than {name} and that {name} is taller than Carl. Who is the tallest?"
        import_question(tx, question(stem, ["Anna", name, "Carl", "nobody"]))
    embed_bank(tx)
    stem = "We know that Anna is taller than Koo, and that Koo is taller than Carl. Who is the tallest of them?"
    (decision,) = check(tx, question(stem, ["Anna", "Koo", "Carl", "nobody"]))
    assert decision.rule is Rule.SEMANTIC


def test_the_number_of_queries_does_not_grow_with_the_candidates(tx: Transaction) -> None:
    in_bank(tx, BASE)
    queries: list[str] = []
    event.listen(tx, "before_cursor_execute", lambda conn, cursor, statement, *_: queries.append(statement))
    sums = [question(f"What is {i} plus {i + 1}?", [str(2 * i + 1), "a", "b", "c"]) for i in range(2, 42)]
    people = [question(f"Who is older, {name} or Ben?", [name, "Ben", "both", "nobody"]) for name in NAMES[:40]]
    check(tx, sums[0], people[0])
    few = len(queries)
    check(tx, *sums[1:], *people[1:])
    assert len(queries) == 2 * few
