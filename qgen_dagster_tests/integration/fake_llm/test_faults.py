"""Faults: which calls they meet, what they do to questions and replies; solvers and arbiters see through them."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from qgen_dagster_tests.fake_llm import FakeLlm, Fault
from qgen_dagster_tests.fake_llm.faults import KINDS, OWN_DRILL_KINDS
from qgen_dagster_tests.integration.fake_llm.conftest import Ask
from qgen_dagster_tests.integration.fake_llm.prompts import arbitrate, generate, letter_of, questions_of, solve


def _letters(question: dict[str, Any]) -> list[str]:
    return list("ABCDEF"[: len(question["options"])])


def test_a_fault_meets_the_calls_of_its_numbers(server: FakeLlm, ask: Ask) -> None:
    server.script("empty:@2,4")
    assert [bool(ask("hello")) for _ in range(5)] == [True, False, True, False, True]


def test_a_fault_keeps_to_its_provider_and_task_and_count(server: FakeLlm, ask: Ask) -> None:
    server.script(Fault("empty", share=1, provider="anthropic", task="solve", count=1))
    assert ask("Task: solve\n", "openai")
    assert ask("Task: compare\n", "anthropic")
    assert not ask("Task: solve\n", "anthropic")
    assert ask("Task: solve\n", "anthropic")
    assert server.stats["anthropic"].faults == {"empty": 1}


def test_shares_add_up_and_depend_on_the_seed_alone(ask: Ask, server: FakeLlm) -> None:
    def run() -> list[str]:
        server.reset()
        server.script("empty:0.3", "prose:0.3")
        return [ask("Task: solve\n") for _ in range(60)]

    first, second = run(), run()
    assert first == second
    empty, prose = sum(not text for text in first), sum(text.startswith("Here") for text in first)
    assert 8 <= empty <= 28
    assert 8 <= prose <= 28


def test_an_unknown_fault_is_refused_with_the_names_there_are(server: FakeLlm) -> None:
    with pytest.raises(ValueError, match="there are 400, 401"):
        server.script("nonsense:0.1")
    with pytest.raises(ValueError, match="no setting"):
        server.control(latencyy=1)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("429:0.1", Fault("429", share=0.1)),
        ("reset:@3,7", Fault("reset", calls=(3, 7))),
        ("empty", Fault("empty", share=1.0)),
        (
            "429:0.1:provider=openai:task=solve:count=3:retry_after=2",
            Fault("429", share=0.1, provider="openai", task="solve", count=3, retry_after=2),
        ),
        ("500:1:api=batch", Fault("500", share=1, api="batch")),
    ],
)
def test_the_short_form_says_what_the_fields_say(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


@pytest.mark.parametrize("text", ["429:2", "429:x", "429:0.1:nothing=1", "x:1", "429:0.1:task=dance", "429:@x"])
def test_a_short_form_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fault.parse(text)


@pytest.mark.parametrize(("kind", "number"), [("too_few", 2), ("too_many", 7)])
def test_too_few_or_too_many_questions_come(server: FakeLlm, ask: Ask, kind: str, number: int) -> None:
    server.script(f"{kind}:1")
    assert len(questions_of(ask(generate(5)))) == number


def test_a_question_comes_twice_in_one_reply(server: FakeLlm, ask: Ask) -> None:
    server.script("duplicates:1")
    questions = questions_of(ask(generate(4)))
    assert questions[0] == questions[-1]
    assert len({q["stem"] for q in questions}) == 3


def test_the_key_is_not_among_the_options(server: FakeLlm, ask: Ask) -> None:
    server.script("no_key:1")
    present = [q["answer"] in [o["text"] for o in q["options"]] for q in questions_of(ask(generate(4)))]
    assert present.count(False) == 1


def test_the_key_is_written_in_other_ways(server: FakeLlm, ask: Ask) -> None:
    server.script("key_letter:1")
    assert all(q["answer"] in _letters(q) for q in questions_of(ask(generate(3))))
    server.script("key_index:1")
    assert all(0 <= int(q["answer"]) < len(q["options"]) for q in questions_of(ask(generate(3))))
    server.script("key_spacing:1")
    for question in questions_of(ask(generate(3, "verbal", "easy", "synonym"))):
        texts = [o["text"] for o in question["options"]]
        assert question["answer"] not in texts
        assert " ".join(question["answer"].split()).casefold() in [text.casefold() for text in texts]


def test_solvers_and_arbiters_see_a_wrong_key(server: FakeLlm, ask: Ask) -> None:
    server.script("wrong_key:@1")
    questions = questions_of(ask(generate(4)))
    wrong = [q for q in questions if json.loads(ask(solve(q)))["answer"] != letter_of(q)]
    assert len(wrong) == 1
    for provider in ("anthropic", "google"):
        assert json.loads(ask(solve(wrong[0]), provider))["answer"] != letter_of(wrong[0])
    assert wrong[0]["answer"] in wrong[0]["explanation"]
    scores = {q["stem"]: json.loads(ask(arbitrate(q)))["validity"]["score"] for q in questions}
    assert [stem for stem, score in scores.items() if score < 0.5] == [wrong[0]["stem"]]


def test_an_ambiguous_question_divides_the_solvers(server: FakeLlm, ask: Ask) -> None:
    server.script("ambiguous:@1")
    question = questions_of(ask(generate(1)))[0]
    one, other = (json.loads(ask(solve(question), provider)) for provider in ("openai", "anthropic"))
    assert one["answer"] == letter_of(question) != other["answer"]
    assert one["also_defensible"] == [other["answer"]]
    assert json.loads(ask(arbitrate(question)))["validity"]["score"] < 0.5


def test_an_arbiter_sees_a_leak_and_another_difficulty(server: FakeLlm, ask: Ask) -> None:
    server.script("leak:@1", "wrong_difficulty:@2")
    leak, easier = (questions_of(ask(generate(1)))[0] for _ in range(2))
    assert leak["answer"] in leak["stem"]
    assert json.loads(ask(arbitrate(leak)))["leakage"]["score"] == 0
    assert json.loads(ask(arbitrate(easier)))["leakage"]["score"] == 1
    assert json.loads(ask(arbitrate(leak)))["difficulty"]["level"] == "hard"
    assert json.loads(ask(arbitrate(easier)))["difficulty"]["level"] == "medium"


def test_the_json_is_wrapped_broken_or_cut(server: FakeLlm, ask: Ask) -> None:
    server.script("fences:@1", "prose:@2", "several_objects:@3", "malformed_text:@4", "truncated:@5", "empty:@6")
    fenced, prose, several, malformed, cut, empty = (ask(generate(4)) for _ in range(6))
    assert fenced.startswith("```json\n{")
    assert fenced.endswith("}\n```")
    assert "{" in prose
    assert not prose.startswith("{")
    assert [len(questions_of(line)) for line in several.splitlines()] == [2, 2]
    for text in (malformed, cut, empty):
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)
    assert (cut[:1], empty) == ("{", "")


def test_a_reply_of_the_wrong_schema_is_json_all_the_same(server: FakeLlm, ask: Ask) -> None:
    server.script("wrong_schema:1")
    kinds = {"stem": str, "options": list, "answer": str}
    for _ in range(5):
        for question in questions_of(ask(generate(2))):
            assert not all(isinstance(question.get(name), kind) for name, kind in kinds.items())


def test_a_reply_may_come_in_another_language(server: FakeLlm, ask: Ask) -> None:
    server.script("language:1")
    for question in questions_of(ask(generate(2))):
        assert question["answer"] in [option["text"] for option in question["options"]]
        assert not [c for c in question["stem"] if c.isalpha() and c.isascii()]


def test_every_kind_of_fault_leaves_the_server_running(server: FakeLlm, ask: Ask) -> None:
    kinds = [kind for kind in KINDS if kind not in OWN_DRILL_KINDS]  # those that questions can have
    for provider in ("openai", "anthropic", "google", "xai", "compatible"):
        server.script(*(Fault(kind, share=1, count=1, seconds=0.01) for kind in kinds))
        for _ in kinds:
            # Whatever the SDK makes of it.
            with contextlib.suppress(Exception):
                ask(generate(2), provider)
        server.script()
        assert len(questions_of(ask(generate(2), provider))) == 2
        assert set(server.stats[provider].faults) == set(kinds)
        assert "broken" not in server.stats[provider].statuses
