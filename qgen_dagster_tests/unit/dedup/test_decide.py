from __future__ import annotations

import subprocess
import sys
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.dedup.check import DuplicateCheck, Rule
from qgen_dagster.dedup.facts import facts_of
from qgen_dagster.dedup.find import Near, decide
from qgen_dagster.dedup.settings import Bounds
from qgen_dagster_tests.unit.dedup.questions import question

FACTS = facts_of(question("What is 15% of 80?"))
NEIGHBOURS = [
    Near(UUID(int=1), "question", 1.0, facts_of(question("What is 20% of 60?"))),
    Near(UUID(int=2), "question", 0.97, facts_of(question("What is 15% of 80?", ["15", "12", "8", "120"]))),
    Near(UUID(int=3), "candidate", 0.4, facts_of(question("Take 15% away from 80 and tell what you took."))),
    Near(UUID(int=4), "question", 0.9, facts_of(question("How much is 15% of 80?"))),
    Near(UUID(int=5), "question", 0.1, facts_of(question("Name something.", ["12", "a", "b", "c"]))),
]


@given(st.permutations(NEIGHBOURS))
def test_the_order_of_neighbours_never_matters(neighbours: list[Near]) -> None:
    check = decide(FACTS, neighbours, Bounds(), "test")
    assert (check.rule, check.nearest_id) == (Rule.SEMANTIC, UUID(int=4))


@given(st.sets(st.sampled_from([0, 1, 4])))
def test_unrelated_neighbours_never_change_the_verdict(others: set[int]) -> None:
    grey = NEIGHBOURS[2]
    check = decide(FACTS, [grey, *(NEIGHBOURS[i] for i in others)], Bounds(), "test")
    assert (check.rule, check.nearest_id) == (Rule.GREY, grey.id)
    assert "far" in check.doubts


def test_the_nearest_is_told_even_when_it_decides_nothing() -> None:
    check = decide(FACTS, NEIGHBOURS[:2], Bounds(), "test")
    assert (check.rule, check.nearest_id, check.cosine) == (Rule.DISTINCT, UUID(int=1), 1.0)
    assert check.answers_agree is True
    assert check.numbers_agree is False


def test_without_neighbours_a_question_is_distinct() -> None:
    assert decide(FACTS, [], Bounds(), "test") == DuplicateCheck(rule=Rule.DISTINCT, embedder="test")


@given(st.sampled_from(Rule))
def test_a_stored_check_reads_back(rule: Rule) -> None:
    check = DuplicateCheck(rule=rule, nearest_id=UUID(int=7), nearest_kind="question", cosine=0.5, doubts=("far",))
    assert DuplicateCheck.model_validate(check.model_dump(mode="json")) == check


def test_the_rules_can_be_imported_without_numpy() -> None:
    program = "import sys; import qgen_dagster.dedup.find; sys.exit('numpy' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
