"""A table of numbers in which the third number of every row follows from the first two: fill the gap.

Radicals: the number of operations, whether a hidden constant takes part, and how far the operation is from plain sums.
- easy: sum, difference or product;
- medium: sum or difference with a constant, doubled sum, product with a constant;
- hard: weighted sums and differences, product with one of the factors added or taken away, square and difference.

Rivals: for the third number every expression p·a + q·b + r (p, q from -3 to 3, r from -12 to 12), k·a·b + p·a + q·b + r
and a² or b² plus or minus the other, and every column read as a constant step or factor. A draft is dropped when any
of them fits the complete rows (or columns) and gives another number.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items import svg
from qgen_dagster.generation.items.contract import Choice, Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.pattern._options import Wrong, spread, success

ROWS = 4
LARGEST = 200


class Rule(NamedTuple):
    """The third number of a row, in words and as a calculation, with the results of plausible misreadings."""

    apply: Callable[[int, int], int]
    words: str
    show: Callable[[int, int], str]
    weight: float
    misread: tuple[tuple[Callable[[int, int], int], str, str], ...]
    first: range = range(2, 16)
    second: range = range(2, 16)


def _rule(level: ItemLevel, rng: random.Random) -> Rule:
    return rng.choice({"easy": _EASY, "medium": _MEDIUM, "hard": _HARD}[level])(rng)


def _linear(p: int, q: int, r: int, weight: float) -> Rule:
    def value(a: int, b: int) -> int:
        return p * a + q * b + r

    def show(a: int, b: int) -> str:
        parts = [(p, f"{'' if abs(p) == 1 else f'{abs(p)} × '}{a}"), (q, f"{'' if abs(q) == 1 else f'{abs(q)} × '}{b}")]
        text = parts[0][1] + f" {'+' if q > 0 else '−'} {parts[1][1]}"
        return text + (f" {'+' if r > 0 else '−'} {abs(r)}" if r else "")

    names = {1: "the first number", 2: "twice the first number", 3: "three times the first number"}
    others = {1: "the second", 2: "twice the second", 3: "three times the second"}
    words = f"{names[p]} {'plus' if q > 0 else 'minus'} {others[abs(q)]}"
    if r:
        words += f", {'plus' if r > 0 else 'minus'} {abs(r)}"
    misread: list[tuple[Callable[[int, int], int], str, str]] = [
        (
            lambda a, b: p * a - q * b + r,
            "sign_slip",
            f"The rule has {'plus' if q > 0 else 'minus'} between the two numbers.",
        ),
        (lambda a, b: a * b, "product_taken", "This multiplies the two numbers, which does not fit the other rows."),
    ]
    if r:
        note = f"This leaves out the {abs(r)} that is {'added' if r > 0 else 'taken away'} in every row."
        misread.insert(0, (lambda a, b: p * a + q * b, "constant_forgotten", note))
        misread.append((lambda a, b: p * a + q * b - r, "sign_slip", f"The {abs(r)} is used in the wrong direction."))
    if (p, abs(q)) != (1, 1):
        sign = 1 if q > 0 else -1
        misread.insert(0, (lambda a, b: a + sign * b + r, "factor_forgotten", "This uses each number only once."))
        misread.append(
            (
                lambda a, b: abs(q) * a + sign * p * b + r,
                "numbers_exchanged",
                "The first and the second number are exchanged.",
            )
        )
    first = range(12, 40) if q < 0 else range(2, 26)
    return Rule(value, words, show, weight, tuple(misread), first, range(2, 12) if q < 0 else range(2, 26))


def _product(p: int, q: int, r: int, weight: float) -> Rule:
    def show(a: int, b: int) -> str:
        tail = "".join(f" {'+' if k > 0 else '−'} {n}" for k, n in ((p, a), (q, b), (r, abs(r))) if k)
        return f"{a} × {b}{tail}"

    extras = [(p, "the first number"), (q, "the second number"), (r, str(abs(r)))]
    tail = "".join(f" {'plus' if k > 0 else 'minus'} {name}" for k, name in extras if k)
    words = f"the first number times the second{tail}"
    misread: list[tuple[Callable[[int, int], int], str, str]] = [
        (
            lambda a, b: a * (b - 1) + p * a + q * b + r,
            "one_time_too_few",
            "This takes the first number one time too few.",
        ),
        (
            lambda a, b: a * (b + 1) + p * a + q * b + r,
            "one_time_too_many",
            "This takes the first number one time too many.",
        ),
        (lambda a, b: a + b, "sum_taken", "This adds the two numbers, which does not fit the other rows."),
    ]
    if tail:
        misread.insert(
            0, (lambda a, b: a * b, "second_part_forgotten", "This is the plain product; the rule has more.")
        )
        misread.append((lambda a, b: a * b - p * a - q * b - r, "sign_slip", f"After the product the rule has{tail}."))
        misread.append(
            (
                lambda a, b: a * b + q * a + p * b + r + (0 if p or q else 1),
                "numbers_exchanged",
                f"After the product the rule has{tail}.",
            )
        )
    return Rule(lambda a, b: a * b + p * a + q * b + r, words, show, weight, tuple(misread), range(3, 13), range(3, 12))


def _doubled(factor: int, sign: int, weight: float) -> Rule:
    word, symbol = ("sum", "+") if sign > 0 else ("difference", "−")
    misread: tuple[tuple[Callable[[int, int], int], str, str], ...] = (
        (
            lambda a, b: a + sign * b,
            "factor_forgotten",
            f"This is the plain {word}; the rule also multiplies it by {factor}.",
        ),
        (
            lambda a, b: factor * a + sign * b,
            "only_first_multiplied",
            f"The whole {word} is multiplied by {factor}, not only the first number.",
        ),
        (
            lambda a, b: a + sign * factor * b,
            "only_second_multiplied",
            f"The whole {word} is multiplied by {factor}, not only the second number.",
        ),
    )
    return Rule(
        lambda a, b: factor * (a + sign * b),
        f"the {word} of the first two numbers, times {factor}",
        lambda a, b: f"{factor} × ({a} {symbol} {b})",
        weight,
        misread,
        range(12, 36) if sign < 0 else range(2, 21),
        range(2, 12),
    )


def _square(sign: int, weight: float) -> Rule:
    word, symbol = ("plus", "+") if sign > 0 else ("minus", "−")
    misread: tuple[tuple[Callable[[int, int], int], str, str], ...] = (
        (lambda a, b: 2 * a + sign * b, "doubled_not_squared", "The first number is multiplied by itself, not by two."),
        (lambda a, b: a * a - sign * b, "sign_slip", f"After the square the rule is {word} the second number."),
        (lambda a, b: a * a, "second_part_forgotten", "This is the square alone; the second number takes part too."),
        (lambda a, b: a * b, "product_taken", "The first number is multiplied by itself, not by the second."),
    )
    return Rule(
        lambda a, b: a * a + sign * b,
        f"the first number times itself, {word} the second",
        lambda a, b: f"{a} × {a} {symbol} {b}",
        weight,
        misread,
        range(3, 13),
        range(2, 9) if sign < 0 else range(2, 20),
    )


_EASY: tuple[Callable[[random.Random], Rule], ...] = (
    lambda rng: _linear(1, 1, 0, 0.2),
    lambda rng: _linear(1, -1, 0, 0.5),
    lambda rng: _product(0, 0, 0, 0.8),
)
_MEDIUM: tuple[Callable[[random.Random], Rule], ...] = (
    lambda rng: _linear(1, 1, rng.choice([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]), 0.4),
    lambda rng: _linear(1, -1, rng.choice([1, 2, 3, 4, 5]), 0.6),
    lambda rng: _product(0, 0, rng.choice([-4, -3, -2, -1, 1, 2, 3, 4]), 0.8),
    lambda rng: _doubled(rng.choice([2, 2, 3]), rng.choice([-1, 1]), 0.7),
)
_HARD: tuple[Callable[[random.Random], Rule], ...] = (
    lambda rng: _linear(
        *rng.choice([(2, 1), (1, 2), (2, -1), (3, -1), (3, 1), (1, 3), (3, 2)]), rng.choice([-3, -2, 2, 3, 4]), 0.8
    ),
    lambda rng: _product(*rng.choice([(1, 0), (-1, 0), (0, 1), (0, -1)]), 0, 0.6),
    lambda rng: _product(*rng.choice([(1, 1), (-1, -1)]), 0, 0.9),
    lambda rng: _square(rng.choice([-1, 1]), 0.4),
)


class NumberGrid(ItemModel):
    name = "number_grid"
    version = 2
    family = "pattern"
    sub_type = "grid_arithmetic"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        rule = _rule(level, rng)
        rows = _rows(rule, rng)
        a, b, key = rows[-1]
        if _justified(rows) != {key}:
            raise Unsuitable("another rule gives another number")
        wrongs = [Wrong(misread(a, b), mistake, note) for misread, mistake, note in rule.misread]
        above = rows[-2]
        wrongs += [
            Wrong(
                2 * above[2] - rows[-3][2], "column_continued", "This continues the last column and ignores the row."
            ),
            Wrong(
                a + above[2] - above[0], "row_above_copied", "This adds to the first number what the row above adds."
            ),
        ]
        rng.shuffle(wrongs)
        text = "\n".join(f"{x} | {y} | {z}" for x, y, z in [*rows[:-1], (a, b, "?")])
        example = rows[0]
        return Draft(
            stem="In every row, the third number follows from the first two by the same rule. Which number is missing?",
            stimulus=Stimulus(text=text, figure=_table(text)),
            key=Choice(str(key)),
            distractors=spread(key, wrongs, 3 if level == "easy" else 5, rng),
            explanation=(
                f"The third number is {rule.words}. In the first row: {rule.show(*example[:2])} = {example[2]}, and "
                f"the other complete rows agree. In the last row: {rule.show(a, b)} = {key}."
            ),
            structure={"rows": [list(row) for row in rows]},
            expected_success=success(level, rule.weight),
        )

    def solve(self, shown: ShownQuestion) -> list[int]:
        lines = shown.stimulus.text.splitlines() if shown.stimulus else []
        rows = [[int(n) if n != "?" else 0 for n in line.split(" | ")] for line in lines]
        justified = _justified([(x, y, z) for x, y, z in rows])
        return [i for i, option in enumerate(shown.options) if int(option.text) in justified]


def _rows(rule: Rule, rng: random.Random) -> list[tuple[int, int, int]]:
    firsts, seconds = rng.sample(rule.first, ROWS), rng.sample(rule.second, ROWS)
    rows = [(a, b, rule.apply(a, b)) for a, b in zip(firsts, seconds, strict=True)]
    if any(a == b or not 1 <= c <= LARGEST for a, b, c in rows):
        raise Unsuitable("numbers out of range")
    return rows


def _table(text: str) -> str:
    parts = []
    for r, line in enumerate(text.splitlines()):
        for c, content in enumerate(line.split(" | ")):
            x, y = 1 + c * 64, 1 + r * 44
            weight = 2 if c == 2 else 1
            parts += [svg.rect(x, y, 64, 44, stroke_width=1), svg.label((x + 32, y + 22), content, 18 + weight)]
    return svg.figure(3 * 64 + 2, ROWS * 44 + 2, "Table of numbers, one missing", text, parts)


# --- the rival search ---


def _justified(rows: list[tuple[int, int, int]]) -> set[int]:
    """Every last number that a rule of the space justifies; the last row's third number is not looked at."""
    complete, (a, b, _) = rows[:-1], rows[-1]
    found = set()
    for product in (0, 1, 2):
        for p in range(-3, 4):
            for q in range(-3, 4):
                rests = {z - product * x * y - p * x - q * y for x, y, z in complete}
                if len(rests) == 1 and abs(rest := rests.pop()) <= 12 and (product or p or q):
                    found.add(product * a * b + p * a + q * b + rest)
    for square, other in ((0, 1), (1, 0)):
        for k in (-2, -1, 0, 1, 2):
            rests = {row[2] - row[square] ** 2 - k * row[other] for row in complete}
            if len(rests) == 1 and abs(rest := rests.pop()) <= 12:
                found.add((a, b)[square] ** 2 + k * (a, b)[other] + rest)
    column = [row[2] for row in complete]
    if column[1] - column[0] == column[2] - column[1]:
        found.add(2 * column[2] - column[1])
    if column[1] ** 2 == column[0] * column[2] and column[2] ** 2 % column[1] == 0:
        found.add(column[2] ** 2 // column[1])
    return found


MODEL = NumberGrid()
