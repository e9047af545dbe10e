"""The asset checks: the one that blocks stops a run, the others warn and can be started by themselves."""

from __future__ import annotations

import dagster as dg
import pytest
from sqlalchemy import text

from qgen_dagster.core.question import Question
from qgen_dagster.generation.provider import BatchRequest, ErrorCategory, ProviderError
from qgen_dagster.judging.solving import KeyFinding
from qgen_dagster.services import judge as judge_module
from qgen_dagster.services import work as work_module
from qgen_dagster_tests.support.balancing import Balancing
from qgen_dagster_tests.support.chain import with_script

ALL = {"keys_are_proved", "generation_yield", "duplicate_rate", "coverage", "funnel_identity"}


def failing_every_second_batch(request: BatchRequest, questions: list[Question]) -> list[Question]:
    if request.first_place:
        raise ProviderError(ErrorCategory.INVALID_REQUEST, "400")
    return questions


def test_a_sound_run_passes_every_check_but_the_stock(balancing: Balancing) -> None:
    run_id = balancing.auto_balance(types=["math"], difficulties=["easy"], count=2).run_id
    assert balancing.checks(run_id) == {**dict.fromkeys(ALL, True), "coverage": False}


def test_an_unproved_key_stops_the_run_before_deduplication(
    balancing: Balancing, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = judge_module.judge_procedural

    def careless(*arguments: object, **options: object) -> object:
        verdict = honest(*arguments, **options)  # type: ignore[arg-type]
        unsolved = verdict.solution.model_copy(update={"finding": KeyFinding.AMBIGUOUS})
        return verdict.model_copy(update={"solution": unsolved})

    monkeypatch.setattr(judge_module, "judge_procedural", careless)
    result = balancing.generate_stratum("math__easy", count=2)
    assert not result.success
    assert balancing.checks(result.run_id)["keys_are_proved"] is False
    assert balancing.metadata(result.run_id, "deduplicated_questions") == {}
    assert balancing.active() == {}


def test_an_unaccounted_question_fails_the_funnel_identity(balancing: Balancing) -> None:
    balancing.generate_stratum("math__easy", count=2)
    with balancing.bank.begin() as tx:
        tx.execute(text("UPDATE question_batches SET size = size + 1"))
        tx.execute(text("UPDATE question_batches SET delivered = size"))
    alone = balancing.check("generation_runs", "funnel_identity")
    assert not alone.passed
    assert alone.severity is dg.AssetCheckSeverity.ERROR
    assert alone.metadata["unaccounted"].value == 1


def test_a_provider_that_delivers_little_is_warned_of(balancing: Balancing, monkeypatch: pytest.MonkeyPatch) -> None:
    make_work = work_module.make_work
    with monkeypatch.context() as patch:
        patch.setattr(
            work_module,
            "make_work",
            lambda *a, **k: with_script(make_work(*a, **k), failing_every_second_batch)[0],
        )
        balancing.generate_stratum("math__easy", count=15)
    warned = balancing.check("generated_batches", "generation_yield")
    assert not warned.passed
    assert warned.severity is dg.AssetCheckSeverity.WARN
    assert {name: value.value for name, value in warned.metadata.items()} == {"requested": 15, "generated": 5}


def test_checks_of_an_empty_bank_pass_but_for_the_stock(balancing: Balancing) -> None:
    assert balancing.check("generation_runs", "funnel_identity").passed
    assert balancing.check("deduplicated_questions", "duplicate_rate").passed
    short = balancing.check("question_bank", "coverage")
    assert not short.passed
    assert short.severity is dg.AssetCheckSeverity.ERROR
    assert {name: short.metadata[name].value for name in ("short_strata", "critical_strata")} == {
        "short_strata": 18,
        "critical_strata": 18,
    }
    assert "| math__hard | critical | 0 | 50 |" in str(short.metadata["levels"].value)


def test_a_check_says_which_materialisation_it_is_about(balancing: Balancing) -> None:
    balancing.generate_stratum("math__easy", count=1)
    run_id = balancing.generate_stratum("math__medium", count=1).run_id
    about = balancing.evaluations(run_id)["generation_yield"].target_materialization_data
    assert about is not None
    assert about.run_id == run_id
    alone = balancing.check("generated_batches", "generation_yield")
    assert alone.target_materialization_data == about  # of all partitions, the latest
    whole = balancing.auto_balance(types=["math"], difficulties=["easy"], count=1).run_id
    targets = [made.target_materialization_data for made in balancing.evaluations(whole).values()]
    assert [target and target.run_id for target in targets] == [whole] * len(ALL)
