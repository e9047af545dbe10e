"""Stages that are started by themselves, for what runs that have ended left waiting, with language models."""

from __future__ import annotations

from decimal import Decimal

import pytest

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.funnel import CandidateState
from qgen_dagster.services import inventory
from qgen_dagster.services.generate import generate
from qgen_dagster.services.judge import judge
from qgen_dagster.services.run_record import read_record
from qgen_dagster.services.runs import run_session
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.chain import STAGES, work_for
from qgen_dagster_tests.support.written import cost_of, with_models, work_on


def test_calls_of_a_judge_started_alone_belong_to_the_runs_whose_candidates_it_judges(
    bank: Bank, settings: Settings
) -> None:
    with FakeLlm() as llm:
        keyed = with_models(settings, llm)
        made = []
        for level, count in (("easy", 5), ("medium", 3)):
            work = work_on(bank, keyed, count=count, types=("math",), difficulties=(level,))
            with run_session(work) as session:
                generate(session, inventory.plan_run(work))
            made.append(work.run_id)
        alone = work_on(bank, keyed, count=1, types=("math",))
        with run_session(alone) as session:
            judge(session, alone.strata, session.enter(alone.strata))
        records = [read_record(bank, run_id) for run_id in made]
        rows = [record.row for record in records if record]
        assert [row["questions_approved"] for row in rows] == [5, 3]
        assert [row["total_api_calls"] for row in rows] == [1 + 5 * 3, 1 + 3 * 3]
        assert sum(row["total_api_calls"] for row in rows) == sum(p.calls for p in llm.stats.providers.values())
        assert abs(sum(Decimal(str(row["cost_usd"])) for row in rows) - cost_of(llm)) < Decimal("0.001")
        assert read_record(bank, alone.run_id) is None


def test_a_stage_goes_through_more_candidates_than_fit_a_page(
    bank: Bank, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_rows, "PAGE", 3)
    with FakeLlm() as llm:
        work = work_on(bank, with_models(settings, llm), count=20, types=("math", "verbal"), difficulties=("easy",))
        with run_session(work) as session:
            generate(session, inventory.plan_run(work))
            for stage in STAGES:
                stage(session, work.strata, session.enter(work.strata))
    record = read_record(bank, work.run_id)
    assert record is not None
    assert (record.row["status"], record.funnel.inserted, record.funnel.pending) == ("success", 20, 0)


def test_pages_bring_each_candidate_once_also_those_that_stay_as_they_are(
    bank: Bank, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate_rows, "PAGE", 3)
    work = work_for(bank, settings, count=7, types=("math",), difficulties=("easy",))
    with run_session(work) as session:
        generate(session, inventory.plan_run(work))
    asked = (CandidateState.GENERATED, work.strata, [work.run_id])
    pages = [[c.id for c in page] for page in candidate_rows.pages_in_state(bank.begin, *asked)]
    with bank.begin() as tx:
        everything = [c.id for c in candidate_rows.in_state(tx, *asked)]
    assert [len(page) for page in pages] == [3, 3, 1]
    assert [id_ for page in pages for id_ in page] == everything
