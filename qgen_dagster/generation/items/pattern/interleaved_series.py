"""Two number series woven into one: find both rules, give the next two numbers.

Radicals: the rules of the two strands and how many numbers must be held apart.
- easy: both strands run by a constant step;
- medium: one strand by a constant step, the other by a constant factor or a step that grows;
- hard: neither strand runs by a constant step.
Interleaving itself makes a series harder, since neighbouring numbers no longer belong together; number series studies
count it among the features that predict difficulty best.

Rivals: each strand is searched with the rule space of `_series.py`, and so is the whole series read as one. A draft is
dropped when any pair but the key is justified. The options cross right and wrong numbers of both strands evenly.
"""

from __future__ import annotations

import itertools
import random
import re
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, success
from qgen_dagster.generation.items.pattern._series import continuations

LARGEST = 500


class Strand(NamedTuple):
    """Shown numbers, the next one, two wrong ones with notes, the rule in words and its weight."""

    shown: list[int]
    key: int
    wrong: list[tuple[int, str]]
    rule: str
    weight: float


def _constant_step(count: int, rng: random.Random) -> Strand:
    step = rng.choice([-1, 1]) * rng.randint(2, 12)
    start = rng.randint(1, 60) if step > 0 else rng.randint(1, 40) - step * count
    terms = [start + step * i for i in range(count + 1)]
    key, last = terms[-1], terms[-2]
    word = "add" if step > 0 else "subtract"
    wrong = [(last - step, f"this strand goes {'up, not down' if step > 0 else 'down, not up'}")]
    return Strand(terms[:-1], key, _two(key, wrong, rng), f"{word} {abs(step)} each time", abs(step) / 40)


def _growing_step(count: int, rng: random.Random) -> Strand:
    first, growth, sign = rng.randint(1, 8), rng.randint(1, 3), rng.choice([1, 1, -1])
    steps = [first + growth * i for i in range(count)]
    start = rng.randint(1, 30) if sign > 0 else sum(steps) + rng.randint(1, 20)
    terms = list(itertools.accumulate([sign * s for s in steps], initial=start))
    key, last = terms[-1], terms[-2]
    word = "add" if sign > 0 else "subtract"
    wrong = [
        (last + sign * steps[-2], "the step of this strand grows each time"),
        (last + sign * (steps[-1] + growth), "this takes a step that comes only later"),
    ]
    listed = ", ".join(map(str, steps[:-1]))
    return Strand(terms[:-1], key, _two(key, wrong, rng), f"{word} {listed} and now {steps[-1]}", 0.35)


def _factor(count: int, rng: random.Random) -> Strand:
    factor, addend = rng.choice([(2, 0), (3, 0), (2, 1), (2, -1), (2, 3), (3, -2), (3, 1), (2, 2)])
    terms = [rng.randint(2, 9)]
    while len(terms) <= count:
        terms.append(terms[-1] * factor + addend)
    key, last = terms[-1], terms[-2]
    also = f" and {'add' if addend > 0 else 'subtract'} {abs(addend)}" if addend else ""
    wrong = [
        (2 * last - terms[-3], "the steps of this strand are not all alike"),
        (last * factor - addend if addend else last * (factor + 1), f"the rule is: multiply by {factor}{also}"),
    ]
    return Strand(
        terms[:-1], key, _two(key, wrong, rng), f"multiply by {factor}{also} each time", 0.3 + (0.15 if addend else 0)
    )


def _two(key: int, mistakes: list[tuple[int, str]], rng: random.Random) -> list[tuple[int, str]]:
    """Two wrong numbers: a mistake, and a slip next to the key (two times in three) or next to the mistake.

    With these odds, and the signs drawn alike, the key is neither the middle one nor the most alike more often than
    one time in three.
    """
    value, note = rng.choice([m for m in mistakes if m[0] != key] or [(key + rng.choice([-5, 5]), "check the sum")])
    slip = rng.choice([-1, 1]) * rng.choice([1, 2, 10])
    near_key = rng.random() < 2 / 3
    slipped = (key + slip, f"the result is off by {abs(slip)}") if near_key else (value + slip, note)
    if slipped[0] in (key, value):
        raise Unsuitable("the slip meets another number")
    both = [(value, note), slipped]
    rng.shuffle(both)
    return both


