"""Machines that rearrange five letters, shown by one example each; run a row of letters through several of them.

Radicals: the number of machines in the chain and whether the chain is followed forwards or back.
- easy: two machines, simple moves (two letters swapped, all moved on, turned round);
- medium: three machines, simple moves;
- hard: three machines, the row that came out is given and the row that went in is asked.

Rivals: the space is every rearrangement of five places. An example with five different letters fits exactly one of
them, so that no other reading exists; the solver checks this on the printed examples. Every option comes in a pair that
differs by one swap, so no option is closer to the others than the rest.
"""

from __future__ import annotations

import itertools
import operator
import random
import re
from collections.abc import Sequence
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._letters import ALPHABET, reads_badly
from qgen_dagster.generation.items.pattern._options import balanced, drop_central, success, two_of

SIZE = 5
Base = tuple[str, str | None, str]
ORDINALS = ("1st", "2nd", "3rd", "4th", "5th")
NAMES = ("Alpha", "Beta", "Gamma", "Delta")


class Machine(NamedTuple):
    """`places[i]` is where the letter that comes out at place i was before."""

    places: tuple[int, ...]
    words: str
    weight: float

    def run(self, row: str) -> str:
        return "".join(row[p] for p in self.places)

    def undo(self, row: str) -> str:
        return "".join(row[self.places.index(i)] for i in range(SIZE))


def _swap(i: int, j: int) -> Machine:
    places = list(range(SIZE))
    places[i], places[j] = j, i
    return Machine(tuple(places), f"swaps the {ORDINALS[i]} and the {ORDINALS[j]} letter", 0.1)


def _rotation(by: int) -> Machine:
    way = {1: "moves the first letter to the end", 2: "moves the first two letters to the end"}
    back = {1: "moves the last letter to the front", 2: "moves the last two letters to the front"}
    words = way[by] if by > 0 else back[-by]
    return Machine(tuple((i + by) % SIZE for i in range(SIZE)), words, 0.15 + 0.05 * abs(by))


def _two_swaps(first: tuple[int, int], second: tuple[int, int]) -> Machine:
    (a, b), (c, d) = first, second
    places = list(range(SIZE))
    places[a], places[b], places[c], places[d] = b, a, d, c
    words = f"swaps the {ORDINALS[a]} with the {ORDINALS[b]} letter, and the {ORDINALS[c]} with the {ORDINALS[d]}"
    return Machine(tuple(places), words, 0.25)


_PAIRS = tuple(itertools.combinations(range(SIZE), 2))
_REVERSAL = Machine((4, 3, 2, 1, 0), "turns the row round", 0.15)
MACHINES = (
    *(_swap(i, j) for i, j in _PAIRS),
    *(_rotation(by) for by in (1, 2, -1, -2)),
    _REVERSAL,
    *(
        machine
        for first, second in itertools.combinations(_PAIRS, 2)
        if not set(first) & set(second) and (machine := _two_swaps(first, second)).places != _REVERSAL.places
    ),
)


