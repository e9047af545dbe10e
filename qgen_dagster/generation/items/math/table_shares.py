"""Shares in a small table, in percent.

Radicals: cells that make up the whole, and whether the whole must be worked out over the entire table.
- medium: the share of one cell in its row (one sum, one division).
- hard: the share of a column in everything (two long sums, one division).
The traps are the share of the rest, of the column, and of one day. Incidentals: what is sold, lent or repaired.
The solver reads the table back from its text.
"""

from __future__ import annotations

import random
import re
from dataclasses import replace
from fractions import Fraction

from qgen_dagster.core.question import ShownQuestion
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import Draft, ItemModel, Unsuitable
from qgen_dagster.generation.items.language import number
from qgen_dagster.generation.items.math._numeric import Slip, Value, at_a_drawn_place, expected, offer, options_where
from qgen_dagster.generation.items.math._table import Table, read_back


class TableShares(ItemModel):
    name = "table_shares"
    version = 3
    family = "math"
    sub_type = "data_reading"
    levels = ("medium", "hard")

    def draft(self, level: ItemLevel, rng: random.Random) -> Draft:
        makers = {"medium": (_share_of_row,), "hard": (_share_of_all,)}
        return at_a_drawn_place(rng, *makers[level])

    def solve(self, shown: ShownQuestion) -> list[int]:
        part, whole = _part_and_whole(shown)
        return options_where(shown, lambda percent: whole * percent == part * 100)


def _draft(
    rng: random.Random,
    place: int,
    level: ItemLevel,
    table: Table,
    stem: str,
    key: int,
    slips: list[Slip],
    why: str,
    asked: list[int],
    burden: float,
) -> Draft:
    right, offered = offer(rng, place, key, slips, _percent, step=2, fits=_shown_percent)
    wrong = tuple(replace(choice, note=choice.note.replace("% too", " percentage points too")) for choice in offered)
    return Draft(
        stem=stem,
        stimulus=table.stimulus(),
        key=right,
        distractors=wrong,
        explanation=why,
        structure={"asked": asked, "cells": table.cells},
        expected_success=expected(level, burden),
    )


def _share_of_row(rng: random.Random, place: int) -> Draft:
    table = Table(rng, 4)
    r, c = rng.randrange(4), rng.randrange(3)
    part = table.cells[r][c]
    # The other two cells make up the row so that the share comes out whole.
    whole = rng.choice([t for t in (50, 60, 75, 80, 120, 125, 150, 160, 200) if t - part >= 25])
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
    return _draft(rng, place, "medium", table, stem, key, slips, why, [r, c], 0.7)


def _share_of_all(rng: random.Random, place: int) -> Draft:
    table = Table(rng, 4)
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
    return _draft(rng, place, "hard", table, stem, key, slips, why, [c], 0.8)


def _percent(value: Value) -> str:
    return f"{number(value)}%"


def _shown_percent(value: Value) -> bool:
    return 0 < value < 100 and Fraction(value).denominator == 1


def _part_and_whole(shown: ShownQuestion) -> tuple[Fraction, Fraction]:
    table = read_back(shown.stimulus.text) if shown.stimulus else {}
    days = [word for word in re.findall(r"[A-Z][a-z]+day", shown.stem) if word in table] or list(table)
    asked = shown.stem.rsplit(" were ", 1)[1].rstrip("?")
    part = sum((table[day][asked] for day in days), Fraction())
    return part, sum((sum(table[day].values(), Fraction()) for day in days), Fraction())


MODEL = TableShares()
