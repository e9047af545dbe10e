"""Sums over the runs of a day are made once, are never stale, and make nobody wait."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qgen_dagster.bank import run_days
from qgen_dagster.bank.engine import Bank, Transaction
from qgen_dagster.bank.run_days import Period, Tally

MARCH = Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
TODAY = date(2026, 3, 20)
INSERT = text(
    "INSERT INTO question_generation_runs (id, started_at, status, questions_requested, questions_inserted,"
    " provider_metrics, funnel, type_metrics) VALUES (:id, :at, :status, 10, 5, CAST(:providers AS jsonb),"
    " CAST(:funnel AS jsonb), CAST(:types AS jsonb))"
)


def add(tx: Transaction, day: int, hour: int = 12, **values: str | None) -> UUID:
    """A run of a day in March 2026, 10 asked for and 5 inserted."""
    run_id = uuid4()
    given = {"status": "success", "providers": None, "funnel": None, "types": None, **values}
    tx.execute(INSERT, {"id": run_id, "at": datetime(2026, 3, day, hour, tzinfo=UTC), **given})
    return run_id


def inserted(bank: Bank, period: Period = MARCH) -> int:
    ready = run_days.prepare(bank, period, today=TODAY)
    with bank.begin() as tx:
        found = run_days.tallies(tx, period, ready, ["run"])
    return sum(tally.inserted for tally in found.values())


def test_past_days_are_summed_up_once_and_today_never(bank: Bank) -> None:
    with bank.begin() as tx:
        for day in (3, 3, 5, 20):
            add(tx, day)
    ready = run_days.prepare(bank, MARCH, today=TODAY)
    assert ready == {date(2026, 3, day) for day in range(3, 20)}  # days without runs too
    assert inserted(bank) == 20
    with bank.begin() as tx:
        assert run_days.first_day(tx) == date(2026, 3, 3)
    assert run_days.sum_up(bank, sorted(ready)) == 0


def test_whoever_changes_a_run_is_not_waited_for_and_not_missed(bank: Bank) -> None:
    with bank.begin() as tx:
        add(tx, 3)
        add(tx, 4)
    with bank.begin() as writer:
        add(writer, 3)
        ready = run_days.prepare(bank, MARCH, today=TODAY)
        assert date(2026, 3, 3) not in ready
        assert date(2026, 3, 4) in ready
        assert inserted(bank) == 10
    assert inserted(bank) == 15
    assert date(2026, 3, 3) in run_days.prepare(bank, MARCH, today=TODAY)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("UPDATE question_generation_runs SET questions_inserted = 7", 14),
        ("UPDATE question_generation_runs SET started_at = started_at + interval '2 days'", 10),
        ("UPDATE question_generation_runs SET started_at = started_at + interval '2 months'", 0),
        ("DELETE FROM question_generation_runs", 0),
    ],
)
def test_a_change_removes_the_sums_of_its_days(bank: Bank, change: str, left: int) -> None:
    with bank.begin() as tx:
        add(tx, 3)
        add(tx, 4)
    assert inserted(bank) == 10
    with bank.begin() as tx:
        tx.execute(text(change))
    assert inserted(bank) == left


def test_runs_can_be_deleted_and_their_sums_kept(bank: Bank) -> None:
    with bank.begin() as tx:
        add(tx, 3)
    assert inserted(bank) == 5
    with bank.begin() as tx:
        tx.execute(text("SET LOCAL qgen.keep_run_days = 'on'"))
        tx.execute(text("DELETE FROM question_generation_runs"))
    assert inserted(bank) == 5


def test_parts_of_days_are_read_from_the_runs(bank: Bank) -> None:
    with bank.begin() as tx:
        for hour in (1, 11, 13, 23):
            add(tx, 3, hour)
            add(tx, 5, hour)
    noon = Period(datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2026, 3, 5, 12, tzinfo=UTC))
    assert inserted(bank, noon) == 20
    longer = Period(noon.since - timedelta(hours=2), noon.until + timedelta(hours=2))
    assert inserted(bank, longer) == 30


def test_runs_that_tell_no_strata_count_by_their_types_and_breakdowns_that_are_none_do_no_harm(bank: Bank) -> None:
    funnel = '{"total": {}, "strata": {"math__easy": {"requested": 10, "generated": 9, "inserted": 5, "losses": {}}}}'
    with bank.begin() as tx:
        add(tx, 3, funnel=funnel, types='{"math": 9}')
        add(tx, 3, types='{"math": 4}', providers="null", funnel="null")
        add(tx, 3, types="[1]", providers='"x"', funnel='{"strata": 1}')
        add(tx, 3, status="running", providers='{"openai": {"generated": 9}}')
    ready = run_days.prepare(bank, MARCH, today=TODAY)
    with bank.begin() as tx:
        found = run_days.tallies(tx, MARCH, ready, ["run", "provider", "stratum"])
    assert found["stratum", "math__easy"].generated == 9
    assert found["stratum", "math__"].generated == 4
    assert {key for key in found if key[0] == "provider"} == set()
    assert (found["run", "running"].runs, found["run", "success"].runs) == (1, 3)


def test_sums_of_nothing_measured_are_none() -> None:
    assert (Tally() + Tally()).cost_usd is None
    both = Tally(lowest_score=0.5, highest_score=0.7) + Tally(lowest_score=0.4)
    assert (both.lowest_score, both.highest_score) == (0.4, 0.7)
