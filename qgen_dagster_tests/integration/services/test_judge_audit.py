"""The audit of the judges over real SDKs and real HTTP: its figures are what the scripted judges do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import text

from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.errors import AuthenticationError, BillingError
from qgen_dagster.core.progress import Notice, ProgressEvent
from qgen_dagster.core.question import as_shown
from qgen_dagster.generation.prompts.files import load_prompts
from qgen_dagster.generation.prompts.render import solve_prompt
from qgen_dagster.generation.replies.verdicts import parse_solution
from qgen_dagster.judging.audit import Share
from qgen_dagster.services.judge_audit import (
    ORDERS,
    AuditOptions,
    AuditReport,
    AuditSet,
    audit_judges,
    load_audit_set,
    order_of,
)
from qgen_dagster.services.jury import choose_jury
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.fake_llm.brain import Brain
from qgen_dagster_tests.fake_llm.prompts import read_prompt
from qgen_dagster_tests.support.chain import NO_WAITING
from qgen_dagster_tests.support.written import cost_of, unlimited, with_models

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
GPT, CLAUDE, GEMINI = "gpt-5.4-mini", "claude-sonnet-5-5", "gemini-3.8-flash"
THREE = (GPT, CLAUDE, GEMINI)


@pytest.fixture
def llm() -> Iterator[FakeLlm]:
    with FakeLlm() as running:
        yield running


@pytest.fixture
def keyed(settings: Settings, llm: FakeLlm, tmp_path: Path) -> Settings:
    return replace(with_models(settings, llm), models_file=unlimited(tmp_path))


def audit(
    bank: Bank,
    settings: Settings,
    *judges: str,
    labelled: AuditSet | None = None,
    most: int | None = 24,
    at: datetime = NOON,
    told: list[ProgressEvent | Notice] | None = None,
    **options: Any,
) -> AuditReport:
    told = [] if told is None else told
    return audit_judges(
        bank,
        settings,
        choose_jury(settings, judges),
        labelled or load_audit_set(settings, most=most),
        AuditOptions(retry=NO_WAITING, max_concurrent=20, **options),
        progress=told.append,
        clock=lambda: at,
    )


def figures_of(report: AuditReport) -> tuple[object, ...]:
    return report.panel, report.solvers, report.arbiters


def test_judges_that_know_the_truth_stop_every_fault_that_they_can_see(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    report = audit(bank, keyed, GPT, CLAUDE, most=None)
    caught = {fault.label: fault.caught for fault in report.panel.faults}
    assert caught.pop("formatting") == Share(4, 8)  # the server's arbiters do not look at the form: rules alone
    assert set(caught.values()) == {Share(8, 8)}
    gates = {fault.label: {str(gate): n for gate, n in fault.gates.items() if n} for fault in report.panel.faults}
    assert gates["wrong_key"] == gates["two_keys"] == gates["ambiguous"] == {"solvers": 8}
    assert gates["leak"] == {"rules": 4, "arbiter": 4}
    assert gates["wrong_difficulty"] == {"arbiter": 8}
    assert report.panel.false_rejections == report.panel.moved == Share(0, 48)
    for solver in report.solvers:
        assert (solver.right.share, solver.position_bias, solver.doubts.share) == (1.0, 0.0, 1.0)
    for arbiter in report.arbiters:
        assert (arbiter.leaks, arbiter.false_leaks, arbiter.levels) == (Share(8, 8), Share(0, 48), Share(48, 48))
        assert (arbiter.length_bias.value, arbiter.order_shift.value, arbiter.chance_shift.value) == (0.0, 0.0, 0.0)
    assert report.complete


def test_the_report_tells_what_the_server_counted_and_what_it_cost(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    told: list[ProgressEvent | Notice] = []
    report = audit(bank, keyed, *THREE, told=told)
    stats = llm.stats
    assert (report.calls, report.reused, report.unpriced, report.errors) == (stats.calls, 0, 0, {})
    assert report.tokens == sum(p.tokens.input + p.tokens.output for p in stats.providers.values())
    assert abs(report.cost_usd - cost_of(llm)) < Decimal("0.001")
    with bank.begin() as tx:
        rows = tx.execute(text("SELECT count(*), count(run_id), count(candidate_id), sum(cost_usd) FROM llm_calls"))
        calls, with_run, with_candidate, usd = rows.one()
        assert tx.execute(text("SELECT count(*) FROM question_generation_runs")).scalar_one() == 0
    assert (calls, with_run, with_candidate) == (report.calls, 0, 0)
    assert abs(usd - report.cost_usd) < Decimal("0.001")
    ends = {e.group: (e.done, e.total) for e in told if isinstance(e, ProgressEvent)}
    assert len(ends) == 7  # the panel, three solvers, three arbiters
    assert all(done == total for done, total in ends.values())


def test_a_solver_that_errs_is_measured_to_err_exactly_as_often(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    rates = {"openai": 0.4}
    llm.script(solver_error_rate=rates)
    report = audit(bank, keyed, GPT, CLAUDE, most=None)
    labelled = load_audit_set(keyed)
    brain, prompts = Brain(0, rates), load_prompts(labelled.taxonomy)
    right = 0
    sure = [item for item in labelled.items if item.right is not None]
    for item in sure:
        for turn in range(ORDERS):
            order = order_of(item, turn)
            prompt = solve_prompt(prompts, as_shown(item.question), order)
            said = brain.answer(read_prompt(prompt.user), "openai", None, 0)
            right += parse_solution(said, order).answer == item.right
    erring, sound = report.solvers
    assert erring.right == Share(right, ORDERS * len(sure))
    assert 0.4 < (erring.right.share or 0) < 0.8
    assert sound.right.share == 1.0
    # The errors come from its other family only: with two families the third solver is the erring one again.
    assert report.panel.false_rejections.hits > 0
    assert set(report.panel.false_reasons) <= {"wrong_key", "ambiguous"}


def test_an_audit_of_the_same_day_goes_on_from_the_journal_and_a_fresh_or_later_one_asks_again(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    first = audit(bank, keyed, GPT, CLAUDE, most=6)
    again = audit(bank, keyed, GPT, CLAUDE, most=6)
    assert figures_of(again) == figures_of(first)
    assert (again.calls, again.reused, again.cost_usd) == (0, first.calls, 0)
    assert audit(bank, keyed, GPT, CLAUDE, most=6, fresh=True).reused == 0
    assert audit(bank, keyed, GPT, CLAUDE, most=6, at=NOON.replace(day=21)).reused == 0
    larger = audit(bank, keyed, GPT, CLAUDE, most=8)
    assert larger.reused == first.calls
    assert larger.calls > 0


def test_a_budget_is_never_passed_and_the_report_says_that_it_ended_the_audit(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    report = audit(bank, keyed, GPT, CLAUDE, budget_usd=Decimal("0.05"))
    assert report.stopped == "the audit's budget of 0.05 USD is spent"
    assert not report.complete
    assert 0 < report.cost_usd <= Decimal("0.05")
    assert report.calls == llm.stats.calls
    assert report.errors == {}  # a spent budget is no error
    measured = sum(fault.caught.of for fault in report.panel.faults) + report.panel.false_rejections.of
    assert measured + report.panel.undecided == 24


def test_nothing_at_all_to_spend_leaves_every_figure_of_judges_unmeasured(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    report = audit(bank, keyed, GPT, budget_usd=Decimal(0))
    assert llm.stats.calls == 0
    assert report.unmeasured == (GPT,)
    solver, arbiter = report.solvers[0], report.arbiters[0]
    assert solver.right.share is solver.position_bias is solver.changed_by_chance.share is None
    assert arbiter.separation is arbiter.length_bias.value is arbiter.leaks.share is None
    assert report.rules[3].caught.of > 0  # rules cost nothing


def test_the_days_budget_counts_for_an_audit_too(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    report = audit(bank, replace(keyed, budget_usd_per_day=Decimal("0.02")), GPT, at=datetime.now(UTC))
    assert report.stopped == "the day's budget of 0.02 USD is spent"
    assert report.cost_usd <= Decimal("0.02")


def test_judges_that_always_choose_the_first_letter_show_their_bias(
    bank: Bank, keyed: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    # Questions that the server cannot know: there it answers A, and in no other way.
    entries = [
        {
            "id": f"thing_{place}",
            "difficulty": "easy",
            "sub_type": "definition",
            "stem": f"Zorb {place}?",
            "options": [f"w{place}x", f"w{place}y", f"w{place}z", f"w{place}q"],
            "answer": f"w{place}x",
            "explanation": f"It is w{place}x by its definition.",
        }
        for place in range(12)
    ]
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "words.yaml").write_text(yaml.safe_dump({"type": "verbal", "questions": entries}))
    labelled = load_audit_set(keyed, folder)
    [solver] = audit(bank, keyed, GPT, labelled=labelled).solvers
    at_a = sum(order_of(item, turn)[0] == item.right for item in labelled.items for turn in range(ORDERS))
    assert solver.letters["A"] == (36, at_a)
    assert solver.right == Share(at_a, 36)
    assert solver.position_bias == pytest.approx(1 - at_a / 36)
    assert solver.changed_by_order == Share(24, 24)
    assert solver.changed_by_chance == Share(0, 12)


def test_replies_that_cannot_be_used_are_a_figure_of_the_judge(bank: Bank, keyed: Settings, llm: FakeLlm) -> None:
    llm.script("malformed_text:1:provider=anthropic:task=solve")
    report = audit(bank, keyed, GPT, CLAUDE, most=6)
    sound, broken = report.solvers
    assert broken.unreadable == Share(24, 24)
    assert broken.right.share is None
    assert sound.unreadable == Share(0, 24)
    assert report.arbiters[1].unreadable.hits == 0
    assert report.unmeasured == ()  # as an arbiter it was measured
    assert report.errors["parse_error"] >= 24


def test_a_provider_that_refuses_its_key_is_named_and_the_others_are_measured(
    bank: Bank, keyed: Settings, llm: FakeLlm
) -> None:
    environment = {**keyed.provider_environment, "OPENAI_API_KEY": "bad-key"}
    report = audit(bank, replace(keyed, provider_environment=environment), GPT, CLAUDE, most=6)
    assert report.unmeasured == (GPT,)
    assert not report.complete
    assert report.solvers[0].unreadable.share is None  # it was never asked successfully, so nothing is said of it
    assert report.solvers[1].right.share == 1.0
    assert report.panel.undecided == 0  # the other family stands in, as in a run


@pytest.mark.parametrize(("key", "error"), [("bad-key", AuthenticationError), ("no-money", BillingError)])
def test_when_no_judge_can_be_asked_the_error_says_why(
    bank: Bank, keyed: Settings, key: str, error: type[Exception]
) -> None:
    environment = {**keyed.provider_environment, "OPENAI_API_KEY": key}
    with pytest.raises(error, match="no judge gave a reply that can be read"):
        audit(bank, replace(keyed, provider_environment=environment), GPT, most=4)


def test_with_another_taxonomy_the_judges_are_asked_with_the_one_that_ships(
    bank: Bank, keyed: Settings, llm: FakeLlm, tmp_path: Path
) -> None:
    taxonomy = tmp_path / "taxonomy.yaml"
    taxonomy.write_text(
        json.dumps({"difficulties": [{"key": "year7", "success_rate": [0.4, 0.6]}], "types": [{"key": "chemistry"}]})
    )
    own = replace(keyed, taxonomy_file=taxonomy)
    told: list[ProgressEvent | Notice] = []
    report = audit(bank, own, GPT, most=4, told=told)
    assert report.solvers[0].right.share == 1.0
    assert any("your taxonomy has other types" in event.text for event in told if isinstance(event, Notice))
