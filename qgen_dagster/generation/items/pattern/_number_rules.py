"""The rules that make number series, by level; each draws its numbers and knows the mistakes that it invites."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import NamedTuple

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Unsuitable
from qgen_dagster.generation.items.pattern._options import Wrong

LARGEST = 999


class Series(NamedTuple):
    """`terms` run two past the question mark's place: the key is the last but one."""

    terms: list[int]
    rule: str
    last_step: str
    load: float
    wrongs: tuple[Wrong, ...] = ()


Rule = Callable[[random.Random], Series]


def _constant_step(rng: random.Random) -> Series:
    step = rng.choice([-1, 1]) * rng.randint(3, 25)
    start = rng.randint(2, 120) if step > 0 else rng.randint(2, 90) - 6 * step
    terms = [start + step * i for i in range(7)]
    a, b = terms[4:6]
    return Series(
        terms,
        f"Each number is {abs(step)} {'more' if step > 0 else 'less'} than the one before.",
        f"{a} {_signed(step)} = {b}",
        abs(step) / 26,
        (
            Wrong(a - step, "wrong_direction", "This takes the step in the opposite direction."),
            Wrong(b + (1 if step > 0 else -1), "miscounted_step", f"The step is {abs(step)}, not {abs(step) + 1}."),
            Wrong(b - (1 if step > 0 else -1), "miscounted_step", f"The step is {abs(step)}, not {abs(step) - 1}."),
        ),
    )


def _constant_factor(rng: random.Random) -> Series:
    factor, start = rng.choice([2, 2, 3]), rng.randint(2, 14)
    if start * factor**5 > LARGEST:
        raise Unsuitable("the numbers grow too large")
    terms = [start * factor**i for i in range(7)]
    if rng.random() < 0.4:
        terms.reverse()
    a, b = terms[4:6]
    grows = b > a
    return Series(
        terms,
        f"Each number is {'the one before times' if grows else 'the one before divided by'} {factor}.",
        f"{a} {'×' if grows else '÷'} {factor} = {b}",
        0.6,
        (Wrong(2 * a - terms[3], "constant_step_assumed", "This repeats the last step, but the steps change."),),
    )


def _even_growth(rng: random.Random) -> Series:
    first, growth = rng.randint(2, 15), rng.randint(1, 4)
    steps = [first + growth * i for i in range(6)]
    if rng.random() < 0.35:
        steps.reverse()
    sign = rng.choice([1, 1, -1])
    terms = _run(rng.randint(1, 60) if sign > 0 else sum(steps) + rng.randint(1, 50), [sign * s for s in steps])
    verb = "add" if sign > 0 else "subtract"
    way = "more" if steps[1] > steps[0] else "less"
    return Series(
        terms,
        f"The steps change evenly: {verb} {_listing(steps[:4])}, and so on, {growth} {way} each time.",
        f"{terms[4]} {_signed(sign * steps[4])} = {terms[5]}",
        0.5 + first / 30,
        (
            Wrong(terms[4] + sign * steps[3], "last_step_repeated", f"This uses the step {steps[3]} twice."),
            Wrong(terms[4] + sign * steps[5], "step_skipped", f"The next step is {steps[4]}, not {steps[5]}."),
            Wrong(terms[4] + sign * (steps[3] + 1), "growth_misjudged", f"The steps change by {growth} each time."),
        ),
    )


def _two_in_turn(rng: random.Random) -> Series:
    up, down = rng.randint(4, 18), rng.randint(2, 15)
    if abs(up - down) < 2:
        raise Unsuitable("the two steps are too alike")
    start = rng.randint(5, 50)
    if up < down:
        start += 4 * (down - up)
    return _in_turn(start, [("+", up), ("-", down)], 6, 0.2 + (up + down) / 70)


def _add_and_double(rng: random.Random) -> Series:
    factor, addend = rng.choice([2, 2, 3]), rng.choice([-1, 1]) * rng.randint(1, 9)
    operations = [("×", factor), ("+" if addend > 0 else "-", abs(addend))]
    rng.shuffle(operations)
    return _in_turn(rng.randint(2, 25), operations, 6, 0.7)


