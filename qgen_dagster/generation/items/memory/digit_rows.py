"""A row of digits to recognise among rows that differ in order only (digit span).

Radicals: number of digits, order asked (forwards, backwards), place of the changes.
- easy: 6 digits forwards; the changes touch the first and the last digit, which are remembered best.
- medium: 6 digits backwards.
- hard: 8 digits backwards, all changes in the middle.
Options are three orders of one block of three digits (turned on) times two orders of a pair elsewhere. Each digit
then stands at each place equally often over the options, so that the options alone say nothing.
Time shown: 1 s a digit. The solver reads the row and turns it round where that is asked.
"""

from __future__ import annotations

import random

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.memory._recall import entries, expected, to_remember

HEADING = "Remember these digits in their order:"
FORWARDS = "Which row of digits was shown?"
BACKWARDS = "Which row has the digits in reverse order, from the last to the first?"
LENGTHS = {"easy": (6, 7), "medium": (6, 7), "hard": (8, 9)}


class DigitRows(ItemModel):
    name = "digit_rows"
    family = "memory"
    sub_type = "digit_span"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        length = rng.choice(LENGTHS[level])
        shown = rng.sample("0123456789", length)
        backwards = level != "easy"
        right = shown[::-1] if backwards else shown
        triple, pair = _blocks(rng, length, inside=level == "hard")
        choices = [
            _changed(right, triple, pair, turn, swap) for turn in range(3) for swap in (False, True) if turn or swap
        ]
        key = " ".join(right)
        how = "Read from the last digit to the first, that is" if backwards else "That is the row"
        return Draft(
            stem=BACKWARDS if backwards else FORWARDS,
            stimulus=to_remember(HEADING, [" ".join(shown)], length),
            key=Choice(key),
            distractors=tuple(choices),
            explanation=f"The digits shown were {' '.join(shown)}. {how} {key}.",
            structure={"digits": "".join(shown), "backwards": backwards},
            expected_success=expected(level, 0.3 + 0.4 * (length == LENGTHS[level][1])),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        digits = entries(shown.stimulus)[0].split()
        if "reverse" in shown.stem:
            digits.reverse()
        return [i for i, option in enumerate(shown.options) if option.text.split() == digits]


def _blocks(rng: random.Random, length: int, *, inside: bool) -> tuple[int, int]:
    """Where a block of three and a pair begin that do not overlap; `inside` keeps off both ends."""
    edge = 1 if inside else 0
    ways = [
        (triple, pair)
        for triple in range(edge, length - 2 - edge)
        for pair in range(edge, length - 1 - edge)
        if pair + 1 < triple or pair > triple + 2
    ]
    if not inside:
        ways = [(t, p) for t, p in ways if {0, length - 1} <= {*range(t, t + 3), p, p + 1}]
    return rng.choice(ways)


def _changed(right: list[str], triple: int, pair: int, turn: int, swap: bool) -> Choice:
    row = list(right)
    block, two = row[triple : triple + 3], row[pair : pair + 2]
    row[triple : triple + 3] = block[turn:] + block[:turn]
    if swap:
        row[pair : pair + 2] = two[::-1]
    wrong = [*([*block] if turn else []), *(two if swap else [])]
    tag = "triple_and_pair" if turn and swap else "triple_turned" if turn else "pair_swapped"
    return Choice(" ".join(row), mistake=tag, note=f"The digits {listed(wrong)} are not in their places.")


MODEL = DigitRows()
