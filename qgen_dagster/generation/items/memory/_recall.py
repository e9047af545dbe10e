"""Shared by the memory models: the design estimate and lists as they are shown.

Not here: anything that decides which answer is right.
"""

from __future__ import annotations

from collections.abc import Sequence

from qgen_dagster.core.question import Stimulus
from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS


def expected(level: ItemLevel, burden: float) -> float:
    """The design estimate: the top of the level's band at burden 0, its foot at burden 1."""
    low, high = LEVEL_BANDS[level]
    return round(high - (high - low) * min(max(burden, 0.0), 1.0), 3)


def to_remember(heading: str, lines: Sequence[str], seconds: int) -> Stimulus:
    """A list under a heading, one entry a line."""
    return Stimulus(text="\n".join([heading, *lines]), seconds_shown=seconds)


def entries(stimulus: Stimulus | None) -> list[str]:
    """The entries of such a list, as shown."""
    return stimulus.text.splitlines()[1:] if stimulus else []
