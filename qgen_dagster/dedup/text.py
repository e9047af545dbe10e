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

from qgen_dagster.core.question import normalise_text

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_UNITS = {word: value for value, word in enumerate(_ONES)}
_TENS = {
    w: 10 * i
    for i, w in enumerate(["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"], start=2)
}
_SCALES = {"thousand": 1_000, "million": 1_000_000}
_SPELLED = frozenset([*_UNITS, *_TENS, *_SCALES, "hundred"])
# Fractions and ordinals count as their denominator or place, so that "two thirds" is 2/3 and "third" is 3rd. "second"
# is left out: it is a unit of time as often as a place. "first" is 1, which does not count (see `quantities`).
_OTHER_NUMBERS = {
    "half": "2", "halves": "2", "twice": "2", "double": "2", "doubles": "2", "doubled": "2", "third": "3",
    "thirds": "3", "thrice": "3", "triple": "3", "triples": "3", "tripled": "3", "quarter": "4", "quarters": "4",
    "fourth": "4", "fourths": "4", "fifth": "5", "fifths": "5", "sixth": "6", "sixths": "6", "seventh": "7",
    "eighth": "8", "eighths": "8", "ninth": "9", "tenth": "10", "tenths": "10", "dozen": "12", "first": "1",
}  # fmt: skip
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
_ENDING = re.compile(r"(?<=[^\W\d_]{3})(?:ies|ing|ed|es|e|s|y)$")
_ENDS_A_LETTER = re.compile(r"\s*[,;:.?)\]\"']")
NEGATIONS = frozenset({"not", "never", "no", "none", "except", "neither", "nor", "without", "incorrect", "false"})
_CANNOT = ("cannot",)
_UNCOUNTED = ("1",)  # "one" is a pronoun as often as a number
_TURNS = frozenset({"some", "only", "most", "least", "fewest", "few", "more", "less", "fewer"})
ARTICLES = frozenset({"a", "an", "the"})
# Words that say nothing of what a question is about. "all", "some" and "no" are not among them: they decide.
FUNCTION_WORDS = ARTICLES | frozenset(
    "am and answer are as at be been best better by calculate can certainly choose complete compute correct decide "
    "definitely determine did do does exactly find following for from give given had has have he her him his how i if "
    "in is it its just let likely look many me much must name now of on or order out please question right say select "
    "shall she should so state tell than that their them then there these they think this those to us was we were what "
    "when where which who whom whose will with word words would you your".split()
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says once trivial differences are gone."""

    tokens: tuple[str, ...]
    quantities: tuple[str, ...]  # numbers and single letters, in order of appearance


def read(text: str) -> Reading:
    """The canonical tokens of a text and its quantities."""
    normalised = _AND.sub(" ", _HYPHEN.sub(" ", normalise_text(text)))
    raw = [(token, match.end()) for match in _TOKEN.finditer(normalised) for token in _split_contraction(match.group())]
    words = [token for token, _ in raw]
    letters = {
        i for i, (token, end) in enumerate(raw) if _is_letter(token) and _stands_alone(words, i, normalised, end)
    }
    tokens: list[str] = []
    quantities: list[str] = []
    for token, is_quantity in _with_numbers(words, letters):
        tokens.append(token)
        if is_quantity and token not in _UNCOUNTED:
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


def turns(tokens: Iterable[str]) -> Counter[str]:
    """The words that turn a statement into another one, counted; all ways of saying no count as one."""
    return Counter("not" if token in NEGATIONS else token for token in tokens if token in NEGATIONS | _TURNS)


def content_words(tokens: Iterable[str]) -> frozenset[str]:
    """The words that say what a text is about, without the commonest endings."""
    return frozenset(_ENDING.sub("", token) for token in tokens if token not in FUNCTION_WORDS and token[-1:].isalnum())


def same_quantities(a: Iterable[str], b: Iterable[str]) -> bool:
    """True when two texts mention the same numbers and letters equally often, in any order."""
    return Counter(a) == Counter(b)


def is_number(token: str) -> bool:
    return _NUMBER.match(token) is not None


def _split_contraction(token: str) -> list[str]:
    if token.endswith("n't"):
        return [{"ca": "can", "wo": "will"}.get(token[:-3], token[:-3]), "not"]
    return ["can", "not"] if token in _CANNOT else [token.removesuffix("'s")]


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
        value, used = _spelled_number(words, i) if word in _SPELLED else (0, 0)
        if used:
            yield str(value), True
        elif word in _OTHER_NUMBERS:
            yield _OTHER_NUMBERS[word], True
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
        if word in _UNITS and (last in ("", "scale") or (last == "tens" and 0 < _UNITS[word] < 10)):
            current, last = current + _UNITS[word], "unit"
        elif word in _TENS and last in ("", "scale"):
            current, last = current + _TENS[word], "tens"
        elif word == "hundred":
            current, last = max(current, 1) * 100, "scale"
        elif word in _SCALES:
            total, current, last = total + max(current, 1) * _SCALES[word], 0, "scale"
        else:
            break
        used += 1
    return total + current, used
