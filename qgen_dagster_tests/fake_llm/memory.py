"""What the server knows of the questions it has made: their true keys, and the faults planted in them.

Here: `Truth`, `Memory`. Not here: making questions (`stock.py`), working out others' (`solving.py`), saying what is
known (`brain.py`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from qgen_dagster.core.question import normalise_text

from .prompts import PrintedQuestion
from .solving import work_out


@dataclass(frozen=True, slots=True)
class Truth:
    """The true key's text (normalised), and what is wrong with the question besides.

    `second` is another option that can be defended; `level` is the difficulty that an arbiter finds, None where
    nothing is known of it.
    """

    key: str
    level: str | None = None
    second: str | None = None
    leaks: bool = False


class Memory:
    """Looks questions up by what they say, whatever the order of their options."""

    def __init__(self) -> None:
        self._known: dict[bytes, Truth] = {}
        self.questions = 0

    def learn(self, stem: str, material: str | None, options: Sequence[str], truth: Truth) -> None:
        """Keeps a question."""
        self.questions += 1
        for name in _names(stem, material, options):
            self._known[name] = truth

    def know(self, stem: str, material: str | None, options: Sequence[str], truth: Truth) -> None:
        """Keeps a question that somebody else has made; only the very same text is recognised."""
        self._known[_names(stem, material, options)[0]] = truth

    def recall(self, printed: PrintedQuestion) -> Truth | None:
        """The truth about a question: of one known, of one worked out, or None.

        Known means the same text, then the same text but for the material, then the same options.
        """
        for name in _names(printed.stem, printed.material, printed.options):
            if truth := self._known.get(name):
                return truth
        solved = work_out(printed)
        return None if solved is None else Truth(normalise_text(printed.options[solved]))


def _names(stem: str, material: str | None, options: Sequence[str]) -> tuple[bytes, bytes, bytes]:
    """What a question is known by, the surest first."""
    choices = "\x1f".join(sorted(map(normalise_text, options)))
    asked = normalise_text(stem)
    whole = f"{choices}\x1e{asked}\x1e{normalise_text(material or '')}"
    return _digest(whole), _digest(f"{choices}\x1e{asked}"), _digest(choices)


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=12).digest()
