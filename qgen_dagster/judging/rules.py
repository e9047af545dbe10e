"""Item-writing rules that need no judge: flaws that can be seen in the text alone.

The rules are those on which item-writing guidelines agree (Haladyna, Downing and Rodriguez 2002, Applied Measurement
in Education 15). Not here: whether the key is right (`solving.py`), scores (`rubric.py`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from qgen_dagster.core.question import Question, normalise_text, validate_question

MIN_LEAK_LENGTH = 4  # a one-letter option stands in almost every stem
LONGEST_OPTION_RATIO = 1.8
MIN_CUE_LENGTH = 25  # length says nothing among short options
# "None of them" is left alone: in a puzzle about persons it is an answer like any other.
_ALL_OR_NONE = re.compile(r"^(all|none|both|neither) of (the above|these (answers|options|choices))\b")
_ABSOLUTE = re.compile(r"\b(always|never|impossible|certainly|absolutely)\b")
_ENDS_IN_ARTICLE = re.compile(r"\b(a|an)\s*[:_.…]*$")
_DIGIT = re.compile(r"\d")
_VOWEL = re.compile(r"^[aeiou]")


@dataclass(frozen=True, slots=True)
class Flaw:
    """A broken rule. A `fatal` one rejects the candidate; others cost formatting or clarity."""

    rule: str
    detail: str
    fatal: bool = False


def find_flaws(question: Question) -> list[Flaw]:
    """Every rule that the question breaks, fatal ones first."""
    flaws = [Flaw("malformed", problem, fatal=True) for problem in validate_question(question)]
    if not flaws:
        flaws += [flaw for check in _CHECKS for flaw in check(question)]
    return sorted(flaws, key=lambda flaw: not flaw.fatal)


def leakage(question: Question) -> float:
    """How safe the key is from being read off, 0–1: 1 nothing leaks, 0 the stem alone names it.

    The key leaks when it stands in the stem word for word while no distractor does. A memory stimulus does not
    count: it holds the key by design, and is hidden. Keys shorter than `MIN_LEAK_LENGTH` are not looked for, and
    neither are quantities: that a number of the problem is also its answer is chance, not a leak.
    """
    stem = normalise_text(question.stem)
    key = normalise_text(question.key_option.text)
    if len(key) < MIN_LEAK_LENGTH or _DIGIT.search(key) or not _stands_in(key, stem):
        return 1.0
    others = [normalise_text(o.text) for o in question.options if o is not question.key_option]
    shared = sum(_stands_in(other, stem) for other in others)
    return shared / len(others)


def _stands_in(phrase: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None


def _all_or_none(question: Question) -> list[Flaw]:
    options = [o.text for o in question.options if _ALL_OR_NONE.match(normalise_text(o.text))]
    return [Flaw("all_or_none_of_the_above", text, fatal=True) for text in options]


def _longest_option(question: Question) -> list[Flaw]:
    lengths = sorted(len(o.text) for o in question.options)
    key = len(question.key_option.text)
    if key == lengths[-1] >= MIN_CUE_LENGTH and key > LONGEST_OPTION_RATIO * lengths[-2]:
        return [Flaw("longest_option", f"the key has {key} characters, the next longest option {lengths[-2]}")]
    return []


def _absolute_terms(question: Question) -> list[Flaw]:
    found = [bool(_ABSOLUTE.search(normalise_text(o.text))) for o in question.options]
    if any(found) and not all(found) and not found[question.answer]:
        return [Flaw("absolute_terms", "only distractors use words such as always or never")]
    return []


def _grammar_cue(question: Question) -> list[Flaw]:
    article = _ENDS_IN_ARTICLE.search(normalise_text(question.stem))
    if not article:
        return []
    wants_vowel = article.group(1) == "an"
    fits = [bool(_VOWEL.match(normalise_text(o.text))) == wants_vowel for o in question.options]
    if fits[question.answer] and fits.count(True) == 1:
        return [Flaw("grammar_cue", "only the key fits the article at the end of the stem", fatal=True)]
    return []


def _empty_explanation(question: Question) -> list[Flaw]:
    if len(question.explanation.split()) < 4:
        return [Flaw("thin_explanation", "the explanation says too little")]
    return []


_CHECKS = (_all_or_none, _longest_option, _absolute_terms, _grammar_cue, _empty_explanation)
