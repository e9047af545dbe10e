"""The model: reads the header lines of a prompt and answers by the output contracts.

Here: `Brain`. Not here: what is known of questions (`memory.py`), where they come from (`stock.py`), how replies are
spoilt (`damage.py`), any protocol.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Mapping
from typing import Any

from qgen_dagster.core.question import normalise_text

from .damage import count_asked, plant, spoil, spoil_questions
from .drills import write_drills
from .faults import Fault
from .labelled import labelled_questions
from .memory import Memory, Truth
from .prompts import LETTERS, PrintedQuestion, PromptRead
from .settings import PROVIDERS
from .stock import Stock

NOWHERE = "NONE"
_CRITERIA = ("clarity", "validity", "formatting", "creativity")


class Brain:
    """Answers prompts. `solver_error_rate` (by provider, 0–1) makes solvers err, each provider on its own."""

    def __init__(self, seed: int, solver_error_rate: Mapping[str, float]) -> None:
        self.stock = Stock(seed)
        self.memory = Memory()
        for known in labelled_questions():
            self.memory.know(*known)
        self.solver_error_rate = solver_error_rate
        self._seed = seed

    def answer(self, prompt: PromptRead, provider: str, fault: Fault | None, number: int) -> str:
        """What the model says to the prompt. `number` counts its answers."""
        if prompt.task == "other":
            return "A small model answers here; it knows the tasks generate, solve, arbitrate, compare and drill."
        rng = random.Random(f"{self._seed}:{number}") if fault else random.Random(0)
        reply = self._reply(prompt, provider, fault, rng)
        return spoil(fault, reply, rng) if fault else json.dumps(reply, ensure_ascii=False)

    def _reply(self, prompt: PromptRead, provider: str, fault: Fault | None, rng: random.Random) -> dict[str, Any]:
        if prompt.task == "generate":
            return self._generate(prompt, fault, rng)
        if prompt.task == "drill":
            return write_drills(prompt.drills, fault, rng)
        if prompt.task == "compare":
            return _compare(prompt.questions)
        printed = prompt.questions[0] if prompt.questions else PrintedQuestion("", [])
        return self._solve(printed, provider) if prompt.task == "solve" else self._arbitrate(prompt, printed)

    def _generate(self, prompt: PromptRead, fault: Fault | None, rng: random.Random) -> dict[str, Any]:
        count = count_asked(fault, prompt.count)
        made = self.stock.take(prompt.question_type, prompt.difficulty, prompt.sub_types, count)
        truths = plant(fault, made, prompt.difficulty, rng)
        for question, truth in zip(made, truths, strict=True):
            self.memory.learn(question.stem, question.stimulus, question.options, truth)
        questions = [question.as_reply() for question in made]
        spoil_questions(fault, questions, rng)
        return {"questions": questions}

    def _solve(self, printed: PrintedQuestion, provider: str) -> dict[str, Any]:
        truth = self.memory.recall(printed)
        right = _letter_of(printed, truth.key if truth else None)
        second = _letter_of(printed, truth.second if truth else None)
        letter = right or ("A" if truth is None and printed.options else NOWHERE)
        if second and PROVIDERS.index(provider) % 2:
            # An ambiguous question divides the solvers.
            letter, second = second, letter
        letter = self._slip(printed, provider, letter) or letter
        return {
            "reasoning": f"Read the question, work through it, compare with the options: {letter} fits.",
            "answer": letter,
            "also_defensible": [second] if second and second != letter else [],
            "confidence": 0.55 if second else 0.93,
        }

    def _slip(self, printed: PrintedQuestion, provider: str, right: str) -> str | None:
        """Another letter than the right one, as often as the provider errs; the same for the same question."""
        rate = self.solver_error_rate.get(provider, 0.0)
        if not rate:
            return None
        options = sorted(normalise_text(option) for option in printed.options)
        rng = random.Random(f"{self._seed}:{provider}:{normalise_text(printed.stem)}:{options}")
        others = [letter for letter in LETTERS[: len(options)] if letter != right]
        return rng.choice(others) if others and rng.random() < rate else None

    def _arbitrate(self, prompt: PromptRead, printed: PrintedQuestion) -> dict[str, Any]:
        truth = self.memory.recall(printed)
        right = _letter_of(printed, truth.key if truth else None)
        wrong_key = truth is not None and prompt.key is not None and prompt.key != right
        ambiguous = truth is not None and truth.second is not None
        scores = _high_scores(printed)
        if wrong_key:
            scores["validity"] = 0.05
        elif ambiguous:
            scores |= {"clarity": 0.4, "validity": 0.3}
        leaks = truth is not None and truth.leaks
        return {
            **{name: {"score": score, "reason": f"The {name} is judged at {score}."} for name, score in scores.items()},
            "leakage": {"score": 0.0 if leaks else 1.0, "reason": "The stem names the key." if leaks else "Nothing."},
            "difficulty": {
                "level": (truth and truth.level) or prompt.difficulty or "medium",
                "reason": "Judged by the number of steps.",
            },
            "feedback": _feedback(truth, wrong_key),
        }


def _letter_of(printed: PrintedQuestion, text: str | None) -> str | None:
    """The letter before the option of that (normalised) text."""
    if text is None:
        return None
    found = (LETTERS[i] for i, option in enumerate(printed.options) if normalise_text(option) == text)
    return next(found, None)


def _high_scores(printed: PrintedQuestion) -> dict[str, float]:
    """Each between 0.80 and 0.95, the same for the same question."""
    digest = hashlib.blake2b(normalise_text(printed.stem).encode(), digest_size=len(_CRITERIA)).digest()
    return {name: round(0.80 + byte % 16 / 100, 2) for name, byte in zip(_CRITERIA, digest, strict=True)}


def _feedback(truth: Truth | None, wrong_key: bool) -> str:
    if wrong_key:
        return "The key is not what follows from the question."
    if truth and truth.second:
        return "Two options can be defended; say which reading is meant."
    if truth and truth.leaks:
        return "Take the hint at the key out of the stem."
    return "Nothing to change."


def _compare(questions: list[PrintedQuestion]) -> dict[str, Any]:
    """The same when options and numbers are the same."""
    first, second = (_gist(q) for q in questions[:2]) if len(questions) > 1 else (None, "")
    same = first == second
    return {"same": same, "reason": "Options and numbers agree." if same else "Options or numbers differ."}


def _gist(printed: PrintedQuestion) -> tuple[list[str], list[str]]:
    return sorted(normalise_text(o) for o in printed.options), sorted(re.findall(r"\d+", printed.stem))
