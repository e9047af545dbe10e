"""The model behind the server: distinct questions, true answers, scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from qgen_dagster.core.question import Option, Question, Stimulus, normalise_text
from qgen_dagster.judging.rules import find_flaws, leakage
from qgen_dagster_tests.fake_llm import FakeLlm
from qgen_dagster_tests.fake_llm.memory import Memory
from qgen_dagster_tests.fake_llm.prompts import PrintedQuestion, read_prompt
from qgen_dagster_tests.fake_llm.stock import Stock
from qgen_dagster_tests.integration.fake_llm.conftest import Ask, chat, openai_client
from qgen_dagster_tests.integration.fake_llm.prompts import (
    arbitrate,
    compare,
    generate,
    letter_of,
    questions_of,
    solve,
)

FAMILIES = ("pattern", "logic", "spatial", "math", "verbal", "memory")


def test_questions_keep_the_output_contract(ask: Ask) -> None:
    for family in FAMILIES:
        for question in questions_of(ask(generate(5, family, "medium", "one, two"))):
            assert question["sub_type"] in ("one", "two")
            texts = [option["text"] for option in question["options"]]
            assert 4 <= len(texts) <= 6
            assert len({normalise_text(text) for text in texts}) == len(texts)
            assert [o["text"] for o in question["options"] if o["mistake"] is None] == [question["answer"]]


def test_questions_break_no_fatal_rule_and_leak_nothing() -> None:
    stock = Stock(7)
    for family in FAMILIES:
        for made in stock.take(family, "hard", [], 20):
            question = Question(
                question_type=family,
                difficulty="hard",
                sub_type=made.sub_type,
                stem=made.stem,
                options=tuple(Option(text=text) for text in made.options),
                answer=made.key,
                explanation=made.explanation,
                stimulus=Stimulus(text=made.stimulus) if made.stimulus else None,
            )
            assert not [flaw for flaw in find_flaws(question) if flaw.fatal]
            assert leakage(question) > 0.9


@pytest.mark.parametrize(("question_type", "difficulty"), [("verbal", "easy"), ("chess", "grandmaster")])
def test_no_question_comes_twice_however_many_ask_at_once(server: FakeLlm, question_type: str, difficulty: str) -> None:
    client = openai_client(server)

    def batch(_: int) -> list[str]:
        reply = chat(client, generate(5, question_type, difficulty, ""))
        return [f"{q['stem']}{q['stimulus']}" for q in questions_of(reply.choices[0].message.content)]

    with ThreadPoolExecutor(8) as pool:
        stems = [stem for stems in pool.map(batch, range(30)) for stem in stems]
    assert len(stems) == 150
    # Some stems are the same for all questions of their kind; then the options differ.
    assert server.stats.questions_made == 150


def test_the_same_seed_makes_the_same_questions() -> None:
    def made(seed: int) -> list[str]:
        stock = Stock(seed)
        return [made.stem for family in FAMILIES for made in stock.take(family, "easy", [], 4)]

    assert made(1) == made(1) != made(2)


def test_questions_made_ahead_are_as_good_as_any() -> None:
    with FakeLlm(warm=3) as server:
        client = openai_client(server)
        questions = [
            question
            for family in FAMILIES
            for question in questions_of(chat(client, generate(8, family, "easy", "")).choices[0].message.content)
        ]
    assert len({json.dumps(q) for q in questions}) == 48


@pytest.fixture(scope="module")
def busy() -> Iterator[tuple[FakeLlm, list[dict]]]:
    """A server that has made questions of every family."""
    with FakeLlm() as server:
        client = openai_client(server)
        texts = [chat(client, generate(3, family)).choices[0].message.content for family in FAMILIES]
        yield server, [question for text in texts for question in questions_of(text)]


def test_solvers_answer_truly_whatever_the_order_of_the_options(busy: tuple[FakeLlm, list[dict]]) -> None:
    server, questions = busy
    client = openai_client(server)
    for question in questions:
        order = list(reversed(range(len(question["options"]))))
        reply = json.loads(chat(client, solve(question, order)).choices[0].message.content)
        assert reply["answer"] == letter_of(question, order)
        assert reply["also_defensible"] == []
        assert 0 <= reply["confidence"] <= 1


def test_arbiters_give_good_questions_good_scores(busy: tuple[FakeLlm, list[dict]]) -> None:
    server, questions = busy
    client = openai_client(server)
    for question in questions:
        reply = json.loads(chat(client, arbitrate(question)).choices[0].message.content)
        assert all(reply[name]["score"] >= 0.8 for name in ("clarity", "validity", "formatting", "creativity"))
        assert reply["difficulty"]["level"] == "hard"
        wrong = next(letter for letter in "ABCD" if letter != letter_of(question))
        other = json.loads(chat(client, arbitrate(question, wrong)).choices[0].message.content)
        assert other["validity"]["score"] < 0.2


def test_a_question_is_compared_by_options_and_numbers(ask: Ask) -> None:
    one, other = questions_of(ask(generate(2)))
    assert json.loads(ask(compare(one, {**one, "stem": f"Listen: {one['stem']}"})))["same"] is True
    assert json.loads(ask(compare(one, other)))["same"] is False


def test_providers_err_as_often_as_told_and_each_on_its_own(server: FakeLlm, ask: Ask) -> None:
    server.control(solver_error_rate={"openai": 0.5, "google": 0.5})
    questions = [q for _ in range(8) for q in questions_of(ask(generate(5)))]

    def wrong(provider: str) -> set[int]:
        answers = [json.loads(ask(solve(q), provider))["answer"] for q in questions]
        return {i for i, (q, answer) in enumerate(zip(questions, answers, strict=True)) if answer != letter_of(q)}

    openai, google = wrong("openai"), wrong("google")
    assert 8 <= len(openai) <= 32
    assert 8 <= len(google) <= 32
    assert openai != google
    assert wrong("openai") == openai
    assert not wrong("anthropic")


def test_questions_made_before_a_restart_are_answered_by_the_item_models() -> None:
    stock, memory = Stock(5), Memory()
    right = unknown = 0
    for family in (*FAMILIES, "chess"):
        for made in stock.take(family, "medium", [], 15):
            truth = memory.recall(PrintedQuestion(made.stem, made.options, made.stimulus))
            unknown += truth is None
            right += truth is not None and truth.key == normalise_text(made.options[made.key])
    assert right + unknown == 105
    assert right > 95


def test_what_nobody_can_answer_is_answered_with_a(ask: Ask) -> None:
    question = {"stem": "Who?", "stimulus": None, "options": [{"text": t} for t in ("w", "x", "y", "z")]}
    assert json.loads(ask(solve(question)))["answer"] == "A"


def test_a_prompt_of_another_kind_gets_some_answer(ask: Ask) -> None:
    assert all(ask("What is the weather like?", p) for p in ("openai", "anthropic", "google", "xai", "compatible"))


def test_a_printed_question_is_read_to_the_letter() -> None:
    lines = [
        "Task: arbitrate",
        "Type: math",
        "",
        "<question>",
        "Material:",
        "   Row 1",
        "   Row 2",
        "Question: First line.",
        "   A) is not an option.",
        "   Which?",
        "A) one",
        "B) two",
        "   lines",
        "C) three",
        "D) four",
        "</question>",
        "Key: C",
        "Explanation: Key: D is wrong.",
    ]
    read = read_prompt("\n".join(lines))
    assert (read.task, read.key) == ("arbitrate", "C")
    assert read.questions == [
        PrintedQuestion(
            stem="First line.\nA) is not an option.\nWhich?",
            options=["one", "two\nlines", "three", "four"],
            material="Row 1\nRow 2",
        )
    ]
