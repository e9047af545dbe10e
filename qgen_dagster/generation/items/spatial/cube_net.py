"""A net of a cube with six symbols: which faces lie opposite each other, come to a given place, or meet at a corner?

Radicals: the form of the net and the relation asked.
- easy: opposite faces, or the face at the bottom, nets with four squares in a row, four options;
- medium: the same in nets with no more than three squares in a row, five or six options; or the face on the right of a
  cube of which top and front are given (any net, four options: a mirrored cube is the strongest wrong answer);
- hard: three faces that meet at a corner but not yet in the net, nets as in medium, six options (a row of four would
  show the opposite faces at a glance, and with them the corner).
Opposite faces can be read off a straight row of squares; bent rows and corners need the net to be folded in the mind.

Every symbol occurs in as many options as any other that occurs, so that the options alone tell nothing. The generator
rolls a cube over the net; the solver folds the printed rows with direction vectors.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel
from qgen_dagster.generation.items.pattern._cells import outline
from qgen_dagster.generation.items.pattern._options import listing, success
from qgen_dagster.generation.items.spatial._grids import Place

STRAIGHT = (
    "#---/####/#---", "#---/####/-#--", "#---/####/--#-", "#---/####/---#", "-#--/####/-#--", "-#--/####/--#-",
)  # fmt: skip
BENT = ("##--/-###/-#--", "##--/-###/--#-", "##--/-###/---#", "##--/-##-/--##", "###--/--###")
SYMBOLS = ("circle", "triangle", "square", "star", "cross", "diamond")
UNIT = 40.0
ASKED: dict[ItemLevel, tuple[str, ...]] = {
    "easy": ("together", "bottom", "bottom"),
    "medium": ("together", "bottom", "right", "right"),
}
PLACED = "The net is folded up to a cube with the symbols on the outside. It is placed so that the {} is on top."
PLACED_IN_FRONT = PLACED.replace("is on top", "is on top and the {} faces you")
# Faces of the cube: bottom and top, north and south, east and west. Opposite faces are 2k and 2k + 1.
Cube = tuple[int, int, int, int, int, int]


class CubeNet(ItemModel):
    name = "cube_net"
    version = 3
    family = "spatial"
    sub_type = "cube_net"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        asked = "together" if level == "hard" else rng.choice(ASKED[level])
        nets = STRAIGHT + BENT if asked == "right" else STRAIGHT if level == "easy" else BENT
        net = _oriented(rng.choice(nets), rng)
        faces = _rolled_over(net)
        if asked == "bottom":
            return _bottom(level, net, faces, rng)
        if asked == "right":
            return _right(net, faces, rng)
        together = 3 if level == "hard" else 2
        groups = _groups(together)
        key = rng.choice([group for group in groups["right"] if not _touching(group, faces)])
        wrong = rng.choice(_even_sets(key, together, 4 if level == "easy" else 6))
        symbols = dict(zip(range(6), rng.sample(SYMBOLS, 6), strict=True))
        names = {place: symbols[face] for place, face in faces.items()}
        choices = [_choice(group, key, symbols, faces) for group in (key, *wrong)]
        ask = "Which three symbols meet at one corner" if together == 3 else "Which two symbols are on opposite faces"
        ask = f"The net is folded up to a cube. {ask} of the cube?"
        return _draft(
            ask,
            names,
            choices[0],
            choices[1:],
            _explanation(together, _opposites(symbols), choices[0].text),
            {"net": _places_by_face(faces), "key": list(key)},
            success(level, _load(net, faces, key)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = (shown.stimulus.text if shown.stimulus else "").splitlines()[1:]
        rows = [line.split(": ", 1)[1].split(", ") for line in lines]
        normals = _folded({(r, c): s for r, row in enumerate(rows) for c, s in enumerate(row) if s != "gap"})
        if match := re.search(r"that the (\w+) is on top", shown.stem):
            top = normals[match[1]]
            wanted = _minus(top)
            if facing := re.search(r"the (\w+) faces you", shown.stem):
                wanted = _cross(normals[facing[1]], top)
            return [i for i, option in enumerate(shown.options) if normals[option.text] == wanted]
        answers = []
        for i, option in enumerate(shown.options):
            named = option.text.replace(" and ", ", ").split(", ")
            dots = [
                sum(x * y for x, y in zip(normals[a], normals[b], strict=True))
                for a, b in itertools.combinations(named, 2)
            ]
            if dots == [-1] or dots == [0, 0, 0]:
                answers.append(i)
        return answers


def _bottom(level: ItemLevel, net: list[Place], faces: dict[Place, int], rng: random.Random) -> Draft:
    """One face is on top: which is at the bottom?"""
    symbols = dict(zip(range(6), rng.sample(SYMBOLS, 6), strict=True))
    top = rng.randrange(6)
    key = top ^ 1  # opposite faces are 2k and 2k + 1
    others = rng.sample([face for face in range(6) if face not in (top, key)], 3 if level == "easy" else 4)
    wrong = []
    for face in others:
        pair = _choice((top, face), (), symbols, faces)
        wrong.append(Choice(symbols[face], mistake=pair.mistake, note=f"{pair.note} This one is on a side."))
    return _draft(
        f"{PLACED} Which symbol is at the bottom?".format(symbols[top]),
        {place: symbols[face] for place, face in faces.items()},
        Choice(symbols[key]),
        wrong,
        f"The bottom is opposite the top. {_opposites(symbols)} So the {symbols[key]} is at the bottom.",
        {"net": _places_by_face(faces), "bottom_for": top},
        success(level, _load(net, faces, (top, key))),
    )


def _right(net: list[Place], faces: dict[Place, int], rng: random.Random) -> Draft:
    """The top and the front are given: which face is on the right?"""
    symbols = dict(zip(range(6), rng.sample(SYMBOLS, 6), strict=True))
    top = rng.randrange(6)
    front = rng.choice([face for face in range(6) if face // 2 != top // 2])
    key = _right_of(front, top)
    notes = {
        key ^ 1: (
            "mirrored",
            f"This one is on the left: the cube would be a mirror image, with the {symbols[key]} there.",
        ),
        front ^ 1: ("back_for_side", f"This one is at the back, opposite the {symbols[front]}."),
        top ^ 1: ("bottom_for_side", f"This one is at the bottom, opposite the {symbols[top]}."),
    }
    return _draft(
        f"{PLACED_IN_FRONT} Which symbol is on your right?".format(symbols[top], symbols[front]),
        {place: symbols[face] for place, face in faces.items()},
        Choice(symbols[key]),
        [Choice(symbols[face], mistake=mistake, note=note) for face, (mistake, note) in notes.items()],
        f"{_opposites(symbols)} With the {symbols[top]} on top and the {symbols[front]} in front, only the "
        f"{symbols[key]} and the {symbols[key ^ 1]} are left for the sides, and folding the net back, away from you, "
        f"puts the {symbols[key]} on the right.",
        {"net": _places_by_face(faces), "top": top, "front": front},
        success("medium", 0.4 + 0.5 * _load(net, faces, (top, front, key))),
    )


def _right_of(front: int, top: int) -> int:
    """The face on the right. Squares of the sheet to the east and to the north of face 0 are faces 4 and 2."""
    axes = (front // 2, top // 2)
    third = 3 - sum(axes)
    cyclic = (axes[1] - axes[0]) % 3 == 1
    return 2 * third + ((front + top + (not cyclic)) % 2)


def _opposites(symbols: dict[int, str]) -> str:
    pairs = "; ".join(f"{symbols[2 * k]} and {symbols[2 * k + 1]}" for k in range(3))
    return f"Folded up, these symbols lie opposite each other: {pairs}."


def _draft(
    stem: str,
    names: dict[Place, str],
    key: Choice,
    wrong: list[Choice],
    explanation: str,
    structure: dict[str, object],
    expected: float,
) -> Draft:
    text = _written(names)
    return Draft(
        stem=stem,
        stimulus=Stimulus(text=text, figure=_figure(names, text)),
        key=key,
        distractors=tuple(wrong),
        explanation=explanation,
        structure=structure,
        expected_success=expected,
    )


def _oriented(rows: str, rng: random.Random) -> list[Place]:
    """The squares of a net, turned and flipped at random, in reading order."""
    places = [(r, c) for r, row in enumerate(rows.split("/")) for c, mark in enumerate(row) if mark == "#"]
    if rng.random() < 0.5:
        places = [(r, -c) for r, c in places]
    for _ in range(rng.randrange(4)):
        places = [(c, -r) for r, c in places]
    top, left = min(r for r, _ in places), min(c for _, c in places)
    return sorted((r - top, c - left) for r, c in places)


def _rolled_over(net: list[Place]) -> dict[Place, int]:
    """The face that touches each square when a cube rolls over the net, starting from its first square."""
    found: dict[Place, int] = {}
    ahead: list[tuple[Place, Cube]] = [(net[0], (0, 1, 2, 3, 4, 5))]
    while ahead:
        (r, c), (bottom, top, north, south, east, west) = ahead.pop()
        if (r, c) not in net or (r, c) in found:
            continue
        found[r, c] = bottom
        ahead += [
            ((r, c + 1), (east, west, north, south, top, bottom)),
            ((r, c - 1), (west, east, north, south, bottom, top)),
            ((r - 1, c), (north, south, top, bottom, east, west)),
            ((r + 1, c), (south, north, bottom, top, east, west)),
        ]
    return found


def _touching(group: Sequence[int], faces: dict[Place, int]) -> bool:
    """Whether three faces already meet at a point of the net, so that nothing needs to be folded."""
    spots = [place for place, face in faces.items() if face in group]
    extents = [max(axis) - min(axis) for axis in zip(*spots, strict=True)]
    return len(group) == 3 and max(extents) == 1


@cache
def _groups(together: int) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Groups of faces: the right ones (opposite pairs, or corners) and the wrong ones."""
    groups = list(itertools.combinations(range(6), together))
    opposite = [{0, 1}, {2, 3}, {4, 5}]
    with_opposite = [group for group in groups if any(pair <= set(group) for pair in opposite)]
    without = [group for group in groups if group not in with_opposite]
    right, wrong = (with_opposite, without) if together == 2 else (without, with_opposite)
    return {"right": tuple(right), "wrong": tuple(wrong)}