def _three_in_turn(rng: random.Random) -> Series:
    numbers = rng.sample(range(2, 10), 2)
    operations = [("+", numbers[0]), ("-", numbers[1]), ("×", 2)]
    if rng.random() < 0.4:
        operations = [("+", numbers[0]), ("-", numbers[1]), rng.choice([("+", 11), ("-", 1), ("×", 3)])]
    rng.shuffle(operations)
    return _in_turn(rng.randint(2, 25), operations, 8, 0.1 + sum(numbers) / 40)


def _in_turn(start: int, operations: list[tuple[str, int]], shown: int, load: float) -> Series:
    terms = [start]
    for i in range(shown + 1):
        terms.append(_apply(terms[-1], operations[i % len(operations)]))
    last, used = terms[shown - 1], operations[(shown - 1) % len(operations)]
    wrongs = [
        Wrong(
            _apply(last, other),
            "wrong_turn",
            f"This uses “{_spoken(other)}”, but it is the turn of “{_spoken(used)}”.",
        )
        for other in operations
        if other != used
    ]
    undone = 2 * last - terms[shown]
    wrongs.append(Wrong(undone, "wrong_direction", "This takes the last step in the opposite direction."))
    wrongs.append(Wrong(terms[shown + 1], "one_number_too_far", "This is the number after the missing one."))
    names = ", then ".join(_spoken(op) for op in operations)
    rule = f"{'Two' if len(operations) == 2 else 'Three'} operations take turns: {names}."
    return Series(terms, rule, f"{last} {used[0].replace('-', '−')} {used[1]} = {terms[shown]}", load, tuple(wrongs))


def _factor_and_addend(rng: random.Random) -> Series:
    factor, addend = rng.choice([2, 2, 3]), rng.choice([-1, 1]) * rng.randint(1, 9)
    terms = _iterate(rng.randint(2, 30), 7, lambda x, _: factor * x + addend)
    a, b = terms[4:6]
    return Series(
        terms,
        f"Each number is the one before times {factor}, {_plus(addend)}.",
        f"{factor} × {a} {_signed(addend)} = {b}",
        0.3 + 0.15 * factor,
        (
            Wrong(factor * a, "second_part_forgotten", f"This multiplies by {factor} but leaves out the rest."),
            Wrong(factor * a - addend, "sign_slip", f"After multiplying, the rule {_adds(addend)}."),
            Wrong(2 * a - terms[3], "constant_step_assumed", "This repeats the last step, but the steps change."),
            Wrong(
                factor * (a + addend), "order_reversed", f"The rule multiplies first and {_adds(addend)} afterwards."
            ),
        ),
    )


def _doubling_steps(rng: random.Random) -> Series:
    first, sign = rng.randint(2, 9), rng.choice([1, 1, -1])
    steps = [first * 2**i for i in range(6)]
    start = rng.randint(1, 90) if sign > 0 else sum(steps) + rng.randint(1, 60)
    terms = _run(start, [sign * s for s in steps])
    return Series(
        terms,
        f"The steps double: {'add' if sign > 0 else 'subtract'} {_listing(steps[:4])}, and so on.",
        f"{terms[4]} {_signed(sign * steps[4])} = {terms[5]}",
        0.5,
        (
            Wrong(terms[4] + sign * steps[3], "last_step_repeated", f"This uses the step {steps[3]} twice."),
            Wrong(
                terms[4] + sign * (2 * steps[3] - steps[2]),
                "even_growth_assumed",
                "The steps double; they do not grow by the same amount each time.",
            ),
            Wrong(2 * terms[4], "number_doubled", "The steps double, not the numbers themselves."),
        ),
    )


def _two_before(rng: random.Random) -> Series:
    return _from_two(rng, (1, 1, 0), 0.5)


