"""What several logic models share: the design estimate, distractors in balance, clues, and names in a sentence.

Not here: anything that decides what is right; each model keeps its generator and its solver apart.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations, permutations
from typing import TypeVar

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS, Unsuitable
from qgen_dagster.generation.items.language import listed

T = TypeVar("T")
_WORD = re.compile(r"\w+")


def success(level: ItemLevel, load: float, least: float, most: float) -> float:
    """Expected success for a load between `least` (top of the level's band) and `most` (bottom of it)."""
    low, high = LEVEL_BANDS[level]
    share = min(1.0, max(0.0, (load - least) / (most - least)))
    return round(high - (high - low) * share, 2)


def mentioned(sentence: str, names: Sequence[str]) -> list[str]:
    """The names (single words) that occur in the sentence, in the order in which they occur."""
    return [word for word in _WORD.findall(sentence) if word in names]


def sentences(text: str) -> list[str]:
    """The lines of a stem; each holds one sentence."""
    return [line.strip() for line in text.split("\n") if line.strip()]


@cache
def picks(count: int, size: int) -> tuple[tuple[int, ...], ...]:
    """All ways to pick `size` of the numbers below `count`, in any order; one of them is drawn faster than a sample."""
    return tuple(permutations(range(count), size))


def balanced(draw: Callable[[], list[T]], features: Callable[[T], int], key: int, rng: random.Random) -> list[T]:
    """A set of distractors, drawn so that the key has no telling place between them.

    Distractors that each break one condition would all resemble the key, which would then be the option that agrees
    most with the others. So several sets are drawn, and the one taken in which the key's rank in agreement is nearest
    to a rank chosen beforehand. Features are sets of bits; equal features are the same option, and no set has two.
    """
    best: tuple[float, list[T]] | None = None
    target: float | None = None
    for _ in range(16):
        drawn = draw()
        options = [key, *map(features, drawn)]
        if len(set(options)) < len(options):
            continue
        if target is None:
            target = rng.randrange(len(options))
        agreement = [sum([(a & b).bit_count() for b in options]) for a in options]
        ahead = sum([(other > agreement[0]) + 0.5 * (other == agreement[0]) for other in agreement]) - 0.5
        if best is None or abs(ahead - target) < best[0]:
            best = abs(ahead - target), drawn
        if best[0] < 0.5:
            break
    if best is None:
        raise Unsuitable("too few different options")
    return best[1]


def settle(draw: Callable[[], T], mask: Callable[[T], int], worlds: int, most: int) -> list[T]:
    """Clues that leave one of the worlds, none of them superfluous. A set of worlds is a bit mask.

    `draw` gives a true clue, `mask` the worlds in which a clue holds, `worlds` their number, `most` the clues allowed.
    """
    full = (1 << worlds) - 1
    left, clues = full, list[T]()
    for _ in range(40):
        clue = draw()
        narrowed = left & mask(clue)
        if narrowed != left:
            clues.append(clue)
            left = narrowed
        if left.bit_count() == 1:
            break
    for clue in list(clues):
        without = full
        for other in clues:
            if other is not clue:
                without &= mask(other)
        if without.bit_count() == 1:
            clues = [other for other in clues if other is not clue]
    if left.bit_count() != 1 or len(clues) > most:
        raise Unsuitable("not settled by a fair number of clues")
    return clues


def needed(clues: Sequence[T], mask: Callable[[T], int], answer: int) -> list[T]:
    """The fewest of the clues that settle the answer; `answer` holds the worlds in which it is right."""
    masks = [mask(clue) for clue in clues]

    def settled(taken: Sequence[int]) -> bool:
        wrong = ~answer
        for i in taken:
            wrong &= masks[i]
        return not wrong

    numbers = range(len(clues))
    must = [i for i in numbers if not settled([j for j in numbers if j != i])]
    others = [i for i in numbers if i not in must]
    for size in range(len(others)):
        for extra in combinations(others, size):
            if settled([*must, *extra]):
                return [clues[i] for i in sorted([*must, *extra])]
    return list(clues)


def leads(clues: Sequence[T], mask: Callable[[T], int], answers: Sequence[int]) -> list[tuple[list[T], list[int]]]:
    """The clues in the order in which they strike out most answers, with the answers left after them.

    `answers` holds, for every answer, the worlds in which it is right. Clues that strike out an answer only together
    stand together.
    """
    rest, left, still = list(clues), ~0, list(range(len(answers)))
    steps: list[tuple[list[T], list[int]]] = []
    group: list[T] = []

    def open_after(clue: T) -> tuple[int, int]:
        worlds = left & mask(clue)
        return sum([worlds & answers[i] != 0 for i in still]), worlds.bit_count()

    while rest:
        best = min(rest, key=open_after)
        rest.remove(best)
        left &= mask(best)
        group.append(best)
        open_ = [i for i in still if left & answers[i]]
        if len(open_) < len(still):
            steps.append((group, open_))
            group, still = [], open_
    return steps


def told(steps: Sequence[tuple[Sequence[str], Sequence[str]]]) -> str:
    """Steps of `leads` in words: the clues as they are said, and the answers left after them."""
    return " ".join(
        f"{listed([f'“{clue}”' for clue in clues])} {'leaves' if len(clues) == 1 else 'together leave'} "
        f"{'only ' if len(left) == 1 else ''}{listed(left, 'or')}."
        for clues, left in steps
    )
