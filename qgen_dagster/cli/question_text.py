"""A question as plain text and as JSON.

Not here: the page with figures (`question_page.py`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

from qgen_dagster.cli.output import local_time
from qgen_dagster.core.question import LABELS, Question

if TYPE_CHECKING:
    from qgen_dagster.bank.questions import StoredQuestion

WIDTH = 78


def question_text(question: Question, width: int = WIDTH) -> str:
    """Stimulus, stem, options with the key marked, and the explanation. Figures appear as their text."""
    return "\n".join(_lines(question, width))


def origin(stored: StoredQuestion) -> list[tuple[str, object]]:
    """Where a question comes from and how it stands, as names and values."""
    q = stored.question
    made_by = f"{q.item_model} v{q.item_version}, seed {q.seed}" if q.item_model else stored.model
    score = f"{stored.arbiter_score:.2f}" if stored.arbiter_score is not None else None
    state = "active"
    if not stored.is_active:
        by = f" by {stored.deactivated_by}" if stored.deactivated_by else ""
        why = f": {stored.deactivated_reason}" if stored.deactivated_reason else ""
        state = f"inactive since {local_time(stored.deactivated_at)}{by}{why}"
    return [
        ("id", stored.id),
        ("state", state),
        ("added", local_time(stored.created_at)),
        ("source", stored.provider or stored.source),
        ("made by", made_by),
        ("score", score),
        ("expected", f"{q.expected_success:.0%} answer correctly" if q.expected_success is not None else None),
        ("run", stored.run_id),
        ("figures", "yes: qgen questions show --open" if has_figures(stored) else None),
    ]


def has_figures(stored: StoredQuestion) -> bool:
    """Whether the question has anything that plain text cannot show."""
    q = stored.question
    return bool((q.stimulus and q.stimulus.figure) or any(option.figure for option in q.options))


def question_json(stored: StoredQuestion) -> dict[str, object]:
    """A question of the bank for --json."""
    from qgen_dagster.services.question_files import exported

    return {
        **exported(stored),
        "deactivated_at": stored.deactivated_at,
        "deactivated_by": stored.deactivated_by,
        "deactivated_reason": stored.deactivated_reason,
    }


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
