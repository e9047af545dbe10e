"""A building of equal cubes is drawn: how many cubes have a property?

Radicals: the size of the building and what must be inferred about hidden cubes.
- easy: how many cubes are there in all (three deep, up to four wide and three high);
- medium: how many cubes are missing from the full block around the building (up to 4×4, four high);
- hard: the outside is painted but not the base: how many cubes have exactly one, two or three painted faces.

The heights never rise towards the viewer, so that the top of every stack is in full view and the drawing has one
reading; nothing floats. The generator counts cube by cube; the solver works from the heights of the text form.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import Wrong, first_good, spread, success

Heights = list[list[int]]
Cube = tuple[int, int, int]
FACES = ((0, 0, 1), (0, 0, -1), (0, 1, 0), (0, -1, 0), (1, 0, 0), (-1, 0, 0))
ACROSS, DOWN, UP = 26.0, 14.0, 30.0
NUMBERS = {1: "one", 2: "two", 3: "three"}


class BlockCount(ItemModel):
    name = "block_count"
    version = 2
    family = "spatial"
    sub_type = "block_count"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        top = 4 if level == "medium" else 3
        heights = first_good(lambda: _building(3 if level == "easy" else 4, rng.choice([3, 4]), top, rng))
        cubes = [(r, c, z) for r, row in enumerate(heights) for c, number in enumerate(row) for z in range(number)]
        wanted = rng.randint(1, 3) if level == "hard" else 0
        key, wrongs, explanation = _task(level, heights, cubes, wanted)
        if key < (3 if level == "easy" else 5):
            raise Unsuitable("too few cubes to count")
        stacks = "\n".join(f"Row {i + 1}: {' '.join(map(str, row))}" for i, row in enumerate(heights))
        text = f"Heights of the stacks of cubes, the back row first, each from left to right:\n{stacks}"
        return Draft(
            stem=_stem(level, wanted),
            stimulus=Stimulus(text=text, figure=_figure(heights, text)),
            key=Choice(str(key)),
            distractors=spread(key, wrongs, 3 if level == "easy" else 5, rng, 1, counted=True),
            explanation=explanation,
            structure={"heights": heights, "asked": f"{level}_{wanted}"},
            expected_success=success(level, _load(level, len(cubes), wanted)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        rows = [[int(n) for n in line.split()] for line in re.findall(r"Row \d: ([\d ]+)", text)]
        if "painted" in shown.stem:
            word = re.findall(r"exactly (one|two|three) painted", shown.stem)[0]
            answer = _painted_by_heights(rows, {"one": 1, "two": 2, "three": 3}[word])
        else:
            answer = sum(map(sum, rows))
            if "missing" in shown.stem:
                answer = len(rows) * len(rows[0]) * max(map(max, rows)) - answer
        return [i for i, option in enumerate(shown.options) if int(option.text) == answer]


def _building(rows: int, columns: int, top: int, rng: random.Random) -> Heights:
    """Heights that fall or stay towards the front and towards the right."""
    heights: Heights = []
    for r in range(rows):
        row: list[int] = []
        for c in range(columns):
            limit = min(heights[r - 1][c] if r else top, row[c - 1] if c else top)
            row.append(max(limit - rng.choice([0, 0, 0, 1, 1, 2]), 0))
        heights.append(row)
    if heights[0][0] < 2 or not heights[-1][0] or not heights[0][-1]:
        raise Unsuitable("the building is too flat")
    return heights


def _stem(level: ItemLevel, wanted: int) -> str:
    if level == "easy":
        return "The building is made of equal cubes, and no cube floats. How many cubes are there in all?"
    if level == "medium":
        return (
            "The building is made of equal cubes, and no cube floats. How many cubes are missing to fill it up to a "
            "full block with the same length, width and greatest height?"
        )
    faces = f"{NUMBERS[wanted]} painted face{'s' if wanted > 1 else ''}"
    return (
        "The building is made of equal cubes, and no cube floats. All its outer faces are painted, but not the ones it "
        f"stands on. How many cubes have exactly {faces}?"
    )


Task = tuple[int, list[Wrong], str]


def _task(level: ItemLevel, heights: Heights, cubes: list[Cube], wanted: int) -> Task:
    total = len(cubes)
    seen = len(_visible(cubes))
    box = len(heights) * len(heights[0]) * max(map(max, heights))
    stacks = " + ".join(str(sum(row)) for row in heights)
    if level == "easy":
        wrongs = [
            Wrong(seen, "hidden_cubes_left_out", "This counts only the cubes that can be seen."),
            Wrong(
                sum(n > 0 for row in heights for n in row), "stacks_counted", "This counts the stacks, not the cubes."
            ),
            Wrong(_faces_in_view(cubes), "faces_counted", "This counts the faces in view, not the cubes."),
            Wrong(box - total, "gaps_counted", "This counts the cubes that are missing."),
            Wrong(total + heights[0][0], "stack_counted_twice", "One stack is counted twice."),
        ]
        text = f"Add up the heights of the stacks row by row from the back, hidden cubes too: {stacks} = {total}."
        return total, wrongs, text
    if level == "medium":
        wrongs = [
            Wrong(total, "present_cubes_counted", "This counts the cubes that are there."),
            Wrong(box - seen, "hidden_cubes_left_out", "This treats the hidden cubes as missing."),
            Wrong(box - total - heights[0][0], "stack_overlooked", "One stack is counted twice as present."),
            Wrong(_cube_number(heights) - total, "wrong_block", "This fills up to a larger block than asked for."),
            Wrong(box - total + heights[0][-1], "stack_overlooked", "One stack is left out of the cubes present."),
        ]
        size = f"{len(heights)} × {len(heights[0])} × {max(map(max, heights))}"
        text = f"The full block has {size} = {box} cubes, the building {stacks} = {total}. "
        text += f"So {box} − {total} = {box - total} are missing."
        return box - total, wrongs, text
    counts = [0] * 7
    with_base = [0] * 7
    for cube in cubes:
        free = [face for face in FACES if tuple(a + b for a, b in zip(cube, face, strict=True)) not in set(cubes)]
        with_base[len(free)] += 1
        counts[len([face for face in free if cube[2] or face != (0, 0, -1)])] += 1
    in_view = [0] * 7
    for cube in cubes:
        in_view[
            sum((cube[0] + a, cube[1] + b, cube[2] + c) not in cubes for a, b, c in ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
        ] += 1
    wrongs = [
        Wrong(with_base[wanted], "base_painted_too", "This also counts the faces that the building stands on."),
        Wrong(in_view[wanted], "back_faces_left_out", "This counts the faces in view only; the back is painted too."),
        Wrong(counts[wanted - 1], "one_face_missed", "This is the number of cubes with one painted face less."),
        Wrong(counts[wanted + 1], "one_face_too_many", "This is the number of cubes with one painted face more."),
        Wrong(
            sum(counts[wanted:]),
            "at_least_instead_of_exactly",
            f"This counts the cubes with {wanted} or more painted faces.",
        ),
    ]
    table = ", ".join(f"{n} cube{'s' if n != 1 else ''} with {i}" for i, n in enumerate(counts) if n)
    text = (
        "A face is painted when no other cube touches it and it is not on the ground. Going through the stacks cube by "
        f"cube, the numbers of painted faces are: {table}. So the answer is {counts[wanted]}."
    )
    return counts[wanted], wrongs, text


def _visible(cubes: list[Cube]) -> list[Cube]:
    """The cubes of which a face is in view from the front, the right and above."""
    present = set(cubes)
    return [(r, c, z) for r, c, z in cubes if not {(r + 1, c, z), (r, c + 1, z), (r, c, z + 1)} <= present]


def _faces_in_view(cubes: list[Cube]) -> int:
    present = set(cubes)
    return sum(place not in present for r, c, z in cubes for place in ((r + 1, c, z), (r, c + 1, z), (r, c, z + 1)))


def _cube_number(heights: Heights) -> int:
    return max(len(heights), len(heights[0]), max(map(max, heights))) ** 3


def _figure(heights: Heights, text: str) -> str:
    """An oblique view from the front right and above; drawn from the back, so that nearer cubes cover farther ones."""
    rows, columns, top = len(heights), len(heights[0]), max(map(max, heights))

    def at(r: float, c: float, z: float) -> svg.Point:
        return 4 + (c - r + rows) * ACROSS, 4 + (c + r) * DOWN + (top - z) * UP

    parts = []
    for r in range(rows):
        for c in range(columns):
            z = heights[r][c]
            parts.append(_face([at(r, c, z), at(r, c + 1, z), at(r + 1, c + 1, z), at(r + 1, c, z)], 0.1 if z else 0))
            for level in range(z):
                if r + 1 == rows or heights[r + 1][c] <= level:
                    quad = [
                        at(r + 1, c, level),
                        at(r + 1, c + 1, level),
                        at(r + 1, c + 1, level + 1),
                        at(r + 1, c, level + 1),
                    ]
                    parts.append(_face(quad, 0.22))
                if c + 1 == columns or heights[r][c + 1] <= level:
                    quad = [
                        at(r, c + 1, level),
                        at(r + 1, c + 1, level),
                        at(r + 1, c + 1, level + 1),
                        at(r, c + 1, level + 1),
                    ]
                    parts.append(_face(quad, 0.45))
    width, height = 8 + (rows + columns) * ACROSS, 8 + (rows + columns) * DOWN + top * UP
    return svg.figure(width, height, "Building of cubes", text, parts)


def _face(corners: list[svg.Point], tone: float) -> str:
    path = "M" + "L".join(f"{svg.num(x)} {svg.num(y)}" for x, y in corners) + "Z"
    return svg.element("path", d=path, fill=svg.INK, fill_opacity=tone, stroke_width=1.5)


def _load(level: ItemLevel, total: int, wanted: int) -> float:
    if level == "hard":
        return 0.2 + total / 60 + 0.1 * wanted
    return total / (27 if level == "easy" else 50)


def _painted_by_heights(rows: Heights, wanted: int) -> int:
    """For each cube: one painted top if it crowns its stack, and one side for each neighbouring stack that is lower."""
    count = 0
    for r, row in enumerate(rows):
        for c, height in enumerate(row):
            beside = [
                rows[y][x] if 0 <= y < len(rows) and 0 <= x < len(row) else 0
                for y, x in ((r - 1, c), (r + 1, c), (r, c - 1), (r, c + 1))
            ]
            for level in range(1, height + 1):
                painted = sum(other < level for other in beside) + (level == height)
                count += painted == wanted
    return count


MODEL = BlockCount()
