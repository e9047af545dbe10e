"""Stages that are started by themselves, for what runs that have ended left waiting, with language models."""

from __future__ import annotations

from decimal import Decimal

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.services import inventory
from qgen_dagster.services.generate import generate
from qgen_dagster.services.judge import judge
from qgen_dagster.services.run_record import read_record
from qgen_dagster.services.runs import run_session
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.support.written import cost_of, with_models, work_on


def test_calls_of_a_judge_started_alone_belong_to_the_run_whose_candidates_it_judges(
    bank: Bank, settings: Settings
) -> None:
    with FakeLlm() as llm:
        keyed = with_models(settings, llm)
        options = {"count": 5, "types": ("math",), "difficulties": ("easy",)}
        first = work_on(bank, keyed, **options)
        with run_session(first) as session:
            generate(session, inventory.plan_run(first))
        alone = work_on(bank, keyed, **options)
        with run_session(alone) as session:
            judge(session, alone.strata, session.enter(alone.strata))
        record = read_record(bank, first.run_id)
        assert record is not None
        assert record.row["questions_approved"] == 5
        assert record.row["total_api_calls"] == sum(provider.calls for provider in llm.stats.providers.values())
        assert abs(Decimal(str(record.row["cost_usd"])) - cost_of(llm)) < Decimal("0.001")
        assert read_record(bank, alone.run_id) is None
