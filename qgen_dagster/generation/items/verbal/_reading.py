"""Reading a short passage: what its sentences claim, and what must be true if they are.

Here: the solver of the inference model. It shares the lists of phrases with the generator, as two people share a
language, and nothing else: it knows neither the theme nor the plan of a passage, reads every sentence by its form, and
tests each statement against all cases that the sentences leave possible. A sentence that it cannot read claims nothing.

Two sorts of claims occur. Those about kinds ("everyone who …", "some …", "on Tuesday …") are settled over all
combinations of the properties named: a kind of person or day is one combination, rules strike combinations out. Those
about an order are settled by following it from one thing to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from qgen_dagster.generation.items.verbal._lexicon import lexicon

# A property as (number of its line, affirmed or denied).
Property = tuple[int, bool]
NONE: Property = (-1, True)
DAYS = "Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday"


class Claim(NamedTuple):
    """`all` and `some`: of those with `first`, that they have `second`. `is`: that `who` has it.

    `before`: that the thing `who` comes before the thing `then`.
    """

    kind: str
    first: Property = NONE
    second: Property = NONE
    who: str = ""
    then: str = ""


def must_be_true(passage: str, statements: Sequence[str]) -> list[int]:
    """Which of the statements follow from the passage."""
    known = [claim for sentence in _sentences(passage) for claim in _claims(sentence)]
    found = []
    for i, statement in enumerate(statements):
        claims = _claims(statement.rstrip("."))
        if claims and all(_follows(known, claim) for claim in claims):
            found.append(i)
    return found


# --- reading --------------------------------------------------------------------------------------------------------
def _sentences(passage: str) -> Iterator[str]:
    for sentence in passage.rstrip(".").split(". "):
        yield from sentence.split(", while ")


@cache
def _phrases() -> dict[str, Property]:
    """Every form of every property in the lists. A property is known by the number of its line."""
    lines = [line for theme in lexicon().passages if theme.kind != "order" for line in theme.lines]
    return {
        form: (number, affirmed)
        for number, line in enumerate(lines)
        for form, affirmed in zip(line, (True, False, True, False), strict=True)
    }


@cache
def _orders() -> tuple[re.Pattern[str], ...]:
    """The sentences that say which of two things comes first (t0)."""
    found = []
    for theme in (theme for theme in lexicon().passages if theme.kind == "order"):
        things = "|".join(map(re.escape, theme.things))
        for form in theme.before:
            pattern = re.escape(form)
            for slot in ("0", "1"):
                pattern = pattern.replace(rf"\{{{slot}\}}", f"(?P<t{slot}>{things})")
            found.append(re.compile(pattern, re.IGNORECASE))
    return tuple(found)


def _claims(sentence: str) -> list[Claim]:
    return _about_days(sentence) or _about_people(sentence) or _about_order(sentence)


def _about_days(sentence: str) -> list[Claim]:
    if match := re.fullmatch(rf"[Oo]n ({DAYS}), (.+)", sentence):
        return _is(match[1], _phrases().get(match[2]))
    if match := re.fullmatch(r"(?:Whenever|If) (.+), (.+)", sentence):
        return _claim("all", _phrases().get(match[1]), _phrases().get(match[2]))
    if match := re.fullmatch(r"Unless (.+), (.+)", sentence):
        return _claim("all", _denied(_phrases().get(match[1])), _phrases().get(match[2]))
    if match := re.fullmatch(r"(.+) only when (.+)", sentence):
        return _claim("all", _phrases().get(match[1][:1].lower() + match[1][1:]), _phrases().get(match[2]))
    if match := re.fullmatch(r"There are days on which (.+) and (.+)", sentence):
        return _claim("some", _phrases().get(match[1]), _phrases().get(match[2]))
    if match := re.fullmatch(r"There is no day on which (.+) and (.+)", sentence):
        return _claim("all", _phrases().get(match[1]), _denied(_phrases().get(match[2])))
    return []


def _about_people(sentence: str) -> list[Claim]:
    for opening in ("Everyone who ", "All those who ", "Whoever "):
        if sentence.startswith(opening):
            return _claim("all", *_two(sentence.removeprefix(opening)))
    for opening in ("Nobody who ", "None of those who "):
        if sentence.startswith(opening):
            first, second = _two(sentence.removeprefix(opening))
            return _claim("all", first, _denied(second))
    if sentence.startswith("Some people who "):
        return _claim("some", *_two(sentence.removeprefix("Some people who ")))
    if sentence.startswith("Only people who "):
        # "Only people who drive may park": whoever parks drives.
        first, second = _two(sentence.removeprefix("Only people who "))
        return _claim("all", second, first)
    name, _, rest = sentence.partition(" ")
    return _is(name, _phrases().get(rest))


def _two(text: str) -> tuple[Property | None, Property | None]:
    """Two properties that follow each other without a mark between them."""
    phrases = _phrases()
    for i, letter in enumerate(text):
        if letter == " " and text[:i] in phrases and text[i + 1 :] in phrases:
            return phrases[text[:i]], phrases[text[i + 1 :]]
    return None, None


def _about_order(sentence: str) -> list[Claim]:
    for pattern in _orders():
        if match := pattern.fullmatch(sentence):
            return [Claim("before", who=match["t0"].lower(), then=match["t1"].lower())]
    return []


def _claim(kind: str, first: Property | None, second: Property | None) -> list[Claim]:
    return [] if first is None or second is None else [Claim(kind, first, second)]


def _is(who: str, what: Property | None) -> list[Claim]:
    return [] if what is None else [Claim("is", second=what, who=who)]


def _denied(what: Property | None) -> Property | None:
    return what and (what[0], not what[1])


# --- reasoning ------------------------------------------------------------------------------------------------------
def _follows(known: list[Claim], claim: Claim) -> bool:
    if claim.kind == "before":
        return _comes_before(known, claim.who, claim.then)
    kinds = _Kinds([*known, claim])
    possible = kinds.left_by(known)
    if claim.kind == "all":
        return not possible & kinds.of(claim.first) & ~kinds.of(claim.second)
    wanted = kinds.of(claim.second)
    if claim.kind == "some":
        wanted &= kinds.of(claim.first)
        return any(not witness & ~wanted for witness in kinds.witnesses(known, possible))
    return not kinds.of_one(known, claim.who, possible) & ~wanted


def _comes_before(known: list[Claim], first: str, second: str) -> bool:
    reached, queue = {first}, [first]
    while queue:
        here = queue.pop()
        for claim in known:
            if claim.kind == "before" and claim.who == here and claim.then not in reached:
                reached.add(claim.then)
                queue.append(claim.then)
    return second in reached - {first}


class _Kinds:
    """Sets of combinations of properties, each a bit mask with one bit for every combination."""

    def __init__(self, claims: Sequence[Claim]) -> None:
        numbers = sorted({number for claim in claims for number, _ in (claim.first, claim.second)})
        self._place = {number: place for place, number in enumerate(numbers)}
        self.all = (1 << (1 << len(numbers))) - 1

    def of(self, what: Property) -> int:
        """The combinations with a property."""
        number, affirmed = what
        place = self._place[number]
        # Runs of 2**place zeros and ones, from the lowest bit on.
        run = 1 << place
        mask = (self.all // ((1 << run) + 1)) << run
        return mask if affirmed else self.all & ~mask

    def left_by(self, known: Sequence[Claim]) -> int:
        """The combinations that no rule strikes out."""
        left = self.all
        for claim in known:
            if claim.kind == "all":
                left &= ~self.of(claim.first) | self.of(claim.second)
        return left

    def of_one(self, known: Sequence[Claim], who: str, possible: int) -> int:
        """The combinations that somebody, or a day, may have."""
        for claim in known:
            if claim.kind == "is" and claim.who == who:
                possible &= self.of(claim.second)
        return possible

    def witnesses(self, known: Sequence[Claim], possible: int) -> Iterator[int]:
        """For everybody who is said to exist, the combinations that he or she may have."""
        for claim in known:
            if claim.kind == "some":
                yield possible & self.of(claim.first) & self.of(claim.second)
            elif claim.kind == "is":
                yield self.of_one(known, claim.who, possible)
