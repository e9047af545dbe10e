"""Shared by the models that read tables: a drawn table as a stimulus, and reading it back from its text.

Not here: what is asked about a table, and what is right.
"""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple

from qgen_dagster.core.question import Stimulus
from qgen_dagster.generation.items.language import capitalised
from qgen_dagster.generation.items.math._numeric import numbers_in


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
    Theme(
        "Tickets sold by a travel office", "tickets", "sold", ("bus tickets", "train tickets", "ferry tickets"), True
    ),
    Theme("Plants sold by a nursery", "plants", "sold", ("roses", "ferns", "orchids", "geraniums"), True),
    Theme("Drinks sold by a kiosk", "drinks", "sold", ("cups of tea", "juices", "lemonades", "cups of cocoa"), True),
    Theme("Books lent by a library", "books", "lent", ("novels", "atlases", "cookbooks", "dictionaries"), False),
    Theme("Repairs in a workshop", "vehicles", "repaired", ("bicycles", "scooters", "prams", "wheelchairs"), False),
    Theme("Birds seen on a lake", "birds", "seen", ("ducks", "geese", "swans", "herons"), False),
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class Table:
    """A drawn table: `cells[row][column]`."""

    def __init__(self, rng: random.Random, rows: int, *, prices: bool = False) -> None:
        self.theme = rng.choice([t for t in THEMES if t.prices or not prices])
        start = rng.randrange(len(DAYS) - rows + 1)
        self.days = DAYS[start : start + rows]
        self.columns = tuple(rng.sample(self.theme.columns, 3))
        self.cells = [[rng.randrange(12, 96) for _ in self.columns] for _ in self.days]

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


def read_back(text: str) -> dict[str, dict[str, Fraction]]:
    """The numbers of a table by row and column, from its text."""
    _, head, *body = text.splitlines()
    columns = [name.casefold() for name in head.split(" | ")[1:]]
    return {line.split(" | ")[0]: dict(zip(columns, numbers_in(line), strict=True)) for line in body}