class InterleavedSeries(ItemModel):
    name = "interleaved_series"
    version = 2
    family = "pattern"
    sub_type = "interleaved_series"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        each = 5 if level == "hard" else 4
        strands = [_strand(level, i, each, rng) for i in range(2)]
        rng.shuffle(strands)
        numbers = [n for pair in zip(strands[0].shown, strands[1].shown, strict=True) for n in pair]
        key = (strands[0].key, strands[1].key)
        everything = [*numbers, *key, *(value for strand in strands for value, _ in strand.wrong)]
        if min(everything) < 0 or max(everything) > LARGEST:
            raise Unsuitable("numbers out of range")
        if _justified(numbers) != {key}:
            raise Unsuitable("another rule leads to other numbers")
        choices = _choices(strands, level, rng)
        return Draft(
            stem=f"Which two numbers come next in this series?\n\n{', '.join(map(str, numbers))}, ?, ?",
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=(
                "Two series take turns. "
                f"The 1st, 3rd, 5th … numbers are {_listing(strands[0].shown)}: {strands[0].rule}, giving {key[0]}. "
                f"The 2nd, 4th, 6th … numbers are {_listing(strands[1].shown)}: {strands[1].rule}, giving {key[1]}. "
                f"So the series goes on with {choices[0].text}."
            ),
            structure={"numbers": numbers},
            expected_success=success(level, _load(strands, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        justified = _justified([int(n) for n in re.findall(r"\d+", shown.stem)])
        pairs = [tuple(int(n) for n in option.text.split(" and ")) for option in shown.options]
        return [i for i, pair in enumerate(pairs) if pair in justified]


def _strand(level: ItemLevel, place: int, count: int, rng: random.Random) -> Strand:
    if level == "easy" or (level == "medium" and place == 0):
        return _constant_step(count, rng)
    if level == "medium" and rng.random() < 0.5:
        # A growing step needs a fifth number to be tested; with four, three steps must show the growth.
        return _growing_step(count, rng)
    return rng.choice([_growing_step, _factor])(count, rng)


def _choices(strands: list[Strand], level: ItemLevel, rng: random.Random) -> list[Choice]:
    sizes = [2, 2] if level == "easy" else rng.choice([[2, 3], [3, 2]])
    choices = []
    for row in balanced(sizes, 4 if level == "easy" else 6, rng):
        picks = [(s.key, "") if v == 0 else s.wrong[v - 1] for s, v in zip(strands, row, strict=True)]
        text = f"{picks[0][0]} and {picks[1][0]}"
        if not any(row):
            choices.append(Choice(text))
            continue
        reasons = [
            f"{place}: {note}"
            for place, (_, note) in zip(("First number", "Second number"), picks, strict=True)
            if note
        ]
        mistake = "both_strands_wrong" if all(row) else "first_strand_wrong" if row[0] else "second_strand_wrong"
        choices.append(Choice(text, mistake=mistake, note=". ".join(reasons) + "."))
    return choices


def _justified(numbers: list[int]) -> set[tuple[int, int]]:
    """Every pair that some rule justifies: strand by strand, or the series read as one."""
    found = set(itertools.product(_strand_next(numbers[::2]), _strand_next(numbers[1::2])))
    for first in continuations(numbers):
        found |= {(first, second) for second in continuations([*numbers, first])}
    return found


def _strand_next(strand: list[int]) -> set[int]:
    """`continuations`, and with four numbers also steps that grow evenly."""
    found = continuations(strand)
    steps = [b - a for a, b in itertools.pairwise(strand)]
    growth = {b - a for a, b in itertools.pairwise(steps)}
    if len(growth) == 1:
        found.add(strand[-1] + steps[-1] + growth.pop())
    return found


def _listing(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _load(strands: list[Strand], level: ItemLevel) -> float:
    low, high = {"easy": (0.1, 0.6), "medium": (0.3, 0.8), "hard": (0.55, 0.95)}[level]
    return (sum(strand.weight for strand in strands) - low) / (high - low)


MODEL = InterleavedSeries()
