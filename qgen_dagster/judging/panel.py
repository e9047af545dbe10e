"""Asking language models about a question: blind solvers first, then arbiters.

Here: `Panel`, which knows the order of the gates and what each answer means. Whom it asks is handed in. Not here: the
rules that follow from the answers (`solving.py`, `verdict.py`), calls and routes (`services/`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from qgen_dagster.core.question import Question, as_shown
from qgen_dagster.core.taxonomy import Taxonomy
from qgen_dagster.generation.prompts.files import Prompts
from qgen_dagster.generation.prompts.render import VersionedPrompt, arbiter_prompt, solve_prompt
from qgen_dagster.generation.provider import ProviderError, Reply
from qgen_dagster.generation.replies.verdicts import parse_assessment, parse_solution
from qgen_dagster.judging.rubric import Scores
from qgen_dagster.judging.solving import Answer, KeyFinding, Solution, settle
from qgen_dagster.judging.verdict import Assessment, Verdict, fatal_before_asking, judge_written

T = TypeVar("T")
SOLVERS = 3
# A reply that cannot be read is asked for again; the candidate waits when that does not help.
TRIES = 2

# (which solver or arbiter, which try, the prompt) → the reply; raises ProviderError
Ask = Callable[[int, int, VersionedPrompt], Awaitable[Reply]]


@dataclass(frozen=True)
class Panel:
    """Judges questions that language models wrote. `borderline`: how near to `min_score` a second arbiter is asked."""

    taxonomy: Taxonomy
    prompts: Prompts
    ask_solver: Ask
    ask_arbiter: Ask
    min_score: float
    borderline: float
    second_arbiter: bool  # whether there is another one to ask

    async def judge(self, question: Question, seed: str) -> Verdict:
        """The verdict; `seed` decides the order of options. Raises ProviderError: then the candidate must wait."""
        if fatal_before_asking(question):
            return self._verdict(question, None, [])
        solution = await self.solve(question, seed)
        if solution.finding is not KeyFinding.PROVED:
            return self._verdict(question, solution, [])
        assessments = [await self.assess(question, 0)]
        verdict = self._verdict(question, solution, assessments)
        if self.second_arbiter and verdict.score is not None and abs(verdict.score - self.min_score) <= self.borderline:
            assessments.append(await self.assess(question, 1))
            verdict = self._verdict(question, solution, assessments)
        return verdict

    async def solve(self, question: Question, seed: str) -> Solution:
        """What two solvers, or three, find without seeing the key. Raises ProviderError."""
        orders = [shuffled(question, f"{seed}/{solver}") for solver in range(SOLVERS)]  # each sees another one
        answers = list(await asyncio.gather(*(self.answer(question, solver, orders[solver]) for solver in range(2))))
        solution = settle(question.answer, answers)
        if solution is None:
            answers.append(await self.answer(question, 2, orders[2]))
            solution = settle(question.answer, answers)
        assert solution is not None  # noqa: S101 - three answers always settle it
        return solution

    async def assess(self, question: Question, arbiter: int) -> Assessment:
        """What one arbiter says of the question. Raises ProviderError."""
        prompt = arbiter_prompt(self.prompts, question)
        said, reply = await _readable(
            lambda again: self.ask_arbiter(arbiter, again, prompt), lambda text: parse_assessment(text, self.taxonomy)
        )
        return Assessment(
            arbiter=f"{reply.provider}/{reply.model}",
            scores=Scores(**said.scores),
            reasons=dict(said.reasons) | {"leakage": said.leakage_reason, "difficulty": said.difficulty_reason},
            leakage=said.leakage,
            difficulty=said.difficulty,
            feedback=said.feedback,
        )

    async def answer(self, question: Question, solver: int, order: Sequence[int]) -> Answer:
        """What one solver answers; `order` lists the options' indices as printed. Raises ProviderError."""
        prompt = solve_prompt(self.prompts, as_shown(question), order)
        said, reply = await _readable(
            lambda again: self.ask_solver(solver, again, prompt), lambda text: parse_solution(text, order)
        )
        return Answer(
            solver=f"{reply.provider}/{reply.model}",
            option=said.answer,
            also_defensible=said.also_defensible,
            confidence=said.confidence,
            reasoning=said.reasoning,
        )

    def _verdict(self, question: Question, solution: Solution | None, assessments: Sequence[Assessment]) -> Verdict:
        return judge_written(question, self.taxonomy, solution, assessments, min_score=self.min_score)


def shuffled(question: Question, seed: str) -> list[int]:
    """The options' indices in an order that the seed decides."""
    order = list(range(len(question.options)))
    random.Random(seed).shuffle(order)
    return order


async def _readable(ask: Callable[[int], Awaitable[Reply]], read: Callable[[str], T]) -> tuple[T, Reply]:
    for again in range(TRIES):
        reply = await ask(again)
        try:
            return read(reply.text), reply
        except ProviderError:
            if again == TRIES - 1:
                raise
    raise AssertionError
