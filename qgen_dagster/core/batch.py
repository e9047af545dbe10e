"""Cutting a number of questions into batches, and how many to ask for.

Here: `BatchSpec`, `cut_batches`, `questions_to_request`. Not here: running batches (`generation/engine.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from qgen_dagster.core.errors import ConfigurationError
from qgen_dagster.core.taxonomy import Stratum

DEFAULT_BATCH_SIZE = 5
MAX_BATCH_SIZE = 50
MIN_YIELD = 0.25  # never ask for more than four times what is wanted, however bad the last runs were


class BatchStatus(StrEnum):
    """PENDING until its call starts; COMPLETED when all or some of it came; FAILED when nothing did."""

    PENDING = "pending"
    GENERATING = "generating"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BatchSpec:
    """Up to `batch_size` questions of one stratum asked for in one provider call. `index` counts from 0."""

    stratum: Stratum
    index: int
    size: int


def cut_batches(stratum: Stratum, count: int, batch_size: int = DEFAULT_BATCH_SIZE) -> tuple[BatchSpec, ...]:
    """`count` questions in batches of `batch_size`, the last one smaller where it does not divide.

    Raises ConfigurationError for a negative count or a batch size outside 1 to `MAX_BATCH_SIZE`.
    """
    if not 1 <= batch_size <= MAX_BATCH_SIZE:
        raise ConfigurationError(f"batch size must be 1 to {MAX_BATCH_SIZE}, got {batch_size}")
    if count < 0:
        raise ConfigurationError(f"cannot make {count} questions")
    return tuple(
        BatchSpec(stratum, i, min(batch_size, count - i * batch_size)) for i in range(math.ceil(count / batch_size))
    )


def questions_to_request(wanted: int, expected_yield: float | None) -> int:
    """How many candidates to ask for so that about `wanted` reach the bank.

    `expected_yield` is inserted / requested of the stratum's last runs, None where nothing was measured (then as
    many as wanted). It is bounded below by `MIN_YIELD`, so a bad night does not multiply the bill.
    """
    if expected_yield is None:
        return wanted
    return math.ceil(wanted / min(1.0, max(MIN_YIELD, expected_yield)))
