"""Who gets which position and methodology."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from qgen_dagster.config.drills import Curriculum, packaged_curriculum
from qgen_dagster.core.drills import Phase, Position, Tier
from qgen_dagster.drills.design import possible_methodologies
from qgen_dagster.drills.library import load_catalogue, select_positions
from qgen_dagster.drills.planner import SeriesPlan, plan_series

CURRICULUM = packaged_curriculum()
LIBRARY = load_catalogue()
NOT_OPENING = (Phase.EARLY, Phase.MIDDLE, Phase.BEAROFF)


@cache
def possible(position: Position) -> tuple[str, ...]:
    return possible_methodologies(position, CURRICULUM, 1)


def plan(count: int, phases: tuple[Phase, ...], seed: int = 1, batch_size: int = 5) -> SeriesPlan:
    positions = select_positions(LIBRARY, phases, count, seed).positions
    lends = {position.id: possible(position) for position in positions}
    return plan_series(positions, lends, count, CURRICULUM, seed=seed, batch_size=batch_size)


def check_quotas(made: SeriesPlan, curriculum: Curriculum = CURRICULUM) -> None:
    count = len(made.slots)
    assert [slot.index for slot in made.slots] == list(range(count))
    assert len({slot.position_id for slot in made.slots}) == count
    methods = Counter(slot.methodology for slot in made.slots)
    assert len(methods) >= 4
    assert max(methods.values()) <= max(1, 0.3 * count)
    assert max(Counter(slot.tier for slot in made.slots).values()) <= -(-2 * count // 5)
    for slot in made.slots:
        assert slot.tier is curriculum.methodologies[slot.methodology].tier


@pytest.mark.parametrize("count", [5, 6, 10, 13, 21, 25, 30, 50])
@pytest.mark.parametrize(
    "phases", [(Phase.EARLY, Phase.MIDDLE), NOT_OPENING, tuple(Phase)], ids=["two", "three", "all"]
)
def test_a_plan_is_complete_and_keeps_its_quotas(count: int, phases: tuple[Phase, ...]) -> None:
    made = plan(count, phases)
    assert len(made.slots) == count
    assert made.warnings == ()
    check_quotas(made)
    counted = Counter(slot.phase for slot in made.slots)
    assert set(counted) == set(phases)
    assert max(counted.values()) - min(counted.values()) <= 1


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_series_over_one_phase_keeps_its_quotas(phase: Phase, seed: int) -> None:
    made = plan(10, (phase,), seed)
    assert len(made.slots) >= 8
    check_quotas(made)


def test_tiers_are_even_where_the_positions_allow_it() -> None:
    tiers = Counter(slot.tier for slot in plan(30, NOT_OPENING).slots)
    assert tiers == {Tier.RECOGNITION: 10, Tier.APPLICATION: 10, Tier.TRANSFER: 10}


def test_twenty_five_drills_make_five_batches_of_five() -> None:
    made = plan(25, NOT_OPENING)
    assert [len(batch) for batch in made.batches] == [5, 5, 5, 5, 5]
    assert [slot.index for batch in made.batches for slot in batch] == list(range(25))


def test_the_last_batch_is_smaller_and_the_size_can_be_chosen() -> None:
    assert [len(batch) for batch in plan(13, NOT_OPENING, batch_size=4).batches] == [4, 4, 4, 1]


def test_the_same_seed_makes_the_same_plan_and_another_another() -> None:
    assert plan(20, NOT_OPENING, seed=3) == plan(20, NOT_OPENING, seed=3)
    assert plan(20, NOT_OPENING, seed=3) != plan(20, NOT_OPENING, seed=4)


def test_a_position_gets_only_what_it_lends_itself_to() -> None:
    by_id = {position.id: position for position in LIBRARY}
    for slot in plan(30, tuple(Phase)).slots:
        assert slot.methodology in possible(by_id[slot.position_id])


def test_drills_go_by_phase_and_from_recognition_to_transfer() -> None:
    phases, tiers = list(Phase), list(Tier)
    order = [(phases.index(slot.phase), tiers.index(slot.tier)) for slot in plan(25, tuple(Phase)).slots]
    assert order == sorted(order)


def test_too_few_positions_make_a_shorter_series_and_say_so() -> None:
    positions = [p for p in LIBRARY if p.phase is Phase.MIDDLE][:9]
    made = plan_series(positions, {p.id: possible(p) for p in positions}, 20, CURRICULUM, seed=1)
    assert 5 <= len(made.slots) <= 9
    assert "there are only 9 positions" in made.warnings[0]
    check_quotas(made)


def test_positions_that_lend_themselves_to_one_thing_only_do_not_break_the_quotas() -> None:
    positions = [p for p in LIBRARY if p.phase is Phase.MIDDLE][:20]
    made = plan_series(positions, {p.id: ("price_the_error",) for p in positions}, 20, CURRICULUM, seed=1)
    assert len(made.slots) == 1
    assert "within the quotas" in made.warnings[0]


def test_no_positions_make_no_plan() -> None:
    made = plan_series([], {}, 10, CURRICULUM, seed=1)
    assert made.slots == ()
    assert made.batches == ()
    assert made.warnings
