"""The whole chain on a real database, with a provider that makes real questions and, where told to, faults."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from qgen_dagster.bank import candidates as candidate_rows
from qgen_dagster.bank import questions as question_rows
from qgen_dagster.bank import runs as run_rows
from qgen_dagster.bank.engine import Bank
from qgen_dagster.config.settings import Settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.errors import BankBusyError, ConfigurationError
from qgen_dagster.core.funnel import CandidateState, Funnel, Loss, Reason
from qgen_dagster.core.question import Option, Question
from qgen_dagster.core.run import RunStatus
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.provider import BatchRequest, ProviderError
from qgen_dagster.services import inventory
from qgen_dagster.services.balance import balance
from qgen_dagster.services.generate import generate
from qgen_dagster.services.judge import judge
from qgen_dagster.services.options import RunOptions
from qgen_dagster.services.run_record import read_record
from qgen_dagster.services.runs import run_session
from qgen_dagster_tests.support.chain import PlainLauncher, run_chain, with_script, work_for

MATH_EASY = Stratum("math", "easy")
ONE = {"types": ("math",), "difficulties": ("easy",)}


def funnel_of(bank: Bank, run_id: object) -> Funnel:
    record = read_record(bank, run_id)  # type: ignore[arg-type]
    assert record is not None
    assert record.funnel.balance == 0
    return record.funnel


def active(bank: Bank, settings: Settings) -> dict[str, int]:
    analysis = inventory.analyze(bank, settings, RunOptions())
    return {s.stratum.key: s.current_count for s in analysis.strata}


def test_a_run_fills_what_was_planned_and_its_row_tells(bank: Bank, settings: Settings) -> None:
    work = work_for(bank, settings, count=12, **ONE)
    run_chain(work)
    record = read_record(bank, work.run_id)
    assert record is not None
    assert record.row["status"] == RunStatus.SUCCESS.value
    assert record.row["exit_code"] == 0
    assert record.row["questions_inserted"] == 12
    assert record.row["overall_success_rate"] == 1.0
    assert record.row["type_metrics"] == {"math": 12}
    assert record.row["provider_metrics"]["procedural"]["api_calls"] == 3
    assert record.row["completed_at"] >= record.row["started_at"]
    assert active(bank, settings)["math__easy"] == 12


def test_running_the_same_run_again_inserts_nothing_twice(bank: Bank, settings: Settings) -> None:
    work = work_for(bank, settings, count=7, **ONE)
    run_chain(work)
    run_chain(replace(work_for(bank, settings, run_id=work.run_id, count=7, **ONE)))
    assert active(bank, settings)["math__easy"] == 7
    assert funnel_of(bank, work.run_id).inserted == 7


def test_the_same_seed_on_a_filled_bank_makes_other_questions(bank: Bank, settings: Settings) -> None:
    for _ in range(2):
        run_chain(work_for(bank, settings, count=5, seed="fixed", **ONE))
    with bank.begin() as tx:
        stems = {q.question.model_dump_json() for q in question_rows.list_questions(tx, limit=50)}
    assert len(stems) == 10


def test_a_wrong_key_never_reaches_the_bank(bank: Bank, settings: Settings) -> None:
    def spoil(request: BatchRequest, questions: list[Question]) -> list[Question]:
        first = questions[0]
        wrong = (first.answer + 1) % len(first.options)
        options = tuple(Option(text=o.text, figure=o.figure) for o in first.options)
        return [first.model_copy(update={"answer": wrong, "options": options}), *questions[1:]]

    work, _ = with_script(work_for(bank, settings, count=40, seed="wrong keys", **ONE), spoil)
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    # One spoilt question per batch of five; salvage repairs keys (the explanation still argues for the right one).
    assert funnel.salvaged == 8
    assert funnel.inserted == 40
    with bank.begin() as tx:
        repaired = question_rows.list_questions(tx, limit=100)
    assert all(q.question.key_option.text in q.question.explanation for q in repaired)


def test_salvage_regenerates_a_bounded_number_and_the_rest_is_a_named_loss(bank: Bank, settings: Settings) -> None:
    def spoil(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if request.seed.split("/")[1] == "again":
            return questions
        return [
            q.model_copy(update={"options": (Option(text="All of the above"), *q.options[1:]), "answer": 1})
            for q in questions
        ]

    work, _ = with_script(work_for(bank, settings, count=20, **ONE), spoil)
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    assert funnel.salvaged == 5
    assert funnel.losses[Loss.FLAWED] == 20 - 5


def test_a_leaked_question_is_never_revived(bank: Bank, settings: Settings) -> None:
    def leak(request: BatchRequest, questions: list[Question]) -> list[Question]:
        return [
            q.model_copy(update={"stem": f"Which option fits? Not the others but {q.key_option.text}."})
            for q in questions
        ]

    work, provider = with_script(
        work_for(bank, settings, count=10, types=("verbal",), difficulties=("easy",), seed="leaked"), leak
    )
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    assert funnel.inserted == 0
    assert funnel.losses == {Loss.LEAKED: 10}
    assert not [r for r in provider.requests if "/again/" in r.seed]


def test_a_difficulty_that_fits_the_neighbour_moves_there(bank: Bank, settings: Settings) -> None:
    def harder(request: BatchRequest, questions: list[Question]) -> list[Question]:
        return [q.model_copy(update={"expected_success": 0.5}) for q in questions]

    work, _ = with_script(work_for(bank, settings, count=5, **ONE), harder)
    with run_session(work) as session:
        generate(session, inventory.plan_run(work))
        everywhere = work.taxonomy.strata
        for stage in (judge,):
            stage(session, everywhere, [work.run_id])
    record = read_record(bank, work.run_id)
    assert record is not None
    assert record.strata[MATH_EASY].reclassified_out == 5
    assert record.strata[Stratum("math", "medium")].reclassified_in == 5
    assert record.funnel.pending == 5
    assert all(funnel.balance == 0 for funnel in record.strata.values())


def test_a_failing_batch_fails_alone(bank: Bank, settings: Settings) -> None:
    def fail_second(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if request.first_place == 5:
            raise ProviderError(ErrorCategory.SERVER_ERROR, "503")
        return questions

    work, provider = with_script(work_for(bank, settings, count=20, **ONE), fail_second)
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    assert funnel.inserted == 15
    assert funnel.losses == {Loss.NOT_GENERATED: 5}
    assert len([r for r in provider.requests if r.first_place == 5]) == 1 + 3
    record = read_record(bank, work.run_id)
    assert record is not None
    assert record.row["status"] == RunStatus.PARTIAL_FAILURE.value
    assert record.row["error_summary"]["by_category"] == {"server_error": 4}


def test_all_batches_failing_is_a_failed_run(bank: Bank, settings: Settings) -> None:
    def fail(request: BatchRequest, questions: list[Question]) -> list[Question]:
        raise ProviderError(ErrorCategory.AUTHENTICATION, "401")

    work, provider = with_script(work_for(bank, settings, count=10, **ONE), fail)
    run_chain(work)
    assert funnel_of(bank, work.run_id).losses == {Loss.NOT_GENERATED: 10}
    assert len(provider.requests) == 2  # not retryable
    record = read_record(bank, work.run_id)
    assert record is not None
    assert record.row["status"] == RunStatus.FAILED.value
    assert record.row["error_summary"]["critical_count"] == 2


def test_a_short_reply_keeps_what_it_has_and_asks_only_for_the_rest(bank: Bank, settings: Settings) -> None:
    def short(request: BatchRequest, questions: list[Question]) -> list[Question]:
        return questions[:2]

    work, provider = with_script(work_for(bank, settings, count=5, **ONE), short)
    run_chain(work)
    assert [r.size for r in provider.requests] == [5, 3, 1]
    assert funnel_of(bank, work.run_id).inserted == 5


def test_duplicates_within_the_run_are_turned_away(bank: Bank, settings: Settings) -> None:
    kept: list[Question] = []

    def repeat(request: BatchRequest, questions: list[Question]) -> list[Question]:
        kept[:] = kept or questions
        return kept[: request.size]

    work, _ = with_script(work_for(bank, settings, count=10, **ONE), repeat)
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    assert funnel.inserted == 5
    assert funnel.losses == {Loss.DUPLICATE_EXACT: 5}


def test_everything_a_duplicate_is_success_and_saturated(bank: Bank, settings: Settings) -> None:
    first = work_for(bank, settings, count=5, **ONE)
    run_chain(first)
    with bank.begin() as tx:
        there = [q.question for q in question_rows.list_questions(tx, limit=10)]
    launcher = PlainLauncher(
        bank, settings, lambda work: with_script(work, lambda request, questions: there[: request.size])[0]
    )
    report = balance(bank, settings, RunOptions(count=5, **ONE), launcher)
    assert report.saturated
    assert report.exit_code == 0
    assert report.funnel.inserted == 0


def test_after_a_bad_yield_more_is_asked_for_and_what_was_not_wanted_is_surplus(bank: Bank, settings: Settings) -> None:
    def every_second_batch(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if (request.first_place // 5) % 2:
            raise ProviderError(ErrorCategory.INVALID_REQUEST, "400")
        return questions

    work, _ = with_script(work_for(bank, settings, count=20, **ONE), every_second_batch)
    run_chain(work)
    after = work_for(bank, settings, count=10, **ONE)
    run_chain(after)
    funnel = funnel_of(bank, after.run_id)
    assert funnel.requested == 20
    assert funnel.inserted == 10
    assert funnel.losses == {Loss.SURPLUS: 10}


def test_a_bank_without_deficit_has_nothing_to_do_and_says_so(bank: Bank, settings: Settings) -> None:
    run_chain(work_for(bank, settings, fill=True, target_per_stratum=2))
    launcher = PlainLauncher(bank, settings)
    report = balance(bank, settings, RunOptions(target_per_stratum=2), launcher)
    assert report.plan.total_questions == 0
    assert report.exit_code == 0
    assert report.diagnostics == (
        "Auto-balance early exit: all strata at or above target\n"
        "  Thresholds: healthy=50, warning=20, target_per_stratum=2\n"
        "  Analyzed 18 strata, 36 total active questions\n"
        "  Below target: 0, Critical: 18"
    )


def test_an_explicit_count_on_a_full_bank_is_spread_evenly(bank: Bank, settings: Settings) -> None:
    run_chain(work_for(bank, settings, fill=True, target_per_stratum=1))
    run_chain(work_for(bank, settings, count=18, target_per_stratum=1))
    assert set(active(bank, settings).values()) == {2}


def test_filling_repeats_until_no_deficit_is_left(bank: Bank, settings: Settings) -> None:
    def lose_some(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if request.call == 1:
            return questions[:-1]
        raise ProviderError(ErrorCategory.INVALID_REQUEST, "400")

    launcher = PlainLauncher(bank, settings, lambda work: with_script(work, lose_some)[0])
    report = balance(bank, settings, RunOptions(fill=True, target_per_stratum=20, **ONE), launcher)
    assert report.stop_reason == "no deficit is left"
    assert active(bank, settings)["math__easy"] == 20
    assert len(report.rounds) > 1
    assert {r.parent_run_id for r in launcher.requests[1:]} == {launcher.requests[0].run_id}


def test_filling_stops_when_a_round_makes_no_progress(bank: Bank, settings: Settings) -> None:
    def fail(request: BatchRequest, questions: list[Question]) -> list[Question]:
        raise ProviderError(ErrorCategory.SERVER_ERROR, "503")

    launcher = PlainLauncher(bank, settings, lambda work: with_script(work, fail)[0])
    report = balance(bank, settings, RunOptions(fill=True, **ONE), launcher)
    assert len(report.rounds) == 1
    assert report.stop_reason == "the last round made no progress"
    assert report.exit_code == 2


def test_a_second_run_on_the_same_stratum_is_refused_while_the_first_is_alive(bank: Bank, settings: Settings) -> None:
    first, second = (work_for(bank, settings, count=5, **ONE) for _ in range(2))
    with run_session(first) as session:
        generate(session, inventory.plan_run(first))
        with pytest.raises(BankBusyError, match="math__easy"):
            run_chain(second)
        run_chain(work_for(bank, settings, count=5, types=("math",), difficulties=("hard",)))
    with bank.begin() as tx:
        assert run_rows.get_run(tx, second.run_id) is None


def test_a_stage_started_by_itself_goes_on_with_what_ended_runs_left(bank: Bank, settings: Settings) -> None:
    left = work_for(bank, settings, count=5, **ONE)
    with run_session(left) as session:
        generate(session, inventory.plan_run(left))
    assert funnel_of(bank, left.run_id).pending == 5
    later = work_for(bank, settings, **ONE)
    with run_session(later) as session:
        judge(session, [MATH_EASY], session.enter([MATH_EASY]))
        with bank.begin() as tx:
            approved = candidate_rows.in_state(tx, CandidateState.APPROVED, [MATH_EASY], [left.run_id])
        assert len(approved) == 5


def test_a_question_that_nobody_can_solve_waits(bank: Bank, settings: Settings) -> None:
    def unknown_model(request: BatchRequest, questions: list[Question]) -> list[Question]:
        return [q.model_copy(update={"item_model": "of_another_version"}) for q in questions]

    work, _ = with_script(work_for(bank, settings, count=5, **ONE), unknown_model)
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    assert funnel.pending == 5
    assert funnel.inserted == 0


def test_a_row_that_the_database_refuses_loses_only_itself(bank: Bank, settings: Settings) -> None:
    def mark_first(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if request.first_place == 0:
            return [questions[0].model_copy(update={"explanation": f"{questions[0].explanation} @"}), *questions[1:]]
        return questions

    with bank.begin() as tx:
        tx.exec_driver_sql("ALTER TABLE questions ADD CHECK (content->>'explanation' NOT LIKE '%%@')")
    work, _ = with_script(work_for(bank, settings, count=10, **ONE), mark_first)
    run_chain(work)
    funnel = funnel_of(bank, work.run_id)
    assert funnel.inserted == 9
    assert funnel.losses == {Loss.INSERTION_FAILED: 1}
    record = read_record(bank, work.run_id)
    assert record is not None
    assert record.row["insertion_failures"] == 1
    assert record.row["status"] == RunStatus.PARTIAL_FAILURE.value


def test_an_item_that_no_database_could_hold_is_invalid_and_asked_for_again(bank: Bank, settings: Settings) -> None:
    def with_nul(request: BatchRequest, questions: list[Question]) -> list[Question]:
        if request.call == 1:
            return [questions[0].model_copy(update={"stem": "What is\x00 this?"}), *questions[1:]]
        return questions

    work, provider = with_script(work_for(bank, settings, count=5, **ONE), with_nul)
    run_chain(work)
    assert [r.size for r in provider.requests] == [5, 1]
    assert funnel_of(bank, work.run_id).inserted == 5


def test_an_unknown_type_is_refused_before_anything_is_recorded(bank: Bank, settings: Settings) -> None:
    launcher = PlainLauncher(bank, settings)
    with pytest.raises(ConfigurationError, match="unknown question type"):
        balance(bank, settings, RunOptions(types=("maths_and_more",)), launcher)
    assert launcher.requests == []


def test_reasons_are_stored_with_the_verdict(bank: Bank, settings: Settings) -> None:
    run_id = uuid4()
    work = work_for(bank, settings, run_id=run_id, count=5, min_score=1.0, **ONE)
    run_chain(work)
    with bank.begin() as tx:
        done = candidate_rows.in_state(tx, CandidateState.INSERTED, [MATH_EASY], [run_id])
    assert all(c.arbiter_score == 1.0 and c.reason is None for c in done)
    assert Reason.LOW_SCORE not in {c.reason for c in done}
