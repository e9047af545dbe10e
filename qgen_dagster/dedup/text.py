"""Text brought to a form in which trivial edits vanish: case, punctuation, number words, ordinals, contractions.

Here: canonical tokens, and the quantities (numbers and single letters) and names that a text mentions. English number
words are known; text in other languages keeps its digits and loses nothing else. Not here: what a difference means
(`compare.py`). A change here changes what is stored beside the vectors: raise `facts.RULES_VERSION` with it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from qgen_dagster.core.question import normalise_text
from qgen_dagster.dedup.words import (
    ARTICLES,
    CANNOT,
    FUNCTION_WORDS,
    NEGATIONS,
    OTHER_NUMBERS,
    SCALES,
    SPELLED,
    TENS,
    TURNS,
    UNCOUNTED,
    UNITS,
)

_TOKEN = re.compile(
    r"(?:(?<![^\s(\[,:=])-)?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:st|nd|rd|th)?(?![^\W_])"  # -1,250.50 or 3rd
    r"|(?:\d+)"
    r"|[^\W\d_]+(?:'[^\W\d_]+)*"
    r"|[+*/=<>^%-]"
)
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_AND = re.compile(r"(?<=hundred) and (?=[a-z])")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?$")
_SENTENCE_START = re.compile(r"(?:^|[.?!:;\n|\"“])[\s\"“'‘(\[]*$")
_NAME = re.compile(r"[A-Z][a-zà-öø-ÿ]+|[A-Z]{2,}(?![a-z])")
_QUOTED = re.compile(r"[“\"]([^”\"\n]{1,60})[”\"]|(?<!\w)['‘]([^'’\n]{1,60})['’](?!\w)")
_ENDING = re.compile(r"(?<=[^\W\d_]{3})(?:y?ing|ies|ied|ed|es|e|s|y)$")
_DRAWN = re.compile(r"(?=.*[-#])[-#oOxX+*=._]{3,}")
_ENDS_A_LETTER = re.compile(r"\s*[,;:.?)\]\"']")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says once trivial differences are gone."""

    tokens: tuple[str, ...]
    quantities: tuple[str, ...]  # numbers and single letters, in order of appearance


@lru_cache(maxsize=2_048)  # many questions have the stem of their template, and one-word options
def read(text: str) -> Reading:
    """The canonical tokens of a text and its quantities."""
    normalised = _AND.sub(" ", _HYPHEN.sub(" ", normalise_text(text)))
    words: list[str] = []
    ends: list[int] = []
    for match in _TOKEN.finditer(normalised):
        token = match.group()
        parts = _split_contraction(token) if "'" in token or token in CANNOT else (token,)
        words += parts
        ends += [match.end()] * len(parts)
    singles = [i for i, word in enumerate(words) if _is_letter(word)]
    letters = {i for i in singles if _stands_alone(words, i, normalised, ends[i])}
    tokens: list[str] = []
    quantities: list[str] = []
    for token, is_quantity in _with_numbers(words, letters):
        tokens.append(token)
        if is_quantity and token not in UNCOUNTED:
            quantities.append(token)
    return Reading(tuple(tokens), tuple(quantities))


def names_in(text: str) -> frozenset[str]:
    """Names and quoted words, case-folded: what a paraphrase keeps. A capital that only opens a sentence is none."""
    found: set[str] = set()
    for match in _NAME.finditer(text) if not text.isupper() else ():
        start, word = match.start(), match.group().casefold()
        opens = not match.group().isupper() and _SENTENCE_START.search(text[max(start - 8, 0) : start])
        if not (opens or text[start - 1 : start].isalnum() or word in FUNCTION_WORDS or word in NEGATIONS):
            found.add(word)
    for match in _QUOTED.finditer(text):
        found.update(token for token in read(match.group(1) or match.group(2)).tokens if token not in ARTICLES)
    return frozenset(found)


