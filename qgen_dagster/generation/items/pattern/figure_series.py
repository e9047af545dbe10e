"""A series of frames in which a dot, an arrow and a figure each follow a rule of their own: give the next frame.

Radicals: the number of rules at work and their kind.
- easy: two rules: constant turns of the dot and the arrow, or one of them and figures that repeat;
- medium: three rules: constant turns of up to three eighths, fillings or figures that repeat every two or three frames;
- hard: three rules: turns that grow or alternate beside repeating fillings or figures.

Rivals, for every feature: constant turn, evenly growing turn, two turns in turn, repetition every two or three frames.
A draft is dropped when a feature could go on in two ways. The options cross right and wrong values evenly.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._cells import FILLS
from qgen_dagster.generation.items.pattern._frames import (
    AROUND,
    MIDDLES,
    Frame,
    option_figure,
    read_frame,
    row_figure,
    spoken_turn,
)
from qgen_dagster.generation.items.pattern._options import balanced, listing, success

SHOWN = 5


class Track(NamedTuple):
    """One feature: its values (the last is the key), a wrong value, the rule in words, its weight."""

    feature: str
    values: list[Any]
    wrong: Any
    mistake: str
    rule: str
    weight: float


def _constant(feature: str, largest: int, rng: random.Random) -> Track:
    step = rng.choice([-1, 1]) * rng.randint(1, largest)
    values = _turn([step] * SHOWN, rng)
    wrong, mistake = rng.choice(
        [
            ((values[-2] - step) % 8, "wrong_direction"),
            (values[-2], "no_move"),
            ((values[-1] + step) % 8, "moved_twice"),
        ]
    )
    return Track(feature, values, wrong, mistake, f"the {feature} moves {spoken_turn(step)} each time", abs(step) / 10)


def _growing(feature: str, _: int, rng: random.Random) -> Track:
    sign = rng.choice([-1, 1])
    first = rng.choice([0, 1])
    values = _turn([sign * (first + i) for i in range(SHOWN)], rng)
    wrong, mistake = (values[-2] + sign * (first + SHOWN - 2)) % 8, "last_step_repeated"
    listed = ", ".join(str(first + i) for i in range(SHOWN))
    way = "clockwise" if sign > 0 else "anticlockwise"
    return Track(feature, values, wrong, mistake, f"the {feature} moves {listed} eighths of a turn {way}", 0.45)


def _alternating(feature: str, _: int, rng: random.Random) -> Track:
    a, b = rng.choice([(a, b) for a in range(-3, 5) for b in range(-3, 5) if a and b and a != b and (a + b) % 8])
    values = _turn([a, b, a, b, a], rng)
    wrong = (values[-2] + b) % 8
    rule = f"the {feature} moves alternately {spoken_turn(a)} and {spoken_turn(b)}"
    return Track(feature, values, wrong, "wrong_turn", rule, 0.5)


def _turn(steps: Sequence[int], rng: random.Random) -> list[int]:
    return [n % 8 for n in itertools.accumulate(steps, initial=rng.randrange(8))]


def _repeating(feature: str, _: int, rng: random.Random) -> Track:
    period = rng.choice([2, 3, 3])
    pool: Sequence[str] = MIDDLES if feature == "shape" else FILLS
    cycle = rng.sample(list(pool), period)
    values = [cycle[i % period] for i in range(SHOWN + 1)]
    wrong = rng.choice([value for value in cycle if value != values[-1]])
    noun = "figure" if feature == "shape" else "filling"
    mistake = f"wrong_{noun}"
    return Track(feature, values, wrong, mistake, f"the {noun} repeats in the order {', '.join(cycle)}", 0.1 * period)


Maker = Callable[[str, int, random.Random], Track]


class FigureSeries(ItemModel):
    name = "figure_series"
    family = "pattern"
    version = 2
    sub_type = "figure_series"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        tracks = _tracks(level, rng)
        if len({track.rule.removeprefix(f"the {track.feature} ") for track in tracks}) < len(tracks):
            raise Unsuitable("the dot and the arrow move alike: one rule to find, not two")
        for track in tracks:
            if _justified(track.values[:-1]) != {track.values[-1]}:
                raise Unsuitable("a feature could go on in another way")
        rest = {
            "dot": rng.randrange(8),
            "arrow": rng.randrange(8),
            "shape": rng.choice(MIDDLES),
            "fill": rng.choice(FILLS),
        }
        frames = [Frame(**{**rest, **{t.feature: t.values[i] for t in tracks}}) for i in range(SHOWN)]
        choices = _choices(tracks, rest, 4 if level == "easy" else 6, rng)
        text = "\n".join(f"Frame {i + 1}: {frame.text()}" for i, frame in enumerate(frames))
        figure = row_figure("Series of frames", text, [[*frames, "?"]])
        rules = "; ".join(track.rule for track in tracks)
        still = "" if len(tracks) > 2 else " The rest stays as it is."
        return Draft(
            stem="Which frame comes next in this series?",
            stimulus=Stimulus(text=text, figure=figure),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=f"Follow one feature at a time: {rules}.{still} The next frame has: {choices[0].text}.",
            structure=_structure(tracks),
            expected_success=success(level, _load(tracks, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = shown.stimulus.text.splitlines() if shown.stimulus else []
        frames = [read_frame(line.split(": ", 1)[1]) for line in lines]
        allowed = {feature: _justified([frame[feature] for frame in frames]) for feature in frames[0]}
        answers = []
        for i, option in enumerate(shown.options):
            if all(value in allowed[feature] for feature, value in read_frame(option.text).items()):
                answers.append(i)
        return answers


def _tracks(level: ItemLevel, rng: random.Random) -> list[Track]:
    plan: list[tuple[str, Maker]]
    movers = rng.sample(["dot", "arrow"], 2)
    look = rng.choice(["shape", "fill"])
    if level == "easy":
        plan = [(movers[0], _constant), rng.choice([(movers[1], _constant), (look, _repeating)])]
    elif level == "medium":
        plan = [(movers[0], _constant), (movers[1], _constant), (look, _repeating)]
    else:
        plan = [(movers[0], rng.choice([_growing, _alternating])), (movers[1], _alternating), (look, _repeating)]
    return [make(feature, 2 if level == "easy" else 3, rng) for feature, make in plan]


def _choices(tracks: list[Track], rest: dict[str, Any], count: int, rng: random.Random) -> list[Choice]:
    choices = []
    for row in balanced([2] * len(tracks), count, rng):
        values = {t.feature: t.wrong if v else t.values[-1] for t, v in zip(tracks, row, strict=True)}
        frame = Frame(**{**rest, **values})
        missed = [t for t, v in zip(tracks, row, strict=True) if v]
        if not missed:
            choices.append(Choice(frame.text(), option_figure(frame)))
            continue
        mistake = f"{missed[0].feature}_{missed[0].mistake}" if len(missed) == 1 else "several_features_wrong"
        nouns = [
            f"the {'figure' if t.feature == 'shape' else 'filling' if t.feature == 'fill' else t.feature}"
            for t in missed
        ]
        verb = "is" if len(missed) == 1 else "are"
        note = f"Here {listing(nouns)} {verb} wrong: {'; '.join(t.rule for t in missed)}."
        choices.append(Choice(frame.text(), option_figure(frame), mistake, note))
    return choices


def _structure(tracks: list[Track]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for track in sorted(tracks, key=lambda t: t.feature):
        order = list(dict.fromkeys(track.values))
        moves = track.feature in ("dot", "arrow")
        found[track.feature] = track.values[:-1] if moves else [order.index(v) for v in track.values[:-1]]
    return found


def _load(tracks: list[Track], level: ItemLevel) -> float:
    low, high = {"easy": (0.2, 0.5), "medium": (0.4, 0.9), "hard": (1.0, 1.35)}[level]
    return (sum(track.weight for track in tracks) - low) / (high - low)


def _justified(values: Sequence[Any]) -> set[Any]:
    """Every next value that a rule of the space justifies."""
    found = set()
    if len(set(values)) == 1:
        return {values[0]}
    for period in (2, 3):
        if list(values[period:]) == list(values[:-period]):
            found.add(values[-period])
    if not isinstance(values[0], int):
        return found
    size = len(AROUND)
    steps = [(b - a) % size for a, b in itertools.pairwise(values)]
    growth = {(b - a) % size for a, b in itertools.pairwise(steps)}
    if len(growth) == 1:
        found.add((values[-1] + steps[-1] + growth.pop()) % size)
    if steps[2:] == steps[:-2]:
        found.add((values[-1] + steps[-2]) % size)
    return found


MODEL = FigureSeries()
