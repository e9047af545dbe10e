"""What several logic models share: the design estimate and the search for names in a sentence.

Not here: anything that decides what is right; each model keeps its generator and its solver apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qgen_dagster.core.taxonomy import ItemLevel
from qgen_dagster.generation.items.contract import LEVEL_BANDS


def success(level: ItemLevel, load: float, least: float, most: float) -> float:
    """Expected success for a load between `least` (top of the level's band) and `most` (bottom of it)."""
    low, high = LEVEL_BANDS[level]
    share = min(1.0, max(0.0, (load - least) / (most - least)))
    return round(high - (high - low) * share, 2)


def mentioned(sentence: str, names: Sequence[str]) -> list[str]:
    """The names that occur in the sentence, in the order in which they occur."""
    found = [(m.start(), name) for name in names for m in re.finditer(rf"\b{re.escape(name)}\b", sentence)]
    return [name for _, name in sorted(found)]


def sentences(text: str) -> list[str]:
    """The lines of a stem; each holds one sentence."""
    return [line.strip() for line in text.split("\n") if line.strip()]
