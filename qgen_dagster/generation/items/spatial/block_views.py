"""A plan gives the height of every stack of cubes: what does the building look like from one side?

Radicals: the size of the plan, the side, and whether the building is turned first.
- easy: 3×3 plan, seen from the front;
- medium: 4×4 plan, seen from the left or the right;
- hard: 4×4 plan, the building is turned first, while the viewer stays at the front.
A view from another side than one's own asks for a change of perspective, and mirroring left and right is the typical
error.

The options cross what is seen (the highest stack of each line, the view from a neighbouring side, the nearest stacks
only, a column misjudged) with left and right as seen or exchanged; the true view is as often the lowest as the highest
of them. The solver looks along the plan by its own rule.
"""

from __future__ import annotations

import random
import re

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import balanced, drop_central, success

Plan = tuple[tuple[int, ...], ...]
UNIT = 22.0
HIGHEST = 4
TURNS = {1: "a quarter turn clockwise", 2: "a half turn", 3: "a quarter turn anticlockwise"}


class BlockViews(ItemModel):
    name = "block_views"
    family = "spatial"
    sub_type = "block_views"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        height, width = {"easy": (3, 3), "medium": (4, 4), "hard": (4, 4)}[level]
        top = 3 if level == "easy" else HIGHEST
        plan = tuple(tuple(rng.choice([0, *range(1, top + 1)]) for _ in range(width)) for _ in range(height))
        side = rng.choice(["left", "right"]) if level == "medium" else "front"
        turn = rng.choice([1, 2, 3]) if level == "hard" else 0
        seen = _facing(_turned(plan, turn), side)
        choices = _choices(seen, 4 if level == "easy" else 6, rng)
        rows = "\n".join(f"Row {i + 1}: {' '.join(map(str, row))}" for i, row in enumerate(plan))
        text = f"Plan of the stacks, the back row first, the front row last:\n{rows}"
        if turn:
            turning = f"the building is turned by {TURNS[turn]}, seen from above"
            ask = f"You stand at the front, and {turning}. What do you see then?"
        else:
            ask = f"What does the building look like from the {side}?"
        return Draft(
            stem=f"The plan shows from above how many cubes are stacked on each square. {ask}",
            stimulus=Stimulus(text=text, figure=_plan_figure(plan, side, text)),
            key=choices[0],
            distractors=tuple(choices[1:]),
            explanation=_explanation(seen, side, turn, choices[0].text),
            structure={"plan": [list(row) for row in plan], "side": side, "turn": turn},
            expected_success=success(level, _load(side, turn, seen)),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        text = shown.stimulus.text if shown.stimulus else ""
        heights = {}
        for r, line in enumerate(re.findall(r"Row \d: ([\d ]+)", text)):
            for c, number in enumerate(line.split()):
                heights[c - 1j * r] = int(number)
        if "anticlockwise" in shown.stem:
            heights = {place * 1j: n for place, n in heights.items()}
        elif "clockwise" in shown.stem:
            heights = {place * -1j: n for place, n in heights.items()}
        elif "half turn" in shown.stem:
            heights = {-place: n for place, n in heights.items()}
        side = re.findall(r"from the (front|left|right)\?|(You stand at the front)", shown.stem)[0][0] or "front"
        # The direction that lies to the viewer's right, as a complex number (east 1, north 1j).
        to_right = {"front": 1 + 0j, "right": 1j, "left": -1j}[side]
        columns: dict[int, int] = {}
        for place, number in heights.items():
            across = round((place * to_right.conjugate()).real)
            columns[across] = max(number, columns.get(across, 0))
        view = " ".join(str(columns[across]) for across in sorted(columns))
        return [i for i, option in enumerate(shown.options) if option.text.split(": ")[1] == view]


def _turned(plan: Plan, quarters: int) -> Plan:
    for _ in range(quarters):
        plan = tuple(zip(*plan[::-1], strict=True))
    return plan


def _facing(plan: Plan, side: str) -> Plan:
    """The plan turned so that the chosen side is at the bottom, nearest to the viewer."""
    return _turned(plan, {"front": 0, "right": 1, "left": 3}[side])


View = tuple[list[int], str, str]


def _choices(seen: Plan, count: int, rng: random.Random) -> list[Choice]:
    right = [max(column) for column in zip(*seen, strict=True)]
    views: list[View] = [(right, "", ""), *_wrong_views(seen, right, count // 2 - 1, rng)]
    choices = []
    for which, mirrored in balanced([len(views), 2], count, rng):
        heights, mistake, note = views[which]
        if mirrored:
            heights = heights[::-1]
            mistake, note = mistake or "left_right_exchanged", f"{note} Left and right are exchanged.".strip()
        text = f"Columns from left to right: {' '.join(map(str, heights))}"
        choices.append(Choice(text, _view_figure(heights, text), mistake or None, note))
    if count > 4:
        drop_central([choice.text for choice in choices], 0.3, rng)
    return choices


def _wrong_views(seen: Plan, right: list[int], count: int, rng: random.Random) -> list[View]:
    """As many lower as higher ones over all items."""
    nearest = list(seen[-1])
    beside = [max(row) for row in seen]
    candidates: list[View] = [
        (beside, "wrong_side", "This is how the building looks from a neighbouring side."),
        (beside[::-1], "wrong_side", "This is how the building looks from a neighbouring side."),
        (nearest, "nearest_row_only", "This shows the nearest stacks only; higher ones behind show too."),
    ]
    for i in range(len(right)):
        for step, word in ((-1, "low"), (1, "high")):
            changed = [*right[:i], right[i] + step, *right[i + 1 :]]
            if 0 <= changed[i] <= HIGHEST:
                candidates.append((changed, f"column_too_{word}", f"One column is one cube too {word}."))
    head, tail = candidates[:3], candidates[3:]
    rng.shuffle(head)
    rng.shuffle(tail)
    below_wanted = rng.randint(0, count)
    below: list[View] = []
    above: list[View] = []
    taken = [right]
    for view in [*head, *tail]:
        side, room = (below, below_wanted) if sum(view[0]) < sum(right) else (above, count - below_wanted)
        if sum(view[0]) != sum(right) and len(side) < room and all(view[0] not in (t, t[::-1]) for t in taken):
            side.append(view)
            taken.append(view[0])
    if len(taken) <= count or any(t == t[::-1] for t in taken):
        raise Unsuitable("views too few or symmetric")
    return below + above


def _explanation(seen: Plan, side: str, turn: int, key: str) -> str:
    columns = ["-".join(map(str, reversed(column))) for column in zip(*seen, strict=True)]
    first = f"After {TURNS[turn]}, look" if turn else "Look"
    return (
        f"{first} from the {side}. From left to right the stacks, the nearest first, are {', '.join(columns)}. "
        f"Each column looks as high as the highest stack in its line. {key}."
    )


def _plan_figure(plan: Plan, side: str, text: str) -> str:
    height, width, beside = len(plan) * UNIT * 1.3, len(plan[0]) * UNIT * 1.3, 44.0
    cell, above = UNIT * 1.3, 4.0
    parts = []
    for r, row in enumerate(plan):
        for c, number in enumerate(row):
            x, y = beside + c * cell, above + r * cell
            parts += [
                svg.rect(x, y, cell, cell, stroke_width=1.5),
                svg.label((x + cell / 2, y + cell / 2), str(number), 16),
            ]
    middle_x, middle_y = beside + width / 2, above + height / 2
    parts.append(svg.label((middle_x, above + height + 24), "front", 13))
    parts.append(svg.arrow_head((middle_x, above + height + 4), 0, 10))
    if side in ("left", "right"):
        x = beside - 5 if side == "left" else beside + width + 5
        parts.append(svg.arrow_head((x, middle_y), 90 if side == "left" else 270, 10))
        parts.append(svg.label((x + (-18 if side == "left" else 18), middle_y - 16), side, 13))
    return svg.figure(width + 2 * beside, above + height + 34, "Plan with stack heights", text, parts)


def _view_figure(heights: list[int], text: str) -> str:
    parts = []
    for c, number in enumerate(heights):
        for level in range(number):
            parts.append(svg.rect(4 + c * UNIT, 4 + (HIGHEST - 1 - level) * UNIT, UNIT, UNIT))
    base = 4 + HIGHEST * UNIT
    parts.append(svg.line((2, base), (6 + len(heights) * UNIT, base), stroke_width=3))
    return svg.figure(len(heights) * UNIT + 8, base + 4, "Option", text, parts)


def _load(side: str, turn: int, seen: Plan) -> float:
    hidden: int = sum(max(column) > column[-1] for column in zip(*seen, strict=True))
    turned = {0: 0.0, 1: 0.15, 2: 0.3, 3: 0.15}[turn]
    return 0.1 + 0.15 * hidden + turned + (0.2 if side == "left" else 0.0)


MODEL = BlockViews()
