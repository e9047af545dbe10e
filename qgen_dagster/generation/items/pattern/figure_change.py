"""Two frames and what becomes of them show a change; apply the same change to a third frame.

Radicals: the number of features that change and the kind of change.
- easy: two features, turned by a constant amount;
- medium: two features, one of them mirrored, beside an exchange of fillings;
- hard: the dot goes by where the arrow was, or the arrow by where the dot was, beside an exchange of fillings.
A change that relates two features needs a comparison across them, which is harder than following one feature.

Rivals, for the dot and for the arrow: turned by a constant amount, mirrored left to right or top to bottom, set to a
fixed place, placed at a constant turn from the other one's old place; for fillings: the table that the two examples
show, or one fixed filling. Two examples must fit a rule, and a draft is dropped when two rules disagree on the third.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._cells import FILLS
from qgen_dagster.generation.items.pattern._frames import (
    MIDDLES,
    Frame,
    option_figure,
    read_frame,
    row_figure,
    spoken_turn,
)
from qgen_dagster.generation.items.pattern._options import balanced, first_good, listing, success


class Change(NamedTuple):
    """What becomes of one feature: from the old frame, with a plausible wrong reading."""

    feature: str
    apply: Callable[[Frame], Any]
    misread: Callable[[Frame], Any]
    mistake: str
    words: str
    weight: float


def _turned(feature: str, rng: random.Random) -> Change:
    step = rng.choice([-3, -2, -1, 1, 2, 3, 4])
    wrong = rng.choice([-step if step != 4 else 2, step + 1, step - 1])
    return Change(
        feature,
        lambda frame: (_old(frame, feature) + step) % 8,
        lambda frame: (_old(frame, feature) + wrong) % 8,
        "wrong_turn",
        f"the {feature} moves {spoken_turn(step)}",
        abs(step) / 10,
    )


def _mirrored(feature: str, rng: random.Random) -> Change:
    whole = rng.choice([0, 4])
    way = "left and right" if whole == 0 else "top and bottom"
    return Change(
        feature,
        lambda frame: (whole - _old(frame, feature)) % 8,
        lambda frame: (whole + 4 - _old(frame, feature)) % 8,
        "wrong_mirror",
        f"the {feature} is mirrored so that {way} change places",
        0.35,
    )


def _crossed(feature: str, rng: random.Random) -> Change:
    other = "arrow" if feature == "dot" else "dot"
    step = rng.choice([0, 0, 2, -2, 4])
    where = "where the {} was" if step == 0 else f"{spoken_turn(step)} from where the {{}} was"
    return Change(
        feature,
        lambda frame: (_old(frame, other) + step) % 8,
        lambda frame: (_old(frame, feature) + step) % 8 if step else (_old(frame, other) + 4) % 8,
        "wrong_reference",
        f"the {feature} goes to the place {where.format(other)}",
        0.5 if step == 0 else 0.7,
    )


def _fillings(rng: random.Random) -> Change:
    cycle = rng.sample(list(FILLS), rng.choice([2, 3]))
    table = dict(zip(cycle, [*cycle[1:], cycle[0]], strict=True))
    told = listing([f"{a} becomes {b}" for a, b in table.items()])
    words = f"the filling changes: {told}"
    return Change("fill", lambda f: table[f.fill], lambda f: f.fill, "filling_kept", words, 0.1 * len(cycle))


def _old(frame: Frame, feature: str) -> int:
    return frame.dot if feature == "dot" else frame.arrow


class FigureChange(ItemModel):
    name = "figure_change"
    family = "pattern"
    version = 2
    sub_type = "analogy"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        changes, before, after = first_good(lambda: _task(level, rng))
        choices = _choices(changes, before[2], 4 if level == "easy" else 6, rng)
        lines = [f"Example {i + 1}: {before[i].text()} → {after[i].text()}" for i in range(2)]
        text = "\n".join([*lines, f"Third: {before[2].text()} → ?"])
        rows: list[list[Frame | str]] = [[a, "→", b] for a, b in zip(before[:2], after[:2], strict=True)]
        figure = row_figure("Two changes and a third to complete", text, [*rows, [before[2], "→", "?"]])
        return Draft(
            stem="Each of the first two frames changes in the same way. What does the third frame become?",
            stimulus=Stimulus(text=text, figure=figure),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=(
                f"Compare each example before and after: {'; '.join(c.words for c in changes)}. The rest stays. "
                f"The third frame becomes: {choices[0].text}."
            ),
            structure=_structure(changes, before, after),
            expected_success=success(level, _load(changes, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = shown.stimulus.text.splitlines() if shown.stimulus else []
        parts = [line.split(": ", 1)[1].split(" → ") for line in lines]
        pairs = [(read_frame(a), read_frame(b)) for a, b in parts[:2]]
        third = read_frame(parts[2][0])
        allowed = {feature: _justified(feature, pairs, third) for feature in third}
        answers = []
        for i, option in enumerate(shown.options):
            if all(value in allowed[feature] for feature, value in read_frame(option.text).items()):
                answers.append(i)
        return answers


def _task(level: ItemLevel, rng: random.Random) -> tuple[list[Change], list[Frame], list[Frame]]:
    """Changes with three frames before and after them, of which the third has one reading."""
    changes = _changes(level, rng)
    if len({change.words.removeprefix(f"the {change.feature} ") for change in changes}) < len(changes):
        raise Unsuitable("the dot and the arrow change alike: one change to find, not two")
    before = _frames(changes, rng)
    after = [f._replace(**{c.feature: c.apply(f) for c in changes}) for f in before]
    if any(getattr(a, c.feature) == getattr(b, c.feature) for a, b in zip(before, after, strict=True) for c in changes):
        raise Unsuitable("a feature seems to stay as it is")
    pairs = [(_plain(a), _plain(b)) for a, b in zip(before[:2], after[:2], strict=True)]
    for feature, value in _plain(after[2]).items():
        if _justified(feature, pairs, _plain(before[2])) != {value}:
            raise Unsuitable("another change fits the examples")
    return changes, before, after


def _changes(level: ItemLevel, rng: random.Random) -> list[Change]:
    first, second = rng.sample(["dot", "arrow"], 2)
    if level == "easy":
        return [_turned(first, rng), _turned(second, rng)]
    if level == "medium":
        return [_mirrored(first, rng), rng.choice([_turned, _mirrored])(second, rng), _fillings(rng)]
    return [_crossed(first, rng), rng.choice([_crossed, _mirrored])(second, rng), _fillings(rng)]


def _frames(changes: list[Change], rng: random.Random) -> list[Frame]:
    """Three frames; the third has a filling whose change the examples show.

    The dot is never at a place twice, nor the arrow, so that no result can be copied from an example.
    """
    known = [c for c in changes if c.feature == "fill"]
    fills = list(FILLS)
    if known:
        fills = [f for f in FILLS if f in known[0].words]
    shown = rng.sample(fills, 2)
    shapes = rng.sample(list(MIDDLES), 3)
    dots, arrows = rng.sample(range(8), 3), rng.sample(range(8), 3)
    return [
        Frame(dot, arrow, shape, fill)
        for dot, arrow, shape, fill in zip(dots, arrows, shapes, [*shown, rng.choice(shown)], strict=True)
    ]


def _choices(changes: list[Change], third: Frame, count: int, rng: random.Random) -> list[Choice]:
    choices = []
    for row in balanced([2] * len(changes), count, rng):
        values = {c.feature: (c.misread if v else c.apply)(third) for c, v in zip(changes, row, strict=True)}
        frame = third._replace(**values)
        missed = [c for c, v in zip(changes, row, strict=True) if v]
        if not missed:
            choices.append(Choice(frame.text(), option_figure(frame)))
            continue
        mistake = f"{missed[0].feature}_{missed[0].mistake}" if len(missed) == 1 else "several_features_wrong"
        nouns = [f"the {'filling' if c.feature == 'fill' else c.feature}" for c in missed]
        note = (
            f"Here {listing(nouns)} {'is' if len(missed) == 1 else 'are'} wrong: {'; '.join(c.words for c in missed)}."
        )
        choices.append(Choice(frame.text(), option_figure(frame), mistake, note))
    if len({choice.text for choice in choices}) < count:
        raise Unsuitable("a misreading gives the right frame")
    return choices


def _plain(frame: Frame) -> dict[str, Any]:
    return frame._asdict()


def _structure(changes: list[Change], before: list[Frame], after: list[Frame]) -> dict[str, Any]:
    """Old and new values of the features that change, and of those they depend on; the shapes do not matter."""
    rows = [[f.dot, f.arrow] for f in [*before, *after[:2]]]
    fills = [f.fill for f in [*before, *after[:2]]] if any(c.feature == "fill" for c in changes) else []
    return {"places": rows, "fills": fills}


def _load(changes: list[Change], level: ItemLevel) -> float:
    low, high = {"easy": (0.2, 0.8), "medium": (0.6, 1.0), "hard": (1.0, 1.7)}[level]
    return (sum(change.weight for change in changes) - low) / (high - low)


Plain = Mapping[str, Any]


def _justified(feature: str, pairs: Sequence[tuple[Plain, Plain]], third: Plain) -> set[Any]:
    """Every new value of a feature of the third frame that a rule fitting both examples gives."""
    found: set[Any] = set()
    results = [new[feature] for _, new in pairs]
    if len(set(results)) == 1 and any(old[feature] != new[feature] for old, new in pairs):
        found.add(results[0])
    if feature in ("shape", "fill"):
        if all(old[feature] == new[feature] for old, new in pairs):
            found.add(third[feature])
        found |= {new[feature] for old, new in pairs if old[feature] == third[feature]}
        return found
    for source in ("dot", "arrow"):
        for sign in (1, -1):
            offsets = {(new[feature] - sign * old[source]) % 8 for old, new in pairs}
            mirror_of_own = sign == -1 and (source != feature or not offsets <= {0, 4})
            if len(offsets) == 1 and not mirror_of_own:
                found.add((sign * third[source] + offsets.pop()) % 8)
    return found


MODEL = FigureChange()
