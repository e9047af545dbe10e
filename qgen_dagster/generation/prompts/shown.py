"""Text of others inside a prompt: printed so that it is data and cannot act as an instruction.

A question, a reason or a stem may say anything, also `</question>` or `Key: B`. So the tags that delimit data are taken
apart wherever they stand inside it, invisible characters go, and every further line is indented: only what is printed
here starts a line inside a block. The system prompts say what the blocks mean. Not here: the prompts (`render.py`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from qgen_dagster.core.question import LABELS, Question, ShownQuestion, as_shown

MAX_STEMS = 20
MAX_STEM_LENGTH = 200
MAX_FEEDBACK_LENGTH = 1_500
_TAG = re.compile(r"[<＜](?=\s*[/／]?\s*(?:question|not_these|feedback)\b)", re.IGNORECASE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_INDENT = "   "


def as_data(text: str) -> str:
    """The text without invisible characters and with the tags of our blocks taken apart."""
    plain = "\n".join(text.splitlines())  # whatever ends a line, also U+2028
    if not plain.isascii() or not plain.isprintable():
        plain = "".join(c for c in plain if c in "\n\t" or unicodedata.category(c) not in _INVISIBLE)
    return _TAG.sub("‹", plain)


def one_line(text: str, length: int) -> str:
    """The text as data on one line, cut after `length` characters."""
    line = " ".join(as_data(text).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


def indented(text: str) -> str:
    """The text as data, every line but the first indented."""
    return as_data(text).strip().replace("\n", f"\n{_INDENT}")


def question_block(shown: ShownQuestion, order: Sequence[int] | None = None) -> str:
    """The question as a test taker sees it, between its tags. `order` lists the options' indices as printed."""
    lines = ["<question>"]
    if shown.stimulus is not None:
        lines += ["Material:", _INDENT + indented(shown.stimulus.text)]
    lines.append(f"Question: {indented(shown.stem)}")
    places = range(len(shown.options)) if order is None else order
    lines += [f"{letter}) {indented(shown.options[i].text)}" for letter, i in zip(LABELS, places, strict=False)]
    lines.append("</question>")
    return "\n".join(lines)


def question_with_key(question: Question, *, explained: bool = True) -> str:
    """The question, its key and its explanation."""
    lines = [question_block(as_shown(question)), f"Key: {question.label}"]
    if explained:
        lines.append(f"Explanation: {indented(question.explanation)}")
    return "\n".join(lines)


def stem_list(stems: Iterable[str]) -> str:
    """At most `MAX_STEMS` different stems between their tags, one a line; empty without any."""
    lines = dict.fromkeys(line for stem in stems if (line := one_line(stem, MAX_STEM_LENGTH)))
    if not lines:
        return ""
    return "\n".join(["<not_these>", *(f"- {line}" for line in list(lines)[:MAX_STEMS]), "</not_these>"])


def feedback_block(feedback: str) -> str:
    """What a judge said, between its tags."""
    return f"<feedback>\n{one_line(feedback, MAX_FEEDBACK_LENGTH)}\n</feedback>"