def _two_before_and_more(rng: random.Random) -> Series:
    extra = rng.choice([-3, -2, -1, 1, 2, 3, 4, 5])
    return _from_two(rng, rng.choice([(1, 1, extra), (1, 1, extra), (1, 2, 0), (2, 1, 0)]), 0.2)


def _from_two(rng: random.Random, weights: tuple[int, int, int], load: float) -> Series:
    newer, older, extra = weights
    terms = [rng.randint(1, 20), rng.randint(2, 30)]
    while len(terms) < 9:
        terms.append(newer * terms[-1] + older * terms[-2] + extra)
    terms = terms[:8]
    x, y, key = terms[4:7]
    times = {1: "", 2: "2 × "}
    last_step = f"{times[older]}{x} + {times[newer]}{y}" + (f" {_signed(extra)}" if extra else "")
    twice = {1: "", 2: "twice "}
    rule = (
        f"From the third on, each number is {twice[newer]}the number before it plus {twice[older]}the one before that"
    )
    rule += f", {_plus(extra)}." if extra else "."
    wrongs = [
        Wrong(2 * y - x, "last_step_repeated", "This repeats the last step, but the steps change."),
        Wrong(y + terms[3], "wrong_pair", "This adds the wrong pair of earlier numbers."),
        Wrong(key + y, "one_number_too_many", "This adds one number too many."),
        Wrong(2 * y, "number_doubled", "This doubles the last number instead of using the last two."),
    ]
    if weights != (1, 1, 0):
        wrongs.insert(0, Wrong(x + y, "plain_sum", "This is the plain sum of the last two numbers; the rule has more."))
    if extra:
        wrongs.insert(1, Wrong(x + y - extra, "sign_slip", f"After the sum, the rule {_adds(extra)}."))
    return Series(terms, rule, f"{last_step} = {key}", load + terms[5] / 300, tuple(wrongs))


def _growing_addend(rng: random.Random) -> Series:
    first, growth, sign = rng.randint(1, 5), rng.choice([1, 1, 2]), rng.choice([-1, 1])
    addends = [sign * (first + growth * i) for i in range(7)]
    terms = _iterate(rng.randint(2, 12), 7, lambda x, i: 2 * x + addends[i])
    a, b = terms[4:6]
    shown = _listing([abs(n) for n in addends[:4]])
    return Series(
        terms,
        f"Double each number, then {'add' if sign > 0 else 'subtract'} an amount that grows by {growth}: {shown}, …",
        f"2 × {a} {_signed(addends[4])} = {b}",
        0.4 + 0.1 * growth,
        (
            Wrong(2 * a + addends[3], "last_addend_repeated", f"The amount has grown to {abs(addends[4])}."),
            Wrong(2 * a, "second_part_forgotten", "This doubles but leaves out the amount that grows."),
            Wrong(2 * a - addends[4], "sign_slip", f"After doubling, the rule {_adds(addends[4])}."),
            Wrong(2 * a + addends[5], "step_skipped", f"The amount at this place is {abs(addends[4])}."),
        ),
    )


