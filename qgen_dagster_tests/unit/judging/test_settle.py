"""What blind solvers' answers say about a key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.judging.solving import Answer, KeyFinding, settle

KEY = 1


def answers(*options: int | None, doubts: tuple[int, ...] = ()) -> list[Answer]:
    """One answer per option; the solvers named in `doubts` find another option defensible too."""
    return [
        Answer(solver=f"s{i}", option=option, also_defensible=(3,) if i in doubts else ())
        for i, option in enumerate(options)
    ]


@pytest.mark.parametrize(
    ("options", "finding", "agreed"),
    [
        ((1, 1), KeyFinding.PROVED, 1),
        ((2, 2), KeyFinding.WRONG, 2),
        ((None, None, None), KeyFinding.AMBIGUOUS, None),
        ((1, 2, 1), KeyFinding.PROVED, None),
        ((1, 2, 2), KeyFinding.AMBIGUOUS, None),  # two votes against two, its maker's among them
        ((0, 2, 2), KeyFinding.WRONG, None),
        ((0, 2, 3), KeyFinding.AMBIGUOUS, None),
        ((1, None, 1), KeyFinding.PROVED, None),
        ((None, 2, 2), KeyFinding.WRONG, None),
    ],
)
def test_what_follows_from_the_answers(
    options: tuple[int | None, ...], finding: KeyFinding, agreed: int | None
) -> None:
    solution = settle(KEY, answers(*options))
    assert solution is not None
    assert (solution.finding, solution.agreed) == (finding, agreed)


@pytest.mark.parametrize("options", [(1,), (1, 2), (1, None), (0, 2), (None, None)])
def test_a_further_solver_is_asked_until_two_agree(options: tuple[int | None, ...]) -> None:
    assert settle(KEY, answers(*options)) is None


def test_a_doubt_counts_like_a_disagreement_and_two_make_it_ambiguous() -> None:
    assert settle(KEY, answers(1, 1, doubts=(0,))) is None
    once = settle(KEY, answers(1, 1, 1, doubts=(0,)))
    twice = settle(KEY, answers(1, 1, 1, doubts=(0, 2)))
    assert once is not None
    assert twice is not None
    assert (once.finding, twice.finding) == (KeyFinding.PROVED, KeyFinding.AMBIGUOUS)
    assert once.justified == (1, 3)


@given(st.lists(st.none() | st.integers(0, 3), min_size=3, max_size=3), st.sets(st.integers(0, 2)))
def test_three_answers_always_settle_it_and_never_prove_a_key_that_fewer_than_two_found(
    options: list[int | None], doubts: set[int]
) -> None:
    solution = settle(KEY, answers(*options, doubts=tuple(doubts)))
    assert solution is not None
    if solution.finding is KeyFinding.PROVED:
        assert options.count(KEY) >= 2
    if solution.finding is KeyFinding.WRONG:
        assert KEY not in options