@cache
def _even_sets(key: tuple[int, ...], together: int, count: int) -> list[tuple[tuple[int, ...], ...]]:
    """Sets of wrong groups that, with the key, hold every face equally often (or not at all)."""
    found = []
    for wrong in itertools.combinations(_groups(together)["wrong"], count - 1):
        often = Counter(face for group in (key, *wrong) for face in group)
        if len(set(often.values())) == 1:
            found.append(wrong)
    return found


def _choice(group: Sequence[int], key: Sequence[int], symbols: dict[int, str], faces: dict[Place, int]) -> Choice:
    text = listing(sorted(symbols[face] for face in group))
    if tuple(group) == tuple(key):
        return Choice(text)
    if len(group) == 3:
        a, b = next((a, b) for a, b in itertools.combinations(sorted(group), 2) if a // 2 == b // 2)
        note = f"The {symbols[a]} and the {symbols[b]} lie on opposite faces, so no corner touches both."
        return Choice(text, mistake="opposite_faces_at_a_corner", note=note)
    (r1, c1), (r2, c2) = (place for place, face in faces.items() if face in group)
    if abs(r1 - r2) + abs(c1 - c2) == 1:
        return Choice(
            text, mistake="neighbours_in_the_net", note="These squares touch in the net, so their faces share an edge."
        )
    return Choice(text, mistake="fold_misjudged", note="When the net is folded up, these faces share an edge.")


def _explanation(together: int, opposite: str, key: str) -> str:
    if together == 3:
        corner = "Three faces meet at a corner when no two of them are opposite."
        return f"{opposite} {corner} Among the options, that holds only for {key}."
    return (
        "Fold the squares up one after the other: in a straight row, the next square but one ends up opposite. "
        f"{opposite} Among the options, only {key} are opposite."
    )


def _places_by_face(faces: dict[Place, int]) -> list[list[int]]:
    return [list(place) for place, _ in sorted(faces.items(), key=lambda item: item[1])]


def _written(names: dict[Place, str]) -> str:
    height, width = max(r for r, _ in names) + 1, max(c for _, c in names) + 1
    rows = [f"Row {r + 1}: {', '.join(names.get((r, c), 'gap') for c in range(width))}" for r in range(height)]
    return "Net of a cube, row by row:\n" + "\n".join(rows)


def _figure(names: dict[Place, str], text: str) -> str:
    parts = []
    for (r, c), symbol in sorted(names.items()):
        x, y = 4 + c * UNIT, 4 + r * UNIT
        parts.append(svg.rect(x, y, UNIT, UNIT))
        parts.append(outline(symbol, "empty", (x + UNIT / 2, y + UNIT / 2), UNIT * 0.25))
    width, height = (8 + UNIT * (max(axis) + 1) for axis in ([c for _, c in names], [r for r, _ in names]))
    return svg.figure(width, height, "Net of a cube", text, parts)


def _load(net: list[Place], faces: dict[Place, int], key: Sequence[int]) -> float:
    """Squares of the key that lie far apart in the net ask for more folds."""
    spots = [place for place in net if faces[place] in key]
    apart = sum(abs(a[0] - b[0]) + abs(a[1] - b[1]) for a, b in itertools.combinations(spots, 2))
    return apart / (5 if len(key) == 2 else 10)


Vector = tuple[int, int, int]


def _folded(squares: dict[Place, str]) -> dict[str, Vector]:
    """Which way each symbol faces: every step over an edge turns the sheet by a right angle."""
    start = min(squares)
    seen: dict[Place, tuple[Vector, Vector, Vector]] = {start: ((0, 0, 1), (1, 0, 0), (0, 1, 0))}
    queue = [start]
    while queue:
        r, c = queue.pop(0)
        normal, right, down = seen[r, c]
        steps = {
            (r, c + 1): (right, _minus(normal), down),
            (r, c - 1): (_minus(right), normal, down),
            (r + 1, c): (down, right, _minus(normal)),
            (r - 1, c): (_minus(down), right, normal),
        }
        for place, frame in steps.items():
            if place in squares and place not in seen:
                seen[place] = frame
                queue.append(place)
    return {squares[place]: frame[0] for place, frame in seen.items()}


def _cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def _minus(vector: Vector) -> Vector:
    return (-vector[0], -vector[1], -vector[2])


MODEL = CubeNet()