def _steps_in_strands(rng: random.Random) -> Series:
    up, down = rng.randint(2, 12), rng.randint(1, 8)
    grow, fall = rng.sample([0, 1, 2, 3, 4], 2)
    steps = [up + grow * (i // 2) if i % 2 == 0 else -(down + fall * (i // 2)) for i in range(8)]
    terms = _run(rng.randint(10, 60), steps)
    a, b = terms[6:8]
    return Series(
        terms[:9],
        f"The steps form two strands: the odd ones are {_steps(steps[0:6:2])}, the even ones {_steps(steps[1:6:2])}.",
        f"{a} {_signed(steps[6])} = {b}",
        0.4 + 0.1 * min(grow, fall, 1) + 0.05 * max(grow, fall),
        (
            Wrong(a + steps[5], "wrong_strand", "This uses the step of the other strand."),
            Wrong(a + steps[4], "last_step_repeated", "The step of this strand has changed since its last use."),
            Wrong(a - steps[6], "sign_slip", "The size of the step is right, but not its direction."),
            Wrong(a + steps[7], "step_skipped", "This uses the step after the one that is due."),
        ),
    )


def _growing_growth(rng: random.Random) -> Series:
    step, growth, extra = rng.randint(1, 9), rng.randint(1, 5), rng.randint(1, 3)
    steps = [step + growth * i + extra * i * (i - 1) // 2 for i in range(7)]
    sign = rng.choice([1, 1, -1])
    terms = _run(rng.randint(1, 40) if sign > 0 else sum(steps) + rng.randint(1, 30), [sign * s for s in steps])
    gaps = [b - a for a, b in itertools.pairwise(steps)]
    return Series(
        terms,
        f"The steps are {_listing(steps[:5])}. They grow by {_listing(gaps[:4])}: the growth itself grows by {extra}, "
        f"so the next step is {steps[5]}.",
        f"{terms[5]} {_signed(sign * steps[5])} = {terms[6]}",
        0.5 + 0.1 * extra,
        (
            Wrong(terms[5] + sign * (steps[4] + gaps[3]), "even_growth_assumed", "The growth of the steps grows too."),
            Wrong(terms[5] + sign * steps[4], "last_step_repeated", f"This uses the step {steps[4]} twice."),
            Wrong(terms[5] + sign * steps[6], "step_skipped", f"The next step is {steps[5]}, not {steps[6]}."),
        ),
    )


def _digit_sums(rng: random.Random) -> Series:
    terms = _iterate(rng.randint(11, 190), 8, lambda x, _: x + sum(map(int, str(x))))
    a, b = terms[5:7]
    digits = " + ".join(str(a))
    return Series(
        terms,
        "Each number is the one before plus the sum of its digits.",
        f"{a} + ({digits}) = {b}",
        1.0,
        (
            Wrong(2 * a - terms[4], "last_step_repeated", "This repeats the last step, but the steps change."),
            Wrong(b + int(str(a)[-1]), "digits_added_twice", "This adds the last digit once too often."),
            Wrong(a + int(str(a)[-1]), "last_digit_only", "This adds the last digit only, not all digits."),
            Wrong(a - (b - a), "wrong_direction", "The digit sum is added, not subtracted."),
        ),
    )


RULES: dict[ItemLevel, tuple[Rule, ...]] = {
    "easy": (*[_constant_step] * 5, *[_even_growth] * 6, _constant_factor),
    "medium": (_two_in_turn, _add_and_double, _factor_and_addend, _doubling_steps, _two_before),
    "hard": (
        _three_in_turn,
        _two_before_and_more,
        _growing_addend,
        _steps_in_strands,
        _growing_growth,
        _digit_sums,
    ),
}


def _run(start: int, steps: Sequence[int]) -> list[int]:
    return list(itertools.accumulate(steps, initial=start))


def _iterate(start: int, count: int, after: Callable[[int, int], int]) -> list[int]:
    terms = [start]
    while len(terms) < count:
        terms.append(after(terms[-1], len(terms) - 1))
    return terms


def _apply(number: int, operation: tuple[str, int]) -> int:
    sign, value = operation
    return {"+": number + value, "-": number - value, "×": number * value}[sign]


def _spoken(operation: tuple[str, int]) -> str:
    sign, value = operation
    return f"{ {'+': 'add', '-': 'subtract', '×': 'multiply by'}[sign] } {value}"


def _signed(number: int) -> str:
    return f"{'+' if number >= 0 else '−'} {abs(number)}"


def _plus(number: int) -> str:
    return f"{'plus' if number > 0 else 'minus'} {abs(number)}"


def _adds(number: int) -> str:
    return f"{'adds' if number > 0 else 'subtracts'} {abs(number)}"


def _steps(steps: Sequence[int]) -> str:
    return ", ".join(_signed(step).replace(" ", "") for step in steps)


def _listing(items: Sequence[int | str]) -> str:
    return ", ".join(map(str, items))
