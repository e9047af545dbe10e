"""The three-phase allocation: exact, fair, deterministic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.inventory import InventoryAnalysis, Thresholds, analyze_inventory
from qgen_dagster.core.plan import MAX_QUESTIONS_PER_RUN, compute_generation_plan, spread_evenly
from qgen_dagster.core.taxonomy import Stratum

STRATA = tuple(
    Stratum(t, d)
    for t in ("pattern", "logic", "spatial", "math", "verbal", "memory")
    for d in ("easy", "medium", "hard")
)

counts = st.lists(st.integers(0, 120), min_size=18, max_size=18)
totals = st.integers(0, 3_000)


def analysis_of(stock: list[int], target: int = 50) -> InventoryAnalysis:
    return analyze_inventory(dict(zip(STRATA, stock, strict=True)), STRATA, target_per_stratum=target)


@given(totals, counts)
def test_the_plan_adds_up_to_exactly_what_was_asked_for(total: int, stock: list[int]) -> None:
    plan = compute_generation_plan(total, analysis_of(stock))
    assert plan.total_questions == total
    assert all(count >= 0 for count in plan.allocations.values())
    assert tuple(plan.allocations) == STRATA


@given(totals, counts)
def test_no_deficit_is_exceeded_before_all_are_filled(total: int, stock: list[int]) -> None:
    analysis = analysis_of(stock)
    plan = compute_generation_plan(total, analysis)
    deficits = {s.stratum: s.deficit for s in analysis.strata}
    exceeded = any(plan.allocations[s] > deficits[s] for s in STRATA)
    filled = all(plan.allocations[s] >= deficits[s] for s in STRATA)
    assert filled or not exceeded


@given(totals, counts)
def test_the_same_stock_gives_the_same_plan(total: int, stock: list[int]) -> None:
    assert compute_generation_plan(total, analysis_of(stock)) == compute_generation_plan(total, analysis_of(stock))


@given(totals, counts)
def test_a_more_urgent_stratum_never_gets_less(total: int, stock: list[int]) -> None:
    analysis = analysis_of(stock)
    plan = compute_generation_plan(min(total, analysis.total_deficit), analysis)
    ranked = [s.stratum for s in analysis.strata_by_priority]
    shares = [plan.allocations[s] for s in ranked]
    assert shares == sorted(shares, reverse=True)


@given(st.integers(0, 2_000))
def test_a_full_bank_is_spread_evenly_with_the_remainder_to_the_first(total: int) -> None:
    plan = compute_generation_plan(total, analysis_of([60] * 18))
    each, remainder = divmod(total, 18)
    assert list(plan.allocations.values()) == [each + 1] * remainder + [each] * (18 - remainder)


@given(totals, counts, st.sets(st.sampled_from(STRATA), min_size=1))
def test_a_restricted_plan_touches_only_its_strata(total: int, stock: list[int], chosen: set[Stratum]) -> None:
    plan = compute_generation_plan(total, analysis_of(stock).restrict(chosen))
    assert set(plan.allocations) == chosen
    assert plan.total_questions == total


def test_fifty_questions_for_an_empty_bank_are_dealt_round_not_to_the_first_stratum() -> None:
    plan = compute_generation_plan(50, analysis_of([0] * 18))
    assert list(plan.allocations.values()) == [3] * 14 + [2] * 4


def test_phase_one_is_proportional_to_the_deficit() -> None:
    stock = [50] * 18
    stock[0], stock[1] = 10, 30  # deficits 40 and 20
    plan = compute_generation_plan(30, analysis_of(stock))
    assert plan.allocations[STRATA[0]] == 20
    assert plan.allocations[STRATA[1]] == 10


def test_what_is_left_after_all_deficits_goes_round_in_priority_order() -> None:
    stock = [50] * 18
    stock[5] = 49
    plan = compute_generation_plan(20, analysis_of(stock))
    assert plan.allocations[STRATA[5]] == 1 + 2  # its deficit, then first and nineteenth in the round
    assert plan.allocations[STRATA[0]] == 1


def test_per_type_totals_name_only_what_is_planned() -> None:
    stock = [50] * 18
    stock[9] = stock[10] = 48  # math easy and medium
    assert compute_generation_plan(4, analysis_of(stock)).get_types_to_generate() == {"math": 4}


def test_a_thousand_strata_and_the_largest_run_are_planned_exactly() -> None:
    strata = tuple(Stratum(f"type{i}", "only") for i in range(1_000))
    analysis = analyze_inventory({s: i % 70 for i, s in enumerate(strata)}, strata, thresholds=Thresholds())
    assert compute_generation_plan(MAX_QUESTIONS_PER_RUN, analysis).total_questions == MAX_QUESTIONS_PER_RUN


@pytest.mark.parametrize("total", [-1, MAX_QUESTIONS_PER_RUN + 1])
def test_absurd_totals_are_refused(total: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot plan"):
        compute_generation_plan(total, analysis_of([0] * 18))


def test_a_count_without_any_stratum_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no stratum"):
        compute_generation_plan(1, analysis_of([0] * 18).restrict(()))


@given(totals, st.integers(1, 40))
def test_an_even_spread_differs_by_at_most_one(total: int, strata: int) -> None:
    plan = spread_evenly(total, [Stratum(f"t{i}", "d") for i in range(strata)])
    assert plan.total_questions == total
    assert max(plan.allocations.values()) - min(plan.allocations.values()) <= 1
