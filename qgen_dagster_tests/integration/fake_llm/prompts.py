"""Prompts as qgen writes them, and reading the replies. Not a test."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

SYSTEM = "You write test questions. " * 200  # long enough to be cached
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "reasoning": {"type": "string"},
        "answer": {"type": "string"},
        "also_defensible": {"type": "array", "items": {"type": "string"}},
        "confidence": {"type": "number"},
    },
    "required": ["reasoning", "answer", "also_defensible", "confidence"],
    "additionalProperties": False,
}


def generate(count: int = 5, question_type: str = "math", difficulty: str = "hard", sub_types: str = "ratio") -> str:
    """Asks for questions."""
    return (
        f"Task: generate\nCount: {count}\nType: {question_type}\nDifficulty: {difficulty}\nSub-types: {sub_types}\n\n"
        "Write the questions."
    )


def printed(question: dict[str, Any], order: Sequence[int] | None = None) -> str:
    """A question as a solver sees it, its options in that order."""
    options = question["options"]
    chosen = [options[i]["text"] for i in order or range(len(options))]
    lines = [f"Material: {question['stimulus']}"] if question["stimulus"] else []
    lines += [f"Question: {question['stem']}"]
    lines += [f"{letter}) {text}" for letter, text in zip("ABCDEF", chosen, strict=False)]
    return "\n".join(["<question>", *lines, "</question>"])


def solve(question: dict[str, Any], order: Sequence[int] | None = None) -> str:
    """Asks for the answer."""
    return f"Task: solve\n\n{printed(question, order)}\n\nAnswer with a letter."


def arbitrate(question: dict[str, Any], key: str | None = None) -> str:
    """Asks for scores; the key is the one that the question claims unless another is given."""
    return f"Task: arbitrate\n\n{printed(question)}\nKey: {key or letter_of(question)}\nExplanation: See above."


def compare(first: dict[str, Any], second: dict[str, Any]) -> str:
    """Asks whether two questions are the same."""
    return f"Task: compare\n\n{printed(first)}\n{printed(second)}"


def letter_of(question: dict[str, Any], order: Sequence[int] | None = None) -> str:
    """The letter before the option that the question claims to be right."""
    options = question["options"]
    texts = [options[i]["text"] for i in order or range(len(options))]
    return "ABCDEF"[texts.index(question["answer"])]


def questions_of(text: str) -> list[dict[str, Any]]:
    """The questions of a reply to `generate`."""
    return json.loads(text)["questions"]
