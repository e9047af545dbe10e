"""How the inference model says things: rules, facts and conclusions about days or people, as English sentences.

Here: words only. Not here: what follows from what (`inference.py` plans it, `_reading.py` finds it out again).
"""

from __future__ import annotations

import random

from qgen_dagster.generation.items.language import capitalised
from qgen_dagster.generation.items.verbal._lexicon import Theme

# A property of a theme: the number of its line, affirmed or denied.
Literal = tuple[int, bool]
PLAIN, TURNED = "plain", "turned"


def opposite(literal: Literal) -> Literal:
    return literal[0], not literal[1]


def uncapitalised(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


class Wording:
    """The sentences of one theme. A form ends in s (a day now; one person) or p (a day in the past; several people)."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme
        self.days = theme.kind == "days"

    def s(self, literal: Literal) -> str:
        return self.theme.lines[literal[0]][0 if literal[1] else 1]

    def p(self, literal: Literal) -> str:
        return self.theme.lines[literal[0]][2 if literal[1] else 3]

    def fact(self, who: str, literal: Literal) -> str:
        return f"On {who}, {self.p(literal)}" if self.days else f"{who} {self.s(literal)}"

    def rule(self, a: Literal, b: Literal) -> str:
        """That all with `a` have `b`, as plainly as can be."""
        if self.days:
            return f"Whenever {self.s(a)}, {self.s(b)}"
        if b[1]:
            return f"Everyone who {self.s(a)} {self.s(b)}"
        return f"Nobody who {self.s(a)} {self.s(opposite(b))}"

    def some(self, a: Literal, b: Literal) -> str:
        if self.days:
            return f"There are days on which {self.s(a)} and {self.s(b)}"
        return f"Some people who {self.p(a)} {self.p(b)}"

    def none(self, a: Literal, b: Literal) -> str:
        if self.days:
            return f"There is no day on which {self.s(a)} and {self.s(b)}"
        return f"Nobody who {self.s(a)} {self.s(b)}"

    def said(self, a: Literal, b: Literal, way: str, rng: random.Random) -> str:
        """A rule in one of the ways in which people say it, plain or turned (against the direction of thought)."""
        ways = self._turned(a, b) if way == TURNED else self._plain(a, b)
        return ways[rng.randrange(len(ways))]

    def is_plain(self, rule: str, a: Literal, b: Literal) -> bool:
        return rule in self._plain(a, b)

    def _plain(self, a: Literal, b: Literal) -> list[str]:
        if self.days:
            return [self.rule(a, b), f"If {self.s(a)}, {self.s(b)}"]
        if b[1]:
            return [
                self.rule(a, b),
                f"All those who {self.p(a)} {self.p(b)}",
                f"Whoever {self.s(a)} {self.s(b)}",
            ]
        return [self.rule(a, b), f"None of those who {self.p(a)} {self.p(opposite(b))}"]

    def _turned(self, a: Literal, b: Literal) -> list[str]:
        if self.days:
            ways = [self.rule(opposite(b), opposite(a))]
            if a[1]:
                ways.append(capitalised(f"{self.s(a)} only when {self.s(b)}"))
            if b[1]:
                ways.append(f"Unless {self.s(b)}, {self.s(opposite(a))}")
            return ways
        ways = [self.rule(opposite(b), opposite(a))]
        if a[1]:
            ways.append(f"Only people who {self.p(b)} {self.p(a)}")
        return ways
