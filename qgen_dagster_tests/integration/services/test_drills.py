"""Drill series of the built-in designer: planned, built in batches, verified, on a real database."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qgen_dagster.bank.engine import Bank
from qgen_dagster.bank.positions import count_by_phase, get_positions
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.drills import Phase, SeriesStatus, SeriesVerdict
from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.progress import Notice, ProgressEvent
from qgen_dagster.drills.rules import series_problems
from qgen_dagster.services.drill_options import make_series_options
from qgen_dagster.services.plan_drills import cost_of, curriculum_of, fill_library, plan_drills
from qgen_dagster_tests.support.drills import batches_of, build, drills_of, planned, run_of

NOT_OPENING = ("EARLY", "MIDDLE", "BEAROFF")


def test_twenty_drills_over_two_phases_load_twelve_positions_of_each(bank: Bank, settings: Settings) -> None:
    series = planned(bank, settings, count=20, phases=("EARLY", "MIDDLE"))

    assert cost_of(series).positions == 24
    assert series.planned_drill_count == 20


def test_the_opening_is_all_21_rolls_and_needs_no_more_drills_than_that(bank: Bank, settings: Settings) -> None:
    series = planned(bank, settings, count=21, phases=("OPENING",))

    assert cost_of(series).positions == 21
    used = {slot.position_id for batch in batches_of(bank, series) for slot in batch.slots}
    assert len(used) == series.planned_drill_count <= 21


def test_another_seed_takes_other_positions_and_the_same_seed_the_same(bank: Bank, settings: Settings) -> None:
    def used(seed: int) -> list[str]:
        series = planned(bank, settings, count=20, phases=NOT_OPENING, seed=seed)
        return [slot.position_id for batch in batches_of(bank, series) for slot in batch.slots]

    assert used(1) == used(1)
    assert set(used(1)) != set(used(2))


@pytest.mark.parametrize("count", [10, 20, 30])
def test_loading_what_is_needed_saves_half_of_the_tokens(bank: Bank, settings: Settings, count: int) -> None:
    cost = cost_of(planned(bank, settings, count=count, phases=("EARLY", "MIDDLE")))

    assert cost.fixed_positions == 96
    assert cost.saving is not None
    assert cost.saving >= 0.5


def test_25_drills_are_five_batches_of_five_and_all_of_them_verified(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=25).id)

    assert [len(batch.slots) for batch in batches_of(bank, series)] == [5] * 5
    assert (series.status, series.verification, series.drills) == (SeriesStatus.COMPLETED, SeriesVerdict.VERIFIED, 25)
    assert series.warning is None
    drills = drills_of(bank, series)
    assert [stored.index for stored in drills] == list(range(25))
    assert series_problems([stored.drill for stored in drills], curriculum_of(series)) == []
    assert all(stored.check and stored.check.equity_loss is not None for stored in drills)


def test_progress_is_told_batch_by_batch(bank: Bank, settings: Settings) -> None:
    told: list[str] = []

    def listen(event: ProgressEvent | Notice) -> None:
        assert isinstance(event, ProgressEvent)
        told.append(event.sentence())

    build(bank, settings, planned(bank, settings, count=25).id, progress=listen)

    assert told == [f"Generated {5 * n}/25 drills (batch {n}/5)" for n in range(1, 6)]


def test_a_series_has_one_run_of_its_own_kind_without_questions(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)

    row = run_of(bank, series)
    assert (row["kind"], row["status"], row["exit_code"]) == ("drills", "success", 0)
    assert (row["questions_requested"], row["overall_success_rate"]) == (0, None)
    assert row["total_api_calls"] == 2
    assert row["stop_reason"] == "10 of 10 drills, verified"


def test_without_batches_the_series_is_one_single_call(bank: Bank, settings: Settings) -> None:
    single = replace(settings, drill_batches=False)

    series = build(bank, single, planned(bank, single, count=25).id)

    assert [batch.calls for batch in batches_of(bank, series)] == [1]
    assert series.drills == 25


def test_a_phase_with_too_few_positions_says_how_many_there_are_and_makes_what_it_can(
    bank: Bank, settings: Settings
) -> None:
    series = build(bank, settings, planned(bank, settings, count=50, phases=("OPENING",)).id)

    assert 15 <= series.planned_drill_count <= 21
    assert series.drills == series.planned_drill_count
    assert series.status is SeriesStatus.COMPLETED
    assert series.warning is not None
    assert f"{series.planned_drill_count} drills of 50: there are only 21 positions" in series.warning


def test_planning_fills_the_library_once(bank: Bank, settings: Settings) -> None:
    planned(bank, settings, count=5)

    assert fill_library(bank) == 0
    with bank.begin() as tx:
        assert count_by_phase(tx)[Phase.OPENING] == 21


def test_a_series_that_is_planned_already_stays_as_it_is(bank: Bank, settings: Settings) -> None:
    series = planned(bank, settings, count=5)

    again = plan_drills(bank, settings, make_series_options(count=30, seed=9), series.id)

    assert (again.target_drill_count, again.seed) == (5, 1)


def test_every_drill_has_a_position_of_its_own_that_the_library_knows(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=50, seed=3).id)

    ids = [stored.drill.position_id for stored in drills_of(bank, series)]
    assert len(set(ids)) == len(ids) == series.drills
    with bank.begin() as tx:
        assert set(get_positions(tx, ids)) == set(ids)


@pytest.mark.parametrize("count", [4, 51, 0])
def test_counts_outside_five_to_fifty_are_refused(count: int) -> None:
    with pytest.raises(ConfigurationError, match="5 to 50 drills"):
        make_series_options(count=count)


def test_an_unknown_phase_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="unknown phase 'ENDGAME'") as refused:
        make_series_options(phases=("endgame",))
    assert "OPENING, EARLY, MIDDLE, BEAROFF" in str(refused.value)


def test_building_a_finished_series_again_changes_nothing(bank: Bank, settings: Settings) -> None:
    series = build(bank, settings, planned(bank, settings, count=10).id)
    before = drills_of(bank, series)

    build(bank, settings, series.id, retry=True)

    assert drills_of(bank, series) == before
