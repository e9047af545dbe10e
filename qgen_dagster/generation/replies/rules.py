"""What a reply with questions must hold, as whoever asked for it knows it.

Not here: reading the reply (`questions.py`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from qgen_dagster.core.question import normalise_text
from qgen_dagster.core.taxonomy import Stratum


@dataclass(frozen=True, slots=True)
class ReplyRules:
    """What was asked for. `known_sub_types` are accepted beside the `sub_types` asked for.

    `hidden_stimulus`: every question needs material, which is hidden after some seconds. `examples` are the
    likenesses of the gold examples: a model that hands one back has made nothing.
    """

    stratum: Stratum
    size: int
    sub_types: tuple[str, ...]
    known_sub_types: frozenset[str]
    hidden_stimulus: bool = False
    latin_script: bool = True
    examples: frozenset[str] = frozenset()


def likeness(stem: str, stimulus: str | None, key: str) -> str:
    """Equal for two questions with the same stem, material and key, whatever their other options."""
    said = "\x00".join(normalise_text(part) for part in (stem, stimulus or "", key))
    return hashlib.sha256(said.encode()).hexdigest()
