"""A shape on a grid and its turned copies among mirror images and near misses.

Radicals: the number of squares, marks that help to keep the orientation, and how many options come close.
- easy: five or six squares, two of them marked, four options;
- medium: six or seven squares, one of them marked, six options;
- hard: eight or nine squares without marks, six options.
Options cross two or three shapes that differ in one square with both hands, so that mirror images alone or odd shapes
do not point at the key. Telling a turned figure from its mirror image takes longer the further it is turned (Shepard
and Metzler 1971; Cooper and Shepard 1973); all options here are turned by 90°, 180° or 270°.

The solver turns the printed rows as strings; it shares nothing with the generator's coordinates.
"""

from __future__ import annotations

import random

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, success
from qgen_dagster.generation.items.spatial._grids import (
    DOT,
    LEGEND,
    PLAIN,
    SOLID,
    Place,
    Shape,
    border,
    grow,
    read_rows,
    shape,
    shape_figure,
)

TURN_NAMES = {1: "a quarter turn clockwise", 2: "a half turn", 3: "a quarter turn anticlockwise"}


class Rotation(ItemModel):
    name = "rotation"
    family = "spatial"
    sub_type = "rotation"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        count = rng.choice({"easy": [5, 6], "medium": [6, 7], "hard": [8, 9]}[level])
        marks = {"easy": [DOT, SOLID], "medium": [DOT], "hard": []}[level]
        shapes = _family(count, marks, 2 if level == "easy" else 3, rng)
        shown = shapes[0].turned(rng.randrange(4))
        quarters = rng.choice([1, 2, 3])
        choices = []
        for which, mirrored in balanced([len(shapes), 2], 2 * len(shapes), rng):
            if which == 0 and not mirrored:
                turned = shown.turned(quarters)
                choices.append(Choice(turned.text(), shape_figure(turned, "Option")))
            else:
                choices.append(_distractor(shapes[which], which > 0, bool(mirrored), rng))
        return Draft(
            stem="Which option shows the same shape after a turn, without flipping it over?",
            stimulus=Stimulus(
                text=f"{shown.text()}\nRows from the top; {LEGEND}.", figure=shape_figure(shown, "Shape to turn")
            ),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=(
                f"Give the shape {TURN_NAMES[quarters]}: row by row it then reads “{choices[0].text}”. Mirror images "
                "have the same parts, but you would have to flip them over; the others have one square elsewhere."
            ),
            structure={"shape": shown.canonical()},
            expected_success=success(level, _load(count, quarters, level)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        rows = read_rows(shown.stimulus.text.splitlines()[0]) if shown.stimulus else []
        turns = []
        for _ in range(4):
            rows = ["".join(column) for column in zip(*reversed(rows), strict=True)]
            turns.append(rows)
        return [i for i, option in enumerate(shown.options) if read_rows(option.text) in turns]


def _family(count: int, marks: list[str], size: int, rng: random.Random) -> list[Shape]:
    """Shapes with all squares but one in common; none looks like its own or another's mirror image or turn."""
    core = grow(count - 1, rng)
    marked = dict(zip(rng.sample(core, len(marks)), marks, strict=True))
    extras = border(core)
    rng.shuffle(extras)
    shapes: list[Shape] = []
    seen: set[str] = set()
    for extra in extras:
        made = _with(core, extra, marked)
        hands = {made.canonical(), made.flipped().canonical()}
        if len(hands) == 2 and not hands & seen and max(len(made.rows()), len(made.rows()[0])) <= 5:
            shapes.append(made)
            seen |= hands
        if len(shapes) == size:
            return shapes
    raise Unsuitable("too few lopsided shapes")


def _with(core: list[Place], extra: Place, marked: dict[Place, str]) -> Shape:
    return shape((r, c, marked.get((r, c), PLAIN)) for r, c in [*core, extra])


def _distractor(made: Shape, changed: bool, mirrored: bool, rng: random.Random) -> Choice:
    turned = (made.flipped() if mirrored else made).turned(rng.randrange(4))
    figure = shape_figure(turned, "Option")
    if not changed:
        return Choice(
            turned.text(), figure, "mirror_image", "This is the mirror image: it only fits when flipped over."
        )
    if not mirrored:
        return Choice(
            turned.text(), figure, "square_moved", "One square sits in another place than in the shape shown."
        )
    note = "This is flipped over, and one square sits in another place as well."
    return Choice(turned.text(), figure, "mirror_image_with_square_moved", note)


def _load(count: int, quarters: int, level: ItemLevel) -> float:
    smaller = {"easy": 5, "medium": 6, "hard": 8}[level]
    return 0.2 + 0.4 * (count - smaller) + (0.3 if quarters == 2 else 0.0)


MODEL = Rotation()