def turns(tokens: Iterable[str]) -> tuple[str, ...]:
    """The words that turn a statement into another one, in order; all ways of saying no are one."""
    return tuple("not" if token in NEGATIONS else token for token in tokens if token in NEGATIONS or token in TURNS)


def is_strong(quantities: Iterable[str]) -> bool:
    """Whether agreeing in these says much: two numbers, or a series of letters (two letters may just be labels)."""
    different = set(quantities)
    numbers = sum(map(is_number, different))
    return numbers >= 2 or len(different) - numbers >= 4


def content_words(tokens: Iterable[str]) -> tuple[str, ...]:
    """The words that say what a text is about, in order and without the commonest endings."""
    return tuple(_ENDING.sub("", token) for token in tokens if token not in FUNCTION_WORDS and token[-1:].isalnum())


def drawing(text: str) -> tuple[str, ...]:
    """The parts of a text that draw with characters (#-- ### -o-), where each sign counts."""
    return tuple(part for part in text.split() if _DRAWN.fullmatch(part))


def same_quantities(a: Iterable[str], b: Iterable[str]) -> bool:
    """True when two texts mention the same numbers and letters equally often, in any order."""
    return Counter(a) == Counter(b)


def is_number(token: str) -> bool:
    return _NUMBER.match(token) is not None


def _split_contraction(token: str) -> list[str]:
    if token.endswith("n't"):
        return [{"ca": "can", "wo": "will"}.get(token[:-3], token[:-3]), "not"]
    return ["can", "not"] if token in CANNOT else [token.removesuffix("'s")]


def _is_letter(token: str) -> bool:
    return len(token) == 1 and token.isalpha()


def _stands_alone(words: list[str], i: int, text: str, end: int) -> bool:
    """Whether a single letter is meant as a letter: no unit or factor of a number, no article, no pronoun."""
    before, after = words[max(i - 1, 0) : i], words[i + 1 : i + 2]
    if before and is_number(before[0]):
        return False  # 5 m, 3x, 2 × 3
    if words[i] not in ("a", "i"):
        return True
    beside_letter = any(_is_letter(word) and word not in "ai" for word in before + after)
    return beside_letter or _ENDS_A_LETTER.match(text, end) is not None


def _with_numbers(words: list[str], letters: set[int]) -> Iterator[tuple[str, bool]]:
    """The tokens with number words written as digits, each with whether it is a quantity."""
    i = 0
    while i < len(words):
        word = words[i]
        value, used = _spelled_number(words, i) if word in SPELLED else (0, 0)
        if used:
            yield str(value), True
        elif word in OTHER_NUMBERS:
            yield OTHER_NUMBERS[word], True
        elif word.lstrip("-")[:1].isdigit():
            # "second" does not count, so neither does "2nd"
            yield _plain_number(word), word != "2nd"
        else:
            yield word, i in letters
        i += max(used, 1)


def _plain_number(word: str) -> str:
    """A number without thousands separators, ordinal ending, leading zeros and trailing decimal zeros."""
    digits = re.sub(r"st|nd|rd|th|,", "", word)
    sign, digits = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    whole, _, decimals = digits.partition(".")
    decimals = decimals.rstrip("0")
    return sign + (whole.lstrip("0") or "0") + (f".{decimals}" if decimals else "")


def _spelled_number(words: list[str], start: int) -> tuple[int, int]:
    """The value of the number words from `start` and how many words they take; (0, 0) when there are none.

    "twenty five" is one number, "five six" are two.
    """
    total = current = used = 0
    last = ""  # what kind of word the number ends in so far
    for word in words[start:]:
        if word in UNITS and (last in ("", "scale") or (last == "tens" and 0 < UNITS[word] < 10)):
            current, last = current + UNITS[word], "unit"
        elif word in TENS and last in ("", "scale"):
            current, last = current + TENS[word], "tens"
        elif word == "hundred":
            current, last = max(current, 1) * 100, "scale"
        elif word in SCALES:
            total, current, last = total + max(current, 1) * SCALES[word], 0, "scale"
        else:
            break
        used += 1
    return total + current, used
