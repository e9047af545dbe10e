from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qgen_dagster.tracking.estimate import Estimate, Line, Maker, PerCall, Portion, Rates, estimate, shares

MAKER = Maker("maker", 1.0, ("one", "two", "three"), ("judge", "second"))
RATES = Rates(4, 400, 1.2, {"solve": 2.5, "arbitrate": 1.1, "compare": 0.05})
BOUND = PerCall(1_000, 500)
MEASURED = PerCall(800, 100, 400, None, 50)


def portion(requested: int = 100, *makers: Maker, batches: int = 20) -> Portion:
    return Portion("math", requested, requested, batches, makers or (MAKER,))


def made(*portions: Portion, rates: Rates | None = None, per_call: PerCall = BOUND, regenerations: int = 0) -> Estimate:
    def price(purpose: str, model: str, call: PerCall) -> Decimal | None:
        return None if model == "free" else Decimal(round(call.input_tokens + call.output_tokens)) / 1_000

    return estimate(portions, rates, lambda purpose, model: per_call, price, regenerations=regenerations)


def calls(found: Estimate) -> dict[tuple[str, str], int]:
    return {(line.purpose, line.model): line.calls for line in found.lines}


def test_without_a_measure_every_question_is_solved_thrice_scored_twice_and_compared() -> None:
    found = made(portion())
    assert found.at_most
    assert calls(found) == {
        ("generate", "maker"): 20,
        ("solve", "one"): 100,
        ("solve", "two"): 100,
        ("solve", "three"): 100,
        ("arbitrate", "judge"): 100,
        ("arbitrate", "second"): 100,
        ("compare", "judge"): 100,
    }


def test_with_measured_rates_calls_follow_them() -> None:
    found = made(portion(), rates=RATES, per_call=MEASURED)
    assert not found.at_most
    assert calls(found) == {
        ("generate", "maker"): 24,
        ("solve", "one"): 100,
        ("solve", "two"): 100,
        ("solve", "three"): 50,
        ("arbitrate", "judge"): 100,
        ("arbitrate", "second"): 10,
        ("compare", "judge"): 5,
    }


def test_one_bound_among_measured_numbers_makes_it_at_most() -> None:
    assert made(portion(), rates=RATES, per_call=BOUND).at_most


def test_tokens_and_cost_are_those_of_the_calls() -> None:
    found = made(portion(), rates=RATES, per_call=MEASURED)
    assert found.calls == 389
    assert (found.input_tokens, found.output_tokens) == (389 * 800, 389 * 100)
    assert found.usd == Decimal("0.9") * 389


def test_what_a_call_makes_grows_with_its_questions_and_nothing_else_does() -> None:
    per_call = PerCall(800, 100, 0, 5.0, 50)
    small = made(portion(20, batches=20), rates=RATES, per_call=per_call)
    [generate] = [line for line in small.lines if line.purpose == "generate"]
    assert generate.output_tokens == generate.calls * 20  # one question a batch, where five made 100 tokens
    assert generate.input_tokens == generate.calls * 800


def test_a_model_without_a_price_is_named_and_not_counted_as_free_money() -> None:
    found = made(portion(100, Maker("free", 1.0, ("one",), ("judge",))))
    assert found.unpriced == ("free",)
    assert found.usd > 0
    assert [line.usd for line in found.lines if line.model == "free"] == [None]


def test_two_makers_share_the_batches_and_each_has_its_own_judges() -> None:
    other = Maker("other", 0.5, ("three", "one"), ("judge",))
    found = calls(made(portion(100, Maker("maker", 0.5, ("one", "two"), ("second",)), other)))
    assert found["generate", "maker"] == found["generate", "other"] == 10
    assert found["arbitrate", "second"] == found["arbitrate", "judge"] == 50
    assert found["solve", "one"] == 50 + 50 + 50  # first and third solver of the one, second of the other


def test_item_models_call_nobody() -> None:
    found = made(Portion("math", 50, 50, 10, ()))
    assert (found.lines, found.calls, found.usd, found.at_most) == ((), 0, Decimal(), False)


def test_questions_that_nobody_can_judge_are_only_made() -> None:
    found = made(portion(100, Maker("maker", 1.0, (), ("judge",))))
    assert set(calls(found)) == {("generate", "maker")}


def test_questions_made_again_count_only_where_nothing_was_measured() -> None:
    assert calls(made(portion(), regenerations=5))["generate", "maker"] == 25
    assert calls(made(portion(), regenerations=5))["solve", "one"] == 105
    assert calls(made(portion(), rates=RATES, regenerations=5))["generate", "maker"] == 24


@given(st.floats(0, 20), st.integers(1, 4))
def test_shares_add_up_to_the_rate_and_the_first_come_first(rate: float, most: int) -> None:
    found = shares(rate, most)
    assert sum(found) == pytest.approx(rate)
    assert found[: most - 1] == sorted(found[: most - 1], reverse=True)


@given(st.integers(1, 500), st.integers(1, 100))
def test_a_bound_is_never_below_what_is_measured_within_it(requested: int, batches: int) -> None:
    rates = Rates(1, 100, 1.0, {"solve": 2.4, "arbitrate": 1.3, "compare": 0.2})
    within = PerCall(900, 400, 100, None, 10)
    assert (
        made(portion(requested, batches=batches)).usd
        >= made(portion(requested, batches=batches), rates=rates, per_call=within).usd
    )


def test_lines_stand_in_the_order_of_the_work() -> None:
    found = made(portion())
    assert [line.purpose for line in found.lines] == ["generate", *["solve"] * 3, *["arbitrate"] * 2, "compare"]
    assert isinstance(found.lines[0], Line)
