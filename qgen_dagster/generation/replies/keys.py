"""Which option an answer means: by its text, its letter or its number, where that is certain.

Text comes first: where "2" is an option's text, the answer "2" is that option. A letter or a number is only taken where
no option could be called so, and a number only where counting from 0 or from 1 makes no difference. What is not certain
is refused with a sentence. Not here: the rest of a question (`questions.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from qgen_dagster.core.question import LABELS, normalise_text
from qgen_dagster.generation.replies.texts import Unusable, shown

_LETTER = re.compile(r"^(?:(?:option|answer|choice)\s*:?\s*)?[(\[]?([A-F])[)\].:]?$", re.IGNORECASE)
_LETTER_AND_TEXT = re.compile(
    r"^(?:(?:option|answer|choice)\s+)?[(\[]?([A-F])[)\].:]\s*(\S.*)$", re.IGNORECASE | re.DOTALL
)
_LETTER_PREFIX = re.compile(r"^[(\[]?([A-Fa-f])[)\].:]\s+(?=\S)")
_NUMBER_PREFIX = re.compile(r"^[(\[]?([1-6])[)\].:]\s+(?=\S)")
_INTEGER = re.compile(r"^[+-]?\d{1,3}$")
_QUOTES = "\"'“”‘’«»`"
_ONE_LETTER = re.compile(r"^[A-Za-z]$")
_NUMERIC = re.compile(r"^[+-]?\d+(?:[.,]\d+)?$")


def strip_labels(texts: Sequence[str]) -> list[str]:
    """The texts without `A) `, `B) ` … or `1. `, `2. ` … where all of them have these in order."""
    for pattern, labels in ((_LETTER_PREFIX, LABELS), (_NUMBER_PREFIX, "123456")):
        found = [pattern.match(text) for text in texts]
        if all(found) and [match.group(1).upper() for match in found if match] == list(labels[: len(texts)]):
            return [text[match.end() :].strip() for text, match in zip(texts, found, strict=True) if match]
    return list(texts)


def find_key(answer: Any, written: Sequence[str], texts: Sequence[str], unmarked: Sequence[int]) -> int:
    """The index of the option that `answer` means.

    `written` are the options as they came, `texts` without labels, `unmarked` the indices of those without a mistake:
    the contract says that only the key has none, which settles what a bare number means. Raises Unusable.
    """
    if isinstance(answer, bool) or answer is None or isinstance(answer, dict | list):
        raise Unusable("the answer is no text")
    if isinstance(answer, float) and not answer.is_integer():
        answer = f"{answer:g}"
    said = str(int(answer)) if isinstance(answer, int | float) else answer.strip()
    if not said:
        raise Unusable("the answer is empty")
    by_text = _by_text(said, written, texts)
    if by_text is not None:
        return by_text
    if (with_text := _LETTER_AND_TEXT.match(said)) is not None:
        return _by_letter_and_text(with_text, said, texts)
    if (letter := _LETTER.match(said)) is not None:
        return _by_letter(letter.group(1), said, texts)
    if _INTEGER.match(said):
        return _by_number(int(said), texts, unmarked)
    raise Unusable(f"the answer {shown(said)} is none of the options")


def _by_text(said: str, written: Sequence[str], texts: Sequence[str]) -> int | None:
    """By exact text, then with case and spacing levelled, then without quotes and a full stop; the first that fits."""
    for level in (str, normalise_text, _bare):
        for options in (texts, written):
            fits = [i for i, text in enumerate(options) if level(text) == level(said)]
            if len(fits) == 1:
                return fits[0]
            if fits:
                raise Unusable(f"the answer {shown(said)} fits {len(fits)} options")
    return None


def _by_letter_and_text(match: re.Match[str], said: str, texts: Sequence[str]) -> int:
    place = LABELS.index(match.group(1).upper())
    by_text = _by_text(match.group(2).strip(), texts, texts)
    if by_text is None:
        raise Unusable(f"the answer {shown(said)} is none of the options")
    if by_text != place:
        raise Unusable(f"the answer {shown(said)} names one option by its letter and another by its text")
    return by_text


def _by_letter(letter: str, said: str, texts: Sequence[str]) -> int:
    place = LABELS.index(letter.upper())
    if any(_ONE_LETTER.match(text) for text in texts):
        raise Unusable(f"the answer {shown(said)} may be a label or an option's text, and no option reads so")
    if place >= len(texts):
        raise Unusable(f"the answer {shown(said)} is none of the {len(texts)} options")
    return place


def _by_number(number: int, texts: Sequence[str], unmarked: Sequence[int]) -> int:
    if any(_NUMERIC.match(text) for text in texts):
        raise Unusable(f"the answer “{number}” may be a place or an option's text, and no option reads so")
    possible = [place for place in (number, number - 1) if 0 <= place < len(texts)]
    if not possible:
        raise Unusable(f"the answer “{number}” is none of the {len(texts)} options")
    if len(possible) == 2 and len(unmarked) == 1:
        possible = [place for place in possible if place in unmarked]
    if len(possible) != 1:
        raise Unusable(f"the answer “{number}” may count the options from 0 or from 1")
    return possible[0]


def _bare(text: str) -> str:
    return normalise_text(text).strip(_QUOTES).rstrip(".").strip(_QUOTES).strip()
