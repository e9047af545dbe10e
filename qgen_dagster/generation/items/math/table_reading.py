"""Reading a small table.

Radicals: cells to read, steps after reading, whether cells must be weighted.
- easy: the difference of two cells, or the total of one row or column.
- medium: the mean of a column, the difference of two row totals, or the share of a cell in its row in percent.
- hard: the share of a column in everything, or the difference of two days' takings (cells weighted by prices).
Incidentals: what is sold, lent or repaired. The solver reads the table back from its text.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from fractions import Fraction
from typing import NamedTuple

from qgen_dagster.core.question import ShownQuestion, Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import capitalised, listed, number
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    Value,
    at_a_drawn_place,
    expected,
    numbers_in,
    offer,
    options_where,
)


class Theme(NamedTuple):
    title: str
    things: str
    done: str
    columns: tuple[str, ...]
    prices: bool


THEMES = (
    Theme(
        "Loaves sold by a bakery", "loaves", "sold", ("rye loaves", "oat loaves", "corn loaves", "wheat loaves"), True
    ),
    Theme("Tickets sold by a theatre", "tickets", "sold", ("adult tickets", "child tickets", "group tickets"), True),
    Theme("Trees sold by a nursery", "trees", "sold", ("apple trees", "pear trees", "plum trees", "fig trees"), True),
    Theme("Books lent by a library", "books", "lent", ("novels", "atlases", "cookbooks", "dictionaries"), False),
    Theme("Repairs in a workshop", "vehicles", "repaired", ("bicycles", "scooters", "prams", "wheelchairs"), False),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class _Table:
    """A drawn table: `cells[row][column]`."""

    def __init__(self, rng: random.Random, rows: int, *, prices: bool = False, step: int = 1) -> None:
        self.theme = rng.choice([t for t in THEMES if t.prices or not prices])
        start = rng.randrange(len(DAYS) - rows + 1)
        self.days = DAYS[start : start + rows]
        self.columns = self.theme.columns[:3]
        self.cells = [[rng.randrange(12, 96, step) for _ in self.columns] for _ in self.days]

    def total(self, row: int) -> int:
        return sum(self.cells[row])

    def column(self, column: int) -> list[int]:
        return [row[column] for row in self.cells]

    @property
    def everything(self) -> int:
        return sum(map(sum, self.cells))

    def stimulus(self) -> Stimulus:
        lines = [self.theme.title, " | ".join(["Day", *map(capitalised, self.columns)])]
        lines += [" | ".join([day, *map(str, row)]) for day, row in zip(self.days, self.cells, strict=True)]
        return Stimulus(text="\n".join(lines))


class TableReading(ItemModel):
    name = "table_reading"
    family = "math"
    sub_type = "data_reading"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {
            "easy": (_two_cells, _row_total, _column_total),
            "medium": (_mean, _row_difference, _share_of_row),
            "hard": (_share_of_all, _takings, _takings),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        answer = _read(shown)
        return options_where(shown, lambda value: value == answer)


def _draft(
    rng: random.Random, place: int, level: ItemLevel, table: _Table, stem: str, key: Value, slips: list[Slip], why: str,
    asked: list[object], burden: float, percent: bool = False,
) -> Draft:  # fmt: skip
    if percent:
        right, offered = offer(rng, place, key, slips, _percent, step=2, fits=_shown_percent)
        wrong = tuple(
            replace(choice, note=choice.note.replace("% too", " percentage points too")) for choice in offered
        )
    else:
        right, wrong = offer(rng, place, key, slips, step=2)
    return Draft(
        stem=stem,
        stimulus=table.stimulus(),
        key=right,
        distractors=wrong,
        explanation=why,
        structure={"asked": asked, "cells": table.cells},
        expected_success=expected(level, burden),
    )


def _swapped_digits(key: int, cells: list[int]) -> list[Slip]:
    """What comes out when one of the numbers is read with its digits swapped: 27 for 72."""
    swapped = [(cell, int(str(cell)[::-1])) for cell in cells]
    return [Slip(key - a + b, "digits_swapped", f"This takes {b} for {a}.") for a, b in swapped if a % 10]


def _two_cells(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, 4)
    r, s = rng.sample(range(4), 2)
    c, d = rng.sample(range(3), 2)
    more, less = table.cells[r][c], table.cells[s][c]
    key = more - less
    if key < 3:
        raise Unsuitable("no difference to speak of")
    what, done = table.columns[c], table.theme.done
    slips = [
        *_swapped_digits(key, [more]),
        Slip(
            abs(table.cells[r][d] - table.cells[s][d]), "wrong_column", f"This reads the column of {table.columns[d]}."
        ),
        *(
            Slip(abs(more - table.cells[q][c]), "wrong_row", f"This reads {table.days[q]} instead of {table.days[s]}.")
            for q in range(4)
            if q not in (r, s)
        ),
        Slip(more + less, "added", "This adds the two numbers."),
        Slip(more, "one_cell_only", f"This is the number for {table.days[r]} alone."),
        Slip(less, "one_cell_only", f"This is the number for {table.days[s]} alone."),
        Slip(abs(table.total(r) - table.total(s)), "row_totals", "This compares the totals of the two days."),
    ]
    stem = f"How many more {what} were {done} on {table.days[r]} than on {table.days[s]}?"
    why = (
        f"The column of {what} has {more} for {table.days[r]} and {less} for {table.days[s]}. The difference is "
        f"{more} − {less} = {key}."
    )
    return _draft(
        rng, place, "easy", table, stem, key, slips, why, ["two_cells", r, s, c], 0.1 + 0.2 * (more % 10 < less % 10)
    )


def _row_total(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, 4)
    r = rng.randrange(4)
    key, row = table.total(r), table.cells[r]
    slips = [
        *_swapped_digits(key, row),
        *(Slip(table.total(q), "wrong_row", f"This is the total for {table.days[q]}.") for q in range(4) if q != r),
        *(
            Slip(key - cell, "cell_left_out", f"This leaves out the {what}.")
            for cell, what in zip(row, table.columns, strict=True)
        ),
        *(
            Slip(sum(table.column(c)), "column_total", f"This is the total of all {table.columns[c]}.")
            for c in range(3)
        ),
    ]
    stem = f"How many {table.theme.things} were {table.theme.done} on {table.days[r]} in all?"
    why = (
        f"The row of {table.days[r]} has {listed(list(map(str, row)))}. Together: {' + '.join(map(str, row))} = {key}."
    )
    return _draft(rng, place, "easy", table, stem, key, slips, why, ["row_total", r], 0.5)


def _column_total(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, rng.choice((4, 5)))
    c = rng.randrange(3)
    column = table.column(c)
    key, what = sum(column), table.columns[c]
    slips = [
        *_swapped_digits(key, column),
        *(
            Slip(sum(table.column(d)), "wrong_column", f"This is the total of {table.columns[d]}.")
            for d in range(3)
            if d != c
        ),
        Slip(key - column[-1], "cell_left_out", f"This leaves out {table.days[-1]}."),
        Slip(key - column[0], "cell_left_out", f"This leaves out {table.days[0]}."),
        Slip(table.total(0), "row_total", f"This is the total for {table.days[0]}."),
        Slip(key + column[0], "cell_counted_twice", f"This counts {table.days[0]} twice."),
    ]
    stem = f"How many {what} were {table.theme.done} in all the days of the table together?"
    why = f"The column of {what} adds up to {' + '.join(map(str, column))} = {key}."
    return _draft(rng, place, "easy", table, stem, key, slips, why, ["column_total", c], 0.5 + len(column) / 12)


def _mean(rng: random.Random, place: int) -> Draft:
    rows = rng.choice((4, 5))
    table = _Table(rng, rows)
    c = rng.randrange(3)
    column = table.column(c)
    total, what = sum(column), table.columns[c]
    ordered = sorted(column)
    middle = Fraction(ordered[(rows - 1) // 2] + ordered[rows // 2], 2)
    if total % rows:
        raise Unsuitable("no whole mean")
    key = total // rows
    slips = [
        Slip(middle, "median", "This is the middle value, not the mean."),
        Slip(
            Fraction(ordered[0] + ordered[-1], 2),
            "mid_range",
            "This is the mean of the smallest and the largest value only.",
        ),
        *(
            Slip(Fraction(sum(table.column(d)), rows), "wrong_column", f"This is the mean of {table.columns[d]}.")
            for d in range(3)
            if d != c
        ),
        Slip(Fraction(total, rows - 1), "wrong_count", f"This divides by {rows - 1}, but there are {rows} days."),
        Slip(Fraction(total, rows + 1), "wrong_count", f"This divides by {rows + 1}, but there are {rows} days."),
        Slip(Fraction(total, 3), "wrong_count", f"This divides by the number of columns, but there are {rows} days."),
        Slip(ordered[-1], "largest", "This is the largest value."),
        Slip(ordered[0], "smallest", "This is the smallest value."),
        Slip(Fraction(column[0] + column[-1], 2), "ends_only", "This is the mean of the first and the last day only."),
    ]
    stem = f"What is the mean number of {what} {table.theme.done} per day?"
    why = (
        f"The {rows} values for {what} add up to {' + '.join(map(str, column))} = {total}. The mean is {total} ÷ "
        f"{rows} = {key}."
    )
    return _draft(rng, place, "medium", table, stem, key, slips, why, ["mean", c], 0.2 + rows / 20)


def _row_difference(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, 4)
    r, s = rng.sample(range(4), 2)
    key = table.total(r) - table.total(s)
    if key < 3:
        raise Unsuitable("no difference to speak of")
    first, second = table.cells[r], table.cells[s]
    slips = [
        *_swapped_digits(key, first),
        *(
            Slip(abs(a - b), "one_column_only", f"This compares the {what} only.")
            for a, b, what in zip(first, second, table.columns, strict=True)
        ),
        Slip(
            abs(first[0] + first[1] - second[0] - second[1]),
            "column_left_out",
            f"This leaves out the {table.columns[2]}.",
        ),
        *(
            Slip(
                abs(table.total(r) - table.total(q)),
                "wrong_row",
                f"This reads {table.days[q]} instead of {table.days[s]}.",
            )
            for q in range(4)
            if q not in (r, s)
        ),
        Slip(table.total(r), "one_total_only", f"This is the total for {table.days[r]}."),
        Slip(
            sum(abs(a - b) for a, b in zip(first, second, strict=True)),
            "signs_lost",
            "This adds all the differences, though some go the other way.",
        ),
    ]
    stem = (
        f"How many more {table.theme.things} in all were {table.theme.done} on {table.days[r]} than on {table.days[s]}?"
    )
    why = (
        f"{table.days[r]}: {' + '.join(map(str, first))} = {table.total(r)}. {table.days[s]}: "
        f"{' + '.join(map(str, second))} = "
        f"{table.total(s)}. The difference is {table.total(r)} − {table.total(s)} = {key}."
    )
    return _draft(rng, place, "medium", table, stem, key, slips, why, ["row_difference", r, s], 0.2)


def _share_of_row(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, 4)
    r, c = rng.randrange(4), rng.randrange(3)
    part = table.cells[r][c]
    # The other two cells make up the row so that the share comes out whole.
    whole = rng.choice([t for t in (50, 75, 80, 100, 120, 125, 150, 160, 200) if t - part >= 25])
    rest = whole - part
    split = rng.randint(rest // 3, rest - rest // 3)
    others = [d for d in range(3) if d != c]
    table.cells[r][others[0]], table.cells[r][others[1]] = split, rest - split
    if part * 100 % whole or not 5 <= part * 100 // whole <= 90:
        raise Unsuitable("no whole percentage")
    key, what, day = part * 100 // whole, table.columns[c], table.days[r]
    slips = [
        Slip(
            Fraction(part * 100, rest),
            "share_of_the_rest",
            f"This compares with the other {table.theme.things}, not with all of them.",
        ),
        Slip(part, "number_as_percentage", f"This takes the number {part} for a percentage."),
        *(
            Slip(Fraction(table.cells[r][d] * 100, whole), "wrong_column", f"This is the share of {table.columns[d]}.")
            for d in others
        ),
        Slip(100 - key, "complement", "This is the share of all the others."),
        Slip(
            Fraction(part * 100, sum(table.column(c))),
            "share_of_column",
            f"This is the share of {day} in all the {what}.",
        ),
        Slip(Fraction(whole * 100, 300), "third", "This takes equal shares of the three columns."),
    ]
    stem = f"What percentage of the {table.theme.things} {table.theme.done} on {day} were {what}?"
    row = " + ".join(map(str, table.cells[r]))
    why = (
        f"On {day}, {row} = {whole} {table.theme.things} were {table.theme.done}, and {part} of them were {what}: "
        f"{part} ÷ {whole} = {key}%."
    )
    return _draft(rng, place, "medium", table, stem, key, slips, why, ["share_of_row", r, c], 0.7, percent=True)


def _share_of_all(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, 4)
    c = rng.randrange(3)
    what, part, whole = table.columns[c], sum(table.column(c)), table.everything
    key = part * 100 // whole
    # A change in one cell of the column makes the share whole, where that is possible.
    for extra in range(-40, 41):
        if (part + extra) * 100 % (whole + extra) == 0 and 12 <= table.cells[0][c] + extra < 96:
            table.cells[0][c] += extra
            part, whole = part + extra, whole + extra
            key = part * 100 // whole
            break
    else:
        raise Unsuitable("no whole percentage")
    first = table.cells[0]
    shares = [Fraction(row[c] * 100, sum(row)) for row in table.cells]
    slips = [
        Slip(
            Fraction(part * 100, whole - part),
            "share_of_the_rest",
            f"This compares with the other {table.theme.things}, not with all of them.",
        ),
        Slip(Fraction(first[c] * 100, sum(first)), "one_row_only", f"This is the share on {table.days[0]} alone."),
        *(
            Slip(
                Fraction(sum(table.column(d)) * 100, whole), "wrong_column", f"This is the share of {table.columns[d]}."
            )
            for d in range(3)
            if d != c
        ),
        Slip(100 - key, "complement", "This is the share of all the others."),
        *(
            Slip(Fraction(round(share)), "one_row_only", f"This is about the share on {day} alone.")
            for share, day in zip(shares[1:], table.days[1:], strict=True)
        ),
        Slip(33, "third", "This takes equal shares of the three columns."),
        Slip(key + 5, "rough_guess", "This is a rough guess; the totals give another share."),
        Slip(key - 5, "rough_guess", "This is a rough guess; the totals give another share."),
        Slip(25, "share_of_days", "This takes each day as a quarter; the question is about a column."),
    ]
    stem = f"What percentage of all the {table.theme.things} in the table were {what}?"
    why = (
        f"All {what}: {' + '.join(map(str, table.column(c)))} = {part}. Everything in the table: {number(whole)}. "
        f"The share is {part} ÷ {number(whole)} = {key}%."
    )
    return _draft(rng, place, "hard", table, stem, key, slips, why, ["share_of_all", c], 0.8, percent=True)


def _takings(rng: random.Random, place: int) -> Draft:
    table = _Table(rng, 3, prices=True)
    r, s = rng.sample(range(3), 2)
    prices = rng.sample(range(2, 13), 3)
    more, less = (sum(p * n for p, n in zip(prices, table.cells[row], strict=True)) for row in (r, s))
    key = more - less
    if key < 10:
        raise Unsuitable("no difference to speak of")
    gaps = [a - b for a, b in zip(table.cells[r], table.cells[s], strict=True)]
    parts = [p * g for p, g in zip(prices, gaps, strict=True)]
    mean_price = Fraction(sum(prices), 3)
    slips = [
        Slip(sum(map(abs, parts)), "signs_lost", "This adds all the differences, though some go the other way."),
        Slip(sum(gaps) * mean_price, "mean_price", "This takes the mean of the three prices for all."),
        Slip(abs(sum(gaps)), "prices_ignored", f"This is the difference in the number of {table.theme.things}."),
        *(
            Slip(abs(key - part), "column_left_out", f"This leaves out the {what}.")
            for part, what in zip(parts, table.columns, strict=True)
        ),
        *(
            Slip(abs(part), "one_column_only", f"This compares the {what} only.")
            for part, what in zip(parts, table.columns, strict=True)
        ),
        Slip(
            abs(prices[1] * gaps[0] + prices[0] * gaps[1] + prices[2] * gaps[2]),
            "prices_swapped",
            "This swaps two of the prices.",
        ),
        Slip(abs(sum(gaps)) * sum(prices), "prices_added", "This multiplies by all the prices together."),
    ]
    priced = listed([f"{what} cost {p} euros" for what, p in zip(table.columns, prices, strict=True)])
    stem = (
        f"Each item has its price: {priced} each. How much more money (in euros) was taken on {table.days[r]} than "
        f"on {table.days[s]}?"
    )
    sums = [" + ".join(f"{n} × {p}" for n, p in zip(table.cells[row], prices, strict=True)) for row in (r, s)]
    why = (
        f"{table.days[r]}: {sums[0]} = {number(more)} euros. {table.days[s]}: {sums[1]} = {number(less)} euros. "
        f"The difference is {number(more)} − {number(less)} = {number(key)}."
    )
    return _draft(rng, place, "hard", table, stem, key, slips, why, ["takings", r, s, prices], 0.5)


def _percent(value: Value) -> str:
    return f"{number(value)}%"


def _shown_percent(value: Value) -> bool:
    return 0 < value < 100 and Fraction(value).denominator == 1


def _read(shown: ShownQuestion) -> Fraction | None:
    """The answer from the lines of the table and the words of the question."""
    if shown.stimulus is None:
        return None
    _, head, *body = shown.stimulus.text.splitlines()
    columns = [name.casefold() for name in head.split(" | ")[1:]]
    table = {line.split(" | ")[0]: dict(zip(columns, numbers_in(line), strict=True)) for line in body}
    stem = shown.stem
    days = [word for word in re.findall(r"[A-Z][a-z]+day", stem) if word in table]
    named = [name for name in columns if name in stem]
    whole = {day: sum(row.values(), Fraction()) for day, row in table.items()}
    if "price" in stem:
        price = {name: numbers_in(stem.split(f"{name} cost ")[1])[0] for name in columns}
        money = [sum((price[name] * n for name, n in table[day].items()), Fraction()) for day in days]
        return money[0] - money[1]
    column = [row[named[0]] for row in table.values()] if named else []
    if "percentage" in stem:
        part, of = (
            (table[days[0]][named[0]], whole[days[0]])
            if days
            else (sum(column, Fraction()), sum(whole.values(), Fraction()))
        )
        return 100 * part / of
    if "mean" in stem:
        return sum(column, Fraction()) / len(column)
    if "more" in stem:
        amounts = [table[day][named[0]] if named else whole[day] for day in days]
        return amounts[0] - amounts[1]
    return whole[days[0]] if days else sum(column, Fraction())


MODEL = TableReading()