class SymbolMachine(ItemModel):
    name = "symbol_machine"
    family = "pattern"
    sub_type = "symbol_rule"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        count = 2 if level == "easy" else 3
        machines = rng.sample(MACHINES, count)
        backwards = level == "hard"
        letters = rng.sample(ALPHABET, SIZE * (count + 1))
        rows = ["".join(letters[i * SIZE : (i + 1) * SIZE]) for i in range(count + 1)]
        names = NAMES[:count]
        examples = [f"{n}: {row} → {m.run(row)}" for n, m, row in zip(names, machines, rows, strict=False)]
        order = rng.sample(range(count), count)
        chain, start = [machines[i] for i in order], rows[-1]
        choices = _choices(chain, start, backwards, rng)
        if choices[0].text == start:
            raise Unsuitable("the machines undo each other")
        if any(reads_badly(text) for text in [*rows, *examples, *(choice.text for choice in choices)]):
            raise Unsuitable("a row spells something unwanted")
        named = ", then ".join(names[i] for i in order)
        if backwards:
            ask = f"A row of letters went through {named} and came out as {start}. Which row went in?"
        else:
            ask = f"The row {start} goes through {named}. Which row comes out?"
        return Draft(
            stem=f"Each machine always rearranges a row of five letters in its own way, as the examples show. {ask}",
            stimulus=Stimulus(text="\n".join(examples)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=_explanation(chain, [names[i] for i in order], start, backwards),
            structure={"chain": [list(m.places) for m in chain], "backwards": backwards},
            expected_success=success(level, _load(chain, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        examples = {name: (before, after) for name, before, after in re.findall(r"(\w+): ([A-Z]+) → ([A-Z]+)", text)}
        ask = shown.stem.split("examples show. ")[1]
        start = re.findall(r"\b[A-Z]{5}\b", ask)[0]
        chain = [examples[name] for name in re.findall(r"\b(?:Alpha|Beta|Gamma|Delta)\b", ask)]
        if "Which row went in" in ask:
            chain = [(after, before) for before, after in reversed(chain)]
        for before, after in chain:
            if len(set(before)) != SIZE or set(before) != set(after):
                return []
            start = after.translate(str.maketrans(before, start))
        return [i for i, option in enumerate(shown.options) if option.text == start]


def _through(chain: Sequence[Machine], row: str, backwards: bool) -> str:
    for machine in reversed(chain) if backwards else chain:
        row = machine.undo(row) if backwards else machine.run(row)
    return row


def _choices(chain: list[Machine], start: str, backwards: bool, rng: random.Random) -> list[Choice]:
    key = _through(chain, start, backwards)
    wrong: list[Base] = [
        (_through(chain[::-1], start, backwards), "order_of_machines", "The machines were used in the wrong order."),
        (_through(chain, start, not backwards), "wrong_direction", _DIRECTION[backwards]),
        (_through(chain[:-1], start, backwards), "machine_skipped", "One machine was left out."),
        (_through(chain[1:], start, backwards), "machine_skipped", "One machine was left out."),
    ]
    wrong = [w for i, w in enumerate(wrong) if w[0] not in (key, start, *(v for v, _, _ in wrong[:i]))]
    if len(wrong) < len(chain) - 1:
        raise Unsuitable("too few different mistakes")
    right: Base = (key, None, "")
    if len(chain) == 2:
        bases = [right, rng.choice(wrong)]
    else:
        bases = [right, *two_of(right, wrong, lambda x, y: sum(map(operator.eq, x[0], y[0])), rng)]
    i, j = sorted(rng.sample(range(SIZE), 2))
    swap = _swap(i, j)
    choices = []
    for base, swapped in balanced([len(bases), 2], 2 * len(bases), rng):
        text, mistake, note = bases[base]
        if swapped:
            text, mistake = swap.run(text), mistake or "letters_swapped"
            note = f"{note} The {ORDINALS[i]} and the {ORDINALS[j]} letter ended up in each other's place.".strip()
        choices.append(Choice(text, mistake=mistake, note=note))
    if len({choice.text for choice in choices}) < len(choices):
        raise Unsuitable("two options are alike")
    if len(chain) > 2:
        drop_central([choice.text for choice in choices], 0.4, rng)
    return choices


_DIRECTION = {
    False: "Each machine was run backwards.",
    True: "The machines were run forwards, but the row that went in was asked for.",
}


def _explanation(chain: list[Machine], names: list[str], row: str, backwards: bool) -> str:
    steps = list(zip(names, chain, strict=True))
    told = "; ".join(f"{name} {machine.words}" for name, machine in steps)
    trail = [row]
    for _, machine in reversed(steps) if backwards else steps:
        row = machine.undo(row) if backwards else machine.run(row)
        trail.append(row)
    how = "Undo them one by one, the last machine first" if backwards else "One after the other"
    asked = "went in" if backwards else "comes out"
    return f"From the examples: {told}. {how}: {' → '.join(trail)}. So {row} {asked}."


def _load(chain: list[Machine], level: ItemLevel) -> float:
    low, high = {"easy": (0.2, 0.6), "medium": (0.3, 0.85), "hard": (0.3, 0.85)}[level]
    return (sum(machine.weight for machine in chain) - low) / (high - low)


MODEL = SymbolMachine()
