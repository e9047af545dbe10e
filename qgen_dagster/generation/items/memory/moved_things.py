"""Things that move from box to box; their last place is asked (updating under interference).

Radicals: number of things, of boxes, of moves, and whether things swap boxes.
- easy: 3 things, 5 boxes, 2 moves.
- medium: 4 things, 5 boxes, 4 moves, the thing asked moved at least twice.
- hard: 5 things, 6 boxes, 7 moves, two of them swaps; the thing asked moved at least twice, once by a swap.
From medium on, the last sentence is not about the thing asked, or it would give the answer alone. A sentence
is never about just what the one before was about.
Earlier places of the thing asked, and last places of the others, are the wrong options. All boxes are on offer (five
at most). Time shown: 5 s a sentence. Things and colours are incidentals.
The solver runs the sentences one by one.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed
from qgen_dagster.generation.items.memory._recall import expected
from qgen_dagster.generation.items.memory._words import COLOURS

THINGS = ("coin", "key", "ring", "button", "marble", "shell", "stamp", "feather", "candle", "whistle", "pebble", "bell")
# Things, boxes, moves and swaps.
LOADS = {"easy": (3, 5, 2, 0), "medium": (4, 5, 4, 0), "hard": (5, 6, 7, 2)}


class MovedThings(ItemModel):
    name = "moved_things"
    version = 3
    family = "memory"
    sub_type = "interference"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        things, boxes, moves, swaps = LOADS[level]
        names, colours = rng.sample(THINGS, things), rng.sample(COLOURS, boxes)
        start = [rng.randrange(boxes) for _ in names]
        steps = _steps(rng, start, boxes, moves, swaps)
        pasts = _pasts(start, steps)
        often = [i for i, past in enumerate(pasts) if len(past) > (1 if level == "easy" else 2)]
        if swaps:
            swapped = {i for step in steps if len(step) == 3 for i in step[:2]}
            often = [i for i in often if i in swapped]
        if moves > 2:
            often = [i for i in often if i not in _touched(steps[-1])]
        asked = rng.choice(often or [-1])
        if asked < 0 or pasts[asked][-1] in pasts[asked][:-1]:
            raise Unsuitable("nothing moved often enough, or it came back")
        key = pasts[asked][-1]
        others = [box for box in range(boxes) if box != key]
        earlier = [box for box in others if box in pasts[asked]]
        wrong = [*earlier, *rng.sample([box for box in others if box not in earlier], boxes - 1 - len(earlier))][:4]
        if len(wrong) < 4:
            raise Unsuitable("too few boxes")
        sentences = [_opening(names, colours, start), *(_sentence(step, names, colours) for step in steps)]
        thing = names[asked]
        trail = [colours[box] for box in pasts[asked]]
        return Draft(
            stem=f"What colour was the box that held the {thing} at the end?",
            stimulus=Stimulus(text="\n".join(sentences), seconds_shown=5 * len(sentences)),
            key=Choice(colours[key].capitalize()),
            distractors=tuple(_other_box(box, asked, pasts, names, colours) for box in wrong),
            explanation=f"The {thing} was first in the {trail[0]} box"
            + "".join(f", then in the {colour} box" for colour in trail[1:])
            + f". So the box at the end was {trail[-1]}.",
            structure={"start": start, "steps": [list(step) for step in steps], "asked": asked},
            expected_success=expected(level, 0.1 + 0.2 * len(pasts[asked])),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        where = _run(shown.stimulus.text) if shown.stimulus else {}
        thing = re.search(r"held the (\w+) at the end", shown.stem)
        wanted = where[thing[1]] if thing else ""
        return [i for i, option in enumerate(shown.options) if option.text.casefold() == wanted]


# A step is (thing, box) for a move and (thing, other thing, -1) for a swap.
Step = tuple[int, ...]


def _steps(rng: random.Random, start: list[int], boxes: int, moves: int, swaps: int) -> list[Step]:
    where = list(start)
    kinds = [True] * swaps + [False] * (moves - swaps)
    rng.shuffle(kinds)
    steps: list[Step] = []
    for swap in kinds:
        before = _touched(steps[-1]) if steps else ()
        thing = rng.choice([i for i in range(len(where)) if i not in before])
        if swap:
            others = [i for i, box in enumerate(where) if box != where[thing]]
            if not others:
                raise Unsuitable("everything is in one box")
            other = rng.choice(others)
            where[thing], where[other] = where[other], where[thing]
            steps.append((thing, other, -1))
        else:
            box = rng.choice([b for b in range(boxes) if b != where[thing]])
            where[thing] = box
            steps.append((thing, box))
    return steps


def _touched(step: Step) -> Step:
    """The things that a step is about."""
    return step[:2] if len(step) == 3 else step[:1]


def _pasts(start: list[int], steps: list[Step]) -> list[list[int]]:
    """The boxes of each thing from first to last."""
    pasts = [[box] for box in start]
    for step in steps:
        if len(step) == 2:
            pasts[step[0]].append(step[1])
        else:
            a, b = pasts[step[0]][-1], pasts[step[1]][-1]
            pasts[step[0]].append(b)
            pasts[step[1]].append(a)
    return pasts


def _opening(names: list[str], colours: list[str], start: list[int]) -> str:
    placed = [f"the {name} is in the {colours[box]} box" for name, box in zip(names, start, strict=True)]
    return f"At first, {listed(placed)}."


def _sentence(step: Step, names: list[str], colours: list[str]) -> str:
    if len(step) == 2:
        return f"The {names[step[0]]} is moved to the {colours[step[1]]} box."
    return f"The {names[step[0]]} and the {names[step[1]]} swap boxes."


def _other_box(box: int, asked: int, pasts: list[list[int]], names: list[str], colours: list[str]) -> Choice:
    if box == pasts[asked][0]:
        tag, note = "first_place", f"This is where the {names[asked]} was at first."
    elif box in pasts[asked]:
        tag, note = "earlier_place", f"The {names[asked]} was there for a while, but was moved again."
    elif (guest := next((i for i, past in enumerate(pasts) if past[-1] == box), None)) is not None:
        tag, note = "place_of_another", f"At the end, this box holds the {names[guest]}."
    else:
        tag, note = "never_there", f"The {names[asked]} was never in this box."
    return Choice(colours[box].capitalize(), mistake=tag, note=note)


def _run(text: str) -> dict[str, str]:
    where: dict[str, str] = {}
    opening, *rest = text.splitlines()
    for thing, colour in re.findall(r"the (\w+) is in the (\w+) box", opening):
        where[thing] = colour
    for sentence in rest:
        if moved := re.fullmatch(r"The (\w+) is moved to the (\w+) box\.", sentence):
            where[moved[1]] = moved[2]
        elif swapped := re.fullmatch(r"The (\w+) and the (\w+) swap boxes\.", sentence):
            where[swapped[1]], where[swapped[2]] = where[swapped[2]], where[swapped[1]]
    return where


MODEL = MovedThings()
