"""Reading a prompt: its header lines and the questions printed in it.

Here: `PromptRead`, `PrintedQuestion`. Not here: answering (`brain.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .drills import drills_asked

LETTERS = "ABCDEF"
_HEADER = re.compile(r"^([A-Z][A-Za-z-]*):[ \t]*(.*)$")
_BLOCK = re.compile(r"<question>\s*\n(.*?)\n\s*</question>", re.DOTALL)
_OPTION = re.compile(r"^([A-F])\)[ \t]?(.*)$")
_STEM = "Question:"
_MATERIAL = "Material:"
_INDENT = "   "


@dataclass(slots=True)
class PrintedQuestion:
    """A question as it was printed; `options` in the printed order, A first."""

    stem: str
    options: list[str]
    material: str | None = None


@dataclass(slots=True)
class PromptRead:
    """What the server understands of a prompt. `task` is `other` for a prompt without header lines."""

    task: str = "other"
    count: int = 1
    question_type: str = ""
    difficulty: str = ""
    sub_types: list[str] = field(default_factory=list)
    questions: list[PrintedQuestion] = field(default_factory=list)
    key: str | None = None
    drills: list[tuple[str, str]] = field(default_factory=list)  # position and methodology of each


def read_prompt(text: str) -> PromptRead:
    """Reads the user prompt."""
    header = _headers(text)
    task = header.get("task", "other").lower()
    if task == "drill":
        return PromptRead(task=task, drills=drills_asked(text))
    if task not in ("generate", "solve", "arbitrate", "compare"):
        return PromptRead()
    if task == "generate":
        count = header.get("count", "1")
        return PromptRead(
            task=task,
            count=int(count) if count.isdigit() else 1,
            question_type=header.get("type", ""),
            difficulty=header.get("difficulty", ""),
            sub_types=[name.strip() for name in header.get("sub-types", "").split(",") if name.strip()],
        )
    questions = [_question(block) for block in _BLOCK.findall(text)]
    key = re.search(r"^Key:[ \t]*([A-F])\b", text.rpartition("</question>")[2], re.MULTILINE)
    return PromptRead(task, questions=questions, key=key[1] if key else None, difficulty=header.get("difficulty", ""))


def _headers(text: str) -> dict[str, str]:
    header = {}
    for line in text.splitlines():
        found = _HEADER.match(line)
        if not found:
            break
        header[found[1].lower()] = found[2].strip()
    return header


def _question(block: str) -> PrintedQuestion:
    # A line that goes on from the one before is indented; where it is not, the last "A)" begins the options.
    lines = block.splitlines()
    first = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].startswith("A)")), len(lines))
    options: list[str] = []
    for line in lines[first:]:
        found = _OPTION.match(line)
        if found and found[1] == LETTERS[len(options) : len(options) + 1]:
            options.append(found[2])
        elif options:
            options[-1] += "\n" + line.removeprefix(_INDENT)
    begun = max((i for i in range(first) if lines[i].startswith(_STEM)), default=0)
    stem = _joined(lines[begun:first]).removeprefix(_STEM).strip()
    material = _joined(lines[:begun]).removeprefix(_MATERIAL).strip()
    return PrintedQuestion(stem, [option.strip() for option in options], material or None)


def _joined(lines: list[str]) -> str:
    return "\n".join(line.removeprefix(_INDENT) for line in lines).strip()
