"""Decides whether two questions are the same, from their facts and the cosine of their vectors. Pure.

Here: `compare`, and `differ` for whom a yes or no will do. Not here: where the other question comes from (`find.py`),
what the thresholds are (`settings.py`).

The cosine says that two questions are near. Questions of one template are near too, so it never decides alone: the
answer and the quantities must agree, and nothing may contradict. What speaks for a duplicate with a doubt is grey.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from qgen_dagster.dedup.facts import Facts
from qgen_dagster.dedup.settings import Bounds
from qgen_dagster.dedup.text import drawing, is_number, is_strong, same_quantities
from qgen_dagster.dedup.words import SHORT_UNITS

_LONG = 8  # content words: shorter stems have no clues whose order could say much
_DASH = "-"  # in material it separates


class Likeness(StrEnum):
    """What semantic comparison says of two questions."""

    SAME = "same"
    DOUBTFUL = "doubtful"
    DIFFERENT = "different"


class Doubt(StrEnum):
    """Why two questions that seem to be the same may not be."""

    FAR = "far"  # near enough to ask, not to decide
    UNITS = "units"  # the same number as answer, in other units
    NAMES = "names"  # each names somebody or something that the other does not
    ORDER = "order"  # three numbers or more, in another order
    POLARITY = "polarity"  # one says no, some, least, even or left where the other does not
    STIMULUS = "stimulus"  # the material shown is alike, not the same
    WORDS = "words"  # no numbers to hold on to, and each has words that the other lacks
    OPTIONS = "options"  # only the options say what is asked, and they differ


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two questions relate, and why a likeness is only doubtful."""

    cosine: float
    jaccard: float
    answers_agree: bool
    quantities_agree: bool
    names_agree: bool
    likeness: Likeness
    doubts: tuple[Doubt, ...] = ()


def compare(a: Facts, b: Facts, cosine: float, bounds: Bounds) -> Comparison:
    """Everything that is known about two questions of one type, and what follows from it."""
    jaccard = overlap(a.tokens, b.tokens)
    names_agree = not _names_contradict(a, b)
    likeness, doubts = Likeness.DIFFERENT, tuple[Doubt, ...]()
    if not differ(a, b, cosine, bounds):
        doubts = tuple(_doubts(a, b, cosine, jaccard, names_agree, bounds))
        likeness = Likeness.DOUBTFUL if doubts else Likeness.SAME
    return Comparison(
        cosine,
        jaccard,
        answers_agree=a.answer_key == b.answer_key,
        quantities_agree=same_quantities(a.quantities, b.quantities),
        names_agree=names_agree,
        likeness=likeness,
        doubts=doubts,
    )


def differ(a: Facts, b: Facts, cosine: float, bounds: Bounds) -> bool:
    """Whether two questions of one type are certainly not the same.

    Facts are read as they are needed: what costs least and tells most questions of a template apart comes first.
    """
    return (
        _options_likeness(a, b, bounds) is Likeness.DIFFERENT
        or _words_likeness(a, b, bounds) is Likeness.DIFFERENT
        or _stimulus_likeness(a, b, bounds) is Likeness.DIFFERENT
        or (bounds.names == "decide" and _names_contradict(a, b))
        or not same_quantities(a.quantities, b.quantities)
        or a.answer_key != b.answer_key
        or (cosine < bounds.reach(a.strong) and overlap(a.tokens, b.tokens) < bounds.jaccard_from)
    )


def overlap(a: Iterable[object], b: Iterable[object]) -> float:
    """Jaccard: the share of all elements that both have; 1 for two empty sets."""
    first, second = set(a), set(b)
    return len(first & second) / len(first | second) if first or second else 1.0


def _doubts(a: Facts, b: Facts, cosine: float, jaccard: float, names_agree: bool, bounds: Bounds) -> Iterable[Doubt]:
    if cosine < bounds.firm(a.strong) and jaccard < bounds.jaccard_from:
        yield Doubt.FAR
    if _units(a) and _units(b) and not _units(a) & _units(b):
        yield Doubt.UNITS
    if not names_agree:
        yield Doubt.NAMES
    if len(a.quantities) > 2 and a.numbers_in_order != b.numbers_in_order:
        yield Doubt.ORDER
    if a.turns != b.turns:
        yield Doubt.POLARITY
    if _stimulus_likeness(a, b, bounds) is Likeness.DOUBTFUL:
        yield Doubt.STIMULUS
    if _words_likeness(a, b, bounds) is Likeness.DOUBTFUL:
        yield Doubt.WORDS
    if _options_likeness(a, b, bounds) is Likeness.DOUBTFUL:
        yield Doubt.OPTIONS


def _units(facts: Facts) -> set[str]:
    """The words beside the number of an answer such as 12 cm; nothing for an answer that is no number."""
    words = {SHORT_UNITS.get(token, token) for token in facts.answer if not is_number(token)}
    return words if is_number(facts.answer_key) else set()


def _names_contradict(a: Facts, b: Facts) -> bool:
    """Each names something that the other does not mention at all. Silence on one side is no contradiction."""
    return bool(a.names - b.tokens) and bool(b.names - a.tokens)


def _words_likeness(a: Facts, b: Facts, bounds: Bounds) -> Likeness:
    """Without numbers the stem's words are all there is; those of a template make any two of its items near.

    Their order counts too: clues about the same things in other places are another puzzle.
    """
    if is_strong(a.stem.quantities) or a.content == b.content:
        return Likeness.SAME
    words = overlap(a.content, b.content)
    long = min(len(a.content), len(b.content)) >= _LONG
    order = overlap(_neighbouring(a.content), _neighbouring(b.content)) if long else 1.0
    both_differ = set(a.content) - set(b.content) and set(b.content) - set(a.content)
    if (both_differ and words < bounds.words_from) or order < bounds.order_from:
        return Likeness.DIFFERENT
    return Likeness.DOUBTFUL if both_differ or order < bounds.order_sure else Likeness.SAME


def _neighbouring(words: Sequence[str]) -> set[tuple[str, ...]]:
    """Each two words in a row."""
    return set(pairwise(words)) if len(words) > 1 else {tuple(words)}


def _options_likeness(a: Facts, b: Facts, bounds: Bounds) -> Likeness:
    """Where only the options say what is asked, other options are another item, and some others may be."""
    if not (a.options_decide and b.options_decide) or a.options == b.options:
        return Likeness.SAME
    return Likeness.DIFFERENT if overlap(a.options, b.options) < bounds.options_from else Likeness.DOUBTFUL


def _stimulus_likeness(a: Facts, b: Facts, bounds: Bounds) -> Likeness:
    """Material is shown, not phrased: other words in it, or another drawing, are another item; another order may be.

    With material on one side only there is nothing to compare: the other may hold it in its stem.
    """
    if a.stimulus is None or b.stimulus is None:
        return Likeness.SAME
    if drawing(a.wording.stimulus or "") != drawing(b.wording.stimulus or ""):
        return Likeness.DIFFERENT
    first, second = ([token for token in s.tokens if token != _DASH] for s in (a.stimulus, b.stimulus))
    if first == second:
        return Likeness.SAME
    shared = overlap(_neighbouring(first), _neighbouring(second))
    return Likeness.DIFFERENT if shared < bounds.stimulus_from else Likeness.DOUBTFUL
