"""The panel: who is asked about a question, in which order, and what is not paid for."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from qgen_dagster.config.settings import load_settings
from qgen_dagster.core.error_categories import ErrorCategory
from qgen_dagster.core.funnel import Reason
from qgen_dagster.core.question import Option, Question
from qgen_dagster.generation.prompts.files import load_prompts
from qgen_dagster.generation.prompts.render import VersionedPrompt
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster.judging.panel import Panel

TAXONOMY = load_settings({}).taxonomy
PROMPTS = load_prompts(TAXONOMY)
QUESTION = Question(
    question_type="math",
    difficulty="easy",
    sub_type="word_problem",
    stem="A box holds 6 eggs. How many eggs do 4 boxes hold?",
    options=tuple(Option(text=text) for text in ("10", "24", "18", "28")),
    answer=1,
    explanation="Four boxes with six eggs each hold 4 × 6 = 24 eggs.",
)


@dataclass
class Script:
    """Solvers that answer the text that they are given, arbiters that give the scores that they are given."""

    solvers: list[str] = field(default_factory=lambda: ["24", "24", "24"])
    scores: list[float] = field(default_factory=lambda: [0.9, 0.9])
    level: str = "easy"
    asked: list[str] = field(default_factory=list)
    spoil: Callable[[str, int], str | None] = lambda who, again: None

    async def ask_solver(self, slot: int, again: int, prompt: VersionedPrompt) -> Reply:
        self.asked.append(f"solver {slot}")
        letters = {text: letter for letter, text in re.findall(r"^([A-F])\) (.*)$", prompt.user, re.MULTILINE)}
        answer = letters.get(self.solvers[slot], "NONE")
        said = {"reasoning": "because", "answer": answer, "also_defensible": [], "confidence": 0.9}
        return Reply(self.spoil(f"solver {slot}", again) or json.dumps(said), provider=f"s{slot}", model="m")

    async def ask_arbiter(self, place: int, again: int, prompt: VersionedPrompt) -> Reply:
        self.asked.append(f"arbiter {place}")
        part = {"score": self.scores[place], "reason": "so"}
        said = dict.fromkeys(("clarity", "validity", "formatting", "creativity"), part)
        said |= {"leakage": {"score": 1.0, "reason": "no"}, "difficulty": {"level": self.level, "reason": "so"}}  # type: ignore[dict-item]
        return Reply(json.dumps(said | {"feedback": "fine"}), provider=f"a{place}", model="m")

    def judge(self, question: Question = QUESTION, **changes: object) -> Reason | str | None:
        """The reason of the verdict, or where it moves the question; None approves."""
        panel = Panel(
            **{  # type: ignore[arg-type]
                "taxonomy": TAXONOMY,
                "prompts": PROMPTS,
                "ask_solver": self.ask_solver,
                "ask_arbiter": self.ask_arbiter,
                "min_score": 0.7,
                "borderline": 0.05,
                "second_arbiter": True,
                **changes,
            }
        )
        verdict = asyncio.run(panel.judge(question, "seed"))
        return verdict.move_to or verdict.reason


def test_two_solvers_and_one_arbiter_approve_a_sound_question() -> None:
    script = Script()
    assert script.judge() is None
    assert script.asked == ["solver 0", "solver 1", "arbiter 0"]


def test_a_third_solver_is_asked_where_two_disagree() -> None:
    script = Script(solvers=["24", "10", "24"])
    assert script.judge() is None
    assert script.asked[:3] == ["solver 0", "solver 1", "solver 2"]


def test_no_arbiter_is_paid_for_a_question_whose_key_is_wrong_or_disputed() -> None:
    for solvers, reason in ((["28", "28", "28"], Reason.WRONG_KEY), (["28", "10", "18"], Reason.AMBIGUOUS)):
        script = Script(solvers=solvers)
        assert script.judge() is reason
        assert not any(who.startswith("arbiter") for who in script.asked)


def test_nobody_is_paid_for_a_question_that_rules_reject() -> None:
    options = (*QUESTION.options[:3], Option(text="All of the above"))
    script = Script()
    assert script.judge(QUESTION.model_copy(update={"options": options})) is Reason.FLAWED
    assert script.asked == []


@pytest.mark.parametrize(("scores", "reason"), [([0.72, 0.9], None), ([0.72, 0.4], Reason.LOW_SCORE)])
def test_a_borderline_score_gets_a_second_arbiter_and_the_mean_counts(
    scores: list[float], reason: Reason | None
) -> None:
    script = Script(scores=scores)
    assert script.judge() is reason
    assert script.asked[-2:] == ["arbiter 0", "arbiter 1"]


def test_a_clear_score_gets_no_second_arbiter_and_neither_does_one_without_anybody_else_to_ask() -> None:
    low = Script(scores=[0.3, 0.9])
    assert low.judge() is Reason.LOW_SCORE
    alone = Script(scores=[0.72, 0.9])
    assert alone.judge(second_arbiter=False) is None
    assert (low.asked.count("arbiter 1"), alone.asked.count("arbiter 1")) == (0, 0)


def test_a_question_that_is_harder_than_asked_for_moves_to_the_neighbour_and_no_further() -> None:
    assert Script(level="medium").judge() == "medium"
    assert Script(level="hard").judge() is Reason.OFF_BAND


def test_an_unreadable_reply_is_asked_for_once_more_and_then_the_candidate_waits() -> None:
    once = Script(spoil=lambda who, again: "no JSON" if who == "solver 0" and again == 0 else None)
    assert once.judge() is None
    assert once.asked.count("solver 0") == 2
    always = Script(spoil=lambda who, again: "no JSON")
    with pytest.raises(ProviderError) as waits:
        always.judge()
    assert waits.value.category is ErrorCategory.PARSE_ERROR
