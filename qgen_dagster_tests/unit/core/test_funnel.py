"""The funnel and what a run's end is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.errors import ExitCode
from qgen_dagster.core.funnel import (
    PENDING_STATES,
    CandidateState,
    Funnel,
    Loss,
    Reason,
    loss_of,
    ratio,
    sum_funnels,
)
from qgen_dagster.core.run import RunStatus, exit_code_of, is_saturated, status_of
from qgen_dagster.tracking.metrics import funnel_from_json, funnel_json

losses = st.dictionaries(st.sampled_from(Loss), st.integers(1, 50))


@st.composite
def funnels(draw: st.DrawFn) -> Funnel:
    lost, inserted, pending = draw(losses), draw(st.integers(0, 50)), draw(st.integers(0, 50))
    requested = sum(lost.values()) + inserted + pending
    missing = lost.get(Loss.NOT_GENERATED, 0) + lost.get(Loss.SATURATED, 0)
    return Funnel(requested=requested, generated=requested - missing, inserted=inserted, pending=pending, losses=lost)


@given(st.lists(funnels()))
def test_a_sum_of_balanced_funnels_is_balanced(parts: list[Funnel]) -> None:
    total = sum_funnels(parts)
    assert total.balance == 0
    assert total.requested == sum(part.requested for part in parts)


@given(funnels())
def test_a_funnel_survives_its_way_through_json(funnel: Funnel) -> None:
    assert funnel_from_json(funnel_json(funnel)) == funnel


def test_every_final_state_has_a_name_for_its_loss_except_the_one_that_arrived() -> None:
    for state in CandidateState:
        reasons: list[Reason | None] = [None]
        if state is CandidateState.REJECTED:
            reasons = [r for r in Reason if r not in (Reason.EXACT, Reason.STRUCTURAL, Reason.SEMANTIC)]
        if state is CandidateState.DUPLICATE:
            reasons = [Reason.EXACT, Reason.STRUCTURAL, Reason.SEMANTIC]
        for reason in reasons:
            no_loss = state in (*PENDING_STATES, CandidateState.INSERTED, CandidateState.SUPERSEDED)
            assert (loss_of(state, reason) is None) == no_loss


@pytest.mark.parametrize(
    ("funnel", "status"),
    [
        (Funnel(), RunStatus.SUCCESS),
        (Funnel(requested=5, generated=5, inserted=5), RunStatus.SUCCESS),
        (Funnel(requested=5, generated=5, inserted=3, losses={Loss.LOW_SCORE: 2}), RunStatus.SUCCESS),
        (Funnel(requested=5, generated=3, inserted=3, losses={Loss.NOT_GENERATED: 2}), RunStatus.PARTIAL_FAILURE),
        (Funnel(requested=5, generated=5, inserted=3, pending=2), RunStatus.PARTIAL_FAILURE),
        (Funnel(requested=5, losses={Loss.NOT_GENERATED: 5}), RunStatus.FAILED),
        (Funnel(requested=5, generated=5, losses={Loss.LOW_SCORE: 5}), RunStatus.FAILED),
        (Funnel(requested=5, generated=5, losses={Loss.DUPLICATE_EXACT: 5}), RunStatus.SUCCESS),
        (Funnel(requested=5, generated=2, losses={Loss.SATURATED: 3, Loss.DUPLICATE_EXACT: 2}), RunStatus.SUCCESS),
    ],
)
def test_the_status_says_how_it_went(funnel: Funnel, status: RunStatus) -> None:
    assert status_of(funnel) is status


def test_all_duplicates_is_saturation_and_no_failure() -> None:
    funnel = Funnel(requested=5, generated=5, losses={Loss.DUPLICATE_EXACT: 5})
    assert is_saturated(funnel)
    assert exit_code_of(status_of(funnel)) is ExitCode.SUCCESS


def test_a_rate_of_nothing_is_unknown_not_zero() -> None:
    assert ratio(0, 0) is None
    assert ratio(0, 5) == 0.0
