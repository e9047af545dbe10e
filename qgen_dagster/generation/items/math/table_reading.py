"""Reading a small table.

Radicals: cells to read, steps after reading, whether cells must be weighted.
- easy: the difference of two cells, or the total of one row or column.
- medium: the mean of a column, or the difference of two row totals.
- hard: the difference of two days' takings, where every cell is weighted by its price.
Incidentals: what is sold, lent or repaired. The solver reads the table back from its text.
"""

from __future__ import annotations

import random
import re
from fractions import Fraction

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import listed, number
from qgen_dagster.generation.items.math._numeric import (
    Slip,
    at_a_drawn_place,
    expected,
    numbers_in,
    offer,
    options_where,
)
from qgen_dagster.generation.items.math._table import Table, read_back


class TableReading(ItemModel):
    name = "table_reading"
    version = 3
    family = "math"
    sub_type = "data_reading"

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {
            "easy": (_two_cells, _row_total, _column_total),
            "medium": (_mean, _row_difference),
            "hard": (_takings,),
        }
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        answer = _read(shown)
        return options_where(shown, lambda value: value == answer)


def _draft(
    rng: random.Random,
    place: int,
    level: ItemLevel,
    table: Table,
    stem: str,
    key: int,
    slips: list[Slip],
    why: str,
    asked: list[object],
    burden: float,
) -> Draft:
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
    table = Table(rng, 4)
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
    table = Table(rng, 4)
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
    table = Table(rng, rng.choice((4, 5)))
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
    stem = f"How many {what} were {table.theme.done} on all the days of the table together?"
    why = f"The column of {what} adds up to {' + '.join(map(str, column))} = {key}."
    return _draft(rng, place, "easy", table, stem, key, slips, why, ["column_total", c], 0.5 + len(column) / 12)


def _mean(rng: random.Random, place: int) -> Draft:
    rows = rng.choice((4, 5))
    table = Table(rng, rows)
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
    table = Table(rng, 4)
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
        f"{' + '.join(map(str, second))} = {table.total(s)}. The difference is {table.total(r)} − {table.total(s)} = "
        f"{key}."
    )
    return _draft(rng, place, "medium", table, stem, key, slips, why, ["row_difference", r, s], 0.2)


def _takings(rng: random.Random, place: int) -> Draft:
    table = Table(rng, 3, prices=True)
    r, s = rng.sample(range(3), 2)
    prices = rng.sample(range(2, 10), 3)
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
    priced = listed([f"{what} {p} euros" for what, p in zip(table.columns, prices, strict=True)])
    stem = (
        f"The prices per item are: {priced}. How much more money (in euros) was taken on {table.days[r]} than "
        f"on {table.days[s]}?"
    )
    sums = [" + ".join(f"{n} × {p}" for n, p in zip(table.cells[row], prices, strict=True)) for row in (r, s)]
    why = (
        f"{table.days[r]}: {sums[0]} = {number(more)} euros. {table.days[s]}: {sums[1]} = {number(less)} euros. The "
        f"difference is {number(more)} − {number(less)} = {number(key)}."
    )
    return _draft(rng, place, "hard", table, stem, key, slips, why, ["takings", r, s, prices], 0.5)


def _read(shown: ShownQuestion) -> Fraction | None:
    """The answer from the table as shown and the words of the question."""
    if shown.stimulus is None:
        return None
    table = read_back(shown.stimulus.text)
    stem = shown.stem
    columns = list(next(iter(table.values())))
    days = [word for word in re.findall(r"[A-Z][a-z]+day", stem) if word in table]
    named = [name for name in columns if name in stem]
    whole = {day: sum(row.values(), Fraction()) for day, row in table.items()}
    if "price" in stem:
        price = {name: numbers_in(stem.split(f"{name} ")[1])[0] for name in columns}
        money = [sum((price[name] * n for name, n in table[day].items()), Fraction()) for day in days]
        return money[0] - money[1]
    column = [row[named[0]] for row in table.values()] if named else []
    if "mean" in stem:
        return sum(column, Fraction()) / len(column)
    if "more" in stem:
        amounts = [table[day][named[0]] if named else whole[day] for day in days]
        return amounts[0] - amounts[1]
    return whole[days[0]] if days else sum(column, Fraction())


MODEL = TableReading()
