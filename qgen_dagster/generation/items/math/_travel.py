"""Shared by the models on travel: ways to travel on land with their usual speeds, and minutes as shown."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from qgen_dagster.generation.items.language import counted, number


class Way(NamedTuple):
    verb: str
    doing: str
    speeds: range


LAND_WAYS = (
    Way("runs", "running", range(6, 16)),
    Way("cycles", "cycling", range(12, 32)),
    Way("rides a scooter", "riding a scooter", range(18, 46)),
    Way("rides a motorbike", "riding a motorbike", range(32, 92, 2)),
    Way("drives", "driving", range(30, 102, 2)),
)


def minutes_shown(value: int | Fraction) -> str:
    return counted(value, "minute") if isinstance(value, int) else f"{number(value)} minutes"
