"""A question as plain text.

Not here: the page with figures (`question_page.py`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from qgen_dagster.core.question import LABELS, Question

WIDTH = 78


def question_text(question: Question, width: int = WIDTH) -> str:
    """Stimulus, stem, options with the key marked, and the explanation. Figures appear as their text."""
    return "\n".join(_lines(question, width))


def _lines(question: Question, width: int) -> Iterator[str]:
    if question.stimulus:
        seconds = question.stimulus.seconds_shown
        yield f"  [shown for {seconds} s]" if seconds else "  [shown]"
        yield from _wrapped(question.stimulus.text, width, "  ")
        yield ""
    yield from _wrapped(question.stem, width, "  ")
    for index, option in enumerate(question.options):
        mark = "*" if index == question.answer else " "
        yield from _wrapped(option.text, width, f"  {mark} {LABELS[index]}  ")
    yield ""
    yield from _wrapped(f"Key {question.label}. {question.explanation}", width, "  ")


def _wrapped(text: str, width: int, first: str) -> Iterator[str]:
    indent = first
    for paragraph in text.splitlines():
        # Blanks at the start of a line carry meaning in grids and tables made of text.
        lead = paragraph[: len(paragraph) - len(paragraph.lstrip())]
        lines = textwrap.wrap(paragraph.strip(), max(20, width - len(indent) - len(lead)), break_long_words=False)
        for line in lines or [""]:
            yield f"{indent}{lead}{line}".rstrip()
            indent = " " * len(first)
