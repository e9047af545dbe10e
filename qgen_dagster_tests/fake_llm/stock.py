"""The questions that the server makes: from the item models, in words only, none twice while it runs.

Here: `Stock`. Not here: what is remembered of them (`memory.py`), planting faults (`damage.py`).
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from qgen_dagster.core.question import Option, Question, ShownQuestion, Stimulus, normalise_text
from qgen_dagster.core.taxonomy import Stratum
from qgen_dagster.generation.items.contract import ItemModel, ModelExhausted, build_question
from qgen_dagster.generation.items.registry import families, models_for

LEVELS = ("easy", "medium", "hard")
_SUM = re.compile(r"^What is (\d+) \+ (\d+) × (\d+)\?$")
DRAWS = 6  # of one model, before the next one is asked


@dataclass(slots=True)
class Made:
    """A question as the output contract wants it, with the index of the key."""

    sub_type: str
    stimulus: str | None
    stem: str
    options: list[str]
    mistakes: list[str | None]
    key: int
    explanation: str

    def as_reply(self) -> dict[str, Any]:
        """Its JSON."""
        return {
            "sub_type": self.sub_type,
            "stimulus": self.stimulus,
            "stem": self.stem,
            "options": [{"text": t, "mistake": m} for t, m in zip(self.options, self.mistakes, strict=True)],
            "answer": self.options[self.key],
            "explanation": self.explanation,
        }


class Stock:
    """Makes questions, some ahead of time. The same seed gives the same questions in the same order of calls."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._drawn: Counter[tuple[str, str]] = Counter()
        self._turn: Counter[tuple[str, str]] = Counter()
        self._ready: dict[tuple[str, str], deque[Made]] = defaultdict(deque)
        self._given: set[bytes] = set()
        self._sums = 0

    def warm(self, per_stratum: int) -> None:
        """Makes so many questions of each stratum that the item models serve."""
        for family in families():
            for level in LEVELS:
                models = wordy_models(family, level)
                for place in range(per_stratum if models else 0):
                    model = models[place % len(models)]
                    self._ready[model.name, level].append(self._draw(model, level) or self._sum(level))

    def take(self, question_type: str, difficulty: str, sub_types: Sequence[str], count: int) -> list[Made]:
        """So many questions of a stratum, the sub-types in turn; sums where no item model serves it."""
        models = wordy_models(question_type, difficulty)
        questions = []
        for place in range(count):
            wanted = sub_types[place % len(sub_types)] if sub_types else None
            fitting = [m for m in models if m.sub_type == wanted] or models
            made = self._next(fitting, difficulty) if fitting else self._sum(difficulty)
            made.sub_type = wanted or made.sub_type
            questions.append(made)
        return questions

    def _next(self, models: Sequence[ItemModel], level: str) -> Made:
        group = models[0].sub_type if len({m.sub_type for m in models}) == 1 else models[0].family
        for _ in models:
            self._turn[group, level] += 1
            model = models[self._turn[group, level] % len(models)]
            ready = self._ready[model.name, level]
            made = ready.popleft() if ready else self._draw(model, level)
            if made:
                return made
        return self._sum(level)

    def _draw(self, model: ItemModel, level: str) -> Made | None:
        for _ in range(DRAWS):
            self._drawn[model.name, level] += 1
            seed = f"fake:{self._seed}:{self._drawn[model.name, level]}"
            try:
                question = build_question(model, level, seed, Stratum(model.family, level))  # type: ignore[arg-type]
            except ModelExhausted:
                continue
            made = _in_words(question)
            if self._is_new(made):
                return made
        return None

    def _is_new(self, made: Made) -> bool:
        parts = [made.stem, made.stimulus or "", *sorted(made.options)]
        digest = hashlib.blake2b(normalise_text("\x1f".join(parts)).encode(), digest_size=16).digest()
        new = digest not in self._given
        self._given.add(digest)
        return new

    def _sum(self, level: str) -> Made:
        """A sum, never the same twice: the numbers hold the running number."""
        self._sums += 1
        rng = random.Random(f"{self._seed}:{level}:{self._sums}")
        size = {"easy": 20, "medium": 200}.get(level, 2_000)
        a, b, c = rng.randrange(2, size), rng.randrange(2, size), 100 + self._sums
        right = a + b * c
        wrong = {(a + b) * c: "adds before it multiplies", a + b + c: "adds where it should multiply"}
        wrong |= {a * b + c: "multiplies the wrong pair", right + 10: "carries one ten too many"}
        wrong[right - 10] = "forgets to carry a ten"
        mistakes = {value: f"The taker {why}." for value, why in wrong.items() if value != right}
        options = [str(right), *(str(value) for value in mistakes)]
        reasons: list[str | None] = [None, *mistakes.values()]
        order = rng.sample(range(len(options)), len(options))
        return Made(
            sub_type="arithmetic",
            stimulus=None,
            stem=f"What is {a} + {b} × {c}?",
            options=[options[i] for i in order],
            mistakes=[reasons[i] for i in order],
            key=order.index(0),
            explanation=f"Multiplication comes first: {b} × {c} = {b * c}, and {a} + {b * c} = {right}.",
        )


def work_out_sum(stem: str) -> int | None:
    """The result of a sum of `Stock`; None for any other stem."""
    found = _SUM.search(stem)
    return int(found[1]) + int(found[2]) * int(found[3]) if found else None


@cache
def wordy_models(family: str, level: str) -> tuple[ItemModel, ...]:
    """The models of a family and level whose questions can be answered from their words alone."""
    if level not in LEVELS:
        return ()
    return tuple(model for model in models_for(family, level) if _is_wordy(model, level))  # type: ignore[arg-type]


def _is_wordy(model: ItemModel, level: str) -> bool:
    try:
        question = build_question(model, level, "wordy", Stratum(model.family, level))  # type: ignore[arg-type]
    except ModelExhausted:
        return False
    if any(option.figure for option in question.options):
        return False
    stimulus = Stimulus(text=question.stimulus.text) if question.stimulus else None
    bare = ShownQuestion(
        stem=question.stem, stimulus=stimulus, options=tuple(Option(text=o.text) for o in question.options)
    )
    return model.solve(bare) == [question.answer]


def _in_words(question: Question) -> Made:
    def mistake(option: Option) -> str | None:
        if option is question.key_option:
            return None
        return option.note or f"The taker made this mistake: {(option.mistake or 'a slip').replace('_', ' ')}."

    return Made(
        sub_type=question.sub_type,
        stimulus=question.stimulus.text if question.stimulus else None,
        stem=question.stem,
        options=[option.text for option in question.options],
        mistakes=[mistake(option) for option in question.options],
        key=question.answer,
        explanation=question.explanation,
    )
